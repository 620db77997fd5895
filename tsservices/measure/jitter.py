"""
How much the delay changes from one packet to the next.  Pure.
"""

from __future__ import annotations

from tsservices.measure.distribution import Distribution


class Jitter:
    """
    Interarrival jitter as RTP has it (RFC 3550, section 6.4.1), and the distribution of
    the differences between neighbours (IPDV, RFC 3393).

    A difference is taken only between packets that were sent one after the other: with
    one lost between them there is none, nor when they arrive in the wrong order.

    @ivar variation: the differences, each of the later packet less the earlier.
    @ivar absolute: the same without their signs.
    """

    def __init__(self) -> None:
        """
        Start with no packet.
        """
        self.variation = Distribution()
        self.absolute = Distribution()
        self._estimate = 0.0
        self._last: tuple[int, int] | None = None

    def add(self, sequence: int, delay: int | None) -> None:
        """
        @param sequence: of the packet.
        @param delay: of it in nanoseconds; an error of the clocks that stays the same
            does no harm.  L{None} when it is unknown.
        """
        if delay is None:
            return
        if self._last is not None:
            before, earlier = self._last
            if sequence <= before:
                return
            if sequence == before + 1:
                difference = delay - earlier
                self.variation.add(difference)
                self.absolute.add(abs(difference))
                self._estimate += (abs(difference) - self._estimate) / 16
        self._last = sequence, delay

    @property
    def estimate(self) -> float | None:
        """
        @return: the smoothed jitter in nanoseconds; L{None} before the first difference.
        """
        return self._estimate if self.absolute.count else None
