"""
The port from which the packets to one target are sent.

It is connected, so that the system reports refusals to it.  On Linux the error queue, which also
has the times of sent packets, shows which packet an ICMP message is about, and who sent it.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from twisted.internet.error import MessageLengthError

from tsservices.client.probe.wires.base import PathMTU, SendError, TransportConfig
from tsservices.client.probe.wires.network_errors import (
    LONGEST_PAYLOAD,
    OVERHEAD,
    describeError,
    describeNetworkError,
    version,
)
from tsservices.stamp.stats.errors import ErrorReport, ErrorSource
from tsservices.stamp.stats.result import ProbeState
from tsservices.transport.timestamping import cmsg as ancillary
from tsservices.transport.timestamping.cmsg import PACKET_NUMBERS
from tsservices.transport.timestamping.error_queue import LOCAL, readNetworkError
from tsservices.transport.timestamping.udp import (
    MAX_ERRORS_PER_DRAIN,
    TimestampedDatagramProtocol,
    TimestampedUDPPort,
)

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Octets that are kept of the packet in an ICMP message: enough to find its number.
RETURNED_OCTETS = 128

#: How often sending is tried: the kernel may fail an attempt with the error of an earlier packet,
#: without sending.
SEND_ATTEMPTS = 3

#: Octets of the receive buffer: no datagram is truncated.
MAXIMUM_DATAGRAM = 65_536

#: Errors that the kernel derives from ICMP messages, besides those of every port.
ICMP_ERRORS = frozenset(
    (errno.EMSGSIZE, errno.EPROTO, errno.EACCES, errno.ENOPROTOOPT, errno.EOPNOTSUPP)
)

# Socket options, by family.
_LEVEL = {socket.AF_INET: socket.IPPROTO_IP, socket.AF_INET6: socket.IPPROTO_IPV6}
_TOS = {socket.AF_INET: socket.IP_TOS, socket.AF_INET6: socket.IPV6_TCLASS}
_TTL = {socket.AF_INET: socket.IP_TTL, socket.AF_INET6: socket.IPV6_UNICAST_HOPS}

# From Linux' headers: Python's socket module lacks them.
_RECVERR = {socket.AF_INET: ancillary.IP_RECVERR, socket.AF_INET6: ancillary.IPV6_RECVERR}
_MTU_DISCOVER = {socket.AF_INET: 10, socket.AF_INET6: 23}
_MTU = {socket.AF_INET: 14, socket.AF_INET6: 24}

#: Values of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER.
MTU_DISCOVERY = {"dont": 0, "want": 1, "do": 2}


class ProbeProtocol(TimestampedDatagramProtocol):
    """The receiver of errors of a L{ProbePort}, besides datagrams and their times."""

    def packetFailed(
        self, state: ProbeState, reason: str, error: ErrorReport | None, datagram: bytes | None
    ) -> None:
        """
        Called when a packet was refused, or when there is no route to the target.

        @param error: the report of the error, if its source is known.
        @param datagram: the beginning of the packet; L{None} if it is unknown.
        """
        raise NotImplementedError


class ProbePort(TimestampedUDPPort):
    """A connected port for the packets to one target."""

    protocol: ProbeProtocol
    # It reads them before each pass, which is enough: epoll reports later ones.
    readsErrors = False

    def __init__(
        self, protocol: ProbeProtocol, config: TransportConfig, payload: int, reactor: ReactorBase
    ) -> None:
        """@param payload: octets of each packet after the header of UDP or ICMP."""
        interface = config.source.address or ("::" if ":" in config.address else "0.0.0.0")
        asksMarks = config.dscpBack is not None
        super().__init__(
            0, protocol, interface, MAXIMUM_DATAGRAM, reactor, transmit=True, tos=asksMarks
        )
        self._config = config
        self._receivesICMP = False
        self._payload = payload
        self._firstMTU: int | None = None
        self._lastMTU: int | None = None
        self._kernelMTU: int | None = None

    def createInternetSocket(self) -> socket.socket:
        """@raise OSError: the system gives no socket, or the interface cannot be used."""
        created = self._createSocket()
        try:
            self._config.source.apply(created)
        except OSError:
            created.close()
            raise
        return created

    def _createSocket(self) -> socket.socket:
        return super().createInternetSocket()

    def _bindSocket(self) -> None:
        super()._bindSocket()
        config = self._config
        if config.tos:
            self._set(_TOS, config.tos)
        if config.ttl is not None:
            self._set(_TTL, config.ttl)
        if config.mtuDiscovery is not None:
            self._set(_MTU_DISCOVER, MTU_DISCOVERY[config.mtuDiscovery])
        if self.transmitting:
            # Without it a refusal is reported by the next call, for any earlier packet.
            with suppress(OSError):
                self._set(_RECVERR, 1)
                self._receivesICMP = True

    def _set(self, options: dict[socket.AddressFamily, int], value: int) -> None:
        family = socket.AddressFamily(self.addressFamily)
        self.socket.setsockopt(_LEVEL[family], options[family], value)

    def pathMTU(self) -> PathMTU | None:
        """Return the path MTU, or the last known one; L{None} if the kernel knows none."""
        if self.connected and ancillary.LINUX:
            family = socket.AddressFamily(self.addressFamily)
            with suppress(OSError):
                known = self.socket.getsockopt(_LEVEL[family], _MTU[family])
                # A ping socket of IPv6 keeps returning the MTU of the link.
                if known != self._kernelMTU:
                    self._kernelMTU = self._lastMTU = known
        if self._lastMTU is None:
            return None
        if self._firstMTU is None:
            self._firstMTU = self._lastMTU
        overhead = OVERHEAD[version(self._config.address)]
        notable = self._config.mtuDiscovery is not None or self._lastMTU != self._firstMTU
        return PathMTU(
            self._lastMTU,
            max(0, self._lastMTU - overhead),
            self._firstMTU,
            self._payload + overhead,
            notable,
        )

    def send(self, datagram: bytes) -> None:
        """@raise SendError: this host does not send it."""
        for attempt in range(SEND_ATTEMPTS):
            self._drainErrors()
            try:
                if self.write(datagram) is not None:
                    return
            except (MessageLengthError, OSError) as error:
                if attempt < SEND_ATTEMPTS - 1:
                    continue
                if isinstance(error, OSError):
                    number = error.errno or 0
                    # A refusal is the answer to an earlier packet, not an error of this host.
                    refused = number == errno.ECONNREFUSED
                    report = None if refused else ErrorReport(ErrorSource.SELF)
                    raise SendError(*describeError(number), report) from error
                raise self._tooLong() from error
        raise SendError(*describeError(errno.ECONNREFUSED))

    def _tooLong(self) -> SendError:
        path = self.pathMTU()
        if path is None or self._payload > LONGEST_PAYLOAD[version(self._config.address)]:
            reason = "too long for one datagram"
            return SendError(ProbeState.UNREACHABLE, reason, ErrorReport(ErrorSource.SELF))
        reason = f"too long for one packet, MTU {path.mtu} (largest -s {path.largest})"
        report = ErrorReport(ErrorSource.SELF, mtu=path.mtu)
        return SendError(ProbeState.UNREACHABLE, reason, report)

    def doRead(self) -> None:
        """Like the base method, but read events of sent packets before their replies."""
        # When a packet had to wait for address resolution, or this program for the processor,
        # both are ready together.  A reply that is read first would not have the kernel's T1.
        self._drainErrors()
        super().doRead()

    def _receiveFailed(self, error: OSError) -> bool:
        # A call may return the error of an ICMP message that arrived after the queue was read.
        if error.errno in ICMP_ERRORS:
            self._peerRefused(error.errno)
            return False
        return super()._receiveFailed(error)

    def _peerRefused(self, number: int | None) -> None:
        # The error queue reports the same error, together with the packet.
        if number and not self._receivesICMP:
            self.protocol.packetFailed(*describeError(number), None, None)

    def _drainErrors(self) -> None:
        # Replaces the base method, which reads times only: ICMP messages are between them.
        for _ in range(MAX_ERRORS_PER_DRAIN):
            # The protocol may have closed the port.
            if not (self.transmitting and self.connected):
                return
            try:
                data, ancillaryData, _, _ = self.socket.recvmsg(
                    RETURNED_OCTETS, ancillary.ERROR_CONTROL_BYTES, socket.MSG_ERRQUEUE
                )
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                return
            timestamp = ancillary.readTransmitTimestamp(ancillaryData)
            if timestamp is not None:
                self._transmitted(*timestamp)
                if timestamp[0] == (self.sent - 1 - self._countedFrom) % PACKET_NUMBERS:
                    # Nearly always it is the last entry, and checking for more costs as much.
                    # Epoll reports them if there are any.
                    return
                continue
            failure = readNetworkError(ancillaryData)
            if failure is not None and failure.number == errno.EMSGSIZE and failure.mtu:
                self._lastMTU = failure.mtu
            # Errors of this host itself have already been raised by the call that sends.
            if failure is not None and failure.origin != LOCAL:
                local = self.socket.getsockname()[0]
                description = describeNetworkError(failure, self._config.address, local)
                self.protocol.packetFailed(*description, data)
