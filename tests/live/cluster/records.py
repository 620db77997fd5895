"""
What people of a cluster wrote, and what they were told, as L{tests.live.cluster.oracle}
judges it.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Line(NamedTuple):
    """
    A numbered line of a room.
    """

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
        """
        @return: where it stands in the one order of all rooms.
        """
        _, position, index = self.ident.rsplit("-", 2)
        return int(position), int(index)


def line(told: dict[str, Any]) -> Line:
    """
    @param told: an object of the type C{said}.
    @return: the line.
    """
    names = ("room", "seq", "id", "time", "kind", "nick", "account", "text")
    return Line(*[told[name] for name in names])


class Entered(NamedTuple):
    """
    Somebody is in a room.

    @ivar last: the number of the last line before.
    """

    room: str
    last: int


class Left(NamedTuple):
    """
    Somebody is not in a room any more.
    """

    room: str


class Spoken(NamedTuple):
    """
    Somebody was told a line when it was said.
    """

    line: Line


class Again(NamedTuple):
    """
    Somebody was told lines from before.

    @ivar missing: the first and the last number of those that are not told.
    @ivar until: the number up to which they go.
    @ivar asked: whether that was asked for, or belongs to entering the room.
    """

    room: str
    lines: list[Line]
    missing: tuple[int, int] | None
    until: int
    asked: bool


class Lost(NamedTuple):
    """
    A connection has ended; what follows was told to the next one of the same person.
    """


Event = Entered | Left | Spoken | Again | Lost
"""
What somebody was told.
"""

History = dict[str, list[Line]]
"""
All lines of all rooms, in order.
"""


@dataclass
class Burst:
    """
    Lines that one person wrote at once, and what became of them.

    @ivar writer: who.
    @ivar connection: which one of theirs.
    @ivar texts: nobody else's, and not written before.
    @ivar sent: when: seconds.
    @ivar told: when the first word of all their fates came; 0: none has.
    @ivar stored: rooms and numbers that were acknowledged.
    @ivar refused: codes of refusals.
    @ivar unsure: whether it was told that the fate is not known.
    @ivar settled: whether all fates are known.
    @ivar lost: whether the connection ended before that.
    """

    writer: str
    connection: int
    texts: list[str]
    sent: float
    stored: list[tuple[str, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unsure: bool = False
    settled: bool = False
    lost: bool = False
    told: float = 0.0
