"""
One sample: one cell on one fresh server.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from benchmarks.common.histogram import nearestRank
from benchmarks.common.pinning import Cores, pinned
from benchmarks.echo.cells import Cell, Kind
from benchmarks.echo.load import Generator, LoadError, LoadReport
from benchmarks.echo.peers import Peer, Server, ServerError, running, stop

# Seconds within which a server must have accepted all silent connections.
ACCEPT_LIMIT = 60.0
# Seconds of quiet before memory is read: closed connections and accept queues settle.
SETTLE = 0.3
# Share of a window above which somebody else on either core has spoilt a sample.
DISTURBED = 0.05


@dataclass(frozen=True)
class Lateness:
    """
    How late the server's own 10 ms timer ran inside the window, in milliseconds.

    @ivar ticks: How many ticks that is about.
    """

    ticks: int
    p50: float
    p99: float
    maximum: float


@dataclass(frozen=True)
class Sample:
    """
    What one run of one peer gave.

    @ivar cell: Name of the cell.
    @ivar peer: Name of the peer.
    @ivar turn: Number of the round, from 0: only samples of one round are compared.
    @ivar load: The generator's report; beside the silent connections when the cell has some.
    @ivar withoutIdle: The report of the same server before the silent connections came.
    @ivar idleBytes: Resident bytes of the server for each silent connection.  What the kernel
        holds for a socket is not in it, and is the same for every peer.
    @ivar lateness: Of the server's timer.
    """

    cell: str
    peer: str
    turn: int
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
        """
        Share of the window the worse off of the two sides was ready to run and could not; 0 where
        the system does not say.
        """
        loads = [self.load] if self.withoutIdle is None else [self.load, self.withoutIdle]
        return max(load.worseWait for load in loads)

    @property
    def summary(self) -> str:
        """What a line of progress says."""
        cpu = "" if self.load.serverCpu is None else f", {self.load.serverCpu:.2f} us"
        return f"{self.load.requestsPerSecond:,.0f}/s{cpu}"


class Disturbable(Protocol):
    """What may have been spoilt by somebody else on the cores."""

    @property
    def waited(self) -> float:
        """Share of the window the worse off side could not run though it was ready."""


Taken = TypeVar("Taken", bound=Disturbable)


def leastDisturbed(once: Callable[[], Taken], retries: int) -> Taken:
    """
    A sample; taken again while somebody else was on the cores and C{retries} are left.  Which of
    several counts is decided by that alone, never by its figures.
    """
    sample = once()
    for _ in range(retries):
        if sample.waited <= DISTURBED:
            break
        sample = min(sample, once(), key=lambda each: each.waited)
    return sample


@dataclass(frozen=True)
class Bench:
    """
    What is the same for all samples of a run.

    @ivar generator: What makes the load.
    @ivar cores: Where the two sides run, or C{None} for unpinned.
    @ivar seconds: Length of the measured window.
    @ivar warmup: Seconds of load before it.
    @ivar retries: How often a sample is taken again at most.
    """

    generator: Generator
    cores: Cores | None
    seconds: float
    warmup: float
    retries: int

    def sample(self, cell: Cell, peer: Peer, turn: int) -> Sample:
        """
        Start the peer, load it, stop it; again when the sample was spoilt.

        @raise ServerError: It did not start.
        @raise LoadError: It did not do the work.
        """
        return leastDisturbed(lambda: self._once(cell, peer, turn), self.retries)

    def _once(self, cell: Cell, peer: Peer, turn: int) -> Sample:
        """One fresh server under one load."""
        with running(
            peer, cell.kind is Kind.LATENESS, None if self.cores is None else self.cores.server
        ) as server:
            if cell.kind is Kind.IDLE:
                return self._idle(cell, peer, turn, server)
            load = self._load(cell, server)
            lateness = None
            if cell.kind is Kind.LATENESS:
                stop(server.process)
                lateness = readLateness(server.state / "lateness.json", load)
            return Sample(cell.name, peer.name, turn, load, lateness=lateness)

    def _load(self, cell: Cell, server: Server) -> LoadReport:
        """Run the generator on its core."""
        with pinned(None if self.cores is None else self.cores.generator):
            return self.generator.run(
                cell,
                server.ports[cell.transport],
                server.process.pid,
                self.seconds,
                self.warmup,
            )

    def _idle(self, cell: Cell, peer: Peer, turn: int, server: Server) -> Sample:
        """Busy connections alone, then silent ones in hundreds or thousands, then both."""
        pid = server.process.pid
        descriptors = openDescriptors(pid)
        without = self._load(cell, server)
        time.sleep(SETTLE)
        before = residentBytes(pid)
        with (
            pinned(None if self.cores is None else self.cores.generator),
            self.generator.holding(cell.idle, server.ports[cell.transport]),
        ):
            limit = time.monotonic() + ACCEPT_LIMIT
            # A connection is open for its client long before the server has accepted it.
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


def readLateness(path: Path, load: LoadReport) -> Lateness:
    """
    The ticks inside the measured window.

    @param path: What the server left: pairs of monotonic second and seconds late.
    @raise ServerError: It left nothing, or no tick was in the window.
    """
    try:
        ticks: list[tuple[float, float]] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ServerError(f"no record of lateness: {error}") from error
    # A tick that should have run inside the window but ran after it is the latest of all.
    late = [seconds * 1e3 for at, seconds in ticks if load.began <= at - seconds <= load.ended]
    if not late:
        raise ServerError("its timer did not run")
    return Lateness(len(late), nearestRank(late, 0.5), nearestRank(late, 0.99), max(late))


def residentBytes(pid: int) -> int:
    """
    Resident memory of a process.

    @raise LoadError: The system does not tell.
    """
    try:
        # statm and status lag by up to some hundred kB on several cores; this one does not.
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise LoadError("memory of a process: no Rss line")
    except OSError as error:
        raise LoadError(f"memory of a process: {error}") from error


def openDescriptors(pid: int) -> int:
    """
    How many descriptors a process has open.

    @raise LoadError: The system does not tell.
    """
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError as error:
        raise LoadError(f"descriptors of a process: {error}") from error
