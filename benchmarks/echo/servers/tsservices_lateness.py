"""
Our own server in this process, with a timer beside it that records how late it runs.

It takes the options of C{tsserver} and C{--state}; the timer is an ordinary C{callLater} of the
same reactor, so it waits behind whatever one pass of the fast lane does.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from twisted.application.service import IService
from twisted.internet import reactor

from benchmarks.echo.servers.lateness import LatenessRecord
from tsservices.server import plugin as tap


def main(words: list[str]) -> None:
    """Start the service, which writes C{ports.json} itself, and run until SIGTERM."""
    options = tap.Options()
    options.parseOptions(words)
    service = IService(tap.makeService(options))
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    record = LatenessRecord(time.monotonic)

    def tick() -> None:
        record.fired()
        reactor.callLater(record.arm(), tick)

    reactor.callLater(record.arm(), tick)
    reactor.run()
    record.write(Path(words[words.index("--state") + 1]))


if __name__ == "__main__":
    main(sys.argv[1:])
