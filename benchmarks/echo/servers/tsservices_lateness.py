"""
Our server with a timer in the same process that records its delays.

It takes the name of a reactor, as for C{twistd --reactor}, and the options of C{tsserver}.  The
timer is an ordinary C{callLater} of the same reactor, so it waits for all the work of one pass of
the fast lane.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from twisted.application.reactors import installReactor
from twisted.application.service import IService

from benchmarks.echo.servers.shared import LatenessRecord


def main(arguments: list[str]) -> None:
    """Start the service, which writes C{ports.json} itself, and run until SIGTERM."""
    reactor: Any = installReactor(arguments.pop(0))
    from tsservices.server import plugin

    options = plugin.Options()
    options.parseOptions(arguments)
    service = IService(plugin.makeService(options))
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    record = LatenessRecord(time.monotonic)

    def tick() -> None:
        record.fired()
        reactor.callLater(record.arm(), tick)

    reactor.callLater(record.arm(), tick)
    reactor.run()
    record.write(Path(arguments[arguments.index("--state") + 1]))


if __name__ == "__main__":
    main(sys.argv[1:])
