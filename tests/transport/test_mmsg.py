"""Tests for L{tsservices.transport.mmsg}, with the kernel and with calls that fail."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from tsservices.common.structs import Table
from tsservices.transport import mmsg
from tsservices.transport.mmsg import (
    ANSWER_BYTES,
    BATCH_BYTES,
    BATCH_DATAGRAMS,
    TIMED_DATAGRAMS,
    Calls,
    DatagramBatch,
    findCalls,
    joinControl,
    splitControl,
)
from tsservices.transport.wildcard import CONTROL_BYTES, answerControl, askDestinations

found = findCalls()
needsCalls = pytest.mark.skipif(isinstance(found, str), reason=f"no such calls: {found}")

FAMILIES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


class Wire:
    """A socket that is read in batches, and a peer that is connected to it."""

    def __init__(self, family: int, host: str, size: int = 100, controlBytes: int = 0) -> None:
        calls = findCalls()
        assert isinstance(calls, Calls)
        self.batch = DatagramBatch(calls, family, size, controlBytes)
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.number = self.socket.fileno()
        self.peer = socket.socket(family, socket.SOCK_DGRAM)
        self.peer.connect((host, self.socket.getsockname()[1]))
        self.peer.setblocking(False)

    def receive(self, *datagrams: bytes) -> int:
        for datagram in datagrams:
            self.peer.send(datagram)
        return self.batch.receive(self.number)

    def answers(self) -> list[bytes]:
        received = []
        while True:
            try:
                received.append(self.peer.recv(70_000))
            except BlockingIOError:
                return received

    def close(self) -> None:
        self.socket.close()
        self.peer.close()


@pytest.fixture(params=FAMILIES, ids=["IPv4", "IPv6"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    made = Wire(*request.param)
    yield made
    made.close()


@needsCalls
class TestDatagramBatch:
    def test_receive(self, wire: Wire) -> None:
        sent = [b"", b"one", b"x" * 100, b"y" * 101]
        assert wire.receive(*sent) == 4
        assert wire.batch.lengths() == [0, 3, 100, 100]
        assert wire.batch.datagrams() == [b"", b"one", b"x" * 100, b"y" * 100]
        assert wire.batch.firstOctets()[1:] == b"oxy"
        assert len(set(wire.batch.sources())) == 1

    @pytest.mark.parametrize("length", [0, 64, 100])
    def test_oneLength(self, wire: Wire, length: int) -> None:
        sent = [bytes([number]) * length for number in range(20)]
        assert wire.receive(*sent) == 20
        assert wire.batch.datagrams() == sent

    def test_nothing(self, wire: Wire) -> None:
        assert wire.receive() == -errno.EAGAIN
        assert wire.batch.count == 0
        assert wire.batch.receive(-1) == -errno.EBADF

    def test_moreThanABatch(self, wire: Wire) -> None:
        assert wire.receive(*[b"x"] * (BATCH_DATAGRAMS + 1)) == BATCH_DATAGRAMS
        assert wire.receive() == 1

    def test_prefixes(self, wire: Wire) -> None:
        texts = (b"[first] ", b"", b"[another] ", b"[first] ")
        for prefix in (*texts, b"x" * 64, b"x" * 65, b"y" * 2000):
            for lengths in ([3, 3, 3], [1], [1, 0, 100], [1, 1], [3, 3]):
                sent = [b"d" * length for length in lengths]
                wire.receive(*sent)
                assert wire.batch.sendPrefixed(wire.number, prefix) == []
                assert wire.answers() == [prefix + datagram for datagram in sent]

    def test_answers(self, wire: Wire) -> None:
        wire.receive(*[b"d"] * 4)
        assert wire.batch.sendAnswers(wire.number, [b"a", None, b"", b"b" * 5000]) == []
        assert wire.answers() == [b"a", b"", b"b" * 5000]
        wire.receive(b"same", b"memory")
        wire.batch.sendPrefixed(wire.number, b"> ")
        assert wire.answers() == [b"> same", b"> memory"]

    def test_timedAnswers(self, wire: Wire) -> None:
        """Of one length, with what is written just before they are sent."""
        count = TIMED_DATAGRAMS + 3
        for length in (8, 12, 8):
            wire.receive(*[b"abcd"] * count)
            answers = wire.batch.replyBuffers(length)
            answers.column("I", 0)[:count] = wire.batch.received.column("I", 0)[:count]
            groups: list[Any] = []

            def depart(
                first: int, end: int, answers: Table = answers, groups: list[Any] = groups
            ) -> None:
                groups.append((first, end))
                for slot in range(first, end):
                    answers.column("B", 4)[slot] = slot

            errors = wire.batch.sendTimed(wire.number, depart, partial(groups.append, "sent"))
            assert errors == []
            expected = [(b"abcd" + bytes([slot])).ljust(length, b"\0") for slot in range(count)]
            assert wire.answers() == expected
            assert groups == [(0, TIMED_DATAGRAMS), "sent", (TIMED_DATAGRAMS, count), "sent"]
            assert wire.batch.replyBuffers(length) is answers

    def test_timedBesideOthers(self, wire: Wire) -> None:
        """Each kind of answer lays out the memory for itself."""

        def timed() -> None:
            wire.batch.replyBuffers(4).column("B", 1)[:2] = memoryview(b"tt")
            wire.batch.sendTimed(wire.number, lambda first, end: None, lambda: None)

        kinds = {
            b"\0t\0\0": timed,
            b"> a": lambda: wire.batch.sendPrefixed(wire.number, b"> "),
            b"other answer": lambda: wire.batch.sendAnswers(wire.number, [b"other answer"] * 2),
            b"x" * 60_000: lambda: wire.batch.sendAnswers(wire.number, [b"x" * 60_000, None]),
        }
        for first in kinds:
            for second in kinds:
                for expected in (first, second):
                    wire.receive(b"a", b"a")
                    kinds[expected]()
                    assert set(wire.answers()) == {expected}

    def test_timedFails(self, wire: Wire) -> None:
        """The others are sent all the same, and the end is reported."""
        ended: list[None] = []
        wire.receive(*[b"d"] * 3)
        wire.batch.replyBuffers(4)
        closed = os.dup(wire.number)
        os.close(closed)
        errors = wire.batch.sendTimed(closed, lambda first, end: None, lambda: ended.append(None))
        assert errors == [errno.EBADF] * 3
        assert ended == [None]

    @pytest.mark.parametrize("failing", [0, 1, 3])
    @pytest.mark.parametrize("length", [65_508, ANSWER_BYTES + 1])
    def test_oneFails(self, wire: Wire, failing: int, length: int) -> None:
        """The others are sent all the same."""
        answers: list[bytes | None] = [b"%d" % number for number in range(4)]
        expected = [answer for answer in answers if answer != b"%d" % failing]
        answers[failing] = b"x" * (length + 20 * (wire.socket.family == socket.AF_INET6))
        wire.receive(*[b"d"] * 4)
        assert wire.batch.sendAnswers(wire.number, answers) == [errno.EMSGSIZE]
        assert wire.answers() == expected

    def test_moreThanTheMemory(self, wire: Wire) -> None:
        wire.receive(*[b"d"] * 6)
        answers = [b"x" * 60_000, None, *[b"y" * 60_000] * 4]
        # The peer's buffer has no room for all.
        assert wire.batch.sendAnswers(wire.number, answers) == []
        assert wire.answers()[0] == b"x" * 60_000

    def test_answersGoToTheirSources(self, wire: Wire) -> None:
        others = [socket.socket(wire.socket.family, socket.SOCK_DGRAM) for _ in range(3)]
        for number, other in enumerate(others):
            other.connect(wire.socket.getsockname())
            other.settimeout(5)
            other.send(b"%d" % number)
        wire.receive(b"peer")
        wire.batch.sendPrefixed(wire.number, b"for ")
        for number, other in enumerate(others):
            assert other.recv(10) == b"for %d" % number
            other.close()
        assert wire.answers() == [b"for peer"]


@needsCalls
@pytest.mark.parametrize("size", [1, 513, 8193, 65_536])
def test_memoryIsBounded(size: int) -> None:
    wire = Wire(*FAMILIES[0], size=size)
    assert 1 <= wire.batch.slots <= BATCH_DATAGRAMS
    assert wire.batch.slots * size <= BATCH_BYTES
    longest = b"x" * 65_507
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    assert wire.receive(longest, longest) in (1, 2)
    assert wire.batch.datagrams()[0] == longest[:size]
    wire.close()


#: What the fake of sendmmsg returns at each call for four answers, an error as a negative number;
#: which answers it has taken, and the errors.
SEND_SCRIPTS = [
    ([4], [0, 1, 2, 3], []),
    ([2, 2], [0, 1, 2, 3], []),
    ([1, -errno.EAGAIN, 2], [0, 2, 3], [errno.EAGAIN]),
    ([2, -errno.EAGAIN, -errno.EAGAIN], [0, 1], [errno.EAGAIN] * 2),
    ([-errno.EPERM, 3], [1, 2, 3], [errno.EPERM]),
    ([-errno.EINTR, 4], [0, 1, 2, 3], []),
    ([3, -errno.ENOBUFS], [0, 1, 2], [errno.ENOBUFS]),
    ([-errno.ECONNREFUSED, 3], [1, 2, 3], [errno.ECONNREFUSED]),
    ([-errno.EINVAL] * 4, [], [errno.EINVAL] * 4),
]


@needsCalls
@pytest.mark.parametrize(("results", "taken", "errors"), SEND_SCRIPTS)
def test_sendFails(results: list[int], taken: list[int], errors: list[int]) -> None:
    """An answer that fails is skipped, and no other one."""
    wire = Wire(*FAMILIES[0])
    wire.receive(*[b"d"] * 4)
    slots: list[int] = []
    left = list(results)
    headers = [header.value for header in wire.batch._outHeaders]

    def sendmmsg(number: Any, header: Any, count: Any, flags: Any) -> int:
        result = left.pop(0)
        if result < 0:
            ctypes.set_errno(-result)
            return -1
        first = headers.index(header.value)
        slots.extend(range(first, first + result))
        return result

    wire.batch._send = sendmmsg
    assert wire.batch.sendAnswers(wire.number, [b"a"] * 4) == errors
    assert (slots, left) == (taken, [])
    wire.close()


MESSAGES = [
    (socket.SOL_SOCKET, 35, bytes(range(16))),
    (socket.IPPROTO_IP, 8, bytes(range(12))),
    (socket.IPPROTO_IP, 1, b"\x42"),
    (socket.IPPROTO_IPV6, 50, bytes(range(20))),
]


class TestControl:
    def test_joinAndSplit(self) -> None:
        assert splitControl(joinControl(MESSAGES)) == MESSAGES
        assert splitControl(b"") == []

    def test_cutOff(self) -> None:
        """What was cut off is left out, and no more."""
        control = joinControl(MESSAGES)
        seen = [splitControl(control[:length]) for length in range(len(control) + 1)]
        for messages in seen:
            assert messages == MESSAGES[: len(messages)]
        assert [len(messages) for messages in seen] == sorted(len(messages) for messages in seen)

    def test_lengthZero(self) -> None:
        assert splitControl(bytes(64)) == []
        assert splitControl(b"\xff" * 64) == []


@needsCalls
class TestControlsOfBatches:
    @pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "0.0.0.0"), (10, "::")])
    def test_answersFromTheAskedAddress(self, family: int, host: str) -> None:
        wire = Wire(family, host, controlBytes=CONTROL_BYTES)
        askDestinations(wire.socket)
        port = wire.socket.getsockname()[1]
        asked = ["127.0.0.2", "127.0.0.1", "127.0.0.3"] + ["::1"] * (host == "::")
        peers = []
        for address in asked:
            peers.append(socket.socket(10 if ":" in address else 2, socket.SOCK_DGRAM))
            peers[-1].connect((address, port))
            peers[-1].settimeout(5)
        for _ in range(3):
            for peer in peers:
                peer.send(b"x")
            assert wire.receive() == len(peers)
            controls = [
                joinControl(answerControl(splitControl(raw))) for raw in wire.batch.controls()
            ]
            wire.batch.sendFrom(controls)
            assert wire.batch.sendAnswers(wire.number, [b"answer"] * len(peers)) == []
            # A connected socket sees no answer from another address.
            assert [peer.recv(10) for peer in peers] == [b"answer"] * len(peers)
        for peer in peers:
            peer.close()
        wire.close()

    @pytest.mark.parametrize("room", [8, 16, 24, 27])
    def test_noRoom(self, room: int) -> None:
        wire = Wire(*FAMILIES[0], controlBytes=room)
        askDestinations(wire.socket)
        for _ in range(2):
            assert wire.receive(b"a", b"b") == 2
            assert wire.batch.datagrams() == [b"a", b"b"]
            assert [splitControl(control) for control in wire.batch.controls()] == [[], []]
            assert not wire.batch.controlsAreOf(room)
        wire.close()


class FakeLibrary:
    """A C library whose calls return what a test says."""

    def __init__(self, **errors: int) -> None:
        for name, error in errors.items():
            setattr(self, name, lambda *arguments, error=error: self.fail(error))

    def fail(self, error: int) -> int:
        ctypes.set_errno(error)
        return -1 if error else 0


LIBRARIES = [
    (FakeLibrary(), "not in the C library"),
    (FakeLibrary(recvmmsg=errno.ENOSYS, sendmmsg=0), "recvmmsg is refused"),
    (FakeLibrary(recvmmsg=errno.EPERM, sendmmsg=0), "recvmmsg is refused"),
    (FakeLibrary(recvmmsg=errno.EAGAIN, sendmmsg=errno.EPERM), "sendmmsg is refused"),
    (FakeLibrary(recvmmsg=errno.EAGAIN, sendmmsg=0), None),
]


@needsCalls
class TestLoadCalls:
    @pytest.mark.parametrize(("library", "reason"), LIBRARIES)
    def test_library(
        self, monkeypatch: pytest.MonkeyPatch, library: FakeLibrary, reason: str | None
    ) -> None:
        monkeypatch.setattr(ctypes, "CDLL", lambda name, use_errno: library)
        if reason is None:
            assert mmsg.loadCalls().recvmmsg is library.recvmmsg  # type: ignore[attr-defined]
        else:
            with pytest.raises(OSError, match=reason):
                mmsg.loadCalls()

    def test_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mmsg, "sys", SimpleNamespace(platform="darwin"))
        with pytest.raises(OSError, match="not 64-bit Linux"):
            mmsg.loadCalls()

    def test_withoutCtypes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mmsg, "ctypes", None)
        with pytest.raises(OSError, match="not 64-bit Linux"):
            mmsg.loadCalls()

    def test_otherLibrary(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def confstr(name: str) -> str:
            raise ValueError("unrecognized configuration name")

        monkeypatch.setattr(os, "confstr", confstr)
        with pytest.raises(OSError, match="not in the C library"):
            mmsg.loadCalls()


#: Refuses recvmmsg and sendmmsg to the process, by a filter of system calls of x86-64, and answers.
FILTERED = """
import ctypes, socket, struct, sys
rules = [
    (0x20, 0, 0, 0),  # the number of the call
    (0x15, 1, 0, 299), (0x15, 0, 1, 307), (0x06, 0, 0, 0x00050000 | int(sys.argv[1])),
    (0x06, 0, 0, 0x7FFF0000),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(code)))
library = ctypes.CDLL(None, use_errno=True)
assert library.prctl(38, 1, 0, 0, 0) == 0
assert library.prctl(22, 2, program) == 0
from tests.support.epoll import ManualReactor
from tsservices.services.hello import HelloDatagramProtocol
from tsservices.testing import MemoryServer
from tsservices.common.structs import Table
from tsservices.transport import mmsg
from tsservices.transport.epoll.udp import FastUDPPort
protocol = HelloDatagramProtocol(MemoryServer().datagrams)
port = FastUDPPort(0, protocol, "127.0.0.1", 513, ManualReactor())
port.startListening()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
    peer.connect(port.socket.getsockname())
    for _ in range(8):
        peer.send(b"you")
    port.doRead()
    print(mmsg.findCalls(), *{peer.recv(20) for _ in range(8)})
"""


@needsCalls
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls of x86-64")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_seccomp(number: int) -> None:
    """Datagrams are answered one by one where a filter refuses the calls."""
    command = [sys.executable, "-c", FILTERED, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == f"[Errno {number}] recvmmsg is refused b'Hello, you!'\n", done.stderr
