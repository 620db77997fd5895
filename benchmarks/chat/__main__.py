"""
The command: C{python -m benchmarks.chat}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from benchmarks.chat.cells import CHAT_CELLS
from benchmarks.chat.figures import chatRows
from benchmarks.chat.measure import ChatBench, ChatSample, crowd
from benchmarks.chat.peers import CHAT_PEERS
from benchmarks.chat.report import details, summary
from benchmarks.common.cells import matchingCells
from benchmarks.common.compile import CompileError
from benchmarks.common.machine import described, temporaryFilesystem
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

DESCRIPTION = "Compare the chat with other chat servers, in one run on this machine."
USUAL = RunLength(seconds=1.0, warmup=0.3, retries=1, rounds=3)
QUICK = RunLength(seconds=0.4, warmup=0.1, retries=0, rounds=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    command = commandParser("chat", DESCRIPTION, CHAT_CELLS, CHAT_PEERS, USUAL, QUICK)
    options = command.parse_args(arguments)
    outcome: Outcome[ChatSample] = Outcome()
    try:
        cells = matchingCells(CHAT_CELLS, commaSeparated(options.only), options.quick)
        peers = available(namedPeers(CHAT_PEERS, commaSeparated(options.peers)), outcome.skipped)
        program = crowd()
    except (ValueError, CompileError) as error:
        command.error(str(error))
    if program is None:
        command.error("no C compiler: there is no other generator than the one in C")
    if not peers:
        command.error("no server to measure: " + "; ".join(outcome.skipped))
    cells = withinDescriptors(cells, lambda cell: cell.members, outcome.skipped)
    length = runLength(options, USUAL, QUICK)
    bench = ChatBench(program, conditions(length, outcome.skipped))
    about = describedRun(bench.conditions, length.rounds)
    filesystem = temporaryFilesystem()
    about.update(journals=filesystem)
    if filesystem == "tmpfs":
        outcome.skipped.append("disk: the temporary folder is in memory, and so is the database")
    status = runAll(bench, cells, peers, length.rounds, outcome, about)
    rows = chatRows(outcome.samples, cells, peers)
    print(described(about))
    print(f"{length.rounds} rounds of {length.seconds:g} s; medians, ratios within a round")
    for line in outcome.remarks:
        print(line)
    if rows:
        print(f"\n{summary(rows, cells, peers)}\n\n{details(rows, cells, peers)}")
    if options.json is not None:
        options.json.write_text(json.dumps(document(outcome.samples, rows, about), indent=1) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
