"""
The command: C{python -m benchmarks.cluster}.

What being one of several nodes costs a server, and what they do together.  The engine has
everything on the disk before it says so (C{sync_interval: always}).
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
from benchmarks.cluster.load import acknowledgedPerSecond, crossing
from benchmarks.cluster.nats_server import lacksServer, natsServer
from benchmarks.common.compile import CompileError
from benchmarks.common.machine import described, machine
from benchmarks.common.pinning import cores
from benchmarks.common.run import positive, raiseDescriptors, rounds
from benchmarks.echo.load import LoadError
from benchmarks.echo.peers import ServerError, running

#: The rooms in which the CPU of a delivery is compared.
CELLS = ("200m-1w-1s", "200m-20w-8s", "1000m-20w-8s")

NODES = 2
LINES = 300
PEOPLE = 40


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster",
        description="Nodes of a cluster beside a server of its own, in one run on this machine.",
    )
    options.add_argument("--pairs", type=rounds, default=3, metavar="N", help="rounds (3)")
    options.add_argument(
        "--seconds", type=positive, default=1.0, metavar="S", help="of each stretch (1)"
    )
    options.add_argument("--rooms", type=rounds, default=1000, metavar="N", help="many (1000)")
    options.add_argument("--json", type=Path, metavar="FILE", help="write every sample")
    return options


def node(address: str, stream: str, name: str) -> ChatPeer:
    """A node as a peer, with the journal that single servers have, too."""
    (alone,) = (each for each in CHAT_PEERS if each.name == "sqlite")

    def command(state: Path, lateness: bool) -> list[str]:
        configuration = state / "tsserver.toml"
        configuration.write_text(
            f'cluster-stream = "{stream}"\nrooms-founded = 2000\nchat-pending = 16777216\n'
        )
        words = [*alone.command(state, lateness), "--config", str(configuration)]
        return [*words, "--cluster", address, "--node", name]

    return ChatPeer("node", "one node of a cluster", lambda: None, command)


def cpuRatios(
    bench: ChatBench, cells: Sequence[ChatCell], turns: int, say: Callable[[str], object]
) -> dict[str, list[dict[str, float]]]:
    """Server CPU for a delivery, alone and as a node."""
    (alone,) = (each for each in CHAT_PEERS if each.name == "sqlite")
    found: dict[str, list[dict[str, float]]] = {}
    with natsServer(None if bench.cores is None else bench.cores.generator) as address:
        for cell in cells:
            for turn in range(turns):
                figures: dict[str, float] = {}
                one = node(address, f"bench-{secrets.token_hex(4)}", "one")
                for key, peer in (("alone", alone), ("node", one)):
                    load = bench.sample(cell, peer, turn).load
                    figures[key] = load.serverCpu or 0.0
                    figures[f"{key}Rate"] = load.deliveriesPerSecond
                say(
                    f"{cell.name}: {figures['alone']:.3f} us alone, {figures['node']:.3f} as a"
                    f" node; {figures['aloneRate']:,.0f} and {figures['nodeRate']:,.0f}/s"
                )
                found.setdefault(cell.name, []).append(figures)
    return found


def together(
    rooms: int, seconds: float, core: int | None, say: Callable[[str], object]
) -> dict[str, float]:
    """What several nodes do together."""
    found: dict[str, float] = {}
    with natsServer(core) as address, ExitStack() as stack:
        stream = f"bench-{secrets.token_hex(4)}"
        ports = [
            stack.enter_context(running(node(address, stream, f"n{number}"), False, None)).ports[
                "tcp"
            ]
            for number in range(NODES)
        ]
        times = crossing(ports[0], ports[1], LINES)
        found["crossingP50"] = median(times) * 1000
        found["crossingP99"] = times[int(len(times) * 0.99)] * 1000
        say(
            f"from one node to the other: p50 {found['crossingP50']:.2f} ms,"
            f" p99 {found['crossingP99']:.2f} ms"
        )
        for key, where, people in (("one", 1, PEOPLE), ("many", rooms, rooms)):
            rate = acknowledgedPerSecond(ports, where, people, seconds, 1.0)
            found[f"acknowledged-{key}"] = rate
            say(f"{people} people in {where} rooms on {NODES} nodes: {rate:,.0f} lines/s stored")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
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
    bench = ChatBench(program, cores(), options.seconds, 0.3, 1)
    about = machine()
    print(described(about))
    cells = [cell for cell in CHAT_CELLS if cell.name in CELLS]
    try:
        cpu = cpuRatios(bench, cells, options.pairs, print)
        core = None if bench.cores is None else bench.cores.generator
        figures = together(options.rooms, options.seconds * 5, core, print)
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
