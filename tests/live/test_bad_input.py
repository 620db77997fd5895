"""After input of any kind every service still answers, and the counters are right."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.support.echo_client import (
    ABSENT,
    ACKNOWLEDGEMENT,
    BUFSIZ,
    WELCOME,
    ask,
    checkAnswers,
    checkExchange,
    checkStamped,
    exchange,
    receive,
    receiveRest,
    unstamped,
)
from tests.live.support.server import ANSWER_SECONDS, Server

STREAMS = (
    *("timestamp", "timestamp-line", "hello", "ack", "sink", "talk"),
    *("echo", "discard", "chargen", "daytime", "time"),
)

#: Those that read; the clocks say what they know, and close.
READING = STREAMS[:-2]

DATAGRAMS = ("timestamp", "hello", "sink", "echo", "discard", "daytime", "time")

#: Bytes: what fits into an IPv4 packet.
LARGEST_DATAGRAM = 65_507

#: Bytes: what is answered.
MAX_DATAGRAM = 512

MEGABYTE = 1_000_000

CONNECTIONS = 500


@contextlib.contextmanager
def _everything(folder: Path, limits: str) -> Iterator[Server]:
    config = folder / "limits.toml"
    config.write_text(f"udp-rate = 1000000\nudp-burst = 1000000\ntalk-linger = 0\n{limits}")
    listens = [f"{name}=tcp:0" for name in STREAMS[6:]]
    listens += [f"{name}=udp:0" for name in DATAGRAMS[3:]]
    options = [option for listen in listens for option in ("--listen", listen)]
    with Server(folder, "--config", str(config), *options, impatient=True) as serving:
        yield serving


@pytest.fixture(scope="module")
def shared(sharedFolder: Path) -> Iterator[Server]:
    with _everything(sharedFolder, "") as serving:
        yield serving


@pytest.fixture
def server(shared: Server) -> Server:
    shared.countAnew()
    return shared


@pytest.fixture
def hasty(folder: Path) -> Iterator[Server]:
    with _everything(folder, "idle-limit = 1\n") as serving:
        yield serving


@pytest.fixture
def chance() -> random.Random:
    return random.Random(21567)


def _insist(client: socket.socket, data: bytes) -> bytes:
    with contextlib.suppress(ConnectionError):
        return exchange(client, data)
    return b""


def _checkClosed(server: Server, accepted: int) -> None:
    for offering in STREAMS:
        server.counted(offering, accepted=accepted, open=0, refused=0, stalled=0, idle=0)


def test_randomBytes(server: Server, chance: random.Random) -> None:
    rounds, total = 5, 0
    for _ in range(rounds):
        data = chance.randbytes(chance.randrange(1, 8_000))
        total += len(data)
        for offering in STREAMS:
            with server.connect(offering) as client:
                answer = _insist(client, data)
            checkExchange(offering, data, answer)
    _checkClosed(server, rounds)
    for offering in READING:
        server.counted(offering, receivedBytes=total)
    checkAnswers(server)


def test_notUTF8(server: Server) -> None:
    bad = b"\xff\xfe\xc0\x80\xed\xa0\x80 \xf8\x88"
    written = r"\xff\xfe\xc0\x80\xed\xa0\x80 \xf8\x88"
    for offering in STREAMS:
        with server.connect(offering) as client:
            _insist(client, bad)
    with server.connect("ack") as client:
        peer = "{}:{}".format(*client.getsockname())
        for piece in (b"\xe4", b"\xbd", b"\xa0", b"\xe5\xa5\xbd"):
            client.send(piece)
            assert receive(client, len(ACKNOWLEDGEMENT)) == ACKNOWLEDGEMENT
        server.logged(f"客户端发来的消息是:你 [{peer}]")
        server.logged(f"客户端发来的消息是:好 [{peer}]")
    assert ask(server, "hello", bad) == b"Hello, " + bad + b"!"
    assert ask(server, "echo", bad) == bad
    checkStamped(ask(server, "timestamp", bad), bad)
    with server.connect("sink", "udp") as client:
        client.send(bad)
        server.logged(f"{written} [{client.getsockname()[0]}:{client.getsockname()[1]}]")
    assert server.logText().count(f"客户端发来的消息是:{written}") == 3
    checkAnswers(server)


def test_datagrams(server: Server, chance: random.Random) -> None:
    sizes = [1, MAX_DATAGRAM, MAX_DATAGRAM + 1, 1_500, 9_000, LARGEST_DATAGRAM]
    sizes += [chance.randrange(1, 2_000) for _ in range(60)]
    good = sum(size <= MAX_DATAGRAM for size in sizes)
    clocks = ("daytime", "time")
    others = 0
    for offering in DATAGRAMS:
        with server.connect(offering, "udp") as client:
            for size in sizes:
                data = chance.randbytes(size)
                client.send(data)
                if offering in ("sink", "discard"):
                    # When this is answered, what came before has been read.
                    ask(server, "timestamp", b"x")
                    others += 1
                    continue
                if size > MAX_DATAGRAM:
                    continue
                answer = client.recv(BUFSIZ)
                assert data in answer or offering in clocks
            client.send(b"")
            if offering in clocks:
                assert client.recv(BUFSIZ)
            client.settimeout(0)
            with pytest.raises(BlockingIOError):
                client.recv(BUFSIZ)
    sent = len(sizes) + 1
    for offering in ("timestamp", "hello", "echo"):
        bad = sent - good
        more = others if offering == "timestamp" else 0
        server.counted(
            offering, "udp", received=sent + more, answered=good + more, badSize=bad, overRate=0
        )
    for offering in clocks:
        bad = sent - good - 1
        server.counted(offering, "udp", received=sent, answered=good + 1, badSize=bad)
    for offering in ("sink", "discard"):
        server.counted(offering, "udp", received=sent, receivedBytes=sum(sizes), answered=0)
    checkAnswers(server)


def test_megabyte(server: Server) -> None:
    data = b"M" * MEGABYTE
    for offering in STREAMS:
        if offering == "talk":
            continue
        with server.connect(offering) as client:
            answer = _insist(client, data)
        if offering == "timestamp-line":
            assert answer == b"! line longer than 65536 bytes: not answered\n"
        else:
            checkExchange(offering, data, answer)
    for offering in READING:
        if offering != "talk":
            server.counted(offering, accepted=1, receivedBytes=MEGABYTE, open=0)
    server.counted("timestamp-line", overlong=1)
    checkAnswers(server)


def test_megabyteLineGoesOn(server: Server) -> None:
    with server.connect("timestamp-line") as client:
        client.sendall(b"m" * MEGABYTE + b"\nshort\n")
        refusal = b"! line longer than 65536 bytes: not answered\n"
        assert receive(client, len(refusal)) == refusal
        checkStamped(receive(client, 27 + 6), b"short\n")


def test_dropped(server: Server, chance: random.Random) -> None:
    services = [STREAMS[number % len(STREAMS)] for number in range(CONNECTIONS)]
    clients: list[socket.socket] = []
    for number, offering in enumerate(services):
        client = server.connect(offering)
        clients.append(client)
        if number % 3 == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 2 == 0:
            with contextlib.suppress(ConnectionError):
                client.send(b"half a word")
        if len(clients) == 100:
            chance.shuffle(clients)
            for opened in clients:
                opened.close()
            clients.clear()
    assert not clients
    for offering in STREAMS:
        server.counted(offering, accepted=services.count(offering), open=0, refused=0, idle=0)
    checkAnswers(server)


def test_halfClosed(server: Server) -> None:
    for offering in STREAMS:
        with server.connect(offering) as client:
            client.shutdown(socket.SHUT_WR)
            answer = receiveRest(client)
        if offering == "talk":
            assert answer.startswith(ABSENT)
        elif offering == "chargen":
            assert answer[:10] in (b"", b" !\"#$%&'()")
        elif offering in ("daytime", "time"):
            assert len(answer) == (26 if offering == "daytime" else 4)
        else:
            assert answer == (WELCOME if offering == "hello" else b"")
    _checkClosed(server, 1)
    checkAnswers(server)


def _floodTalk(server: Server) -> None:
    """Send to talk until the server stops reading, which it does after a bounded part."""
    with server.connect("talk") as client:
        assert client.recv(BUFSIZ).startswith(ABSENT)
        client.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 * MEGABYTE:
                sent += client.send(b"m" * 65_536)
        assert MEGABYTE < sent < 64 * MEGABYTE


def test_gone(hasty: Server) -> None:
    """Half a line, then a half-close, a close, a reset or silence: the limit cuts only the last."""
    _floodTalk(hasty)
    half = b"one line\nhalf \xe4\xbd"
    for ending in ("half", "close", "reset", "stop"):
        for offering in READING:
            with hasty.connect(offering, seconds=3 * ANSWER_SECONDS) as client:
                client.send(half)
                match ending:
                    case "half":
                        client.shutdown(socket.SHUT_WR)
                        answer = receiveRest(client)
                        if offering == "timestamp-line":
                            assert unstamped(answer) == half + b"\n"
                    case "reset":
                        once = struct.pack("ii", 1, 0)
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, once)
                    case "stop" if offering == "timestamp-line":
                        checkStamped(receive(client, 27 + 9), b"one line\n")
                        with contextlib.suppress(ConnectionResetError):
                            assert client.recv(BUFSIZ) == b""
    for offering in READING:
        if offering == "talk":
            hasty.counted(offering, accepted=5, open=0, refused=0)
        else:
            idle = int(offering == "timestamp-line")
            hasty.counted(offering, accepted=4, open=0, refused=0, stalled=0, idle=idle)
    assert hasty.counters("talk")["receivedBytes"] < 2 * MEGABYTE
    checkAnswers(hasty)
