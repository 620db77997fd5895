"""
The command: C{python -m benchmarks.echo}.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.compile import CompileError
from benchmarks.common.figures import rowsOf
from benchmarks.common.machine import described, machine
from benchmarks.common.picture import picture
from benchmarks.common.pinning import cores
from benchmarks.common.report import document, tables
from benchmarks.common.run import Outcome, commonOptions, raiseDescriptors, runAll, words
from benchmarks.echo.cells import CELLS, Kind, chosen
from benchmarks.echo.load import generator
from benchmarks.echo.measure import Bench, Sample
from benchmarks.echo.peers import PEERS, available, chosenPeers

# Seconds of load before each window: the first requests of a connection cost more than the rest.
WARMUP = 0.4
# A short run: enough to see that all works.
QUICK_SECONDS = 0.4
QUICK_WARMUP = 0.1
# How often a sample that somebody else on the cores has spoilt is taken again at most.
RETRIES = 2
# Descriptors a server needs beside its connections, at most.
SPARE_DESCRIPTORS = 200


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.echo",
        description="The timestamp service beside its peers, in one run on this machine.",
        epilog="cells: " + ", ".join(cell.name for cell in CELLS),
    )
    commonOptions(options, [peer.name for peer in PEERS], "5; 1 when quick", "2; 0.4 when quick")
    options.add_argument("--picture", type=Path, metavar="FILE", help="write an SVG")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    command = parser()
    options = command.parse_args(arguments)
    outcome: Outcome[Sample] = Outcome()
    try:
        cells = chosen(words(options.only), options.quick)
        peers = available(chosenPeers(words(options.peers)), outcome.skipped)
        load = generator()
    except (ValueError, CompileError) as error:
        command.error(str(error))
    if not peers:
        command.error("nobody to measure: " + "; ".join(outcome.skipped))
    allowed = raiseDescriptors()
    for cell in list(cells):
        needed = cell.idle + cell.connections + SPARE_DESCRIPTORS
        if needed > allowed:
            cells.remove(cell)
            outcome.skipped.append(f"{cell.title}: {needed} descriptors, {allowed} allowed")
    bench = Bench(
        load,
        cores(),
        options.seconds or (QUICK_SECONDS if options.quick else 2.0),
        QUICK_WARMUP if options.quick else WARMUP,
        0 if options.quick else RETRIES,
    )
    turns = options.pairs or (1 if options.quick else 5)
    about = machine()
    about.update(generator=load.title, seconds=bench.seconds, rounds=turns)
    about.update(cores_used=None if bench.cores is None else vars(bench.cores))
    if bench.cores is None:
        outcome.skipped.append("pinning: one core only, server and generator share it")
    if load.title == "Python":
        outcome.skipped.append("C generator: no compiler; the Python one limits all, do not quote")
    status = runAll(bench, cells, peers, turns, outcome, about)
    rows = rowsOf(outcome.samples, cells, peers)
    print(described(about))
    print(f"{load.title} generator, {turns} rounds of {bench.seconds:g} s; medians")
    for line in outcome.remarks:
        print(line)
    if rows:
        print("\n" + tables(rows, cells, peers))
    if options.json is not None:
        options.json.write_text(json.dumps(document(outcome.samples, rows, about), indent=1) + "\n")
    if options.picture is not None:
        pictured = [cell for cell in cells if cell.pictured or options.only]
        pictured = [cell for cell in pictured if cell.kind is Kind.LOAD]
        options.picture.write_text(picture(rows, pictured, peers, described(about)))
    return status


if __name__ == "__main__":
    sys.exit(main())
