"""How fast one connection may send.  Pure: the time comes from the caller."""

from __future__ import annotations

from tsservices.common.limits import Limits
from tsservices.common.ratelimit import TokenBucket

#: Seconds of the allowed rate that may come at once.
FLOOD_BURST_SECONDS = 10

#: Seconds: what is less is a rounding error, and a timer that is due before any time has passed
#: would find the same again.
_SHORTEST = 0.001


class FloodControl:
    """
    Bounds lines and bytes, both: what comes faster is delayed, and nothing is lost.

    Without a bound on bytes a few long lines a second are a flood; without one on lines, empty
    ones.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        """@param now: the time in seconds."""
        self._lines: TokenBucket | None = None
        self._bytes: TokenBucket | None = None
        if limits.floodLines:
            burst = max(1, limits.floodLines * FLOOD_BURST_SECONDS)
            self._lines = TokenBucket(limits.floodLines, burst, now)
        if limits.floodBytes:
            # The longest line has to fit, or it would wait for ever.
            burst = max(limits.chatLine, limits.floodBytes * FLOOD_BURST_SECONDS)
            self._bytes = TokenBucket(limits.floodBytes, burst, now)

    def delay(self, lines: int, size: int, now: float) -> float:
        """
        Seconds until lines may be taken; 0: they are taken.

        @param size: bytes of all of them.
        @param now: the time in seconds.
        """
        byLines, byBytes = self._lines, self._bytes
        if byBytes is not None and not byBytes.take(now, size):
            return max(_SHORTEST, byBytes.wait(size))
        if byLines is not None and not byLines.take(now, lines):
            if byBytes is not None:
                # They will ask again, and must not pay twice.
                byBytes.tokens += size
            return max(_SHORTEST, byLines.wait(lines))
        return 0.0
