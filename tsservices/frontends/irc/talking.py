"""PRIVMSG, NOTICE, TAGMSG, and the state of being away.  Pure."""

from __future__ import annotations

import re
from functools import partial

from tsservices.chat.errors import NO_PERSON, NO_ROOM, ChatError
from tsservices.chat.names import ROOM_SIGN, fold, roomKey
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
from tsservices.chat.verbs.checks import SHORT_TEXT_LENGTH
from tsservices.common.text import visible
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc import errors, isupport, numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.formats.lines import ACTION, ACTION_END
from tsservices.frontends.irc.message import (
    BODY_BYTES,
    CLIENT_ONLY,
    Message,
    escape,
    surelyFit,
)
from tsservices.frontends.irc.multiline import (
    MULTILINE,
    OPEN_SECONDS,
    MultilineError,
    OpenBatch,
    isName,
    joinLines,
    withBreaks,
)
from tsservices.frontends.irc.people import OPERATOR_PREFIX, isChannel

#: Formatting in texts of IRC: colours by number and by RGB, bold and similar, the sign of CTCP.
_FORMATTING = re.compile(
    "\x03([0-9]{1,2}(,[0-9]{1,2})?)?|\x04([0-9A-Fa-f]{6}(,[0-9A-Fa-f]{6})?)?"
    "|[\x01\x02\x0f\x11\x16\x1d\x1e\x1f]"
)


#: Kinds of messages that are not stored.
_PASSING = frozenset({QUESTION, ANSWER})


def clientTags(message: Message) -> str:
    """Write the tags that clients send each other, as they are sent on."""
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
    """Make a text fit for all frontends: formatting for IRC is removed."""
    if text.isprintable():
        return text
    return visible(_FORMATTING.sub("", text))


def sayPlain(client: IRCClient, target: str, texts: tuple[str, ...]) -> bool:
    """
    Say lines in a channel that were received together and are printable.

    @return: whether that was done; if not, each line has to be handled alone.
    """
    session = client.session
    try:
        key = roomKey(target)[1]
    except ChatError:
        return False
    own = len(session.nick) + len(session.username) + len(session.account or "") + len(target)
    if key not in session.rooms or not surelyFit(texts, BODY_BYTES - 40 - 4 * own):
        return False
    client.spokeAt = client.context.monotonic()
    try:
        client.controller.sayIn(key, texts, MESSAGE)
    except ChatError as error:
        client.command = Message("PRIVMSG", [target])
        client.refuse(error)
        client.command = None
    return True


def privmsg(client: IRCClient, message: Message) -> None:
    """PRIVMSG."""
    _speak(client, message, MESSAGE)


def notice(client: IRCClient, message: Message) -> None:
    """NOTICE."""
    _speak(client, message, NOTICE)


def _speak(client: IRCClient, message: Message, kind: str) -> None:
    isAnswered = message.command != "NOTICE"
    if not message.param(0).strip(","):
        if isAnswered:
            client.numeric(numerics.ERR_NORECIPIENT, text="No recipient given (PRIVMSG)")
        return
    kind, text = _content(kind, message.param(1))
    text = cleanText(text)
    if not text:
        if isAnswered:
            client.numeric(numerics.ERR_NOTEXTTOSEND)
        return
    tags = clientTags(message)
    # A client that bounds lines by its own mask never exceeds this length; others get an error,
    # which is better than a divided text.
    length = len(
        f":{client.mask} {message.command}  :{message.param(1)}".encode("utf-8", "replace")
    )
    for target in _targets(client, message):
        if length + len(target.encode("utf-8", "replace")) > BODY_BYTES:
            client.numeric(numerics.ERR_INPUTTOOLONG)
        else:
            _trySay(client, target, kind, text, tags, message.command)


def _content(kind: str, text: str) -> tuple[str, str]:
    # A message from client to client has signs around it (CTCP).
    if kind == MESSAGE and text.startswith(ACTION):
        return ME, text[len(ACTION) :].removesuffix(ACTION_END)
    if text.startswith("\x01"):
        return (QUESTION if kind == MESSAGE else ANSWER), text.strip("\x01")
    return kind, text


def _trySay(client: IRCClient, target: str, kind: str, text: str, tags: str, command: str) -> None:
    client.spokeAt = client.context.monotonic()
    try:
        _sayTo(client, target, kind, text, tags)
    except ChatError as error:
        if command != "NOTICE":
            errors.tell(client, error)


def _targets(client: IRCClient, message: Message) -> list[str]:
    # Each target once, ignoring case.
    named = {fold(target): target for target in message.param(0).split(",") if target}
    targets = list(named.values())
    if message.command != "NOTICE":
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


# Multiline messages.

_NOT_OPEN = "That batch is not open"


