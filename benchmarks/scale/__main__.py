"""
The command: C{python -m benchmarks.scale}.  A model of a cluster with very many people: where its
walls stand.  L{benchmarks.scale.model} has the arithmetic.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.common.run import commaSeparated
from benchmarks.common.tables import aligned, number
from benchmarks.scale.model import (
    Load,
    Node,
    Prices,
    Scenario,
    crossing,
    draw,
    drawnNeeds,
    loadOf,
    nodeOf,
    roomSizes,
    shardShare,
)
from tsservices.cluster.failure_detector import SILENCE_SECONDS

PEOPLE = 1_000_000
ROOMS = 100_000
NODES = "10,20,50,100"
EXPONENT = 1.0
SEED = 1
# A large room is quiet when it is not told who comes and goes: the change that is looked at.
QUIET_FROM = 1000
SHARDS = (10, 100, 1000, 10_000)
# People for whom the walls are looked for: from few to very many, in steps of a fifth.
GRID = [round(500 * 1.2**step) for step in range(61)]

SCENARIOS = (
    Scenario("quiet", 3600.0),
    Scenario("evening", 600.0),
    Scenario("busy", 120.0),
    Scenario("event", 30.0, roomMost=10.0),
)


@dataclass(frozen=True)
class Wall:
    """
    Something that there is only so much of.

    @ivar name: Of it.
    @ivar limit: How much.
    @ivar of: How much a node takes of it.
    """

    name: str
    limit: float
    of: Callable[[Node], float]


WALLS = (
    Wall("a node dies: applying that, s", SILENCE_SECONDS, lambda node: node.goneSeconds),
    Wall("a node dies: memory for telling it, GB", 8.0, lambda node: node.goneBytes / 1e9),
    Wall("its people come back: core", 0.7, lambda node: node.stormCores),
    Wall("their passwords: a thread", 1.0, lambda node: node.stormLogins),
    Wall("who comes and goes, applied: core", 0.7, lambda node: node.presenceCores),
    Wall("deliveries: core", 0.7, lambda node: node.deliveryCores),
    Wall("lines applied and stored: core", 0.7, lambda node: node.lineCores),
    Wall("all of these three: core", 0.7, lambda node: node.cores),
    Wall("a checkpoint in one go, s", 1.0, lambda node: node.checkpointSeconds),
    Wall("memory for people, GB", 8.0, lambda node: node.memory / 1e9),
    Wall("connections of a process", 65_000.0, lambda node: node.people),
    Wall("written a day, TB", 1.0, lambda node: (node.fileDay + node.checkpointDay) / 1e12),
    Wall("sent by the engine, MB/s", 118.0, lambda node: node.received * node.nodes / 1e6),
)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description="A model of a cluster: what its nodes would have to do, and where it ends.",
    )
    options.add_argument("--people", type=int, default=PEOPLE)
    options.add_argument("--rooms", type=int, default=ROOMS)
    options.add_argument("--nodes", default=NODES, help=f"how many, with commas [{NODES}]")
    options.add_argument("--exponent", type=float, default=EXPONENT, help="of Zipf's law")
    options.add_argument("--seed", type=int, default=SEED, help="of who is on which node")
    options.add_argument("--apply", type=float, default=Prices.apply, help="microseconds a line")
    options.add_argument("--json", type=Path, metavar="FILE", help="where all figures go")
    return options


class Town:
    """
    The people of a scenario, however many.

    @ivar scenario: What they do.
    """

    def __init__(self, scenario: Scenario, roomsEach: float, exponent: float) -> None:
        self.scenario = scenario
        self._roomsEach = roomsEach
        self._exponent = exponent
        self._loads: list[Load] = []

    @property
    def loads(self) -> list[Load]:
        """What the people of C{GRID} do."""
        if not self._loads:
            self._loads = [self.load(people) for people in GRID]
        return self._loads

    def load(self, people: int) -> Load:
        """What so many do."""
        rooms = max(1, round(people * self._roomsEach))
        sizes = roomSizes(people * self.scenario.rooms, rooms, self._exponent, people)
        return loadOf(people, sizes, self.scenario)


def walls(town: Town, nodes: int, prices: Prices) -> dict[str, float | None]:
    """The people for whom each of C{WALLS} is reached, the first wall first."""
    each = [nodeOf(load, town.scenario, nodes, prices) for load in town.loads]
    found = {
        wall.name: crossing(GRID, [wall.of(node) for node in each], wall.limit) for wall in WALLS
    }
    return dict(sorted(found.items(), key=lambda item: (item[1] is None, item[1] or 0.0)))


def people(count: float | None) -> str:
    """A number of people for a table, no more exact than it is."""
    if count is None:
        return f"> {GRID[-1] // 1_000_000} M"
    if count >= 999_500:
        return f"{count / 1e6:.1f} M"
    return f"{round(count, -3):,.0f}" if count >= 10_000 else f"{round(count, -2):,.0f}"


def nodeTable(
    nodes: Sequence[Node], town: Town, load: Load, drawn: Sequence[dict[int, list[int]]]
) -> str:
    """A column for each number of nodes."""
    uneven = [max(drawnNeeds(load, town.scenario, each)) for each in drawn]
    rows: list[tuple[str, list[str]]] = [
        ("people on a node", [number(node.people) for node in nodes]),
        ("messages/s in the stream", [number(node.messages) for node in nodes]),
        ("of them heartbeats", [number(node.beats, 1) for node in nodes]),
        ("a line waits for others, ms", [number(node.delay * 1e3) for node in nodes]),
        ("received, lines/s", [number(load.lines) for _ in nodes]),
        ("received, kB/s", [number(node.received / 1e3) for node in nodes]),
        ("lines needed, mean", [f"{node.needed:.0%}" for node in nodes]),
        ("lines needed, most of any node", [f"{each:.0%}" for each in uneven]),
        ("memberships in rooms it needs", [f"{node.known:.0%}" for node in nodes]),
        ("core: lines applied and stored", [number(node.lineCores, 3) for node in nodes]),
        ("core: who comes and goes", [number(node.presenceCores, 2) for node in nodes]),
        ("line deliveries/s", [number(load.deliveries / node.nodes) for node in nodes]),
        ("deliveries/s of coming and going", [number(load.told / node.nodes) for node in nodes]),
        ("core: deliveries", [number(node.deliveryCores, 2) for node in nodes]),
        ("SQLite, GB a day", [number(node.fileDay / 1e9, 1) for node in nodes]),
        ("stream, GB in 7 days", [number(node.store / 1e9) for node in nodes]),
        ("memory for people, GB", [number(node.memory / 1e9, 1) for node in nodes]),
        ("checkpoint, MB", [number(node.checkpointBytes / 1e6) for node in nodes]),
        ("checkpoint in one go, s", [number(node.checkpointSeconds, 1) for node in nodes]),
        ("checkpoints, GB a day", [number(node.checkpointDay / 1e9) for node in nodes]),
        ("another node is gone: applied in s", [number(node.goneSeconds, 1) for node in nodes]),
        ("memory for telling it, GB", [number(node.goneBytes / 1e9) for node in nodes]),
        ("its people are back: core, a minute", [number(node.stormCores, 2) for node in nodes]),
        ("their passwords: threads, a minute", [number(node.stormLogins, 2) for node in nodes]),
    ]
    heading = ["a node of", *(str(node.nodes) for node in nodes)]
    return aligned([heading, *([name, *cells] for name, cells in rows)], texts=1)


def wallTable(towns: Sequence[Town], nodes: Sequence[int], prices: Prices) -> str:
    """For each scenario and number of nodes the first walls, each with the people whom it stops."""
    lines: list[list[str]] = [["scenario", "nodes", "first wall", "second", "third", "fourth"]]
    for town in towns:
        for count in nodes:
            first = list(walls(town, count, prices).items())[:4]
            cells = [f"{people(where)} {name}" for name, where in first]
            lines.append([town.scenario.name, str(count), *cells])
    return aligned(lines, texts=6)


def shardTable(load: Load, town: Town, nodes: Sequence[int], rooms: int) -> str:
    """What a node receives of some streams."""
    lines = [["streams", *(f"{count} nodes: streams, lines" for count in nodes)]]
    for shards in [each for each in SHARDS if each < rooms] + [rooms]:
        shares = [shardShare(load, town.scenario, count, shards, rooms) for count in nodes]
        lines.append([number(shards), *(f"{some:.1%}, {part:.1%}" for some, part in shares)])
    return aligned(lines, texts=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the model."""
    command = parser()
    options = command.parse_args(arguments)
    try:
        nodes = [int(each) for each in commaSeparated(options.nodes)]
    except ValueError:
        command.error(f"--nodes takes numbers with commas between, not {options.nodes!r}")
    if not nodes or min(nodes) < 2 or options.people < max(nodes) or options.rooms < 1:
        command.error("there have to be two nodes, and people for each of them, and a room")
    prices = Prices(apply=options.apply)
    each = options.rooms / options.people
    document: list[dict[str, object]] = []
    towns = [Town(scenario, each, options.exponent) for scenario in SCENARIOS]
    chance = random.Random(options.seed)
    # The same rooms in all scenarios.
    sizes = towns[0].load(options.people).rooms
    drawn = [draw(sizes, count, chance) for count in nodes]
    for town in towns:
        load = town.load(options.people)
        row = [nodeOf(load, town.scenario, count, prices) for count in nodes]
        print(
            f"\n{town.scenario.name}: {number(load.lines)} lines/s, {number(load.deliveries)}"
            f" deliveries/s, {number(load.joins)} joins/s; largest room {number(load.rooms[0][0])}"
        )
        print("\n" + nodeTable(row, town, load, drawn))
        document.append(
            {
                "scenario": asdict(town.scenario),
                "lines": load.lines,
                "deliveries": load.deliveries,
                "nodes": [asdict(node) | {"cores": node.cores} for node in row],
            }
        )
    print(
        "\nPeople at whom each wall stands, the first first\n\n" + wallTable(towns, nodes, prices)
    )
    quiet = [
        Town(replace(town.scenario, quietFrom=QUIET_FROM), each, options.exponent) for town in towns
    ]
    print(f"\nThe same, rooms of {QUIET_FROM:,} not told who comes and goes\n")
    print(wallTable(quiet, nodes, prices))
    evening = towns[1]
    load = evening.load(options.people)
    print(f"\nRooms in several streams, {evening.scenario.name}: what a node reads of them\n")
    print(shardTable(load, evening, nodes, options.rooms))
    if options.json is not None:
        found = {
            kind: [
                {
                    "scenario": town.scenario.name,
                    "nodes": count,
                    "people": walls(town, count, prices),
                }
                for town in group
                for count in nodes
            ]
            for kind, group in (("walls", towns), ("quietWalls", quiet))
        }
        about = {"people": options.people, "rooms": options.rooms, "exponent": options.exponent}
        text = json.dumps({**about, "prices": asdict(prices), "load": document, **found}, indent=1)
        options.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
