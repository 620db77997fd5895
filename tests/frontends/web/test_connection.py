"""Tests for L{tsservices.frontends.web.connection} and C{requests}."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.line_clients import LineClient
from tests.support.web_clients import PASSWORD, WebCase, WebClient, frame
from tsservices.chat.operations import ME
from tsservices.common.limits import Limits
from tsservices.frontends.web.requests import (
    MESSAGE_LINES,
    REQUESTS,
    Request,
    WebRequestError,
    mostLines,
    read,
)


@pytest.mark.parametrize(
    ("text", "why", "ident"),
    [
        ("", "JSON", None),
        ("{", "JSON", None),
        ("[" * 60_000, "JSON", None),
        ('{"a":' * 10_000, "JSON", None),
        ('{"do":"around","room":"x","seq":' + "9" * 5000 + "}", "JSON", None),
        ("[]", "object", None),
        ("null", "object", None),
        ('"rooms"', "object", None),
        ('{"do":"rooms","id":1.5}', "id", None),
        ('{"do":"rooms","id":true}', "id", None),
        ('{"do":"rooms","id":-1}', "id", None),
        ('{"do":"rooms","id":"1"}', "id", None),
        ('{"do":"rooms","id":NaN}', "id", None),
        ('{"id":1}', "do is one of", 1),
        ('{"do":["rooms"],"id":1}', "do is one of", 1),
        ('{"do":"\\ud800","id":1}', "do is one of", 1),
        ('{"do":"rooms","x":1,"id":1}', "no field 'x'", 1),
        ('{"do":"rooms","\\ud800":1,"id":1}', "no field", 1),
        ('{"do":"say","room":"a","id":1}', "text of say is a text", 1),
        ('{"do":"say","room":1,"text":"x","id":1}', "room of say is a text", 1),
        ('{"do":"say","room":"a","text":"\\ud800","id":1}', "half a character", 1),
        ('{"do":"around","room":"a","seq":true,"id":1}', "seq of around is a whole", 1),
        ('{"do":"around","room":"a","seq":-1,"id":1}', "seq of around is from 0", 1),
        ('{"do":"history","room":"a","count":0,"id":1}', "count of history is from 1", 1),
        ('{"do":"history","room":"a","count":201,"id":1}', "from 1 to 200", 1),
    ],
)
def test_noRequests(text: str, why: str, ident: int | None) -> None:
    with pytest.raises(WebRequestError, match=why) as caught:
        read(text)
    assert caught.value.ident == ident


def test_read() -> None:
    assert read('{"do":"rooms"}') == Request("rooms", {}, None)
    fields = {"room": "a", "before": None, "count": 200}
    assert read('{"do":"history","room":"a","before":null,"id":0}') == Request("history", fields, 0)


def test_mostLines() -> None:
    assert mostLines(Limits(floodLines=0)) == mostLines(Limits()) == MESSAGE_LINES
    assert mostLines(Limits(floodLines=1)) == 10


def texts(replies: list[dict[str, Any]]) -> list[str]:
    return [item["text"] for item in replies if item["type"] == "said"]


class TalkCase(WebCase):
    def line(self, *typed: str) -> LineClient:
        self._ports += 1
        client = LineClient(self.lines, self.clock, self._ports)
        for text in typed:
            client.send(f"{text}\n")
            self.tick()
        client.heard()
        return client


class GreetingTests(TalkCase):
    def test_facts(self) -> None:
        client = self.connect()
        response = client.upgrade()
        replies = [json.loads(line) for line in response.body[4:].splitlines()]
        self.assertEqual(replies[0], {"type": "format", "version": 1})
        self.assertEqual(replies[1]["limits"], {"message": 4096, "lines": MESSAGE_LINES})
        self.assertIsNone(replies[1]["account"])
        names = [command["name"] for command in replies[1]["commands"]]
        self.assertIn("topic", names)
        self.assertNotIn("format", names)
        self.assertEqual(set(replies[1]["commands"][0]), {"name", "usage", "meaning", "permission"})


class RequestTests(TalkCase):
    def test_all(self) -> None:
        # Each request answers done or refused, if it has an id, and exactly one of them.
        client = self.join("ann", "tea")
        given = {
            "room": "tea",
            "nick": "ann",
            "text": "x",
            "token": "x",
            "line": "/who",
            "seq": 1,
        }
        for name, row in REQUESTS.items():
            fields = {key: given[key] for key, field in row.fields.items() if not field.isOptional}
            replies = client.ask(name, id=7, **fields)
            ends = [
                item for item in replies if "id" in item and item["type"] in ("done", "refused")
            ]
            self.assertEqual([item["id"] for item in ends], [7], name)
            self.assertIs(ends[-1], replies[-1], name)

    def test_pipelined(self) -> None:
        client = self.browser()
        replies = client.exchange(
            frame('{"do":"enter","nick":"ann","id":1}')
            + frame('{"do":"join","room":"tea","id":2}')
            + frame('{"do":"say","room":"tea","text":"x","id":3}')
        )
        self.assertEqual([item["id"] for item in replies if item["type"] == "done"], [1, 2, 3])

    def test_say(self) -> None:
        client, other, line = self.join("ann", "tea"), self.join("bob", "tea"), self.line("zoe")
        line.send("/join tea\n")
        line.heard()
        other.transport.clear()
        replies = client.ask("say", room="tea", text="one\n\n two\r\n/me")
        self.assertEqual(texts(replies), ["one", " two", "/me"])
        self.assertEqual(other.heard(), replies)
        self.assertEqual(line.heard().count("<ann>"), 3)
        replies = client.ask("say", room="tea", text="waves", kind="me", id=1)
        self.assertEqual(replies[0]["kind"], ME)

    def test_sayRefused(self) -> None:
        client = self.join("ann", "tea")
        for fields, code in (
            ({"room": "no", "text": "x"}, "not-in-room"),
            ({"room": "", "text": "x"}, "name-empty"),
            ({"room": "tea", "text": "x" * 4097}, "line-long"),
            ({"room": "tea", "text": "x\n" * (MESSAGE_LINES + 1)}, "bad-request"),
            ({"room": "tea", "text": "x", "kind": "kick"}, "bad-request"),
            ({"room": "tea", "text": "hello\n  /login ann pass"}, "command-hidden"),
            ({"room": "tea", "text": "\uff0fregister pass"}, "command-hidden"),
        ):
            for ident in ({}, {"id": 4}):
                replies = client.ask("say", **fields, **ident)
                self.assertEqual([item["code"] for item in replies], [code])
                self.assertEqual(replies[0].get("id"), ident.get("id"))
        self.assertEqual(
            client.ask("say", room="tea", text=" \n", id=1), [{"type": "done", "id": 1}]
        )

    def test_controlCharacters(self) -> None:
        client = self.join("ann", "tea")
        (said, _) = client.ask("say", room="tea", text="a\x1b[31m\u202eb", id=1)
        self.assertEqual(said["text"], "a\\x1b[31m\\u202eb")

    def test_whisper(self) -> None:
        client, other = self.join("ann"), self.join("bob")
        other.transport.clear()
        client.ask("whisper", nick="bob", text="one\ntwo")
        replies = other.heard()
        self.assertEqual([item["text"] for item in replies], ["one", "two"])
        self.assertEqual(client.ask("whisper", nick="nobody", text="x", id=2)[0]["id"], 2)

    def test_history(self) -> None:
        client = self.join("ann", "tea")
        client.ask("say", room="tea", text="\n".join(f"l{number}" for number in range(1, 31)))
        for do, fields, wanted in (
            ("history", {"count": 2}, ["l29", "l30"]),
            ("history", {"before": 4, "count": 2}, ["l2", "l3"]),
            ("history", {"before": 3}, ["l1", "l2"]),
            ("history", {"before": 1}, []),
            ("history", {"before": 0}, []),
            ("history", {"before": 900, "count": 1}, ["l30"]),
            ("around", {"seq": 10, "count": 4}, ["l8", "l9", "l10", "l11"]),
            ("around", {"seq": 10, "count": 1}, ["l10"]),
            ("around", {"seq": 1, "count": 3}, ["l1", "l2", "l3"]),
            ("around", {"seq": 30, "count": 3}, ["l29", "l30"]),
            ("since", {"seq": 28}, ["l29", "l30"]),
        ):
            replies = client.ask(do, room="tea", id=1, **fields)
            self.assertEqual(texts(replies), wanted, (do, fields))
            self.assertEqual(replies[0]["type"], "replay")
            self.assertEqual(replies[0]["lines"], len(wanted))
            self.assertEqual(replies[-1], {"type": "done", "id": 1})
        for seq in (0, 31):
            replies = client.ask("around", room="tea", seq=seq, id=1)
            self.assertEqual([item["code"] for item in replies], ["no-line"])

    def test_privateHistory(self) -> None:
        # What was said before one was let in is not for one.
        owner = self.line("zoe", f"/register {PASSWORD}", "/join den", "one", "/private on")
        client = self.join("ann")
        owner.send("/invite ann\n")
        client.ask("join", room="den")
        owner.send("two\n")
        self.tick()
        last = self.chat.context.state.rooms["den"].storedSeq
        replies = client.ask("history", room="den", before=last, id=1)
        self.assertNotIn("one", texts(replies))
        replies = client.ask("around", room="den", seq=1, id=1)
        self.assertEqual([item["code"] for item in replies], ["no-line"])
        replies = client.ask("around", room="den", seq=last, count=50, id=1)
        self.assertEqual(texts(replies), ["two"])

    def test_search(self) -> None:
        client = self.join("ann", "tea", "den")
        for room in ("tea", "den"):
            for number in range(25):
                client.ask("say", room=room, text=f"egg {room} {number}")
        replies = client.ask("search", room="tea", text="egg", id=1)
        self.assertEqual(
            (replies[0]["type"], replies[0]["lines"], replies[0]["more"]), ("found", 20, True)
        )
        older = client.ask("search", room="tea", text="egg", before=replies[1]["id"])
        self.assertEqual(texts(older), [f"egg tea {number}" for number in range(5)])
        everywhere = client.ask("search", text="egg from:ann")
        self.assertEqual(len(texts(everywhere)), 20)
        for before in ("x", "log-1", "log-1-x", "log-" + "9" * 40 + "-1"):
            replies = client.ask("search", text="egg", before=before, id=1)
            self.assertEqual([item["code"] for item in replies], ["bad-request"])

    def test_accountOnly(self) -> None:
        client = self.join("ann", "tea")
        for do, fields in (("inbox", {}), ("read", {"room": "tea", "seq": 0})):
            replies = client.ask(do, id=1, **fields)
            self.assertEqual([item["code"] for item in replies], ["account-needed"])

    def test_read(self) -> None:
        client, other = self.join("ann", "tea"), self.line()
        client.ask("command", line=f"/register {PASSWORD}")
        client.ask("say", room="tea", text="x")
        other.send(f"/login ann {PASSWORD}\n")
        self.tick()
        other.heard()
        replies = client.ask("read", room="tea", seq=1, id=1)
        self.assertEqual(replies[0], {"type": "read", "room": "tea", "seq": 1})

    def test_delete(self) -> None:
        client = self.join("ann", "tea")
        client.ask("command", line=f"/register {PASSWORD}")
        client.ask("say", room="tea", text="x")
        replies = client.ask("delete", room="tea", seq=1, id=1)
        self.assertEqual(replies[0]["kind"], "delete")

    def test_rooms(self) -> None:
        client = self.join("ann", "tea")
        self.assertEqual(client.types("part", room="tea", reason="bye", id=1), ["roomLeft", "done"])
        self.assertEqual(client.types("part", room="tea", id=1), ["refused"])
        self.assertEqual(client.types("join", room="den", key="k", id=1)[0], "roomEntered")
        self.assertEqual(client.ask("join", room="den", id=1), [{"type": "done", "id": 1}])
        self.assertEqual(client.ask("rooms")[0]["rooms"][0]["room"], "den")
        self.assertEqual(client.ask("people", room="den")[0]["people"][0]["nick"], "ann")
        self.assertEqual(client.ask("people", room="nope", id=1)[0]["code"], "no-room")

    def test_nameFirst(self) -> None:
        client = self.browser()
        self.assertEqual(client.ask("join", room="tea", id=1)[0]["code"], "name-first")
        self.assertEqual(client.ask("enter", nick="<script>", id=1)[0]["code"], "name-character")
        self.assertEqual(client.types("enter", nick=" ann ", id=1), ["entered", "token", "done"])
        other = self.browser()
        self.assertEqual(other.ask("enter", nick="Ann", id=1)[0]["code"], "nick-taken")

    def test_refusedByTheOrder(self) -> None:
        # Two take one name in the same turn: one is refused by the order, not by a check.
        clients = [self.browser(), self.browser()]
        for client in clients:
            client.transport.clear()
            client.protocol.dataReceived(frame('{"do":"enter","nick":"ann","id":5}'))
        self.tick()
        first, second = [client.heard() for client in clients]
        self.assertEqual(first[-1], {"type": "done", "id": 5})
        self.assertEqual([(item["id"], item["code"]) for item in second], [(5, "nick-taken")])


class CommandTests(TalkCase):
    def test_inARoom(self) -> None:
        client = self.join("ann", "tea", "den")
        replies = client.ask("command", room="tea", line="/topic eggs", id=1)
        self.assertEqual((replies[0]["room"], replies[0]["text"]), ("tea", "eggs"))
        self.assertEqual(replies[-1], {"type": "done", "id": 1})
        self.assertEqual(
            client.ask("command", room="no", line="/who", id=1)[0]["code"], "not-in-room"
        )
        self.assertEqual(client.ask("command", line="/nope", id=1)[0]["code"], "no-command")
        self.assertEqual(client.ask("command", line="/topic", id=1)[-1]["type"], "done")

    def test_tooLong(self) -> None:
        client = self.join("ann", "tea")
        for line in ("/msg ann ", "/me ", "/msg #tea "):
            replies = client.ask("command", room="tea", line=line + "\xe9" * 2048, id=1)
            self.assertEqual([item["code"] for item in replies], ["line-long"])

    def test_prompts(self) -> None:
        client = self.join("ann")
        self.assertEqual(client.types("command", line="/register", id=1), ["prompt"])
        self.assertEqual(client.ask("rooms", id=2)[0]["id"], 2)
        self.assertEqual(client.types("answer", text=PASSWORD), ["prompt"])
        replies = client.ask("answer", text=PASSWORD)
        self.assertEqual(replies[-1], {"type": "done", "id": 1})
        self.assertEqual(set(self.chat.context.state.accounts), {"ann"})

    def test_promptCancelled(self) -> None:
        client = self.join("ann")
        client.ask("command", line="/register", id=1)
        replies = client.ask("answer", text=None)
        self.assertEqual([(item["id"], item["code"]) for item in replies], [(1, "cancelled")])
        self.assertEqual(client.ask("answer", text="x", id=2)[0]["code"], "bad-request")

    def test_quit(self) -> None:
        client, other = self.join("ann", "tea"), self.join("bob", "tea")
        other.transport.clear()
        client.ask("command", line="/quit bye")
        self.assertEqual(other.heard()[0]["why"], "bye")

    def test_passwordsAsTyped(self) -> None:
        client = self.join("ann")
        client.ask("command", line="/register two  words\xa0ten")
        line = self.line()
        line.send("/login ann two  words\xa0ten\n")
        self.tick()
        self.assertIn("logged in", line.heard())


class FloodTests(TalkCase):
    limits = Limits(floodLines=1, floodBytes=0)

    def test_delayed(self) -> None:
        client = self.join("ann", "tea")
        client.transport.clear()
        for number in range(20):
            client.protocol.dataReceived(frame(f'{{"do":"say","room":"tea","text":"{number}"}}'))
        self.tick()
        heard = len(client.heard())
        self.assertLess(heard, 20)
        self.assertEqual(client.transport.producerState, "paused")
        self.clock.pump([0.5] * 50)
        client.transport.producerState = "producing"
        self.assertGreaterEqual(self.counters.delayed, 1)

    def test_lineEnds(self) -> None:
        # Whatever ends a line counts, as it stands or as an escape.
        for number, end in enumerate("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"):
            for ascii in (False, True):
                with self.subTest(repr(end), ascii=ascii):
                    client = self.join(f"ann{number}{ascii}", "tea")
                    self.clock.pump([1] * 20)
                    client.transport.clear()
                    text = end.join("abcdefghij")
                    asked = json.dumps(
                        {"do": "say", "room": "tea", "text": text}, ensure_ascii=ascii
                    )
                    for _ in range(3):
                        client.protocol.dataReceived(frame(asked))
                    self.tick()
                    self.assertEqual(len(texts(client.heard())), 10)
                    client.disconnect()

    def test_longestMessage(self) -> None:
        client = self.join("ann", "tea")
        self.clock.pump([1] * 20)
        replies = client.ask("say", room="tea", text="\n".join("abcdefghij"), id=1)
        self.assertEqual(len(texts(replies)), 10)
        self.clock.pump([1] * 20)
        self.assertEqual(
            client.ask("say", room="tea", text="\n" * 20_000, id=1)[-1]["type"], "done"
        )


class ByteFloodTests(TalkCase):
    limits = Limits(floodLines=0, floodBytes=1000)

    def test_smallFrames(self) -> None:
        # 64 KiB at once, then so many a second, whatever they are.
        client = self.join("ann")
        client.send(frame("", 9) * 8000)
        self.assertEqual(client.transport.producerState, "producing")
        client.send(frame("x", final=False) + frame("x", 0, final=False) * 4000)
        self.assertEqual(client.transport.producerState, "paused")
        self.assertEqual(self.counters.delayed, 1)
        self.clock.pump([1] * 15)
        self.assertEqual(client.transport.producerState, "producing")


class PlainTests(TalkCase):
    """Over HTTP, from elsewhere."""

    secure = None

    def test_guestsOnly(self) -> None:
        client = self.join("ann", "tea")
        for line in (f"/register {PASSWORD}", f"/login ann {PASSWORD}", "/login tst_x"):
            replies = client.ask("command", line=line, id=1)
            self.assertIn(replies[-1]["code"], ("not-secure", "no-account"), line)
        self.assertEqual(self.chat.context.state.accounts, {})


def entered(client: WebClient, nick: str) -> str:
    replies = client.ask("enter", nick=nick)
    token: str = next(item["token"] for item in replies if item["type"] == "token")
    return token


class ResumeTests(TalkCase):
    def test_missedNothing(self) -> None:
        client, other = self.browser(), self.join("bob", "tea")
        token = entered(client, "ann")
        client.ask("join", room="tea")
        seen = client.ask("say", room="tea", text="one")[0]
        other.ask("say", room="tea", text="two")
        again = self.browser()
        replies = again.ask("resume", token=token, id=1)
        self.assertEqual(replies[0]["rooms"], [{"room": "tea", "last": 2}])
        epoch = seen["id"].rsplit("-", 2)[0]
        replies = again.ask("since", room="tea", seq=seen["seq"], epoch=epoch, time=seen["time"])
        self.assertEqual(texts(replies), ["two"])

    def test_refused(self) -> None:
        client = self.browser()
        self.assertEqual(client.ask("resume", token="x", id=1)[0]["code"], "nothing-to-resume")
        self.assertEqual(client.types("enter", nick="ann", id=2)[-1], "done")
