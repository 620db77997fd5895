"""How much of the time a kind of work may take.  Pure."""

from __future__ import annotations


class DutyCycle:
    """
    Spaces out work that can wait: the longer it took, the later it may begin again.

    All times are seconds of a clock that only goes forward.

    @ivar due: when the work may begin again; it is due at once until some was done.
    """

    __slots__ = ("_factor", "_longest", "due")

    def __init__(self, share: float, longest: float) -> None:
        """
        @param share: of the time the part that the work may take; more than 0, at most 1.
        @param longest: seconds that it has to wait at most, however long it took.
        """
        self._factor = 1 / share - 1
        self._longest = longest
        self.due = 0.0

    def remaining(self, now: float) -> float:
        """The seconds until the work is due; 0: it is."""
        return max(0.0, self.due - now)

    def worked(self, began: float, ended: float) -> None:
        """Some of the work was done."""
        self.due = ended + min(self._longest, self._factor * (ended - began))
