"""The clients of the tutorials, blocking and without framing, against every service."""

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
    checkStream,
    checkTime,
    exchange,
    receive,
    receiveRest,
    stampTime,
)
from tests.live.support.server import ANSWER_SECONDS, Address, Server, until

LISTENS = [
    option
    for name in ("echo", "discard", "daytime", "time")
    for transport in ("tcp", "udp")
    for option in ("--listen", f"{name}={transport}:0")
] + ["--listen", "chargen=tcp:0"]

#: Bytes of a stamp of the default form.
STAMP = len("[Fri Nov 20 12:10:00 2026] ")


@pytest.fixture(scope="module")
def server(sharedFolder: Path) -> Iterator[Server]:
    with Server(sharedFolder, *LISTENS, impatient=True) as serving:
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
    typed = [line for line in TYPED if transport == "tcp" or len(line) <= 512]
    printed = client(server.address("timestamp", transport), [*typed, "", "never sent"])
    assert len(printed) == len(typed)
    for line, answer in zip(typed, printed, strict=True):
        assert answer[STAMP:] == line
        checkStamped(answer.encode(), line.encode())


def test_timestampUntouched(server: Server) -> None:
    everything = bytes(range(256))
    with server.connect("timestamp") as silent, server.connect("timestamp") as client:
        client.send(everything)
        checkStamped(receive(client, STAMP + 256), everything)
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(BUFSIZ)
    checkStamped(ask(server, "timestamp", everything), everything)


def test_helloTCP(server: Server) -> None:
    with server.connect("hello") as s:
        printed = [s.recv(1024).decode("utf-8")]
        for data in [b"Michael", b"Tracy", b"Sarah"]:
            s.send(data)
            printed.append(s.recv(1024).decode("utf-8"))
        s.send(b"exit")
        assert s.recv(1024) == b""
    assert printed == ["Welcome!", "Hello, Michael!", "Hello, Tracy!", "Hello, Sarah!"]


def test_helloUDP(server: Server) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(ANSWER_SECONDS)
        # Over UDP, exit is a name as any other.
        for data in [b"Michael", b"Tracy", b"Sarah", b"exit", b"world"]:
            s.sendto(data, server.address("hello", "udp").pair)
            assert s.recv(1024) == b"Hello, " + data + b"!"


def test_helloLines(server: Server) -> None:
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
    # The next client is served after the first has ended its connection.
    for last in ("再见一", "再见二"):
        with server.connect("ack") as client:
            peer = "{}:{}".format(*client.getsockname())
            for message in ("你好", last):
                client.send(message.encode("utf-8"))
                assert client.recv(1024).decode("utf-8") == "服务器已经收到你的信息"
                server.logged(f"客户端发来的消息是:{message} [{peer}]")
            client.send(b"exit")
            assert client.recv(1024) == b""


def test_ackLines(server: Server) -> None:
    with server.connect("ack") as client:
        client.sendall("你好\n".encode())
        wanted = ACKNOWLEDGEMENT + b"\n"
        assert receive(client, len(wanted)) == wanted


def test_sinkTogether(server: Server) -> None:
    together = threading.Barrier(6)
    sent: list[str] = []

    def client(number: int) -> None:
        with server.connect("sink") as connection:
            peer = "{}:{}".format(*connection.getsockname())
            together.wait(ANSWER_SECONDS)
            for word in ("早上好", "晚安"):
                text = f"{number}号: {word}"
                connection.send(text.encode("utf-8"))
                server.logged(f"客户端发来的消息是:{text} [{peer}]")
                sent.append(text)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(BUFSIZ) == b""

    threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * ANSWER_SECONDS)
    assert len(sent) == 12


def test_sinkUDP(server: Server) -> None:
    with server.connect("sink", "udp") as client:
        client.send("数据报\n".encode())
        peer = "{}:{}".format(*client.getsockname())
        server.logged(f"客户端发来的消息是:数据报 [{peer}]")


