"""
Load generators: how they are started, and their reports.
"""

from __future__ import annotations

import json
import os
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from benchmarks.common.compile import CHECKOUT

# Seconds beyond the measured time until a generator counts as stuck.
GENERATOR_LIMIT = 60.0


class LoadError(Exception):
    """The generator failed, or the server did not do the requested work."""


@dataclass(frozen=True, kw_only=True)
class GeneratorReport(ABC):
    """
    The report of a generator about the measured time.

    @ivar seconds: Length of the measured time.
    @ivar p50: Median latency in microseconds.
    @ivar p99: 99th percentile of the latency in microseconds.
    @ivar maximum: Longest latency in microseconds.
    @ivar cpuSeconds: CPU time of the generator.
    @ivar utilisation: CPU time of the generator as a share of C{seconds}: 1.0 is a full core.
    @ivar serverCpuSeconds: CPU time of the server, all its threads; C{None} if a process cannot
        read the clock of another one here.
    @ivar waited: Share of the time in which the generator was ready to run while another process
        had its core; C{None} if the system does not report it.
    @ivar serverWaited: The same share of the server.
    @ivar began: Monotonic second of the beginning.
    @ivar ended: Monotonic second of the end.
    """

    seconds: float
    p50: float
    p99: float
    maximum: float
    cpuSeconds: float
    utilisation: float
    serverCpuSeconds: float | None
    waited: float | None
    serverWaited: float | None
    began: float
    ended: float

    @property
    @abstractmethod
    def serverCpu(self) -> float | None:
        """Microseconds of server CPU for one request, packet or delivery."""

    @property
    def serverBusy(self) -> float | None:
        """CPU time of the server as a share of the time: 1.0 is a full core."""
        return None if self.serverCpuSeconds is None else self.serverCpuSeconds / self.seconds

    @property
    def worseWait(self) -> float:
        """The larger of C{waited} and C{serverWaited}; 0 if the system does not report them."""
        return max(self.waited or 0.0, self.serverWaited or 0.0)

    def serverCpuFor(self, count: int) -> float | None:
        """Microseconds of server CPU for each of C{count} requests."""
        if self.serverCpuSeconds is None or not count:
            return None
        return self.serverCpuSeconds * 1e6 / count


def commandOptions(**options: float | str) -> list[str]:
    """Options of a command line; an underscore becomes a dash."""
    return [
        word
        for name, value in options.items()
        for word in ("--" + name.replace("_", "-"), str(value))
    ]


def environment() -> dict[str, str]:
    """Make the environment in which the Python generator finds its package."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT)}


def runGenerator(command: list[str], limit: float) -> dict[str, Any]:
    """
    Run a generator and read its JSON line.

    @param limit: Seconds.
    @raise LoadError: The generator failed; the text has its standard error.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, env=environment(), check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LoadError("the generator did not end") from error
    if done.returncode:
        raise LoadError(f"the generator ended with {done.returncode}: {done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report
