"""
What the commands of all benchmarks have in common: options, rounds, and what is kept of a run.
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

from benchmarks.echo.load import LoadError
from benchmarks.echo.peers import ServerError


class Unable(Exception):
    """A peer cannot do what a cell asks for; the text says why."""


class Summarised(Protocol):
    """A sample that can say what it found."""

    @property
    def summary(self) -> str:
        """What a line of progress says."""


class Titled(Protocol):
    """A cell or a peer, as a line of progress needs it."""

    @property
    def name(self) -> str:
        """What the options take."""


Taken = TypeVar("Taken", bound=Summarised)
TakenHere = TypeVar("TakenHere", bound=Summarised, covariant=True)
OfCell = TypeVar("OfCell", bound=Titled)
OfPeer = TypeVar("OfPeer", bound=Titled)
CellHere = TypeVar("CellHere", contravariant=True)
PeerHere = TypeVar("PeerHere", contravariant=True)


class Sampler(Protocol[CellHere, PeerHere, TakenHere]):
    """What takes one sample."""

    def sample(self, cell: CellHere, peer: PeerHere, turn: int) -> TakenHere:
        """
        Start the peer, load it, stop it.

        @raise ServerError: It did not start.
        @raise LoadError: It did not do the work.
        @raise Unable: It is known that it cannot.
        """


@dataclass
class Outcome(Generic[Taken]):
    """
    What a run has gathered so far.

    @ivar samples: All that succeeded.
    @ivar skipped: What was left out, and why.
    @ivar failures: What went wrong, and where.
    """

    samples: list[Taken] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def remarks(self) -> list[str]:
        """A line for each thing that is not in the table."""
        left = [f"left out: {line}" for line in self.skipped]
        return left + [f"failed: {line}" for line in self.failures]


def positive(text: str) -> float:
    """
    A number above 0.

    @raise ValueError: It is not.
    """
    value = float(text)
    if not 0 < value < 3600:
        raise ValueError(text)
    return value


def rounds(text: str) -> int:
    """
    A whole number above 0.

    @raise ValueError: It is not.
    """
    value = int(text)
    if not 0 < value <= 1000:
        raise ValueError(text)
    return value


def words(text: str) -> list[str]:
    """What stands between commas."""
    return [word for word in text.split(",") if word]


def commonOptions(
    options: argparse.ArgumentParser, peers: Sequence[str], pairs: str, seconds: str
) -> None:
    """
    Add the options that all benchmarks have.

    @param seconds: That of C{--seconds}.
    """
    options.add_argument("--quick", action="store_true", help="the main cells, one short round")
    options.add_argument("--only", default="", metavar="CELL,..", help="names or beginnings")
    options.add_argument("--peers", default="", metavar="PEER,..", help=", ".join(peers))
    options.add_argument("--pairs", type=rounds, metavar="N", help=f"rounds ({pairs})")
    options.add_argument(
        "--seconds", type=positive, metavar="S", help=f"of each window ({seconds})"
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write every sample")


def raiseDescriptors() -> int:
    """Let this process and what it starts open as many descriptors as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def measureAll(
    bench: Sampler[OfCell, OfPeer, Taken],
    cells: Sequence[OfCell],
    peers: Sequence[OfPeer],
    turns: int,
    outcome: Outcome[Taken],
    say: Callable[[str], None],
) -> None:
    """
    Every peer once in each round of each cell.  The order of the peers turns, so none is always
    the first, or always after the same neighbour's leftovers.
    """
    for cell in cells:
        for turn in range(turns):
            shift = turn % len(peers)
            for peer in (*peers[shift:], *peers[:shift]):
                where = f"{cell.name} round {turn + 1}/{turns} {peer.name}"
                try:
                    sample = bench.sample(cell, peer, turn)
                except Unable as reason:
                    line = f"{peer.name} in {cell.name}: {reason}"
                    if line not in outcome.skipped:
                        outcome.skipped.append(line)
                    continue
                except (ServerError, LoadError) as error:
                    outcome.failures.append(f"{where}: {error}")
                    say(f"{where}: FAILED: {error}")
                    continue
                outcome.samples.append(sample)
                say(f"{where}: {sample.summary}")


def runAll(
    bench: Sampler[OfCell, OfPeer, Taken],
    cells: Sequence[OfCell],
    peers: Sequence[OfPeer],
    turns: int,
    outcome: Outcome[Taken],
    about: dict[str, object],
) -> int:
    """
    L{measureAll} with progress on the standard error; an interrupt ends it, and what it has stays.
    """
    # Without this a terminated benchmark would leave its server behind.
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
