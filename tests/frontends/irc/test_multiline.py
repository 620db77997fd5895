"""Tests for messages of several lines: L{tsservices.frontends.irc.multiline} and its commands."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import tried
from tests.support.irc_clients import IRCFrontendCase, IRCTestClient
from tsservices.frontends.irc.message import BODY_BYTES
from tsservices.frontends.irc.multiline import (
    CONCAT,
    MAX_BYTES,
    MAX_LINES,
    OPEN_SECONDS,
    divide,
    joinLines,
    takeBreaks,
    withBreaks,
)

_LINES = st.lists(
    st.tuples(st.text("aé \n".replace("\n", ""), min_size=1), st.booleans()), min_size=1
)


@given(_LINES, st.sampled_from(["", "+x=y"]))
def test_roundTrip(lines: list[tuple[str, bool]], tags: str) -> None:
    """The lines that are written are those that have come."""
    text, breaks = joinLines(lines)
    found, others = takeBreaks(withBreaks(breaks, tags))
    expected = [(line, joined and index > 0) for index, (line, joined) in enumerate(lines)]
    assert (divide(text, found, 10_000), others) == (expected, tags)


@given(_LINES, st.integers(4, 20))
def test_bounded(lines: list[tuple[str, bool]], size: int) -> None:
    text, breaks = joinLines(lines)
    divided = divide(text, breaks, size)
    assert all(len(part.encode()) <= size for part, _ in divided)
    assert joinLines(divided)[0] == text


@pytest.mark.parametrize("text", ["", "\n", "a\n\nb"], ids=["empty", "two", "middle"])
def test_blankLines(text: str) -> None:
    assert divide(text, [], 100) == [(line, False) for line in text.split("\n")]


CAPS = "batch message-tags echo-message labeled-response draft/multiline"


def texts(lines: list[str]) -> list[str]:
    return [found[1] for line in lines if (found := re.search(r" PRIVMSG \S+ :(.*)", line))]


class MultilineTests(IRCFrontendCase):
    def setUp(self) -> None:
        super().setUp()
        self.ann = self.join("ann", "#tea", caps=CAPS)
        self.bob = self.join("bob", "#tea", caps="batch draft/multiline message-tags")
        self.cat = self.join("cat", "#tea", caps="message-tags draft/multiline")
        self.ann.heard()

    def sendBatch(
        self, client: IRCTestClient, *lines: str, target: str = "#tea", label: str = ""
    ) -> list[str]:
        tag = f"@label={label} " if label else ""
        middle = [f"@batch=1{line}" for line in lines]
        return client.say(f"{tag}BATCH +1 draft/multiline {target}", *middle, "BATCH -1")

    def test_delivery(self) -> None:
        self.bob.heard(), self.cat.heard()
        own = self.sendBatch(
            self.ann,
            " PRIVMSG #tea :one",
            " PRIVMSG #tea :",
            " PRIVMSG #tea :how is ",
            f";{CONCAT} PRIVMSG #tea :everyone?",
            label="x",
        )
        ident = re.findall("msgid=([^ ;]+)", own[0])[0]
        self.assertTrue(own[0].startswith("@label=x;"))
        heard = self.bob.heard()
        self.assertEqual(
            heard,
            [
                f"@msgid={ident} :ann!~ann@guest BATCH +m{ident} draft/multiline #tea",
                f"@batch=m{ident} :ann!~ann@guest PRIVMSG #tea :one",
                f"@batch=m{ident} :ann!~ann@guest PRIVMSG #tea :",
                f"@batch=m{ident} :ann!~ann@guest PRIVMSG #tea :how is ",
                f"@batch=m{ident};{CONCAT} :ann!~ann@guest PRIVMSG #tea :everyone?",
                f":irc.local BATCH -m{ident}",
            ],
        )
        self.assertEqual(own[1:], heard[1:])
        # cat has no batches: no blank line, and the id on the first one alone.
        self.assertEqual(
            self.cat.heard(),
            [
                f"@msgid={ident} :ann!~ann@guest PRIVMSG #tea :one",
                ":ann!~ann@guest PRIVMSG #tea :how is ",
                ":ann!~ann@guest PRIVMSG #tea :everyone?",
            ],
        )

    def test_otherFrontends(self) -> None:
        dora = self.lineClient("dora", "tea")
        self.sendBatch(self.ann, " PRIVMSG #tea :one", " PRIVMSG #tea :[12:10:05] <bob> two")
        self.assertEqual(
            [re.sub(r"^\[.{8}\]", "", line) for line in dora.heard().splitlines()],
            [" <ann> one", " <ann> [12:10:05] <bob> two"],
        )
        self.bob.heard()
        dora.send("é" * 600 + "\n")
        begin, *lines, end = self.bob.heard()
        self.assertIn(" draft/multiline #tea", begin)
        self.assertIn(" BATCH -", end)
        self.assertEqual([CONCAT in line for line in lines], [False, True, True])
        self.assertEqual("".join(texts(lines)), "é" * 600)
        self.assertTrue(all(len(line.partition(" ")[2].encode()) <= BODY_BYTES for line in lines))

    def test_oneDeletion(self) -> None:
        begin, *_ = self.sendBatch(self.ann, " PRIVMSG #tea :one", " PRIVMSG #tea :two")
        ident = re.findall("msgid=([^ ;]+)", begin)[0]
        self.ann.send(f"REDACT #tea {ident}")
        history = self.bob.say("CHATHISTORY LATEST #tea * 10")
        self.assertEqual(texts(history), [])

    def test_history(self) -> None:
        self.sendBatch(self.ann, " PRIVMSG #tea :one", f";{CONCAT} PRIVMSG #tea :two")
        self.ann.send("PRIVMSG #tea :three")
        outer, *lines, end = self.bob.say("CHATHISTORY LATEST #tea * 10")
        name = outer.split("+")[1].split(" ")[0]
        self.assertRegex(lines[0], rf"^@batch={name};\S+ :ann!~ann@guest BATCH \+m\S+ draft/mult")
        self.assertRegex(lines[-2], rf"^@batch={name} :irc.local BATCH -m")
        self.assertEqual(texts(lines), ["one", "two", "three"])
        self.assertEqual(end, f":irc.local BATCH -{name}")
        # As many messages as were asked for, however many lines they have.
        self.assertEqual(
            texts(self.bob.say("CHATHISTORY BEFORE #tea * 2")), ["one", "two", "three"]
        )

    def test_action(self) -> None:
        self.bob.heard(), self.cat.heard()
        self.sendBatch(self.ann, " PRIVMSG #tea :\1ACTION a", " PRIVMSG #tea :b\1")
        self.assertEqual(texts(self.bob.heard()), ["\1ACTION a", "b\1"])
        self.assertEqual(texts(self.cat.heard()), ["\1ACTION a\1", "\1ACTION b\1"])

    def test_private(self) -> None:
        self.bob.heard()
        self.sendBatch(self.ann, " PRIVMSG bob :a", " PRIVMSG bob :b", target="bob")
        begin, *lines, _ = self.bob.heard()
        self.assertIn("draft/multiline bob", begin)
        self.assertEqual(texts(lines), ["a", "b"])

    def test_refused(self) -> None:
        for code, lines in (
            ("MULTILINE_INVALID_TARGET #tea #no", [" PRIVMSG #no :x"]),
            ("MULTILINE_INVALID", [" PRIVMSG #tea :x", " NOTICE #tea :x"]),
            ("MULTILINE_INVALID", [" PRIVMSG #tea :"]),
            ("MULTILINE_INVALID", [" PRIVMSG #tea :x", f";{CONCAT} PRIVMSG #tea :"]),
            ("MULTILINE_INVALID", [" PRIVMSG #tea :\1VERSION\1"]),
            ("MULTILINE_INVALID", []),
            (f"MULTILINE_MAX_LINES {MAX_LINES}", [" PRIVMSG #tea :x"] * (MAX_LINES + 2)),
            (f"MULTILINE_MAX_BYTES {MAX_BYTES}", [f" PRIVMSG #tea :{'x' * 400}"] * 12),
        ):
            self.bob.heard()
            (answer,) = self.sendBatch(self.ann, *lines, label="x")
            self.assertTrue(
                answer.startswith(f"@label=x :irc.local FAIL BATCH {code} :"), (answer, code)
            )
            self.assertEqual(self.bob.heard(), [])
        for line, code in (
            ("BATCH +a_b draft/multiline #tea", "INVALID_REFTAG a_b"),
            ("BATCH +1 foo #tea", "UNKNOWN_TYPE 1 foo"),
            ("BATCH +1 draft/multiline", "MULTILINE_INVALID"),
            ("BATCH -2", "MULTILINE_INVALID"),
            ("BATCH x", "MULTILINE_INVALID"),
        ):
            self.assertIn(f" FAIL BATCH {code} :", self.ann.say(line)[0])
        (answer,) = self.ann.say("BATCH +1 draft/multiline #tea", "BATCH +2 draft/multiline #tea")
        self.assertIn("FAIL BATCH MULTILINE_INVALID", answer)
        # Not a member: what a message of one line is answered.
        self.ann.say("BATCH -1")
        answers = self.sendBatch(self.ann, " PRIVMSG #no :x", target="#no")
        self.assertIn(" 403 ", answers[0])

    def test_aLineThatCannotBeRead(self) -> None:
        for line, answer in ((b"\xff", "FAIL PRIVMSG INVALID_UTF8"), (b"x" * 510, "417")):
            self.bob.heard()
            said = self.ann.say(
                "@label=y BATCH +1 draft/multiline #tea",
                "@batch=1 PRIVMSG #tea :one",
                b"@batch=1 PRIVMSG #tea :" + line,
                "@batch=1 PRIVMSG #tea :three",
                "BATCH -1",
            )
            self.assertEqual(len(said), 2)
            self.assertIn(answer, said[0])
            self.assertTrue(said[1].startswith("@label=y :irc.local FAIL BATCH MULTILINE_INVALID"))
            self.assertEqual(self.bob.heard(), [])

    def test_withoutTheCapability(self) -> None:
        dan = self.join("dan", "#tea", caps="message-tags batch")
        self.assertIn("UNKNOWN_TYPE", dan.say("BATCH +1 draft/multiline #tea")[0])
        self.bob.heard()
        dan.send("@batch=1 PRIVMSG #tea :x")
        self.assertEqual(texts(self.bob.heard()), ["x"])

    def test_timeout(self) -> None:
        begin = "BATCH +1 draft/multiline #tea"
        self.ann.send(begin, "PRIVMSG #tea :between", "@batch=1 PRIVMSG #tea :x")
        self.clock.advance(OPEN_SECONDS - 1)
        self.ann.send("@batch=1 PRIVMSG #tea :y")
        self.ann.heard()
        self.clock.advance(OPEN_SECONDS - 1)
        self.assertEqual(self.ann.heard(), [])
        self.clock.advance(1)
        (answer,) = self.ann.heard()
        self.assertIn("FAIL BATCH TIMEOUT 1 :", answer)
        self.assertEqual(self.ann.say("@batch=1 PRIVMSG #tea :z", "BATCH -1"), [])
        self.ann.send(begin)
        self.ann.disconnect()
        self.clock.advance(OPEN_SECONDS)


_SENT = st.sampled_from(
    [
        "@label=x BATCH +1 draft/multiline #tea",
        "BATCH +1 draft/multiline bob",
        "BATCH +2 draft/multiline #tea",
        "BATCH -1",
        "BATCH -2",
        "@batch=1 PRIVMSG #tea :a",
        "@batch=1 PRIVMSG #tea :\1ACTION a\1",
        "@batch=1 NOTICE bob :\2",
        "@batch=1 PRIVMSG #tea",
        f"@batch=1;{CONCAT} PRIVMSG #tea :{'é' * 200}",
        f"@{CONCAT}=-1 PRIVMSG #tea :b",
        "@batch=2;label=y PRIVMSG",
        "@label=z NAMES #tea",
        "PART #tea",
        "CAP REQ -draft/multiline",
        "CHATHISTORY LATEST #tea * 9",
    ]
)


class FuzzTests(IRCFrontendCase):
    @settings(max_examples=tried(150), deadline=None)
    @given(st.lists(_SENT, max_size=12))
    def test_anyLines(self, sent: list[str]) -> None:
        self.setUp()
        ann = self.join("ann", "#tea", caps=CAPS)
        bob = self.join("bob", "#tea", caps=CAPS)
        ann.send(*sent)
        begun = set[str]()
        for line in bob.heard():
            words = re.sub("^@[^ ]+ ", "", line).split(" ")
            assert len(" ".join(words).encode()) <= BODY_BYTES
            if words[1] == "BATCH":
                (begun.add if words[2][0] == "+" else begun.remove)(words[2][1:])
        assert not begun
        assert ann.say("PING end")[-1].endswith(":end")
        self.clock.advance(2 * OPEN_SECONDS)
        assert not self.flushLoggedErrors()


class InviteNotifyTests(IRCFrontendCase):
    def test_membersHear(self) -> None:
        ann = self.join("ann", "#tea", caps="invite-notify")
        bob = self.join("bob", "#tea", caps="invite-notify")
        cat, dan = self.join("cat", "#tea"), self.join("dan")
        for client in (ann, bob, cat):
            client.heard()
        ann.send("INVITE dan #tea")
        line = ":ann!~ann@guest INVITE dan #tea"
        self.assertEqual((bob.heard(), cat.heard(), dan.heard()), ([line], [], [line]))
        self.assertEqual(ann.heard(), [":irc.local 341 ann dan #tea"])
