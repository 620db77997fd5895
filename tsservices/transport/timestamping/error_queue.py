"""
The errors of packets that did not arrive: entries of the error queue of a socket.

They come from a router or the target, by ICMP, or from this host.  IP_RECVERR has to be set.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from tsservices.transport.timestamping.cmsg import IP_RECVERR, IPV6_RECVERR, Ancillary

#: The origins of errors (SO_EE_ORIGIN_*); entries of other origins are no errors of packets.
LOCAL, ICMP, ICMP6 = 1, 2, 3

# The ICMP types that are errors.  Ping sockets also receive redirects and source quenches, which do
# not mean that the packet was lost.
_ERROR_TYPES = {ICMP: (3, 11, 12), ICMP6: range(128)}

# struct sock_extended_err: errno, origin, type, code, padding, info, data.  The address of the
# sender of the error follows (SO_EE_OFFENDER): a struct sockaddr_in or sockaddr_in6.
_EXTENDED_ERROR = struct.Struct("@IBBBBII")
_FAMILY = struct.Struct("@H")
_ADDRESS = slice(_EXTENDED_ERROR.size + 4, _EXTENDED_ERROR.size + 8)
_ADDRESS6 = slice(_EXTENDED_ERROR.size + 8, _EXTENDED_ERROR.size + 24)


class NetworkError(NamedTuple):
    """The error of a packet that did not arrive."""

    #: The errno.
    number: int
    #: L{LOCAL}, L{ICMP} or L{ICMP6}.
    origin: int
    #: Of the ICMP message.
    type: int
    code: int
    #: The MTU if the packet was too long for a link; otherwise 0.
    mtu: int
    #: The IP address of the sender of the ICMP message; L{None} if it is unknown.
    offender: str | None


def readNetworkError(ancillary: Ancillary) -> NetworkError | None:
    """Read an entry of the error queue; L{None} if it is no error of a packet."""
    for level, kind, value in ancillary:
        if (level, kind) in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)):
            number, origin, icmpType, code, _, info, _ = _EXTENDED_ERROR.unpack_from(value)
            if number and (origin == LOCAL or icmpType in _ERROR_TYPES.get(origin, ())):
                return NetworkError(number, origin, icmpType, code, info, _offender(value))
    return None


def _offender(value: bytes) -> str | None:
    if len(value) < _ADDRESS.stop:
        return None
    (family,) = _FAMILY.unpack_from(value, _EXTENDED_ERROR.size)
    if family == socket.AF_INET:
        return socket.inet_ntop(family, value[_ADDRESS])
    if family == socket.AF_INET6 and len(value) >= _ADDRESS6.stop:
        return socket.inet_ntop(family, value[_ADDRESS6])
    return None
