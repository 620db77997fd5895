"""What happens to the way between this host and a target in mid-run."""

from __future__ import annotations

from typing import NamedTuple


class TargetChange(NamedTuple):
    """The packets to a target go another way."""

    #: The number of the first packet that does.
    sequence: int
    #: In nanoseconds since 1970.
    time: int
    address: str
    formerAddress: str
    #: The address of this host that they leave from; empty if the change is not one of addresses.
    source: str = ""
    formerSource: str = ""
    #: Why a connection was lost, if it is another connection between the same addresses.
    reason: str = ""

    def __str__(self) -> str:
        return "".join(self.parts())

    def parts(self) -> list[str]:
        """The text in pieces, each of which fits into a line."""
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
