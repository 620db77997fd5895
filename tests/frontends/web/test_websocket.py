"""Tests for L{tsservices.frontends.web.websocket} and C{pings}."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.interfaces import ITransport
from twisted.web import _websocket_impl
from twisted.web.http import HTTPChannel
from zope.interface.verify import verifyObject

from tests.support.web_clients import (
    BINARY,
    CLOSE,
    ORIGIN,
    PING,
    PONG,
    TEXT,
    WebCase,
    WebClient,
    frame,
    frames,
)
from tsservices.common.limits import Limits
from tsservices.frontends.web import websocket
from tsservices.frontends.web.frames import GOING_AWAY, POLICY, TOO_BIG, TRY_LATER
from tsservices.frontends.web.requests import LONGEST_MESSAGE
from tsservices.frontends.web.websocket import CLOSE_SECONDS, PING_SECONDS, UNANSWERED
from tsservices.transport.twisted_internals import WEB_NAMES


def codes(data: bytes) -> list[int]:
    return [int.from_bytes(text[:2], "big") for opcode, text in frames(data) if opcode == CLOSE]


KEY = "AAAAAAAAAAAAAAAAAAAAAA=="


class HandshakeTests(WebCase):
    def test_upgrade(self) -> None:
        client = self.connect()
        response = client.upgrade()
        self.assertEqual(response.status, 101)
        # The example of RFC 6455 has another key.
        self.assertEqual(response.headers["sec-websocket-accept"], "ICX+Yqv66kxgM0FcWaLWlFLwTAI=")
        self.assertNotIn("sec-websocket-extensions", response.headers)
        self.assertEqual((self.counters.upgrades, self.counters.sockets), (1, 1))
        verifyObject(ITransport, client.protocol.connection)
        client.disconnect()
        self.assertEqual((self.counters.upgrades, self.counters.sockets), (1, 0))

    def test_refused(self) -> None:
        for headers, status in (
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": f"{ORIGIN}.evil"}, 403),
            ({"Origin": f"{ORIGIN}\r\nOrigin: {ORIGIN}"}, 403),
            ({"Upgrade": "h2c"}, 426),
            ({"Connection": "close"}, 400),
            ({"Sec_WebSocket_Version": "8"}, 400),
            ({"Sec_WebSocket_Key": "x"}, 400),
            ({"Sec_WebSocket_Extensions": "caf\xe9"}, 400),
            ({"Sec_WebSocket_Protocol": "caf\xe9"}, 400),
            ({"User_Agent": "caf\xe9"}, 101),
            ({"Sec_WebSocket_Key": f"{KEY}\r\nSec-WebSocket-Key: {KEY}"}, 400),
        ):
            with self.subTest(headers):
                self.assertEqual(self.connect().upgrade(**headers).status, status)
        self.assertEqual(self.connect().request("HEAD", "/ws").status, 426)
        self.assertEqual(self.connect().request("POST", "/ws", Origin=ORIGIN).status, 405)

    def test_notOpen(self) -> None:
        self.chat.open = False
        response = self.connect().upgrade()
        self.assertEqual((response.status, response.headers["retry-after"]), (503, "5"))

    def test_tooManyWithoutNames(self) -> None:
        self.patch(websocket, "MOST_NAMELESS", 2)
        first, second = self.browser(), self.browser()
        self.assertEqual(self.connect().upgrade().status, 503)
        first.ask("enter", nick="ann")
        third = self.browser()
        self.assertEqual(self.server.nameless, 2)
        for client in (first, second, third):
            client.disconnect()
        self.assertEqual(self.server.nameless, 0)

    def test_framesBehindTheRequest(self) -> None:
        client = self.connect()
        upgrade = (
            "GET /ws HTTP/1.1\r\nHost: localhost:21575\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: {ORIGIN}\r\n\r\n"
        )
        answer = client.send(upgrade.encode() + frame('{"do":"rooms"}'))
        self.assertIn(b'{"type":"rooms"', answer)

    def test_noName(self) -> None:
        client = self.browser()
        self.clock.pump([1] * (self.limits.chatNameLimit + 3))
        self.assertTrue(client.transport.aborted)

    def test_privateNames(self) -> None:
        # What is used of Twisted beyond its interfaces.
        wire = _websocket_impl._WebSocketWireProtocol[Any](None, None, None)  # type: ignore[arg-type]
        for name in WEB_NAMES["wire"]:
            self.assertTrue(hasattr(wire, name), name)
        self.assertEqual((wire._textBuffer.data, wire._bytesBuffer.data), ("", b""))
        for name in WEB_NAMES["channel"]:
            self.assertTrue(hasattr(HTTPChannel(), name) or name == "_version", name)


class MessageTests(WebCase):
    def test_tooBig(self) -> None:
        for data in (
            frame("x" * (LONGEST_MESSAGE + 1)),
            frame("x" * 40_000, final=False) + frame("x" * 40_000, 0),
            frame(b"x" * 40_000, BINARY, final=False) + frame(b"x" * 40_000, 0, final=False),
        ):
            client = self.join("ann", "lobby")
            self.assertEqual(codes(client.send(data)), [TOO_BIG])
            # It has left at once, but is still to answer.
            self.assertNotIn("ann", self.chat.context.state.sessionsByNick)
            self.assertFalse(client.isClosed)
            # Nothing of what comes is kept.
            for _ in range(10):
                self.assertEqual(client.send(frame("x" * 60_000, 0, final=False)), b"")
            self.clock.pump([1] * int(CLOSE_SECONDS + 1))
            self.assertTrue(client.isClosed)
            client.disconnect()
        self.assertEqual(self.counters.overlong, 3)

    def test_unfinished(self) -> None:
        client = self.join("ann")
        taken = 0
        client.send(frame("x" * 1000, final=False))
        while not codes(client.send(frame("x" * 1000, 0, final=False))):
            taken += 1
        self.assertLess(taken * 1000, 2 * LONGEST_MESSAGE)

    def test_badFrames(self) -> None:
        for data, code in (
            (b"\x81\x02hi", 1002),
            (b"\xc1\x80\0\0\0\0", 1002),
            (b"\x83\x80\0\0\0\0", 1002),
            (frame(b"\xff"), 1007),
            (frame(b"\xe2\x82", final=False) + frame(b"x", 0), 1007),
            (frame("x", 0), 1002),
            (frame("a", final=False) + frame("b"), 1002),
            (frame("x" * 126, PING), 1002),
            (frame("x", PING, final=False), 1002),
            (frame(b"\x03\xe8", CLOSE), 1000),
            (frame(b"\x00\x01", CLOSE), 1002),
            (frame(b"\x03", CLOSE), 1002),
        ):
            client = self.join("ann", "lobby")
            self.assertEqual(codes(client.send(data)), [code])
            self.assertTrue(client.isClosed)
            client.disconnect()
            self.assertNotIn("ann", self.chat.context.state.sessionsByNick)

    def test_binary(self) -> None:
        client = self.browser()
        self.assertEqual(client.exchange(frame("{}", BINARY))[0]["code"], "bad-request")

    def test_inPieces(self) -> None:
        client = self.browser()
        data = frame("x", PING) + frame('{"do":', final=False) + frame("y", PING)
        data += frame('"rooms"}', 0)
        answer = b"".join(client.send(data[at : at + 1]) for at in range(len(data)))
        self.assertEqual([opcode for opcode, _ in frames(answer)], [PONG, PONG, TEXT])


class ClosingTests(WebCase):
    def test_answered(self) -> None:
        client = self.join("ann")
        self.assertEqual(codes(client.send(frame('{"do":"command","line":"/quit"}'))), [1000])
        self.assertFalse(client.isClosed)
        client.send(frame(b"\x03\xe8", CLOSE))
        self.assertTrue(client.isClosed)

    def test_pingBehindAClose(self) -> None:
        # Twisted raises when it is to answer.
        client = self.join("ann")
        client.ask("command", line="/quit")
        client.send(frame("x", PING))
        self.assertTrue(client.isClosed)

    def test_inABroadcast(self) -> None:
        clients = [self.join(f"m{number}", "tea") for number in range(14)]
        author = clients.pop()
        clients[0].send(frame(b"\x03\xe8", CLOSE))
        clients[1].ask("command", line="/quit")
        author.ask("say", room="tea", text="one")
        author.ask("say", room="tea", text="two")
        clients[2].disconnect()
        author.ask("say", room="tea", text="three")
        for client in clients[3:]:
            heard = [json.loads(text) for _, text in frames(client.transport.value())]
            texts = [replies["text"] for replies in heard if replies["type"] == "said"]
            self.assertEqual(texts, ["one", "two", "three"])

    def test_serverStops(self) -> None:
        client, nameless, plain = self.join("ann"), self.browser(), self.connect()
        for it in (client, nameless):
            it.transport.clear()
        self.timeouts.stopService()
        self.tick()
        self.assertEqual(codes(client.transport.value()), [GOING_AWAY])
        self.assertEqual(codes(nameless.transport.value()), [GOING_AWAY])
        self.assertTrue(plain.isClosed)

    def test_takenOver(self) -> None:
        client = self.browser()
        replies = client.ask("enter", nick="ann")
        token = next(item["token"] for item in replies if item["type"] == "token")
        client.ask("join", room="tea")
        other = self.browser()
        client.transport.clear()
        types = [item["type"] for item in other.ask("resume", token=token, id=3)]
        self.assertEqual(types, ["resumed", "token", "done"])
        self.assertEqual(codes(client.transport.value()), [POLICY])
        # One's own lines come to this one too.
        self.assertIn("said", other.types("say", room="tea", text="x"))

    def test_halfClosed(self) -> None:
        client = self.join("ann", "tea")
        client.protocol.readConnectionLost()
        self.tick()
        self.assertTrue(client.isClosed)
        self.assertNotIn("ann", self.chat.context.state.sessionsByNick)


class PingTests(WebCase):
    def wait(self, client: WebClient, seconds: int) -> int:
        client.transport.clear()
        self.clock.pump([1] * seconds)
        return [opcode for opcode, _ in frames(client.transport.value())].count(PING)

    def test_answered(self) -> None:
        client = self.join("ann")
        for _ in range(5):
            self.assertEqual(self.wait(client, PING_SECONDS), 1)
            client.send(frame("", PONG))
        self.assertFalse(client.transport.aborted)

    def test_unanswered(self) -> None:
        client = self.join("ann")
        self.assertEqual(self.wait(client, PING_SECONDS * UNANSWERED), UNANSWERED)
        self.assertFalse(client.transport.aborted)
        self.wait(client, PING_SECONDS)
        self.assertTrue(client.transport.aborted)
        self.assertEqual(self.counters.unanswered, 1)

    def test_timerEnds(self) -> None:
        client = self.join("ann")
        other = self.join("bob")
        client.disconnect()
        other.disconnect()
        self.timeouts.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SlowTests(WebCase):
    limits = Limits(floodLines=0, floodBytes=0, chatPending=65_536, chatSlow=1)

    def test_tooSlow(self) -> None:
        slow, author = self.join("ann", "tea"), self.join("bob", "tea")
        slow.transport.clear()
        slow.transport.pending = 65_536
        slow.protocol.pauseProducing()
        self.assertEqual(slow.transport.producerState, "paused")
        for _ in range(30):
            author.ask("say", room="tea", text="x" * 4000)
            self.clock.advance(1)
        replies = frames(slow.transport.value())
        self.assertIn(b"too-slow", replies[-2][1])
        self.assertEqual(codes(slow.transport.value()), [TRY_LATER])
        self.assertEqual(self.counters.slow, 1)
        self.clock.pump([1] * int(CLOSE_SECONDS + 1))
        self.assertTrue(slow.isClosed)

    def test_reading(self) -> None:
        # Two reasons not to read: it goes on when neither is left.
        slow = self.join("ann")
        stream = slow.protocol.connection
        slow.transport.pending = 65_536
        slow.protocol.pauseProducing()
        stream.pauseReading()
        slow.protocol.resumeProducing()
        self.assertEqual(slow.transport.producerState, "paused")
        stream.resumeReading()
        self.assertEqual(slow.transport.producerState, "producing")

    def test_handshakeOfTLS(self) -> None:
        # TLS pauses its producer when it has to read first.
        slow, plain = self.join("ann"), self.connect()
        for client in (slow, plain):
            client.protocol.pauseProducing()
            self.assertEqual(client.transport.producerState, "producing")
            client.protocol.resumeProducing()

    def test_waits(self) -> None:
        slow, author = self.join("ann", "tea"), self.join("bob", "tea")
        slow.transport.clear()
        slow.protocol.pauseProducing()
        author.ask("say", room="tea", text="x")
        self.assertEqual(slow.transport.value(), b"")
        # What it asks for waits too, and nothing more is read.
        slow.protocol.dataReceived(frame('{"do":"rooms"}'))
        slow.protocol.resumeProducing()
        self.tick()
        types = [json.loads(text)["type"] for _, text in frames(slow.transport.value())]
        self.assertEqual(types, ["said", "rooms"])
        self.assertEqual(slow.transport.producerState, "producing")
