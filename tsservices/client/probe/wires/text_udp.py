"""
The timestamp service over UDP: it answers text with the same text behind a stamp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tsservices.client.probe.wires.base import Reply, Times
from tsservices.client.probe.wires.udp import DatagramWire
from tsservices.transport.timestamping.cmsg import Arrival

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

TEXT_SIZE = 56
"""
Bytes of a packet when nothing else is asked for, as ping has it.
"""

_TEXT = re.compile(rb"(?:\[[^\]\n]{1,40}\] )?probe ([0-9a-f]{8}) ([0-9]{1,15}) \.*\n?")


def textPacket(session: int, sequence: int, size: int) -> bytes:
    """
    @param session: tells the packets of one run from those of another.
    @param sequence: the number of the packet.
    @param size: bytes to fill up to.
    @return: the packet, without a line ending.
    """
    return b"probe %08x %d " % (session, sequence) + b"." * (
        size - len(b"probe %08x %d " % (session, sequence))
    )


def numberIn(text: bytes, session: int) -> int | None:
    """
    @param text: a packet, with a stamp before it or without.
    @param session: of the run.
    @return: the number of the packet; L{None} if it is none of this run.
    """
    match = _TEXT.fullmatch(text)
    return int(match[2]) if match and int(match[1], 16) == session else None


class TextWire(DatagramWire):
    """
    Datagrams to the timestamp service.
    """

    label = "timestamp over UDP"

    def __init__(
        self,
        reactor: ReactorBase,
        times: Times,
        address: str,
        port: int,
        session: int,
        size: int | None = None,
        tos: int = 0,
    ) -> None:
        """
        @param reactor: watches the socket.
        @param times: this host's clocks.
        @param address: the IP address of the server.
        @param port: its port.
        @param session: 32 bits that tell this run from others.
        @param size: bytes of each packet; L{None} for the usual.
        @param tos: the type of service of what is sent.
        """
        super().__init__(reactor, times, address, port, size or TEXT_SIZE, tos)
        self._session = session

    def packet(self, sequence: int, wall: int) -> bytes:
        """
        @param sequence: the number of the packet.
        @param wall: of no interest here.
        @return: the packet.
        """
        return textPacket(self._session, sequence, self.size)

    def read(self, datagram: bytes, arrival: Arrival, at: int) -> Reply | None:
        """
        @param datagram: what came.
        @param arrival: how it came.
        @param at: when this program had it, by the monotonic clock.
        @return: what it says; L{None} if it is no reply.
        """
        number = numberIn(datagram, self._session)
        if number is None:
            return None
        return Reply(number, at, arrival.ns, arrival.kernel, len(datagram), ttl=arrival.ttl)

    def numberOf(self, datagram: bytes) -> int | None:
        """
        @param datagram: the beginning of a packet of ours.
        @return: its number, if that can be read.
        """
        match = re.match(rb"probe [0-9a-f]{8} ([0-9]{1,15}) ", datagram)
        return int(match[1]) if match else None
