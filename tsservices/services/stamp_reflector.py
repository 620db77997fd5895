"""
The STAMP reflector (RFC 8762), which returns the packets of a session sender with the times of
their arrival and departure.

L{tsservices.stamp.reflector} makes the answers; this module has the clocks and the port.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import MessageLengthError

from tsservices.common.counters import StampCounters
from tsservices.common.timestamps import Nanoclock
from tsservices.stamp.clock import findAdjtimex, readClockError
from tsservices.stamp.reflector import ReflectorConfig, SessionReflector
from tsservices.stamp.timestamps import ErrorEstimate
from tsservices.transport.capabilities import (
    IReflectingPort,
    StampedAnswer,
    StampedReply,
    capability,
)
from tsservices.transport.context import DatagramContext
from tsservices.transport.timestamping.udp import (
    ReceiveInfo,
    TimestampedDatagramProtocol,
    TimestampedUDPPort,
)
from tsservices.transport.udp_guard import DropObserver

#: Seconds between two system calls for the error estimate of the clock, which changes slowly; a
#: call for each packet would cost more than the packet itself.
ESTIMATE_SECONDS = 10.0


class StampReflectorProtocol(TimestampedDatagramProtocol):
    """
    Reflects packets, with the address they were sent to as the source.

    @ivar counters: the counters of this listener.
    """

    transport: TimestampedUDPPort

    def __init__(
        self,
        reflector: SessionReflector,
        counters: StampCounters,
        monotonic: Callable[[], float],
        estimate: Callable[[], ErrorEstimate],
        observer: DropObserver | None = None,
    ) -> None:
        """
        @param estimate: gets the error estimate of the system's clock.
        @param observer: logs dropped packets.
        """
        self.counters = counters
        self._reflector = reflector
        # Chosen once, so that an absent observer costs nothing per packet.
        self._reflect: StampedReply = (
            reflector.reflect if observer is None else _observed(reflector.reflect, observer)
        )
        self._observer = observer
        self._monotonic = monotonic
        self._estimate = estimate
        self._nextEstimate = float("-inf")

    def logPrefix(self) -> str:
        return "stamp"

    def startProtocol(self) -> None:
        """Let the port send the answers of the reflector."""
        if (port := capability(self.transport, IReflectingPort)) is not None:
            port.reflectWith(self._reflect, self.unsent, self)
            if self._observer is None:
                made = self._reflector
                port.reflectBatchesWith(made.reflectAll, made.depart, made.departed)

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        # Called by other ports, which do not report the beginning of a round of reads.
        self.roundBegan()
        ns, kernel, destination, ttl, _ = arrival
        now = self._monotonic()
        # Without the type of service, because such a port sends all answers with the same one.
        answer = self._reflect(datagram, address, ns, kernel, destination, ttl, now, None)
        if answer is not None:
            # A tuple also has a callback for the departure of the packet, which only a reflecting
            # port can report.
            packet = answer[0] if isinstance(answer, tuple) else answer
            try:
                self.transport.write(packet, address, destination)
            except (OSError, MessageLengthError):
                self.unsent()

    def roundBegan(self) -> None:
        now = self._monotonic()
        if now >= self._nextEstimate:
            self._nextEstimate = now + ESTIMATE_SECONDS
            self._reflector.errorEstimate = self._estimate().encode()

    def roundEnded(self) -> None:
        pass

    def unsent(self) -> None:
        """Correct the counters, because the last answer was not sent."""
        self.counters.answered -= 1
        self.counters.unsent += 1


def _observed(reflect: StampedReply, observer: DropObserver) -> StampedReply:
    def observedReflect(
        datagram: bytes, address: tuple[str, int], *facts: Any
    ) -> StampedAnswer | None:
        before = observer.begin()
        answer = reflect(datagram, address, *facts)
        observer.end(before, *address)
        return answer

    return observedReflect


def reflecting(
    context: DatagramContext, config: ReflectorConfig, nanoclock: Nanoclock
) -> StampReflectorProtocol:
    """Make the protocol of one listener, with its own reflector and sessions."""
    counters = context.counters
    assert isinstance(counters, StampCounters)
    adjtimex = findAdjtimex()
    # The reflector has its own guards: RFC 8762 lets senders use any port, and packets are longer.
    reflector = SessionReflector(config, context.limits, context.trusted, counters, nanoclock)
    return StampReflectorProtocol(
        reflector,
        counters,
        context.monotonic,
        lambda: readClockError(adjtimex),
        context.dropObserver(),
    )
