"""CHATHISTORY: requests for past messages.  Pure."""

from __future__ import annotations

from typing import Any

from tsservices.chat.errors import ChatError
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import PrivateMessage, RoomMessages
from tsservices.chat.operations import ClearUnread
from tsservices.chat.records import StoredPrivateMessage
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import Room
from tsservices.chat.storage import ALL_SIDES
from tsservices.frontends.irc import isupport
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.formats.lines import SPOKEN, timeText
from tsservices.frontends.irc.history.places import (
    MILLISECOND,
    HistoryError,
    Reference,
    findPlace,
    readLines,
    reference,
)
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.people import isChannel

#: The subcommands, and the number of parameters of each.
_PARAMETERS = {"TARGETS": 4, "BEFORE": 4, "AFTER": 4, "LATEST": 4, "AROUND": 4, "BETWEEN": 5}

#: Lines that are read at once, until the requested number of lines with text is found.
_PAGE = 200

#: Most lines that are read for one answer.
_LOOKED_AT = 2000

#: Most private messages that are read for one answer.
_PRIVATE_LOOKED_AT = 500


async def chathistory(client: IRCClient, message: Message) -> None:
    """CHATHISTORY."""
    subcommand = message.param(0).upper()
    target = () if subcommand == "TARGETS" else (message.param(1) or "*",)
    count = _PARAMETERS.get(subcommand)
    try:
        if count is None:
            raise HistoryError("INVALID_PARAMS", text="There is no such subcommand")
        if len(message.params) != count:
            few = len(message.params) < count
            text = f"{'Not enough' if few else 'Too many'} parameters"
            raise HistoryError("INVALID_PARAMS", text=text)
        if subcommand == "TARGETS":
            await _targets(client, message)
        else:
            await _history(client, subcommand, message)
    except HistoryError as error:
        about = () if error.code == "INVALID_PARAMS" else target
        context = (subcommand.split(" ")[0] or "*", *about, *error.context)
        client.fail("CHATHISTORY", error.code, *context, text=str(error))
    except ChatError as error:
        client.fail("CHATHISTORY", "MESSAGE_ERROR", subcommand, *target, text=str(error))


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HistoryError("INVALID_PARAMS", text="How many is a number")
    return min(int(text) or isupport.HISTORY_LINES, isupport.HISTORY_LINES)


async def _history(client: IRCClient, subcommand: str, message: Message) -> None:
    between = subcommand == "BETWEEN"
    target = message.param(1)
    first = reference(message.param(2))
    second = reference(message.param(3)) if between else Reference()
    limit = _limit(message.params[4 if between else 3])
    if subcommand == "BEFORE" or (between and first.time > second.time):
        first, second = _edge(client, target, first, 0), _edge(client, target, second, 1)
    elif subcommand != "AROUND":
        first, second = _edge(client, target, first, 1), _edge(client, target, second, 0)
    if isChannel(target):
        room = client.directory.room(target)
        if room is None or room.record.key not in client.session.rooms:
            raise HistoryError("INVALID_TARGET", text="You can't read that channel")
        lines = await _roomLines(client, room, subcommand, first, second, limit)
        target = ROOM_SIGN + room.record.name
    else:
        # The name stays as requested, because irctest and clients compare it.
        lines = await _privateLines(client, target, subcommand, first, second, limit)
    client.send(*client.batch("chathistory", lines, target))


def _edge(client: IRCClient, target: str, wanted: Reference, side: int) -> Reference:
    # Many messages may have one time.  A client that continues at the time of the first or the last
    # one of its last page means that message.
    page = client.pages.get(fold(target))
    if page is None or not wanted.time:
        return wanted
    ident, time = page[side]
    return Reference(ident) if time // MILLISECOND == wanted.time // MILLISECOND else wanted


