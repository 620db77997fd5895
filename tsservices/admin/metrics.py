"""
What happened, kept where people and programs can read it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from tsservices.common.counters import CounterRegistry
from tsservices.common.statedir import COUNTERS_FILE, StateDirectory

#: How old the file of counters may be, in seconds.
REFRESH_SECONDS = 2.0


class CountersFile(Service):
    """
    Writes the counters to the state folder when they have changed, and to the log
    at the end.
    """

    name = "counters"
    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self, ledger: CounterRegistry, folder: StateDirectory, clock: IReactorTime
    ) -> None:
        self._ledger = ledger
        self._folder = folder
        self._written: Any = None
        self._failed = False
        self._loop = LoopingCall(self.write)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin to write."""
        super().startService()
        self._loop.start(REFRESH_SECONDS)

    def stopService(self) -> None:
        """Write for the last time."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        self.write()
        for entry in self._ledger.snapshot():
            numbers = " ".join(f"{key}={value}" for key, value in entry.items() if value)
            self._log.info("{numbers}", numbers=numbers)
        if not self._folder.owned:
            # The next process would not replace it.
            self._folder.remove(self._folder.privatePath(COUNTERS_FILE))
        self._folder.release()

    def write(self) -> None:
        """Write the file, if there is something new."""
        counted = self._ledger.snapshot()
        if counted == self._written:
            return
        try:
            self._folder.write(self._folder.privatePath(COUNTERS_FILE), counted)
        except OSError as reason:
            if not self._failed:
                self._log.warn("counters can't be written: {reason}", reason=str(reason))
            self._failed = True
        else:
            self._written = counted
            self._failed = False
