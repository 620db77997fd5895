"""
The command: C{python -m benchmarks.echo}.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cells import CELLS, Cell, Kind, chosen
from benchmarks.compile import CompileError
from benchmarks.figures import rowsOf
from benchmarks.load import LoadError, generator
from benchmarks.machine import described, machine
from benchmarks.measure import Bench, Sample
from benchmarks.peers import PEERS, Peer, ServerError, chosenPeers
from benchmarks.picture import picture
from benchmarks.pinning import cores
from benchmarks.report import document, tables

# Seconds of load before each window: the first requests of a connection cost more than the rest.
WARMUP = 0.4
# A short run: enough to see that all works.
QUICK_SECONDS = 0.4
QUICK_WARMUP = 0.1
# How often a sample that somebody else on the cores has spoilt is taken again at most.
RETRIES = 2
# Descriptors a server needs beside its connections, at most.
SPARE_DESCRIPTORS = 200


@dataclass
class Outcome:
    """
    What a run has gathered so far.

    @ivar samples: All that succeeded.
    @ivar skipped: What was left out, and why.
    @ivar failures: What went wrong, and where.
    """

    samples: list[Sample] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


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


def parser() -> argparse.ArgumentParser:
    """
    The options of the command.
    """
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.echo",
        description="The timestamp service beside its peers, in one run on this machine.",
        epilog="cells: " + ", ".join(cell.name for cell in CELLS),
    )
    options.add_argument("--quick", action="store_true", help="the main cells, one short round")
    options.add_argument("--only", default="", metavar="CELL,..", help="names or beginnings")
    options.add_argument(
        "--peers", default="", metavar="PEER,..", help=", ".join(peer.name for peer in PEERS)
    )
    options.add_argument("--pairs", type=rounds, metavar="N", help="rounds (5; 1 when quick)")
    options.add_argument(
        "--seconds", type=positive, metavar="S", help="of each window (2; 0.4 when quick)"
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write every sample")
    options.add_argument("--picture", type=Path, metavar="FILE", help="write an SVG")
    return options


def words(text: str) -> list[str]:
    """
    What stands between commas.
    """
    return [word for word in text.split(",") if word]


def raiseDescriptors() -> int:
    """
    Let this process and what it starts open as many descriptors as the system allows.

    @return: How many that are.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def measureAll(
    bench: Bench,
    cells: Sequence[Cell],
    peers: Sequence[Peer],
    turns: int,
    outcome: Outcome,
    say: Callable[[str], None],
) -> None:
    """
    Every peer once in each round of each cell.  The order of the peers turns, so none is always
    the first, or always after the same neighbour's leftovers.

    @param turns: Rounds.
    @param outcome: Filled as the run goes on, so that an interrupted run keeps what it has.
    @param say: Takes one line of progress.
    """
    for cell in cells:
        for turn in range(turns):
            shift = turn % len(peers)
            for peer in (*peers[shift:], *peers[:shift]):
                where = f"{cell.name} round {turn + 1}/{turns} {peer.name}"
                try:
                    sample = bench.sample(cell, peer, turn)
                except (ServerError, LoadError) as error:
                    outcome.failures.append(f"{where}: {error}")
                    say(f"{where}: FAILED: {error}")
                    continue
                outcome.samples.append(sample)
                load = sample.load
                cpu = "" if load.serverCpu is None else f", {load.serverCpu:.2f} us"
                say(f"{where}: {load.requestsPerSecond:,.0f}/s{cpu}")


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run what was asked for.

    @return: 0, or 1 when a sample failed, or 130 after an interrupt.
    """
    command = parser()
    options = command.parse_args(arguments)
    outcome = Outcome()
    try:
        cells = chosen(words(options.only), options.quick)
        peers = []
        for peer in chosenPeers(words(options.peers)):
            reason = peer.missing()
            if reason is None:
                peers.append(peer)
            else:
                outcome.skipped.append(f"{peer.title}: {reason}")
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
    rows = rowsOf(outcome.samples, cells, peers)
    print(described(about))
    print(f"{load.title} generator, {turns} rounds of {bench.seconds:g} s; medians")
    for line in outcome.skipped:
        print(f"left out: {line}")
    for line in outcome.failures:
        print(f"failed: {line}")
    if rows:
        print("\n" + tables(rows, cells, peers))
    if options.json is not None:
        options.json.write_text(json.dumps(document(outcome.samples, rows, about), indent=1) + "\n")
    if options.picture is not None:
        pictured = [cell for cell in cells if cell.pictured or options.only]
        pictured = [cell for cell in pictured if cell.kind is Kind.LOAD]
        options.picture.write_text(picture(rows, pictured, peers, described(about)))
    return status or (1 if outcome.failures else 0)


if __name__ == "__main__":
    sys.exit(main())
