"""The rate limit of one connection's input.  Pure: the caller passes the time."""

from __future__ import annotations

from tsservices.common.limits import Limits
from tsservices.common.ratelimit import TokenBucket

#: Size of the allowed burst, in seconds of the allowed rate.
FLOOD_BURST_SECONDS = 10

#: Shortest delay in seconds: less is a rounding error, and a timer that fires before any time has
#: passed would find the same delay again.
_SHORTEST = 0.001


class FloodControl:
    """
    Bounds on lines and on bytes per second: input above either is delayed, and nothing is lost.

    Without a bound on bytes a few long lines a second would be a flood; without one on lines, many
    empty lines would.
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
        Count lines, and return 0, or the seconds until they may be taken.

        @param size: bytes of all the lines.
        @param now: the time in seconds.
        """
        byLines, byBytes = self._lines, self._bytes
        if byBytes is not None and not byBytes.take(now, size):
            return max(_SHORTEST, byBytes.wait(size))
        if byLines is not None and not byLines.take(now, lines):
            if byBytes is not None:
                # The caller tries these lines again: their bytes must not count twice.
                byBytes.tokens += size
            return max(_SHORTEST, byLines.wait(lines))
        return 0.0
