"""
Places in a history, as IRC clients name them: by the id of a message, or by a time.  Pure.

Both grow with the number of the line (times nearly always: not where a clock was set back), so a
line is found by binary search: about twenty reads of one line.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass

from tsservices.chat.notifications import RoomMessages
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import Room
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.isupport import REFERENCE_TYPES

#: In nanoseconds: the precision of times in tags.
MILLISECOND = 1_000_000

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z"
)


class HistoryError(Exception):
    """
    A request that can't be answered.

    @ivar code: the code of the standard reply.
    @ivar context: its words after the subcommand and, except for C{INVALID_PARAMS}, the target.
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


def parseTime(text: str) -> int | None:
    """Convert a time of a tag to nanoseconds since 1970, UTC; L{None}: it is not valid."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if not (1970 <= year <= 2261 or (year, month) <= (2262, 3)) or year < 1970:
        # Outside of what nanoseconds in 63 bits can express.
        return None
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    seconds = calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0))
    return seconds * NANOSECONDS + int((match[7] or "0").ljust(9, "0"))


def reference(text: str) -> Reference:
    """
    Parse a reference.

    @raise HistoryError: it is not valid.
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
    code = "INVALID_PARAMS"
    if value and kind.isalpha() and kind not in REFERENCE_TYPES:
        code = "INVALID_MSGREFTYPE"
    raise HistoryError(code, text or "*", text="Say timestamp=... or msgid=...")


async def readLines(client: IRCClient, room: Room, first: int, last: int) -> list[RoomMessages]:
    """Read lines of a room by their numbers."""
    reply: PendingReply[list[RoomMessages]] = PendingReply()
    client.controller.context.archive.read(room.record.key, first, last, reply)
    return await reply


async def findPlace(client: IRCClient, room: Room, wanted: Reference) -> tuple[int, int]:
    """
    Find the number of the first line that is not before a place, and 1 if it is the line itself.

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
            raise HistoryError("MESSAGE_ERROR", wanted.ident, text="There is no such message")
        return seq, 1
    # A time in a tag has milliseconds: the client has seen the line of that millisecond.
    exact = bool(found) and found[0].time // MILLISECOND == wanted.time // MILLISECOND
    return seq, int(exact)


async def _search(client: IRCClient, room: Room, isBefore: Callable[[RoomMessages], bool]) -> int:
    low, high = 1, room.storedSeq + 1
    while low < high:
        middle = (low + high) // 2
        lines = await readLines(client, room, middle, middle)
        # Lines that are no longer stored are older than all stored ones.
        if not lines or isBefore(lines[0]):
            low = middle + 1
        else:
            high = middle
    return low


def _parts(ident: str) -> tuple[int, int]:
    _, _, rest = ident.partition("-")
    position, _, index = rest.partition("-")
    number = position + index
    if not (position and index and number.isascii() and number.isdigit() and len(number) < 36):
        raise HistoryError("MESSAGE_ERROR", ident or "*", text="There is no such message")
    return int(position), int(index)
