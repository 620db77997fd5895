"""
Fuzzing L{tsservices.frontends.irc}: whatever comes, answers are lines of IRC, and a label has one.
"""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.examples import tried
from tests.support.irc_clients import IRCFrontendCase, IRCTestClient
from tsservices.frontends.irc.capabilities import CAPABILITIES
from tsservices.frontends.irc.commands import COMMANDS
from tsservices.frontends.irc.message import BODY_BYTES, MessageError, parse

#: A line without its tags: no empty parameter but the last one, and no space too many.
_BODY = re.compile(r"(:[^ \0\r\n]+ )?([A-Z]+|[0-9]{3})( [^: \0\r\n][^ \0\r\n]*)*( :[^\0\r\n]*)?")
_TAG = re.compile(r"\+?[A-Za-z0-9./-]+(=[^; \0\r\n]*)?")
_SERVER_TAG_BYTES = 8191

#: What ends a connection is left out: one test would try little else.
_NAMES = sorted(COMMANDS.keys() - {"QUIT"})
_ARGUMENTS = (
    "ann bob cat #tea #TEA #none #Straße , + - * 0 +o -v +bb b k l +kl ovb %tcuihsnfdlaor,1"
    " LS REQ LATEST BEFORE BETWEEN AROUND TARGETS timestamp=2026-01-01T00:00:00.000Z"
    " >² T<٣ ² msgid=x-²-1"
)
_LAST = (":", "::", ": ", ":x  y", ":\1ACTION x\1", ":é", ":" + "é" * 200, "a,b,#tea", "")
_WORDS = st.one_of(
    st.sampled_from(_ARGUMENTS.split(" ")), st.sampled_from(_LAST), st.text(max_size=9)
)
_COMMANDS = st.builds(
    lambda command, words: " ".join([command, *words]),
    st.one_of(st.sampled_from(_NAMES), _WORDS),
    st.lists(_WORDS, max_size=5),
)
_LINES = st.one_of(
    _COMMANDS.map(lambda line: line.encode("utf-8", "surrogateescape")),
    st.binary(max_size=40),
    st.sampled_from(
        [b"x" * 600, b"@" + b"a" * 9000, b"\0", b"@+a=\xff PING x", b"MODE #tea " + b"+b-o" * 60]
    ),
)


def _parts(line: str) -> tuple[list[str], str]:
    if not line.startswith("@"):
        return [], line
    tags, _, body = line[1:].partition(" ")
    return tags.split(";"), body


def _check(lines: list[str]) -> list[str]:
    # The labels.
    labels: list[str] = []
    open_: set[str] = set()
    for line in lines:
        tags, body = _parts(line)
        assert len(";".join(tags).encode()) <= _SERVER_TAG_BYTES, line
        assert all(_TAG.fullmatch(tag) for tag in tags), line
        names = [tag.partition("=")[0] for tag in tags]
        assert len(set(names)) == len(names), line
        assert len(body.encode()) <= BODY_BYTES, line
        assert _BODY.fullmatch(body), line
        values = dict(tag.partition("=")[::2] for tag in tags)
        if "label" in values:
            labels.append(values["label"])
        if "batch" in values:
            assert values["batch"] in open_, line
        if match := re.fullmatch(r":irc.local BATCH ([+-])(\w+).*", body):
            (open_.add if match[1] == "+" else open_.remove)(match[2])
    assert not open_
    return labels


class FuzzTests(IRCFrontendCase):
    def people(self, caps: str) -> list[IRCTestClient]:
        return [self.join("ann", "#tea", caps=caps), self.join("bob", "#tea"), self.connect()]

    @settings(max_examples=tried(250), deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2), _LINES), max_size=14), st.booleans())
    @example(
        [
            (0, b"WHOIS :a b"),
            (0, b"MODE #tea +o ::x"),
            (2, b"USER x"),
            (0, b"NAMES : "),
            (0, b"MARKREAD :"),
        ],
        True,
    )
    def test_answersAreLines(self, rows: list[tuple[int, bytes]], everything: bool) -> None:
        self.setUp()
        people = self.people(" ".join(CAPABILITIES) if everything else "message-tags")
        for index, line in rows:
            people[index].send(line)
        for client in people:
            _check(client.heard())
        cat = self.join("end", "#tea")
        assert cat.say("PING end")[-1:] == [":irc.local PONG irc.local :end"]
        assert not self.flushLoggedErrors()

    @settings(max_examples=tried(150), deadline=None)
    @given(st.lists(_COMMANDS.filter(lambda line: line.strip(" :") != ""), max_size=9))
    def test_aLabelHasOneAnswer(self, commands: list[str]) -> None:
        self.setUp()
        ann, bob, _ = self.people("message-tags labeled-response batch echo-message server-time")
        ann.heard()
        heard: list[str] = []
        wanted: list[str] = []
        for number, command in enumerate(commands):
            line = f"@label=x{number} {command}".encode("utf-8", "surrogateescape")
            try:
                message = parse(line)
            except MessageError:
                continue
            if message is None or message.command in ("CAP", "KILL") or b"\n" in line:
                continue
            said = ann.say(line)
            wanted.append(f"x{number}")
            heard += said
            bob.say("PRIVMSG #tea :between")
            assert not any(
                tag.startswith("label=") for text in ann.heard() for tag in _parts(text)[0]
            )
        assert _check(heard) == wanted
        assert not self.flushLoggedErrors()

    @settings(max_examples=tried(100), deadline=None)
    @given(st.lists(_LINES, max_size=6), st.integers(1, 30))
    def test_cutsInTheStreamMakeNoDifference(self, lines: list[bytes], size: int) -> None:
        self.setUp()
        data = b"\r\n".join([*lines, b"PING end", b""])
        ann, *_ = self.people("")
        whole = ann.say(data)
        assert whole[-1:] == [":irc.local PONG irc.local :end"]
        self.setUp()
        ann, *_ = self.people("")
        ann.heard()
        for start in range(0, len(data), size):
            ann.protocol.dataReceived(data[start : start + size])
        ann.send(b"")
        assert ann.heard() == whole
