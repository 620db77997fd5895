"""Errors of packets that did not arrive, by source and reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

#: Different errors that are counted separately; a network has few, but an attacker can invent more.
MAXIMUM_ERRORS = 32


class ErrorSource(Enum):
    """Who reported the loss of a packet.  The values are public: C{error_by} in JSON, CSV."""

    #: This host: the packet has not left it, or has found no route.
    SELF = "self"
    TARGET = "target"
    #: Another host than these two.
    ROUTER = "router"


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """A report about a packet that did not arrive."""

    source: ErrorSource
    #: The IP address of a router or the target; L{None} if it is unknown.
    address: str | None = None
    #: Type and code of the ICMP message, if the report is one.
    icmpType: int | None = None
    icmpCode: int | None = None
    #: Octets of the longest packet that the link takes, if the packet was longer.
    mtu: int | None = None

    @property
    def sender(self) -> str:
        """The source of the report, in words."""
        return senderText(self.source, self.address)


def senderText(source: ErrorSource, address: str | None) -> str:
    """Return the source of a report, in words."""
    if source is ErrorSource.SELF:
        return "this host"
    name = address or "an unknown address"
    return f"{name} (a router)" if source is ErrorSource.ROUTER else name


class CountedError(NamedTuple):
    """The key by which equal errors are counted together."""

    #: L{None} if the source is unknown.
    source: ErrorSource | None
    address: str | None
    reason: str


class ErrorCounts:
    """
    The numbers of errors, by source and reason.

    @ivar others: errors beyond L{MAXIMUM_ERRORS} different ones.
    """

    def __init__(self) -> None:
        self.counts: Counter[CountedError] = Counter()
        self.others = 0

    def add(self, reason: str, error: ErrorReport | None) -> None:
        """@param error: L{None} if the source is unknown."""
        key = CountedError(None, None, reason)
        if error is not None:
            key = CountedError(error.source, error.address, reason)
        if key not in self.counts and len(self.counts) >= MAXIMUM_ERRORS:
            self.others += 1
        else:
            self.counts[key] += 1
