"""Talk that waits for more of it, after a large room was sent to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set

from tsservices.chat.operations import Operation, Say
from tsservices.chat.session import Session
from tsservices.common.dutycycle import DutyCycle

#: Recipients of one turn's lines from which on the next lines may wait: some 2 ms of sends. Below
#: that the wait would be shorter than a millisecond or two, which is what a timer can do.
HELD_FROM = 400

#: Seconds that a send takes at least: those that are made after the delivery are not measured.
SEND_SECONDS = 4e-6

#: Part of the time in which such sends may be made while lines come that could be joined.
HOLD_SHARE = 1 / 2

#: Seconds that a line waits at most.
HOLD_LONGEST = 0.05


class TalkHold:
    """
    Decides whether talk waits until more of it has come: after a large room was sent to.

    A line to a thousand people is a thousand sends, and eight lines that are sent together are no
    more. So while several people talk in a large room, their lines wait until all of them have
    spoken again, or until as much time has passed as the last sends took. One who talks alone never
    waits.

    @ivar active: whether lines may have to wait now; a plain attribute, read in each turn.
    @ivar now: seconds that only go forward.
    """

    __slots__ = ("_authors", "_cycle", "_rooms", "active", "now")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """@param monotonic: seconds that only go forward."""
        self.now = monotonic
        self._cycle = DutyCycle(HOLD_SHARE, HOLD_LONGEST)
        self._authors: Set[str] = frozenset()
        self._rooms: Set[str] = frozenset()
        self.active = False

    def delivered(self, rooms: Set[str], authors: Set[str], audience: int, began: float) -> None:
        """
        Note that a turn has delivered to many.

        @param rooms: the keys of the rooms that had lines.
        @param authors: the sessions that proposed something.
        @param audience: the number of sends.
        @param began: when, in seconds of the clock.
        """
        self._rooms = rooms
        if not rooms:
            return
        self._authors = authors
        self._cycle.worked(began, max(self.now(), began + SEND_SECONDS * audience))
        self.active = True

    def wait(self, proposals: Iterable[tuple[Operation, Session]]) -> float:
        """The seconds that these proposals have to wait for others; 0: they leave now."""
        remaining = self._cycle.remaining(self.now())
        if not remaining:
            self.active = False
            return 0.0
        authors: set[str] = set()
        for operation, session in proposals:
            # Answers to commands, and talk elsewhere, are not late for the sake of this room.
            if type(operation) is not Say or operation.room not in self._rooms:
                return 0.0
            authors.add(session.ident)
        # When all have spoken who spoke before, nobody is left to wait for: so whoever sends the
        # next line when the last one has come never waits, alone or with others.
        return 0.0 if authors >= self._authors else remaining
