"""Tests for answers that the fast lane sends in place of a protocol, and for its short reads."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from dataclasses import replace

from twisted.internet.error import ConnectionDone, ConnectionLost

from tests.support.epoll import EpollCase, Recorder, receiveAll
from tests.support.services import SuiteServer
from tests.support.udp_ports import UDPPortCase
from tsservices.common.counters import DatagramCounters, StreamCounters
from tsservices.server.registry import BY_NAME
from tsservices.services.timestamp import TimestampProtocol
from tsservices.testing import MemoryServer
from tsservices.transport.capabilities import LONG_ANSWER, RoundObserver
from tsservices.transport.datagram import ReplyingDatagramProtocol
from tsservices.transport.epoll.interfaces import BULK_READ, SHORT_READ
from tsservices.transport.epoll.tcp import FastTCPServer
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.udp_guard import DatagramGuard

BIG = 1 << 22


#: Milliseconds to wait for what has been sent.
PATIENCE_MILLISECONDS = 10_000


class Rounds:
    def __init__(self) -> None:
        self.events: list[str] = []

    def roundBegan(self) -> None:
        self.events.append("began")

    def roundEnded(self) -> None:
        self.events.append("ended")


class Replier(Recorder):
    """Puts brackets around what is answered in place, and none around what is written."""

    def __init__(self, rounds: Rounds) -> None:
        super().__init__()
        self.rounds = rounds
        self.replied: list[bytes] = []
        self.times = 1
        self.inParts = False

    def connectionMade(self) -> None:
        self.transport.replyWith(self.reply, self.rounds)

    def reply(self, data: bytes) -> bytes | tuple[bytes, ...]:
        self.replied.append(data)
        if data == b"nothing":
            return b""
        if self.inParts:
            return b"(", data * self.times, b")"
        if data == b"raise":
            raise ZeroDivisionError
        return b"(%s)" % (data * self.times)

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.transport.write(data)


class ReplyTests(EpollCase):
    def setUp(self) -> None:
        super().setUp()
        self.rounds = Rounds()
        self.protocol = Replier(self.rounds)
        self.peer = self.connect(self.protocol)

    def test_inPlace(self) -> None:
        self.peer.send(b"a")
        self.set.doRead()
        assert receiveAll(self.peer) == b"(a)"
        assert self.protocol.received == b""
        assert self.protocol.transport.bytesSent == 3

    def test_behindQueue(self) -> None:
        self.peer.send(b"a")
        self.protocol.transport.write(b"first ")
        self.set.doRead()
        assert receiveAll(self.peer) == b"first a"

    def test_behindUnsentBytes(self) -> None:
        self.protocol.times = BIG
        self.peer.send(b"a")
        self.set.doRead()
        assert 0 < self.protocol.transport.bytesSent < BIG
        self.peer.send(b"b")
        taken = b""
        for _ in range(100):
            self.set.doRead()
            taken += receiveAll(self.peer)
        assert taken == b"(" + b"a" * BIG + b")b"
        assert self.protocol.replied == [b"a"]
        assert self.protocol.transport.bytesSent == len(taken)

    def test_inParts(self) -> None:
        self.protocol.inParts = True
        self.peer.send(b"a")
        self.set.doRead()
        assert receiveAll(self.peer) == b"(a)"
        assert self.protocol.transport.bytesSent == 3
        self.protocol.times = BIG
        self.peer.send(b"b")
        taken = b""
        for _ in range(100):
            self.set.doRead()
            taken += receiveAll(self.peer)
        assert taken == b"(" + b"b" * BIG + b")"
        assert self.protocol.transport.bytesSent == 3 + len(taken)

    def test_partsWithoutRoom(self) -> None:

        def writev(number: int, parts: tuple[bytes, ...]) -> int:
            raise BlockingIOError(errno.EAGAIN, "no room")

        self.patch(os, "writev", writev)
        self.protocol.inParts = True
        transport = self.protocol.transport
        self.peer.send(b"a")
        self.set._receive([(transport.descriptor, 1)])
        assert transport.pendingBytes() == 3
        self.set.doRead()
        assert receiveAll(self.peer) == b"(a)"

    def test_partsToNobody(self) -> None:
        self.protocol.inParts = True
        self.peer.send(b"a")
        self.peer.close()
        self.set._receive([(self.protocol.transport.descriptor, 1)])
        assert [reason.type for reason in self.protocol.reasons] == [ConnectionLost]

    def test_noAnswer(self) -> None:
        self.patch(os, "write", None)
        self.peer.send(b"nothing")
        self.set.doRead()
        assert self.protocol.replied == [b"nothing"]
        assert self.protocol.reasons == []

    def test_peerThatDoesNotRead(self) -> None:
        """It is not read from any more, until it has read."""
        transport = self.protocol.transport
        transport.registerProducer(transport, True)
        transport.readSize = BULK_READ
        self.protocol.times = BIG
        self.peer.send(b"a")
        self.set.doRead()
        assert (transport.producerPaused, transport.readSize) == (True, transport.bufferSize)
        self.protocol.times = 1
        self.peer.send(b"b")
        taken = b""
        for _ in range(100):
            self.set.doRead()
            taken += receiveAll(self.peer)
        assert taken == b"(" + b"a" * BIG + b")(b)"
        assert not transport.producerPaused

    def test_unacknowledged(self) -> None:
        """It falls while the peer reads, also if the kernel takes no more meanwhile."""
        transport = self.protocol.transport
        assert transport.unacknowledgedBytes() == 0
        self.protocol.times = BIG
        self.peer.send(b"a")
        self.set.doRead()
        before, sent = transport.unacknowledgedBytes(), transport.bytesSent
        assert before > 0
        receiveAll(self.peer)
        assert transport.unacknowledgedBytes() < before
        assert transport.bytesSent == sent

    def test_closingUsesTheProtocol(self) -> None:
        self.protocol.transport.loseWriteConnection()
        self.peer.send(b"a")
        self.set.doRead()
        assert self.protocol.received == b"a"
        assert self.protocol.replied == []

    def test_raises(self) -> None:
        other = Replier(self.rounds)
        peer = self.connect(other)
        self.peer.send(b"raise")
        peer.send(b"fine")
        self.set.doRead()
        assert receiveAll(peer) == b"(fine)"
        assert [reason.type for reason in self.protocol.reasons] == [ZeroDivisionError]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_peerGone(self) -> None:
        self.peer.send(b"a")
        self.peer.close()
        # Had the event told of the end too, the protocol would get the chunk.
        self.set._receive([(self.protocol.transport.descriptor, 1)])
        assert self.protocol.replied == [b"a"]
        assert [reason.type for reason in self.protocol.reasons] == [ConnectionLost]

    def test_noRoom(self) -> None:

        def write(number: int, data: bytes) -> int:
            raise BlockingIOError(errno.EAGAIN, "no room")

        self.patch(os, "write", write)
        transport = self.protocol.transport
        self.peer.send(b"a")
        self.set._receive([(transport.descriptor, 1)])
        assert transport.pendingBytes() == 3
        self.set.doRead()
        assert receiveAll(self.peer) == b"(a)"
        assert transport.pendingBytes() == 0

    def test_observersOncePerRound(self) -> None:
        peer = self.connect(Replier(self.rounds))
        self.peer.send(b"a")
        peer.send(b"b")
        self.set.doRead()
        assert self.rounds.events == ["began", "ended"]
        for client in (peer, self.peer):
            client.close()
        self.set.doRead()
        self.set.portClosed()
        assert self.set.observers == []

    def test_forgotten(self) -> None:
        self.peer.close()
        self.set.doRead()
        assert self.protocol.transport.reply is None


class Prefixed(Rounds):
    roundStamp = b"> "


class PrefixTests(EpollCase):
    """Answers that the loop makes itself.  What the function makes has brackets."""

    def setUp(self) -> None:
        super().setUp()
        self.prefix = Prefixed()
        self.counters = StreamCounters()
        self.protocol = Replier(self.prefix)
        self.peer = self.connect(self.protocol)
        self.protocol.transport.prefixWith(self.prefix, self.counters)

    def answered(self, data: bytes) -> bytes:
        self.peer.sendall(data)
        self.set._receive([(self.protocol.transport.descriptor, 1)])
        return receiveAll(self.peer)

    def counted(self) -> tuple[int, int]:
        return self.counters.received, self.counters.receivedBytes

    def test_short(self) -> None:
        assert self.answered(b"a") == b"> a"
        assert (self.protocol.received, self.protocol.replied) == (b"", [])
        assert self.protocol.transport.bytesSent == 3
        assert self.counted() == (1, 1)

    def test_long(self) -> None:
        """From a size on the two parts are not joined."""
        writes: list[int] = []
        writev = os.writev

        def counting(number: int, parts: tuple[bytes, ...]) -> int:
            writes.append(len(parts))
            return writev(number, parts)

        self.patch(os, "writev", counting)
        self.protocol.transport.readSize = self.protocol.transport.bufferSize
        for size in (LONG_ANSWER - 1, LONG_ANSWER):
            assert self.answered(b"a" * size) == b"> " + b"a" * size
        assert writes == [2]
        assert self.counted() == (2, 2 * LONG_ANSWER - 1)

    def test_filledShortRead(self) -> None:
        """The protocol answers this once, and all later ones are read at once."""
        assert self.answered(b"a" * SHORT_READ) == b""
        self.set.doRead()
        assert receiveAll(self.peer) == b"a" * SHORT_READ
        assert self.answered(b"a" * SHORT_READ) == b"> " + b"a" * SHORT_READ

    def test_bulk(self) -> None:
        transport = self.protocol.transport
        transport.readSize = transport.bufferSize
        self.answered(b"a" * transport.bufferSize)
        assert transport.readSize == BULK_READ

    def test_noStamp(self) -> None:
        """If each chunk needs a stamp of its own, the function makes the answer."""
        self.prefix.roundStamp = b""
        assert self.answered(b"a") == b"(a)"
        assert self.counted() == (0, 0)

    def test_behindQueue(self) -> None:
        self.protocol.transport.write(b"first ")
        assert self.answered(b"a") == b""
        self.set.doRead()
        assert receiveAll(self.peer) == b"first a"
        assert self.counted() == (0, 0)

    def test_behindUnsentBytes(self) -> None:
        self.protocol.transport.dataBuffer = b"first "
        self.answered(b"a")
        assert self.protocol.received == b"a"
        assert self.counted() == (0, 0)

    def test_closing(self) -> None:
        self.protocol.transport.loseWriteConnection()
        self.answered(b"a")
        assert self.protocol.received == b"a"
        assert self.counted() == (0, 0)

    def test_noRoom(self) -> None:
        transport = self.protocol.transport
        write = os.write
        self.patch(os, "write", lambda number, data: write(number, data[:1]))
        assert self.answered(b"a") == b">"
        assert (transport.bytesSent, transport.pendingBytes()) == (1, 2)
        self.set.doRead()
        assert receiveAll(self.peer) == b" a"

    def test_peerGone(self) -> None:
        self.peer.send(b"a")
        self.peer.close()
        self.set._receive([(self.protocol.transport.descriptor, 1)])
        assert [reason.type for reason in self.protocol.reasons] == [ConnectionLost]

    def test_forgotten(self) -> None:
        self.peer.close()
        self.set.doRead()
        assert self.protocol.transport.prefix is None


class ShortReadTests(EpollCase):
    def setUp(self) -> None:
        super().setUp()
        self.protocol = Chunks()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.peer = socket.create_connection(server.getsockname())
            ours = server.accept()[0]
        self.addCleanup(self.peer.close)
        ours.setblocking(False)
        self.protocol.makeConnection(
            FastTCPServer(ours, self.protocol, ("192.0.2.1", 5), None, 0, self.set)
        )

    def receive(self, *sizes: int) -> list[int]:
        for size in sizes:
            self.peer.sendall(b"a" * size)
            self.set.doRead()
        return [len(chunk) for chunk in self.protocol.chunks]

    def test_whole(self) -> None:
        sizes = [1, SHORT_READ - 1, SHORT_READ, 1, SHORT_READ + 1, 1, 4096, SHORT_READ, 60000]
        assert self.receive(*sizes) == sizes

    def test_longFirst(self) -> None:
        assert self.receive(60000) == [60000]
        assert self.protocol.transport.readSize == self.protocol.transport.bufferSize

    def test_atMost(self) -> None:
        assert self.receive(200_000)[0] == self.protocol.transport.bufferSize

    def test_bulk(self) -> None:
        """Only what is answered in place is read in chunks of more than 64 KiB."""
        transport = self.protocol.transport
        transport.readSize = transport.bufferSize
        self.receive(transport.bufferSize, 1)
        assert transport.readSize == transport.bufferSize
        transport.reply = lambda data: b""
        self.receive(transport.bufferSize)
        assert transport.readSize == BULK_READ

    def test_shortAgain(self) -> None:
        assert self.receive(60000) == [60000]
        self.protocol.transport.expectShort()
        assert self.protocol.transport.readSize == SHORT_READ

    def test_end(self) -> None:
        """The end behind a chunk that fills a short read is a clean one."""
        self.peer.sendall(b"a" * SHORT_READ)
        self.peer.close()
        # On a busy machine the end comes a moment later, also over loopback.
        waiting = select.poll()
        waiting.register(self.protocol.transport.fileno(), select.POLLRDHUP)
        assert waiting.poll(PATIENCE_MILLISECONDS)
        self.set.doRead()
        assert len(self.protocol.received) == SHORT_READ
        assert [reason.type for reason in self.protocol.reasons] == [ConnectionDone]

    def test_reset(self) -> None:
        self.peer.sendall(b"a" * SHORT_READ)
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()
        # An error that comes with the event is found by another way.
        self.set._receive([(self.protocol.transport.descriptor, 1)])
        assert len(self.protocol.received) == SHORT_READ
        assert [reason.type for reason in self.protocol.reasons] == [ConnectionLost]

    def test_raises(self) -> None:
        self.protocol.error = ZeroDivisionError()
        self.receive(SHORT_READ)
        assert [reason.type for reason in self.protocol.reasons] == [ZeroDivisionError]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1


class Chunks(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[bytes] = []
        self.error: Exception | None = None

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.chunks.append(data)
        if self.error is not None:
            raise self.error


class TimestampTests(EpollCase):
    def test_timestamp(self) -> None:
        server = SuiteServer()
        formatter = server.wiring.formatter
        factory = server.listen(BY_NAME["timestamp"])
        protocol = factory.buildProtocol(None)
        assert isinstance(protocol, TimestampProtocol)
        peer = self.connect(protocol)
        peer.send(b"hello")
        self.set.doRead()
        assert receiveAll(peer) == formatter.stamp() + b"hello"
        assert (factory.counters.received, factory.counters.receivedBytes) == (1, 5)
        # By this the time limits know that it is not idle.
        assert protocol.bottomTransport.bytesSent == len(formatter.stamp()) + 5
        assert formatter.roundStamp == b""


class Doubling(ReplyingDatagramProtocol):
    def __init__(self, counters: DatagramCounters, *observers: RoundObserver) -> None:
        super().__init__(replace(MemoryServer().datagrams, counters=counters), *observers)
        self.guard = Permitting()

    def answer(self, datagram: bytes) -> bytes:
        if datagram == b"raise":
            raise ZeroDivisionError
        return datagram * 2


class Permitting(DatagramGuard):
    def __init__(self) -> None:
        pass

    def admits(self, datagram: bytes, host: str, port: int) -> bool:
        return datagram != b"no"


class DatagramReplyTests(UDPPortCase):
    portClass = FastUDPPort

    def protocolClass(self) -> Doubling:
        self.rounds = Rounds()
        self.counters = DatagramCounters()
        return Doubling(self.counters, self.rounds)

    def test_answers(self) -> None:
        peer = self.serve(self.listen(), b"a", b"no", b"b")
        assert [peer.recv(10), peer.recv(10)] == [b"aa", b"bb"]
        assert (self.counters.received, self.counters.receivedBytes) == (3, 4)
        assert (self.counters.answered, self.counters.unsent) == (2, 0)
        assert self.rounds.events == ["began", "ended"]

    def test_ipv6(self) -> None:
        assert self.serve(self.listen("::1"), b"a").recv(10) == b"aa"

    def test_unsent(self) -> None:
        port = self.listen()
        port.maxPacketSize = 65536
        assert self.serve(port, b"x" * 40000, b"a").recv(10) == b"aa"
        assert (self.counters.answered, self.counters.unsent) == (1, 1)

    def test_raises(self) -> None:
        assert self.serve(self.listen(), b"raise", b"a").recv(10) == b"aa"
        assert (self.counters.received, self.counters.answered) == (2, 1)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_failingSocket(self) -> None:
        port = self.listen()
        port.socket.close()
        with self.assertRaises(OSError):
            port.doRead()
        assert self.rounds.events == ["began", "ended"]
