"""
The model of a cluster with many users in many rooms: the load on each node, and its cost.

Everything is computed from the constants of L{Prices}, without measurements.  Rates are means; the
only burst in the model is the failure of a node.
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
# Rooms with more members than this have one on every node; smaller ones are drawn by chance.
DRAWN_MEMBERS = 1000
# Bytes for one recipient of a notification.
POINTER = 8
# Seconds in which the users of a failed node reconnect to other nodes.
RETURN_SECONDS = 60.0
# The rows of a message of the stream: a line, a join, and a user who arrives and who leaves.
LINE = ["Say", "b-5f0c62a1-123456", "room12345", "message", [""]]
JOIN = ["Join", "b-5f0c62a1-123456", "room12345", "room12345"]
ENTER = ["Enter", "b-5f0c62a1-123456", "person123456", "person123456", "k3v9x2m7q8w1", "0" * 64]
QUIT = ["Quit", "b-5f0c62a1-123456", ""]
ENVELOPE = {"v": 1, "node": "b", "inc": "5f0c62a15f0c62a1", "n": 1234567, "events": []}


@dataclass(frozen=True)
class Prices:
    """
    The cost of each step for a node, measured by C{benchmarks.scalecosts} unless noted otherwise.

    @ivar apply: Microseconds for a line applied, stored and indexed on a node without members of
        its room.  Assumed; C{benchmarks.scalecosts} measures 18 to 21 without the message around.
    @ivar deliver: Microseconds for one line to one member: C{docs/fan-out.md}, 1000 members, 1
        line, 1 sender.
    @ivar join: Microseconds to apply a join of a room.
    @ivar joinMember: Additional microseconds for each member of the room, on any node.
    @ivar quit: Microseconds to apply that a user leaves.
    @ivar quitMember: Additional microseconds for each member of each of the user's rooms.
    @ivar sessionBytes: Bytes of memory for one user.
    @ivar membershipBytes: Bytes of memory for one user in one room.
    @ivar fileBytes: Bytes of the SQLite database for one line with its words in the index.
    @ivar stateBytes: Bytes of a checkpoint for one user.
    @ivar stateTime: Microseconds to write one user into a checkpoint.
    @ivar login: Microseconds of a thread for one password.
    @ivar envelope: Bytes that the broker adds to a message: subject, id, number, checksum.
        Assumed.
    @ivar brokerMessages: Messages a second that the broker stores and syncs one by one: one server,
        C{sync_interval: always}, 64 in flight.
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
    brokerMessages: float = 6400.0


@dataclass(frozen=True)
class Scenario:
    """
    The activity of users.

    @ivar name: Its name in tables.
    @ivar pause: Seconds between two lines of one user, in any room.
    @ivar stay: Seconds for which one user is connected.
    @ivar rooms: Number of rooms of one user.
    @ivar text: Bytes of a line.
    @ivar roomLinesLimit: The most lines a second in one room, because nobody can read more.
    @ivar accounts: Share of the users who log in.
    @ivar quietFrom: The least members of rooms without notifications of joins and quits, of which a
        node has only its own members; 0: there are no such rooms, as today.
    """

    name: str
    pause: float
    stay: float = 7200.0
    rooms: float = 5.0
    text: int = 64
    roomLinesLimit: float = 2.0
    accounts: float = 0.5
    quietFrom: int = 0


def roomSizes(
    memberships: float, rooms: int, exponent: float, people: int
) -> list[tuple[int, int]]:
    """
    Make pairs of a size and the number of rooms of this size, by Zipf's law.

    @param exponent: The size of a room is proportional to its rank to the power of minus this.
    """
    first = memberships / harmonic(rooms, exponent)
    sizes: list[tuple[int, int]] = []
    rank = 1
    while rank <= rooms:
        size = max(1, min(people, round(first * rank**-exponent)))
        last = rooms
        if size > 1 and exponent > 0:
            last = min(rooms, max(rank, math.floor((first / (size - 0.5)) ** (1 / exponent))))
        sizes.append((size, last - rank + 1))
        rank = last + 1
    return sizes


def harmonic(count: int, exponent: float) -> float:
    """
    The sum of the numbers from 1 to C{count}, each to the power of minus C{exponent}.
    """
    # Beyond 5000 the integral is as exact as floating point numbers, and much faster.
    exact = min(count, 5000)
    total = math.fsum(float(rank) ** -exponent for rank in range(1, exact + 1))
    if count == exact:
        return total
    integral: float
    if exponent == 1:
        integral = math.log(count / exact)
    else:
        integral = (count ** (1 - exponent) - exact ** (1 - exponent)) / (1 - exponent)
    ends = float(count) ** -exponent - float(exact) ** -exponent
    return float(total + integral + ends / 2)


