"""What holds for the line frontend whatever comes in."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import provider

from tests.support.examples import tried
from tests.support.line_clients import LineClient, LineFrontendCase
from tsservices.chat.notifications import RoomMessages
from tsservices.common.limits import Limits
from tsservices.frontends.slash.commands import COMMANDS

#: What streams are made of, so that they mean something now and then.
PIECES = (
    *(f"/{name} ".encode() for name in COMMANDS),
    *[b"\n", b"\n", b"\n", b"\r\n", b"\r\0", b"\r", b"\0", b" "],
    *b"ann bob lobby #tea hello // 0 7 on off json text - {0}{nick}%s".split(),
    *[b"\xff", b"\xff\xfb\x1f", b"\xff\xfa\x1f", b"\xff\xf0"],
    *[b"\x08", b"\x15\x17", b"\x1b[2J", b"\x9b", b"\xc3", b"\xa9", b"\xed\xa0\x80"],
    "\N{RIGHT-TO-LEFT OVERRIDE}".encode(),
    "\N{LINE SEPARATOR}\x85".encode(),
    "\N{CYRILLIC SMALL LETTER A}".encode(),
    b"x" * 70,
    b"x\n" * 15,
    b"GET / HTTP/1.1",
)

#: What one peer may send at once.
STREAMS = st.one_of(
    st.binary(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join)
)

#: Who does what.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(
            STREAMS,
            STREAMS,
            STREAMS,
            st.sampled_from(
                ("turn", "keep", "slow", "block", "unblock", "second", "end", "lose", "page")
            ),
        ),
    ),
    max_size=30,
)

#: Bounds that such streams come up against.
SMALL = Limits(chatLine=64, maxRooms=4, roomsEach=2, floodLines=1, floodBytes=20, chatSlow=1)

ENTERED = b"/nick %d\n/join lobby\n/echo on\n"


def sound(output: bytes) -> list[str]:
    text = output.decode()
    assert not text or text.endswith("\n"), "the last line is not whole"
    for character in set(text):
        category = unicodedata.category(character)
        assert character in "\n\t" or category not in ("Cc", "Cs", "Zl", "Zp"), ascii(character)
        assert unicodedata.bidirectional(character) not in ("RLO", "LRO", "RLE", "LRE", "RLI")
    return text.split("\n")[:-1]


class Anything(LineFrontendCase):
    def setUp(self) -> None:
        self.troubles: list[LogEvent] = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            level = event.get("log_level")
            if level in (LogLevel.error, LogLevel.critical) or event.get("isError"):
                self.troubles.append(event)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def act(self, client: LineClient, step: bytes | str) -> None:
        if isinstance(step, bytes):
            # A transport that was told to stop reading does not bring anything.
            if client.transport.producerState == "producing" and client.transport.connected:
                client.send(step, turn=False)
        elif step == "turn":
            self.tick()
        elif step == "slow":
            self.storage.slow = self.storage.slowReads = True
        elif step == "keep":
            self.storage.slow = False
            self.storage.storeQueued()
        elif step == "page":
            if self.storage._waiting:
                self.storage.answerRead()
        elif step == "second":
            self.clock.advance(1)
        elif client.transport.connected:
            if step == "lose":
                client.transport.connected = False
                client.disconnect()
            elif not client.transport.disconnecting:
                if step == "block":
                    client.block()
                elif step == "unblock":
                    client.unblock()
                elif not client.protocol.connection._inputEnded:
                    client.protocol.readConnectionLost()

    @settings(max_examples=tried(150), derandomize=True)
    @given(STEPS)
    @example([(0, b"ann\n"), (0, "turn"), (0, b"/join tea\nx\x08/quit \xff\xff\n"), (0, "end")])
    def test_anyInput(self, steps: list[tuple[int, bytes | str]]) -> None:
        self.open(SMALL)
        clients = [self.connect() for _ in range(3)]
        for number, client in enumerate(clients[:2]):
            client.send(ENTERED % number)
        for which, step in steps:
            self.act(clients[which], step)
        self.storage.slow = self.storage.slowReads = False
        self.storage.storeQueued()
        while self.storage._waiting:
            self.finishReading()
        state = self.chat.context.state
        self.assertEqual(
            {item.key: (item,) for item in state.sessions.values()}, state.sessionsByNick
        )
        for client in clients:
            sound(client.transport.value())
            if client.transport.connected:
                client.disconnect()
        self.tick()
        self.storage.storeQueued()
        self.assertEqual(self.troubles, [])
        self.assertEqual((state.sessions, state.sessionsByNick), ({}, {}))
        self.assertTrue(all(not room.members for room in state.rooms.values()))
        self.assertEqual((self.chat.pool.size, self.counters.open), (0, 0))
        self.timeouts.stopService()
        self.tick(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def history(self, chunks: list[bytes]) -> list[tuple[str, int, str, str, str]]:
        self.open(Limits(chatLine=64, maxRooms=4, roomsEach=2, floodLines=0, floodBytes=0))
        other, client = self.connect(), self.connect()
        other.send(b"bob\n")
        for chunk in chunks:
            client.send(chunk)
            self.tick(60)
            if client.transport.disconnecting:
                break
        if not client.transport.disconnecting:
            client.protocol.readConnectionLost()
        self.tick(60)
        messages: list[RoomMessages] = list(self.storage._all)
        return [
            (item.room, item.first + number, item.kind, item.nick, text)
            for item in messages
            for number, text in enumerate(item.texts)
        ]

    @settings(max_examples=tried(150), derandomize=True)
    @given(
        st.booleans(),
        st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
        st.lists(st.integers(0, 400), max_size=6),
    )
    @example(False, b"no name\nbob\nann\nhello\n", [])
    @example(True, b"hello\nx\x08/msg bob secret\nbye\n", [4, 10])
    def test_anyCut(self, named: bool, data: bytes, cuts: list[int]) -> None:
        if named:
            data = b"eve\n" + data
        places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
        chunks = [data[a:b] for a, b in pairwise(places)]
        self.assertEqual(self.history(chunks), self.history([data]))

    @settings(max_examples=tried(60), derandomize=True)
    @given(st.text(max_size=60), st.sampled_from(("", "/me ", "/topic ", "/away ", "/msg bob ")))
    def test_anyTextIsMarkedAsText(self, text: str, command: str) -> None:
        self.open(self.limits)
        bob, ann = self.connect(), self.connect()
        bob.send(b"bob\n")
        ann.send(b"ann\n")
        bob.heard()
        ann.send((command + text).encode("utf-8", "surrogatepass") + b"\n")
        self.tick()
        for line in sound(bob.transport.value()):
            self.assertRegex(line, r"\A(\[12:10:00\] (<ann( -> bob)?> |\* ann )|\* ann )")
