"""
UDP sockets that are bound to all addresses of this host, and answer from the right one.

By default the system chooses the source address of an answer by its route, so it may differ from
the address to which the client has sent: a connected client socket drops such an answer.
L{WildcardSocket} replaces the socket of a port, so that Twisted's port and ours answer correctly
without changes.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from typing import Any

#: Whether the numbers below are valid on this system.
LINUX = sys.platform.startswith("linux")

# From the kernel's headers: Python's socket module lacks most of them.
IP_PKTINFO = 8
IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50

#: Index of the interface, address of this host on it, destination.
PKTINFO = struct.Struct("@I4s4s")
#: Destination, index of the interface.
PKTINFO6 = struct.Struct("@16sI")

#: Control messages for L{socket.socket.sendmsg}.
Control = list[tuple[int, int, bytes]]

#: Bytes of control messages to receive with a datagram: an IPv4 one on an IPv6 socket needs 72.
CONTROL_BYTES = 128

#: The most sources for which the address of this host is remembered.  When there are more, all are
#: forgotten: for an answer that is sent later, the system then chooses the address.
MAX_SOURCES = 1024

_UNSPECIFIED = bytes(4)


def isWildcard(interface: str) -> bool:
    """Whether a numeric address means all addresses of this host, at least all of IPv4."""
    try:
        address = ipaddress.ip_address(interface or "0.0.0.0")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_unspecified


def askDestinations(udpSocket: socket.socket) -> None:
    """
    Make the kernel add to each datagram the address to which it was sent.

    @raise OSError: the kernel does not support that.
    """
    # An IPv6 socket receives IPv4 datagrams too.  For a datagram sent to a broadcast address, only
    # the IPv4 option gives the address from which it can be answered.
    udpSocket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    if udpSocket.family == socket.AF_INET6:
        udpSocket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)


def answerControl(received: Control) -> Control:
    """
    Make the control messages that send an answer from the address to which the datagram was sent:
    none if that is no address to send from.
    """
    answer: Control = []
    for level, kind, value in received:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            # Not the destination itself, which may be a multicast address.
            _, local, _ = PKTINFO.unpack(value)
            if local == _UNSPECIFIED:
                return []
            return [(level, kind, PKTINFO.pack(0, local, _UNSPECIFIED))]
        if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
            packed, index = PKTINFO6.unpack(value)
            address = ipaddress.IPv6Address(packed)
            if not address.is_multicast:
                # A link-local address needs its interface.  For others it would override the
                # system's choice of the route.
                index = index if address.is_link_local else 0
                answer = [(level, kind, PKTINFO6.pack(packed, index))]
    return answer


class WildcardSocket(socket.socket):
    """
    A UDP socket that answers each source from the address to which it last sent a datagram.

    @ivar _answers: the control messages for answers, by source.
    @ivar _controls: the control messages for answers, by the received control messages.
    """

    def __init__(self, bound: socket.socket) -> None:
        """
        @param bound: its descriptor is taken over.
        @raise OSError: the kernel does not give destinations of datagrams.
        """
        askDestinations(bound)
        super().__init__(bound.family, bound.type, bound.proto, bound.detach())
        self.setblocking(False)
        self._answers: dict[Any, Control] = {}
        self._controls: dict[bytes, Control] = {}

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        data, control, _, source = self.recvmsg(size, CONTROL_BYTES, flags)
        # The key is the value of the last message: the only one, or that of IPv4.
        value = control[-1][2] if control else b""
        answer = self._controls.get(value)
        if answer is None:
            if len(self._controls) >= MAX_SOURCES:
                self._controls.clear()
            answer = self._controls[value] = answerControl(control)
        answers = self._answers
        if len(answers) >= MAX_SOURCES:
            answers.clear()
        # Without the scope of IPv6, which Twisted's port drops from addresses.
        answers[source[:2]] = answer
        return data, source

    def sendto(self, data: Any, address: Any) -> int:  # type: ignore[override]
        control = self._answers.get(address[:2])
        if control:
            return self.sendmsg((data,), control, 0, address)
        return super().sendto(data, address)


def answering(bound: socket.socket) -> socket.socket:
    """
    Get the UDP socket itself if it is bound to one address, otherwise a L{WildcardSocket} that
    replaces it.
    """
    wildcard = LINUX and isWildcard(bound.getsockname()[0])
    return WildcardSocket(bound) if wildcard else bound
