"""
The displays: a terminal with line editing, which is also the console, or plain standard output.
"""

from __future__ import annotations

import os
import signal
import termios
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer

from tsservices.client.chat.colours import Span, Styler
from tsservices.client.chat.machine import ClientMachine
from tsservices.client.chat.ports import View
from tsservices.client.chat.state import ClientState
from tsservices.client.chat.text_view import TextView
from tsservices.client.chat.ui.completion import completions
from tsservices.client.chat.ui.status import promptText, statusLine
from tsservices.client.terminal.console import Console
from tsservices.client.terminal.descriptors import writeError
from tsservices.client.terminal.text import complaint

if TYPE_CHECKING:
    import asyncio

    from tsservices.client.chat.ui.terminal import Terminal


#: The prefix of error lines.
REFUSED = "! "


class Display(Protocol):
    """The interface of displays, which show lines."""

    #: Whether it has a permanent prompt, at which the user can be asked.
    editing: bool

    def show(self, line: list[Span], alert: bool) -> None:
        """@param alert: whether to alert the user."""
        ...

    def ask(self, text: str) -> None:
        """@param text: the prompt for a secret; empty: the prompt ends."""
        ...

    def openView(self, state: ClientState) -> View:
        """Make the view for people."""
        ...

    def attach(self, machine: ClientMachine, enter: Callable[[str, str], None]) -> None:
        """@param enter: takes a typed line and the name of its window."""
        ...

    def question(self, asking: bool) -> None:
        """@param asking: whether the next line answers a question that was shown."""
        ...

    def changed(self) -> None:
        """Update the status, the prompt and the like after a change of state."""
        ...


class PlainDisplay:
    """
    A display on a console without line editing.

    @ivar editing: as in L{Display}.
    """

    editing = False

    def __init__(self, console: Console, terminal: int | None = None, quiet: bool = False) -> None:
        """
        @param terminal: the descriptor of the terminal whose echo is switched off for secrets.
        @param quiet: whether to show errors only, on standard error.
        """
        self._console = console
        self._quiet = quiet
        self._terminal = terminal
        self._styler = Styler(0)
        self._hidden = False

    def show(self, line: list[Span], alert: bool) -> None:
        text = self._styler.paint(line)
        if not self._quiet:
            self.write(text)
        elif text.startswith(REFUSED):
            self._console.complain(text.removeprefix(REFUSED))

    def write(self, text: str) -> None:
        self._console.write(f"{text}\n".encode("utf-8", "replace"))

    def ask(self, text: str) -> None:
        if text and not self._quiet:
            self.write(f"* {text}")
        if self._terminal is not None and self._hidden != bool(text):
            self._hidden = bool(text)
            with suppress(termios.error):
                modes = termios.tcgetattr(self._terminal)
                modes[3] = modes[3] & ~termios.ECHO if text else modes[3] | termios.ECHO
                termios.tcsetattr(self._terminal, termios.TCSANOW, modes)

    def openView(self, state: ClientState) -> View:
        return TextView(state, self.show, self.ask, marked=self.editing)

    def attach(self, machine: ClientMachine, enter: Callable[[str, str], None]) -> None:
        pass

    def question(self, asking: bool) -> None:
        pass

    def changed(self) -> None:
        pass


class TerminalDisplay:
    """
    A L{Console} and a L{Display} on a permanent prompt.

    @ivar interactive: always true.
    @ivar attended: as in L{Console}.
    @ivar outputClosed: never fires, because a terminal that closes sends SIGHUP.
    @ivar editing: as in L{Display}.
    """

    interactive = True
    attended = True
    editing = True

    def __init__(
        self,
        terminal: Terminal,
        loop: asyncio.AbstractEventLoop,
        styler: Styler,
        bell: bool,
        errors: Callable[[str], None] = writeError,
    ) -> None:
        self.outputClosed: Deferred[bool] = Deferred()
        self._terminal = terminal
        self._loop = loop
        self._styler = styler
        self._bell = bell
        self._errors = errors
        self._lines: deque[bytes | None] = deque()
        self._waiting: Deferred[None] | None = None
        terminal.typed = self._typed
        terminal.quit = lambda: self._put(None)
        self._before = signal.signal(
            signal.SIGCONT, lambda *_: loop.call_soon_threadsafe(terminal.resumed)
        )

    async def readLine(self) -> bytes | None:
        """Wait for the next typed line; L{None}: Ctrl-D."""
        while not self._lines:
            self._waiting = Deferred()
            await self._waiting
        return self._lines.popleft()

    def write(self, data: bytes) -> None:
        for line in data.decode("utf-8", "backslashreplace").splitlines():
            self._terminal.show(line, False)

    def complain(self, message: str) -> None:
        self._errors(complaint(message))

    def registerProducer(self, producer: IPushProducer) -> None:
        # No back-pressure: writes to a terminal block until it has taken all.
        pass

    def unregisterProducer(self) -> None:
        pass

    async def close(self, flush: bool) -> None:
        """Restore the terminal."""
        signal.signal(signal.SIGCONT, self._before)
        await Deferred.fromFuture(self._loop.create_task(self._terminal.stop()))

    def show(self, line: list[Span], alert: bool) -> None:
        self._terminal.show(self._styler.paint(line), alert and self._bell)

    def ask(self, text: str) -> None:
        self._terminal.ask(text)

    def openView(self, state: ClientState) -> View:
        return TextView(state, self.show, self.ask, marked=self.editing)

    def question(self, asking: bool) -> None:
        pass

    def attach(self, machine: ClientMachine, enter: Callable[[str, str], None]) -> None:
        self._terminal.status = lambda: statusLine(machine)
        self._terminal.prompt = lambda: promptText(machine)
        self._terminal.complete = lambda before: completions(before, machine.state)

    def changed(self) -> None:
        self._terminal.redraw()

    def _typed(self, line: str) -> None:
        self._put(line.encode("utf-8", "surrogateescape"))

    def _put(self, line: bytes | None) -> None:
        self._lines.append(line)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


def terminalOf(descriptor: int) -> int | None:
    """Return the descriptor if it is a terminal."""
    return descriptor if os.isatty(descriptor) else None
