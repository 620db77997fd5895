"""
The memory of the probe's statistics over a long simulated run.

C{python -m benchmarks.probe.memory --packets 100000000} gives this number of packets to the
statistics of one target, with all kinds of trouble: losses each way, duplicates, reordering, late
replies, a skew, steps of both clocks, stalls, new sessions and other reflectors.  It prints the
memory of the process regularly, and its growth in the last half.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from random import Random

from tsservices.stamp.stats.result import ProbeResult, ProbeState, Timestamps
from tsservices.stamp.stats.stalls import Stall
from tsservices.stamp.stats.summary import summarize
from tsservices.stamp.stats.target import PieceReason, TargetStatistics

#: Nanoseconds between two packets, and in a second.
INTERVAL = 10_000_000
SECOND = 1_000_000_000

#: Nanoseconds since 1970 at the start.
EPOCH = 1_795_000_000 * SECOND

#: Packets between two events of each kind.
STEPS, SESSIONS, STALLS = 9_973, 99_991, 49_999

#: The number of times that the memory and the statistics are read.
REPORTS = 400


def residentKilobytes() -> int:
    """Get the resident memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


class SimulatedRun:
    """A target with simulated packets."""

    def __init__(self, seed: int) -> None:
        self.statistics = TargetStatistics()
        self._random = Random(seed)
        self._base = EPOCH
        self._offset = 0
        self._count = 0
        # A reply that is overtaken by later ones.
        self._waiting: ProbeResult | None = None

    def send(self, sequence: int) -> None:
        """Simulate a packet and its result."""
        statistics, random = self.statistics, self._random
        if sequence % STEPS == STEPS - 1:
            if random.random() < 0.3:
                self._base += random.randrange(-10 * SECOND, 10 * SECOND)
            else:
                self._offset += random.randrange(-10 * SECOND, 10 * SECOND)
        if sequence % SESSIONS == SESSIONS - 1:
            self._count = 0
            statistics.beginPiece(random.choice([PieceReason.SESSION, PieceReason.REFLECTOR]))
        stalled = sequence % STALLS == STALLS - 1
        if stalled:
            statistics.stalls.add(Stall(sequence * INTERVAL, random.randrange(SECOND)))
        sent = sequence * INTERVAL
        statistics.addSent(sent, int(100_000 * random.random()), 7 * stalled, stalled)
        drawn = random.random()
        if drawn < 0.01:
            self._fail(sequence, ProbeState.TIMEOUT)
            return
        if drawn < 0.011:
            self._fail(sequence, ProbeState.UNREACHABLE)
            return
        number, self._count = self._count, self._count + 1
        if drawn < 0.02:
            self._fail(sequence, ProbeState.TIMEOUT)
            if drawn < 0.012:
                statistics.classifyReply(sequence, number)
                statistics.add(ProbeResult(sequence, ProbeState.LATE, sent, self._base + sent))
            return
        statistics.classifyReply(sequence, number)
        result = self._answer(sequence, number)
        if drawn < 0.03:
            statistics.classifyReply(sequence, number)
        if drawn > 0.99 and self._waiting is None:
            self._waiting = result
            return
        statistics.add(result)
        if self._waiting is not None:
            statistics.add(self._waiting)
            self._waiting = None

    def _answer(self, sequence: int, number: int) -> ProbeResult:
        sent = sequence * INTERVAL
        # Exponential, with a mean of 100 microseconds.
        up = 20_000 - int(100_000 * math.log(1 - self._random.random()))
        down = 20_000 - int(100_000 * math.log(1 - self._random.random()))
        server = 200_000
        t1 = self._base + sent
        t2 = EPOCH + sent + up + self._offset + sent // 50_000
        times = Timestamps(t1, t1 + up + server + down, t2, t2 + server, "kk")
        return ProbeResult(
            sequence,
            ProbeState.OK,
            sent,
            t1,
            up + server + down + 100_000,
            times,
            number,
            64,
            64,
            sentBase=self._base,
            receivedBase=self._base,
        )

    def _fail(self, sequence: int, state: ProbeState) -> None:
        sent = sequence * INTERVAL
        self.statistics.add(
            ProbeResult(sequence, state, sent, self._base + sent, sentBase=self._base)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of a long simulated run.")
    parser.add_argument("--packets", type=int, default=100_000_000)
    parser.add_argument("--seconds", type=float, default=1200.0, help="stop earlier than that")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    run = SimulatedRun(options.seed)
    start = time.monotonic()
    part = max(1, options.packets // REPORTS)
    sizes: list[tuple[int, int]] = []
    for sequence in range(options.packets):
        run.send(sequence)
        if sequence % part == part - 1:
            # As for a scrape of Prometheus or a report.
            summarize(run.statistics)
            sizes.append((sequence + 1, residentKilobytes()))
            print(*sizes[-1], "KiB", f"{time.monotonic() - start:.0f} s", flush=True)
            if time.monotonic() - start > options.seconds:
                break
    half = [size for packets, size in sizes if packets >= sizes[-1][0] / 2]
    print(f"{sizes[-1][0]} packets; last half: {half[0]} to {half[-1]} KiB, most {max(half)} KiB")
    statistics = run.statistics
    print(f"{statistics.steps.total} steps, {statistics.piece} pieces, {statistics.lost} lost")


if __name__ == "__main__":
    main()
