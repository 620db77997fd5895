"""
The clients of the tutorials, blocking and without framing, against every service.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import Start
from tests.live.support.echo_client import (
    ABSENT,
    ACKNOWLEDGEMENT,
    BUFSIZ,
    WELCOME,
    ask,
    checkAnswers,
    checkDaytime,
    checkStamped,
    checkTime,
    exchange,
    receive,
    receiveRest,
    stampTime,
)
from tests.live.support.server import ANSWER_SECONDS, Address, Server, until

SMALL = ("echo=tcp:0", "echo=udp:0", "discard=tcp:0", "discard=udp:0", "chargen=tcp:0")
CLOCKS = ("daytime=tcp:0", "daytime=udp:0", "time=tcp:0", "time=udp:0")

#: Bytes of a stamp of the default form.
STAMP = len("[Fri Nov 20 12:10:00 2026] ")


@pytest.fixture(scope="module")
def server(sharedFolder: Path) -> Iterator[Server]:
    listens = [word for each in (*SMALL, *CLOCKS) for word in ("--listen", each)]
    with Server(sharedFolder, *listens, impatient=True) as serving:
        yield serving


def tsTclnt(address: Address, lines: list[str]) -> list[str]:
    printed = []
    tcpCliSock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    tcpCliSock.settimeout(ANSWER_SECONDS)
    tcpCliSock.connect(address.pair)
    for data in lines:
        if not data:
            break
        tcpCliSock.send(data.encode("utf-8"))
        answer = tcpCliSock.recv(BUFSIZ)
        if not answer:
            break
        printed.append(answer.decode("utf-8"))
    tcpCliSock.close()
    return printed


def tsUclnt(address: Address, lines: list[str]) -> list[str]:
    printed = []
    udpCliSock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udpCliSock.settimeout(ANSWER_SECONDS)
    for data in lines:
        if not data:
            break
        udpCliSock.sendto(data.encode("utf-8"), address.pair)
        answer, sender = udpCliSock.recvfrom(BUFSIZ)
        assert sender == address.pair
        printed.append(answer.decode("utf-8"))
    udpCliSock.close()
    return printed


TYPED = ["hello", "hi there", "你好", "[brackets]", "x" * 900]


@pytest.mark.parametrize(("client", "transport"), [(tsTclnt, "tcp"), (tsUclnt, "udp")])
def test_timestamp(server: Server, client: type, transport: str) -> None:
    """Each bare chunk comes back behind 24 characters of local time in brackets."""
    typed = [line for line in TYPED if transport == "tcp" or len(line) <= 512]
    printed = client(server.address("timestamp", transport), [*typed, "", "never sent"])
    assert len(printed) == len(typed)
    for line, answer in zip(typed, printed, strict=True):
        assert answer[STAMP:] == line
        checkStamped(answer.encode(), line.encode())


def test_timestampUntouched(server: Server) -> None:
    """Bytes that are no text come back as they were, and who says nothing hears nothing."""
    everything = bytes(range(256))
    with server.connect("timestamp") as silent, server.connect("timestamp") as client:
        client.send(everything)
        checkStamped(receive(client, STAMP + 256), everything)
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(BUFSIZ)
    checkStamped(ask(server, "timestamp", everything), everything)


def test_helloTCP(server: Server) -> None:
    """Liao Xuefeng's client: a welcome, a hello for each name, and C{exit} ends."""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(ANSWER_SECONDS)
    s.connect(server.address("hello").pair)
    printed = [s.recv(1024).decode("utf-8")]
    for data in [b"Michael", b"Tracy", b"Sarah"]:
        s.send(data)
        printed.append(s.recv(1024).decode("utf-8"))
    s.send(b"exit")
    end = s.recv(1024)
    s.close()
    assert printed == ["Welcome!", "Hello, Michael!", "Hello, Tracy!", "Hello, Sarah!"]
    assert end == b""


