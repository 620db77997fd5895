"""Tests for L{tsservices.transport.epoll.mainloop}, with reactors turned by hand."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable
from threading import Thread
from time import monotonic
from typing import Any, cast

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IReactorDaemonize,
    IReactorFDSet,
    IReactorTime,
)
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.python.context import get as getContext
from twisted.python.failure import Failure
from twisted.python.log import ILogContext
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.support.epoll import Echo, MainReactorMixin, Recorder, closeReactor, connect, receiveAll
from tests.transport.epoll import test_broadcast, test_replies, test_tcp
from tsservices.transport.capabilities import IDirectDescriptor
from tsservices.transport.epoll.set import available, epollSetOf, turnEnd

pytestmark = pytest.mark.skipif(not available(), reason="this platform has no epoll")

if available():
    from tsservices.transport.epoll.mainloop import EpollMainReactor, Waker


class TCPUnderOurReactorTests(MainReactorMixin, test_tcp.FastTCPServerTests):
    def test_writeOutsideAPass(self) -> None:
        """The next turn sends it; no delayed call is needed."""
        protocol = Recorder()
        peer = self.connect(protocol)
        protocol.transport.write(b"hello ")
        protocol.transport.write(b"there")
        assert self.reactor.getDelayedCalls() == []
        assert receiveAll(peer) == b""
        self.reactor.doIteration(None)
        assert receiveAll(peer) == b"hello there"

    def test_endlessPullProducer(self) -> None:
        """It has one chunk sent in a turn, and other work its turn between two of them."""
        protocol = Recorder()
        peer = self.connect(protocol)
        protocol.transport.registerProducer(test_tcp.Pulled(protocol.transport, 1 << 60), False)
        chunks = []
        for _ in range(3):
            self.reactor.doIteration(None)
            chunks.append(len(receiveAll(peer)))
        assert len(set(chunks[1:])) == 1
        assert 0 < chunks[1] < 10000

    def test_broadcastIsBounded(self) -> None:
        self.reactor.turns = 1
        super().test_broadcastIsBounded()


class UNIXUnderOurReactorTests(TCPUnderOurReactorTests, test_tcp.FastUNIXServerTests):
    pass


class WriteLastUnderOurReactorTests(MainReactorMixin, test_tcp.WriteLastTests):
    pass


class BroadcastUnderOurReactorTests(MainReactorMixin, test_broadcast.BroadcastTests):
    pass


class RepliesUnderOurReactorTests(MainReactorMixin, test_replies.ReplyTests):
    pass


class Described(FileDescriptor):
    """A descriptor of Twisted's kind: its reactor serves it within a logging context."""

    def __init__(self, reactor: Any, number: int) -> None:
        super().__init__(reactor)
        self.number = number
        self.calls: list[str] = []
        self.systems: list[str] = []
        self.acts: Callable[[], object] = lambda: None

    def fileno(self) -> int:
        return self.number

    def logPrefix(self) -> str:
        return "described"

    def doRead(self) -> Any:
        self.calls.append("doRead")
        self.systems.append(getContext(ILogContext)["system"])
        return self.acts()

    def doWrite(self) -> None:
        self.calls.append("doWrite")
        self.stopWriting()

    def connectionLost(self, reason: Failure) -> None:
        self.calls.append("connectionLost")


@implementer(IDirectDescriptor)
class Direct(Described):
    """One that does without."""


class MainReactorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor: Any = EpollMainReactor()
        self.addCleanup(closeReactor, self.reactor)

    def pair(self) -> tuple[socket.socket, socket.socket]:
        one, other = socket.socketpair()
        for end in (one, other):
            end.setblocking(False)
            self.addCleanup(end.close)
        return one, other

    def script(self, *events: list[tuple[int, int]]) -> None:
        """Let the kernel report these."""
        waiting = list(events)
        real = self.reactor._poller

        class Scripted:
            def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
                return waiting.pop(0) if waiting else []

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

        self.patch(self.reactor, "_poller", Scripted())

    def test_interfaces(self) -> None:
        for interface in (IReactorFDSet, IReactorTime, IReactorDaemonize):
            assert verifyObject(interface, self.reactor)
        assert epollSetOf(self.reactor) is self.reactor

    def test_clock(self) -> None:
        before = monotonic()
        assert before <= self.reactor.seconds() <= monotonic()

    def test_loggingContext(self) -> None:
        one, other = self.pair()
        members = [kind(self.reactor, one.fileno()) for kind in (Described, Direct)]
        for member in members:
            self.reactor.addReader(member)
            other.send(b"x")
            self.reactor.doIteration(0)
            self.reactor.removeReader(member)
        assert [member.calls for member in members] == [["doRead"]] * 2
        assert [member.systems for member in members] == [["described"], ["-"]]

    def test_direct(self) -> None:
        one, _ = self.pair()
        member = Direct(self.reactor, one.fileno())
        self.reactor.addWriter(member)
        assert self.reactor.getWriters() == [member]
        self.reactor.doIteration(0)
        self.reactor.addReader(member)
        assert member in self.reactor.getReaders()
        assert self.reactor.removeAll() == [member]
        assert member.calls == ["doWrite"]
        assert self.reactor.getReaders() == [self.reactor.waker]

    def test_directRaises(self) -> None:
        """It is closed, and the log names it; the others are served."""
        events: list[dict[str, Any]] = []
        observer = cast(ILogObserver, events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        (one, _), (two, _) = self.pair(), self.pair()
        broken, member = (Direct(self.reactor, end.fileno()) for end in (one, two))
        for each in (broken, member):
            self.reactor.addReader(each)

        def fail() -> None:
            raise ZeroDivisionError

        broken.acts = fail
        self.script([(one.fileno(), select.EPOLLIN), (two.fileno(), select.EPOLLIN)])
        self.reactor.doIteration(0)
        assert broken.calls == ["doRead", "connectionLost"]
        assert member.calls == ["doRead"]
        assert [event["member"] for event in events] == [broken]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_numberUsedAgain(self) -> None:
        """A hang-up of a closed descriptor does not end the one that has its number now."""
        for kind in (Described, Direct):
            (one, _), (two, _) = self.pair(), self.pair()
            first, old, new = (
                kind(self.reactor, number) for number in (one.fileno(), two.fileno(), two.fileno())
            )

            def swap(old: Described = old, new: Described = new) -> None:
                self.reactor.removeReader(old)
                self.reactor.addReader(new)

            first.acts = swap
            self.reactor.addReader(first)
            self.reactor.addReader(old)
            self.script([(one.fileno(), select.EPOLLIN), (two.fileno(), select.EPOLLHUP)])
            self.reactor.doIteration(0)
            assert (old.calls, new.calls) == ([], [])
            self.reactor.removeReader(new)
            self.reactor.removeReader(first)

    def test_turnWithinTurn(self) -> None:
        """What has changed in the inner turn counts for the events of the outer one."""
        (one, _), (two, _) = self.pair(), self.pair()
        first, old, new = (
            Described(self.reactor, number) for number in (one.fileno(), two.fileno(), two.fileno())
        )

        def swap() -> None:
            self.reactor.removeReader(old)
            self.reactor.addReader(new)
            self.reactor.iterate(0)

        first.acts = swap
        self.reactor.addReader(first)
        self.reactor.addReader(old)
        self.script([(one.fileno(), select.EPOLLIN), (two.fileno(), select.EPOLLHUP)])
        self.reactor.doIteration(0)
        assert (old.calls, new.calls) == ([], [])
        self.reactor.removeReader(first)
        self.reactor.removeReader(new)

    def test_turnEnd(self) -> None:
        """It is called before the loop waits, and sends with what the round sends."""
        protocol = Recorder()
        peer = connect(self.reactor, protocol)
        self.addCleanup(peer.close)
        turnEnd(self.reactor, True)(lambda: protocol.transport.write(b"end"))
        # Nothing is ready: the turn would wait for ever if it waited.
        self.reactor.doIteration(None)
        assert receiveAll(peer) == b"end"

    def test_stopWithinTurn(self) -> None:
        """All are served that were ready, then every connection is lost, whatever one raises."""
        protocols = [Echo(), Recorder(), Echo()]
        peers = [connect(self.reactor, protocol) for protocol in protocols]

        def fail(reason: Failure) -> None:
            raise ZeroDivisionError

        protocols[1].connectionLost = fail  # type: ignore[assignment]

        def stop(data: bytes) -> None:
            self.reactor.stop()

        protocols[1].dataReceived = stop  # type: ignore[method-assign]
        for peer in peers:
            peer.send(b"x")
        self.reactor.run(installSignalHandlers=False)
        assert [receiveAll(peer) for peer in peers] == [b"x", b"", b"x"]
        assert [protocol.events for protocol in protocols] == [
            ["data", "lost"],
            [],
            ["data", "lost"],
        ]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        for peer in peers:
            peer.close()

    def test_callsFromThread(self) -> None:
        """One wake-up for many calls, and none is lost."""
        written: list[int] = []
        real = os.eventfd_write

        def write(descriptor: int, value: int) -> None:
            written.append(value)
            real(descriptor, value)

        self.patch(os, "eventfd_write", write)
        called: list[int] = []

        def call() -> None:
            for number in range(50):
                self.reactor.callFromThread(called.append, number)

        thread = Thread(target=call)
        thread.start()
        thread.join()
        self.reactor.callFromThread(self.reactor.stop)
        self.reactor.run(installSignalHandlers=False)
        assert called == list(range(50))
        assert len(written) == 1

    def test_wakerIsReadTwice(self) -> None:
        """As when a protocol turns the reactor within a turn."""
        waker = Waker()
        waker.wakeUp()
        waker.doRead()
        waker.doRead()
        waker.wakeUp()
        assert os.eventfd_read(waker.fileno()) == 1
        waker.connectionLost(Failure(ConnectionDone()))
        waker.connectionLost(Failure(ConnectionDone()))
        waker.wakeUp()

    def test_wakeUpFails(self) -> None:
        """Whoever asks is told, and the next one tries again."""
        waker = Waker()
        self.addCleanup(waker.connectionLost, Failure(ConnectionDone()))
        real = os.eventfd_write

        def refuse(descriptor: int, value: int) -> None:
            self.patch(os, "eventfd_write", real)
            raise PermissionError

        self.patch(os, "eventfd_write", refuse)
        with pytest.raises(PermissionError):
            waker.wakeUp()
        waker.wakeUp()
        assert os.eventfd_read(waker.fileno()) == 1

    def test_hungUpWithBytes(self) -> None:
        """A pipe may be reported as hung up before its last bytes are: it is read in any case."""
        one, _ = self.pair()
        member = Described(self.reactor, one.fileno())
        self.reactor.addReader(member)
        self.script([(one.fileno(), select.EPOLLHUP)], [(one.fileno(), select.EPOLLHUP)])
        self.reactor.doIteration(0)
        assert member.calls == ["doRead"]
        member.acts = lambda: ConnectionDone()
        self.reactor.doIteration(0)
        assert member.calls == ["doRead", "doRead", "connectionLost"]

    def test_hungUpWriter(self) -> None:
        one, _ = self.pair()
        member = Described(self.reactor, one.fileno())
        self.reactor.addWriter(member)
        self.script([(one.fileno(), select.EPOLLHUP)])
        self.reactor.doIteration(0)
        assert member.calls == ["connectionLost"]

    def test_timers(self) -> None:
        order: list[str] = []

        def first() -> None:
            order.append("first")
            self.reactor.callLater(0.002, second)

        def second() -> None:
            order.append("second")
            # Not from the beginning: on a busy machine all could be due in the first turn.
            self.reactor.callLater(0.004, self.reactor.stop)
            self.reactor.callLater(0.003, order.append, "third")

        self.reactor.callLater(10**9, order.append, "never")
        self.reactor.callLater(0, lambda: self.reactor.callLater(0, first))
        self.reactor.callLater(0.001, order.append, "cancelled").cancel()
        self.reactor.run(installSignalHandlers=False)
        assert order == ["first", "second", "third"]

    def test_longWait(self) -> None:
        """No longer than the kernel can wait, in the first turn and in all others."""
        waits: list[float] = []
        real = self.reactor._poller

        def poll(timeout: float, most: int) -> list[tuple[int, int]]:
            waits.append(timeout)
            if len(waits) == 3:
                self.reactor.stop()
            return []

        self.script()
        self.patch(self.reactor._poller, "poll", poll)
        never = self.reactor.callLater(1e12, lambda: None)
        self.reactor.run(installSignalHandlers=False)
        self.reactor._poller = real
        never.cancel()
        assert all(2e6 <= wait < 1 << 31 for wait in waits[:3]), waits

    def test_turnIsCutShort(self) -> None:
        """What gets out of a turn is logged, and the loop goes on."""
        turns: list[int] = []
        real = self.reactor._poller

        def poll(timeout: float, most: int) -> list[tuple[int, int]]:
            turns.append(1)
            if len(turns) == 1:
                raise MemoryError
            if len(turns) == 2:
                self.reactor.stop()
            return []

        self.script()
        self.patch(self.reactor._poller, "poll", poll)
        self.reactor.run(installSignalHandlers=False)
        self.reactor._poller = real
        assert len(self.flushLoggedErrors(MemoryError)) == 1
        assert len(turns) == 3

    def test_afterDaemonize(self) -> None:
        """The epoll object is one of the child alone, and has all descriptors."""
        (one, other), (two, another) = self.pair(), self.pair()
        described, direct = (
            Described(self.reactor, one.fileno()),
            Direct(self.reactor, two.fileno()),
        )
        protocol = Echo()
        peer = connect(self.reactor, protocol)
        self.addCleanup(peer.close)
        for member in (described, direct):
            self.reactor.addReader(member)
        self.reactor.addWriter(described)
        before = self.reactor._poller
        self.reactor.beforeDaemonize()
        self.reactor.afterDaemonize()
        assert before.closed
        for end in (other, another, peer):
            end.send(b"x")
        self.reactor.doIteration(0)
        assert described.calls == ["doRead", "doWrite"]
        assert direct.calls == ["doRead"]
        assert receiveAll(peer) == b"x"
        self.reactor.removeReader(described)

    def test_observersGoWithTheLastPort(self) -> None:
        protocol = Recorder()
        peer = connect(self.reactor, protocol)
        self.reactor.portOpened()
        observer: Any = object()
        protocol.transport.replyWith(lambda data: data, observer)
        self.reactor.portClosed()
        assert self.reactor.observers == [observer]
        protocol.transport.connectionLost(Failure(ConnectionDone()))
        assert self.reactor.observers == []
        peer.close()

    def test_halfClosed(self) -> None:
        """An error that the kernel reports is read by a descriptor that is served directly."""
        one, _ = self.pair()

        @implementer(IHalfCloseableDescriptor)
        class Halved(Direct):
            def readConnectionLost(self, reason: Failure) -> None:
                self.calls.append("readConnectionLost")

            def writeConnectionLost(self, reason: Failure) -> None:
                self.calls.append("writeConnectionLost")

        member = Halved(self.reactor, one.fileno())
        member.acts = lambda: ConnectionDone()
        self.reactor.addReader(member)
        self.script([(one.fileno(), select.EPOLLERR)])
        self.reactor.doIteration(0)
        assert member.calls == ["doRead", "readConnectionLost"]
