"""The full screen as the console and the display of the client."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer

from tsservices.client.chat.colours import Span
from tsservices.client.chat.machine import ClientMachine
from tsservices.client.chat.ports import View
from tsservices.client.chat.state import ClientState
from tsservices.client.chat.ui.files.logs import ChatLogs
from tsservices.client.chat.ui.files.saved_windows import WindowsFile
from tsservices.client.chat.ui.screen import ChatScreen
from tsservices.client.terminal.descriptors import writeError, writeOutput
from tsservices.client.terminal.text import complaint
from tsservices.common.text import visible


class ScreenDisplay:
    """
    A console and a display on a full screen.

    @ivar interactive: always true.
    @ivar attended: as in L{Console<tsservices.client.terminal.console.Console>}.
    @ivar outputClosed: never fires, because a terminal that closes sends SIGHUP.
    @ivar editing: as in L{Display<tsservices.client.chat.ui.display.Display>}.
    """

    interactive = True
    attended = True
    editing = True

    def __init__(
        self,
        screen: ChatScreen,
        loop: asyncio.AbstractEventLoop,
        file: WindowsFile,
        logs: str = "",
        errors: Callable[[str], None] = writeError,
        output: Callable[[str], None] = writeOutput,
    ) -> None:
        """@param logs: the folder of the logs; empty: none are written."""
        self.outputClosed: Deferred[bool] = Deferred()
        self._screen = screen
        self._model = screen.model
        self._loop = loop
        self._file = file
        self._logs = logs
        self._errors = errors
        self._output = output
        self._ended: Deferred[None] | None = None
        self._left = self._closed = False
        screen.quit = self._quit
        self._before = {
            number: signal.getsignal(number)
            for number in (signal.SIGHUP, signal.SIGWINCH, signal.SIGCONT)
        }
        # Not the event loop's handlers: they need the wakeup descriptor, which Twisted replaced.
        self._onSignal(signal.SIGWINCH, screen.resized)
        self._onSignal(signal.SIGCONT, screen.resumed)
        if self._before[signal.SIGHUP] is not signal.SIG_IGN:
            self._onSignal(signal.SIGHUP, self._quit)

    def _onSignal(self, number: signal.Signals, perform: Callable[[], None]) -> None:
        signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(perform))

    async def readLine(self) -> bytes | None:
        """
        Wait for the end of the input.  Typed lines go to the client directly, with their windows.

        @return: L{None}.
        """
        if not self._left:
            self._ended = Deferred()
            await self._ended
        self._left = False
        return None

    def _quit(self) -> None:
        self._left = True
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.callback(None)

    def write(self, data: bytes) -> None:
        for line in data.decode("utf-8", "backslashreplace").splitlines():
            self.show([("", line)], False)

    def complain(self, message: str) -> None:
        if self._model.view is None or self._closed:
            self._errors(complaint(message))
        else:
            self._model.view.complain(message)
            self._screen.changed()

    def registerProducer(self, producer: IPushProducer) -> None:
        # No back-pressure: only visible lines are drawn.
        pass

    def unregisterProducer(self) -> None:
        pass

    async def close(self, flush: bool) -> None:
        """Restore the terminal, and print the unsent lines."""
        self._closed = True
        self._save()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        await Deferred.fromFuture(self._loop.create_task(self._screen.stop()))
        for line in self._model.unsent():
            self._output(f"{visible(line)}\n")

    def show(self, line: list[Span], alert: bool) -> None:
        if self._model.view is not None:
            self._model.view.print("".join(text for _, text in line))
        self._screen.changed()

    def ask(self, text: str) -> None:
        if self._model.view is not None:
            self._model.view.askSecret(text)
            self._screen.changed()

    def openView(self, state: ClientState) -> View:
        view = self._model.openView(state)
        view.alert = self._screen.ring
        if self._logs:
            logs = ChatLogs(self._logs, view.complain)
            view.log = logs.write
            view.logRestored = logs.restored
        return view

    def attach(self, machine: ClientMachine, enter: Callable[[str, str], None]) -> None:
        self._screen.answer = lambda text: enter(text, self._model.windows.current.ident)
        self._model.attach(machine, enter)
        self._screen.changed()

    def question(self, asking: bool) -> None:
        self._model.ask(asking)
        self._screen.changed()

    def changed(self) -> None:
        """Update the screen after a change of state."""
        self._model.changed()
        if self._model.windowsChanged:
            self._save()
        self._screen.changed()

    def _save(self) -> None:
        self._model.windowsChanged = False
        self._file.save(self._model.saved())
