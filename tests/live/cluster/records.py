"""
What people of a cluster wrote, and what they were told, as L{tests.live.cluster.oracle}
judges it.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Line(NamedTuple):
    """A numbered line of a room."""

    room: str
    seq: int
    ident: str
    time: int
    kind: str
    nick: str
    account: str | None
    text: str

    @property
    def place(self) -> tuple[int, int]:
        _, position, index = self.ident.rsplit("-", 2)
        return int(position), int(index)


def parseLine(told: dict[str, Any]) -> Line:
    names = ("room", "seq", "id", "time", "kind", "nick", "account", "text")
    return Line(*[told[name] for name in names])


class Joined(NamedTuple):
    """Somebody is in a room."""

    room: str
    last: int


class Left(NamedTuple):
    """Somebody is not in a room any more."""

    room: str


class Delivered(NamedTuple):
    """Somebody was told a line when it was said."""

    line: Line


class Replayed(NamedTuple):
    """Somebody was told lines from before."""

    room: str
    lines: list[Line]
    missing: tuple[int, int] | None
    until: int
    asked: bool


class ConnectionLost(NamedTuple):
    """A connection has ended; what follows was told to the next one of the same person."""


#: What somebody was told.
Event = Joined | Left | Delivered | Replayed | ConnectionLost

#: All lines of all rooms, in order.
History = dict[str, list[Line]]


@dataclass
class Burst:
    """
    Lines that one person wrote at once, and what became of them.

    @ivar sentAt: when: seconds.
    """

    writer: str
    connection: int
    texts: list[str]
    sentAt: float
    stored: list[tuple[str, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: bool = False
    settled: bool = False
    lost: bool = False
    repliedAt: float = 0.0
