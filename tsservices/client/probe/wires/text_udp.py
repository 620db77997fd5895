"""
The timestamp service over UDP: it answers text with the same text behind a stamp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tsservices.client.probe.wires.base import Clocks, Reply
from tsservices.client.probe.wires.udp import UDPProbeTransport
from tsservices.transport.timestamping.cmsg import ReceiveInfo

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Bytes of a packet when nothing else is asked for, as ping has it.
TEXT_SIZE = 56

_TEXT = re.compile(rb"(?:\[[^\]\n]{1,40}\] )?probe ([0-9a-f]{8}) ([0-9]{1,15}) \.*\n?")


def buildText(session: int, sequence: int, size: int) -> bytes:
    """
    The packet, without a line ending.

    @param size: bytes to fill up to.
    """
    return b"probe %08x %d " % (session, sequence) + b"." * (
        size - len(b"probe %08x %d " % (session, sequence))
    )


def sequenceIn(text: bytes, session: int) -> int | None:
    """The number of the packet; L{None} if it is none of this run."""
    match = _TEXT.fullmatch(text)
    return int(match[2]) if match and int(match[1], 16) == session else None


class UDPTextTransport(UDPProbeTransport):
    """Datagrams to the timestamp service."""

    label = "timestamp over UDP"

    def __init__(
        self,
        reactor: ReactorBase,
        clocks: Clocks,
        address: str,
        port: int,
        session: int,
        size: int | None = None,
        tos: int = 0,
    ) -> None:
        """@param size: bytes of each packet; L{None} for the usual."""
        super().__init__(reactor, clocks, address, port, size or TEXT_SIZE, tos)
        self._session = session

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        """The packet."""
        return buildText(self._session, sequence, self.size)

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, at: int) -> Reply | None:
        """
        What it says; L{None} if it is no reply.

        @param at: when this program had it, by the monotonic clock.
        """
        number = sequenceIn(datagram, self._session)
        if number is None:
            return None
        return Reply(number, at, arrival.ns, arrival.kernel, len(datagram), ttl=arrival.ttl)

    def sequenceOf(self, datagram: bytes) -> int | None:
        """Its number, if that can be read."""
        match = re.match(rb"probe [0-9a-f]{8} ([0-9]{1,15}) ", datagram)
        return int(match[1]) if match else None
