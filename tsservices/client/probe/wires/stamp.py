"""STAMP (RFC 8762): the sender's packets and the reading of replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsservices.client.probe.wires.base import Clocks, Reply, TransportConfig
from tsservices.client.probe.wires.udp import UDPProbeTransport
from tsservices.stamp.auth import authenticate, verify
from tsservices.stamp.packets import (
    AUTHENTICATED_LENGTH,
    UNAUTHENTICATED_LENGTH,
    PacketError,
    ReflectorPacket,
    SenderPacket,
)
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.telemetry import EXTENSION_LENGTH, readFollowUp, requestExtensions
from tsservices.stamp.timestamps import ErrorEstimate, fromPacket, toNTP
from tsservices.transport.timestamping.cmsg import ReceiveInfo

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Sequence numbers wrap here.
SEQUENCE_SPACE = 1 << 32

#: Of this host's clock: not synchronised, 1 ms.  No figure of this program depends on it.
ERROR_ESTIMATE = ErrorEstimate.atLeast(1_000_000, False).encode()


def unwrap(number: int, near: int) -> int:
    """The number without end that stands for a number of 32 bits, nearest to another one."""
    return near + ((number - near + SEQUENCE_SPACE // 2) % SEQUENCE_SPACE) - SEQUENCE_SPACE // 2


class StampTransport(UDPProbeTransport):
    """STAMP packets to one reflector."""

    label = "STAMP"

    def __init__(
        self,
        reactor: ReactorBase,
        clocks: Clocks,
        config: TransportConfig,
        key: bytes | None = None,
        followUp: bool = False,
    ) -> None:
        """
        @param key: of authenticated packets; L{None} for unauthenticated ones.
        @param followUp: ask of each reply when it really left, if that fits and there is no key:
            the HMAC does not cover extensions, so anybody on the way could change that time.
        """
        base = UNAUTHENTICATED_LENGTH if key is None else AUTHENTICATED_LENGTH
        asks = followUp and key is None
        super().__init__(reactor, clocks, config, base + EXTENSION_LENGTH * asks)
        if key is not None:
            self.label = "STAMP, authenticated"
        self._key = key
        request = requestExtensions(self.size - base) if asks else None
        self._asksFollowUp = request is not None
        self._extensions = bytes(self.size - base) if request is None else request
        self._newest = 0
        self._reflectorSequence = 0

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        self._newest = sequence
        packet = SenderPacket(
            sequence % SEQUENCE_SPACE, toNTP(wall), ERROR_ESTIMATE, extensions=self._extensions
        )
        if self._key is None:
            return packet.encode()
        return authenticate(self._key, packet.encode(authenticated=True))

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, monotonic: int) -> Reply | None:
        try:
            if self._key is not None:
                verify(self._key, datagram)
            packet = ReflectorPacket.decode(datagram, authenticated=self._key is not None)
        except PacketError:
            return None
        number = self._reflectorSequence = unwrap(packet.sequence, self._reflectorSequence)
        return Reply(
            unwrap(packet.senderSequence, self._newest),
            monotonic,
            arrival.ns,
            arrival.kernel,
            len(datagram),
            packet.receivedAt(arrival.ns),
            packet.sentAt(arrival.ns),
            number,
            arrival.ttl,
            self._followUp(packet, number, arrival.ns) if self._asksFollowUp else None,
        )

    def _followUp(self, packet: ReflectorPacket, number: int, near: int) -> FollowUpInfo | None:
        followUp = readFollowUp(packet.extensions)
        if followUp is None:
            return None
        departure = None
        if followUp.timestamp:
            departure = fromPacket(followUp.timestamp, packet.errorEstimate, near)
        return FollowUpInfo(unwrap(followUp.sequence, number), departure)

    def sequenceOf(self, datagram: bytes) -> int | None:
        if len(datagram) < 4:
            return None
        return unwrap(int.from_bytes(datagram[:4], "big"), self._newest)