def test_helloUDP(server: Server) -> None:
    """Liao Xuefeng's client over UDP, where C{exit} is a name as any other."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(ANSWER_SECONDS)
    printed = []
    for data in [b"Michael", b"Tracy", b"Sarah", b"exit", b"world"]:
        s.sendto(data, server.address("hello", "udp").pair)
        printed.append(s.recv(1024).decode("utf-8"))
    s.close()
    names = ("Michael", "Tracy", "Sarah", "exit", "world")
    assert printed == [f"Hello, {name}!" for name in names]


def test_helloLines(server: Server) -> None:
    """Who types lines, as with C{nc}, gets lines."""
    with server.connect("hello") as client:
        assert receive(client, 8) == WELCOME
        client.sendall(b"Ann\n")
        assert receive(client, 12) == b"Hello, Ann!\n"
        client.sendall(b"Bob\r\n")
        assert receive(client, 13) == b"Hello, Bob!\r\n"
        client.sendall(b"exit\n")
        assert client.recv(BUFSIZ) == b""
    assert ask(server, "hello", b"Ann\n") == b"Hello, Ann!\n"


def test_ack(server: Server) -> None:
    """
    Each Chinese message is logged with its sender and acknowledged; C{exit} ends the
    connection, and the next client is served.
    """
    for round_ in ("一", "二"):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(ANSWER_SECONDS)
        client.connect(server.address("ack").pair)
        peer = "{}:{}".format(*client.getsockname())
        answers = []
        for message in ("你好", f"再见{round_}"):
            client.send(message.encode("utf-8"))
            answers.append(client.recv(1024).decode("utf-8"))
        client.send(b"exit")
        end = client.recv(1024)
        client.close()
        assert answers == ["服务器已经收到你的信息"] * 2
        assert end == b""
        server.logged(f"客户端发来的消息是:你好 [{peer}]")
        server.logged(f"客户端发来的消息是:再见{round_} [{peer}]")


def test_ackLines(server: Server) -> None:
    """A line is acknowledged by a line."""
    with server.connect("ack") as client:
        client.sendall("你好\n".encode())
        wanted = ACKNOWLEDGEMENT + b"\n"
        assert receive(client, len(wanted)) == wanted


def test_sinkTogether(server: Server) -> None:
    """
    Several clients of the sink at once: each message is logged with its sender, and
    nothing is answered.
    """
    together = threading.Barrier(6)
    said: list[str] = []

    def client(number: int) -> None:
        with server.connect("sink") as connection:
            peer = "{}:{}".format(*connection.getsockname())
            together.wait(ANSWER_SECONDS)
            for word in ("早上好", "晚安"):
                text = f"{number}号: {word}"
                connection.send(text.encode("utf-8"))
                server.logged(f"客户端发来的消息是:{text} [{peer}]")
                said.append(text)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(BUFSIZ) == b""

    threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * ANSWER_SECONDS)
    assert len(said) == 12


def test_sinkUDP(server: Server) -> None:
    """The sink over UDP logs each datagram with its sender."""
    with server.connect("sink", "udp") as client:
        client.send("数据报\n".encode())
        peer = "{}:{}".format(*client.getsockname())
        server.logged(f"客户端发来的消息是:数据报 [{peer}]")


def test_sinkAnyLocale(folder: Path) -> None:
    """The log is UTF-8 where the locale is not."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with (
        Server(folder, "--services", "sink", environ=plain) as server,
        server.connect("sink") as client,
    ):
        client.send("你好".encode())
        server.logged("客户端发来的消息是:你好")


def test_sinkCannotForgeEntries(server: Server) -> None:
    """A line feed or an escape sequence in a message does not reach the log as such."""
    with server.connect("sink") as client:
        client.send(b"one\n2026-01-01 two \x1b[31mred\r\n")
        server.logged("客户端发来的消息是:one\\n2026-01-01 two \\x1b[31mred [")


def test_talk(folder: Path) -> None:
    """
    The tutorial's two-person chat: the operator types at the server, the client at
    its own terminal; both at any time, with bare text from the client.
    """
    with Server(folder, "--operator", "Jack", log=folder / "state" / "tsserver.log",
                stdin=subprocess.PIPE) as server:  # fmt: skip
        stdin = server.process.stdin
        assert stdin is not None
        with server.connect("talk") as client:
            client.send("你好, Jack".encode())
            _shown(server, "你好, Jack")
            stdin.write("你好!\n".encode())
            stdin.flush()
            assert client.recv(BUFSIZ).decode() == "你好!"
            for text in (b"two", b"in a row"):
                client.send(text)
                _shown(server, text.decode())
            for text in (b"and three\n", b"the other\n", b"way\n"):
                stdin.write(text)
            stdin.flush()
            assert receive(client, 20) == b"and threethe otherwa"
            assert receive(client, 1) == b"y"
            client.send(b"now a line\n")
            _shown(server, "now a line")
            stdin.write(b"gets a line\n")
            stdin.flush()
            assert receive(client, 12) == b"gets a line\n"


