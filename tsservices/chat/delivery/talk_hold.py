"""The wait of talk for more of it, after a delivery to a large room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set

from tsservices.chat.operations import Operation, Say
from tsservices.chat.session import Session
from tsservices.common.dutycycle import DutyCycle

#: Minimum number of recipients of one turn's lines for which the next lines may wait: about 2 ms of
#: sends. For fewer the wait would be shorter than a timer's resolution of 1 or 2 ms.
HELD_FROM = 400

#: Minimum seconds of a send: sends after the delivery are not measured.
SEND_SECONDS = 4e-6

#: Maximum share of the time for such sends while lines arrive that could be joined.
HOLD_SHARE = 1 / 2

#: Maximum seconds that a line waits.
HOLD_LONGEST = 0.05


class TalkHold:
    """
    Decides whether talk waits for more of it, after a delivery to a large room.

    A line to a thousand people is a thousand sends, and eight lines that are sent together are no
    more. So while several people talk in a large room, their lines wait until all of them have
    spoken again, or until as much time has passed as the last sends took. The line of a single
    speaker never waits.

    @ivar active: whether lines may have to wait now; a plain attribute, read in each turn.
    @ivar now: a monotonic clock, in seconds.
    """

    __slots__ = ("_authors", "_cycle", "_rooms", "active", "now")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """@param monotonic: a clock, in seconds."""
        self.now = monotonic
        self._cycle = DutyCycle(HOLD_SHARE, HOLD_LONGEST)
        self._authors: Set[str] = frozenset()
        self._rooms: Set[str] = frozenset()
        self.active = False

    def delivered(self, rooms: Set[str], authors: Set[str], audience: int, began: float) -> None:
        """
        Note that a turn has delivered to many recipients.

        @param rooms: the keys of the rooms that had lines.
        @param authors: the sessions that proposed something.
        @param audience: the number of sends.
        @param began: the start of the delivery, in seconds of the clock.
        """
        self._rooms = rooms
        if not rooms:
            return
        self._authors = authors
        self._cycle.worked(began, max(self.now(), began + SEND_SECONDS * audience))
        self.active = True

    def wait(self, proposals: Iterable[tuple[Operation, Session]]) -> float:
        """The seconds that these proposals have to wait for others; 0: none."""
        remaining = self._cycle.remaining(self.now())
        if not remaining:
            self.active = False
            return 0.0
        authors: set[str] = set()
        for operation, session in proposals:
            # Answers to commands, and talk in other rooms, are not delayed for this room.
            if type(operation) is not Say or operation.room not in self._rooms:
                return 0.0
            authors.add(session.ident)
        # When all previous speakers have spoken again, there is nobody left to wait for. So a
        # client that sends its next line after the last one was delivered never waits, alone or
        # with others.
        return 0.0 if authors >= self._authors else remaining
