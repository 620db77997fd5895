"""Changes of addresses and connections of a target during a run."""

from __future__ import annotations

from typing import NamedTuple


class TargetChange(NamedTuple):
    """A change of the addresses, interface or connection of packets to a target."""

    #: The number of the first packet after the change.
    sequence: int
    #: In nanoseconds since 1970.
    time: int
    address: str
    formerAddress: str
    #: The source address, of this host; empty if the change is not one of addresses.
    source: str = ""
    formerSource: str = ""
    #: Why the connection was lost, if it was opened again between the same addresses.
    reason: str = ""

    def __str__(self) -> str:
        return "".join(self.parts())

    def parts(self) -> list[str]:
        """Return the text in parts, each of which fits into a line."""
        if self.reason:
            return [self.reason, ", opened again"]
        parts = []
        if self.address != self.formerAddress:
            parts += [f"now to {self.address}", _former(self.formerAddress)]
        if self.formerSource and self.source != self.formerSource:
            parts += ["; " * bool(parts) + f"now from {self.source}", _former(self.formerSource)]
        return parts or [f"now from {self.source}", " (the interface is a new one)"]


def _former(address: str) -> str:
    return f" (was {address})" if address else ""
