"""Tests for L{tsservices.transport.epoll.set}."""

from __future__ import annotations

import os
import select
import socket
from typing import Any, ClassVar, cast
from unittest import skipUnless

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.internet.main import CONNECTION_LOST
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.epoll import Echo, EpollCase, ManualReactor, Recorder, connect, receiveAll
from tsservices.transport.epoll import passes
from tsservices.transport.epoll.set import EpollSet, available, epollSetOf, turnEnd


class Descriptor:
    def __init__(self, number: int) -> None:
        self.number = number
        self.calls: list[str] = []
        self.answer: Any = None
        self.reason: Failure | None = None

    def fileno(self) -> int:
        return self.number

    def doRead(self) -> Any:
        return self._called("doRead")

    def doWrite(self) -> Any:
        return self._called("doWrite")

    def _called(self, name: str) -> Any:
        self.calls.append(name)
        if isinstance(self.answer, type):
            raise self.answer(name)
        return self.answer

    def connectionLost(self, reason: Failure) -> None:
        self.calls.append("connectionLost")
        self.reason = reason


class Scripted:
    script: ClassVar[list[list[tuple[int, int]]]] = []
    asked: ClassVar[list[int]] = []

    def fileno(self) -> int:
        return 1000

    def poll(self, timeout: float, maxevents: int) -> list[tuple[int, int]]:
        self.asked.append(maxevents)
        return self.script.pop(0) if self.script else []

    def close(self) -> None:
        pass

    def register(self, number: int, events: int) -> None:
        pass

    modify = register

    def unregister(self, number: int) -> None:
        pass


