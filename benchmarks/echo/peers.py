"""
Who is measured: how each peer is started, found ready and stopped.
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

from benchmarks.common.compile import CHECKOUT, compiled, compiler
from benchmarks.common.pinning import pinned

# Seconds a server may take to listen, and to stop before it is killed.
START_LIMIT = 20.0
STOP_LIMIT = 10.0
# Seconds between two looks whether a server listens.
START_PAUSE = 0.02
# The 4096 byte cells exceed the guard's default of 512.
CONFIGURATION = "max-datagram = 8192\n"
# Above the largest cell, which is 10,064.
MOST_CONNECTIONS = "20000"


class ServerError(Exception):
    """
    A server did not listen, did not stop, or is not what was asked for.  The text says what it
    wrote to its standard error.
    """


@dataclass(frozen=True)
class Server:
    """
    A server that listens.

    @ivar process: The one process that serves.
    @ivar ports: The port for C{"tcp"} and for C{"udp"}, on 127.0.0.1.
    @ivar state: Its folder.
    """

    process: subprocess.Popen[bytes]
    ports: dict[str, int]
    state: Path


def portsOf(offering: str) -> Callable[[Path], dict[str, int] | None]:
    """How to find where a server listens that writes C{ports.json}."""

    def found(state: Path) -> dict[str, int] | None:
        try:
            rows = json.loads((state / "ports.json").read_text())
        except (OSError, ValueError):
            # Not there yet, or not written to the end.
            return None
        # Some offerings are ready later than others.
        there = {row["transport"]: row["port"] for row in rows if row["offering"] == offering}
        return there or None

    return found


timestampPorts = portsOf("timestamp")


@dataclass(frozen=True)
class Peer:
    """
    One kind of server.

    @ivar name: What C{--peers} takes.
    @ivar title: The same for a person.
    @ivar missing: Why it cannot run here, or C{None}.
    @ivar command: The command line for a state folder; the flag asks for the lateness timer.
    @ivar ports: The port of each transport, found in the state folder, or C{None} while it does
        not listen.
    """

    name: str
    title: str
    missing: Callable[[], str | None]
    command: Callable[[Path, bool], list[str]]
    ports: Callable[[Path], dict[str, int] | None] = timestampPorts


#: The twistd of this very environment, also when its folder is not on PATH.
TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")


def _ours(*extra: str) -> Callable[[Path, bool], list[str]]:
    """The command line of our own server, every guard and limit on."""

    def command(state: Path, lateness: bool) -> list[str]:
        configuration = state / "tsserver.toml"
        configuration.write_text(CONFIGURATION)
        options = ["--services", "timestamp", "--port", "0", "--state", str(state)]
        options += ["--config", str(configuration), "--max-connections", MOST_CONNECTIONS, *extra]
        if lateness:
            return [sys.executable, "-m", "benchmarks.echo.servers.tsservices_lateness", *options]
        return [*TWISTD, "-n", "--pidfile=", "--logfile=/dev/null", "tsserver", *options]

    return command


def _script(module: str, *extra: str) -> Callable[[Path, bool], list[str]]:
    """The command line of a server in C{benchmarks.echo.servers}."""

    def command(state: Path, lateness: bool) -> list[str]:
        words = [sys.executable, "-m", f"benchmarks.echo.servers.{module}", "--state", str(state)]
        return [*words, *extra, *(["--lateness"] if lateness else [])]

    return command


def _loop(state: Path, lateness: bool) -> list[str]:
    """The command line of the C loop, compiled when need be."""
    program = compiled("loop.c")
    return [str(program), str(state), *(["lateness"] if lateness else [])]


def _needs(module: str) -> Callable[[], str | None]:
    """Why a peer that imports C{module} cannot run."""
    return lambda: None if importlib.util.find_spec(module) else f"no module {module}"


PEERS = (
    Peer("tsservices", "tsservices", _needs("tsservices"), _ours()),
    Peer(
        "tsservices-stock",
        "tsservices --no-fast-lane",
        _needs("tsservices"),
        _ours("--no-fast-lane"),
    ),
    Peer("twisted", "stock Twisted", _needs("twisted"), _script("stock")),
    Peer("asyncio", "asyncio protocols", lambda: None, _script("aio")),
    Peer("uvloop", "uvloop", _needs("uvloop"), _script("aio", "--uvloop")),
    Peer("c", "C epoll loop", lambda: None if compiler() else "no C compiler", _loop),
)


@contextmanager
def running(peer: Peer, lateness: bool, core: int | None) -> Iterator[Server]:
    """
    A fresh server of this peer, stopped at the end in every case.  Whoever wants what it writes
    while stopping calls L{stop} inside: its folder goes at the end.

    @param core: The core it is pinned to, or C{None}.
    @raise ServerError: It did not listen in time.
    """
    with tempfile.TemporaryDirectory(prefix="tsservices-benchmark-") as folder:
        state = Path(folder)
        checkout = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))
        with (state / "errors").open("wb") as errors, pinned(core):
            process = subprocess.Popen(
                peer.command(state, lateness),
                env={**os.environ, "PYTHONPATH": checkout},
                cwd=state,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        try:
            yield Server(process, _whenReady(peer, process, state), state)
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server: SIGTERM, and SIGKILL when that was not enough.  Twice does no harm."""
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _whenReady(peer: Peer, process: subprocess.Popen[bytes], state: Path) -> dict[str, int]:
    """Wait until it listens."""
    limit = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < limit:
        ports = peer.ports(state)
        if ports is not None:
            return ports
        time.sleep(START_PAUSE)
    said = (state / "errors").read_text(errors="replace").strip()
    end = "did not listen in time" if process.poll() is None else f"ended: {process.returncode}"
    raise ServerError(f"{peer.title} {end}" + (f"\n{said[-2000:]}" if said else ""))


Chosen = TypeVar("Chosen", bound=Peer)


def chosenPeers(names: list[str]) -> list[Peer]:
    """
    The peers of a run, in the order of the table.

    @raise ValueError: There is no such peer.
    """
    return namedPeers(PEERS, names)


def namedPeers(peers: Sequence[Chosen], names: list[str]) -> list[Chosen]:
    """
    Those of C{peers} that are named, in their own order; all when C{names} is empty.

    @raise ValueError: There is no such peer.
    """
    known = {peer.name: peer for peer in peers}
    for name in names:
        if name not in known:
            raise ValueError(f"no peer {name!r}; there are: {', '.join(known)}")
    return [peer for peer in peers if not names or peer.name in names]


def available(peers: Sequence[Chosen], skipped: list[str]) -> list[Chosen]:
    """Those that can run here."""
    found = []
    for peer in peers:
        reason = peer.missing()
        if reason is None:
            found.append(peer)
        else:
            skipped.append(f"{peer.title}: {reason}")
    return found
