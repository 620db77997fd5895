"""
The command: C{python -m benchmarks.scale}.

Prints the load on the nodes of a cluster with very many users, and the number of users at which
each limit is reached.  L{benchmarks.scale.model} has the arithmetic.
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
    streamShares,
)
from tsservices.cluster.failure_detector import SILENCE_SECONDS

PEOPLE = 1_000_000
ROOMS = 100_000
NODES = "10,20,50,100"
EXPONENT = 1.0
SEED = 1
# A possible change, for the second table of limits: the size of rooms that get no notifications.
QUIET_FROM = 1000
# Numbers of streams in the table of streams; the last row has one for each room.
STREAMS = (10, 100, 1000, 10_000)
# Numbers of users for the search of limits, each a fifth higher than the previous one.
GRID = [round(500 * 1.2**step) for step in range(61)]

SCENARIOS = (
    Scenario("quiet", 3600.0),
    Scenario("evening", 600.0),
    Scenario("busy", 120.0),
    Scenario("event", 30.0, roomLinesLimit=10.0),
)
# The scenario of the table of streams.
EVENING = 1


@dataclass(frozen=True)
class ResourceLimit:
    """
    A resource, and its limit for a node.

    @ivar name: Its name in tables.
    @ivar limit: The limit.
    @ivar usedBy: Computes how much a node uses.
    """

    name: str
    limit: float
    usedBy: Callable[[Node], float]


LIMITS = (
    ResourceLimit("a node dies: s to apply it", SILENCE_SECONDS, lambda node: node.goneSeconds),
    ResourceLimit(
        "a node dies: memory for notifications, GB", 8.0, lambda node: node.goneBytes / 1e9
    ),
    ResourceLimit("a dead node's people come back: core", 0.7, lambda node: node.returnCores),
    ResourceLimit("passwords after a node's death: thread", 1.0, lambda node: node.loginCores),
    ResourceLimit("core: entering and leaving, applied", 0.7, lambda node: node.presenceCores),
    ResourceLimit("core: deliveries", 0.7, lambda node: node.deliveryCores),
    ResourceLimit("core: lines applied and stored", 0.7, lambda node: node.lineCores),
    ResourceLimit("core: everything together", 0.7, lambda node: node.cores),
    ResourceLimit("a checkpoint in one step, s", 1.0, lambda node: node.checkpointSeconds),
    ResourceLimit("memory for all people, GB", 8.0, lambda node: node.memory / 1e9),
    ResourceLimit("connections of a process", 65_000.0, lambda node: node.people),
    ResourceLimit(
        "written to the disk, TB a day",
        1.0,
        lambda node: (node.fileDay + node.checkpointDay) / 1e12,
    ),
    ResourceLimit(
        "the broker's network, MB/s", 118.0, lambda node: node.received * node.nodes / 1e6
    ),
)
# The columns of the table of limits.
LIMIT_COLUMNS = ("first limit", "second", "third", "fourth")


def parser() -> argparse.ArgumentParser:
    """Make the parser for the options."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description="A model of a cluster: what its nodes would have to do, and its limits.",
    )
    options.add_argument("--people", type=int, default=PEOPLE, help=f"number of people [{PEOPLE}]")
    options.add_argument("--rooms", type=int, default=ROOMS, help=f"number of rooms [{ROOMS}]")
    options.add_argument(
        "--nodes", default=NODES, metavar="N,..", help=f"numbers of nodes [{NODES}]"
    )
    options.add_argument(
        "--exponent",
        type=float,
        default=EXPONENT,
        help=f"exponent of Zipf's law for the sizes of rooms [{EXPONENT:g}]",
    )
    options.add_argument(
        "--seed", type=int, default=SEED, help=f"seed that puts people on nodes [{SEED}]"
    )
    options.add_argument(
        "--apply",
        type=float,
        default=Prices.apply,
        help=f"microseconds to apply, store and index a line [{Prices.apply:g}]",
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    return options


class Population:
    """
    The users of a scenario, for any number of them.

    @ivar scenario: The activity of the users.
    """

    def __init__(self, scenario: Scenario, roomsPerPerson: float, exponent: float) -> None:
        self.scenario = scenario
        self._roomsPerPerson = roomsPerPerson
        self._exponent = exponent
        self._gridLoads: list[Load] = []

    @property
    def gridLoads(self) -> list[Load]:
        """The load for each number of users in C{GRID}."""
        if not self._gridLoads:
            self._gridLoads = [self.load(people) for people in GRID]
        return self._gridLoads

    def load(self, people: int) -> Load:
        """Compute the load for this number of users."""
        rooms = max(1, round(people * self._roomsPerPerson))
        sizes = roomSizes(people * self.scenario.rooms, rooms, self._exponent, people)
        return loadOf(people, sizes, self.scenario)


def limitsOf(population: Population, nodes: int, prices: Prices) -> dict[str, float | None]:
    """Find the number of users at which each limit is reached, or C{None}; the lowest first."""
    grid = [nodeOf(load, population.scenario, nodes, prices) for load in population.gridLoads]
    reached = {
        resource.name: crossing(GRID, [resource.usedBy(node) for node in grid], resource.limit)
        for resource in LIMITS
    }
    return dict(sorted(reached.items(), key=lambda item: (item[1] is None, item[1] or 0.0)))


def people(count: float | None) -> str:
    """Format a number of users for a table, as exactly as the model allows."""
    if count is None:
        return f"> {GRID[-1] // 1_000_000} M"
    if count >= 999_500:
        return f"{count / 1e6:.1f} M"
    return f"{round(count, -3):,.0f}" if count >= 10_000 else f"{round(count, -2):,.0f}"


def nodeTable(nodes: Sequence[Node], load: Load, largestShares: Sequence[float]) -> str:
    """
    Make the table of the load on one node, with a column for each number of nodes.

    @param largestShares: The largest share of the lines that any node needs.
    """
    rows: list[tuple[str, list[str]]] = [
        ("people connected to it", [number(node.people) for node in nodes]),
        ("messages/s in the stream", [number(node.messages) for node in nodes]),
        ("of them heartbeats", [number(node.beats, 1) for node in nodes]),
        ("a line waits for others, ms", [number(node.delay * 1e3) for node in nodes]),
        ("received: lines/s", [number(load.lines) for _ in nodes]),
        ("received: kB/s", [number(node.received / 1e3) for node in nodes]),
        ("lines in rooms with its people", [f"{node.neededLines:.0%}" for node in nodes]),
        ("the same, largest of all nodes", [f"{share:.0%}" for share in largestShares]),
        (
            "memberships in rooms with its people",
            [f"{node.neededMemberships:.0%}" for node in nodes],
        ),
        ("core: lines applied and stored", [number(node.lineCores, 3) for node in nodes]),
        ("core: entering and leaving, applied", [number(node.presenceCores, 2) for node in nodes]),
        ("deliveries/s of lines", [number(load.deliveries / node.nodes) for node in nodes]),
        (
            "deliveries/s of entering and leaving",
            [number(load.presenceDeliveries / node.nodes) for node in nodes],
        ),
        ("core: deliveries", [number(node.deliveryCores, 2) for node in nodes]),
        ("SQLite, GB a day", [number(node.fileDay / 1e9, 1) for node in nodes]),
        ("the stream, GB in 7 days", [number(node.store / 1e9) for node in nodes]),
        ("memory for all people, GB", [number(node.memory / 1e9, 1) for node in nodes]),
        ("a checkpoint, MB", [number(node.checkpointBytes / 1e6) for node in nodes]),
        ("a checkpoint in one step, s", [number(node.checkpointSeconds, 1) for node in nodes]),
        ("checkpoints, GB a day", [number(node.checkpointDay / 1e9) for node in nodes]),
        ("another node is gone: s to apply it", [number(node.goneSeconds, 1) for node in nodes]),
        ("memory for the notifications, GB", [number(node.goneBytes / 1e9) for node in nodes]),
        ("its people come back: cores", [number(node.returnCores, 2) for node in nodes]),
        ("their passwords: threads", [number(node.loginCores, 2) for node in nodes]),
    ]
    heading = ["nodes in the cluster", *(str(node.nodes) for node in nodes)]
    return aligned([heading, *([name, *cells] for name, cells in rows)], texts=1)


def limitTable(populations: Sequence[Population], nodes: Sequence[int], prices: Prices) -> str:
    """Make the table of the first limits by scenario and number of nodes, in numbers of users."""
    lines: list[list[str]] = [["scenario", "nodes", *LIMIT_COLUMNS]]
    for population in populations:
        for count in nodes:
            first = list(limitsOf(population, count, prices).items())[: len(LIMIT_COLUMNS)]
            cells = [f"{people(reached)} {name}" for name, reached in first]
            lines.append([population.scenario.name, str(count), *cells])
    return aligned(lines, texts=6)


def streamTable(load: Load, scenario: Scenario, nodes: Sequence[int], rooms: int) -> str:
    """Make the table of the shares of streams and lines that a node reads, by number of streams."""
    lines = [["streams", *(f"{count} nodes: streams, lines" for count in nodes)]]
    for streams in [count for count in STREAMS if count < rooms] + [rooms]:
        shares = [streamShares(load, scenario, count, streams, rooms) for count in nodes]
        lines.append(
            [number(streams), *(f"{read:.1%}, {readLines:.1%}" for read, readLines in shares)]
        )
    return aligned(lines, texts=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    command = parser()
    options = command.parse_args(arguments)
    try:
        nodes = [int(count) for count in commaSeparated(options.nodes)]
    except ValueError:
        command.error(f"--nodes takes numbers with commas between, not {options.nodes!r}")
    if not nodes or min(nodes) < 2 or options.people < max(nodes) or options.rooms < 1:
        command.error("at least two nodes, a room and one person for each node are needed")
    prices = Prices(apply=options.apply)
    ratio = options.rooms / options.people
    populations = [Population(scenario, ratio, options.exponent) for scenario in SCENARIOS]
    chance = random.Random(options.seed)
    # All scenarios have the same rooms.
    sizes = populations[0].load(options.people).rooms
    drawn = [draw(sizes, count, chance) for count in nodes]
    scenarioRows: list[dict[str, object]] = []
    for population in populations:
        scenario = population.scenario
        load = population.load(options.people)
        columns = [nodeOf(load, scenario, count, prices) for count in nodes]
        print(
            f"\n{scenario.name}: {number(load.lines)} lines/s, {number(load.deliveries)}"
            f" deliveries/s, {number(load.joins)} joins/s; largest room {number(load.rooms[0][0])}"
        )
        largestShares = [max(drawnNeeds(load, scenario, counts)) for counts in drawn]
        print("\n" + nodeTable(columns, load, largestShares))
        scenarioRows.append(
            {
                "scenario": asdict(scenario),
                "lines": load.lines,
                "deliveries": load.deliveries,
                "nodes": [asdict(node) | {"cores": node.cores} for node in columns],
            }
        )
    print("\nNumber of people at which each limit is reached, the lowest first\n")
    print(limitTable(populations, nodes, prices))
    quiet = [
        Population(replace(population.scenario, quietFrom=QUIET_FROM), ratio, options.exponent)
        for population in populations
    ]
    print(f"\nThe same, if rooms of {QUIET_FROM:,} and more do not tell who enters and leaves\n")
    print(limitTable(quiet, nodes, prices))
    evening = populations[EVENING]
    load = evening.load(options.people)
    print(f"\nRooms in several streams, {evening.scenario.name}: what a node reads of them\n")
    print(streamTable(load, evening.scenario, nodes, options.rooms))
    if options.json is not None:
        limits = {
            kind: [
                {
                    "scenario": population.scenario.name,
                    "nodes": count,
                    "people": limitsOf(population, count, prices),
                }
                for population in group
                for count in nodes
            ]
            for kind, group in (("limits", populations), ("quietLimits", quiet))
        }
        about = {"people": options.people, "rooms": options.rooms, "exponent": options.exponent}
        figures = {**about, "prices": asdict(prices), "load": scenarioRows, **limits}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