def heartbeats(lines: float, period: float) -> float:
    """
    Heartbeats a second of a node whose lines are a Poisson process.

    @param lines: Lines a second of this node.
    @param period: Seconds without a line after which a heartbeat is sent.
    """
    if not lines:
        return 1 / period
    return lines / math.expm1(min(700.0, lines * period))


def present(size: int, nodes: int) -> float:
    """Compute the probability that a node has a member of a room of this size."""
    return 1.0 - (1.0 - 1.0 / nodes) ** size


def rowBytes(row: object) -> int:
    """Get the bytes of a row in a message, with the comma after it."""
    return len(json.dumps(row, separators=(",", ":"))) + 1


@dataclass
class Load:
    """
    The load of all users together, for any number of nodes.

    @ivar people: Number of users.
    @ivar rooms: Pairs of a size and the number of rooms of this size.
    @ivar lines: Lines a second in all rooms.
    @ivar deliveries: Deliveries of lines a second.
    @ivar joins: Rooms entered a second; as many are left.
    @ivar quits: Users who leave a second; as many arrive.
    @ivar presenceDeliveries: Notifications a second of joins and quits.
    @ivar sharedMemberships: Members of all rooms of one user that get notifications.
    """

    people: int
    rooms: list[tuple[int, int]]
    lines: float = 0.0
    deliveries: float = 0.0
    joins: float = 0.0
    quits: float = 0.0
    presenceDeliveries: float = 0.0
    sharedMemberships: float = 0.0


def roomLines(size: int, scenario: Scenario) -> float:
    """Compute the lines a second in a room of this size."""
    return min(scenario.roomLinesLimit, size / scenario.rooms / scenario.pause)


def loadOf(people: int, rooms: list[tuple[int, int]], scenario: Scenario) -> Load:
    """Compute the load of these users in these rooms."""
    load = Load(people, rooms, quits=people / scenario.stay)
    squares = 0.0
    for size, count in rooms:
        lines = roomLines(size, scenario) * count
        load.lines += lines
        load.deliveries += lines * (size - 1)
        load.joins += count * size / scenario.stay
        if not scenario.quietFrom or size < scenario.quietFrom:
            squares += count * size * size
    load.presenceDeliveries = 2 * squares / scenario.stay
    load.sharedMemberships = squares / people
    return load


@dataclass
class Node:
    """
    The load on one node.

    @ivar nodes: Number of nodes of the cluster.
    @ivar people: Users connected to this node.
    @ivar messages: Messages a second in the stream, of all nodes, with the heartbeats.
    @ivar beats: Heartbeats a second of all nodes.
    @ivar delay: The least seconds that a line waits for earlier messages.
    @ivar received: Bytes a second from the stream.
    @ivar neededLines: Share of the lines in rooms where the node has users.
    @ivar neededMemberships: Share of the memberships in rooms where the node has users.
    @ivar lineCores: Cores to apply and store all lines.
    @ivar presenceCores: Cores to apply joins and quits.
    @ivar deliveries: Deliveries a second to its own users, of lines and notifications.
    @ivar deliveryCores: Cores for these deliveries.
    @ivar checkpointCores: Cores to write checkpoints, on average.
    @ivar checkpointSeconds: Seconds for one checkpoint in one step.
    @ivar checkpointBytes: Bytes of one checkpoint.
    @ivar memory: Bytes of memory for the state.
    @ivar fileDay: Bytes of lines a day in SQLite.
    @ivar checkpointDay: Bytes of checkpoints a day.
    @ivar store: Bytes of the stream, for each replica.
    @ivar goneSeconds: Seconds to apply the failure of another node.
    @ivar goneBytes: Memory for the notifications of this failure: of each of its users to all who
        share a room with that user.
    @ivar returnCores: Cores to apply that these users reconnect.
    @ivar loginCores: Cores for the passwords of these users.
    """

    nodes: int
    people: float
    messages: float
    beats: float
    delay: float
    received: float
    neededLines: float
    neededMemberships: float
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
    returnCores: float
    loginCores: float

    @property
    def cores(self) -> float:
        """Cores for all work while no node fails."""
        return self.lineCores + self.presenceCores + self.deliveryCores + self.checkpointCores


