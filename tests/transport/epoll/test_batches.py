"""What is answered in batches is what is answered one by one."""

from __future__ import annotations

import errno
import os
import random
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from twisted.internet.protocol import DatagramProtocol

from tests.support.epoll import ManualReactor
from tests.support.examples import tried
from tests.support.udp_ports import UDPPortCase
from tsservices.common.counters import DatagramCounters, StampCounters
from tsservices.common.limits import Limits
from tsservices.common.timestamps import TimestampFormatter
from tsservices.services.hello import HelloDatagramProtocol
from tsservices.services.rfc86x import EchoDatagramProtocol
from tsservices.services.stamp_reflector import reflecting
from tsservices.services.timestamp import TimestampDatagramProtocol
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.reflector import ReflectorConfig, SessionReflector
from tsservices.stamp.telemetry import EMPTY_FOLLOW_UP
from tsservices.testing import ManualClock, MemoryServer
from tsservices.transport.capabilities import ReceivedBatch
from tsservices.transport.context import DatagramContext
from tsservices.transport.datagram import ReplyingDatagramProtocol
from tsservices.transport.epoll import udp as fastudp
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.mmsg import findCalls
from tsservices.transport.timestamping import cmsg
from tsservices.transport.timestamping.udp import TimestampedUDPPort
from tsservices.transport.udp_guard import DropObserver, GuardPolicy

pytestmark = pytest.mark.skipif(isinstance(findCalls(), str), reason="no batches here")

#: Nanoseconds since 1970 at which everything happens.
NOW = 1_795_176_600_123_456_789

#: T3 and T2 in the answer of a reflector; the kernel takes T2.
T2 = slice(16, 24)


def timestamp(form: str, context: DatagramContext) -> TimestampDatagramProtocol:
    return TimestampDatagramProtocol(context, TimestampFormatter(form, lambda: NOW))


SERVICES: dict[str, Any] = {
    "ctime": lambda context: timestamp("ctime", context),
    "iso": lambda context: timestamp("iso", context),
    "hello": HelloDatagramProtocol,
    "echo": EchoDatagramProtocol,
    "stamp": lambda context: reflecting(context, ReflectorConfig(), lambda: NOW),
    "stamp, stateless": lambda context: reflecting(
        context, ReflectorConfig(stateful=False), lambda: NOW
    ),
}

#: Where the port is bound, and the address of it that each peer asks.
PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "IPv4": ("127.0.0.1", ("127.0.0.1",) * 3),
    "IPv6": ("::1", ("::1",) * 3),
    "all of IPv4": ("0.0.0.0", ("127.0.0.1", "127.0.0.2", "127.0.0.3")),
    "all": ("::", ("127.0.0.1", "::1", "127.0.0.2")),
}


def randomPacket(choose: random.Random) -> bytes:
    """Of a sender of STAMP: number, T1, error estimate and a SSID."""
    return choose.randbytes(14) + choose.choice((b"\0\0", b"\0\7")) + bytes(28)


def randomDatagram(choose: random.Random, simple: bool) -> bytes:
    if choose.random() < 0.5:
        return b"d" * 64
    if simple:
        return b"d" * choose.choices((64, 512, 0, 513, 600), (20, 20, 1, 1, 1))[0]
    kinds = (
        lambda: choose.randbytes(choose.randrange(600)),
        lambda: b"[Fri Nov 20 12:10:00 2026] again",
        lambda: b"[not one of ours",
        lambda: b"Hello, Hello, you!",
        lambda: b"Hello, you!",
        lambda: b"name" + choose.choice((b"\n", b"\r\n", b"")),
        lambda: choose.randbytes(4) + bytes(10) + bytes(choose.choice((0, 30, 30, 30, 70))),
    )
    return choose.choice(kinds)()


@dataclass
class Result:
    answers: list[list[bytes]]
    counters: dict[str, int]


