"""
C{python -m benchmarks.probe}: round trips by kernel and by user-space times, with irtt and ping.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.common.compile import CompileError
from benchmarks.common.generators import LoadError
from benchmarks.common.machine import described, machine
from benchmarks.common.pinning import cores
from benchmarks.common.run import Unable, commaSeparated, positive, raiseDescriptors, rounds
from benchmarks.common.servers import ServerError
from benchmarks.probe.hosts import HostsRun, middle
from benchmarks.probe.measure import ProbeBench, Run, pooled
from benchmarks.probe.report import goals, hostsGoal, table

RUNS = ("idle", "busy", "precise", "irtt", "ping")
#: The run that measures processor time.
HOSTS_RUN = "hosts"
PACKETS = 2000
QUICK_PACKETS = 200
INTERVAL = 0.005
ROUNDS = 4


def number(text: str) -> int:
    """@raise ValueError: the text is no number, or out of range; a 99th percentile needs 100."""
    value = int(text)
    if not 100 <= value <= 1_000_000:
        raise ValueError(text)
    return value


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.probe",
        description="Round trips by the kernel's stamps and in user space on the same packets, "
        "beside irtt and ping, in one run on this machine.",
        epilog="runs: "
        + ", ".join((*RUNS, HOSTS_RUN))
        + " (irtt and ping come from the Debian packages irtt "
        "and iputils-ping)",
    )
    options.add_argument("--quick", action="store_true", help=f"{QUICK_PACKETS} packets a run")
    options.add_argument("--only", default="", metavar="RUN,..", help="which runs")
    options.add_argument(
        "--packets", type=number, metavar="N", help=f"of each run (default {PACKETS})"
    )
    options.add_argument(
        "--pairs",
        type=rounds,
        default=ROUNDS,
        metavar="N",
        help=f"rounds to spread them over ({ROUNDS}; 1 when quick)",
    )
    options.add_argument(
        "--interval", type=positive, default=INTERVAL, metavar="S", help="between two packets"
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write every round trip")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 1 if any run failed."""
    command = parser()
    options = command.parse_args(arguments)
    names = (*RUNS, HOSTS_RUN)
    chosen = commaSeparated(options.only) or list(names)
    for name in chosen:
        if name not in names:
            command.error(f"no run {name!r}; there are: {', '.join(names)}")
    # Without this the server of a terminated benchmark would continue to run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raiseDescriptors()
    packets = options.packets or (QUICK_PACKETS if options.quick else PACKETS)
    turns = 1 if options.quick else options.pairs
    bench = ProbeBench(cores(), -(-packets // turns), options.interval)
    about = machine()
    about.update(packets=packets, interval=options.interval)
    runsByName: dict[str, list[Run]] = {}
    hostsRuns: list[HostsRun] = []
    remarks: list[str] = []
    status = 0
    try:
        # Runs alternate, so that other programs disturb all of them alike.
        for turn, name in ((turn, name) for turn in range(turns) for name in names):
            if name not in chosen:
                continue
            print(f"{name} round {turn + 1}/{turns}", file=sys.stderr)
            try:
                if name == HOSTS_RUN:
                    hostsRuns.append(bench.hosts())
                else:
                    runsByName.setdefault(name, []).append(getattr(bench, name)())
            except Unable as reason:
                remarks.append(f"left out: {name}: {reason}")
                chosen.remove(name)
            except (ServerError, LoadError, CompileError) as error:
                remarks.append(f"failed: {name}: {error}")
                status = 1
    except KeyboardInterrupt:
        status = 130
    runs = [pooled(runsByName[name]) for name in RUNS if runsByName.get(name)]
    print(described(about))
    print(
        f"{packets} packets, one in {options.interval * 1e3:g} ms, on loopback, in {turns} rounds"
    )
    for line in remarks:
        print(line)
    if runs:
        print(f"\n{table(runs)}\n")
    judged = goals(runs)
    if hostsRuns:
        judged.append(hostsGoal(middle(hostsRuns)))
    for goal in judged:
        print(f"{'reached' if goal.reached else 'MISSED '}: {goal.text}")
    if options.json is not None:
        document = {"about": about, "runs": [asdict(run) for run in runs]}
        document["hosts"] = [asdict(run) for run in hostsRuns]
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
