"""
UDP sockets that are bound to all addresses of this host, and answer from the one that was asked.

The system sends from the address of the way back, which need not be the address that was asked: a
client that has connected its socket never sees such an answer.  L{WildcardSocket} takes the place
of a port's socket, so that Twisted's port and ours answer rightly by the calls they make anyway.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from typing import Any

#: Whether the numbers below mean something.
LINUX = sys.platform.startswith("linux")

# From the kernel's headers: Python's socket module lacks most of them.
IP_PKTINFO = 8
IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50

#: Index of the interface, address of this host on it, destination.
PKTINFO = struct.Struct("@I4s4s")
#: Destination, index of the interface.
PKTINFO6 = struct.Struct("@16sI")

#: What L{socket.socket.sendmsg} takes.
Control = list[tuple[int, int, bytes]]

#: Bytes of control messages to receive with a datagram: an IPv4 one on an IPv6 socket needs 72.
CONTROL_BYTES = 128

#: Sources whose addresses of this host are remembered.  All are forgotten when there are more: a
#: service that answers later than at once then leaves the address to the system.
MAX_SOURCES = 1024

_UNSPECIFIED = bytes(4)


def isWildcard(interface: str) -> bool:
    """Whether a numeric address stands for all addresses of this host, at least all of IPv4."""
    try:
        address = ipaddress.ip_address(interface or "0.0.0.0")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_unspecified


def askDestinations(udpSocket: socket.socket) -> None:
    """
    Have the kernel say with each datagram to which address it was sent.

    @raise OSError: it does not.
    """
    # An IPv6 socket gets IPv4 datagrams too.  Only the option of IPv4 says of one that was sent to
    # a broadcast address from which address it can be answered.
    udpSocket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    if udpSocket.family == socket.AF_INET6:
        udpSocket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)


def answerControl(received: Control) -> Control:
    """
    The control messages by which an answer leaves from where the datagram was sent to: none where
    that is no address to send from.
    """
    answer: Control = []
    for level, kind, value in received:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            # Not the destination itself, which may be a group.
            _, local, _ = PKTINFO.unpack(value)
            if local == _UNSPECIFIED:
                return []
            return [(level, kind, PKTINFO.pack(0, local, _UNSPECIFIED))]
        if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
            packed, index = PKTINFO6.unpack(value)
            address = ipaddress.IPv6Address(packed)
            if not address.is_multicast:
                # The interface belongs to a link-local address.  For others it would take the
                # choice of the way back from the system.
                index = index if address.is_link_local else 0
                answer = [(level, kind, PKTINFO6.pack(packed, index))]
    return answer


class WildcardSocket(socket.socket):
    """
    A UDP socket that answers each source from the address to which it has sent last.

    @ivar _answers: the control messages for answers, by source.
    @ivar _controls: the same, by the control messages that came.
    """

    def __init__(self, bound: socket.socket) -> None:
        """
        @param bound: its descriptor is taken over.
        @raise OSError: the kernel does not say where datagrams were sent to.
        """
        askDestinations(bound)
        super().__init__(bound.family, bound.type, bound.proto, bound.detach())
        self.setblocking(False)
        self._answers: dict[Any, Control] = {}
        self._controls: dict[bytes, Control] = {}

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        data, control, _, source = self.recvmsg(size, CONTROL_BYTES, flags)
        # By the value of one message: the only one, or that of IPv4, which comes last.
        value = control[-1][2] if control else b""
        answer = self._controls.get(value)
        if answer is None:
            if len(self._controls) >= MAX_SOURCES:
                self._controls.clear()
            answer = self._controls[value] = answerControl(control)
        answers = self._answers
        if len(answers) >= MAX_SOURCES:
            answers.clear()
        # Without the scope of IPv6, which Twisted's port does not give back.
        answers[source[:2]] = answer
        return data, source

    def sendto(self, data: Any, address: Any) -> int:  # type: ignore[override]
        control = self._answers.get(address[:2])
        if control:
            return self.sendmsg((data,), control, 0, address)
        return super().sendto(data, address)


def answering(bound: socket.socket) -> socket.socket:
    """
    The UDP socket itself if it is bound to one address, else one in its place that answers from the
    address that was asked.
    """
    wildcard = LINUX and isWildcard(bound.getsockname()[0])
    return WildcardSocket(bound) if wildcard else bound
