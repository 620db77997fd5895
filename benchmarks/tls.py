"""
The command: C{python -m benchmarks.tls}.

What TLS costs a server beside no TLS: the processor time of its reactor's thread for each message
of the timestamp service, for each line that a member of a room gets, and for each connection.  All
ports belong to one process, and are measured by turns.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.common.machine import described, machine
from benchmarks.common.pinning import cores
from benchmarks.common.run import positive, rounds
from benchmarks.common.servers import (
    MOST_CONNECTIONS,
    TSSERVER,
    Peer,
    Server,
    ServerError,
    lacksModule,
    portsOf,
    running,
)
from benchmarks.common.tables import aligned

# Connections to the timestamp service, with one request in flight on each.
CONNECTIONS = 64
# Bytes of a request, and of a line in a room.
SIZE = 64
# Members of the room who only listen.
MEMBERS = 200
# The timeout of a connection in seconds.
LIMIT = 20.0


def _command(state: Path, flag: bool) -> list[str]:
    options = ["--services", "timestamp,chat", "--port", "0", "--state", str(state)]
    options += ["--tls", "beside", "--journal", "memory", "--max-connections", MOST_CONNECTIONS]
    options += ["--flood-lines", "0", "--flood-bytes", "0"]
    return [*TSSERVER, *options]


PEER = Peer("tsservices", "tsservices", lacksModule("OpenSSL"), _command, portsOf("chat"))


class Measured:
    """A server with and without TLS, and its processor time."""

    def __init__(self, server: Server) -> None:
        self._schedule = Path(f"/proc/{server.process.pid}/schedstat")
        self._rows = json.loads((server.state / "ports.json").read_text())
        self._trust = ssl.create_default_context(cafile=str(server.state / "tls.pem"))

    def seconds(self) -> float:
        """Get the processor time of the first thread, which runs the reactor."""
        return int(self._schedule.read_text().split()[0]) / 1e9

    def connect(self, offering: str, tls: bool) -> socket.socket:
        (port,) = (
            row["port"]
            for row in self._rows
            if (row["offering"], row.get("tls")) == (offering, tls)
        )
        client = socket.create_connection(("127.0.0.1", port), LIMIT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._trust.wrap_socket(client, server_hostname="localhost") if tls else client


def echo(measured: Measured, tls: bool, seconds: float) -> float:
    """Measure the processor seconds for each message."""
    request = b"x" * (SIZE - 1) + b"\n"
    with ExitStack() as stack:
        clients = [
            stack.enter_context(measured.connect("timestamp", tls)) for _ in range(CONNECTIONS)
        ]
        count, before, end = 0, measured.seconds(), time.monotonic() + seconds
        while time.monotonic() < end:
            for client in clients:
                client.sendall(request)
            for client in clients:
                if not client.recv(65_536):
                    raise ServerError("a connection was closed")
            count += len(clients)
        return (measured.seconds() - before) / count


def room(measured: Measured, tls: bool, seconds: float) -> float:
    """Measure the processor seconds for each line and member, with one line at a time."""
    line = b"x" * (SIZE - 1) + b"\n"
    with ExitStack() as stack:
        members = [stack.enter_context(measured.connect("chat", tls)) for _ in range(MEMBERS)]
        for number, member in enumerate(members):
            member.sendall(f"m{number}\n".encode())
            _readUntil(member, b"you are in #lobby")
        # The last line shows that all members have received all notices of joins.
        members[0].sendall(b"last\n")
        for member in members[1:]:
            _readUntil(member, b"last")
        count, before, end = 0, measured.seconds(), time.monotonic() + seconds
        while time.monotonic() < end:
            members[0].sendall(line)
            for member in members[1:]:
                _readUntil(member, b"\n")
            count += len(members) - 1
        return (measured.seconds() - before) / count


def entering(measured: Measured, tls: bool, seconds: float) -> float:
    """Measure the processor seconds for a connection with one message, from accept to close."""
    count, before, end = 0, measured.seconds(), time.monotonic() + seconds
    while time.monotonic() < end:
        with measured.connect("timestamp", tls) as client:
            client.sendall(b"x")
            client.recv(1024)
        count += 1
    return (measured.seconds() - before) / count


def _readUntil(client: socket.socket, word: bytes) -> None:
    heard = b""
    while word not in heard:
        data = client.recv(65_536)
        if not data:
            raise ServerError(f"a connection was closed after {heard!r}")
        heard += data


#: The measurements by the names of their rows.
WORK: dict[str, Callable[[Measured, bool, float], float]] = {
    f"a message of {SIZE} bytes, {CONNECTIONS} connections": echo,
    f"a line of {SIZE} bytes and a member, {MEMBERS} members": room,
    "a connection with one message": entering,
}


def table(samples: dict[str, dict[bool, list[float]]]) -> str:
    """
    Make the table of medians.

    @param samples: processor seconds, by row and by whether TLS was used.
    """
    rows = [("for", "plain", "TLS", "more")]
    for name, both in samples.items():
        plain, tls = (statistics.median(both[flag]) * 1e6 for flag in (False, True))
        rows.append((name, f"{plain:.1f} µs", f"{tls:.1f} µs", f"{tls - plain:.1f} µs"))
    return aligned(rows, texts=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.tls", description=__doc__)
    parser.add_argument("--seconds", type=positive, default=2.0, help="of each measurement")
    parser.add_argument("--rounds", type=rounds, default=5, help="measurements of each kind")
    options = parser.parse_args(arguments)
    if missing := PEER.missing():
        print(missing, file=sys.stderr)
        return 1
    pair = cores()
    samples: dict[str, dict[bool, list[float]]] = {name: {False: [], True: []} for name in WORK}
    with running(PEER, False, pair.server if pair else None) as server:
        measured = Measured(server)
        for _ in range(options.rounds):
            for name, work in WORK.items():
                for tls in (False, True):
                    samples[name][tls].append(work(measured, tls, options.seconds))
    print(described(machine()))
    print(table(samples))
    return 0


if __name__ == "__main__":
    sys.exit(main())
