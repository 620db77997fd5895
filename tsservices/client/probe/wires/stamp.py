"""
STAMP (RFC 8762): the sender's side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsservices.client.probe.wires.base import Clocks, Reply
from tsservices.client.probe.wires.udp import UDPProbeTransport
from tsservices.stamp import telemetry as followup
from tsservices.stamp.auth import check, seal
from tsservices.stamp.packets import (
    OPEN_LENGTH,
    SEALED_LENGTH,
    PacketError,
    ReflectorPacket,
    SenderPacket,
)
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.timestamps import ErrorEstimate, fromWire, toNTP
from tsservices.transport.timestamping.cmsg import ReceiveInfo

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Sequence numbers on the wire go round here.
ROUND = 1 << 32

#: What is said of this host's clock: nothing is claimed.
UNSYNCHRONISED = ErrorEstimate.of(1_000_000, False).encode()


def unwrapped(number: int, near: int) -> int:
    """The number that was meant."""
    return near + ((number - near + ROUND // 2) % ROUND) - ROUND // 2


class StampTransport(UDPProbeTransport):
    """STAMP packets to one reflector."""

    label = "STAMP"

    def __init__(
        self,
        reactor: ReactorBase,
        times: Clocks,
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
        least = OPEN_LENGTH if key is None else SEALED_LENGTH
        asking = followUp and key is None
        usual = least + followup.EXTENSION_LENGTH * asking
        super().__init__(reactor, times, address, port, size or usual, tos)
        if key is not None:
            self.label = "STAMP, authenticated"
        self._key = key
        extension = followup.asking(self.size - least) if asking else None
        self._asking = extension is not None
        self._rest = bytes(self.size - least) if extension is None else extension
        self._newest = 0
        self._counted = 0

    def packet(self, sequence: int, wall: int) -> bytes:
        """
        The packet.

        @param wall: the time in nanoseconds since 1970.
        """
        self._newest = sequence
        made = SenderPacket(sequence % ROUND, toNTP(wall), UNSYNCHRONISED, rest=self._rest)
        if self._key is None:
            return made.encode()
        return seal(self._key, made.encode(sealed=True))

    def read(self, datagram: bytes, arrival: ReceiveInfo, at: int) -> Reply | None:
        """
        What it says; L{None} if it is no reply.

        @param at: when this program had it, by the monotonic clock.
        """
        try:
            if self._key is not None:
                check(self._key, datagram)
            packet = ReflectorPacket.decode(datagram, sealed=self._key is not None)
        except PacketError:
            return None
        counted = self._counted = unwrapped(packet.sequence, self._counted)
        return Reply(
            unwrapped(packet.senderSequence, self._newest),
            at,
            arrival.ns,
            arrival.kernel,
            len(datagram),
            packet.receivedAt(arrival.ns),
            packet.sentAt(arrival.ns),
            counted,
            arrival.ttl,
            self._departure(packet, counted, arrival.ns) if self._asking else None,
        )

    def _departure(self, packet: ReflectorPacket, counted: int, near: int) -> FollowUpInfo | None:
        told = followup.read(packet.rest)
        if told is None:
            return None
        when = fromWire(told.timestamp, packet.errorEstimate, near) if told.timestamp else None
        return FollowUpInfo(unwrapped(told.sequence, counted), when)

    def numberOf(self, datagram: bytes) -> int | None:
        """Its number, if that can be read."""
        if len(datagram) < 4:
            return None
        return unwrapped(int.from_bytes(datagram[:4], "big"), self._newest)
