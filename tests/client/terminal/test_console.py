"""Tests for L{tsservices.client.terminal.console}, its screen and its descriptors."""

from __future__ import annotations

import itertools
import os
import select
from typing import cast
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, IReactorFDSet
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tsservices.client.terminal import console as consoles
from tsservices.client.terminal import descriptors
from tsservices.client.terminal.console import LINES_AHEAD, PlainConsole, openPlainConsole
from tsservices.client.terminal.text import TerminalText, complaint, editingPossible


class ConsoleFixture:
    def __init__(self, interactive: bool = False, screen: bool = False) -> None:
        self.errors: list[str] = []
        self.console = PlainConsole(interactive, screen, b"> ", self.errors.append)
        self.transport = StringTransport()
        self.console.makeConnection(self.transport)

    def read(self) -> Deferred[bytes | None]:
        return Deferred.fromCoroutine(self.console.readLine())


class PlainConsoleTests(SynchronousTestCase):
    def test_outputSurvivesEndOfInput(self) -> None:
        assert verifyObject(IHalfCloseableProtocol, ConsoleFixture().console)

    def test_waits(self) -> None:
        fixture = ConsoleFixture()
        reading = fixture.read()
        fixture.console.dataReceived(b"a")
        self.assertNoResult(reading)
        fixture.console.dataReceived(b"b\nc")
        assert self.successResultOf(reading) == b"ab"
        assert fixture.transport.value() == b""

    def test_lastLineWithoutNewline(self) -> None:
        fixture = ConsoleFixture()
        fixture.console.dataReceived(b"a\nb")
        fixture.console.readConnectionLost()
        lines = [self.successResultOf(fixture.read()) for _ in range(4)]
        assert lines == [b"a", b"b", None, None]

    def test_byteOrderMark(self) -> None:
        fixture = ConsoleFixture()
        for piece in (b"\xef\xbb", b"\xbfa\n\xef\xbb\xbfb\n"):
            fixture.console.dataReceived(piece)
        lines = [self.successResultOf(fixture.read()) for _ in range(2)]
        assert lines == [b"a", b"\xef\xbb\xbfb"]

    def test_endWhileWaiting(self) -> None:
        fixture = ConsoleFixture()
        reading = fixture.read()
        fixture.console.readConnectionLost()
        assert self.successResultOf(reading) is None

    @given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
    def test_anyCut(self, data: bytes, cuts: list[int]) -> None:
        fixture = ConsoleFixture()
        edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        for start, stop in itertools.pairwise(edges):
            fixture.console.dataReceived(data[start:stop])
        fixture.console.readConnectionLost()
        lines: list[bytes] = []
        while (line := self.successResultOf(fixture.read())) is not None:
            lines.append(line)
        expected = data.split(b"\n")
        assert lines == (expected if expected[-1] else expected[:-1])

    def test_prompt(self) -> None:
        """After Ctrl-D the shell's prompt gets a line of its own."""
        fixture = ConsoleFixture(True, True)
        reading = fixture.read()
        assert fixture.transport.value() == b"> "
        fixture.console.dataReceived(b"a\n")
        assert self.successResultOf(reading) == b"a"
        fixture.console.write(b"answer\n")
        reading = fixture.read()
        fixture.console.readConnectionLost()
        assert self.successResultOf(reading) is None
        assert fixture.transport.value() == b"> answer\n> \n"

    def test_noPromptWithoutTwoTerminals(self) -> None:
        for interactive, screen in [(True, False), (False, True)]:
            fixture = ConsoleFixture(interactive, screen)
            fixture.read()
            assert fixture.transport.value() == b""

    def test_writeBesidePrompt(self) -> None:
        fixture = ConsoleFixture(True, True)
        fixture.read()
        fixture.console.write(b"! idle\n")
        fixture.console.write(b"bye\n")
        assert fixture.transport.value() == b"> \n! idle\nbye\n"

    def test_complaintIsOneLine(self) -> None:
        fixture = ConsoleFixture(True, True)
        fixture.console.complain("bad\x1b")
        fixture.read()
        fixture.console.complain("worse")
        fixture.console.write(b"unfinished")
        fixture.console.complain("worst")
        assert fixture.errors == [
            "tsservices: bad\\x1b\n",
            "\ntsservices: worse\n",
            "\ntsservices: worst\n",
        ]

    def test_bytes(self) -> None:
        fixture = ConsoleFixture()
        fixture.console.write(b"\xff\x1b[0m\r\n")
        assert fixture.transport.value() == b"\xff\x1b[0m\r\n"

    def test_screen(self) -> None:
        fixture = ConsoleFixture(False, True)
        fixture.console.write(b"\x1b[2J\xc3")
        fixture.console.write(b"\xa9\r")
        fixture.console.write(b"\n\xff\xe4")
        Deferred.fromCoroutine(fixture.console.close(True))
        assert fixture.transport.value() == "\\x1b[2Jé\n\\xff\\xe4".encode()

    def test_holdsInputBack(self) -> None:
        fixture = ConsoleFixture()
        fixture.console.dataReceived(b"x\n" * LINES_AHEAD)
        assert fixture.transport.producerState == "paused"
        fixture.console.dataReceived(b"y\n")
        for _ in range(LINES_AHEAD):
            assert self.successResultOf(fixture.read()) == b"x"
        assert fixture.transport.producerState == "producing"
        assert self.successResultOf(fixture.read()) == b"y"

    def test_producer(self) -> None:
        fixture = ConsoleFixture()
        producer = cast(IPushProducer, object())
        fixture.console.registerProducer(producer)
        assert fixture.transport.producer is producer
        fixture.console.unregisterProducer()
        assert fixture.transport.producer is None

    def test_closeFlushesOutput(self) -> None:
        fixture = ConsoleFixture()
        closing = Deferred.fromCoroutine(fixture.console.close(True))
        assert fixture.transport.disconnecting
        self.assertNoResult(closing)
        fixture.console.connectionLost()
        self.successResultOf(closing)
        self.successResultOf(Deferred.fromCoroutine(ConsoleFixture().console.close(False)))

    def test_readerHasGone(self) -> None:
        fixture = ConsoleFixture()
        self.assertNoResult(fixture.console.outputClosed)
        fixture.console.writeConnectionLost()
        fixture.console.writeConnectionLost()
        self.successResultOf(fixture.console.outputClosed)
        self.successResultOf(Deferred.fromCoroutine(fixture.console.close(True)))

    def test_open(self) -> None:
        opened: list[object] = []

        def standard(console: PlainConsole, reactor: IReactorFDSet) -> None:
            opened.append((console, reactor))

        reactor = MemoryReactor()
        with (
            mock.patch.object(consoles, "StandardIO", standard),
            mock.patch.object(os, "isatty", lambda descriptor: descriptor == 0),
        ):
            console = openPlainConsole(reactor, b"> ")
        assert opened == [(console, reactor)]
        assert console.interactive


