"""The STAMP service over real sockets, and what follows a forged packet."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.support.server import ANSWER_SECONDS, Server, until
from tests.live.support.udp_relay import forgeDatagram
from tsservices.stamp.auth import authenticate, verify
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.timestamps import ErrorEstimate, toNTP

KEY = bytes(range(32))

#: Octets of any datagram.
BUFFER = 65_536

#: Datagrams that follow a forged one at most.
FEW = 3

ONLY = ("--services", "stamp")

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's own options")


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.settimeout(ANSWER_SECONDS)
        yield found


def packet(sequence: int = 0) -> SenderPacket:
    return SenderPacket(
        sequence, toNTP(time.time_ns()), ErrorEstimate.atLeast(10**6, False).encode(), 77
    )


def keyFile(folder: Path) -> str:
    path = folder / "key"
    path.write_text(KEY.hex())
    path.chmod(0o600)
    return str(path)


@linux
def test_times(folder: Path, sender: socket.socket) -> None:
    """T2 and T3 are between the sender's own two times, and the replies are numbered by session."""
    with Server(folder, *ONLY) as server:
        address = server.address("stamp", "udp").pair
        for number in range(20):
            t1 = time.time_ns()
            request = packet(1000 + number)._replace(timestamp=toNTP(t1))
            sender.sendto(request.encode(), address)
            data, source = sender.recvfrom(BUFFER)
            t4 = time.time_ns()
            answer = ReflectorPacket.decode(data)
            t2, t3 = answer.receivedAt(t1), answer.sentAt(t1)
            assert t1 <= t2 <= t3 <= t4
            assert source == address
            assert (answer.sequence, answer.senderSequence) == (number, 1000 + number)
            assert (answer.senderTimestamp, answer.senderErrorEstimate) == (
                request.timestamp,
                request.errorEstimate,
            )
            assert (answer.ssid, answer.senderTTL) == (77, 64)
            estimate = ErrorEstimate.decode(answer.errorEstimate)
            assert estimate.nanoseconds
            assert not estimate.ptp
        # T2 is when a packet came, not when the server read it.
        os.kill(server.pid, signal.SIGSTOP)
        try:
            t1 = time.time_ns()
            sender.sendto(packet(1).encode(), address)
            sent = time.time_ns()
            until(lambda: time.time_ns() > sent + 100_000_000, "a tenth of a second")
        finally:
            os.kill(server.pid, signal.SIGCONT)
        answer = ReflectorPacket.decode(sender.recv(BUFFER))
        assert t1 <= answer.receivedAt(t1) <= sent
        assert answer.sentAt(t1) > sent + 100_000_000
        server.stop()
        counters = server.counters("stamp", "udp")
        assert (counters["answered"], counters["unstamped"]) == (21, 0)


@linux
@pytest.mark.parametrize("interface", ["0.0.0.0", "::"])
def test_repliesFromAddressAsked(folder: Path, sender: socket.socket, interface: str) -> None:
    with Server(folder, *ONLY, "--interface", interface) as server:
        port = server.address("stamp", "udp").port
        for host in ("127.0.0.2", "127.0.0.1", "127.8.9.10"):
            sender.sendto(packet().encode(), (host, port))
            data, source = sender.recvfrom(BUFFER)
            assert source == (host, port)
            assert ReflectorPacket.decode(data).sequence == 0, "each is a session of its own"


def test_withoutFastLane(folder: Path, sender: socket.socket) -> None:
    with Server(folder, *ONLY, "--no-fast-lane", "--stamp-stateless") as server:
        sender.sendto(packet(5).encode(), server.address("stamp", "udp").pair)
        assert ReflectorPacket.decode(sender.recv(BUFFER)).sequence == 5


