"""
The load of the cluster benchmark: lines that are acknowledged, and lines from one node to another.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.common.generators import LoadError

# The timeout of a connection in seconds.
LIMIT = 60.0
# A line of typical length.
LINE = b"most of the messages in a room are about as long as this, some longer\n"
# Lines in flight of one sender, with up to 100 members and with more.
WINDOW = 20
SMALL_WINDOW = 5
# Seconds between two timed lines.
PAUSE = 0.01


@dataclass(eq=False)
class Member:
    """
    A member of a room.

    @ivar socket: Its connection.
    @ivar pending: Lines sent and not acknowledged.
    @ivar partialLine: Received bytes of an incomplete line.
    """

    socket: socket.socket
    pending: int = 0
    partialLine: bytes = b""

    def readAcknowledged(self) -> int:
        """
        Receive once.

        @return: The number of lines that are acknowledged now.
        @raise LoadError: The server has closed the connection.
        """
        data = self.socket.recv(1 << 18)
        if not data:
            raise LoadError("a server has closed a connection")
        lines = (self.partialLine + data).split(b"\n")
        self.partialLine = lines.pop()
        acknowledged = 0
        for line in lines:
            if line.startswith(b"* stored "):
                # "* stored ROOM SEQ", or "* stored ROOM FIRST-LAST" for several.
                acknowledged += _rangeLength(line.rpartition(b" ")[2])
        return acknowledged


def _rangeLength(sequence: bytes) -> int:
    first, _, last = sequence.strip().partition(b"-")
    return int(last or first) - int(first) + 1


def join(port: int, nick: str, room: str) -> Member:
    """
    Connect a member of a room whose lines are acknowledged when they are stored.

    @raise LoadError: The server has closed the connection.
    """
    connection = socket.create_connection(("127.0.0.1", port), LIMIT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(f"/nick {nick}\n/join {room}\n/ack on\n/whois {nick}\n".encode())
    # Commands are executed in order, so the reply to /whois shows that the others are done.
    received = b""
    while f"{nick} is".encode() not in received:
        data = connection.recv(65_536)
        if not data:
            raise LoadError(f"{nick} could not join: {received[-200:]!r}")
        received += data
    return Member(connection)


def acknowledgedPerSecond(
    ports: Sequence[int], rooms: int, count: int, seconds: float, warmup: float
) -> float:
    """
    Measure the lines a second that are stored if all members send at that rate.

    @param ports: The port of each node.
    @param count: Number of members, spread over nodes and rooms.
    @return: Lines a second that are acknowledged to their senders.
    @raise LoadError: No line is acknowledged any more.
    """
    members = [
        join(ports[number % len(ports)], f"p{number}", f"r{number % rooms}")
        for number in range(count)
    ]
    window = WINDOW if count <= 100 else SMALL_WINDOW
    with selectors.DefaultSelector() as selector:
        for member in members:
            selector.register(member.socket, selectors.EVENT_READ, member)
        _send(members, window)
        begin = time.monotonic() + warmup
        end = begin + seconds
        total = 0
        while (now := time.monotonic()) < end:
            ready = selector.select(1.0)
            if not ready and now > begin + 10:
                raise LoadError("nothing is acknowledged any more")
            for key, _ in ready:
                sender: Member = key.data
                acknowledged = sender.readAcknowledged()
                sender.pending -= acknowledged
                if now >= begin:
                    total += acknowledged
                if sender.pending <= 0:
                    _send([sender], window)
    for member in members:
        member.socket.close()
    if not total:
        raise LoadError("nothing was acknowledged")
    return total / seconds


def _send(senders: Iterable[Member], window: int) -> None:
    for sender in senders:
        sender.socket.sendall(LINE * window)
        sender.pending += window


def crossingTimes(senderPort: int, receiverPort: int, lines: int) -> list[float]:
    """
    Measure the seconds of each line from a member on one node to a member on another, sorted.

    @raise LoadError: The server has closed the connection.
    """
    sender = join(senderPort, "sender", "crossing")
    receiver = join(receiverPort, "receiver", "crossing")
    times = []
    for number in range(lines):
        marker = f"line {number} ends".encode()
        begin = time.perf_counter()
        sender.socket.sendall(marker + b"\n")
        received = b""
        while marker not in received:
            data = receiver.socket.recv(65_536)
            if not data:
                raise LoadError("a server has closed a connection")
            received += data
        times.append(time.perf_counter() - begin)
        time.sleep(PAUSE)
    sender.socket.close()
    receiver.socket.close()
    return sorted(times)
