"""Tests for L{tsservices.client.terminal.prompt}."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import signal
from collections.abc import Coroutine, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import mock

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tsservices.client.terminal.console import Interrupted

if TYPE_CHECKING:
    from prompt_toolkit.input import PipeInput

    from tsservices.client.terminal.prompt import PromptConsole

T = TypeVar("T")

MISSING = "prompt_toolkit is not installed" if find_spec("prompt_toolkit") is None else None

MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")

#: How many turns of the event loop anything here may take: it all happens in memory, so none of
#: them waits.
TURNS = 200


class PromptFixture:
    def __init__(self, loop: asyncio.AbstractEventLoop, keys: PipeInput) -> None:
        from prompt_toolkit.data_structures import Size
        from prompt_toolkit.output.vt100 import Vt100_Output

        from tsservices.client.terminal.prompt import PromptConsole

        self.loop = loop
        self.clock = Clock()
        self.keys = keys
        self.screen = io.StringIO()
        self.errors: list[str] = []
        output = Vt100_Output(self.screen, lambda: Size(rows=24, columns=80), enable_cpr=False)
        self.console: PromptConsole = PromptConsole(
            loop, self.clock, keys, output, self.errors.append
        )

    def read(self) -> Deferred[bytes | None]:
        reading = Deferred.fromCoroutine(self.console.readLine())
        self.turn()
        return reading

    def turn(self) -> None:

        async def turns() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def drawn(self) -> str:
        text = MOVES.sub("", self.screen.getvalue())
        self.screen.seek(0)
        self.screen.truncate()
        return text


@contextlib.contextmanager
def promptFixture() -> Iterator[PromptFixture]:
    from prompt_toolkit.input import create_pipe_input

    loop = asyncio.new_event_loop()
    try:
        with create_pipe_input() as keys:
            yield PromptFixture(loop, keys)
    finally:
        loop.close()


def finish(coroutine: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    return Deferred.fromCoroutine(coroutine)


class PromptTests(SynchronousTestCase):
    skip = MISSING

    def test_lineIsEditedAndInHistory(self) -> None:
        with promptFixture() as fixture:
            reading = fixture.read()
            assert fixture.drawn() == ">"
            fixture.keys.send_text("hxé你\x1b[D\x1b[D\x7f\r")
            fixture.turn()
            assert self.successResultOf(reading) == "hé你".encode()
            reading = fixture.read()
            fixture.keys.send_text("\x1b[A\r")
            fixture.turn()
            assert self.successResultOf(reading) == "hé你".encode()

    def test_keys(self) -> None:
        with promptFixture() as fixture:
            reading = fixture.read()
            fixture.keys.send_text("\x04")
            fixture.turn()
            assert self.successResultOf(reading) is None
            reading = fixture.read()
            fixture.keys.send_text("half\x03")
            fixture.turn()
            self.failureResultOf(reading, Interrupted)

    def test_closedTerminal(self) -> None:
        with promptFixture() as fixture:
            reading = fixture.read()
            fixture.keys.pipe.close_write()  # type: ignore[attr-defined]
            error = OSError(5, "Input/output error")
            with mock.patch.object(fixture.console._session.output, "flush", side_effect=error):
                fixture.turn()
            assert self.successResultOf(reading) is None

    def test_cancelRestoresTheTerminal(self) -> None:
        with promptFixture() as fixture:
            reading = fixture.read()
            reading.cancel()
            self.assertNoResult(reading)
            fixture.turn()
            self.failureResultOf(reading, CancelledError)

    def test_outputAboveTheInput(self) -> None:
        with promptFixture() as fixture:
            reading = fixture.read()
            fixture.keys.send_text("half")
            fixture.turn()
            fixture.drawn()
            fixture.console.write(b"one\nt")
            fixture.console.write(b"wo\n")
            fixture.turn()
            drawn = fixture.drawn()
            assert "one\ntwo\n" in drawn
            assert "> half" in drawn.partition("two\n")[2]
            fixture.keys.send_text("\r")
            fixture.turn()
            assert self.successResultOf(reading) == b"half"

    def test_noControlCharacters(self) -> None:
        with promptFixture() as fixture:
            fixture.console.write(b"\x1b[2J\xff\r\n")
            assert fixture.drawn().endswith("\\x1b[2J\\xff\n")

    def test_answerBeforeNextPrompt(self) -> None:
        with promptFixture() as fixture:
            fixture.console.write(b"answer\n")
            fixture.read().addErrback(lambda _: None).cancel()
            fixture.turn()
            before, found, after = fixture.drawn().partition("answer\n")
            assert found
            assert before == ""
            assert after.startswith(">")

    def test_unfinishedLineWaitsAMoment(self) -> None:
        with promptFixture() as fixture:
            fixture.console.write(b"bare")
            assert fixture.drawn() == ""
            fixture.clock.advance(0.09)
            fixture.console.write(b" text")
            fixture.clock.advance(0.09)
            assert fixture.drawn() == ""
            fixture.clock.advance(0.01)
            assert fixture.drawn().endswith("bare text\n")
            assert not fixture.clock.getDelayedCalls()

    def test_complain(self) -> None:
        with promptFixture() as fixture:
            fixture.console.write(b"bare")
            fixture.console.complain("bad")
            assert fixture.drawn().endswith("bare\n")
            assert fixture.errors == ["tsservices: bad\n"]
            assert not fixture.clock.getDelayedCalls()

    def test_close(self) -> None:
        with promptFixture() as fixture:
            fixture.console.write(b"bare\xc3")
            self.successResultOf(finish(fixture.console.close(True)))
            assert fixture.drawn().endswith("bare\\xc3\n")

    def test_producer(self) -> None:
        with promptFixture() as fixture:
            producer = mock.Mock(spec=IPushProducer)
            fixture.console.registerProducer(producer)
            fixture.console.unregisterProducer()
            assert producer.mock_calls == []

    def test_open(self) -> None:
        """Opening must not send queries to the terminal."""
        from prompt_toolkit.output import DummyOutput
        from prompt_toolkit.output.vt100 import Vt100_Output

        from tsservices.client.terminal import prompt

        vt100 = Vt100_Output(io.StringIO(), mock.Mock())
        with (
            promptFixture() as fixture,
            mock.patch.object(prompt, "Keyboard", return_value=fixture.keys),
            mock.patch.object(prompt, "create_output", side_effect=[vt100, DummyOutput()]),
        ):
            for _ in range(2):
                console = prompt.openPromptConsole(fixture.loop, fixture.clock)
                self.assertNoResult(console.outputClosed)
        assert not vt100.enable_cpr

    def test_signals(self) -> None:
        """The reactor's own handler of Ctrl-C stays in place."""
        before = signal.getsignal(signal.SIGINT)
        with promptFixture() as fixture:
            reading = fixture.read()
            assert signal.getsignal(signal.SIGINT) is before
            fixture.keys.send_text("\x04")
            fixture.turn()
            assert self.successResultOf(reading) is None
