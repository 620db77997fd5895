"""
Signals that stop the server.
"""

from __future__ import annotations

import signal
from typing import Any

from twisted.application.service import Service

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""
What people, service supervisors and terminals that close send.
"""


class StopSignals(Service):
    """
    Makes an orderly stop an exit with status 0.

    Twisted's own handlers note the signal, and twistd then kills itself with it:
    supervisors would see a crash.
    """

    name = "signals"

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: is stopped.
        """
        self._reactor = reactor
        self._stopping = False

    def startService(self) -> None:
        """
        Take the signals over, once the reactor has set its own handlers.
        """
        super().startService()
        self._reactor.callWhenRunning(self._install)
        self._reactor.addSystemEventTrigger("after", "shutdown", self._ignore)

    def _install(self) -> None:
        """
        Set the handlers.
        """
        for number in STOPPING:
            signal.signal(number, self._stop)

    def _ignore(self) -> None:
        """
        All is done: one more signal shall not make a failure of it.
        """
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)

    def _stop(self, number: int, frame: object) -> None:
        """
        @param number: of the signal.
        @param frame: what was interrupted.
        """
        self._reactor.callFromThread(self._stopOnce)

    def _stopOnce(self) -> None:
        """
        Stop, unless that is under way.
        """
        if not self._stopping:
            self._stopping = True
            self._reactor.stop()
