"""The counters of a server in the file C{counters.json}."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from tsservices.common.addresses import hostPort
from tsservices.common.counters import CounterRegistry
from tsservices.common.statedir import COUNTERS_FILE, StateDirectory

#: Seconds between two updates of the file.
REFRESH_SECONDS = 2.0


# The keys that identify an entry, in counters.json and in the log.
_LABELS = ("offering", "node", "transport", "host", "port", "path", "database")


class CountersFile(Service):
    """Writes the counters to the state folder when they have changed, and to the log at the end."""

    name = "counters"
    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self, registry: CounterRegistry, folder: StateDirectory, clock: IReactorTime
    ) -> None:
        self._registry = registry
        self._folder = folder
        self._written: Any = None
        self._failed = False
        self._loop = LoopingCall(self.write)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        self._loop.start(REFRESH_SECONDS)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        self.write()
        for entry in self._registry.snapshot():
            labels = {key: str(entry.pop(key)) for key in _LABELS if key in entry}
            if "host" in labels:
                labels["host"] = hostPort(labels["host"], int(labels.pop("port")))
            place = " ".join(labels.values())
            counts = " ".join(f"{key}={value}" for key, value in entry.items() if value)
            if counts:
                self._log.info("{place}: {counts}", place=place, counts=counts)
        self._folder.release()

    def write(self) -> None:
        counters = self._registry.snapshot()
        if counters == self._written:
            return
        try:
            self._folder.write(self._folder.privatePath(COUNTERS_FILE), counters)
        except OSError as reason:
            # Logged once, not every two seconds: the log may be on the same full disk.
            if not self._failed:
                self._log.warn("counters can't be written: {reason}", reason=str(reason))
            self._failed = True
        else:
            self._written = counters
            self._failed = False