class EpollSetTests(EpollCase):
    def pair(self) -> tuple[socket.socket, socket.socket]:
        one, other = socket.socketpair()
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        one.setblocking(False)
        other.setblocking(False)
        return one, other

    def test_interface(self) -> None:
        assert verifyObject(IReactorFDSet, self.set)
        provided: bool = IReactorTime.providedBy(self.set)
        assert provided
        self.reactor.advance(3)
        assert self.set.seconds() == 3
        with pytest.raises(AttributeError):
            _ = self.set.noSuchThing

    def test_shared(self) -> None:
        assert epollSetOf(self.reactor) is self.set
        assert epollSetOf(self.set) is self.set
        assert epollSetOf(ManualReactor()) is not self.set

    def test_leavesWithLastPort(self) -> None:
        self.set.portOpened()
        self.set.portClosed()
        assert self.reactor.readers == [self.set]
        number = self.set.fileno()
        self.set.portClosed()
        assert self.reactor.readers == []
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)
        assert epollSetOf(self.reactor) is not self.set

    def test_staysForMembers(self) -> None:
        protocol = Echo()
        peer = self.connect(protocol)
        self.set.portClosed()
        assert self.reactor.readers == [self.set]
        peer.send(b"still here")
        self.set.doRead()
        assert receiveAll(peer) == b"still here"
        peer.close()
        self.set.doRead()
        assert protocol.events == ["data", "lost"]
        assert self.reactor.readers == []

    def test_noDescriptorsLeft(self) -> None:

        def epoll() -> None:
            raise OSError(24, "Too many open files")

        self.patch(select, "epoll", epoll)
        reactor = ManualReactor()
        with pytest.raises(OSError, match="Too many open files"):
            epollSetOf(reactor).portOpened()
        assert reactor.readers == []

    def test_readsAnyDescriptor(self) -> None:
        one, other = self.pair()
        member = Descriptor(one.fileno())
        self.set.addReader(member)
        other.send(b"x")
        member.answer = CONNECTION_LOST
        self.set.doRead()
        assert member.calls == ["doRead", "connectionLost"]
        assert member.reason is not None
        assert member.reason.check(ConnectionLost)
        assert self.set.getReaders() == []

    def test_writesAnyDescriptor(self) -> None:
        one, _ = self.pair()
        member = Descriptor(one.fileno())
        self.set.addWriter(member)
        assert self.set.getWriters() == [member]
        member.answer = CONNECTION_LOST
        self.set.doRead()
        assert member.calls == ["doWrite", "connectionLost"]
        assert self.set.getWriters() == []

    def test_removesClosedDescriptor(self) -> None:
        one, _ = self.pair()
        member = Descriptor(one.fileno())
        self.set.addReader(member)
        one.close()
        member.number = -1
        self.set.removeReader(member)
        assert self.set.getReaders() == []

    def test_removeAll(self) -> None:
        one, other = self.pair()
        reader, writer = Descriptor(one.fileno()), Descriptor(other.fileno())
        self.set.addReader(reader)
        self.set.addWriter(reader)
        self.set.addWriter(writer)
        assert set(self.set.removeAll()) == {reader, writer}
        assert (self.set.getReaders(), self.set.getWriters()) == ([], [])

    def test_reactorStops(self) -> None:
        protocols = [Recorder(), Recorder(), Recorder()]
        for protocol in protocols:
            self.connect(protocol)

        def fail(reason: Failure) -> None:
            raise ZeroDivisionError

        protocols[0].connectionLost = fail  # type: ignore[assignment]
        self.set.connectionLost(Failure(CONNECTION_LOST))
        assert [p.events for p in protocols[1:]] == [["lost"], ["lost"]]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_lossRaises(self) -> None:
        failing, echo = Recorder(), Echo()
        peers = [self.connect(failing), self.connect(echo)]

        def fail(reason: Failure) -> None:
            raise ZeroDivisionError

        failing.connectionLost = fail  # type: ignore[assignment]
        peers[0].close()
        peers[1].send(b"x")
        self.set.doRead()
        assert receiveAll(peers[1]) == b"x"
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        peers[1].close()

    def test_passNeverRaises(self) -> None:
        assert self.set._poller is not None
        self.set._poller.close()
        assert self.set.doRead() is None
        assert len(self.flushLoggedErrors(ValueError)) == 1

    def test_cutShortWhileSending(self) -> None:
        protocols = [Recorder(), Recorder()]
        peers = [self.connect(protocol) for protocol in protocols]
        real = os.write

        def write(number: int, data: bytes) -> int:
            self.patch(os, "write", real)
            raise MemoryError

        self.patch(os, "write", write)
        for protocol in protocols:
            protocol.transport.write(b"x")
        self.set.doRead()
        assert len(self.flushLoggedErrors(MemoryError)) == 1
        self.reactor.advance(0)
        assert [receiveAll(peer) for peer in peers] == [b"x", b"x"]

    def test_noRoomInKernel(self) -> None:
        protocol = Recorder()
        peer = self.connect(protocol)
        protocol.transport.pauseProducing()

        def noSpace(number: int, writer: object) -> None:
            raise OSError(28, "No space left on device")

        self.patch(self.set, "_awaitWritable", noSpace)
        protocol.transport.write(b"b" * (1 << 22))
        self.set.doRead()
        assert protocol.events == ["lost"]
        peer.close()

    def test_turnEnd(self) -> None:
        """It is called before anything is sent; what it asks for waits for the next round."""
        # A pass that takes long ends before its second round.
        self.patch(passes, "monotonic", lambda: 0.0)
        protocol = Recorder()
        client = self.connect(protocol)
        order: list[str] = []

        def later() -> None:
            order.append("again")

        def job() -> None:
            order.append("job")
            protocol.transport.write(b"answer")
            self.set.atTurnEnd(later)

        def received(data: bytes) -> None:
            self.set.atTurnEnd(job)
            order.append("read")

        protocol.dataReceived = received  # type: ignore[method-assign]
        client.sendall(b"x")
        self.set.doRead()
        self.assertEqual(order, ["read", "job", "again"])
        self.assertEqual(client.recv(100), b"answer")

    def test_turnEndCostsNoEvents(self) -> None:
        """The next round is as large as this one, however long the callback takes."""
        now = 0.0

        def slow() -> None:
            nonlocal now
            now += 1.0

        self.patch(passes, "monotonic", lambda: now)
        self.set.atTurnEnd(slow)
        before = self.set._roundEvents
        self.set.doRead()
        self.assertEqual(now, 1.0)
        self.assertEqual(self.set._roundEvents, before)

    def test_roundsGrowWhileEachEndsATurn(self) -> None:
        now = 0.0
        self.patch(passes, "monotonic", lambda: now)
        self.set._roundEvents = 1
        for _ in range(3):
            self.set.atTurnEnd(lambda: None)
            self.set.doRead()
        self.assertGreaterEqual(self.set._roundEvents, 8)

    def test_turnEndOutside(self) -> None:
        order: list[str] = []

        def broken() -> None:
            raise ValueError("broken")

        atEnd = turnEnd(self.reactor, True)
        atEnd(broken)
        atEnd(lambda: order.append("job"))
        self.assertEqual(order, [])
        self.reactor.advance(0)
        self.assertEqual(order, ["job"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_turnEndWithoutSet(self) -> None:
        order: list[str] = []
        turnEnd(self.reactor, False)(lambda: order.append("job"))
        self.assertEqual(order, [])
        self.reactor.advance(0)
        self.assertEqual(order, ["job"])

    def test_floodIsFair(self) -> None:
        """A connection with endless bytes is read once a round."""
        flooding, quiet = Recorder(), Echo()
        flood, peer = self.connect(flooding), self.connect(quiet)
        flood.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        chunk = b"f" * (1 << 17)
        flooding.dataReceived = lambda data: flood.send(chunk)  # type: ignore[assignment,method-assign]
        flood.send(chunk)
        peer.send(b"q")
        # There is never an end of it: the time of a pass ends it.
        self.patch(passes, "PASS_SECONDS", 0.01)
        self.set.doRead()
        assert receiveAll(peer) == b"q"


@skipUnless(available(), "this platform has no epoll")
class ScriptedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(select, "epoll", Scripted)
        self.patch(Scripted, "script", [])
        self.patch(Scripted, "asked", [])
        self.reactor = ManualReactor()
        self.set = EpollSet(self.reactor)
        self.set.portOpened()
        self.addCleanup(self.set.connectionLost, Failure(CONNECTION_LOST))

    def test_hangUpIsRead(self) -> None:
        """A reading member is read: the error of the read is the right one."""
        member = Descriptor(7)
        self.set.addReader(member)
        Scripted.script += [[(7, select.EPOLLHUP)], [(7, select.EPOLLERR)]]
        self.set.doRead()
        assert member.calls == ["doRead", "doRead"]

    def test_hangUpWhileWriting(self) -> None:
        member = Descriptor(7)
        self.set.addWriter(member)
        Scripted.script += [[(7, select.EPOLLHUP | select.EPOLLERR)]]
        self.set.doRead()
        assert member.calls == ["connectionLost"]
        assert member.reason is not None
        assert member.reason.check(ConnectionLost)

    def test_unknownDescriptor(self) -> None:
        Scripted.script += [[(7, select.EPOLLIN | select.EPOLLOUT | select.EPOLLHUP)]]
        assert self.set.doRead() is None  # type: ignore[func-returns-value]

    def test_numberUsedAgain(self) -> None:
        """An event of a closed descriptor does not reach the member that has its number now."""
        old, new, first = Descriptor(8), Descriptor(8), Descriptor(7)

        def swap() -> None:
            self.set.removeReader(old)
            self.set.addReader(new)
            self.set.addWriter(new)

        first.doRead = swap  # type: ignore[method-assign]
        self.set.addReader(first)
        self.set.addReader(old)
        Scripted.script += [
            [(7, select.EPOLLIN), (8, select.EPOLLIN | select.EPOLLOUT | select.EPOLLHUP)]
        ]
        self.set.doRead()
        assert (old.calls, new.calls) == ([], [])
        Scripted.script += [[(8, select.EPOLLIN)]]
        self.set.doRead()
        assert new.calls == ["doRead"]

    def test_streamNumberUsedAgain(self) -> None:
        """It costs the connection that has the number now an empty read."""
        first = Descriptor(100000)
        old, new = Recorder(), Recorder()
        oldPeer = connect(self.set, old)
        number = old.transport.descriptor
        peers: list[socket.socket] = []

        def swap() -> None:
            old.transport.connectionLost(Failure(ConnectionDone()))
            ours, theirs = socket.socketpair()
            peers.extend([ours, theirs])
            os.dup2(ours.fileno(), number)
            taken = socket.socket(fileno=number)
            new.makeConnection(type(old.transport)(taken, new, ("192.0.2.1", 6), None, 0, self.set))

        first.doRead = swap  # type: ignore[method-assign]
        transport = old.transport
        self.set.addReader(first)
        Scripted.script += [[(100000, select.EPOLLIN), (number, select.EPOLLIN)]]
        self.set.doRead()
        assert not transport.connected
        assert (old.events, new.events) == (["lost"], [])
        assert new.transport.descriptor == number
        for peer in [oldPeer, *peers]:
            peer.close()

    def test_passEndsByTime(self) -> None:
        """Rounds get smaller when members are slow, and larger again when they are not."""
        now = 0.0
        self.patch(passes, "PASS_SECONDS", 1 / 1024)
        cost = 1 / 8192
        member = Descriptor(7)

        def slow() -> None:
            nonlocal now
            now += cost

        member.doRead = slow  # type: ignore[method-assign]
        self.patch(passes, "monotonic", lambda: now)
        self.set.addReader(member)
        events = [(7, select.EPOLLIN)]
        Scripted.script += [events * 128, events * 8, events * 8]
        self.set.doRead()
        assert Scripted.asked == [128]
        assert len(Scripted.script) == 2
        self.set.doRead()
        assert Scripted.asked == [128, 8]
        cost = 0.0
        self.set.doRead()
        assert Scripted.asked == [128, 8, 8, 16]

    def test_protocolRaises(self) -> None:
        events: list[dict[str, Any]] = []
        protocol = Recorder()
        peer = connect(self.set, protocol)

        def fail(data: bytes) -> None:
            raise ZeroDivisionError(data)

        protocol.dataReceived = fail  # type: ignore[method-assign]
        observer = cast(ILogObserver, events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        peer.send(b"x")
        Scripted.script += [[(protocol.transport.descriptor, select.EPOLLIN)]]
        self.set.doRead()
        assert protocol.events == ["lost"]
        assert protocol.reasons[0].check(ZeroDivisionError)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        assert len(events) == 1
        assert (events[0]["peer"].host, events[0]["peer"].port) == ("192.0.2.1", 5)
        peer.close()


class WithoutEpollTests(SynchronousTestCase):
    def test_available(self) -> None:
        self.patch(select, "epoll", None)
        del select.epoll
        assert not available()
        with pytest.raises(AttributeError):
            epollSetOf(ManualReactor()).portOpened()
