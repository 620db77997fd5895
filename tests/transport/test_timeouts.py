"""Tests for L{tsservices.transport.timeouts}."""

from __future__ import annotations

from twisted.internet.protocol import connectionDone
from twisted.trial.unittest import SynchronousTestCase

from tests.support.services import SuiteServer, connect
from tsservices.common.limits import Limits
from tsservices.testing import ManualClock, MemoryTransport
from tsservices.transport.timeouts import SWEEP_SECONDS, SWEEP_SLICE


class SweepTests(SynchronousTestCase):
    limits = Limits(maxConnectionsPerAddress=5000, idleLimit=600, writeLimit=60, stopLimit=5)

    def setUp(self) -> None:
        self.clock = ManualClock()
        self.server = SuiteServer(self.limits, clock=self.clock)
        self.timeouts = self.server.streams.timeouts
        self.protocol, self.transport = connect("echo", self.server)
        self.timeouts.startService()

    def wait(self, seconds: float) -> None:
        self.clock.pump([SWEEP_SECONDS] * round(seconds / SWEEP_SECONDS))

    def test_idleIsClosed(self) -> None:
        self.wait(598)
        self.assertFalse(self.transport.aborted)
        self.wait(2)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.protocol.factory.counters.idle, 1)

    def test_idleLimitOfTheProtocol(self) -> None:
        self.protocol.idleLimit = 0
        self.wait(3000)
        self.assertFalse(self.transport.aborted)
        self.protocol.dataReceived(b"x")
        self.protocol.idleLimit = 20
        self.wait(20)
        self.assertFalse(self.transport.aborted)
        self.wait(2)
        self.assertTrue(self.transport.aborted)

    def test_deadlineCloses(self) -> None:
        self.protocol.idleLimit = 0
        self.protocol.deadline = self.clock.seconds() + 120
        for _ in range(59):
            self.wait(2)
            self.protocol.dataReceived(b"x")
            self.transport.bytesSent += 1
        self.assertFalse(self.transport.aborted)
        self.wait(2)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.protocol.factory.counters.idle, 1)

    def test_incomingDataIsNotIdle(self) -> None:
        for _ in range(3):
            self.wait(400)
            self.protocol.dataReceived(b"x")
        self.wait(598)
        self.assertFalse(self.transport.aborted)

    def test_outgoingDataIsNotIdle(self) -> None:
        for _ in range(3):
            self.wait(400)
            self.transport.bytesSent += 1
        self.wait(598)
        self.assertFalse(self.transport.aborted)

    def test_slowPeer(self) -> None:
        """It reads what the kernel has, which takes no more meanwhile."""
        self.transport.pending = 1000
        for unread in range(2_000_000, 1_000_000, -2000):
            self.transport.unacknowledged = unread
            self.wait(2)
        self.assertFalse(self.transport.aborted)
        self.wait(58)
        self.assertFalse(self.transport.aborted)
        self.wait(2)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.protocol.factory.counters.stalled, 1)

    def test_stalled(self) -> None:
        """Closed even if the peer goes on sending."""
        self.transport.pending = 1000
        for _ in range(29):
            self.wait(2)
            self.protocol.dataReceived(b"x")
        self.assertFalse(self.transport.aborted)
        self.wait(2)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.protocol.factory.counters.stalled, 1)

    def test_slowReader(self) -> None:
        self.transport.pending = 1000
        for _ in range(100):
            self.wait(50)
            self.transport.bytesSent += 1
        self.assertFalse(self.transport.aborted)

    def test_emptyIsNotStalled(self) -> None:
        """The time without anything pending does not count."""
        self.wait(100)
        self.transport.pending = 1000
        self.wait(58)
        self.assertFalse(self.transport.aborted)

    def test_lost(self) -> None:
        """Also in the middle of a round."""
        self.timeouts._unchecked = [self.protocol]
        self.protocol.connectionLost(connectionDone)
        self.timeouts._lookAtSlice()
        self.wait(1000)
        self.assertFalse(self.transport.aborted)

    def test_roundTakesSeveralTurns(self) -> None:
        others = [connect("echo", self.server)[1] for _ in range(SWEEP_SLICE * 2)]
        self.clock.rightNow += 600
        self.timeouts._beginRound()
        self.assertEqual(sum(item.aborted for item in others), SWEEP_SLICE - 1)
        self.clock.advance(0)
        self.assertTrue(all(item.aborted for item in others))

    def test_longRoundIsNotRestarted(self) -> None:
        for _ in range(SWEEP_SLICE * 2):
            connect("echo", self.server)
        self.clock.rightNow += SWEEP_SECONDS
        self.timeouts._beginRound()
        left = list(self.timeouts._unchecked)
        self.timeouts._beginRound()
        self.assertEqual(self.timeouts._unchecked, left)

    def test_stopsAtOnceWithoutConnections(self) -> None:
        self.protocol.connectionLost(connectionDone)
        self.successResultOf(self.timeouts.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopWaitsForClosing(self) -> None:
        stopped = self.timeouts.stopService()
        self.assertTrue(self.transport.disconnecting)
        self.assertFalse(self.transport.aborted)
        self.assertNoResult(stopped)
        self.protocol.connectionLost(connectionDone)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopAbortsAfterTheLimit(self) -> None:
        stopped = self.timeouts.stopService()
        self.clock.advance(5)
        self.assertTrue(self.transport.aborted)
        self.protocol.connectionLost(connectionDone)
        self.successResultOf(stopped)

    def test_stopEndsTheRound(self) -> None:
        for _ in range(SWEEP_SLICE):
            connect("echo", self.server)
        self.clock.advance(SWEEP_SECONDS)
        self.timeouts.stopService()
        self.assertIsNone(self.timeouts._nextSlice)


class UnlimitedTests(SynchronousTestCase):
    def test_zeroMeansUnlimited(self) -> None:
        clock = ManualClock()
        server = SuiteServer(Limits(idleLimit=0, writeLimit=0), clock=clock)
        _, transport = connect("echo", server)
        assert isinstance(transport, MemoryTransport)
        transport.pending = 1000
        server.streams.timeouts.startService()
        clock.pump([1000] * 100)
        self.assertFalse(transport.aborted)
