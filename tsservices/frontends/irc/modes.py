"""MODE, of channels and of users.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tsservices.chat.cloaks import maskOf
from tsservices.chat.handlers.modes import BAN_LETTER, HIDDEN_KEY
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.permissions import OPERATOR_LETTER, VOICE_LETTER
from tsservices.chat.records import JOIN_KEY, MEMBER_LIMIT
from tsservices.chat.room import Room
from tsservices.chat.verbs.modes import (
    MODES_EACH,
    NAMED_LETTERS,
    ModeChange,
    listBans,
    setModes,
)
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc import isupport, numerics
from tsservices.frontends.irc.channels import visible
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.people import isChannel

#: Letters that have an argument when they are set, and when they are removed.
_WITH_ARGUMENT = {"+": "ovbkl", "-": "ovbk"}


def parseChanges(words: Sequence[str]) -> list[ModeChange]:
    """Parse the changes of a MODE; a missing argument is empty."""
    if not words:
        return []
    found: list[ModeChange] = []
    sign, rest = "+", iter(words[1:])
    for letter in words[0]:
        if letter in "+-":
            sign = letter
        else:
            argument = next(rest, "") if letter in _WITH_ARGUMENT[sign] else ""
            found.append(ModeChange(sign == "+", letter, argument))
    return found


async def mode(client: IRCClient, message: Message) -> None:
    """MODE."""
    target = message.param(0)
    if isChannel(target):
        await _channelMode(client, message, target)
        return
    person = client.directory.find(target)
    if person is None:
        client.numeric(numerics.ERR_NOSUCHNICK, target)
    elif person is not client.session:
        client.numeric(numerics.ERR_USERSDONTMATCH)
    elif len(message.params) == 1:
        client.numeric(numerics.RPL_UMODEIS, f"+{userModes(client)}")
    else:
        _changeUserModes(client, message.param(1))


def userModes(client: IRCClient) -> str:
    """Write the modes of a client's user."""
    modes = "i"
    if client.state.isServerOperator(client.session):
        modes += "o"
    if client.session.wantsWallops:
        modes += "w"
    return modes


def _changeUserModes(client: IRCClient, modes: str) -> None:
    # All users are invisible, and the account makes an operator: neither can be changed.
    done = ""
    unknown = False
    for change in parseChanges([modes]):
        letter = change.letter
        if letter == "w" and client.session.wantsWallops != change.on:
            client.session.wantsWallops = change.on
            done += f"{'+' if change.on else '-'}{letter}"
        elif letter not in isupport.USER_MODES:
            unknown = True
    if done:
        client.send(f":{client.mask} MODE {client.nick} :{done}")
    if unknown:
        client.numeric(numerics.ERR_UMODEUNKNOWNFLAG)


async def _channelMode(client: IRCClient, message: Message, name: str) -> None:
    room = visible(client, name)
    channel = ROOM_SIGN + room.record.name
    if len(message.params) == 1:
        client.numeric(numerics.RPL_CHANNELMODEIS, channel, *_modes(client, room))
        if room.record.created:
            seconds = str(room.record.created // NANOSECONDS)
            client.numeric(numerics.RPL_CREATIONTIME, channel, seconds)
        return
    wanted: list[ModeChange] = []
    asked = False
    for change in parseChanges(message.params[1:]):
        if change.letter == BAN_LETTER and not change.argument:
            # Only once: a line may request the list 480 times.
            if not asked:
                _listBans(client, room)
            asked = True
        elif change.argument or change.letter not in NAMED_LETTERS:
            wanted.append(change)
    wanted = [change for change in wanted if _isThere(client, room, change)]
    if wanted:
        client.state.joinedRoom(client.session, room.record.key)
        setModes(client.controller, room, wanted[:MODES_EACH])
        await client.controller.settled()


def _modes(client: IRCClient, room: Room) -> list[str]:
    record = room.storedRecord
    arguments: list[str] = []
    for letter in record.allModes():
        if letter == JOIN_KEY:
            # A colon could not stand there: the rest would be another key.
            isShown = client.session.ident in room.members and not record.joinKey.startswith(":")
            arguments.append(record.joinKey if isShown else HIDDEN_KEY)
        elif letter == MEMBER_LIMIT:
            arguments.append(str(record.memberLimit))
    return [f"+{record.allModes()}", *arguments]


def _isThere(client: IRCClient, room: Room, change: ModeChange) -> bool:
    if change.letter not in (OPERATOR_LETTER, VOICE_LETTER):
        return True
    person = client.directory.find(change.argument)
    if person is None:
        client.numeric(numerics.ERR_NOSUCHNICK, change.argument)
        return False
    if person.key not in room.nickCounts:
        channel = ROOM_SIGN + room.record.name
        client.numeric(numerics.ERR_USERNOTINCHANNEL, change.argument, channel)
        return False
    return True


def _listBans(client: IRCClient, room: Room) -> None:
    channel = ROOM_SIGN + room.record.name
    for restriction in listBans(client.controller, room):
        client.numeric(
            numerics.RPL_BANLIST,
            channel,
            maskOf(restriction.mask),
            restriction.by,
            str(restriction.time // NANOSECONDS),
        )
    client.numeric(numerics.RPL_ENDOFBANLIST, channel)
