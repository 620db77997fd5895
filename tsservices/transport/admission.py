"""
How many connections there may be, in all and from one source.  Pure.

Who sends a rejected peer the reason is L{tsservices.transport.rejection}.
"""

from __future__ import annotations

from tsservices.common import addresses
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.limits import Limits
from tsservices.common.text import plural


class AdmissionDenied(Exception):
    """There are too many connections.  The argument is the reason, for the peer."""


class Admission:
    """
    Counts the connections of one server.  Each L{enter} has one L{leave}.

    @ivar total: how many are admitted.
    @ivar rejecting: how many are sent the reason why they are not.
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

        @param host: the address of its peer; L{None} where there is none, as
            with UNIX sockets and with a proxy that has not yet named its client.
        @return: what L{leave} needs; L{None} for a peer without a limit of its own.
        @raise AdmissionDenied: there are too many.
        """
        # Also for UNIX sockets and trusted peers: this limit keeps the process in descriptors.
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
        """Count a connection out that has ended."""
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
            # No address, so nothing to count by.
            return None
        # An IPv6 host has a whole /64 of addresses, so these are one source.
        return None if address in self._trusted else addresses.source(address)