def nodeOf(load: Load, scenario: Scenario, nodes: int, prices: Prices) -> Node:
    """Compute the load on one node of a cluster."""
    people = load.people / nodes
    # Each join is a message of its own, until the broker is saturated: then messages grow.
    events = load.lines + load.joins + 2 * load.quits
    beats = nodes * heartbeats(events / nodes, HEARTBEAT_SECONDS)
    messages = min(events + beats, prices.brokerMessages)
    brokerFull = events + beats > prices.brokerMessages
    size = (
        load.lines * (rowBytes(LINE) + scenario.text)
        + load.joins * rowBytes(JOIN)
        + load.quits * (rowBytes(ENTER) + rowBytes(QUIT))
        + messages * (rowBytes(ENVELOPE) + prices.envelope)
    )
    neededLines = neededMemberships = memberships = 0.0
    for members, count in load.rooms:
        probability = present(members, nodes)
        neededLines += count * roomLines(members, scenario) * probability
        neededMemberships += count * members * probability
        memberships += count * members
    joining = load.joins * prices.join + load.presenceDeliveries / 2 * prices.joinMember
    leaving = load.quits * prices.quit + load.presenceDeliveries / 2 * prices.quitMember
    deliveries = (load.deliveries + load.presenceDeliveries) / nodes
    checkpoint = load.people * prices.stateTime / 1e6
    entering = scenario.rooms * prices.join + load.sharedMemberships * prices.joinMember
    # The users of a failed node log in on all other nodes.
    logins = people * scenario.accounts / max(1, nodes - 1)
    return Node(
        nodes=nodes,
        people=people,
        messages=messages,
        beats=beats,
        delay=MAX_IN_FLIGHT * nodes / prices.brokerMessages if brokerFull else 0.0,
        received=size,
        neededLines=neededLines / load.lines,
        neededMemberships=neededMemberships / memberships,
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
        goneSeconds=people * (prices.quit + load.sharedMemberships * prices.quitMember) / 1e6,
        goneBytes=people * load.sharedMemberships * POINTER,
        returnCores=people * entering / RETURN_SECONDS / 1e6,
        loginCores=logins * prices.login / RETURN_SECONDS / 1e6,
    )


def draw(rooms: list[tuple[int, int]], nodes: int, chance: random.Random) -> dict[int, list[int]]:
    """
    Distribute users over nodes by chance.

    @return: For each size of small rooms, the number of rooms with a member on each node.
    """
    nodeNumbers = range(nodes)
    drawn: dict[int, list[int]] = {}
    for size, count in rooms:
        if size <= DRAWN_MEMBERS:
            roomsOnNode: Counter[int] = Counter()
            for _ in range(count):
                roomsOnNode.update(set(chance.choices(nodeNumbers, k=size)))
            drawn[size] = [roomsOnNode[number] for number in nodeNumbers]
    return drawn


def drawnNeeds(load: Load, scenario: Scenario, drawn: dict[int, list[int]]) -> list[float]:
    """Compute for each node the share of the lines in rooms where it has users."""
    everywhere = sum(
        count * roomLines(size, scenario) for size, count in load.rooms if size not in drawn
    )
    nodes = max((len(counts) for counts in drawn.values()), default=1)
    needed = [everywhere] * nodes
    for size, counts in drawn.items():
        lines = roomLines(size, scenario)
        needed = [before + lines * count for before, count in zip(needed, counts, strict=True)]
    return [lines / load.lines for lines in needed]


def streamShares(
    load: Load, scenario: Scenario, nodes: int, streams: int, rooms: int
) -> tuple[float, float]:
    """
    Compute what a node reads if each room is in one of several streams, and the node reads only the
    streams of rooms with its users.

    @return: The node's share of the streams, and its share of the lines.
    """
    # Approximation: each room has the mean probability that a node has no member of it.
    absent = sum(count * (1 - present(size, nodes)) for size, count in load.rooms) / rooms
    otherRoomsAbsent = absent ** (rooms / streams - 1)
    lines = sum(
        count * roomLines(size, scenario) * (1 - (1 - present(size, nodes)) * otherRoomsAbsent)
        for size, count in load.rooms
    )
    return 1 - absent * otherRoomsAbsent, lines / load.lines


def crossing(grid: Sequence[int], values: Sequence[float], limit: float) -> float | None:
    """
    Find the number of users at which a growing figure passes its limit.

    @param grid: Numbers of users.
    @param values: The figure for each number of users.
    @return: C{None}: the number is beyond the grid.
    """
    before: tuple[int, float] | None = None
    for people, value in zip(grid, values, strict=True):
        if value > limit:
            if before is None or before[1] <= 0:
                return float(people)
            # Between two points of the grid, interpolate by a power of the number of users.
            part = math.log(limit / before[1]) / math.log(value / before[1])
            return float(before[0] * (people / before[0]) ** part)
        before = people, value
    return None
