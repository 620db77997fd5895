"""What live tests ask of a server: stamps, conversations, and whether everything answers."""

from __future__ import annotations

import contextlib
import errno
import re
import selectors
import socket
import time
import uuid
from datetime import UTC, datetime

from tests.live.support.server import Address, Server
from tsservices.frontends.line.connection import GREETING
from tsservices.stamp.packets import ReflectorPacket

#: What tutorials read at once.
BUFSIZ = 1024

#: How far a stamp may be from the clock of a test: it shows that the time is the time, on a machine
#: that is busy too.
TOLERANCE_SECONDS = 30.0

#: The stamp of the default form.
CTIME = rb"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-3]\d \d\d:\d\d:\d\d \d{4}\] "

#: What the chat says to who connects.
CHAT_GREETING = f"* {GREETING}\n".encode()

#: The answer of talk when there is no operator.
ABSENT = b"! no operator is here"

#: What hello says to a new connection.
WELCOME = b"Welcome!"

#: What ack answers.
ACKNOWLEDGEMENT = "服务器已经收到你的信息".encode()


def stampTime(stamp: bytes, form: str) -> float:
    assert stamp[:1] == b"[", stamp
    assert stamp[-2:] == b"] ", stamp
    text = stamp[1:-2].decode("ascii")
    if form == "ctime":
        assert len(text) == 24, text
        return time.mktime(time.strptime(text, "%a %b %d %H:%M:%S %Y"))
    if form == "iso":
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return moment.timestamp()
    assert re.fullmatch("[0-9]{19}", text), text
    return int(text) / 1e9


def checkStamped(answer: bytes, data: bytes, form: str = "ctime") -> None:
    """Check that an answer is the data behind a stamp of this moment."""
    assert answer.endswith(data), (answer, data)
    moment = stampTime(answer[: len(answer) - len(data)], form)
    assert abs(moment - time.time()) < TOLERANCE_SECONDS, answer


def unstamped(answers: bytes) -> bytes:
    return re.sub(CTIME, b"", answers)