def test_sinkAnyLocale(folder: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with (
        Server(folder, "--services", "sink", environ=plain) as server,
        server.connect("sink") as client,
    ):
        client.send("你好".encode())
        server.logged("客户端发来的消息是:你好")


def test_sinkCannotForgeEntries(server: Server) -> None:
    with server.connect("sink") as client:
        client.send(b"one\n2026-01-01 two \x1b[31mred\r\n")
        server.logged("客户端发来的消息是:one\\n2026-01-01 two \\x1b[31mred [")


def test_talk(folder: Path) -> None:
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
    with server.connect("talk") as client:
        received = receive(client, len(ABSENT))
        assert received == ABSENT
        while not received.endswith(b"\n"):
            received += client.recv(1)
        client.send(b"hello?")
        client.send(b"anybody?")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_echo(server: Server) -> None:
    with server.connect("echo") as client:
        for data in (b"hello", bytes(range(256)), b"\n"):
            client.send(data)
            assert receive(client, len(data)) == data
    assert ask(server, "echo", b"\x00hello\xff") == b"\x00hello\xff"


def test_discard(server: Server) -> None:
    with server.connect("discard") as client:
        assert exchange(client, b"x" * 100_000) == b""
    with server.connect("discard", "udp") as client:
        client.send(b"12345")
    server.counted("discard", "tcp", receivedBytes=100_000)
    server.counted("discard", "udp", received=1, receivedBytes=5)


def test_chargen(server: Server) -> None:
    printable = bytes(range(0x20, 0x7F)) * 2
    pattern = b"".join(printable[n : n + 72] + b"\r\n" for n in range(95))
    with server.connect("chargen") as client:
        assert receive(client, 50 * len(pattern)) == 50 * pattern


def test_clocks(server: Server) -> None:
    with server.connect("daytime") as client:
        checkDaytime(receiveRest(client))
    with server.connect("time") as client:
        checkTime(receiveRest(client))
    checkDaytime(ask(server, "daytime", b""))
    checkTime(ask(server, "time", b""))


@pytest.mark.parametrize("size", [1, 2, 7, 1000], ids=lambda size: f"by {size}")
def test_timestampLine(server: Server, size: int) -> None:
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
    with server.connect("timestamp-line") as client:
        client.send(b"one\ntwo\nthr")
        assert receive(client, 2 * STAMP + 8).count(b"\n") == 2
        client.send(b"ee\n")
        checkStamped(receive(client, STAMP + 6), b"three\n")


needIPv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this host has no IPv6")


@needIPv6
def test_interfaceIPv6(start: Start) -> None:
    server = start("--interface", "::1", *LISTENS)
    assert {address.host for address in server.addresses} == {"::1"}
    checkAnswers(server)
    with server.connect("sink") as client:
        client.send(b"six")
        server.logged(f"客户端发来的消息是:six [[::1]:{client.getsockname()[1]}]")


@pytest.mark.parametrize(
    ("interface", "reached"),
    [pytest.param("::", ("127.0.0.1", "::1"), marks=needIPv6), ("0.0.0.0", ("127.0.0.1",))],
)
def test_interfaceAll(start: Start, interface: str, reached: tuple[str, ...]) -> None:
    server = start("--interface", interface)
    for transport in ("tcp", "udp"):
        bound = server.address("timestamp", transport)
        assert bound.host == interface
        for host in reached:
            with Address("timestamp", transport, host, bound.port).connect() as client:
                client.send(b"hello")
                checkStamped(client.recv(BUFSIZ), b"hello")


def test_unix(folder: Path) -> None:
    names = ("timestamp", "timestamp-line", "hello", "ack", "sink", "talk")
    paths = {name: folder / f"{name}.sock" for name in names}
    options = [word for name in names for word in ("--listen", f"{name}=unix:{paths[name]}")]
    with Server(folder, *options) as server:
        unix = {row.offering: row.path for row in server.addresses if row.transport == "unix"}
        assert unix == {name: str(path) for name, path in paths.items()}
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
    server = start("--stamp", form, "--listen", "daytime=tcp:0")
    with server.connect("timestamp") as client:
        client.send(b"hello")
        checkStamped(client.recv(BUFSIZ), b"hello", form)
        client.send(b"again")
        checkStamped(client.recv(BUFSIZ), b"again", form)
        moments = []
        for _ in range(20):
            client.send(b"x")
            moments.append(stampTime(client.recv(BUFSIZ)[:-1], form))
        assert moments == sorted(moments)
        assert 0 < moments[-1] - moments[0] < ANSWER_SECONDS
    checkStamped(ask(server, "timestamp", b"hello"), b"hello", form)
    with server.connect("timestamp-line") as client:
        client.send(b"hello\n")
        checkStamped(client.recv(BUFSIZ), b"hello\n", form)
    with server.connect("daytime") as client:
        checkDaytime(receiveRest(client))


def test_haproxy(folder: Path) -> None:
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
            assert _readToEndOrReset(client) == b""
        with server.connect("timestamp") as silent:
            assert _readToEndOrReset(silent) == b""
        server.counted("timestamp", unproxied=2, accepted=1, open=0)


@pytest.fixture(scope="module")
def secured(
    sharedFolder: Path, certificate: tuple[Path, Path]
) -> Iterator[tuple[Server, ssl.SSLContext]]:
    key, cert = certificate
    where = f"ssl:0:privateKey={key}:certKey={cert}"
    listens = [option for name in SECURED for option in ("--listen", f"{name}={where}")]
    limits = sharedFolder / "limits.toml"
    limits.write_text("talk-linger = 0")
    options = ("--config", str(limits), *listens)
    with Server(sharedFolder / "tls", *options, impatient=True) as server:
        yield server, ssl.create_default_context(cafile=str(cert))


SECURED = ("timestamp", "timestamp-line", "hello", "ack", "sink", "talk", "echo", "daytime")


@pytest.mark.parametrize("offering", SECURED)
def test_ssl(secured: tuple[Server, ssl.SSLContext], offering: str) -> None:
    server, context = secured
    with (
        server.connect(offering, seconds=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        checkStream(server, server.address(offering), client)
        if offering in ("hello", "ack"):
            client.send(b"exit")
            assert client.recv(BUFSIZ) == b""
        elif offering == "echo":
            data = bytes(range(256)) * 1000
            client.sendall(data)
            assert receive(client, len(data)) == data


def test_sslBadClients(secured: tuple[Server, ssl.SSLContext]) -> None:
    server, _ = secured
    for offering in SECURED:
        for data in (b"no TLS at all\r\n\r\n", b""):
            with server.connect(offering, seconds=5) as plain:
                plain.send(data)
                plain.shutdown(socket.SHUT_WR)
                assert not _readToEndOrReset(plain).startswith((WELCOME, ABSENT, b"["))

    def gone() -> bool:
        now = [server.counters(offering) for offering in SECURED]
        return all(row["tlsFailures"] == 1 and row["open"] == 0 for row in now)

    until(gone, lambda: f"the end of all of {[server.counters(name) for name in SECURED]}")


def _readToEndOrReset(client: socket.socket) -> bytes:
    try:
        return receiveRest(client)
    except ConnectionResetError:
        return b""


def test_severalListens(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
    server = start("--listen", f"hello=tcp:{first}", "--listen", f"hello=tcp:{second}")
    bound = [(row.transport, row.port) for row in server.addresses if row.offering == "hello"]
    # The first one replaces the default address over TCP, the others add to it.
    assert bound[:2] == [("tcp", first), ("tcp", second)]
    assert [transport for transport, _ in bound] == ["tcp", "tcp", "udp"]
    checkAnswers(server)
