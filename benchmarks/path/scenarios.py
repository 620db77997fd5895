"""The traced scenarios: one line and one datagram, sent through a server."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.path.server import Deadline, Member, Server
from benchmarks.path.trace import PathError, Trace, flattened
from tsservices.transport.epoll.mainloop import EpollMainReactor

# Members of the room, including the author.
MEMBERS = 5
# Lines before the traced ones; flood control allows all of them together at once.
WARMUP_LINES = 4
# How often each path is traced.
TRACES = 5
# Seconds for all waits of the command together.
LIMIT = 15.0
# The only trusted network of the second server: one for documentation, which sends no datagrams.
OTHER_NETWORK = "192.0.2.0/24"


def shortest(traces: list[Trace]) -> Trace:
    """Get the trace whose path has the fewest calls."""
    return min(traces, key=lambda trace: len(flattened(trace.path())))


def traceLine(server: Server) -> Trace:
    """
    Trace the path of one line to four other members.

    @raise PathError: The members do not receive it.
    """
    members = [Member(server, f"member{number}") for number in range(MEMBERS)]
    author, *recipients = members

    def delivered() -> bool:
        return all(member.hasReceived(b"> hello\n") for member in recipients)

    traces = []
    try:
        for number in range(WARMUP_LINES + TRACES):
            server.settle()
            for member in members:
                member.forget()
            trace = Trace()
            author.send("hello")
            server.turnUntil(delivered, "the line", trace if number >= WARMUP_LINES else None)
            if number >= WARMUP_LINES:
                if len(trace.sends) < len(recipients):
                    # A send called by C code, map() for example, is no event.  The path would
                    # end too early.
                    raise PathError(
                        f"{len(recipients)} sends made, {len(trace.sends)} of them seen"
                    )
                traces.append(trace)
    finally:
        for member in members:
            member.close()
        server.settle()
    return shortest(traces)


def traceDatagram(server: Server) -> Trace:
    """
    Trace the path of one datagram to its reply.

    @raise PathError: There is no reply.
    """

    def replied() -> bool:
        try:
            return client.recv(65536).endswith(b"] hello")
        except BlockingIOError:
            return False

    traces = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(("127.0.0.1", server.ports["timestamp", "udp"]))
        # The first datagram is not traced, because it adds its address to the server's tables.
        for number in range(1 + TRACES):
            server.settle()
            trace = Trace()
            client.send(b"hello")
            server.turnUntil(replied, "the reply", trace)
            if number:
                traces.append(trace)
    return shortest(traces)


def traced() -> dict[str, Trace]:
    """
    Trace all paths, by their names in the JSON.

    @raise PathError: A path could not be traced.
    """
    deadline = Deadline(LIMIT)
    # Not the global reactor: this one only iterates, and the import of a module must install none.
    reactor: Any = EpollMainReactor()
    traces = {}
    with tempfile.TemporaryDirectory() as folder:
        usual, untrusting = Path(folder, "usual"), Path(folder, "untrusting")
        server = Server(reactor, deadline, usual, "--services", "timestamp,chat")
        try:
            traces["line"] = traceLine(server)
            traces["trusted datagram"] = traceDatagram(server)
        finally:
            server.stop()
        server = Server(
            reactor, deadline, untrusting, "--services", "timestamp", "--trust", OTHER_NETWORK
        )
        try:
            traces["untrusted datagram"] = traceDatagram(server)
        finally:
            server.stop()
    return traces