def openBatch(client: IRCClient, message: Message, label: str) -> bool:
    """
    Begin a multiline message; its label is answered after its last line.

    @return: False: it is refused, and L{batch} has to answer why.
    """
    if not message.param(0).startswith("+") or _refusal(client, message) is not None:
        return False
    deadline = client.context.monotonic() + OPEN_SECONDS
    client.openBatch = opened = OpenBatch(
        message.param(0)[1:], message.param(2), label, clientTags(message), deadline
    )
    client.context.callLater(OPEN_SECONDS, partial(_expire, client, opened))
    return True


def _refusal(client: IRCClient, message: Message) -> MultilineError | None:
    name, kind, target = message.param(0)[1:], message.param(1), message.param(2)
    if not isName(name):
        return MultilineError("INVALID_REFTAG", name or "*", text="No batch is called that")
    if kind != MULTILINE or not client.has(MULTILINE):
        return MultilineError("UNKNOWN_TYPE", name, kind or "*", text="There is no such batch")
    if client.openBatch is not None or "batch" in message.tags:
        return MultilineError("MULTILINE_INVALID", text="Another batch is open")
    if not target or "," in target:
        return MultilineError("MULTILINE_INVALID", text="A batch has one target")
    return None


def _expire(client: IRCClient, opened: OpenBatch) -> None:
    if client.openBatch is not opened or client.stream.ending:
        return
    remaining = opened.deadline - client.context.monotonic()
    if remaining > 0:
        client.context.callLater(remaining, partial(_expire, client, opened))
        return
    _giveUp(client, MultilineError("TIMEOUT", opened.name, text="The batch was open too long"))


def _giveUp(client: IRCClient, error: MultilineError) -> None:
    # Later lines of the batch are ignored.
    opened, client.openBatch = client.openBatch, None
    label = ""
    if opened is not None:
        client.refusedBatch, label = opened.name, opened.label
    if label:
        client.beginLabel(label)
    _fail(client, error)
    if label:
        client.endLabel()


def _fail(client: IRCClient, error: MultilineError) -> None:
    client.fail("BATCH", error.code, *error.context, text=str(error))


def addToBatch(client: IRCClient, message: Message) -> None:
    """Add a line to a multiline message."""
    name, opened = message.tags["batch"], client.openBatch
    if opened is None and name == client.refusedBatch:
        return
    try:
        if opened is None or opened.name != name:
            raise MultilineError("MULTILINE_INVALID", text=_NOT_OPEN)
        opened.add(message)
        opened.deadline = client.context.monotonic() + OPEN_SECONDS
    except MultilineError as error:
        _giveUp(client, error)


def lineLost(client: IRCClient, name: str) -> None:
    """Give up a message of several lines if one of them could not be read."""
    if client.openBatch is not None and client.openBatch.name == name:
        _giveUp(client, MultilineError("MULTILINE_INVALID", text="A line could not be read"))


def batch(client: IRCClient, message: Message) -> None:
    """BATCH: end a multiline message, or answer why its beginning was refused."""
    word, opened = message.param(0), client.openBatch
    name = word[1:]
    if word.startswith("-") and opened is not None and opened.name == name:
        client.openBatch = None
        try:
            _sayLines(client, opened)
        except MultilineError as error:
            _fail(client, error)
    elif word.startswith("-") and name == client.refusedBatch:
        client.refusedBatch = ""
    else:
        refusal = _refusal(client, message) if word.startswith("+") else None
        if refusal is not None and opened is None:
            client.refusedBatch = name
        _fail(client, refusal or MultilineError("MULTILINE_INVALID", text=_NOT_OPEN))


def _sayLines(client: IRCClient, opened: OpenBatch) -> None:
    if not any(text.strip() for text, _ in opened.lines):
        raise MultilineError("MULTILINE_INVALID", text="There are only blank lines")
    kind, text = _content(NOTICE if opened.command == "NOTICE" else MESSAGE, opened.lines[0][0])
    if kind in _PASSING:
        raise MultilineError("MULTILINE_INVALID", text="Only texts have several lines")
    lines = [(text, False), *opened.lines[1:]]
    if kind == ME:
        last, joined = lines[-1]
        lines[-1] = last.removesuffix(ACTION_END), joined
    text, breaks = joinLines([(cleanText(text), joined) for text, joined in lines])
    if not text.strip():
        raise MultilineError("MULTILINE_INVALID", text="There are only blank lines")
    tags = withBreaks(breaks, opened.tags)
    _trySay(client, opened.target, kind, text, tags, opened.command)


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
    text = cleanText(message.param(0))[:SHORT_TEXT_LENGTH]
    talk.setAway(client.controller, text)
    await client.controller.settled()
    client.numeric(numerics.RPL_NOWAWAY if client.session.away else numerics.RPL_UNAWAY)
