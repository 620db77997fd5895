"""
The command: C{python -m benchmarks.processes}.

What several processes on the same ports (C{--processes}) bring: requests to the timestamp service
in a second, and the processor time of all processes of the server for one request.

Nothing is pinned, and the generator needs a core too.  So with two cores the rate can't double: it
rises by what the generator leaves of the second core.  The processor time for a request, and how
even the workers' parts are, say what more cores would bring.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.generators import LoadError
from benchmarks.common.machine import cpuSeconds, described, machine
from benchmarks.common.run import positive, rounds
from benchmarks.common.servers import (
    MOST_CONNECTIONS,
    TSSERVER,
    Peer,
    Server,
    ServerError,
    lacksModule,
    running,
)
from benchmarks.common.tables import aligned
from benchmarks.echo.cells import CELLS, Cell
from benchmarks.echo.load import Generator, generator

# The cells of the echo benchmark that are measured.
LOADS = ("tcp-64c-64b", "pipelined-64c-64b", "udp-64f-64b")
# Numbers of processes to compare; the first is the reference.
PROCESSES = (1, 2)
# Seconds until all workers serve.
START_LIMIT = 20.0
# Seconds of a load before the measured time, and the number of such loads that have to succeed.
WARMUP = 0.5
WARMUPS = 5


@dataclass(frozen=True)
class ProcessSample:
    """
    One load on one server.

    @ivar rate: Requests in a second.
    @ivar cpu: Processor seconds of each process that serves.
    @ivar perRequest: Processor microseconds of all these processes for one request.
    """

    rate: float
    cpu: tuple[float, ...]
    perRequest: float


def peer(processes: int) -> Peer:
    """Make the peer for a server with this number of processes."""

    def command(state: Path, _flag: bool) -> list[str]:
        options = ["--services", "timestamp", "--port", "0", "--state", str(state)]
        options += ["--max-connections", MOST_CONNECTIONS, "--no-io-uring"]
        if processes > 1:
            options += ["--processes", str(processes)]
        return [*TSSERVER, *options]

    name = f"{processes} processes"
    return Peer(name, name, lacksModule("tsservices"), command)


def children(process: int) -> list[int]:
    """List the running child processes of a process."""
    tasks = Path(f"/proc/{process}/task")
    return [
        int(word) for task in tasks.iterdir() for word in (task / "children").read_text().split()
    ]


def serving(server: Server, processes: int, load: Callable[[], object]) -> list[int]:
    """
    Wait until all processes serve, and list them.

    @param load: Sends requests for a short time.
    @raise ServerError: Not all of them serve in time.
    """
    end, answered = time.monotonic() + START_LIMIT, 0
    while time.monotonic() < end:
        try:
            load()
        except LoadError:
            # Requests for a worker that does not serve yet wait in its socket.
            answered = 0
            continue
        answered += 1
        parent = server.process.pid
        numbers = [parent] if processes == 1 else children(parent)
        # All start together.  When one has served for some time, the others serve too.
        if answered >= WARMUPS and len(numbers) == processes:
            return numbers
    raise ServerError(f"{processes} processes did not serve in time")


def sample(load: Generator, cell: Cell, processes: int, seconds: float) -> ProcessSample:
    """
    Measure one load on a fresh server.

    @raise LoadError: The generator failed.
    @raise ServerError: The server did not start.
    """
    with running(peer(processes), False, None) as server:
        port, process = server.ports[cell.transport], server.process.pid
        numbers = serving(server, processes, lambda: load.run(cell, port, process, WARMUP, 0))
        before = [cpuSeconds(number) for number in numbers]
        report = load.run(cell, port, process, seconds, 0)
        cpu = tuple(
            [cpuSeconds(number) - first for number, first in zip(numbers, before, strict=True)]
        )
    return ProcessSample(report.requestsPerSecond, cpu, sum(cpu) * 1e6 / report.requests)


def table(samples: dict[tuple[str, int], list[ProcessSample]]) -> str:
    """Make the table of medians, by the title of the load and the number of processes."""
    rows = [("load", "processes", "requests/s", ": one", "CPU µs", "parts of the workers")]
    for (title, processes), ours in samples.items():

        def median(value: Callable[[ProcessSample], float], of: list[ProcessSample]) -> float:
            return statistics.median([value(one) for one in of])

        rate = median(lambda one: one.rate, ours)
        single = median(lambda one: one.rate, samples[title, PROCESSES[0]])
        parts = [
            f"{median(lambda one: one.cpu[place] / sum(one.cpu), ours):.0%}"  # noqa: B023
            for place in range(processes)
        ]
        cpu = f"{median(lambda one: one.perRequest, ours):.2f}"
        rows.append(
            (title, str(processes), f"{rate:,.0f}", f"{rate / single:.2f}", cpu, ", ".join(parts))
        )
    return aligned(rows, texts=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.processes", description=__doc__)
    parser.add_argument("--seconds", type=positive, default=1.5, help="of each measurement")
    parser.add_argument("--rounds", type=rounds, default=3, help="measurements of each kind")
    options = parser.parse_args(arguments)
    load = generator(False, [])
    samples: dict[tuple[str, int], list[ProcessSample]] = {}
    for _ in range(options.rounds):
        for cell in [cell for cell in CELLS if cell.name in LOADS]:
            for processes in PROCESSES:
                taken = sample(load, cell, processes, options.seconds)
                samples.setdefault((cell.title, processes), []).append(taken)
    print(described(machine()))
    print(table(samples))
    return 0


if __name__ == "__main__":
    sys.exit(main())