def _shown(server: Server, text: str) -> None:
    until(lambda: text in server.output(), lambda: f"{text!r} in {server.output()}")


def test_talkWithNobody(server: Server) -> None:
    """A client is told once that there is no operator."""
    with server.connect("talk") as client:
        told = receive(client, len(ABSENT))
        assert told == ABSENT
        while not told.endswith(b"\n"):
            told += client.recv(1)
        client.send(b"hello?")
        client.send(b"anybody?")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_echo(server: Server) -> None:
    """RFC 862, over TCP and UDP."""
    with server.connect("echo") as client:
        for data in (b"hello", bytes(range(256)), b"\n"):
            client.send(data)
            assert receive(client, len(data)) == data
    assert ask(server, "echo", b"\x00hello\xff") == b"\x00hello\xff"


def test_discard(server: Server) -> None:
    """RFC 863: all of it goes, and nothing comes."""
    with server.connect("discard") as client:
        assert exchange(client, b"x" * 100_000) == b""
    with server.connect("discard", "udp") as client:
        client.send(b"12345")
    server.counted("discard", "tcp", receivedBytes=100_000)
    server.counted("discard", "udp", received=1, receivedBytes=5)


def test_chargen(server: Server) -> None:
    """
    RFC 864: 95 lines of 72 characters, each beginning one character later, again
    and again, faster than one writes them.
    """
    printable = bytes(range(0x20, 0x7F)) * 2
    pattern = b"".join(printable[n : n + 72] + b"\r\n" for n in range(95))
    with server.connect("chargen") as client:
        assert receive(client, 50 * len(pattern)) == 50 * pattern


def test_clocks(server: Server) -> None:
    """RFC 867 and RFC 868: connecting, or an empty datagram, is the question."""
    with server.connect("daytime") as client:
        checkDaytime(receiveRest(client))
    with server.connect("time") as client:
        checkTime(receiveRest(client))
    checkDaytime(ask(server, "daytime", b""))
    checkTime(ask(server, "time", b""))


@pytest.mark.parametrize("size", [1, 2, 7, 1000], ids=lambda size: f"by {size}")
def test_timestampLine(server: Server, size: int) -> None:
    """
    Lines come back as lines, whether the network splits or merges them; the last
    one may be without an ending.
    """
    lines = [b"alpha", b"", b"beta\r", "γάμμα".encode(), b"\xff\x00", b"the last"]
    data = b"\n".join(lines)
    with server.connect("timestamp-line") as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            client.send(data[start : start + size])
        client.shutdown(socket.SHUT_WR)
        answers = receiveRest(client)
    assert answers[-1:] == b"\n"
    got = answers[:-1].split(b"\n")
    assert [line[STAMP:] for line in got] == lines
    for answer, line in zip(got, lines, strict=True):
        checkStamped(answer, line)


def test_timestampLineAtOnce(server: Server) -> None:
    """A line is answered when it ends, not when the connection does."""
    with server.connect("timestamp-line") as client:
        client.send(b"one\ntwo\nthr")
        assert receive(client, 2 * STAMP + 8).count(b"\n") == 2
        client.send(b"ee\n")
        checkStamped(receive(client, STAMP + 6), b"three\n")


needIPv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this host has no IPv6")


@needIPv6
def test_interfaceIPv6(start: Start) -> None:
    """C{--interface ::1}: every service answers over IPv6, also those of C{--listen}."""
    listens = [word for each in (*SMALL, *CLOCKS) for word in ("--listen", each)]
    server = start("--interface", "::1", *listens)
    assert {each.host for each in server.addresses} == {"::1"}
    checkAnswers(server)
    with server.connect("sink") as client:
        client.send(b"six")
        server.logged(f"客户端发来的消息是:six [[::1]:{client.getsockname()[1]}]")


