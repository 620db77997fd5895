"""STAMP (RFC 8762): the sender's packets and the reading of replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsservices.client.probe.wires.base import Clocks, Reply, TransportConfig, unwrap
from tsservices.client.probe.wires.udp import UDPProbeTransport
from tsservices.stamp.auth import authenticate, verify
from tsservices.stamp.extensions import fillUp
from tsservices.stamp.packets import (
    AUTHENTICATED_LENGTH,
    TWAMP_LIGHT_REPLY_LENGTH,
    UNAUTHENTICATED_LENGTH,
    PacketError,
    ReflectorPacket,
    SenderPacket,
)
from tsservices.stamp.service_class import readServiceClass, requestServiceClass
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.marks import Marks
from tsservices.stamp.telemetry import EMPTY_FOLLOW_UP, readFollowUp
from tsservices.stamp.timestamps import ErrorEstimate, fromPacket, toNTP
from tsservices.transport.timestamping.cmsg import ReceiveInfo

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Sequence numbers wrap here.
SEQUENCE_SPACE = 1 << 32

#: The error of this host's clock: not synchronised, 1 ms.  No figure of this program depends on it.
ERROR_ESTIMATE = ErrorEstimate.atLeast(1_000_000, False).encode()


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
        ssid: int = 0,
    ) -> None:
        """
        @param ssid: the session identifier (RFC 8972, 3), from 1 to 65535; 0 for none.
        @param key: the key of authenticated packets; L{None} for unauthenticated ones.
        @param followUp: request the departure of each reply, if it fits and there is no key: the
            HMAC does not cover extensions, so any host on the path could change that time.
        """
        base = UNAUTHENTICATED_LENGTH if key is None else AUTHENTICATED_LENGTH
        marks = b"" if config.dscpBack is None else requestServiceClass(config.dscpBack)
        asked = EMPTY_FOLLOW_UP if followUp and key is None else b""
        super().__init__(reactor, clocks, config, base + len(asked) + len(marks))
        if key is not None:
            self.label = "STAMP, authenticated"
        self._key = key
        self._ssid = ssid
        room = self.size - base
        request = fillUp(asked + marks, room) if asked else None
        self._asksFollowUp = request is not None
        if request is None and marks:
            request = fillUp(marks, room)
        self._extensions = bytes(room) if request is None else request
        self._newest = 0
        self._reflectorSequence = 0

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        self._newest = sequence
        packet = SenderPacket(
            sequence % SEQUENCE_SPACE,
            toNTP(wall),
            ERROR_ESTIMATE,
            self._ssid,
            self._extensions,
        )
        if self._key is None:
            return packet.encode()
        return authenticate(self._key, packet.encode(authenticated=True))

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, monotonic: int) -> Reply | None:
        whole = datagram
        if self._key is None and len(datagram) >= TWAMP_LIGHT_REPLY_LENGTH:
            whole = datagram.ljust(UNAUTHENTICATED_LENGTH, b"\0")
        try:
            if self._key is not None:
                verify(self._key, datagram)
            packet = ReflectorPacket.decode(whole, authenticated=self._key is not None)
        except PacketError:
            return None
        # A reflector of RFC 8762 alone has zeros there.
        if packet.ssid not in (0, self._ssid):
            return None
        number = self._reflectorSequence = unwrap(
            packet.sequence, self._reflectorSequence, SEQUENCE_SPACE
        )
        # Zero is no time, but what a reflector without a clock writes.
        hasTimes = packet.receiveTimestamp and packet.timestamp
        return Reply(
            unwrap(packet.senderSequence, self._newest, SEQUENCE_SPACE),
            monotonic,
            arrival.ns,
            arrival.kernel,
            len(datagram),
            packet.receivedAt(arrival.ns) if hasTimes else None,
            packet.sentAt(arrival.ns) if hasTimes else None,
            number,
            arrival.ttl,
            self._followUp(packet, number, arrival.ns) if self._asksFollowUp else None,
            self._marks(packet, arrival.tos),
        )

    def _marks(self, packet: ReflectorPacket, tos: int | None) -> Marks | None:
        asked, sent = self._config.dscpBack, self._config.tos
        if asked is None:
            return None
        said = readServiceClass(packet.extensions)
        if said is None:
            # The DSCP with which the reply was sent is unknown.
            return Marks(sent >> 2, ecnUpSent=sent & 3, dscpAsked=asked)
        return Marks(
            sent >> 2,
            said.receivedDSCP,
            said.sentDSCP,
            None if tos is None else tos >> 2,
            sent & 3,
            said.receivedECN,
            (tos or 0) & 3 or None,
            asked,
            said.permitted,
        )

    def _followUp(self, packet: ReflectorPacket, number: int, near: int) -> FollowUpInfo | None:
        followUp = readFollowUp(packet.extensions)
        if followUp is None:
            return None
        departure = None
        if followUp.timestamp:
            departure = fromPacket(followUp.timestamp, packet.errorEstimate, near)
        return FollowUpInfo(unwrap(followUp.sequence, number, SEQUENCE_SPACE), departure)

    def sequenceOf(self, datagram: bytes) -> int | None:
        if len(datagram) < 4:
            return None
        return unwrap(int.from_bytes(datagram[:4], "big"), self._newest, SEQUENCE_SPACE)