def play(service: str, place: str, seed: int, batches: bool) -> Result:
    """A script of bursts by three peers, one of which may have a closed port."""
    trusting, trusted = seed % 4 != 0, ("127.0.0.1", "::1") if seed % 4 < 3 else ()
    choose = random.Random(seed)
    stamp = service.startswith("stamp")
    limits = Limits(udpBurst=20, udpRate=5, stampBurst=(40, 400)[seed % 2], stampRate=10)
    clock = ManualClock()
    server = MemoryServer(limits, trusted, clock)
    counters: Any = StampCounters() if stamp else DatagramCounters()
    context = replace(server.datagrams, counters=counters, policy=GuardPolicy(trusting=trusting))
    protocol = SERVICES[service](context)
    host, asked = PLACES[place]
    portClass = TimestampedUDPPort if stamp else FastUDPPort
    reactor = ManualReactor()
    port = portClass(0, protocol, host, 513, reactor)
    port.startListening()
    if not batches:
        port._batch = None
    answers: list[list[bytes]] = [[] for _ in asked]
    with ExitStack() as stack:
        peers = []
        for address in asked:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            peer = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            peer.connect((address, port.getHost().port))
            peer.setblocking(False)
            peers.append(peer)
        if choose.random() < 0.3:
            server.closedPorts.add(peers[2].getsockname()[1])
        for turn in range(6):
            # The first packets are those that may be answered together: there is no rate yet.
            simple = choose.random() < 0.5 or (stamp and turn == 0)
            asking = choose.choice((peers, [choose.choice(peers)]))
            for _ in range(choose.choice((1, 2, 5, 30, 90)[3 * (stamp and turn == 0) :])):
                packet = stamp and simple
                choose.choice(asking).send(
                    randomPacket(choose) if packet else randomDatagram(choose, simple)
                )
            port.doRead()
            for peer, received in zip(peers, answers, strict=True):
                received += receiveAll(peer, stamp)
            clock.advance(choose.choice((0, 0, 1, 30)))
            if choose.random() < 0.2:
                server.closedPorts.add(peers[1].getsockname()[1])
    port.stopListening()
    reactor.advance(0)
    return Result(answers, asdict(counters))


def receiveAll(peer: socket.socket, stamp: bool) -> list[bytes]:
    received: list[bytes] = []
    while True:
        try:
            answer = bytearray(peer.recv(2000))
        except BlockingIOError:
            return received
        if stamp:
            answer[T2] = bytes(8)
        received.append(bytes(answer))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("service", SERVICES)
def test_sameAsOneByOne(monkeypatch: pytest.MonkeyPatch, service: str, place: str) -> None:
    """The same answers in the same order, and the same counters."""
    monkeypatch.setattr(fastudp, "monotonic", lambda: 0.0)
    together: list[bool] = []
    reflectAll = SessionReflector.reflectAll

    def record(*arguments: Any) -> bool:
        together.append(reflectAll(*arguments))
        return together[-1]

    monkeypatch.setattr(SessionReflector, "reflectAll", record)
    first = int(os.environ.get("TSSERVICES_SCRIPT_SEED", "1"))
    for seed in range(first, first + tried(16)):
        results = [play(service, place, seed, batches) for batches in (False, True)]
        assert results[0] == results[1], f"seed {seed}"
    assert set(together) == ({False, True} if service.startswith("stamp") else set())


class Doubling(ReplyingDatagramProtocol):
    inBatches = True

    def __init__(self) -> None:
        super().__init__(replace(MemoryServer().datagrams, policy=GuardPolicy(trusting=True)))
        self.closing: Any = None

    def answer(self, datagram: bytes) -> bytes:
        if datagram == b"raise":
            raise ZeroDivisionError
        if datagram == b"close":
            self.closing.connectionLost()
        return datagram * 2