def receive(client: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (more := client.recv(count - len(got))):
        got += more
    return got


def receiveRest(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def exchange(client: socket.socket, data: bytes, seconds: float = 30.0) -> bytes:
    """Send and read at the same time; then close the sending half, and read to the end."""
    deadline = time.monotonic() + seconds
    view = memoryview(data)
    parts: list[bytes] = []
    client.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while True:
            events = selector.select(max(0.0, deadline - time.monotonic()))
            assert events, f"{len(view)} bytes unsent, {sum(map(len, parts))} received"
            for _, event in events:
                if event & selectors.EVENT_READ:
                    part = client.recv(1 << 20)
                    if not part:
                        return b"".join(parts)
                    parts.append(part)
                if event & selectors.EVENT_WRITE:
                    view = view[client.send(view[: 1 << 20]) :] if view else view
                    if not view:
                        _endSending(client)
                        selector.modify(client, selectors.EVENT_READ)


def _endSending(client: socket.socket) -> None:
    try:
        client.shutdown(socket.SHUT_WR)
    except OSError as reason:
        if reason.errno == errno.ENOTCONN:
            raise ConnectionResetError(*reason.args) from reason
        raise


def checkExchange(offering: str, data: bytes, answers: bytes) -> None:
    match offering:
        case "timestamp":
            assert unstamped(answers) == data
        case "timestamp-line":
            lines = data if data.endswith(b"\n") else data + b"\n"
            assert unstamped(answers) == lines
        case "hello":
            assert answers.startswith(WELCOME + b"Hello, ")
            for added in (WELCOME, b"Hello, ", b"!"):
                answers = answers.replace(added, b"")
            assert answers == data.replace(b"!", b"")
        case "ack":
            assert answers.startswith(ACKNOWLEDGEMENT)
            # A chunk that ends a line is acknowledged by a line.
            endings = answers.replace(ACKNOWLEDGEMENT, b"")
            assert endings.strip(b"\r\n") == b""
            assert not endings or b"\n" in data
        case "talk":
            assert answers.startswith(ABSENT)
        case "echo":
            assert answers == data
        case "sink" | "discard":
            assert answers == b""


def ask(server: Server, offering: str, data: bytes) -> bytes:
    with server.connect(offering, "udp") as client:
        client.send(data)
        return client.recv(65_535)


def checkAnswers(server: Server) -> None:
    """Check that every offering of a server answers."""
    for address in server.addresses:
        with address.connect() as client:
            if address.transport == "udp":
                _checkDatagrams(server, address, client)
            else:
                checkStream(server, address, client)


def checkStream(server: Server, address: Address, client: socket.socket) -> None:
    match address.offering:
        case "timestamp" | "timestamp-line":
            client.sendall(b"are you there?\n")
            checkStamped(receive(client, 27 + 15), b"are you there?\n")
        case "hello":
            assert receive(client, len(WELCOME)) == WELCOME
            client.sendall(b"you")
            assert receive(client, 11) == b"Hello, you!"
        case "ack":
            client.sendall(b"there?")
            assert receive(client, len(ACKNOWLEDGEMENT)) == ACKNOWLEDGEMENT
        case "talk":
            assert receive(client, len(ABSENT)) == ABSENT
        case "chat":
            assert receive(client, len(CHAT_GREETING)) == CHAT_GREETING
        case "irc":
            client.sendall(b"QUIT\r\n")
            assert receiveRest(client).startswith(b"ERROR :")
        case "http":
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert receiveRest(client).startswith(b"HTTP/1.1 200 ")
        case "sink":
            text = uuid.uuid4().hex
            client.sendall(text.encode())
            server.logged(text)
        case "echo":
            client.sendall(b"are you there?")
            assert receive(client, 14) == b"are you there?"
        case "discard":
            client.sendall(b"are you there?")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(BUFSIZ) == b""
        case "chargen":
            assert receive(client, 74) == bytes(range(32, 104)) + b"\r\n"
        case "daytime":
            checkDaytime(receiveRest(client))
        case "time":
            checkTime(receiveRest(client))
        case other:
            raise AssertionError(f"nobody knows how to ask {other}")


def _checkDatagrams(server: Server, address: Address, client: socket.socket) -> None:
    text = uuid.uuid4().hex.encode()
    client.send(text)
    match address.offering:
        case "timestamp":
            checkStamped(client.recv(BUFSIZ), text)
        case "hello":
            assert client.recv(BUFSIZ) == b"Hello, " + text + b"!"
        case "sink":
            server.logged(text.decode())
        case "echo":
            assert client.recv(BUFSIZ) == text
        case "discard":
            # Nothing can be seen of it but that the port is there.
            client.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                assert client.recv(BUFSIZ) == b"nothing comes from discard"
        case "daytime":
            checkDaytime(client.recv(BUFSIZ))
        case "time":
            checkTime(client.recv(BUFSIZ))
        case "stamp":
            # A short one from a trusted sender is taken for one of TWAMP Light.
            reply = ReflectorPacket.decode(client.recv(BUFSIZ), False)
            assert reply.senderSequence == int.from_bytes(text[:4], "big")
        case other:
            raise AssertionError(f"nobody knows how to ask {other}")


def checkDaytime(answer: bytes) -> None:
    assert answer.endswith(b"\r\n"), answer
    moment = stampTime(b"[" + answer[:-2] + b"] ", "ctime")
    assert abs(moment - time.time()) < TOLERANCE_SECONDS, answer


def checkTime(answer: bytes) -> None:
    assert len(answer) == 4, answer
    seconds = int.from_bytes(answer, "big") - 2_208_988_800
    # The field is 32 bits, which end in 2036.
    assert abs((seconds - time.time() + 2**31) % 2**32 - 2**31) < TOLERANCE_SECONDS, answer
