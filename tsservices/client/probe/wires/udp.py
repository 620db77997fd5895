"""Packets as datagrams: the common part of STAMP, text over UDP and ICMP echo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from tsservices.client.probe.wires.base import (
    Clocks,
    PathMTU,
    Reading,
    Reply,
    TransportConfig,
    TransportListener,
)
from tsservices.client.probe.wires.port import ProbePort, ProbeProtocol
from tsservices.stamp.stats.errors import ErrorReport
from tsservices.stamp.stats.result import ProbeState
from tsservices.transport.timestamping import cmsg as ancillary
from tsservices.transport.timestamping.cmsg import ReceiveInfo

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Sent datagrams whose T1 the kernel has not yet reported.
MAXIMUM_PENDING = 1024


class UDPProbeTransport(ProbeProtocol):
    """A transport by datagrams; subclasses build and parse them."""

    label = ""
    transport: ProbePort

    def __init__(
        self, reactor: ReactorBase, clocks: Clocks, config: TransportConfig, usualSize: int
    ) -> None:
        """@param usualSize: octets of a packet if the configuration has no size."""
        self.size = usualSize if config.size is None else config.size
        self._reactor = reactor
        self._clocks = clocks
        self._config = config
        # The number of a packet by that of its datagram, which the kernel reports with T1.
        self._sequences: dict[int, int] = {}
        self._listener: TransportListener | None = None
        self._path: PathMTU | None = None

    def open(self, listener: TransportListener) -> Deferred[None]:
        self._listener = listener
        self._createPort().startListening()
        return succeed(None)

    def _createPort(self) -> ProbePort:
        return ProbePort(self, self._config, self.size, self._reactor)

    def startProtocol(self) -> None:
        self.transport.connect(self._config.address, self._config.port)
        self._path = self.transport.pathMTU()

    def buildPacket(self, sequence: int, wall: int) -> bytes:
        """@param wall: nanoseconds since 1970."""
        raise NotImplementedError

    def parseReply(self, datagram: bytes, arrival: ReceiveInfo, monotonic: int) -> Reply | None:
        """
        Parse a reply; L{None} if the datagram is none.

        @param monotonic: when this program read it, by the monotonic clock.
        """
        raise NotImplementedError

    def sequenceOf(self, datagram: bytes) -> int | None:
        """Return the number of a packet of this host; the datagram may be truncated."""
        raise NotImplementedError

    def send(self, sequence: int) -> Reading:
        port = self.transport
        datagram = self.buildPacket(sequence, self._clocks.wall())
        self._sequences[port.sent] = sequence
        if len(self._sequences) > MAXIMUM_PENDING:
            del self._sequences[next(iter(self._sequences))]
        # As late as possible, so that earlier work of this program is not in the round trip.
        times = self._clocks.read()
        port.send(datagram)
        return times

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        monotonic = self._clocks.monotonic()
        if self._listener is not None:
            reply = self.parseReply(datagram, arrival, monotonic)
            if reply is None:
                self._listener.unmatched()
            else:
                self._listener.replied(reply)

    def transmitStamp(self, number: int, nanoseconds: int) -> None:
        sequence = self._sequences.pop(number, None)
        if sequence is not None and self._listener is not None:
            self._listener.stamped(sequence, nanoseconds)

    def packetFailed(
        self, state: ProbeState, reason: str, error: ErrorReport | None, datagram: bytes | None
    ) -> None:
        if self._listener is not None:
            sequence = None if datagram is None else self.sequenceOf(datagram)
            self._listener.failed(sequence, state, reason, error)

    def kernelTimes(self) -> dict[str, int | None]:
        # The kernel measures connections, not datagrams.
        return {}

    def overflowed(self) -> int:
        return 0 if self.transport is None else ancillary.droppedDatagrams(self.transport.socket)

    def pathMTU(self) -> PathMTU | None:
        if self.transport is not None:
            self._path = self.transport.pathMTU()
        return self._path

    def close(self) -> Deferred[None]:
        # Saved for the summary, which is printed later.
        self.pathMTU()
        self._listener = None
        if self.transport is None:
            return succeed(None)
        return maybeDeferred(self.transport.stopListening)
