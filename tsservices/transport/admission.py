"""
How many connections there may be, in all and from one source.  Pure.
"""

from __future__ import annotations

from tsservices.common import addresses
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.limits import Limits


class AdmissionDenied(Exception):
    """
    A connection may not be taken.

    The argument is what to tell its peer.
    """


class Admission:
    """
    Counts the connections of one server.

    @ivar total: how many there are.
    @ivar turned: how many are being told that they may not come in.
    """

    def __init__(self, limits: Limits, trust: TrustedNetworks) -> None:
        self._limits = limits
        self._trust = trust
        self._bySource: dict[tuple[int, int], int] = {}
        self.total = 0
        self.turned = 0

    def enter(self, host: str | None) -> tuple[int, int] | None:
        """
        Take a connection.

        @param host: the address of its peer; L{None} where there is none, as
            with UNIX sockets and with a proxy that has not yet named its client.
        @raise Refused: there are too many.
        """
        if self.total >= self._limits.maxConnections:
            raise AdmissionDenied(f"this server has its {self._limits.maxConnections} connections")
        source = self._bounded(host)
        if source is not None:
            count = self._bySource.get(source, 0)
            if count >= self._limits.maxConnectionsPerAddress:
                raise AdmissionDenied(
                    f"your address has its {self._limits.maxConnectionsPerAddress} connections"
                )
            self._bySource[source] = count + 1
        self.total += 1
        return source

    def leave(self, source: tuple[int, int] | None) -> None:
        """A connection has ended."""
        self.total -= 1
        if source is not None:
            count = self._bySource[source] - 1
            if count:
                self._bySource[source] = count
            else:
                del self._bySource[source]

    def _bounded(self, host: str | None) -> tuple[int, int] | None:
        if host is None:
            return None
        try:
            address = addresses.parse(host)
        except ValueError:
            return None
        return None if address in self._trust else addresses.source(address)
