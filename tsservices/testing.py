"""
For tests of services, of this suite and of one's own: an environment whose time
stands still, and connections without a network.

    >>> protocol, transport = connect(TimestampFactory, environment())
    >>> protocol.dataReceived(b"hello")
    >>> transport.value()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from tsservices.common.addresses import LOOPBACK, TrustedNetworks
from tsservices.common.counters import StreamCounters
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS, TimestampFormatter
from tsservices.server.chat.service import ChatService, ChatServiceConfig
from tsservices.server.password_hasher import Job, PasswordHasherThread, Then
from tsservices.storage.memory import MemoryStorage
from tsservices.transport.context import ServiceContext
from tsservices.transport.stream import StreamFactory, StreamProtocol

#: When tests take place: seconds since 1970.
NOON = 1_795_176_600


class MemoryTransport(StringTransport):
    """
    A transport in memory, whose peer reads when the test says so.

    @ivar bytesSent: bytes that the peer has read.
    @ivar pending: bytes that it has not.
    @ivar aborted: whether the connection was aborted.
    """

    def __init__(self, host: str = "192.0.2.1", port: int = 50_000) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", host, port))
        self.bytesSent = 0
        self.pending = 0
        self.aborted = False

    def pendingBytes(self) -> int:
        """Bytes that the peer has not read."""
        return self.pending

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True
        super().abortConnection()


class ImmediateHasher(PasswordHasherThread):
    """
    Hashes passwords without a thread, and badly.

    @ivar held: whether they wait until the test says so.
    """

    def __init__(self) -> None:
        """Nothing waits."""
        super().__init__(_now, bytes, 1)
        self.held = False
        self._queue: list[tuple[Job, Then]] = []

    def start(self) -> None:
        """There is nothing to start."""

    def stop(self) -> None:
        """What waits is done by nobody."""
        self._queue.clear()

    def _put(self, job: Job, then: Then) -> None:
        self._queue.append((job, then))
        if not self.held:
            self.work()

    def work(self) -> None:
        """Do all that waits."""
        queue, self._queue = self._queue, []
        for job, then in queue:
            self.waiting -= 1
            then(job())


def _now(call: Callable[..., object], *given: object) -> None:
    call(*given)


def environment(
    clock: Clock | None = None,
    limits: Limits | None = None,
    form: str = "ctime",
    trust: tuple[str, ...] = LOOPBACK,
) -> ServiceContext:
    """
    What services are given.

    @param clock: advances both the wall clock, from L{NOON} on, and the monotonic
        one; a new one by default.
    """
    time = clock or Clock()
    bounds = limits or Limits()

    def now() -> int:
        return NOON * NANOSECONDS + round(time.seconds() * NANOSECONDS)

    chat = ChatService(
        ChatServiceConfig(bounds, "run"),
        MemoryStorage("testing"),
        ImmediateHasher(),
        now,
        lambda job: time.callLater(0, job),
    )
    chat.prepare()
    chat.startService()
    return ServiceContext.make(
        bounds,
        TimestampFormatter(form, now),
        TrustedNetworks(trust),
        time,
        time.seconds,
        chat,
        nanoclock=now,
    )


def connect(
    factoryClass: type[StreamFactory],
    surroundings: ServiceContext,
    host: str = "192.0.2.1",
    port: int = 50_000,
) -> tuple[Any, MemoryTransport]:
    """The service's protocol, connected, and its transport."""
    factory = factoryClass(surroundings, StreamCounters())
    transport = MemoryTransport(host, port)
    protocol = factory.buildProtocol(transport.getPeer())
    assert isinstance(protocol, StreamProtocol)
    protocol.makeConnection(transport)
    return protocol, transport