async def _roomLines(
    client: IRCClient,
    room: Room,
    subcommand: str,
    first: Reference,
    second: Reference,
    limit: int,
) -> list[str]:
    begin = room.permissions.firstReadable(client.session)
    end = room.storedSeq
    # The number of the first line at or after the place, and whether that is the place itself.
    seq, exact = await findPlace(client, room, first)
    if subcommand == "BEFORE":
        found = await _backward(client, room, begin, seq - 1, limit)
    elif subcommand == "AFTER":
        found = await _forward(client, room, max(begin, seq + exact), end, limit)
    elif subcommand == "LATEST":
        bottom = begin if first == Reference() else max(begin, seq + exact)
        found = await _backward(client, room, bottom, end, limit)
    elif subcommand == "AROUND":
        half = limit // 2
        found = await _backward(client, room, begin, seq - 1, half)
        found += await _forward(client, room, max(begin, seq), end, limit - _count(found))
    else:
        other, otherExact = await findPlace(client, room, second)
        if other >= seq:
            found = await _forward(client, room, max(begin, seq + exact), other - 1, limit)
        else:
            bottom = max(begin, other + otherExact)
            found = await _backward(client, room, bottom, seq - 1, limit)
    if found:
        oldest, newest = found[0], found[-1]
        edges = (oldest.ident(0), oldest.time), (newest.ident(0), newest.time)
        client.pages[fold(ROOM_SIGN + room.record.name)] = edges
    mask, formatter = client.directory.mask, client.formatter
    lines: list[str] = []
    for messages in found:
        lines += formatter.roomLines(messages, mask(messages.nick, messages.account))
    return lines


def _count(found: list[RoomMessages]) -> int:
    return sum(len(messages.texts) for messages in found)


def _readable(client: IRCClient, lines: list[RoomMessages]) -> list[RoomMessages]:
    ignores = client.session.ignores
    return [
        line
        for item in lines
        if item.kind in SPOKEN and item.account not in ignores and item.origin not in ignores
        for line in (item.since(seq).before(seq + 1) for seq in range(item.first, item.last + 1))
    ]


async def _backward(
    client: IRCClient, room: Room, first: int, last: int, limit: int
) -> list[RoomMessages]:
    found: list[RoomMessages] = []
    bottom = max(first, last - _LOOKED_AT + 1)
    while last >= bottom and len(found) < limit:
        begin = max(bottom, last - _PAGE + 1)
        found = _readable(client, await readLines(client, room, begin, last)) + found
        last = begin - 1
    return found[-limit:] if limit else []


async def _forward(
    client: IRCClient, room: Room, first: int, last: int, limit: int
) -> list[RoomMessages]:
    found: list[RoomMessages] = []
    top = min(last, first + _LOOKED_AT - 1)
    while first <= top and len(found) < limit:
        end = min(top, first + _PAGE - 1)
        found += _readable(client, await readLines(client, room, first, end))
        first = end + 1
    return found[:limit]


async def _privateLines(
    client: IRCClient,
    target: str,
    subcommand: str,
    first: Reference,
    second: Reference,
    limit: int,
) -> list[str]:
    key = fold(target)
    people = client.state.accounts, client.state.sessionsByNick
    messages = await _private(client, key if key in client.state.accounts else "")
    if key not in client.state.accounts:
        # A user who is logged in may have another nick, and clients name the talk by that.
        sides = {key, *[account for item in messages for account in _accountsOf(item, key)]}
        holder = client.directory.find(target)
        if holder is not None and holder.account is not None:
            sides.add(holder.account)
        sides -= {"", client.session.account}
        messages = [item for item in messages if not sides.isdisjoint(_sidesOf(item))]
    if not messages and not any(key in names for names in people):
        raise HistoryError("INVALID_TARGET", text="There is no such target")
    begin, exact = _index(messages, first)
    other, otherExact = _index(messages, second) if subcommand == "BETWEEN" else (0, 0)
    # A deleted message is still valid as a reference.
    messages, (begin, exact), (other, otherExact) = _spoken(
        messages, (begin, exact), (other, otherExact)
    )
    if subcommand == "BEFORE":
        found = messages[:begin][-limit:]
    elif subcommand == "AFTER":
        found = messages[begin + exact :][:limit]
    elif subcommand == "LATEST":
        found = (messages if first == Reference() else messages[begin + exact :])[-limit:]
    elif subcommand == "AROUND":
        half = limit // 2
        before = messages[max(0, begin - half) : begin]
        found = before + messages[begin : begin + limit - len(before)]
    else:
        if other >= begin:
            found = messages[begin + exact : other][:limit]
        else:
            found = messages[other + otherExact : begin][-limit:]
    if found:
        client.pages[key] = (found[0].ident, found[0].time), (found[-1].ident, found[-1].time)
    return [line for item in found for line in _privateLine(client, item)]


