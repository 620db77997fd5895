"""
The load of the cluster's benchmark: lines that are acknowledged, and lines that cross from
one node to another.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.echo.load import LoadError

# Seconds for people to come in, and for the last lines.
LIMIT = 60.0
# What a line that is sent carries, as people write them.
LINE = b"what is said takes about as much as this does, now and then some more\n"
# Lines of one sender that are not acknowledged yet.
WINDOW = 20
# Seconds between two lines that are timed.
PAUSE = 0.01


@dataclass(eq=False)
class Person:
    """
    One connection.

    @ivar socket: It.
    @ivar pending: Lines sent and not acknowledged.
    @ivar acknowledged: Lines that are stored.
    @ivar tail: The beginning of what comes next.
    """

    socket: socket.socket
    pending: int = 0
    acknowledged: int = 0
    tail: bytes = b""
    got: bytes = field(default=b"", repr=False)

    def stored(self) -> int:
        """
        Read what has come.

        @raise LoadError: The server has hung up.
        """
        data = self.socket.recv(1 << 18)
        if not data:
            raise LoadError("a server has hung up")
        lines = (self.tail + data).split(b"\n")
        self.tail = lines.pop()
        found = 0
        for line in lines:
            if line.startswith(b"* stored "):
                # "* stored ROOM SEQ", or "* stored ROOM FIRST-LAST" for several.
                found += _count(line.rpartition(b" ")[2])
        return found


def _count(numbers: bytes) -> int:
    first, _, last = numbers.strip().partition(b"-")
    return int(last or first) - int(first) + 1


def enter(port: int, nick: str, room: str) -> Person:
    """
    Somebody comes in, who wants to know what is stored.

    @raise LoadError: They are not let in.
    """
    connection = socket.create_connection(("127.0.0.1", port), LIMIT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(f"/nick {nick}\n/join {room}\n/ack on\n/whois {nick}\n".encode())
    got = b""
    while f"{nick} is".encode() not in got:
        data = connection.recv(65_536)
        if not data:
            raise LoadError(f"{nick} was not let in: {got[-200:]!r}")
        got += data
    return Person(connection, got=got)


def acknowledgedPerSecond(
    ports: Sequence[int], rooms: int, people: int, seconds: float, warmup: float
) -> float:
    """
    Everybody talks as fast as their lines are stored.

    @return: Lines a second that are acknowledged to those who said them.
    @raise LoadError: It came to nothing.
    """
    everybody = [
        enter(ports[number % len(ports)], f"p{number}", f"r{number % rooms}")
        for number in range(people)
    ]
    window = WINDOW if people <= 100 else 5
    with selectors.DefaultSelector() as selector:
        for each in everybody:
            selector.register(each.socket, selectors.EVENT_READ, each)
        _say(everybody, window)
        begin = time.monotonic() + warmup
        end = begin + seconds
        count = 0
        while (now := time.monotonic()) < end:
            ready = selector.select(1.0)
            if not ready and now > begin + 10:
                raise LoadError("nothing is acknowledged any more")
            for key, _ in ready:
                person: Person = key.data
                found = person.stored()
                person.pending -= found
                if now >= begin:
                    count += found
                if person.pending <= 0:
                    _say([person], window)
    for each in everybody:
        each.socket.close()
    if not count:
        raise LoadError("nothing was acknowledged")
    return count / seconds


def _say(people: Iterable[Person], window: int) -> None:
    """Have each say some lines."""
    for each in people:
        each.socket.sendall(LINE * window)
        each.pending += window


def crossing(sender: int, receiver: int, lines: int) -> list[float]:
    """
    Lines from a person on one node to a person on another.

    @raise LoadError: One did not come.
    """
    here, there = enter(sender, "here", "crossing"), enter(receiver, "there", "crossing")
    found = []
    for number in range(lines):
        marker = f"line {number} ends".encode()
        begin = time.perf_counter()
        here.socket.sendall(marker + b"\n")
        got = b""
        while marker not in got:
            data = there.socket.recv(65_536)
            if not data:
                raise LoadError("a server has hung up")
            got += data
        found.append(time.perf_counter() - begin)
        time.sleep(PAUSE)
    here.socket.close()
    there.socket.close()
    return sorted(found)
