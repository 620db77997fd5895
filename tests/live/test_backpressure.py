"""What clients that never read, are silent or read slowly cost, and when they are closed."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.support.echo_client import (
    ACKNOWLEDGEMENT,
    CTIME,
    checkExchange,
    checkStream,
    exchange,
    receive,
    receiveRest,
    unstamped,
)
from tests.live.support.impatient import SWEEP_SECONDS
from tests.live.support.server import ANSWER_SECONDS, Server

#: Clients of each service and wire that never read.
CLIENTS = 3

#: Bytes that a client tries to send.
MOST = 32 << 20

#: When nothing could be sent for so long, the server reads no more.
BLOCKED_SECONDS = 0.6

#: Bytes that a client may cost at the most.
PER_CLIENT = 1 << 19

#: Bytes that a server may grow by anyway: code that runs for the first time, the log.
TOLERANCE = 2 << 20

#: Seconds: what the limits are set to here, and how often they are looked at. Progress is seen one
#: sweep late, and the end of a limit too. Sockets go on taking small chunks for most of a second
#: after the server has stopped reading.
WRITE_LIMIT, IDLE_LIMIT, SWEEP = 2, 2, SWEEP_SECONDS

#: Seconds that somebody stays who does what keeps a connection open.
STAYING = IDLE_LIMIT + 2 * SWEEP + 1

#: Seconds after which a connection must have been closed, on a machine that is busy.
LATEST = max(WRITE_LIMIT, IDLE_LIMIT) + 2 * SWEEP + 3

#: What is sent again and again: for lines the worst there is, empty ones.
FLOODS = {
    **dict.fromkeys(("timestamp", "hello", "ack", "echo", "chargen"), b"x" * 65_536),
    "timestamp-line": b"\n" * 65_536,
}

SMALL = ["--listen", "echo=tcp:0", "--listen", "chargen=tcp:0", "--listen", "discard=tcp:0"]


def _flood(chunks: dict[socket.socket, bytes]) -> dict[socket.socket, int]:
    sent = dict.fromkeys(chunks, 0)
    active = set(chunks)
    last = dict.fromkeys(chunks, time.monotonic())
    for client in chunks:
        client.setblocking(False)
    while active:
        _, writable, _ = select.select([], list(active), [], 0.1)
        now = time.monotonic()
        for client in writable:
            with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
                sent[client] += client.send(chunks[client])
                last[client] = now
        active = {
            client
            for client in active
            if sent[client] < MOST and now - last[client] < BLOCKED_SECONDS
        }
    return sent


def test_memory(folder: Path, certificate: tuple[Path, Path]) -> None:
    """All services and wires at once: a server that has grown before would hide what one costs."""
    key, cert = certificate
    tls = f"ssl:0:privateKey={key}:certKey={cert}"
    places = ("timestamp=tcp:0", f"timestamp=unix:{folder}/sock", f"echo={tls}")
    lines = ("timestamp-line=tcp:0", "timestamp-line=haproxy:tcp:0", f"timestamp-line={tls}")
    options = [word for place in (*places, *lines) for word in ("--listen", place)]
    context = ssl.create_default_context(cafile=str(cert))
    with Server(folder, *SMALL, *options) as server, ExitStack() as stack:
        _checkOthers(server)
        chunks: dict[socket.socket, bytes] = {}
        unix: set[socket.socket] = set()
        seen: Counter[str] = Counter()
        for address in server.addresses:
            seen[address.offering] += 1
            if address.transport == "udp" or address.offering not in FLOODS:
                continue
            for _ in range(CLIENTS):
                client = stack.enter_context(address.connect())
                match address.offering, seen[address.offering]:
                    case ("timestamp-line", 2):
                        client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n")
                    case ("timestamp-line", 3) | ("echo", 2):
                        client = context.wrap_socket(client, server_hostname="localhost")
                        stack.enter_context(client)
                chunks[client] = FLOODS[address.offering]
                if address.path:
                    unix.add(client)
        assert len(chunks) == CLIENTS * (len(FLOODS) + 4)
        before = server.memory()
        sent = _flood(chunks)
        grown = server.memory() - before
        print(f"sent {min(sent.values()):,} to {max(sent.values()):,}; grown by {grown:,}")
        assert grown < len(chunks) * PER_CLIENT + TOLERANCE
        assert max(sent[client] for client in unix) < MOST
        # Less than this would be held by sockets alone, and show nothing; UNIX sockets hold less.
        assert min(sent[client] for client in chunks.keys() - unix) > 1 << 20
        _checkOthers(server)


def _checkOthers(server: Server) -> None:
    for offering in ("timestamp", "timestamp-line", "hello", "echo"):
        with server.connect(offering) as client:
            checkStream(server, server.address(offering), client)


@pytest.fixture(scope="module")
def impatient(
    sharedFolder: Path, certificate: tuple[Path, Path]
) -> Iterator[tuple[Server, ssl.SSLContext]]:
    config = sharedFolder / "limits.toml"
    limits = {"write": WRITE_LIMIT, "idle": IDLE_LIMIT, "handshake": IDLE_LIMIT}
    config.write_text("".join(f"{name}-limit = {value}\n" for name, value in limits.items()))
    key, cert = certificate
    secure = f"timestamp=ssl:0:privateKey={key}:certKey={cert}"
    options = ("--config", str(config), *SMALL, "--listen", secure)
    with Server(sharedFolder, *options, impatient=True) as server:
        yield server, ssl.create_default_context(cafile=str(cert))


class Client(threading.Thread):
    """A client in a thread; C{waited} is the seconds until the server closed, or L{None}."""

    def __init__(self, client: socket.socket) -> None:
        super().__init__()
        self.client = client
        self.waited: float | None = None
        self.begun = time.monotonic()

    def run(self) -> None:
        self.client.settimeout(LATEST)
        with self.client, contextlib.suppress(TimeoutError):
            try:
                self.live()
            except OSError as reason:
                if isinstance(reason, TimeoutError):
                    return
            self.waited = time.monotonic() - self.begun

    def live(self) -> None:
        raise NotImplementedError


class Stubborn(Client):
    """Sends for ever and never reads; its time begins anew whenever something is taken."""

    def __init__(self, client: socket.socket, chunk: bytes, taken: bool = False) -> None:
        super().__init__(client)
        self._chunk = chunk
        self._taken = taken

    def live(self) -> None:
        deadline = time.monotonic() + 12 * LATEST
        while time.monotonic() < deadline:
            self.client.send(self._chunk)
            if self._taken:
                # All of it is taken, and need not keep a core busy.
                select.select([], [], [], 0.01)
            else:
                self.begun = time.monotonic()
        raise TimeoutError


class Silent(Client):
    def live(self) -> None:
        receiveRest(self.client)


class Busy(Client):
    """Does something now and then, and leaves when the limits are over."""

    def live(self) -> None:
        while time.monotonic() - self.begun <= STAYING:
            self.step()
        raise TimeoutError

    def step(self) -> None:
        raise NotImplementedError


class Typing(Busy):
    def step(self) -> None:
        self.client.send(b"x")
        assert receive(self.client, len(ACKNOWLEDGEMENT)) == ACKNOWLEDGEMENT
        # Nothing more comes: this is the pause between two words.
        assert not select.select([self.client], [], [], IDLE_LIMIT / 4)[0]


class Slow(Busy):
    """Reads slowly what chargen sends; C{read} is the number of bytes."""

    read = 0

    def step(self) -> None:
        assert len(receive(self.client, 1 << 20)) == 1 << 20
        self.read += 1 << 20
        # The pause between two reads, which nothing interrupts.
        select.select([], [], [], WRITE_LIMIT / 4)


def test_closed(impatient: tuple[Server, ssl.SSLContext]) -> None:
    server, trust = impatient
    quiet = ("timestamp-line", "hello", "ack", "sink", "talk", "echo", "discard")
    secure = trust.wrap_socket(server.connect("timestamp"), server_hostname="localhost")
    stubborn = {
        "timestamp": Stubborn(secure, FLOODS["timestamp"]),
        "chargen": Stubborn(server.connect("chargen"), FLOODS["chargen"], taken=True),
    }
    for offering in ("timestamp-line", "hello", "echo"):
        stubborn[offering] = Stubborn(server.connect(offering), FLOODS[offering])
    silent = {offering: Silent(server.connect(offering)) for offering in quiet}
    # One that does not get as far as TLS.
    silent["timestamp"] = Silent(server.connect("timestamp"))
    typing = Typing(server.connect("ack"))
    slow = Slow(server.connect("chargen"))
    threads: list[threading.Thread] = [*stubborn.values(), *silent.values(), typing, slow]
    for thread in threads:
        thread.start()
    slowest = 0.0
    with server.connect("echo") as other:
        while any(thread.is_alive() for thread in threads):
            begun = time.monotonic()
            other.send(b"still there?")
            assert receive(other, 12) == b"still there?"
            slowest = max(slowest, time.monotonic() - begun)
            next(thread for thread in threads if thread.is_alive() or thread is slow).join(0.05)
    assert slowest < 2
    for limit, closed in ((WRITE_LIMIT, stubborn), (IDLE_LIMIT, silent)):
        for offering, client in closed.items():
            assert client.waited is not None, f"{offering} was never closed"
            assert limit / 2 < client.waited < LATEST, (offering, client.waited)
    assert typing.waited is None
    assert slow.waited is None
    assert slow.read > 4 << 20
    for offering in {*stubborn, *silent}:
        stalled, idle = int(offering in stubborn), int(offering in silent)
        if offering == "timestamp":
            server.counted(offering, stalled=stalled, idle=0, tlsFailures=idle, open=0)
        else:
            server.counted(offering, stalled=stalled, idle=idle, open=0)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("patient"), *SMALL, impatient=True) as server:
        yield server


#: As much as the sockets hold, answers and all.
HALF_CLOSED = {
    "timestamp": b"x" * 500_000,
    "timestamp-line": b"a line\n" * 20_000 + b"\n" * 20_000 + b"the last",
    "hello": b"x" * 500_000,
    "ack": b"x" * 500_000,
    "echo": bytes(range(256)) * 2000,
}


def test_halfClose(patient: Server) -> None:
    for offering, data in HALF_CLOSED.items():
        with patient.connect(offering) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            checkExchange(offering, data, receiveRest(client))
    for offering in HALF_CLOSED:
        patient.counted(offering, accepted=1, open=0)


@pytest.mark.parametrize("offering", HALF_CLOSED)
def test_muchAtOnce(patient: Server, offering: str) -> None:
    data = HALF_CLOSED[offering] * (5 if offering == "timestamp-line" else 20)
    with patient.connect(offering) as client:
        checkExchange(offering, data, exchange(client, data))


def test_stampsAreWhole(patient: Server) -> None:
    with patient.connect("timestamp-line") as client:
        answers = exchange(client, b"\n" * 50_000)
    assert re.fullmatch(rb"(?:%s\n){50000}" % CTIME, answers)


@pytest.mark.parametrize("offering", ["timestamp-line", "echo"])
def test_readerResumes(patient: Server, offering: str) -> None:
    with patient.connect(offering) as client:
        sent = _flood({client: FLOODS[offering]})[client]
        assert sent < MOST
        # The end comes behind all that has been sent.
        client.shutdown(socket.SHUT_WR)
        client.settimeout(ANSWER_SECONDS)
        answers = receiveRest(client)
    rest = answers if offering == "echo" else unstamped(answers)
    assert len(rest) == sent