async def _private(client: IRCClient, other: str) -> list[StoredPrivateMessage]:
    # Sorted by time; with all people if none is named.
    session, found = client.session, list[StoredPrivateMessage]()
    if session.account is not None:
        reply: PendingReply[list[StoredPrivateMessage]] = PendingReply()
        client.controller.context.archive.privateMessages(
            session.account, other or ALL_SIDES, "", _PRIVATE_LOOKED_AT, reply, session.ignores
        )
        found = await reply
    passing = [_asStored(message) for message in client.passing or ()]
    if other:
        passing = [item for item in passing if other in (fold(item.nick), fold(item.to))]
    # Each of the two lists is sorted already.
    return sorted([*found, *passing], key=lambda item: item.time) if passing else found


def _accountsOf(item: StoredPrivateMessage, key: str) -> list[str]:
    # The accounts that had this nick at that time.
    names = (item.nick, item.sender), (item.to, item.receiver)
    return [account for name, account in names if fold(name) == key]


def _sidesOf(item: StoredPrivateMessage) -> tuple[str, ...]:
    return item.sender, item.receiver, fold(item.nick), fold(item.to)


def _asStored(message: PrivateMessage) -> StoredPrivateMessage:
    return StoredPrivateMessage(
        message.deliveryIdent,
        message.time,
        message.account or "",
        "",
        message.nick,
        message.to,
        message.kind,
        message.text,
    )


def _index(messages: list[StoredPrivateMessage], wanted: Reference) -> tuple[int, int]:
    if wanted.ident:
        for index, message in enumerate(messages):
            if message.ident == wanted.ident:
                return index, 1
        raise HistoryError("MESSAGE_ERROR", wanted.ident, text="There is no such message")
    if not wanted.time:
        return len(messages), 0
    for index, message in enumerate(messages):
        if message.time >= wanted.time:
            return index, int(message.time // MILLISECOND == wanted.time // MILLISECOND)
    return len(messages), 0


def _spoken(messages: list[StoredPrivateMessage], *places: tuple[int, int]) -> tuple[Any, ...]:
    # The messages that were not deleted, and places among them: an index, and whether it is exact.
    spoken = [message for message in messages if message.kind in SPOKEN]
    if len(spoken) == len(messages):
        return messages, *places
    return spoken, *[
        (
            sum(message.kind in SPOKEN for message in messages[:index]),
            exact if index < len(messages) and messages[index].kind in SPOKEN else 0,
        )
        for index, exact in places
    ]


def _privateLine(client: IRCClient, item: StoredPrivateMessage) -> list[str]:
    account = item.sender or None
    mask = client.directory.mask(item.nick, account)
    return client.formatter.spoken(
        mask, item.to, item.kind, item.text, account, item.time, item.ident
    )


def _page(found: list[tuple[int, str]], limit: int, fromEnd: bool) -> list[tuple[int, str]]:
    # The next page begins after the last time of this one: entries of that time would be missed.
    if len(found) <= limit:
        return found
    split = len(found) - limit if fromEnd else limit
    time = found[split][0]
    if found[split - 1][0] != time:
        return found[split:] if fromEnd else found[:split]
    if fromEnd:
        return [item for item in found if item[0] > time] or [
            item for item in found if item[0] == time
        ]
    return [item for item in found if item[0] < time] or [item for item in found if item[0] == time]


async def _targets(client: IRCClient, message: Message) -> None:
    times = [reference(param).time for param in message.params[1:3]]
    if not all(times):
        raise HistoryError("INVALID_PARAMS", text="Say timestamp=... twice")
    low, high = min(times), max(times)
    limit = _limit(message.param(3))
    found: list[tuple[int, str]] = []
    for room in client.state.roomsOf(client.session):
        seq = room.storedSeq
        newest = await _backward(
            client, room, room.permissions.firstReadable(client.session), seq, 1
        )
        if newest:
            found.append((newest[-1].time, ROOM_SIGN + room.record.name))
    people: dict[str, int] = {}
    for item in _spoken(await _private(client, ""))[0]:
        own = fold(item.nick) == client.session.key or (
            item.sender != "" and item.sender == client.session.account
        )
        people[item.to if own else item.nick] = item.time
    found += [(time, name) for name, time in people.items()]
    # Clients use milliseconds.
    whole = [(time // MILLISECOND * MILLISECOND, name) for time, name in found]
    chosen = sorted(item for item in whole if low < item[0] < high)
    lines = [
        f":{client.server.name} CHATHISTORY TARGETS {name} {timeText(time)}"
        for time, name in _page(chosen, limit, times[0] > times[1])
    ]
    client.send(*client.batch("draft/chathistory-targets", lines))
    if client.session.account is not None:
        client.controller.propose(ClearUnread(client.session.ident))
