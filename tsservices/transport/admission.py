"""
Limits on the number of connections, in all and from one source.  Pure.

L{tsservices.transport.rejection} sends the reason to a rejected peer.
"""

from __future__ import annotations

from tsservices.common import addresses
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.limits import Limits
from tsservices.common.text import plural


class AdmissionDenied(Exception):
    """There are too many connections.  The argument is the text for the peer."""


class Admission:
    """
    The counts of the connections of one server.  Each L{enter} needs one L{leave}.

    @ivar total: the number of admitted connections.
    @ivar rejecting: the number of connections that are being rejected with a text.
    """

    def __init__(self, limits: Limits, trusted: TrustedNetworks) -> None:
        self._limits = limits
        self._trusted = trusted
        self._bySource: dict[tuple[int, int], int] = {}
        self.total = 0
        self.rejecting = 0

    def enter(self, host: str | None) -> tuple[int, int] | None:
        """
        Admit a connection.

        @param host: the address of its peer; L{None} where there is none, as with UNIX sockets and
            with a proxy that has not yet named its client.
        @return: the argument for L{leave}; L{None} for a peer without a limit of its own.
        @raise AdmissionDenied: there are too many connections.
        """
        # Also for UNIX sockets and trusted peers, because each connection takes a descriptor.
        if self.total >= self._limits.maxConnections:
            most = plural(self._limits.maxConnections, "connection")
            raise AdmissionDenied(f"this server has its {most}")
        source = self._limitedSource(host)
        if source is not None:
            count = self._bySource.get(source, 0)
            if count >= self._limits.maxConnectionsPerAddress:
                most = plural(self._limits.maxConnectionsPerAddress, "connection")
                raise AdmissionDenied(f"your address has its {most}")
            self._bySource[source] = count + 1
        self.total += 1
        return source

    def leave(self, source: tuple[int, int] | None) -> None:
        """Remove an ended connection from the counts."""
        self.total -= 1
        if source is not None:
            count = self._bySource[source] - 1
            if count:
                self._bySource[source] = count
            else:
                del self._bySource[source]

    def _limitedSource(self, host: str | None) -> tuple[int, int] | None:
        if host is None:
            return None
        try:
            address = addresses.parse(host)
        except ValueError:
            # Without an address there is no source to count for.
            return None
        # An IPv6 host has a whole /64 of addresses, so these are one source.
        return None if address in self._trusted else addresses.source(address)
