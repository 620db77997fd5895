"""
The command: C{python -m benchmarks.echo}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.compile import CompileError
from benchmarks.common.machine import described
from benchmarks.common.run import (
    Outcome,
    RunLength,
    commandParser,
    commaSeparated,
    conditions,
    describedRun,
    runAll,
    runLength,
    withinDescriptors,
)
from benchmarks.common.servers import available, namedPeers
from benchmarks.common.tables import document
from benchmarks.echo.cells import CELLS, Kind, chosenCells
from benchmarks.echo.figures import rowsOf
from benchmarks.echo.load import generator
from benchmarks.echo.measure import Bench, Sample
from benchmarks.echo.peers import PEERS
from benchmarks.echo.picture import picture
from benchmarks.echo.report import tables

DESCRIPTION = "Compare the timestamp service with other servers, in one run on this machine."
# The warm-up is not measured: the first requests of a connection cost more than later ones.
USUAL = RunLength(seconds=2.0, warmup=0.4, retries=2, rounds=5)
# Enough to check that everything works.
QUICK = RunLength(seconds=0.4, warmup=0.1, retries=0, rounds=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    command = commandParser("echo", DESCRIPTION, CELLS, PEERS, USUAL, QUICK)
    command.add_argument("--picture", type=Path, metavar="FILE", help="draw requests/s as an SVG")
    options = command.parse_args(arguments)
    outcome: Outcome[Sample] = Outcome()
    try:
        cells = chosenCells(commaSeparated(options.only), options.quick)
        peers = available(namedPeers(PEERS, commaSeparated(options.peers)), outcome.skipped)
        load = generator(any(cell.tls for cell in cells), outcome.skipped)
        cells = [cell for cell in cells if load.tls or not cell.tls]
    except (ValueError, CompileError) as error:
        command.error(str(error))
    if not peers:
        command.error("no server to measure: " + "; ".join(outcome.skipped))
    cells = withinDescriptors(cells, lambda cell: cell.idle + cell.connections, outcome.skipped)
    length = runLength(options, USUAL, QUICK)
    bench = Bench(load, conditions(length, outcome.skipped))
    about = describedRun(bench.conditions, length.rounds) | {"generator": load.title}
    if load.title == "Python":
        outcome.skipped.append(
            "C generator: no compiler; the Python one is the bottleneck, do not quote these figures"
        )
    status = runAll(bench, cells, peers, length.rounds, outcome, about)
    rows = rowsOf(outcome.samples, cells, peers)
    print(described(about))
    print(f"{load.title} generator, {length.rounds} rounds of {length.seconds:g} s; medians")
    for line in outcome.remarks:
        print(line)
    if rows:
        print("\n" + tables(rows, cells, peers))
    if options.json is not None:
        options.json.write_text(json.dumps(document(outcome.samples, rows, about), indent=1) + "\n")
    if options.picture is not None:
        pictured = [
            cell for cell in cells if cell.kind is Kind.LOAD and (cell.pictured or options.only)
        ]
        options.picture.write_text(picture(rows, pictured, peers, described(about)))
    return status


if __name__ == "__main__":
    sys.exit(main())
