"""
A service that installs a L{SendRing} in a reactor, if a trial in another process finds that it
works and is faster.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, ClassVar

from twisted.application.service import Service
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from tsservices.transport.epoll import sendtrial
from tsservices.transport.epoll.passes import EpollReactor
from tsservices.transport.epoll.sendring import SendRing
from tsservices.transport.epoll.set import available, epollSetOf


class RingService(Service, ProcessProtocol):
    """
    The service that starts the trial when the reactor runs, and owns the ring.

    Until the trial has ended, and where there is no ring, each member is written to separately.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._process: Any = None
        self._output = b""
        self._set: EpollReactor | None = None

    def startService(self) -> None:
        super().startService()
        # Before the reactor runs, the end of the process would not be noticed.
        self._reactor.callWhenRunning(self._try)

    def stopService(self) -> None:
        super().stopService()
        if self._process is not None:
            with suppress(ProcessExitedAlready):
                self._process.signalProcess("KILL")
        if self._set is not None:
            ring, self._set.sendRing, self._set = self._set.sendRing, None, None
            if ring is not None:
                ring.close()

    def _try(self) -> None:
        if not self.running or not available():
            return
        places = os.pathsep.join([os.path.abspath(place) for place in sys.path])
        try:
            self._process = self._reactor.spawnProcess(
                self,
                sys.executable,
                [sys.executable, "-m", sendtrial.__name__],
                {**os.environ, "PYTHONPATH": places},
            )
        except OSError as error:
            self._refuse(error.strerror or str(error))

    def outReceived(self, data: bytes) -> None:
        self._output += data

    def processEnded(self, reason: Failure) -> None:
        self._process = None
        if not self.running:
            return
        answer = self._output.decode("utf-8", "replace").strip()
        if not answer.isdecimal():
            self._refuse(answer or reason.getErrorMessage())
            return
        smallest = int(answer)
        try:
            ring = SendRing(smallest)
        except OSError as error:
            self._refuse(str(error))
            return
        self._set = epollSetOf(self._reactor)
        self._set.sendRing = ring
        self._log.info(
            "rooms of {smallest} members and more are sent to by io_uring", smallest=smallest
        )

    def _refuse(self, why: str) -> None:
        self._log.info("io_uring is not used: {why}", why=why)
