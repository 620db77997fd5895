"""
One sample of the echo benchmark: one cell on one fresh server.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.generators import LoadError
from benchmarks.common.histogram import nearestRank
from benchmarks.common.pinning import pinned
from benchmarks.common.run import Unable
from benchmarks.common.samples import Conditions, LoadSample, leastDisturbed, progress
from benchmarks.common.servers import Peer, Server, ServerError, running, stop
from benchmarks.echo.cells import Cell, Kind
from benchmarks.echo.load import Generator, LoadReport
from benchmarks.echo.peers import TLS_PEERS

# Seconds for a server to accept all silent connections.
ACCEPT_LIMIT = 60.0
# Seconds of quiet before memory is read: closed connections and accept queues settle.
SETTLE = 0.3


@dataclass(frozen=True)
class Lateness:
    """
    The delays of the server's 10 ms timer in the measured time, in milliseconds.

    @ivar ticks: Number of ticks.
    @ivar p50: Median.
    @ivar p99: 99th percentile.
    @ivar maximum: Latest tick.
    """

    ticks: int
    p50: float
    p99: float
    maximum: float


@dataclass(frozen=True)
class Sample(LoadSample):
    """
    A sample of the echo benchmark.

    @ivar load: The generator's report; beside the silent connections if the cell has some.
    @ivar withoutIdle: The report of the same server before the silent connections were opened.
    @ivar idleBytes: Resident bytes of the server for each silent connection, without the kernel's
        memory for a socket, which is the same for every peer.
    @ivar lateness: The lateness of the server's timer.
    """

    load: LoadReport
    withoutIdle: LoadReport | None = None
    idleBytes: float | None = None
    lateness: Lateness | None = None

    @property
    def idleRatio(self) -> float | None:
        """Requests/s beside the silent connections, divided by those without."""
        if self.withoutIdle is None:
            return None
        return self.load.requestsPerSecond / self.withoutIdle.requestsPerSecond

    @property
    def idleCpuRatio(self) -> float | None:
        """Server CPU for one request beside the silent connections, divided by that without."""
        beside = self.load.serverCpu
        without = None if self.withoutIdle is None else self.withoutIdle.serverCpu
        return beside / without if beside is not None and without else None

    @property
    def waited(self) -> float:
        """The worse wait of both reports, because a ratio needs both undisturbed."""
        loads = [self.load] if self.withoutIdle is None else [self.load, self.withoutIdle]
        return max(load.worseWait for load in loads)

    @property
    def summary(self) -> str:
        return progress(self.load.requestsPerSecond, self)


@dataclass(frozen=True)
class Bench:
    """
    Takes the samples of the echo benchmark.

    @ivar generator: The program that produces the load.
    @ivar conditions: The conditions of all samples of a run.
    """

    generator: Generator
    conditions: Conditions

    def sample(self, cell: Cell, peer: Peer, turn: int) -> Sample:
        return leastDisturbed(lambda: self._measure(cell, peer, turn), self.conditions.retries)

    def _measure(self, cell: Cell, peer: Peer, turn: int) -> Sample:
        if cell.tls:
            peer = encrypting(peer)
        with running(peer, cell.kind is Kind.LATENESS, self.conditions.serverCore) as server:
            if cell.kind is Kind.IDLE:
                return self._measureIdle(cell, peer, turn, server)
            load = self._load(cell, server)
            lateness = None
            if cell.kind is Kind.LATENESS:
                stop(server.process)
                lateness = readLateness(server.state / "lateness.json", load)
            return Sample(cell.name, peer.name, turn, load, lateness=lateness)

    def _load(self, cell: Cell, server: Server) -> LoadReport:
        with pinned(self.conditions.generatorCore):
            return self.generator.run(
                cell,
                server.ports[cell.transport],
                server.process.pid,
                self.conditions.seconds,
                self.conditions.warmup,
            )

    def _measureIdle(self, cell: Cell, peer: Peer, turn: int, server: Server) -> Sample:
        pid = server.process.pid
        descriptors = openDescriptors(pid)
        without = self._load(cell, server)
        time.sleep(SETTLE)
        before = residentBytes(pid)
        with (
            pinned(self.conditions.generatorCore),
            self.generator.holding(cell.idle, server.ports[cell.transport]),
        ):
            limit = time.monotonic() + ACCEPT_LIMIT
            # For its client, a connection is open long before the server has accepted it.
            while openDescriptors(pid) < descriptors + cell.idle:
                if time.monotonic() > limit:
                    raise LoadError(f"not all of {cell.idle} connections were accepted")
                time.sleep(0.05)
            time.sleep(SETTLE)
            after = residentBytes(pid)
            load = self._load(cell, server)
        return Sample(
            cell.name,
            peer.name,
            turn,
            load,
            withoutIdle=without,
            idleBytes=(after - before) / cell.idle,
        )


def encrypting(peer: Peer) -> Peer:
    """
    Get the same server with TLS.

    @raise Unable: It has no TLS here.
    """
    if (found := TLS_PEERS.get(peer.name)) is None:
        raise Unable("has no TLS")
    if (reason := found.missing()) is not None:
        raise Unable(reason)
    return found


def readLateness(path: Path, load: LoadReport) -> Lateness:
    """
    Read the lateness of the ticks that were due in the measured time.

    @param path: The server's file: pairs of monotonic second and seconds late.
    @raise ServerError: The server wrote no file, or no tick was due in that time.
    """
    try:
        ticks: list[tuple[float, float]] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ServerError(f"no record of lateness: {error}") from error
    # A tick that was due in the measured time but ran after it counts: it has the longest delay.
    late = [seconds * 1e3 for at, seconds in ticks if load.began <= at - seconds <= load.ended]
    if not late:
        raise ServerError("its timer did not run")
    return Lateness(len(late), nearestRank(late, 0.5), nearestRank(late, 0.99), max(late))


def residentBytes(pid: int) -> int:
    """
    Get the bytes of resident memory of a process.

    @raise LoadError: The system does not report them.
    """
    try:
        # On several cores statm and status lag by up to hundreds of kB; smaps_rollup does not.
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise LoadError("memory of a process: no Rss line")
    except OSError as error:
        raise LoadError(f"memory of a process: {error}") from error


def openDescriptors(pid: int) -> int:
    """
    Count the open descriptors of a process.

    @raise LoadError: The system does not report them.
    """
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError as error:
        raise LoadError(f"descriptors of a process: {error}") from error