def test_anyDatagram(folder: Path, sender: socket.socket) -> None:
    """From no octet to the longest: each is counted, and nothing stops the reflector."""
    with Server(folder, *ONLY, "--listen", "echo=udp:0", "--trust", "none") as server:
        address = server.address("stamp", "udp").pair
        for data in (b"", b"x", packet().encode()[:43], bytes(9001), b"\xff" * 65_507):
            sender.sendto(data, address)
        for data in (bytes(44), b"\xff" * 44, packet().encode() + b"\x80" * 8956):
            sender.sendto(data, address)
            assert len(sender.recv(BUFFER)) == len(data)
        server.stop()
        counters = server.counters("stamp", "udp")
        assert (counters["received"], counters["badSize"], counters["answered"]) == (8, 5, 3)


def test_authenticated(folder: Path, sender: socket.socket, tmp_path: Path) -> None:
    with Server(folder, *ONLY, "--stamp-key", keyFile(tmp_path)) as server:
        address = server.address("stamp", "udp").pair
        sender.sendto(packet().encode(), address)
        sender.sendto(authenticate(KEY[1:], packet().encode(authenticated=True)), address)
        good = authenticate(KEY, packet(7).encode(authenticated=True))
        for _ in range(3):
            sender.sendto(good, address)
        answer = sender.recv(BUFFER)
        verify(KEY, answer)
        assert ReflectorPacket.decode(answer, authenticated=True).senderSequence == 7
        sender.sendto(authenticate(KEY, packet(8).encode(authenticated=True)), address)
        assert ReflectorPacket.decode(sender.recv(BUFFER), authenticated=True).sequence == 1
        server.stop()
        counters = server.counters("stamp", "udp")
        assert (counters["badSize"], counters["forged"], counters["replayed"]) == (1, 1, 2)
        assert counters["answered"] == 2


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="raw sockets need root"
)
def test_forged(folder: Path, tmp_path: Path) -> None:
    """
    At most three packets follow: between reflectors and with the text services, trusted, without
    state, or with a recorded packet and its key.
    """
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError:
        pytest.skip("raw sockets are not allowed here")
    services = ("--services", "timestamp,hello,stamp")
    key = keyFile(tmp_path)
    recorded = authenticate(KEY, packet().encode(authenticated=True))
    cases: list[tuple[tuple[str, ...], list[tuple[str, str, bytes]]]] = [
        (
            (),
            [
                (one, other, payload)
                for one, other in (
                    ("stamp", "stamp"),
                    ("stamp", "timestamp"),
                    ("stamp", "hello"),
                    ("timestamp", "stamp"),
                    ("hello", "stamp"),
                )
                for payload in (packet().encode(), bytes(60), b"x" * 14)
            ],
        ),
        (("--stamp-stateless",), [("stamp", "stamp", packet().encode())]),
        (("--stamp-key", key), [("stamp", "stamp", recorded)]),
    ]
    folder.mkdir(exist_ok=True)
    for number, (options, forgeries) in enumerate(cases):
        with ExitStack() as stack:
            servers = [
                stack.enter_context(Server(folder / f"{name}{number}", *services, *options))
                for name in "ab"
            ]
            for one, other, payload in forgeries:
                victim = servers[0].address(one, "udp").pair
                source = servers[1].address(other, "udp").pair
                raw.sendto(forgeDatagram(source, victim, payload), (victim[0], 0))
            fences = _quiet(servers)
            for server in servers:
                server.stop()
            answered = sum(
                server.counters(name, "udp")["answered"]
                for server in servers
                for name in ("timestamp", "hello", "stamp")
            )
            assert 1 <= answered - fences <= FEW * len(forgeries)
            assert sum(server.counters("stamp", "udp")["ownFormat"] for server in servers)
    raw.close()


def _quiet(servers: list[Server]) -> int:
    # A server that answers this has read what came before.  As often as servers may answer each
    # other: the reply to one is read by the other only in a later turn.
    turns = 2 * FEW
    for _ in range(turns):
        for server in servers:
            with server.connect("hello", "udp") as fence:
                fence.send(b"x")
                assert fence.recv(BUFFER) == b"Hello, x!"
    return turns * len(servers)
