"""
The command: C{python -m benchmarks.chat}.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks.chat.cells import CHAT_CELLS, chosenRooms
from benchmarks.chat.figures import chatRows
from benchmarks.chat.measure import ChatBench, ChatSample, crowd
from benchmarks.chat.peers import CHAT_PEERS
from benchmarks.chat.report import chatDocument, details, summary
from benchmarks.common.compile import CompileError
from benchmarks.common.machine import described, machine, temporaryFilesystem
from benchmarks.common.pinning import cores
from benchmarks.common.run import Outcome, commonOptions, raiseDescriptors, runAll, words
from benchmarks.echo.peers import available, namedPeers

# Seconds of load before each stretch.
WARMUP = 0.3
QUICK_WARMUP = 0.1
SECONDS = 1.0
QUICK_SECONDS = 0.4
ROUNDS = 3
# How often a sample that somebody else on the cores has spoilt is taken again at most.
RETRIES = 1
# Descriptors either side needs beside its connections, at most.
SPARE_DESCRIPTORS = 200


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.chat",
        description="The chat beside its peers, in one run on this machine.",
        epilog="cells: " + ", ".join(cell.name for cell in CHAT_CELLS),
    )
    commonOptions(
        options,
        [peer.name for peer in CHAT_PEERS],
        f"{ROUNDS}; 1 when quick",
        f"{SECONDS:g}; {QUICK_SECONDS:g} when quick",
    )
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    command = parser()
    options = command.parse_args(arguments)
    outcome: Outcome[ChatSample] = Outcome()
    try:
        cells = chosenRooms(words(options.only), options.quick)
        peers = available(namedPeers(CHAT_PEERS, words(options.peers)), outcome.skipped)
        program = crowd()
    except (ValueError, CompileError) as error:
        command.error(str(error))
    if program is None:
        command.error("no C compiler: the generator is written in C, and nothing stands in for it")
    if not peers:
        command.error("nobody to measure: " + "; ".join(outcome.skipped))
    allowed = raiseDescriptors()
    for cell in list(cells):
        needed = cell.members + SPARE_DESCRIPTORS
        if needed > allowed:
            cells.remove(cell)
            outcome.skipped.append(f"{cell.title}: {needed} descriptors, {allowed} allowed")
    bench = ChatBench(
        program,
        cores(),
        options.seconds or (QUICK_SECONDS if options.quick else SECONDS),
        QUICK_WARMUP if options.quick else WARMUP,
        0 if options.quick else RETRIES,
    )
    turns = options.pairs or (1 if options.quick else ROUNDS)
    about = machine()
    about.update(seconds=bench.seconds, rounds=turns, journals=temporaryFilesystem())
    about.update(cores_used=None if bench.cores is None else vars(bench.cores))
    if bench.cores is None:
        outcome.skipped.append("pinning: one core only, server and generator share it")
    if about["journals"] == "tmpfs":
        outcome.skipped.append("disk: the temporary folder is in memory, and so is the journal")
    status = runAll(bench, cells, peers, turns, outcome, about)
    rows = chatRows(outcome.samples, cells, peers)
    print(described(about))
    print(f"{turns} rounds of {bench.seconds:g} s; medians, ratios within a round")
    for line in outcome.remarks:
        print(line)
    if rows:
        print(f"\n{summary(rows, cells, peers)}\n\n{details(rows, cells, peers)}")
    if options.json is not None:
        text = json.dumps(chatDocument(outcome.samples, rows, about), indent=1)
        options.json.write_text(text + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
