"""
The chat's errors as numerics: one table.  Pure.

An error without a row is sent as C{FAIL} or C{400}, with the text that all frontends have.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tsservices.chat import errors
from tsservices.chat.errors import ChatError, ErrorCode
from tsservices.frontends.irc import numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.numerics import Numeric
from tsservices.frontends.irc.people import isChannel

#: Returns the subject of an error: the words between the nick and the text.
_Subject = Callable[[IRCClient, ChatError], tuple[str, ...]]


def _fact(name: str) -> _Subject:
    return lambda client, error: (
        (str(error.facts[name]),) if error.facts.get(name) else _firstParam(client, error)
    )


def _firstParam(client: IRCClient, error: ChatError) -> tuple[str, ...]:
    command = client.command
    return ("*" if command is None else command.param(0),)


def _channel(client: IRCClient, error: ChatError) -> tuple[str, ...]:
    if room := error.facts.get("room"):
        return (str(room),)
    command = client.command
    for param in () if command is None else command.params:
        if isChannel(param):
            return (param.split(",")[0],)
    return ("*",)


def _modeArgument(client: IRCClient, error: ChatError) -> tuple[str, ...]:
    # Channel, letter and argument.
    return (*_channel(client, error), str(error.facts.get("letter", "*")), "*")


def _maskArgument(client: IRCClient, error: ChatError) -> tuple[str, ...]:
    return (*_channel(client, error), "b", str(error.facts.get("mask", "*")))


_ROOM, _NICK, _NAME = _fact("room"), _fact("nick"), _fact("name")

#: Numerics and their subjects, by the code of the error.
_NUMERICS: dict[ErrorCode, tuple[Numeric, _Subject]] = {
    errors.NICK_TAKEN: (numerics.ERR_NICKNAMEINUSE, _NICK),
    errors.NAME_OWN: (numerics.ERR_ERRONEUSNICKNAME, _NICK),
    errors.NICK_REGISTERED: (numerics.ERR_NICKNAMEINUSE, _NICK),
    errors.NAME_EMPTY: (numerics.ERR_ERRONEUSNICKNAME, _firstParam),
    errors.NAME_LONG: (numerics.ERR_ERRONEUSNICKNAME, _firstParam),
    errors.NAME_CHARACTER: (numerics.ERR_ERRONEUSNICKNAME, _firstParam),
    errors.NAME_SCRIPTS: (numerics.ERR_ERRONEUSNICKNAME, _firstParam),
    errors.NICK_SHARED: (numerics.ERR_NONICKCHANGE, _NICK),
    errors.MUTED_NAME: (numerics.ERR_NONICKCHANGE, _firstParam),
    errors.NO_PERSON: (numerics.ERR_NOSUCHNICK, _NICK),
    errors.NOT_HERE: (numerics.ERR_NOSUCHNICK, _NAME),
    errors.NO_ROOM: (numerics.ERR_NOSUCHCHANNEL, _ROOM),
    errors.NOT_IN_ROOM: (numerics.ERR_NOTONCHANNEL, _ROOM),
    errors.PRIVATE_ROOM: (numerics.ERR_INVITEONLYCHAN, _ROOM),
    errors.BANNED: (numerics.ERR_BANNEDFROMCHAN, _ROOM),
    errors.MUTED: (numerics.ERR_CANNOTSENDTOCHAN, _ROOM),
    errors.ROOMS_EACH: (numerics.ERR_TOOMANYCHANNELS, _channel),
    errors.ROOMS_ALL: (numerics.ERR_TOOMANYCHANNELS, _channel),
    errors.ROOMS_FOUNDED: (numerics.ERR_TOOMANYCHANNELS, _channel),
    errors.NOT_ALLOWED: (numerics.ERR_CHANOPRIVSNEEDED, _channel),
    errors.STANDS_ABOVE: (numerics.ERR_CHANOPRIVSNEEDED, _channel),
    errors.ONESELF: (numerics.ERR_CHANOPRIVSNEEDED, _channel),
    errors.FOUNDER_STAYS: (numerics.ERR_CHANOPRIVSNEEDED, _channel),
    errors.GUEST_OPERATOR: (numerics.ERR_CHANOPRIVSNEEDED, _channel),
    errors.GUEST_ROOM: (numerics.ERR_CHANOPRIVSNEEDED, _channel),
    errors.LOBBY_OPEN: (numerics.ERR_CHANOPRIVSNEEDED, _channel),
    errors.MODERATED: (numerics.ERR_CANNOTSENDTOCHAN, _ROOM),
    errors.WRONG_KEY: (numerics.ERR_BADCHANNELKEY, _ROOM),
    errors.ROOM_FULL: (numerics.ERR_CHANNELISFULL, _ROOM),
    errors.ROOM_KEY: (numerics.ERR_INVALIDKEY, _channel),
    errors.NO_MODE: (numerics.ERR_UNKNOWNMODE, _fact("letter")),
    errors.MODE_ARGUMENT: (numerics.ERR_INVALIDMODEPARAM, _modeArgument),
    errors.MASK: (numerics.ERR_INVALIDMODEPARAM, _maskArgument),
    errors.MASK_EVERYBODY: (numerics.ERR_INVALIDMODEPARAM, _maskArgument),
    errors.MODES_MANY: (numerics.ERR_INVALIDMODEPARAM, _modeArgument),
    errors.RESTRAINTS_ALL: (numerics.ERR_BANLISTFULL, _ROOM),
    errors.INBOX_FULL: (numerics.ERR_CANNOTSENDTOCHAN, _NAME),
    errors.INBOX_SHARE_FULL: (numerics.ERR_CANNOTSENDTOCHAN, _NAME),
    errors.NAME_FIRST: (numerics.ERR_NOTREGISTERED, lambda client, error: ()),
}

#: The numerics that differ if the command sends a message.
_WHEN_TALKING = {
    errors.NOT_IN_ROOM: numerics.ERR_CANNOTSENDTOCHAN,
    errors.BANNED: numerics.ERR_CANNOTSENDTOCHAN,
}

#: Replacements for texts about the line frontend, apart from texts that end with advice.
_TEXTS = {
    errors.NICK_REGISTERED: "{nick} belongs to an account: log in by SASL or PASS, or choose"
    " another name",
    errors.ACCOUNT_NEEDED: "guests can't {what}: REGISTER your name first",
    errors.NAME_FIRST: "You have not registered",
    errors.TOO_SLOW: "SendQ exceeded: {pending} bytes waited, {most} may",
}


def textOf(error: ChatError) -> str:
    """Return the text of an error, for users of IRC."""
    text = _TEXTS.get(error.code)
    if text is not None:
        return errors.fill(text, error.facts)
    # The text after that is advice for the line frontend, which has other commands.
    return re.split("[:;,] /[a-z]", str(error), maxsplit=1)[0]


_TALK = frozenset({"PRIVMSG", "NOTICE", "TAGMSG"})


def tell(client: IRCClient, error: ChatError) -> None:
    """Answer with the numeric of an error."""
    client.refused += 1
    code, command, text = error.code, client.command, textOf(error)
    name = "" if command is None else command.command
    row = _NUMERICS.get(code)
    if command is not None and name == "REDACT":
        client.fail(name, "REDACT_FORBIDDEN", *command.params[:2], text=text)
        return
    if row is None:
        client.lastNumeric(numerics.ERR_UNKNOWNERROR, name or "*", text)
        return
    numeric, subject = row
    if code in _WHEN_TALKING and (command is None or name in _TALK):
        numeric = _WHEN_TALKING[code]
    if code is errors.NOT_ALLOWED and subject(client, error) == ("*",):
        client.numeric(numerics.ERR_NOPRIVILEGES)
        return
    client.numeric(numeric, *subject(client, error), text=text)
