"""
Loops by forged datagrams: two servers, each of which takes the other for its client.

A naive UDP server answers every datagram, so one with a forged source sets two of them
answering each other without end.  Forging a source needs a raw socket, a relay does not: its two
sockets stand for the servers, one for B towards A and one for A towards B, and carry the
datagrams of each to the other, as the network would.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import pytest

from tests.live.support.echo_client import BUFSIZ, CTIME, checkStamped
from tests.live.support.server import ANSWER_SECONDS, Server, until
from tests.live.support.udp_relay import forgeDatagram

#: A server has one form of stamps, so there are as many servers.
FORMS = ("ctime", "iso", "epoch-ns")

#: Datagrams after which a relay carries no more: the loop has no end.
LIMIT = 200

#: Datagrams that may follow a forged one between timestamp and hello.
FEW = 3

#: Datagrams that may follow where one side is echo, daytime, time or a foreign echo.
MANY = 50

#: What a source may ask at once, and each second: the defaults.
BURST, RATE = 20, 5

#: Loops that run at the same time, so that none is slow.
TOGETHER = 32

#: What never answers an answer of its own kind.
PAIRS = ("timestamp-ctime", "timestamp-iso", "timestamp-epoch-ns", "hello")

OFFERINGS = (*PAIRS, "echo", "daytime", "time", "foreign echo")

PAYLOADS = {
    "byte": b"x",
    "hello": b"Hello, x!",
    "empty": b"",
    "almost a stamp": b"[Fri Nov 20 12:10:00 2026]x",
    "ctime stamp": b"[Fri Nov 20 12:10:00 2026] x",
    "longest": b"y" * 512,
}

#: What timestamp answers, in each of its forms.
STAMPED = [
    PAYLOADS["ctime stamp"],
    b"[2026-11-20T12:10:00.123456Z] x",
    b"[1795176600123456789] x",
]

SMALL = [
    word
    for name in ("echo", "daytime", "time")
    for word in ("--listen", f"{name}=udp:0:interface=127.0.0.1")
]


def _manyLoopbacks() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.77.0.1", 0))
        except OSError:
            return False
    return True


pytestmark = pytest.mark.skipif(
    not _manyLoopbacks(), reason="each loop needs an address of its own; this host has one"
)


@contextlib.contextmanager
def foreignEcho() -> Iterator[tuple[str, int]]:
    """An RFC 862 server without guards."""
    served = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    served.bind(("127.0.0.1", 0))
    address: tuple[str, int] = served.getsockname()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                datagram, sender = served.recvfrom(65_535)
                if datagram == stop:
                    return
                served.sendto(datagram, sender)

    stop = os.urandom(16)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(stop, address)
        thread.join(ANSWER_SECONDS)
        served.close()


@dataclass
class Servers:
    """All that answers.  One server stands for both ends: a relay is at addresses of its own."""

    servers: dict[str, Server]
    foreign: tuple[str, int]

    def addressOf(self, offering: str) -> tuple[str, int]:
        if offering == "foreign echo":
            return self.foreign
        name, _, form = offering.partition("-")
        return self.servers[form or "ctime"].address(name, "udp").pair


@pytest.fixture(scope="module")
def servers(sharedFolder: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        foreign = stack.enter_context(foreignEcho())
        started = {form: Server(sharedFolder / form, "--stamp", form, *SMALL) for form in FORMS}
        for server in started.values():
            stack.callback(server.kill)
        for server in started.values():
            stack.enter_context(server)
        yield Servers(started, foreign)


@dataclass
class Relay:
    """
    Carries datagrams between two servers that take it for each other.

    @ivar begun: when it was sent, in seconds.
    """

    names: tuple[str, str]
    ends: tuple[tuple[str, int], tuple[str, int]]
    sockets: tuple[socket.socket, socket.socket]
    seen: list[bytes] = field(default_factory=list)
    begun: float = 0.0
    last: float = 0.0

    def begin(self, payload: bytes) -> None:
        self.begun = self.last = time.monotonic()
        self.sockets[0].sendto(payload, self.ends[0])

    def carry(self, which: int) -> None:
        try:
            datagram, sender = self.sockets[which].recvfrom(65_535)
        except (BlockingIOError, ConnectionRefusedError):
            return
        assert sender == self.ends[which]
        self.seen.append(datagram)
        self.last = time.monotonic()
        if len(self.seen) < LIMIT:
            other = 1 - which
            self.sockets[other].sendto(datagram, self.ends[other])

    def limit(self) -> int:
        if set(self.names) <= set(PAIRS):
            return FEW
        lasted = self.last - self.begun
        return max(MANY, int(2 * (BURST + RATE * lasted)) + 2)


#: Addresses that no loop had before, whose buckets are full.
_addresses = (
    f"127.{second}.{third}.{fourth}"
    for second in range(78, 255)
    for third in range(256)
    for fourth in range(1, 255)
)


#: Ports that no server here has: those that the system hands out lie above. A client whose port
#: happens to be one of a server's own gets no answer, at whatever address.
_ports = cycle(range(12_000, 30_000))


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    address = next(_addresses)
    while True:
        try:
            made.bind((address, next(_ports)))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return made


def _run(relays: list[Relay], payload: bytes) -> None:
    """Forge one datagram for each relay, and carry until nothing is on its way."""
    ends = {end for relay in relays for end in relay.ends}
    with selectors.DefaultSelector() as selector:
        for relay in relays:
            for which in (0, 1):
                selector.register(relay.sockets[which], selectors.EVENT_READ, (relay, which))
        for relay in relays:
            relay.begin(payload)
        moved = True
        while moved:
            _fence(ends)
            moved = False
            while events := selector.select(0):
                moved = True
                for key, _ in events:
                    relay, which = key.data
                    relay.carry(which)


def _fence(ends: set[tuple[str, int]]) -> None:
    """
    Wait until servers have read all that they were sent: each reads its socket in
    order, so the answer to one who asks now comes after all others.
    """
    for end in ends:
        with _socket() as client:
            client.settimeout(ANSWER_SECONDS)
            client.sendto(b"x", end)
            assert client.recv(BUFSIZ)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_storm(servers: Servers, payload: bytes) -> None:
    """
    Whatever services are at the two ends: a few datagrams follow a forged one, then it is over.
    """
    names = [(a, b) for a in OFFERINGS for b in OFFERINGS if not a == b == OFFERINGS[-1]]
    assert len(names) == 63
    followed: dict[tuple[str, str], int] = {}
    wrong = []
    while names:
        some, names = names[:TOGETHER], names[TOGETHER:]
        with ExitStack() as stack:
            relays = [
                Relay(
                    (a, b),
                    (servers.addressOf(a), servers.addressOf(b)),
                    (stack.enter_context(_socket()), stack.enter_context(_socket())),
                )
                for a, b in some
            ]
            _run(relays, payload)
        for relay in relays:
            followed[relay.names] = len(relay.seen)
            if len(relay.seen) > relay.limit():
                wrong.append((relay.names, len(relay.seen), relay.limit(), relay.seen[:6]))
    assert not wrong
    # If nobody talked with anybody, all this would show nothing.
    assert re.match(CTIME, PAYLOADS["ctime stamp"])
    for (a, _), count in followed.items():
        answers = _answers(a, payload)
        assert bool(count) == answers, (a, payload, count)
    assert followed["echo", "foreign echo"] > BURST or not payload
    assert followed["daytime", "time"] > BURST


def _answers(offering: str, payload: bytes) -> bool:
    if offering == "foreign echo" or offering in ("daytime", "time"):
        return True
    if offering == "echo":
        return bool(payload)
    return bool(payload) and payload not in STAMPED


def test_replyEndsLoop(servers: Servers) -> None:
    """Between two timestamp servers one reply follows: the relay carries it, and it is dropped."""
    with _socket() as one, _socket() as other:
        relay = Relay(
            ("timestamp-ctime", "timestamp-iso"),
            (servers.addressOf("timestamp-ctime"), servers.addressOf("timestamp-iso")),
            (one, other),
        )
        _run([relay], b"x")
    assert len(relay.seen) == 1
    checkStamped(relay.seen[0], b"x")


def test_honestDatagrams(servers: Servers) -> None:
    """The guards let pass what people send: greetings, brackets, and their own greeting once."""
    with _socket() as client:
        client.settimeout(ANSWER_SECONDS)
        for data in (b"Hello, world!", b"[x] y", b"[12] y", b"[Fri Nov 20 12:10:00 2026]"):
            client.sendto(data, servers.addressOf("hello"))
            assert client.recv(BUFSIZ) == b"Hello, " + data + b"!"
            client.sendto(data, servers.addressOf("timestamp-ctime"))
            checkStamped(client.recv(BUFSIZ), data)


def test_counters(folder: Path) -> None:
    """The trust in loopback ends with timestamp and hello."""
    names = ("timestamp", "hello", "echo", "daytime", "time")
    with Server(folder, *SMALL) as server, ExitStack() as stack:
        places = {name: server.address(name, "udp").pair for name in names}
        client = stack.enter_context(_socket())
        client.settimeout(ANSWER_SECONDS)

        # A source port that is one of the server's own, at another address.
        forged = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stack.enter_context(forged)
        forged.bind(("127.77.0.2", places["hello"][1]))
        bad = [forged]
        for port in (1900, 2049, 3702, 5353, 11211, 7, 123):
            reflector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            stack.enter_context(reflector)
            # The port may be taken, or not be for everybody.
            with contextlib.suppress(OSError):
                reflector.bind(("127.77.0.3", port))
                bad.append(reflector)
        assert len(bad) > 1
        for item in bad:
            for place in places.values():
                item.sendto(b"x", place)

        for name in ("timestamp", "hello"):
            for stamped in STAMPED:
                client.sendto(stamped, places[name])
            client.sendto(b"Hello, Hello, x!!", places[name])
            for size in (0, 513, 9000):
                client.sendto(b"x" * size, places[name])
            for _ in range(3 * BURST):
                client.sendto(b"x", places[name])
                assert client.recv(BUFSIZ).endswith((b"] x", b"x!"))
        for name in ("echo", "daytime", "time"):
            for _ in range(4 * BURST):
                client.sendto(b"x" if name == "echo" else b"", places[name])
            for size in (513, 9000):
                client.sendto(b"x" * size, places[name])
        for item in bad:
            item.setblocking(False)
            with pytest.raises(BlockingIOError):
                item.recv(BUFSIZ)

        # Another source, whose answer shows that all before has been read.
        fence = stack.enter_context(_socket())
        fence.settimeout(ANSWER_SECONDS)
        for name in names:
            fence.sendto(b"x", places[name])
            assert fence.recv(BUFSIZ)
        server.stop()

        asked = 3 * BURST + 1
        for name in ("timestamp", "hello"):
            counters = server.counters(name, "udp")
            del counters["receivedBytes"]
            assert counters == {
                "received": len(bad) + 4 + 3 + asked,
                "answered": asked,
                "badSource": len(bad),
                "ownFormat": 4,
                "badSize": 3,
                "overRate": 0,
                "muted": 0,
                "unsent": 0,
            }
        for name in ("echo", "daytime", "time"):
            counters = server.counters(name, "udp")
            assert counters["received"] == len(bad) + 4 * BURST + 2 + 1
            assert counters["badSource"] == len(bad)
            assert counters["badSize"] == 2
            assert counters["answered"] >= BURST
            # Three drops in a row, and then the silence of a minute.
            assert counters["overRate"] >= 3
            assert counters["muted"] > 0
            judged = counters["answered"] + counters["overRate"] + counters["muted"]
            assert judged == 4 * BURST + 1
            assert counters["answered"] <= BURST + RATE * ANSWER_SECONDS


def test_trustNobody(folder: Path) -> None:
    """C{--trust none} bounds the replies of timestamp and hello to loopback too, by source."""
    with Server(folder, "--trust", "none") as server, _socket() as client, _socket() as other:
        for name in ("timestamp", "hello"):
            place = server.address(name, "udp").pair
            for _ in range(4 * BURST):
                client.sendto(b"x", place)
            # Its answer shows too that all before has been read.
            other.settimeout(ANSWER_SECONDS)
            other.sendto(b"x", place)
            assert other.recv(BUFSIZ).endswith((b"] x", b"x!"))
        server.stop()
        for name in ("timestamp", "hello"):
            counters = server.counters(name, "udp")
            assert counters["received"] == 4 * BURST + 1
            assert BURST < counters["answered"] <= BURST + RATE * ANSWER_SECONDS
            assert counters["overRate"] >= 3
            assert counters["muted"] > 0


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="raw sockets need root"
)
def test_rawSpoof(folder: Path) -> None:
    """With really forged sources, and no relay between the servers."""
    pairs = {"timestamp": FEW, "hello": FEW, "echo": MANY, "daytime": MANY, "time": MANY}
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError:
        pytest.skip("raw sockets are not allowed here")
    with ExitStack() as stack:
        stack.enter_context(raw)
        first, second = (
            stack.enter_context(Server(folder / name, *SMALL, impatient=True)) for name in "ab"
        )
        # A server that is made to talk with itself, or with nobody: not answered.
        itself = first.address("timestamp", "udp").pair
        for port in (itself[1], first.address("hello", "udp").port, 53, 0):
            raw.sendto(forgeDatagram(("127.0.0.1", port), itself, b"x"), (itself[0], 0))
        for source in ("224.0.0.251", "255.255.255.255"):
            # Where the system lets such through.
            raw.sendto(forgeDatagram((source, 40_000), itself, b"x"), (itself[0], 0))
        for name in pairs:
            victim, other = first.address(name, "udp").pair, second.address(name, "udp").pair
            raw.sendto(forgeDatagram(other, victim, b"x"), (victim[0], 0))

        for name, most in pairs.items():

            def both(counter: str, name: str = name) -> int:
                return sum(item.counters(name, "udp").get(counter, 0) for item in (first, second))

            def ended(most: int = most, both: Callable[[str], int] = both) -> bool:
                # A drop is the end of a loop of one datagram.  One server may have written its
                # counters and the other not yet: then nothing seems to have been answered.
                dropped, answered = (
                    both("ownFormat" if most == FEW else "overRate"),
                    both("answered"),
                )
                received = answered + 1 + both("badSource")
                return dropped == 1 and answered >= 1 and both("received") == received

            until(ended, f"the end of the loop of {name}")
            assert both("answered") <= most, name
            if name == "timestamp":
                assert 4 <= both("badSource") <= 6
            else:
                assert both("badSource") == 0, name
        assert first.counters("echo", "udp")["answered"] >= BURST
