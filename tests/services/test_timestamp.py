"""Tests for L{tsservices.services.timestamp}."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import MessageLengthError
from twisted.protocols.policies import WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.services import SuiteServer, bind, connect
from tsservices.common.limits import Limits
from tsservices.server.registry import BY_NAME
from tsservices.testing import NOON, ManualClock, MemoryDatagramTransport, MemoryTransport
from tsservices.transport.capabilities import IReplyingTransport, Reply, RoundObserver

STAMP = f"[{time.ctime(NOON)}] ".encode()


@implementer(IReplyingTransport)
class ReplyingTransport(MemoryTransport):
    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Reply] = []

    def replyWith(self, reply: Reply, observer: RoundObserver) -> None:
        self.replies.append(reply)


class TimestampTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = ManualClock()
        self.protocol, self.transport = connect("timestamp", SuiteServer(clock=self.clock))

    def test_nothingIsSentUnasked(self) -> None:
        self.assertEqual(self.transport.value(), b"")

    def test_bareChunkIsAnswered(self) -> None:
        self.protocol.dataReceived(b"hello")
        self.assertEqual(self.transport.value(), STAMP + b"hello")

    @given(st.binary(min_size=1))
    def test_bytesAreUntouched(self, data: bytes) -> None:
        self.transport.clear()
        self.protocol.dataReceived(data)
        self.assertEqual(self.transport.value(), STAMP + data)

    def test_eachChunkHasItsTime(self) -> None:
        self.protocol.dataReceived(b"a")
        self.clock.advance(60)
        self.protocol.dataReceived(b"b")
        later = f"[{time.ctime(NOON + 60)}] ".encode()
        self.assertEqual(self.transport.value(), STAMP + b"a" + later + b"b")

    def test_counters(self) -> None:
        self.protocol.dataReceived(b"abc")
        self.protocol.dataReceived(b"d")
        counters = self.protocol.factory.counters
        self.assertEqual((counters.received, counters.receivedBytes), (2, 4))
        self.assertTrue(self.protocol.hasRead)

    def test_formIsThatOfTheServer(self) -> None:
        protocol, transport = connect("timestamp", SuiteServer(form="epoch-ns"))
        protocol.dataReceived(b"x")
        self.assertEqual(transport.value(), b"[%d000000000] x" % NOON)

    def test_capability(self) -> None:
        """A wrapper declares the capability below it, but must not get the function."""
        factory = SuiteServer().listen(BY_NAME["timestamp"])
        for wrapped in (False, True):
            outer = WrappingFactory(factory) if wrapped else factory
            transport = ReplyingTransport()
            protocol = outer.buildProtocol(transport.getPeer())
            assert protocol is not None
            protocol.makeConnection(transport)
            if wrapped:
                self.assertTrue(IReplyingTransport.providedBy(protocol))
            self.assertEqual(len(transport.replies), 0 if wrapped else 1)
            protocol.dataReceived(b"x")
            self.assertEqual(transport.value(), STAMP + b"x")


class TimestampLineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.protocol, self.transport = connect("timestamp-line", SuiteServer(Limits(maxLine=20)))

    @given(
        st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=6),
        st.integers(1, 30),
    )
    def test_anyCut(self, lines: list[bytes], size: int) -> None:
        self.transport.clear()
        data = b"".join(line + b"\n" for line in lines)
        for start in range(0, len(data), size):
            self.protocol.dataReceived(data[start : start + size])
        self.assertEqual(self.transport.value(), b"".join(STAMP + line + b"\n" for line in lines))

    def test_carriageReturnStays(self) -> None:
        """Data is untouched: telnet gets its line endings back."""
        self.protocol.dataReceived(b"hello\r\n")
        self.assertEqual(self.transport.value(), STAMP + b"hello\r\n")

    def test_overlongLineIsRejectedOnce(self) -> None:
        self.protocol.dataReceived(b"x" * 21)
        self.protocol.dataReceived(b"x" * 100 + b"\nhello\n")
        self.assertEqual(
            self.transport.value(),
            b"! line longer than 20 bytes: not answered\n" + STAMP + b"hello\n",
        )
        self.assertEqual(self.protocol.factory.counters.overlong, 1)

    def test_lastLineWithoutEnding(self) -> None:
        self.protocol.dataReceived(b"a\nb")
        self.protocol.readConnectionLost()
        self.assertEqual(self.transport.value(), STAMP + b"a\n" + STAMP + b"b\n")
        self.assertTrue(self.transport.disconnecting)

    def test_nothingAfterTheEndOfTheInput(self) -> None:
        self.protocol.readConnectionLost()
        self.assertEqual(self.transport.value(), b"")

    def test_stopsWhenNobodyReads(self) -> None:
        writes: list[bytes] = []

        def write(data: bytes) -> None:
            writes.append(data)
            if len(writes) == 2:
                self.protocol.pauseProducing()

        self.patch(self.transport, "write", write)
        self.protocol.dataReceived(b"\n" * 5000)
        self.assertEqual(len(writes), 2)
        self.assertEqual(self.transport.producerState, "paused")
        self.protocol.resumeProducing()
        self.assertEqual(b"".join(writes), (STAMP + b"\n") * 5000)
        self.assertEqual(self.transport.producerState, "producing")

    def test_goesWhileHeldBack(self) -> None:
        self.protocol.pauseProducing()
        self.protocol.dataReceived(b"a\n")
        self.protocol.stopProducing()
        self.protocol.abort()
        self.protocol.resumeProducing()
        self.assertEqual(self.transport.value(), b"")


class TimestampDatagramTests(SynchronousTestCase):
    def test_answers(self) -> None:
        protocol, transport = bind("timestamp")
        protocol.datagramReceived(b"hello", ("192.0.2.1", 5000))
        self.assertEqual(transport.sent, [(STAMP + b"hello", ("192.0.2.1", 5000))])
        self.assertEqual(protocol.counters.answered, 1)

    def test_guardedDatagramIsNotAnswered(self) -> None:
        protocol, transport = bind("timestamp")
        protocol.datagramReceived(b"", ("192.0.2.1", 5000))
        self.assertEqual(transport.sent, [])
        self.assertEqual((protocol.counters.received, protocol.counters.badSize), (1, 1))

    def test_unsentIsCounted(self) -> None:
        protocol, transport = bind("timestamp")
        for error in (OSError("no buffer space"), MessageLengthError("too long")):
            transport.error = error
            protocol.datagramReceived(b"hello", ("192.0.2.1", 5000))
        self.assertEqual((protocol.counters.answered, protocol.counters.unsent), (0, 2))
        assert isinstance(transport, MemoryDatagramTransport)