@needIPv6
def test_interfaceDual(start: Start) -> None:
    """C{--interface ::}: both families reach every service."""
    server = start("--interface", "::")
    for transport in ("tcp", "udp"):
        place = server.address("timestamp", transport)
        assert place.host == "::"
        for host in ("127.0.0.1", "::1"):
            reached = Address("timestamp", transport, host, place.port)
            with reached.connect() as client:
                client.send(b"hello")
                checkStamped(client.recv(BUFSIZ), b"hello")


def test_interfaceAll(start: Start) -> None:
    """C{--interface 0.0.0.0}, which every IPv4 address of the host is part of."""
    server = start("--interface", "0.0.0.0")
    for transport in ("tcp", "udp"):
        place = server.address("timestamp", transport)
        assert place.host == "0.0.0.0"
        with Address("timestamp", transport, "127.0.0.1", place.port).connect() as client:
            client.send(b"hello")
            checkStamped(client.recv(BUFSIZ), b"hello")


def test_unix(folder: Path) -> None:
    """
    UNIX sockets: the same services; the socket's file is gone after the stop, and
    one that a killed server left is taken over.
    """
    names = ("timestamp", "timestamp-line", "hello", "ack", "sink", "talk")
    paths = {name: folder / f"{name}.sock" for name in names}
    options = [word for name in names for word in ("--listen", f"{name}=unix:{paths[name]}")]
    with Server(folder, *options) as server:
        unix = {each.offering: each for each in server.addresses if each.transport == "unix"}
        assert {name: each.path for name, each in unix.items()} == {
            name: str(path) for name, path in paths.items()
        }
        checkAnswers(server)
        with server.connect("timestamp", "unix") as client:
            client.send(b"hello")
            checkStamped(client.recv(BUFSIZ), b"hello")
        server.kill()
    assert paths["timestamp"].exists()
    with Server(folder, *options) as server:
        checkAnswers(server)
    assert not any(path.exists() for path in paths.values())


@pytest.mark.parametrize("form", ["iso", "epoch-ns"])
def test_stampForms(start: Start, form: str) -> None:
    """C{--stamp} changes the form for TCP, UDP and lines, and only the stamp's."""
    server = start("--stamp", form, "--listen", "daytime=tcp:0")
    with server.connect("timestamp") as client:
        client.send(b"hello")
        checkStamped(client.recv(BUFSIZ), b"hello", form)
        client.send(b"again")
        checkStamped(client.recv(BUFSIZ), b"again", form)
    checkStamped(ask(server, "timestamp", b"hello"), b"hello", form)
    with server.connect("timestamp-line") as client:
        client.send(b"hello\n")
        checkStamped(client.recv(BUFSIZ), b"hello\n", form)
    with server.connect("daytime") as client:
        checkDaytime(receiveRest(client))


def test_stampResolution(start: Start) -> None:
    """The form C{epoch-ns} tells times less than a second apart from each other."""
    server = start("--stamp", "epoch-ns")
    with server.connect("timestamp") as client:
        moments = []
        for _ in range(20):
            client.send(b"x")
            moments.append(stampTime(client.recv(BUFSIZ)[:-1], "epoch-ns"))
    assert moments == sorted(moments)
    assert 0 < moments[-1] - moments[0] < ANSWER_SECONDS


def test_haproxy(folder: Path) -> None:
    """
    Behind a proxy: the header names the client, in the log too, in one piece or in
    several; a connection without one is closed, and so is one that stays silent.
    """
    config = folder / "limits.toml"
    config.write_text("proxy-limit = 1\n")
    options = ["--listen", "timestamp=haproxy:tcp:0", "--listen", "sink=haproxy:tcp:0"]
    header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"
    with Server(folder, "--config", str(config), *options, impatient=True) as server:
        with server.connect("timestamp") as client:
            client.send(header + b"hello")
            checkStamped(client.recv(BUFSIZ), b"hello")
            client.send(b"again")
            checkStamped(client.recv(BUFSIZ), b"again")
            client.send(b"last")
            client.shutdown(socket.SHUT_WR)
            checkStamped(receiveRest(client), b"last")
        with server.connect("sink") as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The first piece has to show that it is a header.
            for start in range(0, len(header), 8):
                client.send(header[start : start + 8])
            client.send("代理".encode())
            server.logged("客户端发来的消息是:代理 [192.0.2.7:4711]")
        with server.connect("timestamp") as client:
            client.send(b"hello, there is no header here\r\n" * 5)
            assert _closes(client)
        with server.connect("timestamp") as silent:
            assert _closes(silent)
        server.counted("timestamp", unproxied=2, accepted=1, open=0)


