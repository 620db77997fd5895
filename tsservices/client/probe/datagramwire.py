"""
What the wires over UDP share: one connected port, and the numbers of its datagrams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from tsservices.client.probe.port import ProbePort, ProbeProtocol, failureOf
from tsservices.client.probe.wire import Listener, Reply, Sent, Times
from tsservices.transport.ancillary import Arrival

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

NUMBERS = 1024
"""
Sent datagrams whose time is still waited for.
"""


class DatagramWire(ProbeProtocol):
    """
    Packets as datagrams.  What is in them, subclasses say.

    @ivar label: what is spoken.
    @ivar size: bytes of each packet.
    """

    label = ""
    transport: ProbePort

    def __init__(
        self,
        reactor: ReactorBase,
        times: Times,
        address: str,
        port: int,
        size: int,
        tos: int = 0,
    ) -> None:
        """
        @param reactor: watches the socket.
        @param times: this host's clocks.
        @param address: the IP address of the target.
        @param port: its port.
        @param size: bytes of each packet.
        @param tos: the type of service of what is sent.
        """
        self.size = size
        self._reactor = reactor
        self._times = times
        self._address = address
        self._port = port
        self._tos = tos
        self._sequence: dict[int, int] = {}
        self._listener: Listener | None = None

    def open(self, listener: Listener) -> Deferred[None]:
        """
        @param listener: is told what happens.
        @return: has fired.
        @raise CannotListenError: there is no socket to be had.
        """
        self._listener = listener
        everywhere = "::" if ":" in self._address else "0.0.0.0"
        ProbePort(self, everywhere, self._tos, self._reactor).startListening()
        return succeed(None)

    def startProtocol(self) -> None:
        """
        Connect the port.
        """
        self.transport.connect(self._address, self._port)

    def packet(self, sequence: int, wall: int) -> bytes:
        """
        @param sequence: the number of the packet.
        @param wall: the time in nanoseconds since 1970.
        @return: the packet.
        """
        raise NotImplementedError

    def read(self, datagram: bytes, arrival: Arrival, at: int) -> Reply | None:
        """
        @param datagram: what came.
        @param arrival: how it came.
        @param at: when this program had it, by the monotonic clock.
        @return: what it says; L{None} if it is no reply.
        """
        raise NotImplementedError

    def numberOf(self, datagram: bytes) -> int | None:
        """
        @param datagram: the beginning of a packet of ours.
        @return: its number, if that can be read.
        """
        raise NotImplementedError

    def send(self, sequence: int) -> Sent:
        """
        @param sequence: the number of the packet.
        @return: when.
        @raise WireError: it could not be sent.
        """
        port = self.transport
        datagram = self.packet(sequence, self._times.wall())
        self._sequence[port.sent] = sequence
        if len(self._sequence) > NUMBERS:
            del self._sequence[next(iter(self._sequence))]
        # As late as can be: what this program does before is no part of any round trip.
        sent = Sent(self._times.monotonic(), self._times.wall())
        port.offer(datagram)
        return sent

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: Arrival
    ) -> None:
        """
        @param datagram: what came.
        @param address: where from: the port is connected.
        @param arrival: how it came.
        """
        at = self._times.monotonic()
        if self._listener is not None:
            reply = self.read(datagram, arrival, at)
            if reply is None:
                self._listener.strayed()
            else:
                self._listener.replied(reply)

    def transmitStamp(self, number: int, nanoseconds: int) -> None:
        """
        @param number: of a datagram of the port.
        @param nanoseconds: when it left.
        """
        sequence = self._sequence.pop(number, None)
        if sequence is not None and self._listener is not None:
            self._listener.stamped(sequence, nanoseconds)

    def peerFailed(self, number: int, datagram: bytes | None) -> None:
        """
        @param number: of the error that the network reports.
        @param datagram: the beginning of the packet it is about, if that is known.
        """
        if self._listener is not None:
            sequence = None if datagram is None else self.numberOf(datagram)
            self._listener.failed(sequence, *failureOf(number))

    def facts(self) -> dict[str, int | None]:
        """
        @return: nothing: the system keeps no account of datagrams.
        """
        return {}

    def close(self) -> Deferred[None]:
        """
        @return: fires when the port is closed.
        """
        self._listener = None
        if self.transport is None:
            return succeed(None)
        return maybeDeferred(self.transport.stopListening)
