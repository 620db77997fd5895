"""
What C{ack} and C{sink} write to the log of what people send.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from twisted.logger import Logger

from tsservices.text import logged
from tsservices.throttle import Bucket

BURST_SECONDS = 8
"""
Seconds' worth of text that may be logged at once.
"""

CLIENT_SAYS = "客户端发来的消息是:{text} [{peer}]"
"""
One entry.
"""


class Transcript:
    """
    Logs text of strangers as data, so much a second.

    @ivar omitted: entries that were not logged since the last one that was.
    """

    _log: ClassVar[Logger] = Logger("tsservices.transcript")

    def __init__(self, rate: int, monotonic: Callable[[], float]) -> None:
        """
        @param rate: bytes of text a second, from all people together.
        @param monotonic: the time in seconds.
        """
        self._monotonic = monotonic
        self._bucket = Bucket(rate, rate * BURST_SECONDS, monotonic())
        self.omitted = 0

    def note(self, text: str, peer: str) -> None:
        """
        @param text: what somebody sent.
        @param peer: who.
        """
        if not self._bucket.take(self._monotonic(), len(text)):
            self.omitted += 1
            return
        if self.omitted:
            self._log.warn("{count} messages came too fast to be logged", count=self.omitted)
            self.omitted = 0
        self._log.info(CLIENT_SAYS, text=logged(text), peer=peer)
