"""
STAMP: the packets of a session sender come back with the times at which they came and
left (RFC 8762).
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.error import MessageLengthError

from tsservices.common.counters import DatagramCounters, StampCounters
from tsservices.stamp.clock import findAdjtimex, readClockError
from tsservices.stamp.reflector import SessionReflector
from tsservices.stamp.timestamps import ErrorEstimate
from tsservices.transport.context import ServiceContext
from tsservices.transport.timestamping.udp import (
    ReceiveInfo,
    TimestampedDatagramProtocol,
    TimestampedUDPPort,
)

#: Seconds between two looks at how far the clock may be off.
ESTIMATE_SECONDS = 10.0


class StampReflectorProtocol(TimestampedDatagramProtocol):
    """
    Reflects packets from where they were sent to.

    @ivar counters: what happened here.
    """

    transport: TimestampedUDPPort

    def __init__(
        self,
        reflector: SessionReflector,
        counters: StampCounters,
        monotonic: Callable[[], float],
        estimate: Callable[[], ErrorEstimate],
    ) -> None:
        """@param monotonic: the time in seconds."""
        self.counters = counters
        self._reflector = reflector
        self._monotonic = monotonic
        self._estimate = estimate
        self._due = float("-inf")

    def startProtocol(self) -> None:
        """Let the port send what the reflector returns."""
        if isinstance(self.transport, TimestampedUDPPort):
            self.transport.reflectWith(self._reflector.reflect, self.unsent, self)

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        self.roundBegan()
        ns, kernel, destination, ttl, _ = arrival
        answer = self._reflector.reflect(
            datagram, address, ns, kernel, destination, ttl, self._monotonic()
        )
        if answer is not None:
            # When it leaves, only the port's own way of answering can tell.
            sent = answer[0] if isinstance(answer, tuple) else answer
            try:
                self.transport.write(sent, address, destination)
            except (OSError, MessageLengthError):
                self.unsent()

    def roundBegan(self) -> None:
        """Packets that have come are going to be read: their answers say how good the clock is."""
        now = self._monotonic()
        if now >= self._due:
            self._due = now + ESTIMATE_SECONDS
            self._reflector.errorEstimate = self._estimate().encode()

    def roundEnded(self) -> None:
        """They have been read."""

    def unsent(self) -> None:
        """The last answer was not sent."""
        self.counters.answered -= 1
        self.counters.unsent += 1


def reflecting(environment: ServiceContext, counters: DatagramCounters) -> StampReflectorProtocol:
    """The service at one place."""
    assert isinstance(counters, StampCounters)
    call = findAdjtimex()
    reflector = SessionReflector(
        environment.mode,
        environment.limits,
        environment.trust,
        counters,
        environment.nanoclock,
    )
    return StampReflectorProtocol(
        reflector, counters, environment.monotonic, lambda: readClockError(call)
    )
