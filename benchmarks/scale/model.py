"""
A model of many people in many rooms on the nodes of a cluster: what each node receives, needs and
spends.  L{benchmarks.scale} prints it.

Nothing is measured here, all is arithmetic with the constants of L{Prices}.  Rates are means; what
comes in bursts is in it only where its name says so.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tsservices.cluster.apply import CHECKPOINT_SECONDS
from tsservices.cluster.failure_detector import HEARTBEAT_SECONDS
from tsservices.cluster.nats.stream import STREAM_SECONDS
from tsservices.cluster.outbox import MAX_IN_FLIGHT

DAY = 86_400
# Rooms with more members than this have one on every node; who is in the others is drawn.
DRAWN = 1000
# Bytes for one member of an audience.
POINTER = 8
# Seconds in which those whose node has died are back.
STORM_SECONDS = 60.0
# What a line, and somebody who enters a room, look like in a message.
LINE = ["Say", "b-5f0c62a1-123456", "room12345", "message", [""]]
JOIN = ["Join", "b-5f0c62a1-123456", "room12345", "room12345"]
ENTER = ["Enter", "b-5f0c62a1-123456", "person123456", "person123456", "k3v9x2m7q8w1", "0" * 64]
QUIT = ["Quit", "b-5f0c62a1-123456", ""]
ENVELOPE = {"v": 1, "node": "b", "inc": "5f0c62a15f0c62a1", "n": 1234567, "events": []}


@dataclass(frozen=True)
class Prices:
    """
    What things cost a node.  Measured by C{benchmarks.scale.costs}, unless it says where else.

    @ivar apply: Microseconds for a line applied, stored and indexed on a node that has nobody in
        its room.  Assumed; C{benchmarks.scale.costs} has 18 to 21 without what the message costs.
    @ivar deliver: Microseconds for one line to one member: C{docs/fan-out.md}, 1000 members, 1
        line, 1 sender.
    @ivar join: Microseconds for somebody who enters a room.
    @ivar joinMember: Microseconds more for each of its members, on whatever node they are.
    @ivar quit: Microseconds for somebody who leaves.
    @ivar quitMember: Microseconds more for each member of each of their rooms.
    @ivar sessionBytes: Memory for one person.
    @ivar membershipBytes: Memory for each room that they are in.
    @ivar fileBytes: Of SQLite for one line, with its words in the index.
    @ivar stateBytes: Of a checkpoint for one person.
    @ivar stateTime: Microseconds to write these.
    @ivar login: Microseconds of a thread for one password.
    @ivar envelope: Bytes that the engine adds to a message: subject, id, number, checksum.
        Assumed.
    @ivar engineMessages: Messages a second that the engine takes and syncs one by one: one server,
        C{sync_interval: always}, 64 on their way.
    """

    apply: float = 15.0
    deliver: float = 6.08
    join: float = 14.4
    joinMember: float = 0.053
    quit: float = 7.1
    quitMember: float = 0.078
    sessionBytes: float = 1451.0
    membershipBytes: float = 137.0
    fileBytes: float = 167.0
    stateBytes: float = 239.0
    stateTime: float = 3.8
    login: float = 30_000.0
    envelope: float = 120.0
    engineMessages: float = 6400.0


@dataclass(frozen=True)
class Scenario:
    """
    What people do.

    @ivar name: Of it.
    @ivar pause: Seconds between two lines of one person, in whichever room.
    @ivar stay: Seconds that one person is connected.
    @ivar rooms: Rooms that one person is in.
    @ivar text: Bytes of a line.
    @ivar roomMost: Lines a second in one room beyond which its members wait for their turn.
    @ivar accounts: Share of the people who log in.
    @ivar quietFrom: Members from which on a room is not told who comes and goes, and a node knows
        only its own of them; 0: never, as it is.
    """

    name: str
    pause: float
    stay: float = 7200.0
    rooms: float = 5.0
    text: int = 64
    roomMost: float = 2.0
    accounts: float = 0.5
    quietFrom: int = 0


def roomSizes(memberships: float, rooms: int, exponent: float, most: int) -> list[tuple[int, int]]:
    """
    How many rooms of which size there are, when the size is proportional to rank to the power of
    minus C{exponent}.
    """
    first = memberships / harmonic(rooms, exponent)
    found: list[tuple[int, int]] = []
    rank = 1
    while rank <= rooms:
        size = max(1, min(most, round(first * rank**-exponent)))
        last = rooms
        if size > 1 and exponent > 0:
            last = min(rooms, max(rank, math.floor((first / (size - 0.5)) ** (1 / exponent))))
        found.append((size, last - rank + 1))
        rank = last + 1
    return found


def harmonic(count: int, exponent: float) -> float:
    """
    The sum of the first numbers, each to the power of minus C{exponent}; beyond some thousands by
    its integral, which is as good as floating point is.
    """
    exact = min(count, 5000)
    found = math.fsum(float(rank) ** -exponent for rank in range(1, exact + 1))
    if count == exact:
        return found
    integral: float
    if exponent == 1:
        integral = math.log(count / exact)
    else:
        integral = (count ** (1 - exponent) - exact ** (1 - exponent)) / (1 - exponent)
    ends = float(count) ** -exponent - float(exact) ** -exponent
    return float(found + integral + ends / 2)


def heartbeats(lines: float, period: float) -> float:
    """
    Heartbeats a second of a node whose lines come by chance.

    @param lines: Its lines a second.
    """
    if not lines:
        return 1 / period
    return lines / math.expm1(min(700.0, lines * period))


def present(size: int, nodes: int) -> float:
    """The chance that a node has a member of a room."""
    return 1.0 - (1.0 - 1.0 / nodes) ** size


def rowBytes(row: object) -> int:
    """Bytes of something in a message, with the comma behind it."""
    return len(json.dumps(row, separators=(",", ":"))) + 1


@dataclass
class Load:
    """
    What people do altogether, however many nodes there are.

    @ivar people: How many.
    @ivar rooms: How many rooms of which size.
    @ivar lines: A second, in all rooms.
    @ivar deliveries: Of lines, a second.
    @ivar joins: Rooms entered, a second; as many are left.
    @ivar quits: People who leave, a second; as many come.
    @ivar told: Deliveries a second of who comes and goes.
    @ivar touched: Members looked at by one who leaves: of all rooms of theirs that are told.
    """

    people: int
    rooms: list[tuple[int, int]]
    lines: float = 0.0
    deliveries: float = 0.0
    joins: float = 0.0
    quits: float = 0.0
    told: float = 0.0
    touched: float = 0.0


def roomLines(size: int, scenario: Scenario) -> float:
    """Lines a second in a room."""
    return min(scenario.roomMost, size / scenario.rooms / scenario.pause)


def loadOf(people: int, rooms: list[tuple[int, int]], scenario: Scenario) -> Load:
    """What these people do."""
    load = Load(people, rooms, quits=people / scenario.stay)
    squares = 0.0
    for size, count in rooms:
        lines = roomLines(size, scenario) * count
        load.lines += lines
        load.deliveries += lines * (size - 1)
        load.joins += count * size / scenario.stay
        if not scenario.quietFrom or size < scenario.quietFrom:
            squares += count * size * size
    load.told = 2 * squares / scenario.stay
    load.touched = squares / people
    return load


@dataclass
class Node:
    """
    What one of the nodes has to do with it.

    @ivar nodes: How many there are.
    @ivar people: Of this one.
    @ivar messages: A second in the stream, of all nodes; heartbeats are in it.
    @ivar beats: Heartbeats a second, of all nodes.
    @ivar delay: Seconds that a line waits at least for the messages before it.
    @ivar received: Bytes a second from the stream.
    @ivar needed: Share of the lines that are of rooms where the node has somebody.
    @ivar known: Share of the memberships that are of such rooms.
    @ivar lineCores: Cores for applying and storing all lines.
    @ivar presenceCores: Cores for applying who comes and goes.
    @ivar deliveries: A second to its own people: lines, and who comes and goes.
    @ivar deliveryCores: Cores for these.
    @ivar checkpointCores: Cores for writing the state, in the mean.
    @ivar checkpointSeconds: For one, in one go.
    @ivar checkpointBytes: Of one.
    @ivar memory: Bytes for the state.
    @ivar fileDay: Bytes of lines a day.
    @ivar checkpointDay: Bytes of checkpoints a day.
    @ivar store: Bytes of the stream, at one replica.
    @ivar goneSeconds: For applying that another node is gone.
    @ivar goneBytes: Memory for whom that is told, each of its people to all who are in a room
        with them.
    @ivar stormCores: Cores for applying the return of its people.
    @ivar stormLogins: Cores for their passwords.
    """

    nodes: int
    people: float
    messages: float
    beats: float
    delay: float
    received: float
    needed: float
    known: float
    lineCores: float
    presenceCores: float
    deliveries: float
    deliveryCores: float
    checkpointCores: float
    checkpointSeconds: float
    checkpointBytes: float
    memory: float
    fileDay: float
    checkpointDay: float
    store: float
    goneSeconds: float
    goneBytes: float
    stormCores: float
    stormLogins: float

    @property
    def cores(self) -> float:
        """Cores in an ordinary hour, where there is one."""
        return self.lineCores + self.presenceCores + self.deliveryCores + self.checkpointCores


def nodeOf(load: Load, scenario: Scenario, nodes: int, prices: Prices) -> Node:
    """What one of so many nodes has to do with it."""
    people = load.people / nodes
    # Joins of somebody who comes are a message each, until they have to wait for each other.
    events = load.lines + load.joins + 2 * load.quits
    beats = nodes * heartbeats(events / nodes, HEARTBEAT_SECONDS)
    messages = min(events + beats, prices.engineMessages)
    crowded = events + beats > prices.engineMessages
    size = (
        load.lines * (rowBytes(LINE) + scenario.text)
        + load.joins * rowBytes(JOIN)
        + load.quits * (rowBytes(ENTER) + rowBytes(QUIT))
        + messages * (rowBytes(ENVELOPE) + prices.envelope)
    )
    heard = sum(
        count * roomLines(each, scenario) * present(each, nodes) for each, count in load.rooms
    )
    members = sum(count * each for each, count in load.rooms)
    known = sum(count * each * present(each, nodes) for each, count in load.rooms) / members
    joining = load.joins * prices.join + load.told / 2 * prices.joinMember
    leaving = load.quits * prices.quit + load.told / 2 * prices.quitMember
    deliveries = (load.deliveries + load.told) / nodes
    checkpoint = load.people * prices.stateTime / 1e6
    entering = scenario.rooms * prices.join + load.touched * prices.joinMember
    return Node(
        nodes=nodes,
        people=people,
        messages=messages,
        beats=beats,
        delay=MAX_IN_FLIGHT * nodes / prices.engineMessages if crowded else 0.0,
        received=size,
        needed=heard / load.lines,
        known=known,
        lineCores=load.lines * prices.apply / 1e6,
        presenceCores=(joining + leaving) / 1e6,
        deliveries=deliveries,
        deliveryCores=deliveries * prices.deliver / 1e6,
        checkpointCores=checkpoint / CHECKPOINT_SECONDS,
        checkpointSeconds=checkpoint,
        checkpointBytes=load.people * prices.stateBytes,
        memory=load.people * (prices.sessionBytes + scenario.rooms * prices.membershipBytes),
        fileDay=load.lines * prices.fileBytes * DAY,
        checkpointDay=load.people * prices.stateBytes * DAY / CHECKPOINT_SECONDS,
        store=size * STREAM_SECONDS,
        goneSeconds=people * (prices.quit + load.touched * prices.quitMember) / 1e6,
        goneBytes=people * load.touched * POINTER,
        stormCores=people * entering / STORM_SECONDS / 1e6,
        stormLogins=people
        * scenario.accounts
        / max(1, nodes - 1)
        * prices.login
        / STORM_SECONDS
        / 1e6,
    )


def draw(rooms: list[tuple[int, int]], nodes: int, chance: random.Random) -> dict[int, list[int]]:
    """Put people on nodes."""
    places = range(nodes)
    drawn: dict[int, list[int]] = {}
    for size, count in rooms:
        if size <= DRAWN:
            here: Counter[int] = Counter()
            for _ in range(count):
                here.update(set(chance.choices(places, k=size)))
            drawn[size] = [here[node] for node in places]
    return drawn


def drawnNeeds(load: Load, scenario: Scenario, drawn: dict[int, list[int]]) -> list[float]:
    """For each node, the share of the lines that are of rooms where it has somebody."""
    everywhere = sum(
        count * roomLines(size, scenario) for size, count in load.rooms if size not in drawn
    )
    nodes = max((len(each) for each in drawn.values()), default=1)
    found = [everywhere] * nodes
    for size, counts in drawn.items():
        lines = roomLines(size, scenario)
        found = [before + lines * count for before, count in zip(found, counts, strict=True)]
    return [each / load.lines for each in found]


def shardShare(
    load: Load, scenario: Scenario, nodes: int, shards: int, rooms: int
) -> tuple[float, float]:
    """
    What a node receives when each room is in one of some streams and the node reads those in which
    it has anybody.
    """
    # What is said of all rooms holds in the mean for those in which a node has nobody.
    absent = sum(count * (1 - present(size, nodes)) for size, count in load.rooms) / rooms
    others = absent ** (rooms / shards - 1)
    lines = sum(
        count * roomLines(size, scenario) * (1 - (1 - present(size, nodes)) * others)
        for size, count in load.rooms
    )
    return 1 - absent * others, lines / load.lines


def crossing(grid: Sequence[int], values: Sequence[float], limit: float) -> float | None:
    """
    Where a figure that grows with the people passes its limit.

    @return: People; C{None} beyond the grid.
    """
    before: tuple[int, float] | None = None
    for people, value in zip(grid, values, strict=True):
        if value > limit:
            if before is None or before[1] <= 0:
                return float(people)
            part = math.log(limit / before[1]) / math.log(value / before[1])
            return float(before[0] * (people / before[0]) ** part)
        before = people, value
    return None
