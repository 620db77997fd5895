"""Packets that did not arrive, by who says so and what they say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

#: Different errors that are counted one by one; a network has few, but an attacker can invent them.
MAXIMUM_ERRORS = 32


class ErrorSource(Enum):
    """Who says that a packet did not arrive.  The values are public: C{error_by} in JSON, CSV."""

    #: This host: the packet has not left it, or not found its way out.
    SELF = "self"
    TARGET = "target"
    #: Neither of them.
    ROUTER = "router"


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What somebody says of a packet."""

    source: ErrorSource
    #: The IP address of a router or the target; L{None} if it is unknown.
    address: str | None = None
    #: Of the ICMP message, if it was one.
    icmpType: int | None = None
    icmpCode: int | None = None
    #: Octets of the longest packet that the link takes, if the packet was longer.
    mtu: int | None = None

    @property
    def sender(self) -> str:
        """Who, in words."""
        return senderText(self.source, self.address)


def senderText(source: ErrorSource, address: str | None) -> str:
    """Who says it, in words."""
    if source is ErrorSource.SELF:
        return "this host"
    name = address or "an unknown address"
    return f"{name} (a router)" if source is ErrorSource.ROUTER else name


class CountedError(NamedTuple):
    """What makes two errors the same."""

    #: L{None} if it is not known who says it.
    source: ErrorSource | None
    address: str | None
    reason: str


class ErrorCounts:
    """
    How often who said what.

    @ivar others: errors beyond L{MAXIMUM_ERRORS} different ones.
    """

    def __init__(self) -> None:
        self.counts: Counter[CountedError] = Counter()
        self.others = 0

    def add(self, reason: str, error: ErrorReport | None) -> None:
        """@param error: L{None} if it is not known who says it."""
        key = CountedError(None, None, reason)
        if error is not None:
            key = CountedError(error.source, error.address, reason)
        if key not in self.counts and len(self.counts) >= MAXIMUM_ERRORS:
            self.others += 1
        else:
            self.counts[key] += 1