class BatchPortTests(UDPPortCase):
    portClass = FastUDPPort
    protocolClass = Doubling
    burst: ClassVar[list[bytes]] = [b"%d" % number for number in range(20)]

    def read(self, port: Any, datagrams: Sequence[bytes]) -> socket.socket:
        """All of them in one batch."""
        port._crowded = True
        return self.serve(port, *datagrams)

    def test_batch(self) -> None:
        port = self.listen()
        batches: list[ReceivedBatch] = []
        answer = port._batchReply

        def record(batch: ReceivedBatch, raised: Any) -> Any:
            batches.append(batch)
            return answer(batch, raised)

        port.answerBatchesWith(record)
        peer = self.read(port, self.burst)
        assert [peer.recv(10) for _ in self.burst] == [datagram * 2 for datagram in self.burst]
        assert len(batches) == 1

    def test_raises(self) -> None:
        """No other datagram of the batch is lost."""
        peer = self.read(self.listen(), [b"1", b"raise", b"2", b"raise"])
        assert [peer.recv(10), peer.recv(10)] == [b"11", b"22"]
        counters = self.protocol.counters
        assert (counters.received, counters.answered, counters.unsent) == (4, 2, 0)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 2

    def test_closedWhileAnswering(self) -> None:
        """Nothing is sent by a descriptor that may be another's by then."""
        port = self.listen()
        self.protocol.closing = port
        peer = self.read(port, [b"1", b"close", b"2"])
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(10)
        counters = self.protocol.counters
        assert (counters.answered, counters.unsent) == (0, 3)

    def test_tooLong(self) -> None:
        port = self.listen()
        self.patch(self.protocol, "answer", lambda datagram: datagram * 40_000)
        peer = self.read(port, [b"1", b"22", b"3"])
        assert [peer.recv(70_000)[:1] for _ in range(2)] == [b"1", b"3"]
        counters = self.protocol.counters
        assert (counters.answered, counters.unsent) == (2, 1)

    def test_receiveFails(self) -> None:
        """News of a peer is no reason to stop; what is unknown is raised."""
        port = self.listen()
        receive = port._batch.receive
        for number in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EINTR):
            results = [-number]
            self.patch(
                port._batch, "receive", lambda fd, left=results: left.pop() if left else receive(fd)
            )
            assert self.read(port, [b"a"]).recv(10) == b"aa"
        self.patch(port._batch, "receive", lambda fd: -errno.ENOTCONN)
        with pytest.raises(OSError, match=os.strerror(errno.ENOTCONN)):
            self.read(port, [b"a"])

    def test_refusedLater(self) -> None:
        """The port goes on one by one."""
        port = self.listen()
        self.patch(port._batch, "receive", lambda fd: -errno.ENOSYS)
        peer = self.read(port, self.burst)
        assert [peer.recv(10) for _ in self.burst] == [datagram * 2 for datagram in self.burst]
        assert port._batch is None

    def test_nested(self) -> None:
        """A port that is read while another one answers leaves the memory alone."""
        inner = self.start(self.portClass(0, Doubling(), "127.0.0.1", 8192, ManualReactor()))
        outer = self.listen()
        peer = self.peer(inner)
        answer: Any = self.protocol.answer

        def answerAndRead(datagram: bytes) -> Any:
            peer.send(b"inner")
            inner._crowded = True
            inner.doRead()
            return answer(datagram)

        self.patch(self.protocol, "answer", answerAndRead)
        assert outer._batch is inner._batch
        asking = self.read(outer, [b"1", b"2"])
        assert [asking.recv(10), asking.recv(10)] == [b"11", b"22"]
        assert [peer.recv(20), peer.recv(20)] == [b"innerinner"] * 2

    def test_lone(self) -> None:
        """What comes alone is answered by the cheaper calls, also after a crowd."""
        port = self.listen()
        self.serve(port, *self.burst)
        assert port._crowded
        self.serve(port, b"1")
        self.patch(port._batch, "receive", None)
        assert self.serve(port, b"2").recv(10) == b"22"

    def test_plainProtocol(self) -> None:
        """One that has not said so gets its datagrams one by one."""
        port = self.portClass(0, DatagramProtocol(), "127.0.0.1", 8192, ManualReactor())
        self.start(port)
        assert port._batch is None
        self.patch(Doubling, "inBatches", False)
        assert self.listen()._batch is None

    def test_withoutCalls(self) -> None:
        self.patch(fastudp, "sharedBatch", lambda family, size, controlBytes: None)
        peer = self.serve(self.listen(), *self.burst)
        assert [peer.recv(10) for _ in self.burst] == [datagram * 2 for datagram in self.burst]


