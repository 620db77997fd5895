"""
How many packets in a row are lost.  Pure.
"""

from __future__ import annotations

from tsservices.measure.histogram import Histogram


class LossRuns:
    """
    The lengths of runs of lost packets.

    What becomes of packets is told in any order and looked at in the order of sending;
    memory is bounded by how many are on their way at once.

    @ivar lengths: of the runs that have ended.
    """

    def __init__(self) -> None:
        """
        Start before the packet with sequence number 0.
        """
        self.lengths = Histogram()
        self._next = 0
        self._early: dict[int, bool] = {}
        self._current = 0

    def settle(self, sequence: int, lost: bool) -> None:
        """
        @param sequence: of a packet; each is told once.
        @param lost: what became of it.
        """
        self._early[sequence] = lost
        while (known := self._early.pop(self._next, None)) is not None:
            self._next += 1
            if known:
                self._current += 1
            elif self._current:
                self.lengths.add(self._current)
                self._current = 0

    def summary(self) -> Histogram:
        """
        @return: the lengths, with the run that has not ended.
        """
        lengths = self.lengths.copy()
        if self._current:
            lengths.add(self._current)
        return lengths
