"""
STAMP (RFC 8762): the sender's side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsservices.client.probe.wires.base import Clocks, Reply
from tsservices.client.probe.wires.udp import UDPProbeTransport
from tsservices.stamp import telemetry as followup
from tsservices.stamp.auth import authenticate, verify
from tsservices.stamp.clock import ErrorEstimate, fromWire, toNTP
from tsservices.stamp.packets import (
    AUTHENTICATED_LENGTH,
    UNAUTHENTICATED_LENGTH,
    PacketError,
    ReflectorPacket,
    SenderPacket,
)
from tsservices.stamp.stats.result import FollowUpInfo
from tsservices.transport.timestamping.cmsg import ReceiveInfo

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Sequence numbers on the wire go round here.
SEQUENCE_SPACE = 1 << 32

#: What is said of this host's clock: nothing is claimed.
ERROR_ESTIMATE = ErrorEstimate.of(1_000_000, False).encode()


def unwrap(number: int, near: int) -> int:
    """The number that was meant."""
    return near + ((number - near + SEQUENCE_SPACE // 2) % SEQUENCE_SPACE) - SEQUENCE_SPACE // 2


class StampTransport(UDPProbeTransport):
    """STAMP packets to one reflector."""

    label = "STAMP"

    def __init__(
        self,
        reactor: ReactorBase,
        clocks: Clocks,
        address: str,
        port: int,
        size: int | None = None,
        tos: int = 0,
        key: bytes | None = None,
        followUp: bool = False,
    ) -> None:
        """
        @param size: bytes of each packet; L{None} for the least.
        @param key: of authenticated packets; L{None} for open ones.
        """
        least = UNAUTHENTICATED_LENGTH if key is None else AUTHENTICATED_LENGTH
        asking = followUp and key is None
        usual = least + followup.EXTENSION_LENGTH * asking
        super().__init__(reactor, clocks, address, port, size or usual, tos)
        if key is not None:
            self.label = "STAMP, authenticated"
        self._key = key
        extension = followup.requestExtensions(self.size - least) if asking else None
        self._asksFollowUp = extension is not None
        self._extensions = bytes(self.size - least) if extension is None else extension
        self._newest = 0
        self._reflectorSequence = 0

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        """
        The packet.

        @param wall: the time in nanoseconds since 1970.
        """
        self._newest = sequence
        made = SenderPacket(
            sequence % SEQUENCE_SPACE, toNTP(wall), ERROR_ESTIMATE, extensions=self._extensions
        )
        if self._key is None:
            return made.encode()
        return authenticate(self._key, made.encode(authenticated=True))

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, at: int) -> Reply | None:
        """
        What it says; L{None} if it is no reply.

        @param at: when this program had it, by the monotonic clock.
        """
        try:
            if self._key is not None:
                verify(self._key, datagram)
            packet = ReflectorPacket.decode(datagram, authenticated=self._key is not None)
        except PacketError:
            return None
        counted = self._reflectorSequence = unwrap(packet.sequence, self._reflectorSequence)
        return Reply(
            unwrap(packet.senderSequence, self._newest),
            at,
            arrival.ns,
            arrival.kernel,
            len(datagram),
            packet.receivedAt(arrival.ns),
            packet.sentAt(arrival.ns),
            counted,
            arrival.ttl,
            self._followUp(packet, counted, arrival.ns) if self._asksFollowUp else None,
        )

    def _followUp(self, packet: ReflectorPacket, counted: int, near: int) -> FollowUpInfo | None:
        told = followup.readFollowUp(packet.extensions)
        if told is None:
            return None
        when = fromWire(told.timestamp, packet.errorEstimate, near) if told.timestamp else None
        return FollowUpInfo(unwrap(told.sequence, counted), when)

    def sequenceOf(self, datagram: bytes) -> int | None:
        """Its number, if that can be read."""
        if len(datagram) < 4:
            return None
        return unwrap(int.from_bytes(datagram[:4], "big"), self._newest)