def _closes(client: socket.socket) -> bool:
    try:
        return client.recv(BUFSIZ) == b""
    except ConnectionResetError:
        return True


@pytest.fixture(scope="module")
def secured(
    sharedFolder: Path, certificate: tuple[Path, Path]
) -> Iterator[tuple[Server, ssl.SSLContext]]:
    key, cert = certificate
    where = f"ssl:0:privateKey={key}:certKey={cert}"
    words = [word for name in SECURED for word in ("--listen", f"{name}={where}")]
    limits = sharedFolder / "limits.toml"
    limits.write_text("talk-linger = 0")
    options = ("--config", str(limits), *words)
    with Server(sharedFolder / "tls", *options, impatient=True) as server:
        yield server, ssl.create_default_context(cafile=str(cert))


SECURED = ("timestamp", "timestamp-line", "hello", "ack", "sink", "talk", "echo", "daytime")


@pytest.mark.parametrize("offering", SECURED)
def test_ssl(secured: tuple[Server, ssl.SSLContext], offering: str) -> None:
    """C{ssl:} serves the same over TLS."""
    server, context = secured
    with (
        server.connect(offering, seconds=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        match offering:
            case "timestamp" | "timestamp-line":
                client.send(b"hello\n")
                checkStamped(receive(client, STAMP + 6), b"hello\n")
            case "hello":
                assert client.recv(BUFSIZ) == WELCOME
                client.send(b"Michael")
                assert client.recv(BUFSIZ) == b"Hello, Michael!"
                client.send(b"exit")
                assert client.recv(BUFSIZ) == b""
            case "ack":
                client.send("你好".encode())
                assert client.recv(BUFSIZ) == ACKNOWLEDGEMENT
                client.send(b"exit")
                assert client.recv(BUFSIZ) == b""
            case "sink":
                client.send("秘密".encode())
                server.logged("客户端发来的消息是:秘密")
            case "talk":
                assert client.recv(BUFSIZ).startswith(ABSENT)
            case "echo":
                data = bytes(range(256)) * 1000
                client.sendall(data)
                assert receive(client, len(data)) == data
            case "daytime":
                checkDaytime(receiveRest(client))


def test_sslStrangers(secured: tuple[Server, ssl.SSLContext]) -> None:
    """Clients that speak no TLS, or go at once, are gone, and leave no connection behind."""
    server, _ = secured
    counters = {offering: server.counters(offering) for offering in SECURED}
    for offering in SECURED:
        for data in (b"no TLS at all\r\n\r\n", b""):
            with server.connect(offering, seconds=5) as plain:
                plain.send(data)
                plain.shutdown(socket.SHUT_WR)
                assert not _restOrReset(plain).startswith((WELCOME, ABSENT, b"["))

    def gone() -> bool:
        now = {offering: server.counters(offering) for offering in SECURED}
        return all(
            now[each]["accepted"] >= counters[each]["accepted"] + 2 and now[each]["open"] == 0
            for each in SECURED
        )

    until(gone, lambda: f"the end of all of {[server.counters(each) for each in SECURED]}")


def _restOrReset(client: socket.socket) -> bytes:
    try:
        return receiveRest(client)
    except ConnectionResetError:
        return b""


def test_severalPlaces(start: Start) -> None:
    """The first place that is named replaces the default one, the others add to it."""
    first, second = _freePorts(2)
    server = start("--listen", f"hello=tcp:{first}", "--listen", f"hello=tcp:{second}")
    places = [each for each in server.addresses if each.offering == "hello"]
    assert [(each.transport, each.port) for each in places][:2] == [("tcp", first), ("tcp", second)]
    assert [each.transport for each in places] == ["tcp", "tcp", "udp"]
    checkAnswers(server)


def _freePorts(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
