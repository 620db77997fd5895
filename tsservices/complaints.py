"""
What the log says about peers that misbehave: one line a minute and peer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.logger import Logger

from tsservices.limits import LOG_LINES_PER_MINUTE, PEERS_REMEMBERED
from tsservices.throttle import OncePerMinute


class Complaints:
    """
    Writes them.
    """

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """
        @param monotonic: the time in seconds.
        """
        self._monotonic = monotonic
        self._throttle = OncePerMinute(PEERS_REMEMBERED, LOG_LINES_PER_MINUTE, monotonic())

    def complain(self, host: str, form: str, **facts: Any) -> None:
        """
        @param host: who it is about.
        @param form: the message with the names of the facts in braces; never text
            of the peer.
        @param facts: what the message speaks of.
        """
        if self._throttle.allows(host, self._monotonic()):
            withheld, self._throttle.withheld = self._throttle.withheld, 0
            if withheld:
                form += " ({withheld} lines about peers were withheld before this one)"
            self._log.warn(form, withheld=withheld, **facts)
