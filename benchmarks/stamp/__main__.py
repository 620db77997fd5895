"""
C{python -m benchmarks.stamp}: packets a second that a core reflects, compared with C.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.common.compile import CompileError
from benchmarks.common.figures import medianOf, pairedRatio
from benchmarks.common.machine import described, machine
from benchmarks.common.pinning import cores
from benchmarks.common.run import Outcome, commaSeparated, commonOptions, runAll
from benchmarks.common.servers import Peer, available, namedPeers
from benchmarks.stamp.measure import (
    STAMP_CELLS,
    STAMP_PEERS,
    StampBench,
    StampCell,
    StampSample,
    buildSender,
)

#: Seconds of load before the measured window, and of the window.
WARMUP = 0.3
QUICK_WARMUP = 0.1
SECONDS = 1.0
QUICK_SECONDS = 0.3

ROUNDS = 5

#: The most repetitions of a sample that other programs disturbed.
RETRIES = 2

#: The peer to compare the others with.
BASELINE = "c"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.stamp",
        description="Packets a second that one core reflects, beside a bare reflector in C.",
        epilog="cells: " + ", ".join(cell.name for cell in STAMP_CELLS),
    )
    commonOptions(
        options,
        [peer.name for peer in STAMP_PEERS],
        f"{ROUNDS}; 1 when quick",
        f"{SECONDS:g}; {QUICK_SECONDS:g} when quick",
    )
    return options


def packetsPerSecond(sample: StampSample) -> float | None:
    return sample.load.packetsPerSecond


def serverCpu(sample: StampSample) -> float | None:
    """Get the microseconds of server CPU for one packet."""
    return sample.load.serverCpu


def table(samples: Sequence[StampSample], cells: Sequence[StampCell], peers: Sequence[Peer]) -> str:
    """Make the table in Markdown, with a line for each peer in each cell."""
    lines = [
        "| load | reflector | packets/s | of C | CPU us/packet | of C | p50 us | p99 us | lost |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        inCell = [sample for sample in samples if sample.cell == cell.name]
        baseline = [sample for sample in inCell if sample.peer == BASELINE]
        for peer in peers:
            own = [sample for sample in inCell if sample.peer == peer.name]
            if not own:
                continue
            figures = [
                formatted(medianOf(own, packetsPerSecond), 0),
                formatted(pairedRatio(own, baseline, packetsPerSecond), 2),
                formatted(medianOf(own, serverCpu), 2),
                formatted(pairedRatio(own, baseline, serverCpu), 2),
                formatted(medianOf(own, lambda sample: sample.load.p50), 0),
                formatted(medianOf(own, lambda sample: sample.load.p99), 0),
                str(sum(sample.load.lost for sample in own)),
            ]
            lines.append(f"| {cell.title} | {peer.title} | {' | '.join(figures)} |")
    return "\n".join(lines)


def formatted(value: float | None, decimals: int) -> str:
    """Format a figure; a dash if there is none."""
    return "-" if value is None else f"{value:,.{decimals}f}"


def chosenCells(beginnings: list[str], quick: bool) -> list[StampCell]:
    """
    Get the cells of a run, in the order of the table.

    @raise ValueError: there is no such cell.
    """
    for beginning in beginnings:
        if not any(cell.name.startswith(beginning) for cell in STAMP_CELLS):
            raise ValueError(f"no cell {beginning!r}")
    if not beginnings:
        return [cell for cell in STAMP_CELLS if not quick or cell.name != "long"]
    return [cell for cell in STAMP_CELLS if cell.name.startswith(tuple(beginnings))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 1 if any sample failed."""
    command = parser()
    options = command.parse_args(arguments)
    outcome: Outcome[StampSample] = Outcome()
    try:
        cells = chosenCells(commaSeparated(options.only), options.quick)
        peers = available(namedPeers(STAMP_PEERS, commaSeparated(options.peers)), outcome.skipped)
        program = buildSender()
    except (ValueError, CompileError) as error:
        command.error(str(error))
    if program is None:
        command.error("the generator needs Linux and a C compiler; nothing stands in for it")
    bench = StampBench(
        program,
        cores(),
        options.seconds or (QUICK_SECONDS if options.quick else SECONDS),
        QUICK_WARMUP if options.quick else WARMUP,
        0 if options.quick else RETRIES,
    )
    turns = options.pairs or (1 if options.quick else ROUNDS)
    about = machine()
    about.update(seconds=bench.seconds, rounds=turns)
    about.update(cores_used=None if bench.cores is None else vars(bench.cores))
    if bench.cores is None:
        outcome.skipped.append("pinning: one core only, server and generator share it")
    status = runAll(bench, cells, peers, turns, outcome, about)
    print(described(about))
    print(f"{turns} rounds of {bench.seconds:g} s; medians, ratios within a round")
    for line in outcome.remarks:
        print(line)
    if outcome.samples:
        print("\n" + table(outcome.samples, cells, peers))
    if options.json is not None:
        text = json.dumps(
            {**about, "samples": [asdict(sample) for sample in outcome.samples]}, indent=1
        )
        options.json.write_text(text + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
