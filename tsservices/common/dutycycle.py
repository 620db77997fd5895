"""A limit on the share of time that a kind of work may take.  Pure."""

from __future__ import annotations


class DutyCycle:
    """
    A schedule for work that can wait: the longer it took, the later it may begin again.

    All times are seconds of a monotonic clock.

    @ivar due: when the work may begin again; at first it is due at once.
    """

    __slots__ = ("_factor", "_longest", "due")

    def __init__(self, share: float, longest: float) -> None:
        """
        @param share: the share of time that the work may take; more than 0, at most 1.
        @param longest: the most seconds that the work has to wait, however long it took.
        """
        self._factor = 1 / share - 1
        self._longest = longest
        self.due = 0.0

    def remaining(self, now: float) -> float:
        """Get the seconds until the work is due; 0: it is due."""
        return max(0.0, self.due - now)

    def worked(self, began: float, ended: float) -> None:
        """Record a period of work."""
        self.due = ended + min(self._longest, self._factor * (ended - began))
