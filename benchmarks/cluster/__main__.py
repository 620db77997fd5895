"""
The command: C{python -m benchmarks.cluster}.

Measures the server CPU for a delivery, alone and as a node, and then the throughput and latency of
two nodes.  The broker acknowledges only messages on the disk (C{sync_interval: always}).
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.chat.cells import CHAT_CELLS, ChatCell
from benchmarks.chat.measure import ChatBench, crowd
from benchmarks.chat.peers import CHAT_PEERS, ChatPeer
from benchmarks.cluster.load import acknowledgedPerSecond, crossingTimes
from benchmarks.cluster.nats_server import lacksServer, natsServer
from benchmarks.common.compile import CompileError
from benchmarks.common.generators import LoadError
from benchmarks.common.machine import described, machine
from benchmarks.common.pinning import cores
from benchmarks.common.run import positive, raiseDescriptors, rounds
from benchmarks.common.samples import Conditions
from benchmarks.common.servers import ServerError, running

# The cells in which the CPU for a delivery is compared.
CELLS = ("200m-1w-1s", "200m-20w-8s", "1000m-20w-8s")

NODES = 2
# Lines whose way from one node to the other is timed.
TIMED_LINES = 300
# Members in the run with one room; in the run with many, each room has one.
MEMBERS = 40
# Length of the runs on both nodes, in samples.
TOGETHER_FACTOR = 5


def parser() -> argparse.ArgumentParser:
    """Make the parser for the options."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster",
        description="Compare a node of a cluster with a single server, in one run on this machine.",
    )
    options.add_argument(
        "--pairs", type=rounds, default=3, metavar="N", help="number of rounds (3)"
    )
    options.add_argument(
        "--seconds",
        type=positive,
        default=1.0,
        metavar="S",
        help="length of the measured time of a sample (1)",
    )
    options.add_argument(
        "--rooms",
        type=rounds,
        default=1000,
        metavar="N",
        help="number of rooms in the run with many (1000)",
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write every sample")
    return options


def singleServer() -> ChatPeer:
    """Get the peer to compare nodes with."""
    return next(peer for peer in CHAT_PEERS if peer.name == "sqlite")


def node(address: str, stream: str, name: str) -> ChatPeer:
    """Make the peer for a node, which uses SQLite as the single server does."""
    single = singleServer()

    def command(state: Path, flag: bool) -> list[str]:
        configuration = state / "tsserver.toml"
        configuration.write_text(
            f'cluster-stream = "{stream}"\nrooms-founded = 2000\nchat-pending = 16777216\n'
        )
        options = ["--config", str(configuration), "--cluster", address, "--node", name]
        return [*single.command(state, flag), *options]

    return ChatPeer("node", "one node of a cluster", lambda: None, command)


def cpuRatios(
    bench: ChatBench, cells: Sequence[ChatCell], turns: int, report: Callable[[str], object]
) -> dict[str, list[dict[str, float]]]:
    """Measure the server CPU for a delivery, alone and as a node, in each round of each cell."""
    rows: dict[str, list[dict[str, float]]] = {}
    with natsServer(bench.conditions.generatorCore) as address:
        for cell in cells:
            for turn in range(turns):
                figures: dict[str, float] = {}
                clustered = node(address, f"bench-{secrets.token_hex(4)}", "one")
                for key, peer in (("alone", singleServer()), ("node", clustered)):
                    load = bench.sample(cell, peer, turn).load
                    figures[key] = load.serverCpu or 0.0
                    figures[f"{key}Rate"] = load.deliveriesPerSecond
                report(
                    f"{cell.name}: {figures['alone']:.3f} us alone, {figures['node']:.3f} as a"
                    f" node; {figures['aloneRate']:,.0f} and {figures['nodeRate']:,.0f}/s"
                )
                rows.setdefault(cell.name, []).append(figures)
    return rows


def together(
    rooms: int, seconds: float, core: int | None, report: Callable[[str], object]
) -> dict[str, float]:
    """Measure the latency and throughput of two nodes together."""
    figures: dict[str, float] = {}
    with natsServer(core) as address, ExitStack() as stack:
        stream = f"bench-{secrets.token_hex(4)}"
        ports = [
            stack.enter_context(running(node(address, stream, f"n{number}"), False, None)).ports[
                "tcp"
            ]
            for number in range(NODES)
        ]
        times = crossingTimes(ports[0], ports[1], TIMED_LINES)
        figures["crossingP50"] = median(times) * 1000
        figures["crossingP99"] = times[int(len(times) * 0.99)] * 1000
        report(
            f"from one node to the other: p50 {figures['crossingP50']:.2f} ms,"
            f" p99 {figures['crossingP99']:.2f} ms"
        )
        for key, roomCount, members in (("one", 1, MEMBERS), ("many", rooms, rooms)):
            rate = acknowledgedPerSecond(ports, roomCount, members, seconds, 1.0)
            figures[f"acknowledged-{key}"] = rate
            report(
                f"{members} members in {roomCount} rooms on {NODES} nodes:"
                f" {rate:,.0f} lines/s stored"
            )
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    command = parser()
    options = command.parse_args(arguments)
    reason = lacksServer()
    try:
        program = crowd()
    except CompileError as error:
        command.error(str(error))
    if reason is not None or program is None:
        command.error(reason or "no C compiler for the generator")
    raiseDescriptors()
    bench = ChatBench(program, Conditions(cores(), options.seconds, warmup=0.3, retries=1))
    about = machine()
    print(described(about))
    cells = [cell for cell in CHAT_CELLS if cell.name in CELLS]
    try:
        cpu = cpuRatios(bench, cells, options.pairs, print)
        seconds = options.seconds * TOGETHER_FACTOR
        figures = together(options.rooms, seconds, bench.conditions.generatorCore, print)
    except (LoadError, ServerError) as error:
        print(f"failed: {error}")
        return 1
    for name, rows in cpu.items():
        ratio = median(row["node"] / row["alone"] for row in rows if row["alone"])
        print(f"{name}: server CPU for a delivery, node to alone: {ratio:.2f}")
    if options.json is not None:
        document = {"machine": about, "cpu": cpu, "together": figures}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
