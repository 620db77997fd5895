"""Tests for L{tsservices.services.talk.protocol}."""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.services import SuiteServer, connect
from tsservices.common.limits import Limits
from tsservices.services.talk.protocol import OperatorFactory, OperatorProtocol
from tsservices.services.talk.switchboard import ABSENT
from tsservices.testing import ManualClock


class TalkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = ManualClock()
        self.server = SuiteServer(Limits(talkWaiting=10), clock=self.clock)
        self.operator, self.console = self.sit()
        self.console.clear()

    def sit(self) -> tuple[OperatorProtocol, StringTransport]:
        operator = OperatorFactory(self.server.wiring.switchboard).buildProtocol(None)
        console = StringTransport()
        operator.makeConnection(console)
        return operator, console

    def test_interfaces(self) -> None:
        verifyObject(IPushProducer, self.operator)
        verifyObject(IHalfCloseableProtocol, self.operator)

    def test_bareTextAndLines(self) -> None:
        caller, transport = connect("talk", self.server)
        for sent, ending in ((b"hi", b""), (b"hi\n", b"\n"), (b"hi\r\n", b"\r\n")):
            transport.clear()
            caller.dataReceived(sent)
            self.operator.dataReceived("grüß dich\n".encode())
            self.assertEqual(transport.value(), "grüß dich".encode() + ending)

    def test_splitCharacter(self) -> None:
        caller, _ = connect("talk", self.server)
        self.console.clear()
        for byte in "é".encode():
            caller.dataReceived(bytes([byte]))
        self.assertEqual(self.console.value().decode(), "[1] é\n")

    def test_byteOrderMark(self) -> None:
        caller, _ = connect("talk", self.server)
        self.console.clear()
        for byte in "\ufeffa\ufeff".encode():
            caller.dataReceived(bytes([byte]))
        self.assertEqual(self.console.value().decode(), "[1] a\n[1] \\ufeff\n")

    def test_endOfOperatorsInput(self) -> None:
        caller, transport = connect("talk", self.server)
        self.operator.dataReceived(b"bye")
        self.operator.readConnectionLost()
        self.assertTrue(self.console.disconnecting)
        self.assertIsNone(self.console.producer)
        self.assertEqual(transport.value(), b"bye\n")
        self.assertFalse(transport.disconnecting)
        caller.dataReceived(b"hello?\n")
        self.assertEqual(transport.value().decode(), f"bye\n{ABSENT}\n")

    def test_operatorDoesNotRead(self) -> None:
        self.operator.writeConnectionLost()
        self.assertTrue(self.console.disconnecting)
        self.sit()

    def test_lostOperatorFreesTheSeat(self) -> None:
        self.operator.stopProducing()
        self.operator.connectionLost(connectionDone)
        _, console = self.sit()
        self.assertIn(b"you are the operator", console.value())

    def test_secondOperatorIsRejected(self) -> None:
        _, console = self.sit()
        self.assertEqual(console.value(), b"! operator is on the line already\n")
        self.assertTrue(console.disconnecting)

    def test_longLine(self) -> None:
        self.operator.dataReceived(b"x" * 20_000 + b"\n\n/who\n")
        self.assertEqual(
            self.console.value(),
            b"! a line longer than 16384 bytes was not sent\n* nobody is there\n",
        )

    def test_callerDoesNotRead(self) -> None:
        caller, transport = connect("talk", self.server)
        caller.pauseProducing()
        self.operator.dataReceived(b"one\n")
        caller.resumeProducing()
        caller.stopProducing()
        self.operator.dataReceived(b"two\n")
        self.assertEqual(transport.value(), b"two\n")

    def test_busyOperatorPausesCallers(self) -> None:
        caller, transport = connect("talk", self.server)
        self.operator.pauseProducing()
        self.assertEqual(transport.producerState, "paused")
        self.operator.resumeProducing()
        self.assertEqual(transport.producerState, "producing")
        self.operator.pauseProducing()
        caller.finish()
        self.operator.resumeProducing()
        self.assertEqual(transport.producerState, "paused")

    def test_halfClosedCallerIsAnswered(self) -> None:
        caller, transport = connect("talk", self.server)
        caller.dataReceived(b"question?\n")
        self.operator.pauseProducing()
        caller.readConnectionLost()
        self.operator.resumeProducing()
        self.assertEqual(transport.producerState, "paused")
        self.operator.dataReceived(b"answer\n")
        self.assertEqual(transport.value(), b"answer\n")
        self.assertIn(b"* [1] 192.0.2.1:50000 has finished speaking\n", self.console.value())
        self.operator.dataReceived(b"/who\n")
        self.assertIn(b"has finished speaking; you talk with them\n", self.console.value())
        self.clock.advance(59)
        self.assertFalse(transport.disconnecting)
        self.clock.advance(1)
        self.assertTrue(transport.disconnecting)
        caller.connectionLost(connectionDone)

    def test_leavingCancelsTheTimer(self) -> None:
        caller, _ = connect("talk", self.server)
        caller.readConnectionLost()
        caller.connectionLost(connectionDone)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slowTerminalIsNotRead(self) -> None:
        self.operator.pauseProducing()
        self.assertEqual(self.console.producerState, "paused")
        self.operator.resumeProducing()
        self.assertEqual(self.console.producerState, "producing")
        self.operator.finish()
        self.operator.pauseProducing()
        self.operator.resumeProducing()
        self.assertEqual(self.console.producerState, "producing")

    def test_operatorSeesWhoLeaves(self) -> None:
        caller, _ = connect("talk", self.server)
        caller.connectionLost(connectionDone)
        self.assertIn(b"* [1] 192.0.2.1:50000 has gone\n", self.console.value())

    def test_operatorCloses(self) -> None:
        _, transport = connect("talk", self.server)
        self.operator.dataReceived(b"/close\n")
        self.assertEqual(transport.value(), b"! the operator has ended this talk\n")
        self.assertTrue(transport.disconnecting)
