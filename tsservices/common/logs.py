"""
What was done to people and rooms, told to the log: one line of JSON each.

The lines come under a name of their own, C{tsservices.audit}, so that they can be taken out of
the log by programs.  Accounts stand in them by name and addresses by their cloaks;
nothing in them is a password or what one could be guessed from.

What the log says about peers that misbehave: one line a minute and peer.

What C{ack} and C{sink} write to the log of what people send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from twisted.logger import Logger

from tsservices.common.ratelimit import PEERS_REMEMBERED, LogThrottle, TokenBucket
from tsservices.common.text import logged

#: Complaints about peers in one minute from all peers together. With forged sources every datagram
#: is a new peer, and the log would fill the disk.
LOG_LINES_PER_MINUTE = 60


_LOG = Logger("tsservices.audit")


def audit(facts: Mapping[str, object]) -> None:
    """Tell the log of something that is stored."""
    # In ASCII: what people have written in it can't begin another line, or turn one.
    _LOG.info("{audit}", audit=json.dumps(dict(facts), default=str, separators=(",", ":")))


class PeerLog:
    """Writes them."""

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """@param monotonic: the time in seconds."""
        self._monotonic = monotonic
        self._throttle = LogThrottle(PEERS_REMEMBERED, LOG_LINES_PER_MINUTE, monotonic())

    def warn(self, host: str, form: str, **facts: Any) -> None:
        if self._throttle.allows(host, self._monotonic()):
            withheld, self._throttle.withheld = self._throttle.withheld, 0
            if withheld:
                form += " ({withheld} lines about peers were withheld before this one)"
            self._log.warn(form, withheld=withheld, **facts)


#: Seconds' worth of text that may be logged at once.
BURST_SECONDS = 8

#: One entry.
CLIENT_SAYS = "客户端发来的消息是:{text} [{peer}]"


class PayloadLog:
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
        self._bucket = TokenBucket(rate, rate * BURST_SECONDS, monotonic())
        self.omitted = 0

    def note(self, text: str, peer: str) -> None:
        if not self._bucket.take(self._monotonic(), len(text)):
            self.omitted += 1
            return
        if self.omitted:
            self._log.warn("{count} messages came too fast to be logged", count=self.omitted)
            self.omitted = 0
        self._log.info(CLIENT_SAYS, text=logged(text), peer=peer)
