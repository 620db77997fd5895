"""The interactive console: line editing and history, by prompt_toolkit."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime

from tsservices.client.terminal.console import Interrupted
from tsservices.client.terminal.descriptors import writeError
from tsservices.client.terminal.keyboard import Keyboard
from tsservices.client.terminal.text import TerminalText, complaint

#: Seconds for which an incomplete line waits for its end: enough for the next segment, and too
#: short for a reader to notice.
UNFINISHED_SECONDS = 0.1


class PromptConsole:
    """
    A console on a terminal that prints output above the line being typed, in the turn of the event
    loop in which it arrives.  (prompt_toolkit's own C{patch_stdout} writes in a thread, every 0.2
    seconds, so an answer could be printed after the next prompt.)

    @ivar outputClosed: never fires, because a terminal that closes sends SIGHUP.
    """

    interactive = True
    attended = True

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: IReactorTime,
        keys: Input,
        screen: Output,
        errors: Callable[[str], None] = writeError,
    ) -> None:
        self.outputClosed: Deferred[bool] = Deferred()
        self._loop = loop
        self._clock = clock
        self._output = screen
        self._errors = errors
        self._text = TerminalText()
        self._unfinished = ""
        self._unprinted = ""
        self._flushing: IDelayedCall | None = None
        self._prompting = False
        self._session: PromptSession[str] = PromptSession(
            "> ",
            input=keys,
            output=screen,
            enable_suspend=True,
            interrupt_exception=Interrupted,
        )

    async def readLine(self) -> bytes | None:
        self._finishLine()
        self._prompting = True
        editing = self._loop.create_task(
            self._session.prompt_async(handle_sigint=False, set_exception_handler=False)
        )
        try:
            text = await Deferred.fromFuture(editing)
        except (EOFError, OSError):
            # Ctrl-D, or the terminal has closed.
            return None
        except asyncio.CancelledError:
            raise CancelledError() from None
        finally:
            self._prompting = False
            self._printNow()
        return text.encode("utf-8", "surrogateescape")

    def write(self, data: bytes) -> None:
        """Print bytes above the prompt; control characters in them are made visible."""
        lines, newline, unfinished = (self._unfinished + self._text.show(data)).rpartition("\n")
        self._unfinished = unfinished
        self._print(lines + newline)
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if unfinished:
            self._flushing = self._clock.callLater(UNFINISHED_SECONDS, self._flush)

    def complain(self, message: str) -> None:
        self._finishLine()
        self._errors(complaint(message))

    def registerProducer(self, producer: IPushProducer) -> None:
        # No back-pressure: writes to a terminal block until it has taken all.
        pass

    def unregisterProducer(self) -> None:
        pass

    async def close(self, flush: bool) -> None:
        self._unfinished += self._text.show(b"", final=True)
        self._finishLine()

    def _flush(self) -> None:
        self._flushing = None
        self._finishLine()

    def _finishLine(self) -> None:
        # The prompt needs a line of its own.
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if self._unfinished:
            text, self._unfinished = self._unfinished, ""
            self._print(text + "\n")

    def _print(self, text: str) -> None:
        if not text:
            return
        waiting = bool(self._unprinted)
        self._unprinted += text
        if not self._prompting:
            self._printNow()
        elif not waiting:
            self._loop.call_soon(self._printAbove)

    def _printAbove(self) -> None:
        run_in_terminal(self._printNow)

    def _printNow(self) -> None:
        text, self._unprinted = self._unprinted, ""
        if text:
            self._output.write_raw(text)
            self._output.flush()


def openPromptConsole(loop: asyncio.AbstractEventLoop, clock: IReactorTime) -> PromptConsole:
    """Open the console on this process's terminal."""
    screen = create_output()
    if isinstance(screen, Vt100_Output):
        # A prompt of one line needs no cursor position, and terminals that do not answer the
        # request for it display it.
        screen.enable_cpr = False
    return PromptConsole(loop, clock, Keyboard(sys.stdin), screen)
