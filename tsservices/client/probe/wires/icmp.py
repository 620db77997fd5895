"""
ICMP echo (RFC 792, 4443): for hosts that have no reflector.

The kernel's ping sockets need no privileges: they send only echo requests, choose the identifier,
and receive the replies with it.  They exist on Linux and macOS.
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import TYPE_CHECKING

from tsservices.client.connection import ClientError
from tsservices.client.probe.wires.base import (
    Clocks,
    Reply,
    TransportConfig,
    unwrap,
)
from tsservices.client.probe.wires.port import ProbePort
from tsservices.client.probe.wires.udp import UDPProbeTransport
from tsservices.transport.timestamping.cmsg import ReceiveInfo

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: The default octets of payload, as in ping.
PAYLOAD_SIZE = 56

#: Types of echo request and reply, by the version of IP.
ECHO_REQUEST, ECHO_REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}

#: Sequence numbers wrap here.
SEQUENCE_SPACE = 1 << 16

# Type, code, checksum and identifier (which the kernel fills in), sequence number.
_HEADER = Struct(">BBHHH")

# The number of the run, and that of the packet, which wraps later than the header's.
_PAYLOAD = Struct(">IQ")

#: The message where the system does not allow ping sockets.
NO_PING_SOCKETS = (
    "--icmp needs ping sockets, and this user may not open them: set net.ipv4.ping_group_range, "
    "for IPv6 too (sysctl -w net.ipv4.ping_group_range='0 2147483647')"
)


def _packed(address: str) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address.partition("%")[0])


class PingPort(ProbePort):
    """A L{ProbePort} around a ping socket."""

    def _createSocket(self) -> socket.socket:
        isIPv6 = self.addressFamily == socket.AF_INET6
        protocol = socket.IPPROTO_ICMPV6 if isIPv6 else socket.IPPROTO_ICMP
        # As Twisted does for UDP; sockets created by Python are not inherited anyway.
        created = socket.socket(self.addressFamily, socket.SOCK_DGRAM, protocol)
        created.setblocking(False)
        return created


def checkPingSockets() -> None:
    """@raise ClientError: the system does not allow ping sockets."""
    try:
        # The same setting applies to IPv6.
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except PermissionError as error:
        raise ClientError(NO_PING_SOCKETS) from error
    except OSError:
        # Perhaps a host without IPv4: opening the port raises the precise error.
        return


class ICMPTransport(UDPProbeTransport):
    """Echo requests to one host."""

    label = "ICMP echo"

    def __init__(
        self, reactor: ReactorBase, clocks: Clocks, config: TransportConfig, session: int
    ) -> None:
        """@param session: a number of 32 bits, sent in all packets of this run that have space."""
        super().__init__(reactor, clocks, config, PAYLOAD_SIZE)
        version = 6 if ":" in config.address else 4
        self._request, self._reply = ECHO_REQUEST[version], ECHO_REPLY[version]
        self._session = session
        # While the name of a host is not resolved, its transport has no address.
        self._target = _packed(config.address) if config.address else b""
        self._newest = 0

    def _createPort(self) -> ProbePort:
        return PingPort(self, self._config, self.size, self._reactor)

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        self._newest = sequence
        header = _HEADER.pack(self._request, 0, 0, 0, sequence % SEQUENCE_SPACE)
        payload = b""
        if self.size >= _PAYLOAD.size:
            payload = _PAYLOAD.pack(self._session, sequence)
        return header + payload.ljust(self.size, b".")

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        # A ping socket gets replies from anywhere, connected or not.
        if _packed(address[0]) == self._target:
            super().stampedDatagramReceived(datagram, address, arrival)
        elif self._listener is not None:
            self._listener.unmatched()

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, monotonic: int) -> Reply | None:
        if datagram[:2] != bytes([self._reply, 0]):
            return None
        sequence = self.sequenceOf(datagram)
        # A shorter reply is accepted, because some hosts truncate long packets.
        if sequence is None or len(datagram) > _HEADER.size + self.size:
            return None
        return Reply(
            sequence,
            monotonic,
            arrival.ns,
            arrival.kernel,
            len(datagram) - _HEADER.size,
            ttl=arrival.ttl,
        )

    def sequenceOf(self, datagram: bytes) -> int | None:
        if len(datagram) < _HEADER.size:
            return None
        number: int = _HEADER.unpack_from(datagram)[4]
        if len(datagram) < _HEADER.size + _PAYLOAD.size or self.size < _PAYLOAD.size:
            return unwrap(number, self._newest, SEQUENCE_SPACE)
        session, sequence = _PAYLOAD.unpack_from(datagram, _HEADER.size)
        if session != self._session or sequence % SEQUENCE_SPACE != number:
            return None
        return int(sequence)
