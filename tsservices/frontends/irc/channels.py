"""Commands about channels: JOIN, PART, TOPIC, NAMES, LIST, KICK, INVITE.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsservices.chat.errors import NO_ROOM, ChatError
from tsservices.chat.names import ROOM_SIGN, roomKey
from tsservices.chat.records import MEMBERS_TALK, OPERATORS_TOPIC
from tsservices.chat.room import Room
from tsservices.chat.verbs import moderation, talk
from tsservices.chat.verbs.checks import SHORT_TEXT_LENGTH
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc import errors, isupport, numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.names import namePages, namesText, needsPages
from tsservices.frontends.irc.people import isChannel, present
from tsservices.frontends.irc.replies import endOfNames, topicLines
from tsservices.frontends.irc.serverinfo import matches
from tsservices.frontends.irc.talking import cleanText

#: The modes of a room made by JOIN, as IRC clients expect them.
NEW_ROOM = MEMBERS_TALK + OPERATORS_TOPIC

#: Rooms that LIST checks in one turn: about 5 ms.
LISTED_AT_ONCE = 500

#: A filter of LIST: the number of members, or the age of the topic or of the channel.
_FILTER = re.compile("([TC]?[<>])([0-9]{1,8})")

#: A minute in nanoseconds: the unit of the filters of LIST.
_MINUTE = 60 * NANOSECONDS


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, text.split(","))))


def visible(client: IRCClient, name: str) -> Room:
    """
    Find the room of a channel.

    @raise ChatError: there is none that the client may see.
    """
    room = client.directory.visibleRoom(client.session, name)
    if room is None:
        raise ChatError(NO_ROOM, room=name)
    return room


async def join(client: IRCClient, message: Message) -> None:
    """JOIN: channels and their keys; 0: leave all."""
    controller = client.controller
    if message.params == ["0"]:
        for room in client.state.roomsOf(client.session):
            await talk.part(controller, room)
        return
    keys = message.param(1).split(",")
    for index, name in enumerate(message.param(0).split(",")):
        if not isChannel(name):
            if name:
                client.numeric(numerics.ERR_NOSUCHCHANNEL, name)
            continue
        try:
            key = roomKey(name)[1]
        except ChatError as error:
            client.numeric(numerics.ERR_BADCHANNAME, name, text=str(error))
            continue
        if key in client.session.rooms:
            continue
        try:
            await _joinOne(client, name, keys[index] if index < len(keys) else "")
        except ChatError as error:
            client.command = Message("JOIN", [name])
            errors.tell(client, error)


async def _joinOne(client: IRCClient, name: str, key: str) -> None:
    client.namesPaged = True
    try:
        await talk.join(client.controller, name, key, NEW_ROOM)
    finally:
        client.namesPaged = False
        people, client.namesDue = client.namesDue, None
    if people is not None:
        await client.sendPages(namePages(client, people))
        client.send(endOfNames(client, people.channel))


async def part(client: IRCClient, message: Message) -> None:
    """PART."""
    reason = cleanText(message.param(1))[:SHORT_TEXT_LENGTH]
    for name in _names(message.param(0)):
        try:
            room = visible(client, name)
            client.state.joinedRoom(client.session, room.record.key)
            client.partReason = reason
            await talk.part(client.controller, room, reason)
        except ChatError as error:
            client.command = Message("PART", [name])
            errors.tell(client, error)
        client.partReason = ""


def topic(client: IRCClient, message: Message) -> None:
    """TOPIC."""
    room = visible(client, message.param(0))
    if len(message.params) > 1:
        room = client.state.joinedRoom(client.session, room.record.key)
        talk.setTopic(client.controller, room, cleanText(message.param(1))[:SHORT_TEXT_LENGTH])
        return
    stored = room.storedTopic()
    if stored.text:
        client.send(*topicLines(client, stored))
    else:
        client.numeric(numerics.RPL_NOTOPIC, ROOM_SIGN + room.record.name)


async def names(client: IRCClient, message: Message) -> None:
    """NAMES."""
    channels = []
    for name in _names(message.param(0))[: isupport.TARGETS]:
        room = client.directory.visibleRoom(client.session, name)
        channels.append(name if room is None else ROOM_SIGN + room.record.name)
        if room is not None:
            people = present(room)
            if needsPages(people):
                await client.sendPages(namePages(client, people))
            else:
                client.sendPrepared(namesText(client, people))
    # One end for all channels, as in RFC 2812, with the channels' own spelling of their names,
    # which clients look for.
    client.send(endOfNames(client, ",".join(channels) or "*"))


async def listRooms(client: IRCClient, message: Message) -> None:
    """LIST, with its filters (ELIST)."""
    client.numeric(numerics.RPL_LISTSTART, "Channel")
    await client.sendPages(_listed(client, message))
    client.numeric(numerics.RPL_LISTEND)


def _listed(client: IRCClient, message: Message) -> Iterator[str | None]:
    state, now = client.state, client.context.chat.context.wallClock()
    wanted, excluded = [], []
    filters: list[tuple[str, int]] = []
    for word in _names(message.param(0)):
        if match := _FILTER.fullmatch(word):
            filters.append((match[1], int(match[2])))
        elif word.startswith("!"):
            excluded.append(word[1:])
        else:
            wanted.append(word)
    for index, room in enumerate(list(state.rooms.values()), 1):
        if index % LISTED_AT_ONCE == 0:
            # Other connections are served before more rooms are checked.
            yield None
        name = ROOM_SIGN + room.record.name
        count = len(room.nickCounts)
        record = room.storedRecord
        if not state.canSee(client.session, room):
            continue
        if wanted and not any(matches(mask, name) for mask in wanted):
            continue
        if any(matches(mask, name) for mask in excluded):
            continue
        topicAge = (now - record.topicTime) // _MINUTE if record.topic else None
        age = (now - record.created) // _MINUTE if record.created else None
        if all(_passes(sign, number, count, topicAge, age) for sign, number in filters):
            yield client.numericLine(numerics.RPL_LIST, name, str(count), text=record.topic)


def _passes(sign: str, number: int, count: int, topicAge: int | None, age: int | None) -> bool:
    if sign == ">":
        return count > number
    if sign == "<":
        return count < number
    minutes = topicAge if sign[0] == "T" else age
    return minutes is not None and (minutes < number if sign[1] == "<" else minutes > number)


async def kick(client: IRCClient, message: Message) -> None:
    """KICK: several users of one channel, or one user of each of several channels."""
    channels, nicks = _names(message.param(0)), _names(message.param(1))
    reason = cleanText(message.param(2))[:SHORT_TEXT_LENGTH]
    if len(channels) == 1:
        channels *= len(nicks)
    if len(channels) != len(nicks):
        client.numeric(numerics.ERR_NEEDMOREPARAMS, "KICK")
        return
    for channel, nick in list(zip(channels, nicks, strict=True))[: isupport.TARGETS]:
        try:
            room = client.state.joinedRoom(client.session, visible(client, channel).record.key)
            person = client.directory.find(nick)
            if person is None:
                client.numeric(numerics.ERR_NOSUCHNICK, nick)
            elif person.key not in room.nickCounts:
                channelName = ROOM_SIGN + room.record.name
                client.numeric(numerics.ERR_USERNOTINCHANNEL, person.nick, channelName)
            else:
                moderation.kick(client.controller, room, nick, reason)
                await client.controller.settled()
        except ChatError as error:
            client.command = Message("KICK", [channel])
            errors.tell(client, error)


async def invite(client: IRCClient, message: Message) -> None:
    """INVITE; without parameters: list the channels that the client is invited to."""
    if not message.params:
        for key in client.session.invited:
            room = client.state.rooms.get(key)
            if room is not None:
                client.numeric(numerics.RPL_INVITELIST, ROOM_SIGN + room.record.name)
        client.numeric(numerics.RPL_ENDOFINVITELIST)
        return
    if len(message.params) < 2:
        client.numeric(numerics.ERR_NEEDMOREPARAMS, "INVITE")
        return
    nick, name = message.params[:2]
    client.command = Message("INVITE", [name])
    person = client.directory.find(nick)
    if person is None:
        client.numeric(numerics.ERR_NOSUCHNICK, nick)
        return
    room = client.state.joinedRoom(client.session, visible(client, name).record.key)
    channel = ROOM_SIGN + room.record.name
    if person.key in room.nickCounts:
        client.numeric(numerics.ERR_USERONCHANNEL, person.nick, channel)
        return
    refused = client.refused
    moderation.invite(client.controller, room, nick)
    await client.controller.settled()
    if client.refused == refused:
        client.numeric(numerics.RPL_INVITING, person.nick, channel)
        if away := client.state.awayText(person):
            client.lastNumeric(numerics.RPL_AWAY, person.nick, away)
