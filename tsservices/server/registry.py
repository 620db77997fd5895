"""
What there is to serve: one row each.  Options, the start's table, C{--help} and the
README are all made of, or checked against, these rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.protocol import DatagramProtocol

from tsservices.common.counters import DatagramCounters, StampCounters
from tsservices.common.limits import Limits
from tsservices.frontends.line.protocol import LineChatFactory
from tsservices.services.ack_sink import AckFactory, SinkDatagramProtocol, SinkFactory
from tsservices.services.hello import HelloDatagramProtocol, HelloFactory
from tsservices.services.rfc86x import (
    ChargenFactory,
    DaytimeDatagramProtocol,
    DaytimeFactory,
    DiscardDatagramProtocol,
    DiscardFactory,
    EchoDatagramProtocol,
    EchoFactory,
    TimeDatagramProtocol,
    TimeFactory,
)
from tsservices.services.stamp_reflector import reflecting
from tsservices.services.talk.protocol import TalkFactory
from tsservices.services.timestamp import (
    TimestampDatagramProtocol,
    TimestampFactory,
    TimestampLineFactory,
)
from tsservices.transport.context import ServiceContext
from tsservices.transport.stream import StreamFactory
from tsservices.transport.udp_guard import GUARDS, DatagramGuard

#: Bytes: no datagram is longer.
LARGEST_DATAGRAM = 65_535


#: Makes the protocol of a UDP port.
BuildDatagram = Callable[[ServiceContext, DatagramCounters, DatagramGuard | None], DatagramProtocol]


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """
    One thing to serve.

    @ivar name: what options call it.
    @ivar offset: how far its default port is from C{--port}; L{None} when it has
        no default port.
    @ivar summary: what it says of itself.
    @ivar stream: the factory for TCP and UNIX, if it has one.
    @ivar datagram: makes the protocol for UDP, if it has one.
    @ivar shareable: several processes may serve it on one port, because nobody has
        to find the same one again.
    @ivar counters: what counts at its UDP ports.
    @ivar longest: tells how many bytes a datagram may have, where C{max-datagram} is not
        what bounds it.
    """

    name: str
    offset: int | None
    summary: str
    stream: type[StreamFactory] | None = None
    datagram: BuildDatagram | None = None
    shareable: bool = True
    counters: type[DatagramCounters] = DatagramCounters
    longest: Callable[[Limits], int] | None = None

    @property
    def transports(self) -> tuple[str, ...]:
        """C{tcp}, C{udp} or both."""
        return (("tcp",) if self.stream else ()) + (("udp",) if self.datagram else ())

    def bytesRead(self, limits: Limits) -> int:
        """
        How many bytes of a datagram are read: one more than is answered, enough to see that
        there was more.
        """
        if self.longest is not None:
            return self.longest(limits) + 1
        return limits.maxDatagram + 1 if self.name in GUARDS else LARGEST_DATAGRAM

    def guard(
        self, environment: ServiceContext, counters: DatagramCounters
    ) -> DatagramGuard | None:
        """What judges its datagrams; L{None} if it answers none."""
        row = GUARDS.get(self.name)
        if row is None:
            return None
        return DatagramGuard(
            row,
            environment.limits,
            environment.trust,
            environment.closedPorts,
            counters,
            environment.monotonic,
        )


def _guarded(make: Callable[[DatagramGuard, DatagramCounters], DatagramProtocol]) -> BuildDatagram:

    def build(
        environment: ServiceContext, counters: DatagramCounters, guard: DatagramGuard | None
    ) -> DatagramProtocol:
        assert guard is not None, "what answers datagrams has a row in GUARDS"
        return make(guard, counters)

    return build


def _stamping(
    make: Callable[..., DatagramProtocol],
) -> BuildDatagram:

    def build(
        environment: ServiceContext, counters: DatagramCounters, guard: DatagramGuard | None
    ) -> DatagramProtocol:
        return make(guard, counters, environment.stamper)

    return build


#: All of them, in the order of their ports.
CATALOG = (
    ServiceSpec(
        "timestamp",
        0,
        "each chunk comes back with the time before it",
        TimestampFactory,
        _stamping(TimestampDatagramProtocol),
    ),
    ServiceSpec(
        "timestamp-line",
        1,
        "each line comes back with the time before it",
        TimestampLineFactory,
    ),
    ServiceSpec(
        "hello",
        2,
        "a welcome, and a hello for each chunk; exit ends",
        HelloFactory,
        _guarded(HelloDatagramProtocol),
    ),
    ServiceSpec("ack", 3, "each chunk is logged and acknowledged; exit ends", AckFactory),
    ServiceSpec(
        "sink",
        4,
        "what comes is logged, nothing is answered",
        SinkFactory,
        lambda environment, counters, guard: SinkDatagramProtocol(environment.transcript, counters),
    ),
    ServiceSpec("talk", 5, "talk with the operator of this server", TalkFactory, shareable=False),
    ServiceSpec(
        "chat", 6, "rooms to talk in, for nc and telnet; /help", LineChatFactory, shareable=False
    ),
    ServiceSpec(
        "stamp",
        9,
        "RFC 8762: packets come back with the times they came and left",
        None,
        lambda environment, counters, guard: reflecting(environment, counters),
        counters=StampCounters,
        longest=lambda limits: limits.stampDatagram,
    ),
    ServiceSpec(
        "echo",
        None,
        "RFC 862: what comes goes back",
        EchoFactory,
        _guarded(EchoDatagramProtocol),
    ),
    ServiceSpec(
        "discard",
        None,
        "RFC 863: what comes is thrown away",
        DiscardFactory,
        lambda environment, counters, guard: DiscardDatagramProtocol(counters),
    ),
    ServiceSpec("chargen", None, "RFC 864: characters without an end", ChargenFactory),
    ServiceSpec(
        "daytime",
        None,
        "RFC 867: the time as a line",
        DaytimeFactory,
        _stamping(DaytimeDatagramProtocol),
    ),
    ServiceSpec(
        "time",
        None,
        "RFC 868: the time as four bytes",
        TimeFactory,
        _stamping(TimeDatagramProtocol),
    ),
)

#: The same, by name.
BY_NAME = {offering.name: offering for offering in CATALOG}
