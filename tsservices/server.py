"""
A server: services that start one after another and stop the other way round.
"""

from __future__ import annotations

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, maybeDeferred


class Server(MultiService):
    """
    Stops each service when the one started after it has stopped, so that what
    counts still counts while what serves comes to its end.
    """

    def stopService(self) -> Deferred[None]:
        """
        @return: fires when all have stopped.
        """
        self.running = False
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """
        Stop one after another.
        """
        for service in reversed(list(self)):
            await maybeDeferred(service.stopService)
