"""
Places in a history, as programs of IRC name them: by the id of a message, or by a time.  Pure.

Both grow with the number of the line (times nearly always: they go back where a clock was set
back), so a line is found by halving: some twenty reads of one line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.chat.notifications import RoomMessages
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import Room
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.times import parseTime

#: In nanoseconds: tags of times have no more digits.
MILLISECOND = 1_000_000


class HistoryError(Exception):
    """
    A request that can't be answered.

    @ivar code: of the standard reply.
    @ivar context: its words.
    """

    def __init__(self, code: str, *context: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.context = context


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a history, as a client names it: by an id or by a time; neither: the end."""

    ident: str = ""
    time: int = 0


def reference(text: str) -> Reference:
    """
    Read a reference.

    @raise HistoryError: it is none.
    """
    kind, _, value = text.partition("=")
    if text == "*":
        return Reference()
    if kind == "msgid" and value:
        return Reference(ident=value)
    if kind == "timestamp":
        time = parseTime(value)
        if time is not None:
            return Reference(time=time)
    raise HistoryError("INVALID_PARAMS", text or "*", text="Say timestamp=... or msgid=...")


async def readLines(client: IRCClient, room: Room, first: int, last: int) -> list[RoomMessages]:
    """Lines of a room by their numbers."""
    reply: PendingReply[list[RoomMessages]] = PendingReply()
    client.controller.context.archive.read(room.record.key, first, last, reply)
    return await reply


async def findPlace(client: IRCClient, room: Room, wanted: Reference) -> tuple[int, int]:
    """
    The number of the first line that is not before a place, and 1 if it is the line itself.

    @raise HistoryError: there is no such message.
    """
    last = room.storedSeq
    if wanted.ident:
        position, index = _parts(wanted.ident)
        key = (position, index)

        def isBefore(line: RoomMessages) -> bool:
            return (line.position, line.index) < key

    elif wanted.time:

        def isBefore(line: RoomMessages) -> bool:
            return line.time < wanted.time

    else:
        return last + 1, 0
    seq = await _search(client, room, isBefore)
    found = await readLines(client, room, seq, seq) if seq <= last else []
    if wanted.ident:
        if not found or found[0].ident(0) != wanted.ident:
            raise HistoryError("INVALID_MSGREFTYPE", wanted.ident, text="There is no such message")
        return seq, 1
    # A time that stands in a tag has milliseconds: the line of that time has been seen.
    exact = bool(found) and found[0].time // MILLISECOND == wanted.time // MILLISECOND
    return seq, int(exact)


async def _search(client: IRCClient, room: Room, isBefore: Callable[[RoomMessages], bool]) -> int:
    low, high = 1, room.storedSeq + 1
    while low < high:
        middle = (low + high) // 2
        lines = await readLines(client, room, middle, middle)
        # What is not stored any more is older than all that is.
        if not lines or isBefore(lines[0]):
            low = middle + 1
        else:
            high = middle
    return low


def _parts(ident: str) -> tuple[int, int]:
    _, _, rest = ident.partition("-")
    position, _, index = rest.partition("-")
    if not (position.isdigit() and index.isdigit() and len(position) + len(index) < 36):
        raise HistoryError("INVALID_MSGREFTYPE", ident or "*", text="There is no such message")
    return int(position), int(index)
