"""PRIVMSG, NOTICE, TAGMSG, and the state of being away.  Pure."""

from __future__ import annotations

from tsservices.chat.errors import NO_PERSON, NO_ROOM, ChatError
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.operations import (
    ANSWER,
    ME,
    MESSAGE,
    NOTICE,
    QUESTION,
    SendPassing,
    SendPrivate,
)
from tsservices.chat.permissions import OPERATOR
from tsservices.chat.verbs import talk
from tsservices.chat.verbs.checks import TOPIC_LENGTH
from tsservices.common.text import visible
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc import errors, isupport, numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.format import ACTION, ACTION_END
from tsservices.frontends.irc.message import BODY_BYTES, CLIENT_ONLY, Message, escape
from tsservices.frontends.irc.people import OPERATOR_PREFIX, isChannel

#: What texts of IRC have beside letters: bold, colours and their like, and the sign of CTCP.
_FORMATTING = frozenset("\x01\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f")


#: Kinds that are not kept.
_PASSING = frozenset({QUESTION, ANSWER})


def clientTags(message: Message) -> str:
    """The tags that clients send each other, as they are sent on."""
    if not message.tags:
        return ""
    parts = [
        f"{name}={escape(value)}" if value else name
        for name, value in message.tags.items()
        if name.startswith(CLIENT_ONLY) and _isTagName(name)
    ]
    return ";".join(parts)


def _isTagName(name: str) -> bool:
    return all(letter.isascii() and (letter.isalnum() or letter in "+-./") for letter in name)


def cleanText(text: str) -> str:
    """A text as all frontends may show it: what formats it for IRC only is taken away."""
    if text.isprintable():
        return text
    return visible("".join(letter for letter in text if letter not in _FORMATTING))


def privmsg(client: IRCClient, message: Message) -> None:
    """PRIVMSG."""
    _speak(client, message, MESSAGE)


def notice(client: IRCClient, message: Message) -> None:
    """NOTICE."""
    _speak(client, message, NOTICE)


def _speak(client: IRCClient, message: Message, kind: str) -> None:
    if not message.param(0):
        client.numeric(numerics.ERR_NORECIPIENT, text=f"No recipient given ({message.command})")
        return
    text = message.param(1)
    if not text:
        client.numeric(numerics.ERR_NOTEXTTOSEND)
        return
    if kind == MESSAGE and text.startswith(ACTION):
        kind, text = ME, text[len(ACTION) :].removesuffix(ACTION_END)
    elif text.startswith("\x01"):
        kind, text = (QUESTION if kind == MESSAGE else ANSWER), text.strip("\x01")
    text = cleanText(text)
    if not text:
        client.numeric(numerics.ERR_NOTEXTTOSEND)
        return
    tags = clientTags(message)
    # Who has learned the length of a line by their own mask never meets this; others are told,
    # rather than read in pieces.
    length = len(
        f":{client.mask} {message.command}  :{message.param(1)}".encode("utf-8", "replace")
    )
    silent = message.command == "NOTICE"
    for target in _targets(client, message):
        if length + len(target.encode("utf-8", "replace")) > BODY_BYTES:
            client.numeric(numerics.ERR_INPUTTOOLONG)
            continue
        try:
            _sayTo(client, target, kind, text, tags)
        except ChatError as error:
            # Nothing answers a notice (RFC 1459): two programs that did would go on for ever.
            if not silent:
                errors.tell(client, error)


def _targets(client: IRCClient, message: Message) -> list[str]:
    targets = list(dict.fromkeys(filter(None, message.param(0).split(","))))
    for target in targets[isupport.TARGETS :]:
        client.numeric(numerics.ERR_TOOMANYTARGETS, target)
    return targets[: isupport.TARGETS]


def _sayTo(client: IRCClient, target: str, kind: str, text: str, tags: str) -> None:
    controller, ident = client.controller, client.session.ident
    rank = OPERATOR if target.startswith(OPERATOR_PREFIX + ROOM_SIGN) else ""
    passing = bool(rank) or kind in _PASSING
    if rank:
        target = target.removeprefix(OPERATOR_PREFIX)
    if isChannel(target):
        key = _roomKey(client, target)
        if passing:
            client.state.joinedRoom(client.session, key)
            controller.checkNoToken(text)
            controller.propose(SendPassing(ident, key, "", "", tags, kind, text, rank))
        else:
            controller.sayIn(key, (text,), kind, tags)
        return
    key = fold(target)
    if passing or key not in client.state.accounts:
        client.state.sessionByNick(target, key)
    controller.checkNoToken(text)
    if passing:
        controller.propose(SendPassing(ident, "", target, key, tags, kind, text))
    else:
        controller.checkStored()
        controller.propose(SendPrivate(ident, target, key, kind, text, tags))


def _roomKey(client: IRCClient, target: str) -> str:
    room = client.directory.visibleRoom(client.session, target)
    if room is None:
        name = target.removeprefix(ROOM_SIGN)
        raise ChatError(NO_ROOM, room=ROOM_SIGN + name)
    return room.record.key


def tagmsg(client: IRCClient, message: Message) -> None:
    """TAGMSG."""
    if caps.MESSAGE_TAGS not in client.capabilities:
        client.numeric(numerics.ERR_UNKNOWNCOMMAND, "TAGMSG")
        return
    tags = clientTags(message)
    if not tags:
        return
    for target in _targets(client, message):
        try:
            _tagTo(client, target, tags)
        except ChatError as error:
            errors.tell(client, error)


def _tagTo(client: IRCClient, target: str, tags: str) -> None:
    controller, session = client.controller, client.session
    if isChannel(target):
        key = _roomKey(client, target)
        client.state.joinedRoom(session, key)
        controller.propose(SendPassing(session.ident, key, "", "", tags))
        return
    key = fold(target)
    if key not in client.state.sessionsByNick:
        raise ChatError(NO_PERSON, nick=target)
    controller.propose(SendPassing(session.ident, "", target, key, tags))


async def away(client: IRCClient, message: Message) -> None:
    """AWAY."""
    text = cleanText(message.param(0))[:TOPIC_LENGTH]
    talk.setAway(client.controller, text)
    await client.controller.settled()
    client.numeric(numerics.RPL_NOWAWAY if client.session.away else numerics.RPL_UNAWAY)