class StampBatchTests(UDPPortCase):
    portClass = TimestampedUDPPort
    packets: ClassVar[list[bytes]] = [bytes([0, 0, 0, number]) + bytes(40) for number in range(20)]

    @staticmethod
    def protocolClass() -> Any:
        counters = StampCounters()
        context = replace(MemoryServer().datagrams, counters=counters)
        return reflecting(context, ReflectorConfig(), lambda: NOW)

    def answers(self, port: Any, packets: Sequence[bytes]) -> list[ReflectorPacket]:
        port._crowded = True
        peer = self.serve(port, *packets)
        peer.setblocking(False)
        return [ReflectorPacket.decode(answer) for answer in receiveAll(peer, False)]

    def test_order(self) -> None:
        """Numbers in the order in which the packets came."""
        port = self.listen()
        self.patch(port, "_serveEach", None)
        answers = self.answers(port, self.packets)
        assert [answer.senderSequence for answer in answers] == list(range(20))
        assert [answer.sequence for answer in answers] == list(range(20))
        assert {answer.sentAt(NOW) for answer in answers} == {NOW}
        assert {answer.senderTTL for answer in answers} == {64}

    def test_times(self) -> None:
        """T2 is the kernel's."""
        before = time.time_ns()
        answers = self.answers(self.listen(), self.packets)
        received = [answer.receivedAt(before) for answer in answers]
        assert received == sorted(received)
        assert before <= received[0]
        assert received[-1] <= time.time_ns()

    def test_twoSeconds(self) -> None:
        """Packets that came in different seconds are looked at one by one."""
        port = self.listen()
        columns = cmsg.ControlColumns([5] * 19 + [6], range(20), ["127.0.0.1"] * 20, bytes(20), ())
        together: list[Any] = []
        self.patch(port, "_stampedBatchReply", lambda *facts: together.append(facts))
        assert not port._serveTogether(SimpleNamespace(count=20), columns)
        assert together == []
        columns = columns._replace(seconds=[6] * 20)
        assert not port._serveTogether(SimpleNamespace(count=20), columns)
        assert len(together) == 1

    def test_unsent(self) -> None:
        """A refusal is news of an earlier packet."""
        port = self.listen()
        failures = [errno.EAGAIN, errno.ECONNREFUSED, errno.ENETUNREACH]
        self.patch(port._batch, "sendTimed", lambda *arguments: failures)
        assert self.answers(port, self.packets) == []
        counters = self.protocol.counters
        assert (counters.received, counters.answered, counters.unsent) == (20, 18, 2)

    def test_withoutKernel(self) -> None:
        """T2 is the time of the read, which is counted."""
        port = self.listen()
        port.socket.setsockopt(socket.SOL_SOCKET, cmsg.SO_TIMESTAMPNS, 0)
        before = time.time_ns()
        answers = self.answers(port, self.packets)
        assert len(answers) == self.protocol.counters.unstamped == 20
        assert all(answer.receivedAt(before) >= before for answer in answers)

    def test_longerControlMessages(self) -> None:
        """The kernel gives other ones after the first packet that asks when its reply left."""
        port = self.listen()
        following = SenderPacket(1, 0, 1, extensions=EMPTY_FOLLOW_UP).encode()
        for _ in range(2):
            assert len(self.answers(port, [*self.packets, following])) == 21
            assert len(self.answers(port, self.packets)) == 20

    def test_observed(self) -> None:
        """Where the log has each packet, each is looked at."""
        reports: list[Any] = []
        self.patch(
            DatagramContext,
            "dropObserver",
            lambda context: DropObserver(context.counters, lambda *report: reports.append(report)),
        )
        assert len(self.answers(self.listen(), self.packets)) == 20
        assert len(reports) == 20
