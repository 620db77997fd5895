"""
The command: C{python -m benchmarks.joins}.

The processor time of the server when many who are connected already, and have names, join one
room: all at once, and some in a second.  The cells C{join} of the chat benchmark also count how
they connect and get their names, for which IRC needs more messages than the line frontend.
"""

from __future__ import annotations

import argparse
import select
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.chat.peers import CHAT_PEERS, ChatPeer
from benchmarks.common.machine import cpuSeconds
from benchmarks.common.run import raiseDescriptors, rounds
from benchmarks.common.servers import Server, ServerError, running
from benchmarks.common.tables import aligned, number
from benchmarks.idle import PATIENCE, WIRES, enter, frame

MEMBERS = 1000
# Joins in a second; infinite: all at once.
RATES = (float("inf"), 200.0)
ROUNDS = 3
# Seconds without data after which all notices have arrived.
SETTLED = 0.5
# Seconds until all notices must have arrived.
LIMIT = 60.0

JOIN = {
    "line": b"/join crowd\n",
    "irc": b"JOIN #crowd\r\n",
    "web": frame('{"do":"join","room":"crowd","id":1}'),
}


@dataclass
class Crowd:
    """Connections of one protocol, which read and ignore all data."""

    wire: str
    _members: dict[int, socket.socket] = field(default_factory=dict)
    _poll: select.epoll = field(default_factory=select.epoll)

    def add(self, member: socket.socket) -> None:
        member.setblocking(False)
        self._members[member.fileno()] = member
        self._poll.register(member, select.EPOLLIN)

    def readAvailable(self, seconds: float) -> bool:
        """
        Read available data, waiting for at most this time; return whether there was any.

        @raise ServerError: The server has closed a connection.
        """
        ready = self._poll.poll(seconds)
        for descriptor, _ in ready:
            if not self._members[descriptor].recv(1 << 20):
                raise ServerError("it closed a connection")
        return bool(ready)

    def settle(self) -> None:
        """
        Read until no more data arrives.

        @raise ServerError: Data keeps arriving, or the server has closed a connection.
        """
        end = time.monotonic() + LIMIT
        while self.readAvailable(SETTLED):
            if time.monotonic() > end:
                raise ServerError("the room does not settle")

    def join(self, rate: float) -> None:
        """
        Let all members join.

        @param rate: Joins in a second.
        @raise ServerError: The server has closed a connection.
        """
        began = time.monotonic()
        for count, member in enumerate(self._members.values()):
            while (wait := began + count / rate - time.monotonic()) > 0:
                self.readAvailable(wait)
            member.sendall(JOIN[self.wire])
        self.settle()


def joinSeconds(peer: ChatPeer, server: Server, members: int, rate: float) -> float:
    """
    Measure the server's processor time for all joins.

    @raise ServerError: The server closed a connection, or sends without end.
    """
    place = ("127.0.0.1", server.ports["tcp"])
    crowd = Crowd(peer.wire)
    with ExitStack() as stack:
        for name in range(members):
            member = stack.enter_context(socket.create_connection(place, PATIENCE))
            member.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            enter(peer.wire, member, name)
            crowd.add(member)
        crowd.settle()
        before = cpuSeconds(server.process.pid)
        crowd.join(rate)
        return cpuSeconds(server.process.pid) - before


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.joins", description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS, metavar="N")
    parser.add_argument("--rounds", type=rounds, default=ROUNDS, metavar="N")
    options = parser.parse_args(arguments)
    members = min(options.members, raiseDescriptors() - 100)
    peers = [peer for peer in CHAT_PEERS if peer.name in WIRES and not peer.missing()]
    lines = [["frontend", "joins in a second", "CPU s", ": line"]]
    for rate in RATES:
        found: dict[str, list[float]] = {peer.wire: [] for peer in peers}
        for _ in range(options.rounds):
            for peer in peers:
                with running(peer, False, None) as server:
                    found[peer.wire].append(joinSeconds(peer, server, members, rate))
        line = found["line"]
        for wire, seconds in found.items():
            ratio = statistics.median([a / b for a, b in zip(seconds, line, strict=True)])
            pace = "at once" if rate == float("inf") else number(rate, 0)
            lines.append([wire, pace, number(statistics.median(seconds), 2), number(ratio, 2)])
    print(aligned(lines, texts=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
