"""
Servers to measure: how they are started, recognised as ready, and stopped.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.common.compile import CHECKOUT
from benchmarks.common.pinning import pinned

# Seconds a server may take to listen, and to stop before it is killed.
START_LIMIT = 20.0
STOP_LIMIT = 10.0
# Seconds between two checks whether a server listens.
START_PAUSE = 0.02
# Value of --max-connections: above the largest cell, which has 10,064.
MOST_CONNECTIONS = "20000"
# The twistd of this environment, also if its folder is not on PATH.
TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")
# The command of our server: in the foreground, with the reactor of the command `tsservices`.
TSSERVER = (*TWISTD, "--reactor=tsservices", "-n", "--pidfile=", "--logfile=/dev/null", "tsserver")
# The same with the reactor that Twisted chooses.
TSSERVER_ON_TWISTED = (*TWISTD, "-n", "--pidfile=", "--logfile=/dev/null", "tsserver")


class ServerError(Exception):
    """A server did not listen or did not write its records; the text has its standard error."""


@dataclass(frozen=True)
class Server:
    """
    A server that listens.

    @ivar process: The one process that serves.
    @ivar ports: The port for C{"tcp"} and for C{"udp"}, on 127.0.0.1.
    @ivar state: Its state folder.
    """

    process: subprocess.Popen[bytes]
    ports: dict[str, int]
    state: Path


def portsOf(offering: str) -> Callable[[Path], dict[str, int] | None]:
    """Make a function that finds the ports of a service in C{ports.json}."""

    def ports(state: Path) -> dict[str, int] | None:
        try:
            rows = json.loads((state / "ports.json").read_text())
        except (OSError, ValueError):
            # Missing or incomplete yet.
            return None
        # Some services are ready later than others.
        return {
            row["transport"]: row["port"] for row in rows if row["offering"] == offering
        } or None

    return ports


timestampPorts = portsOf("timestamp")


def lacksModule(module: str) -> Callable[[], str | None]:
    """Make a function that says why a peer that imports C{module} cannot run."""
    return lambda: None if importlib.util.find_spec(module) else f"no module {module}"


@dataclass(frozen=True)
class Peer:
    """
    One kind of server.

    @ivar name: Its name in C{--peers}.
    @ivar title: Its name in tables.
    @ivar missing: Gets the reason why it cannot run here, or C{None}.
    @ivar command: Makes the command line for a state folder; the benchmark defines the meaning of
        the flag (echo: record the lateness of a timer; STAMP: authenticate packets).
    @ivar ports: Finds the port of each transport in the state folder; C{None} while the server
        does not listen.
    """

    name: str
    title: str
    missing: Callable[[], str | None]
    command: Callable[[Path, bool], list[str]]
    ports: Callable[[Path], dict[str, int] | None] = timestampPorts


@contextmanager
def running(peer: Peer, flag: bool, core: int | None) -> Iterator[Server]:
    """
    Start a fresh server of this peer, and always stop it at the end.

    Its folder is deleted at the end: to read files that a server writes when it stops, call L{stop}
    in the body.

    @param flag: For C{peer.command}.
    @param core: The core to pin the server to, or C{None}.
    @raise ServerError: The server did not listen in time.
    """
    with tempfile.TemporaryDirectory(prefix="tsservices-benchmark-") as folder:
        state = Path(folder)
        # The server starts in its own folder, from where it would not find the checkout.
        checkout = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
        with (state / "errors").open("wb") as errors, pinned(core):
            process = subprocess.Popen(
                peer.command(state, flag),
                env={**os.environ, "PYTHONPATH": checkout},
                cwd=state,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        try:
            yield Server(process, _awaitPorts(peer, process, state), state)
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server, by SIGTERM, and by SIGKILL if necessary; further calls do nothing."""
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _awaitPorts(peer: Peer, process: subprocess.Popen[bytes], state: Path) -> dict[str, int]:
    limit = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < limit:
        ports = peer.ports(state)
        if ports is not None:
            return ports
        time.sleep(START_PAUSE)
    errors = (state / "errors").read_text(errors="replace").strip()
    end = "did not listen in time" if process.poll() is None else f"ended: {process.returncode}"
    raise ServerError(f"{peer.title} {end}" + (f"\n{errors[-2000:]}" if errors else ""))


PeerT = TypeVar("PeerT", bound=Peer)


def namedPeers(peers: Sequence[PeerT], names: list[str]) -> list[PeerT]:
    """
    Get the peers with these names, in the order of C{peers}; all if C{names} is empty.

    @raise ValueError: There is no such peer.
    """
    known = {peer.name: peer for peer in peers}
    for name in names:
        if name not in known:
            raise ValueError(f"no peer {name!r}; there are: {', '.join(known)}")
    return [peer for peer in peers if not names or peer.name in names]


def available(peers: Sequence[PeerT], skipped: list[str]) -> list[PeerT]:
    """
    Get the peers that can run here.

    @param skipped: Gets a line with the reason for each other peer.
    """
    runnable = []
    for peer in peers:
        reason = peer.missing()
        if reason is None:
            runnable.append(peer)
        else:
            skipped.append(f"{peer.title}: {reason}")
    return runnable