class TestTerminalText:
    @given(st.binary(max_size=40), st.integers(0, 40))
    def test_noControlCharacters(self, data: bytes, cut: int) -> None:
        text = TerminalText()
        shown = text.show(data[:cut]) + text.show(data[cut:], final=True)
        assert shown == TerminalText().show(data, final=True)
        assert not set(shown) & {chr(n) for n in range(32)} - {"\n", "\t"}

    def test_complaint(self) -> None:
        assert complaint("x") == "tsservices: x\n"

    @pytest.mark.parametrize(
        ("environ", "terminals", "installed", "possible"),
        [
            ({"TERM": "xterm"}, (0, 1), True, True),
            ({"TERM": "dumb"}, (0, 1), True, False),
            ({}, (0, 1), True, False),
            ({"TERM": "xterm"}, (0,), True, False),
            ({"TERM": "xterm"}, (1,), True, False),
            ({"TERM": "xterm"}, (0, 1), False, False),
        ],
    )
    def test_editing(
        self, environ: dict[str, str], terminals: tuple[int, ...], installed: bool, possible: bool
    ) -> None:
        spec = object() if installed else None
        with mock.patch("tsservices.client.terminal.text.find_spec", return_value=spec):
            assert editingPossible(environ, terminals.__contains__) is possible


class TestDescriptors:
    def test_writeError(self) -> None:
        """A pipe that was full takes the rest later."""
        parts: list[bytes] = []
        room = iter([0, 2, 100])

        def write(descriptor: int, data: bytes) -> int:
            taken = data[: next(room)]
            if not taken:
                raise BlockingIOError
            parts.append(taken)
            return len(taken)

        with (
            mock.patch.object(os, "write", write),
            mock.patch.object(select, "select", return_value=([], [2], [])),
        ):
            descriptors.writeError("abc\n")
        assert b"".join(parts) == b"abc\n"

    @pytest.mark.parametrize("error", [BlockingIOError(), BrokenPipeError()])
    def test_writeErrorGivesUpOnFullPipe(self, error: OSError) -> None:
        with (
            mock.patch.object(os, "write", side_effect=error) as write,
            mock.patch.object(select, "select", return_value=([], [], [])),
        ):
            descriptors.writeError("abc\n")
        assert write.call_count == 1

    def test_blockingRestored(self) -> None:
        modes = {0: True, 1: False, 2: True}

        def change(descriptor: int, blocking: bool) -> None:
            if descriptor == 0:
                raise OSError("closed")
            modes[descriptor] = blocking

        def leave() -> None:
            with descriptors.blockingRestored():
                modes.update({0: False, 1: True, 2: False})
                raise SystemExit

        with (
            mock.patch.object(os, "get_blocking", lambda descriptor: modes[descriptor]),
            mock.patch.object(os, "set_blocking", change),
            pytest.raises(SystemExit),
        ):
            leave()
        assert modes == {0: False, 1: False, 2: True}
