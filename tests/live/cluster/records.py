"""What users of a cluster wrote and received, for L{tests.live.cluster.oracle}. Pure."""

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


def parseLine(received: dict[str, Any]) -> Line:
    names = ("room", "seq", "id", "time", "kind", "nick", "account", "text")
    return Line(*[received[name] for name in names])


class Joined(NamedTuple):
    """The user has joined a room."""

    room: str
    last: int


class Left(NamedTuple):
    """The user was put out of a room."""

    room: str


class Delivered(NamedTuple):
    """A line came when it was written."""

    line: Line


class Replayed(NamedTuple):
    """Older lines came."""

    room: str
    lines: list[Line]
    missing: tuple[int, int] | None
    until: int
    asked: bool


class ConnectionLost(NamedTuple):
    """The connection ended; what follows came by the next one of the same user."""


#: What a user received.
Event = Joined | Left | Delivered | Replayed | ConnectionLost

#: All lines of all rooms, in order.
History = dict[str, list[Line]]


@dataclass
class Burst:
    """
    Lines that a user wrote at once, and what became of them.

    @ivar sentAt: in seconds.
    @ivar settled: all answers came.
    @ivar lost: the connection ended before.
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
