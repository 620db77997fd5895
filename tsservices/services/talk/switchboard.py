"""
Who talks with whom: one operator, and the people who call.  Pure: how text comes
and goes is its callers' business.
"""

from __future__ import annotations

from typing import Protocol as Interface

from tsservices.common.text import visible

#: Bytes of talk kept for an operator who is not there, from all people together.
WAITING_IN_ALL = 1024 * 1024

ABSENT = "! no operator is here; what you write is kept until one comes"
FULL = "! too much waits for the operator already; this was not kept"
CLOSED = "! the operator has ended this talk"


class TalkPeer(Interface):
    """
    Somebody who has called.

    @ivar peer: the name for people.
    @ivar reads: whether it reads what it is sent.
    """

    peer: str
    reads: bool

    def say(self, text: str) -> None: ...

    def hold(self, held: bool) -> None: ...

    def finish(self) -> None:
        """End the call."""
        ...


class OperatorConsole(Interface):
    """Where an operator sits."""

    def show(self, line: str) -> None: ...


class OperatorBusy(Exception):
    """There is an operator already.  The argument is what to tell the second one."""


class _Line:
    """
    One call.

    @ivar number: what the operator calls it by.
    @ivar waiting: bytes of it that wait for an operator.
    @ivar told: it knows that no operator is there.
    @ivar refused: it knows that too much is waiting.
    @ivar silent: it has said all it wants to say.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.waiting = 0
        self.told = False
        self.refused = False
        self.silent = False


class Switchboard:
    """
    Connects one operator with callers.

    @ivar name: the operator's.
    """

    def __init__(self, name: str, waiting: int) -> None:
        """@param waiting: bytes kept of each caller while there is no operator."""
        self.name = name
        self._limit = waiting
        self._console: OperatorConsole | None = None
        self._lines: dict[TalkPeer, _Line] = {}
        self._last = 0
        self._current: TalkPeer | None = None
        self._kept: list[tuple[str, str]] = []
        self._keptBytes = 0
        self._held = False

    # The operator's side.

    def attach(self, console: OperatorConsole) -> None:
        """
        An operator comes, and sees what was said meanwhile.

        @raise OperatorPresent: there is one.
        """
        if self._console is not None:
            raise OperatorBusy(f"{self.name} is on the line already")
        self._console = console
        console.show(f"* {self.name}, you are the operator; /help tells what you can do")
        kept, self._kept, self._keptBytes = self._kept, [], 0
        for label, text in kept:
            self._show(label, text)
        for caller, line in self._lines.items():
            line.waiting = 0
            line.told = line.refused = False
            caller.hold(self._held)
        if self._lines:
            self.who()

    def detach(self, console: OperatorConsole) -> None:
        """The operator goes."""
        if self._console is console:
            self._console = None
            self.hold(False)

    def close(self) -> None:
        """The server stops."""
        self.tell("the server stops")

    def hold(self, held: bool) -> None:
        if self._held != held:
            self._held = held
            for caller in self._lines:
                caller.hold(held)

    # The callers' side.

    def arrive(self, caller: TalkPeer) -> None:
        self._last += 1
        line = self._lines[caller] = _Line(self._last)
        if self._console is None:
            line.told = True
            caller.say(ABSENT)
            return
        if self._current is None:
            self._current = caller
        talking = "; you talk with them" if self._current is caller else ""
        self.tell(f"{self._label(caller)} calls{talking}")
        if self._held:
            caller.hold(True)

    def hear(self, caller: TalkPeer, text: str) -> None:
        line = self._lines[caller]
        if self._console is not None:
            if self._current is None:
                self._current = caller
            self._show(f"[{line.number}]", text)
            return
        if not line.told:
            line.told = True
            caller.say(ABSENT)
        size = len(text.encode("utf-8", "surrogatepass"))
        if self._keptBytes + size > WAITING_IN_ALL:
            if not line.refused:
                line.refused = True
                caller.say(FULL)
            caller.hold(True)
            return
        self._kept.append((f"[{line.number} {caller.peer}]", text))
        self._keptBytes += size
        line.waiting += size
        if line.waiting >= self._limit:
            caller.hold(True)

    def silence(self, caller: TalkPeer) -> None:
        self._lines[caller].silent = True
        self.tell(f"{self._label(caller)} has finished speaking")

    def leave(self, caller: TalkPeer) -> None:
        self.tell(f"{self._label(caller)} has gone")
        del self._lines[caller]
        if self._current is caller:
            self._current = None

    # What the operator's commands are made of.

    def who(self) -> None:
        """Show who is there."""
        for caller in self._lines:
            marks = "; has finished speaking" if self._lines[caller].silent else ""
            marks += "; you talk with them" if caller is self._current else ""
            self.tell(f"{self._label(caller)}{marks}")
        if not self._lines:
            self.tell("nobody is there")

    def choose(self, caller: TalkPeer) -> None:
        self._current = caller
        self.tell(f"you talk with {self._label(caller)}")

    def sayToAll(self, text: str) -> None:
        for caller in tuple(self._lines):
            self._say(caller, text)
        self.tell(f"told {len(self._lines)}")

    def sayToCurrent(self, text: str) -> None:
        caller = self.partner()
        if caller is not None:
            self._say(caller, text)

    def hangUp(self, caller: TalkPeer) -> None:
        caller.say(CLOSED)
        caller.finish()

    def find(self, number: str) -> TalkPeer | None:
        """The caller; if there is none, the operator has been told."""
        for caller, line in self._lines.items():
            if str(line.number) == number:
                return caller
        self.tell("there is no such caller; /who lists them")
        return None

    def partner(self) -> TalkPeer | None:
        """Whom the operator talks with; if there is nobody, the operator has been told."""
        if self._current is None and len(self._lines) == 1:
            (self._current,) = self._lines
        if self._current is None:
            self.tell("whom do you mean? /to N chooses" if self._lines else "nobody is there")
        return self._current

    def _say(self, caller: TalkPeer, text: str) -> None:
        if caller.reads:
            caller.say(text)
        else:
            self.tell(f"[{self._lines[caller].number}] does not read; this was not sent")

    def _label(self, caller: TalkPeer) -> str:
        return f"[{self._lines[caller].number}] {caller.peer}"

    def tell(self, text: str) -> None:
        if self._console is not None:
            self._console.show(f"* {text}")

    def _show(self, label: str, text: str) -> None:
        assert self._console is not None
        for line in text.removesuffix("\n").split("\n"):
            self._console.show(f"{label} {visible(line.removesuffix(chr(13)))}")
