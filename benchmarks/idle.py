"""
The command: C{python -m benchmarks.idle}.

The memory that a person takes who is connected, has a name and says nothing: in a browser, in a
program of IRC, and at the line frontend.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.chat.peers import CHAT_PEERS, ChatPeer
from benchmarks.common.run import raiseDescriptors
from benchmarks.common.servers import Server, ServerError, running
from benchmarks.common.tables import aligned, number

# Names of peers of the chat benchmark.
WIRES = ("memory", "irc", "web")
CONNECTIONS = 2000
# Connections before the measured ones, which also allocate memory that is shared later.
WARMUP = 300
# Seconds to wait for an answer.
PATIENCE = 10.0

UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def anonymousBytes(pid: int) -> int:
    """Get the anonymous resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


def frame(text: str) -> bytes:
    """Make a WebSocket frame as browsers send it, masked by zeros."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode()


def enter(wire: str, connection: socket.socket, number: int) -> None:
    """
    Log in a user, without joining a room.

    @raise ServerError: The server closed the connection.
    """
    if wire == "web":
        host, port = connection.getpeername()
        _exchange(connection, UPGRADE.format(host=f"{host}:{port}").encode(), b'"commands"')
        _exchange(connection, frame(f'{{"do":"enter","nick":"n{number}"}}'), b'"entered"')
    elif wire == "irc":
        _exchange(connection, f"NICK n{number}\r\nUSER n 0 * :n\r\n".encode(), b" 422 ")
    else:
        _exchange(connection, f"/nick n{number}\n".encode(), b"you are")


def _exchange(connection: socket.socket, request: bytes, end: bytes) -> None:
    connection.sendall(request)
    received = b""
    while end not in received:
        data = connection.recv(65_536)
        if not data:
            raise ServerError(f"it closed the connection after {received[-200:]!r}")
        received += data


def bytesOfOne(peer: ChatPeer, server: Server, connections: int) -> float:
    """
    Measure the growth of the server for each connection.

    @raise ServerError: The server closed a connection.
    """
    place, pid = ("127.0.0.1", server.ports["tcp"]), server.process.pid
    before = 0
    with ExitStack() as stack:
        for number in range(WARMUP + connections):
            if number == WARMUP:
                before = anonymousBytes(pid)
            connection = stack.enter_context(socket.create_connection(place, PATIENCE))
            enter(peer.wire, connection, number)
        return (anonymousBytes(pid) - before) / connections


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.idle", description=__doc__)
    parser.add_argument("--connections", type=int, default=CONNECTIONS, metavar="N")
    options = parser.parse_args(arguments)
    connections = min(options.connections, raiseDescriptors() - WARMUP - 100)
    lines = [["frontend", "KiB for a connection"]]
    for peer in CHAT_PEERS:
        if peer.name not in WIRES:
            continue
        missing = peer.missing()
        if missing is not None:
            print(f"{peer.title}: {missing}", file=sys.stderr)
            continue
        with running(peer, False, None) as server:
            size = bytesOfOne(peer, server, connections)
        lines.append([peer.wire, number(size / 1024, 1)])
    print(aligned(lines, texts=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
