"""MODE, of channels and of users.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tsservices.chat.errors import ChatError
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.operations import BAN
from tsservices.chat.room import Room
from tsservices.chat.verbs import moderation
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc import errors, isupport, numerics
from tsservices.frontends.irc.channels import visible
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.people import ACCOUNT_HOST, isChannel, isOperator

#: Modes of channels that take an argument when they are set, and when they are taken away.
_WITH_ARGUMENT = {"+": "ob", "-": "ob"}

#: Modes of channels that there are.
_MODES = frozenset("obi")

#: Changes of one MODE.
CHANGES = 20


def changes(modes: str, arguments: list[str]) -> Iterator[tuple[str, str, str]]:
    """Signs, letters and arguments of a MODE; the argument is empty where there is none."""
    sign, rest = "+", iter(arguments)
    for letter in modes:
        if letter in "+-":
            sign = letter
        else:
            argument = next(rest, "") if letter in _WITH_ARGUMENT[sign] else ""
            yield sign, letter, argument


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
    """The modes of a client's user."""
    modes = "i"
    if isOperator(client.state, client.session):
        modes += "o"
    if client.session.wantsWallops:
        modes += "w"
    return modes


def _changeUserModes(client: IRCClient, modes: str) -> None:
    # Everybody is invisible, and who is an operator the account says: neither can be changed.
    done = ""
    unknown = False
    for sign, letter, _ in changes(modes, []):
        if letter == "w" and client.session.wantsWallops != (sign == "+"):
            client.session.wantsWallops = sign == "+"
            done += sign + letter
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
        modes = "+i" if room.record.private else "+"
        client.numeric(numerics.RPL_CHANNELMODEIS, channel, modes)
        return
    count = 0
    for sign, letter, argument in changes(message.param(1), message.params[2:]):
        count += 1
        if count > CHANGES:
            break
        if letter not in _MODES:
            client.numeric(numerics.ERR_UNKNOWNMODE, letter)
            continue
        if letter == "b" and not argument:
            _listBans(client, room)
            continue
        if letter == "o" and not argument:
            continue
        try:
            _change(client, room, sign, letter, argument)
            await client.controller.settled()
        except ChatError as error:
            errors.tell(client, error)


def _change(client: IRCClient, room: Room, sign: str, letter: str, argument: str) -> None:
    controller, on = client.controller, sign == "+"
    client.state.joinedRoom(client.session, room.record.key)
    if letter == "i":
        moderation.setPrivate(controller, room, on)
    elif letter == "o":
        person = client.directory.find(argument)
        if person is None:
            client.numeric(numerics.ERR_NOSUCHNICK, argument)
        elif person.key not in room.nickCounts:
            channel = ROOM_SIGN + room.record.name
            client.numeric(numerics.ERR_USERNOTINCHANNEL, argument, channel)
        else:
            moderation.setOperator(controller, room, argument, on)
    else:
        name = banName(argument)
        if on:
            moderation.restrict(controller, room, BAN, name, 0, "")
        else:
            moderation.liftRestriction(controller, room, name, BAN)


def banName(mask: str) -> str:
    """Whom a mask means: the owner of an account by its host, else the nick in it."""
    nick, _, rest = mask.partition("!")
    host = rest.partition("@")[2]
    if host.lower().endswith(ACCOUNT_HOST) and "*" not in host:
        return host[: -len(ACCOUNT_HOST)]
    return nick


def _listBans(client: IRCClient, room: Room) -> None:
    channel = ROOM_SIGN + room.record.name
    now = client.context.chat.context.wallClock()
    for restriction in room.permissions.restrictions.values():
        if restriction.kind == BAN and not restriction.hasEnded(now):
            mask = client.formatter.banMask(restriction.name)
            client.numeric(
                numerics.RPL_BANLIST,
                channel,
                mask,
                restriction.by,
                str(restriction.time // NANOSECONDS),
            )
    client.numeric(numerics.RPL_ENDOFBANLIST, channel)
