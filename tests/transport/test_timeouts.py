"""
Tests for L{tsservices.transport.timeouts}.
"""

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

    def test_idle(self) -> None:
        """Nothing said and nothing sent for the limit: closed."""
        self.wait(598)
        self.assertFalse(self.transport.aborted)
        self.wait(2)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.protocol.factory.counters.idle, 1)

    def test_idleLimitOfItsOwn(self) -> None:
        """A protocol may have another limit, or none."""
        self.protocol.idleLimit = 0
        self.wait(3000)
        self.assertFalse(self.transport.aborted)
        self.protocol.dataReceived(b"x")
        self.protocol.idleLimit = 20
        self.wait(20)
        self.assertFalse(self.transport.aborted)
        self.wait(2)
        self.assertTrue(self.transport.aborted)

    def test_deadline(self) -> None:
        """At its deadline a connection is closed, whatever it has said."""
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

    def test_hearing(self) -> None:
        """Who says something is not idle."""
        for _ in range(3):
            self.wait(400)
            self.protocol.dataReceived(b"x")
        self.wait(598)
        self.assertFalse(self.transport.aborted)

    def test_reading(self) -> None:
        """Who only reads is not idle either."""
        for _ in range(3):
            self.wait(400)
            self.transport.bytesSent += 1
        self.wait(598)
        self.assertFalse(self.transport.aborted)

    def test_stalled(self) -> None:
        """
        Something is pending and nothing of it is read for the limit: closed, even
        if the peer goes on talking.
        """
        self.transport.pending = 1000
        for _ in range(29):
            self.wait(2)
            self.protocol.dataReceived(b"x")
        self.assertFalse(self.transport.aborted)
        self.wait(2)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.protocol.factory.counters.stalled, 1)

    def test_slowReader(self) -> None:
        """Who reads a little, with more always pending, is slow but not stalled."""
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
        """What is lost is not looked at any more, also in the middle of a round."""
        self.timeouts._unchecked = [self.protocol]
        self.protocol.connectionLost(connectionDone)
        self.timeouts._lookAtSlice()
        self.wait(1000)
        self.assertFalse(self.transport.aborted)

    def test_slices(self) -> None:
        """Many connections are looked at in several turns of the reactor."""
        others = [connect("echo", self.server)[1] for _ in range(SWEEP_SLICE * 2)]
        self.clock.rightNow += 600
        self.timeouts._beginRound()
        self.assertEqual(sum(each.aborted for each in others), SWEEP_SLICE - 1)
        self.clock.advance(0)
        self.assertTrue(all(each.aborted for each in others))

    def test_roundUnderWay(self) -> None:
        """A round that takes long is not begun anew before its end."""
        for _ in range(SWEEP_SLICE * 2):
            connect("echo", self.server)
        self.clock.rightNow += SWEEP_SECONDS
        self.timeouts._beginRound()
        left = list(self.timeouts._unchecked)
        self.timeouts._beginRound()
        self.assertEqual(self.timeouts._unchecked, left)

    def test_stopsAtOnce(self) -> None:
        """With nobody there, stopping takes no time."""
        self.protocol.connectionLost(connectionDone)
        self.successResultOf(self.timeouts.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopWaits(self) -> None:
        """Stopping closes, and waits until it is closed."""
        stopped = self.timeouts.stopService()
        self.assertTrue(self.transport.disconnecting)
        self.assertFalse(self.transport.aborted)
        self.assertNoResult(stopped)
        self.protocol.connectionLost(connectionDone)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopDoesNotWaitForEver(self) -> None:
        """Who does not read in time is cut off."""
        stopped = self.timeouts.stopService()
        self.clock.advance(5)
        self.assertTrue(self.transport.aborted)
        self.protocol.connectionLost(connectionDone)
        self.successResultOf(stopped)

    def test_stopInTheMiddle(self) -> None:
        """A round under way ends with the stop."""
        for _ in range(SWEEP_SLICE):
            connect("echo", self.server)
        self.clock.advance(SWEEP_SECONDS)
        self.timeouts.stopService()
        self.assertIsNone(self.timeouts._nextSlice)


class UnlimitedTests(SynchronousTestCase):
    def test_never(self) -> None:
        """0 means never."""
        clock = ManualClock()
        server = SuiteServer(Limits(idleLimit=0, writeLimit=0), clock=clock)
        _, transport = connect("echo", server)
        assert isinstance(transport, MemoryTransport)
        transport.pending = 1000
        server.streams.timeouts.startService()
        clock.pump([1000] * 100)
        self.assertFalse(transport.aborted)
