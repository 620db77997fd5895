"""
Samples: the results of one run of one server, and when it is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.common.generators import GeneratorReport
from benchmarks.common.pinning import Cores

# Share of the measured time above which another process on either core has disturbed a sample.
DISTURBED = 0.05


@dataclass(frozen=True)
class LoadSample:
    """
    The result of one run of one peer under one load.

    @ivar cell: Name of the cell.
    @ivar peer: Name of the peer.
    @ivar turn: Number of the round, from 0: only samples of one round are compared.
    @ivar load: The generator's report.
    """

    cell: str
    peer: str
    turn: int
    load: GeneratorReport

    @property
    def waited(self) -> float:
        """
        Share of the measured time in which the worse side was ready to run and could not; 0 if the
        system does not report it.
        """
        return self.load.worseWait


@dataclass(frozen=True)
class Conditions:
    """
    The conditions that are the same for all samples of a run.

    @ivar cores: The cores of server and generator; C{None}: no pinning.
    @ivar seconds: Length of the measured time.
    @ivar warmup: Seconds of load before it.
    @ivar retries: The most repetitions of a disturbed sample.
    """

    cores: Cores | None
    seconds: float
    warmup: float
    retries: int

    @property
    def serverCore(self) -> int | None:
        """The number of the server's core, or C{None} for no pinning."""
        return None if self.cores is None else self.cores.server

    @property
    def generatorCore(self) -> int | None:
        """The number of the generator's core, or C{None} for no pinning."""
        return None if self.cores is None else self.cores.generator


SampleT = TypeVar("SampleT", bound=LoadSample)


def progress(rate: float, sample: LoadSample) -> str:
    """Format the rate and, if known, the CPU time of a sample for a line of progress."""
    cpu = sample.load.serverCpu
    return f"{rate:,.0f}/s" + ("" if cpu is None else f", {cpu:.2f} us")


def leastDisturbed(measure: Callable[[], SampleT], retries: int) -> SampleT:
    """Take a sample, and repeat it up to C{retries} times while other processes disturb it."""
    sample = measure()
    for _ in range(retries):
        if sample.waited <= DISTURBED:
            break
        # Only the wait decides.  A choice by the figures would make every peer look better.
        sample = min(sample, measure(), key=lambda candidate: candidate.waited)
    return sample
