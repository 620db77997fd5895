"""The timestamp service over UDP: it returns the text of a datagram after a timestamp."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tsservices.client.probe.wires.base import Clocks, Reply, TransportConfig
from tsservices.client.probe.wires.udp import UDPProbeTransport
from tsservices.transport.timestamping.cmsg import ReceiveInfo

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: The default octets of a packet, as in ping.
TEXT_SIZE = 56

_TEXT = re.compile(rb"(?:\[[^\]\n]{1,40}\] )?probe ([0-9a-f]{8}) ([0-9]{1,15}) \.*\n?")


def buildText(session: int, sequence: int, size: int) -> bytes:
    """
    Return a packet, without a line ending.

    @param session: a number of 32 bits that is in all texts of this run.
    @param size: octets to pad the text to.
    """
    return (b"probe %08x %d " % (session, sequence)).ljust(size, b".")


def sequenceIn(text: bytes, session: int) -> int | None:
    """Return the number of the packet; L{None} if it is not one of this run."""
    match = _TEXT.fullmatch(text)
    return int(match[2]) if match and int(match[1], 16) == session else None


class UDPTextTransport(UDPProbeTransport):
    """Datagrams to the timestamp service."""

    label = "timestamp over UDP"

    def __init__(
        self, reactor: ReactorBase, clocks: Clocks, config: TransportConfig, session: int
    ) -> None:
        super().__init__(reactor, clocks, config, TEXT_SIZE)
        self._session = session

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        return buildText(self._session, sequence, self.size)

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, monotonic: int) -> Reply | None:
        number = sequenceIn(datagram, self._session)
        if number is None:
            return None
        return Reply(number, monotonic, arrival.ns, arrival.kernel, len(datagram), ttl=arrival.ttl)

    def sequenceOf(self, datagram: bytes) -> int | None:
        # Not sequenceIn: an ICMP message contains only the beginning of the packet.
        match = re.match(rb"probe [0-9a-f]{8} ([0-9]{1,15}) ", datagram)
        return int(match[1]) if match else None
