"""
What has happened, as people are told of it.  Pure.

Doors turn these into bytes; the journal keeps those of the kind L{Said}.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.refusals import Refused


@dataclass(slots=True, eq=False)
class Said:
    """
    Lines that one person said in one room, which numbers them.  The lines after the
    first have the next numbers, and each is a nanosecond later.

    @ivar room: the key of the room.
    @ivar roomName: its name.
    @ivar first: the number of the first line.
    @ivar time: when the first was said: nanoseconds since 1970, UTC.
    @ivar log: the incarnation of the order in which all this stands.
    @ivar position: of the batch in that order.
    @ivar index: of the first line in the batch.
    @ivar kind: of all lines: L{tsservices.chat.events.MESSAGE} and its like.
    @ivar nick: who said it.
    @ivar account: the account of who said it; L{None} for guests.
    @ivar session: the id of who said it; nothing if it is read from the journal.
    @ivar texts: the lines.
    @ivar previous: when the line before the first was said; 0 if there is none, or if it
        is read from the journal.
    """

    room: str
    roomName: str
    first: int
    time: int
    log: str
    position: int
    index: int
    kind: str
    nick: str
    account: str | None
    session: str
    texts: tuple[str, ...]
    previous: int = 0

    @property
    def last(self) -> int:
        """
        @return: the number of the last line.
        """
        return self.first + len(self.texts) - 1

    def ident(self, which: int) -> str:
        """
        @param which: of the lines, from 0.
        @return: its id, the same on every node and for ever.
        """
        return f"{self.log}-{self.position}-{self.index + which}"

    def since(self, number: int) -> Said:
        """
        @param number: of one of the lines.
        @return: that line and those after it.
        """
        skipped = number - self.first
        if skipped <= 0:
            return self
        return Said(
            self.room,
            self.roomName,
            number,
            self.time + skipped,
            self.log,
            self.position,
            self.index + skipped,
            self.kind,
            self.nick,
            self.account,
            self.session,
            self.texts[skipped:],
            self.time + skipped - 1,
        )


@dataclass(slots=True, eq=False)
class Joined:
    """
    Somebody entered a room where one is.
    """

    room: str
    roomName: str
    nick: str


@dataclass(slots=True, eq=False)
class Left:
    """
    Somebody left a room where one is.
    """

    room: str
    roomName: str
    nick: str
    why: str


@dataclass(slots=True, eq=False)
class Gone:
    """
    Somebody left altogether.
    """

    nick: str
    why: str


@dataclass(slots=True, eq=False)
class Renamed:
    """
    Somebody is called something else now.
    """

    nick: str
    to: str


@dataclass(slots=True, eq=False)
class AwayChanged:
    """
    Somebody is away for a reason, or back when there is none.
    """

    nick: str
    text: str


@dataclass(slots=True, eq=False)
class Whispered:
    """
    Something said to one person, as both are told.

    @ivar nick: who said it.
    @ivar key: the same, folded.
    @ivar to: whom it was said to.
    """

    nick: str
    key: str
    to: str
    kind: str
    text: str
    time: int


@dataclass(slots=True, eq=False)
class Absent:
    """
    The one to whom something was just said is away, as only who said it is told.

    @ivar text: why.
    """

    nick: str
    text: str


@dataclass(slots=True, eq=False)
class Entered:
    """
    The one who is told this is in, under a name.
    """

    nick: str


@dataclass(slots=True, eq=False)
class Topic:
    """
    What a room is about.

    @ivar by: who said so; nothing when there is no topic.
    @ivar time: when: nanoseconds since 1970, UTC.
    """

    room: str
    roomName: str
    text: str
    by: str
    time: int


@dataclass(slots=True, eq=False)
class Replay:
    """
    Lines that were said before.

    @ivar missing: the first and the last number of lines asked for that are not kept
        any more.
    @ivar until: the number up to which this goes.
    """

    room: str
    roomName: str
    said: list[Said]
    missing: tuple[int, int] | None
    until: int


@dataclass(slots=True, eq=False)
class RoomEntered:
    """
    The one who is told this has entered a room.

    @ivar nicks: some of those who are there.
    @ivar present: how many are there.
    @ivar joinedSeq: the number of the last line before.
    @ivar replay: the last lines before; L{None} when they have to be fetched first.
    @ivar nick: what the one who is told this is called.
    """

    room: str
    roomName: str
    topic: Topic
    nicks: list[str]
    present: int
    joinedSeq: int
    replay: Replay | None
    nick: str


@dataclass(slots=True, eq=False)
class RoomLeft:
    """
    The one who is told this has left a room.
    """

    room: str
    roomName: str


@dataclass(slots=True, eq=False)
class Stored:
    """
    The lines of the one who is told this are kept for ever under these numbers.
    """

    room: str
    roomName: str
    first: int
    last: int


@dataclass(slots=True, eq=False)
class RoomsListed:
    """
    The rooms there are: name, how many are in it, what it is about.
    """

    rooms: list[tuple[str, int, str]]


@dataclass(slots=True, eq=False)
class PeopleListed:
    """
    Who is in a room, or anywhere: name and why they are away.
    """

    roomName: str
    people: list[tuple[str, str]]


@dataclass(slots=True, eq=False)
class PersonShown:
    """
    What there is to know of somebody.

    @ivar rooms: the names of those that both are in.
    @ivar guest: the name belongs to nobody.
    """

    nick: str
    guest: bool
    away: str
    rooms: list[str]


@dataclass(slots=True, eq=False)
class Notice:
    """
    Words of the server for one person.
    """

    lines: list[str]


@dataclass(slots=True, eq=False)
class Refusal:
    """
    The one who is told this asked for something that is not done.
    """

    why: Refused


Happening = (
    Said
    | Joined
    | Left
    | Gone
    | Renamed
    | AwayChanged
    | Whispered
    | Absent
    | Entered
    | Topic
    | Replay
    | RoomEntered
    | RoomLeft
    | Stored
    | RoomsListed
    | PeopleListed
    | PersonShown
    | Notice
    | Refusal
)
"""
Anything that a door has to be able to say.
"""
