"""
The common parts of the benchmark commands: options, the length of a run, its rounds and outcome.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from benchmarks.common.cells import Named
from benchmarks.common.generators import LoadError
from benchmarks.common.machine import machine
from benchmarks.common.pinning import cores
from benchmarks.common.samples import Conditions
from benchmarks.common.servers import ServerError

# The most descriptors that a server or a generator needs besides its connections.
SPARE_DESCRIPTORS = 200


class Unable(Exception):
    """A peer cannot do what a cell requires; the text says why."""


class SummarisedSample(Protocol):
    """A sample that a line of progress can show."""

    @property
    def summary(self) -> str:
        """The text of the line."""


CellT = TypeVar("CellT", bound=Named)
PeerT = TypeVar("PeerT", bound=Named)
SampleT = TypeVar("SampleT", bound=SummarisedSample)
SamplerSample = TypeVar("SamplerSample", bound=SummarisedSample, covariant=True)
SamplerCell = TypeVar("SamplerCell", contravariant=True)
SamplerPeer = TypeVar("SamplerPeer", contravariant=True)


class Sampler(Protocol[SamplerCell, SamplerPeer, SamplerSample]):
    """Takes samples."""

    def sample(self, cell: SamplerCell, peer: SamplerPeer, turn: int) -> SamplerSample:
        """
        Start the peer, put the load on it, and stop it.

        @raise ServerError: The peer did not start.
        @raise LoadError: The peer did not do the work.
        @raise Unable: The peer cannot do what the cell requires.
        """


@dataclass
class Outcome(Generic[SampleT]):
    """
    The results of a run so far.

    @ivar samples: All successful samples.
    @ivar skipped: Cells and peers that were left out, with reasons.
    @ivar failures: Errors, and where they occurred.
    """

    samples: list[SampleT] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def remarks(self) -> list[str]:
        """A line for each skipped item and each failure, which are not in the table."""
        remarks = [f"left out: {line}" for line in self.skipped]
        return remarks + [f"failed: {line}" for line in self.failures]


@dataclass(frozen=True)
class RunLength:
    """
    The length of a run of a command.

    @ivar seconds: Length of the measured time of a sample.
    @ivar warmup: Seconds of load before it.
    @ivar retries: The most repetitions of a disturbed sample.
    @ivar rounds: The number of samples of each peer in each cell.
    """

    seconds: float
    warmup: float
    retries: int
    rounds: int


def positive(text: str) -> float:
    """
    Read a number of seconds of an option.

    @raise ValueError: The number is not above 0, or not below an hour.
    """
    value = float(text)
    if not 0 < value < 3600:
        raise ValueError(text)
    return value


def rounds(text: str) -> int:
    """
    Read a count of an option.

    @raise ValueError: The count is not from 1 to 1000.
    """
    value = int(text)
    if not 0 < value <= 1000:
        raise ValueError(text)
    return value


def commaSeparated(text: str) -> list[str]:
    """Split the values of an option that takes several."""
    return [value for value in text.split(",") if value]


def commonOptions(
    options: argparse.ArgumentParser, peers: Sequence[str], pairs: str, seconds: str
) -> None:
    """
    Add the options that all benchmarks have.

    @param pairs: The defaults of C{--pairs}, for its help.
    @param seconds: The defaults of C{--seconds}, for its help.
    """
    options.add_argument("--quick", action="store_true", help="the main cells, one short round")
    options.add_argument(
        "--only", default="", metavar="CELL,..", help="names of cells, their beginnings or patterns"
    )
    options.add_argument("--peers", default="", metavar="PEER,..", help=", ".join(peers))
    options.add_argument("--pairs", type=rounds, metavar="N", help=f"number of rounds ({pairs})")
    options.add_argument(
        "--seconds",
        type=positive,
        metavar="S",
        help=f"measured time of a sample ({seconds})",
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write every sample")


def commandParser(
    name: str,
    description: str,
    cells: Sequence[Named],
    peers: Sequence[Named],
    usual: RunLength,
    quick: RunLength,
) -> argparse.ArgumentParser:
    """
    Make the parser for a benchmark that compares peers in cells.

    @param name: The package of the benchmark, below C{benchmarks}.
    """
    options = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        epilog="cells: " + ", ".join(cell.name for cell in cells),
    )
    commonOptions(
        options,
        [peer.name for peer in peers],
        f"{usual.rounds}; {quick.rounds} when quick",
        f"{usual.seconds:g}; {quick.seconds:g} when quick",
    )
    return options


def runLength(options: argparse.Namespace, usual: RunLength, quick: RunLength) -> RunLength:
    """Get the length of the run from the options."""
    default = quick if options.quick else usual
    return RunLength(
        options.seconds or default.seconds,
        default.warmup,
        default.retries,
        options.pairs or default.rounds,
    )


def conditions(length: RunLength, skipped: list[str]) -> Conditions:
    """
    Make the conditions of a run on this machine.

    @param skipped: Gets a line if nothing can be pinned.
    """
    chosen = cores()
    if chosen is None:
        skipped.append("pinning: one core only, server and generator share it")
    return Conditions(chosen, length.seconds, length.warmup, length.retries)


def describedRun(run: Conditions, turns: int) -> dict[str, object]:
    """The machine and the conditions, for C{--json}."""
    about = machine()
    about.update(seconds=run.seconds, rounds=turns)
    about.update(cores_used=None if run.cores is None else vars(run.cores))
    return about


def withinDescriptors(
    cells: Sequence[CellT], connections: Callable[[CellT], int], skipped: list[str]
) -> list[CellT]:
    """
    Raise the limit of descriptors, and get the cells for which it is enough.

    @param skipped: Gets a line for each other cell.
    """
    allowed = raiseDescriptors()
    possible = []
    for cell in cells:
        needed = connections(cell) + SPARE_DESCRIPTORS
        if needed <= allowed:
            possible.append(cell)
        else:
            skipped.append(f"{cell.name}: {needed} descriptors, {allowed} allowed")
    return possible


def raiseDescriptors() -> int:
    """Let this process and its children open as many descriptors as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def measureAll(
    bench: Sampler[CellT, PeerT, SampleT],
    cells: Sequence[CellT],
    peers: Sequence[PeerT],
    turns: int,
    outcome: Outcome[SampleT],
    report: Callable[[str], None],
) -> None:
    """Measure every peer once in each round of each cell."""
    # The order of the peers rotates, so that no peer is always the first, and a peer does not
    # always run after the same one, whose effects may last.
    for cell in cells:
        for turn in range(turns):
            shift = turn % len(peers)
            for peer in (*peers[shift:], *peers[:shift]):
                place = f"{cell.name} round {turn + 1}/{turns} {peer.name}"
                try:
                    sample = bench.sample(cell, peer, turn)
                except Unable as reason:
                    line = f"{peer.name} in {cell.name}: {reason}"
                    if line not in outcome.skipped:
                        outcome.skipped.append(line)
                    continue
                except (ServerError, LoadError) as error:
                    outcome.failures.append(f"{place}: {error}")
                    report(f"{place}: FAILED: {error}")
                    continue
                outcome.samples.append(sample)
                report(f"{place}: {sample.summary}")


def runAll(
    bench: Sampler[CellT, PeerT, SampleT],
    cells: Sequence[CellT],
    peers: Sequence[PeerT],
    turns: int,
    outcome: Outcome[SampleT],
    about: dict[str, object],
) -> int:
    """
    Call L{measureAll} with progress on the standard error; an interrupt ends it and keeps the
    samples.

    @param about: Gets the duration, and the skipped and failed items.
    @return: The exit status.
    """
    # Without this the server of a terminated benchmark would continue to run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    status = 0
    try:
        measureAll(bench, cells, peers, turns, outcome, lambda line: print(line, file=sys.stderr))
    except KeyboardInterrupt:
        status = 130
    about.update(duration=time.monotonic() - began, skipped=outcome.skipped)
    about.update(failures=outcome.failures)
    return status or (1 if outcome.failures else 0)
