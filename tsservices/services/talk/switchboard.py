"""
The calls of the talk service: one operator and any number of callers.  No I/O: the connections
are in L{tsservices.services.talk.protocol}.
"""

from __future__ import annotations

from typing import Protocol as Interface

from tsservices.common.text import visible

#: The most bytes from all callers that wait for an operator; C{talk-waiting} limits each caller.
WAITING_IN_ALL = 1024 * 1024

#: Bytes counted for each waiting text in addition to its own, about its overhead in memory: many
#: callers can send single bytes.
TEXT_OVERHEAD = 150

ABSENT = "! no operator is here; what you write is kept until one comes"
FULL = "! too much waits for the operator already; this was not kept"
CLOSED = "! the operator has ended this talk"


class TalkPeer(Interface):
    """The connection of a caller."""

    #: The caller's name as shown to the operator.
    peer: str
    #: Whether the caller reads what is sent.
    reads: bool

    def say(self, text: str) -> None: ...

    def setPaused(self, paused: bool) -> None:
        """Stop or continue reading from this caller."""
        ...

    def finish(self) -> None:
        """End the call."""
        ...


class OperatorConsole(Interface):
    """The console of an operator."""

    def show(self, line: str) -> None: ...


class OperatorBusy(Exception):
    """Another operator is attached already.  The argument is the text for the second one."""


class _Call:
    def __init__(self, number: int) -> None:
        #: The number of the call in the operator's commands.
        self.number = number
        #: Bytes that wait for an operator.
        self.waiting = 0
        # Each notice is sent once, not for every chunk.
        self.absenceShown = False
        self.fullShown = False
        #: The caller will send nothing more.
        self.halfClosed = False


class Switchboard:
    """
    Connects one operator with callers.

    Without an operator, text waits in the order of its arrival.  If too much text of a caller
    waits, the server stops reading from that caller.  If too much waits in all, further text is
    dropped, with a notice to its caller.

    @ivar name: the name of the operator.
    """

    def __init__(self, name: str, waiting: int) -> None:
        """@param waiting: the most bytes of one caller that wait while there is no operator."""
        self.name = name
        self._limit = waiting
        self._console: OperatorConsole | None = None
        self._calls: dict[TalkPeer, _Call] = {}
        self._last = 0
        self._current: TalkPeer | None = None
        self._waiting: list[tuple[str, str]] = []
        self._waitingBytes = 0
        self._paused = False

    # The operator's side.

    def attach(self, console: OperatorConsole) -> None:
        """
        Connect an operator, and show all text that has waited.

        @raise OperatorBusy: another operator is attached.
        """
        if self._console is not None:
            raise OperatorBusy(f"{self.name} is on the line already")
        self._console = console
        console.show(f"* {self.name}, you are the operator; /help tells what you can do")
        waiting, self._waiting, self._waitingBytes = self._waiting, [], 0
        for label, text in waiting:
            self._show(label, text)
        for caller, call in self._calls.items():
            call.waiting = 0
            call.absenceShown = call.fullShown = False
            caller.setPaused(self._paused)
        if self._calls:
            self.who()

    def detach(self, console: OperatorConsole) -> None:
        """Disconnect the operator; do nothing if another one is attached."""
        if self._console is console:
            self._console = None
            self.setPaused(False)

    def close(self) -> None:
        """Announce the stop of the server."""
        self.notify("the server stops")

    def setPaused(self, paused: bool) -> None:
        """Stop reading from all callers while the console does not read, or continue."""
        if self._paused != paused:
            self._paused = paused
            for caller in self._calls:
                caller.setPaused(paused)

    # The callers' side.

    def arrive(self, caller: TalkPeer) -> None:
        self._last += 1
        call = self._calls[caller] = _Call(self._last)
        if self._console is None:
            call.absenceShown = True
            caller.say(ABSENT)
            return
        if self._current is None:
            self._current = caller
        talking = "; you talk with them" if self._current is caller else ""
        self.notify(f"{self._label(caller)} calls{talking}")
        if self._paused:
            caller.setPaused(True)

    def receive(self, caller: TalkPeer, text: str) -> None:
        call = self._calls[caller]
        if self._console is not None:
            if self._current is None:
                self._current = caller
            self._show(f"[{call.number}]", text)
            return
        if not call.absenceShown:
            call.absenceShown = True
            caller.say(ABSENT)
        size = len(text.encode("utf-8", "surrogatepass"))
        taken = size + TEXT_OVERHEAD
        if self._waitingBytes + taken > WAITING_IN_ALL:
            if not call.fullShown:
                call.fullShown = True
                caller.say(FULL)
            caller.setPaused(True)
            return
        self._waiting.append((f"[{call.number} {caller.peer}]", text))
        self._waitingBytes += taken
        call.waiting += size
        if call.waiting >= self._limit:
            caller.setPaused(True)

    def halfClose(self, caller: TalkPeer) -> None:
        self._calls[caller].halfClosed = True
        self.notify(f"{self._label(caller)} has finished speaking")

    def leave(self, caller: TalkPeer) -> None:
        self.notify(f"{self._label(caller)} has gone")
        del self._calls[caller]
        if self._current is caller:
            self._current = None

    # The operator's commands.

    def who(self) -> None:
        """Show all callers."""
        for caller in self._calls:
            marks = "; has finished speaking" if self._calls[caller].halfClosed else ""
            marks += "; you talk with them" if caller is self._current else ""
            self.notify(f"{self._label(caller)}{marks}")
        if not self._calls:
            self.notify("nobody is there")

    def choose(self, caller: TalkPeer) -> None:
        self._current = caller
        self.notify(f"you talk with {self._label(caller)}")

    def sayToAll(self, text: str) -> None:
        for caller in tuple(self._calls):
            self._say(caller, text)
        self.notify(f"told {len(self._calls)}")

    def sayToCurrent(self, text: str) -> None:
        caller = self.partner()
        if caller is not None:
            self._say(caller, text)

    def hangUp(self, caller: TalkPeer) -> None:
        caller.say(CLOSED)
        caller.finish()

    def find(self, number: str) -> TalkPeer | None:
        """Find the caller with this number; if there is none, notify the operator."""
        for caller, call in self._calls.items():
            if str(call.number) == number:
                return caller
        self.notify("there is no such caller; /who lists them")
        return None

    def partner(self) -> TalkPeer | None:
        """Get the current caller; if there is none, show the operator how to choose one."""
        if self._current is None and len(self._calls) == 1:
            (self._current,) = self._calls
        if self._current is None:
            self.notify("whom do you mean? /to N chooses" if self._calls else "nobody is there")
        return self._current

    def _say(self, caller: TalkPeer, text: str) -> None:
        if caller.reads:
            caller.say(text)
        else:
            self.notify(f"[{self._calls[caller].number}] does not read; this was not sent")

    def _label(self, caller: TalkPeer) -> str:
        return f"[{self._calls[caller].number}] {caller.peer}"

    def notify(self, text: str) -> None:
        if self._console is not None:
            self._console.show(f"* {text}")

    def _show(self, label: str, text: str) -> None:
        assert self._console is not None
        for line in text.removesuffix("\n").split("\n"):
            self._console.show(f"{label} {visible(line.removesuffix(chr(13)))}")
