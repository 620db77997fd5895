"""
The slash commands: one table.  Pure.

A row of L{COMMANDS} has a command's name, usage, help and permission, and the handler that parses
its argument and calls the verb.  C{/help}, the manual and its test are made from the rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import NO_COMMAND, USAGE, WRONG_OLD_PASSWORD, WRONG_PASSWORD, ChatError
from tsservices.chat.names import ROOM_SIGN, fold, roomKey
from tsservices.chat.notifications import CommandList, Notice
from tsservices.chat.operations import BAN, ME, MESSAGE, MUTE, SCOPES
from tsservices.chat.permissions import FOUNDER, OPERATOR, SERVER
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.verbs import (
    accounts,
    deletion,
    history,
    inbox,
    moderation,
    modes,
    search,
    talk,
    tokens,
)
from tsservices.chat.verbs.checks import (
    ANYONE,
    NAMED,
    REGISTERED,
    SHORT_TEXT_LENGTH,
    checkPermission,
)
from tsservices.common.text import BYTE_ORDER_MARK, hiddenCommand, visible
from tsservices.common.tokens import looksLikeToken
from tsservices.frontends.formats.modes import parseModes
from tsservices.frontends.slash import parsing
from tsservices.frontends.slash.parsing import SIGN, UsageError, needed

#: Asks for the next older page of private messages.
OLDER = "+"

#: Stands for the number of a user's last line.
LAST = "last"

#: Before a name, stands for private messages to that user.
PRIVATE_TO = "to"

#: White space that L{visible} would write as an escape: in commands it separates words.
SEPARATORS = str.maketrans(dict.fromkeys("\x0b\x0c\x85\u2028\u2029", " "))

#: Stands for all tokens.
EVERY = "*"

#: Before the passwords, says whether tokens are revoked.
_REVOKE = {"keep": False, "revoke": True}

#: Before a name, asks to stop ignoring that user.
NO_LONGER = "-"

#: As the argument of C{/who}, asks an operator of the server for the nodes, not for a room.
NODES = "nodes"

#: Returned by the handler of a verb that waits; the controller runs it.
Waiting: TypeAlias = Coroutine[PendingReply[Any], None, None]

#: Parses a command's argument, and calls its verb.
Handler: TypeAlias = Callable[[SessionController, str], Waiting | None]


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table."""

    #: The word, without its sign.
    name: str
    #: The arguments after the word.
    usage: str
    #: What the command does, in one line.
    help: str
    #: Who may use it: L{ANYONE}, L{NAMED}, L{REGISTERED}, or a rank.
    permission: str
    run: Handler
    #: Whether all earlier proposals have to be decided first.
    waits: bool = True
    #: How many words stand before the password or token that may follow the command; L{None}: it
    #: takes neither.
    secret: int | None = None

    @property
    def synopsis(self) -> str:
        """The command with its arguments, as the help shows it."""
        return f"{SIGN}{self.name} {self.usage}".rstrip()

    def call(self, controller: SessionController, argument: str) -> Waiting | None:
        """
        Check the permission, and call the verb.

        @raise ChatError: the command is not allowed, or fails.
        """
        checkPermission(controller, self.permission, f"use {SIGN}{self.name}")
        try:
            return self.run(controller, argument)
        except UsageError:
            raise ChatError(USAGE, usage=self.synopsis) from None


def perform(controller: SessionController, line: str, seenPosition: int | None = None) -> None:
    """
    Run the command of a line, after the earlier requests of the session.

    @param line: without the sign.
    @param seenPosition: the position of the last batch that had been delivered to the session when
        the line was received; L{None}: of the batch delivered last now.
    @raise ChatError: the command can't be done, if that is known at once.
    """
    command, argument = _find(line)
    if command.waits:
        position = (
            controller.context.pipeline.deliveredPosition if seenPosition is None else seenPosition
        )
        controller.start(lambda: _perform(controller, command, argument, position))
    else:
        command.call(controller, argument)


def performNow(controller: SessionController, line: str) -> Waiting | None:
    """
    Run the command of a line as a part of the running request.

    @param line: without the sign.
    @raise ChatError: the command can't be done, if that is known at once.
    """
    command, argument = _find(line)
    return command.call(controller, argument)


def _find(line: str) -> tuple[Command, str]:
    name, argument = parsing.firstWord(line) if not line[:1].isspace() else ("", "")
    command = COMMANDS.get(name.lower())
    if command is None:
        raise ChatError(NO_COMMAND, command=name[:SHORT_TEXT_LENGTH])
    return command, argument if command.secret is not None else argument.strip()


async def _perform(
    controller: SessionController, command: Command, argument: str, seenPosition: int
) -> None:
    await controller.settled()
    controller.seenPosition = seenPosition
    waiting = command.call(controller, argument)
    if waiting is not None:
        await waiting
    # The lines that follow may depend on the changes of this one.
    await controller.settled()


# The handlers.  Each parses in the order in which errors are shown: a missing current room comes
# first.


def _alone(verb: Callable[[SessionController], Waiting | None]) -> Handler:
    return lambda controller, argument: verb(controller)


def _withText(verb: Handler) -> Handler:
    return lambda controller, argument: verb(controller, needed(argument))


def _withSwitch(verb: Callable[[SessionController, bool], None]) -> Handler:
    return lambda controller, argument: verb(controller, parsing.isOn(argument))


def _onMember(verb: Callable[[SessionController, Room, str], None]) -> Handler:
    return lambda controller, argument: verb(controller, controller.room(), parsing.word(argument))


def _part(controller: SessionController, argument: str) -> Waiting:
    name, reason = parsing.firstWord(argument)
    return talk.part(controller, controller.room(name), reason.strip())


def _join(controller: SessionController, argument: str) -> Waiting:
    name, key = parsing.wordAndText(argument)
    return talk.join(controller, name, key)


def _mode(controller: SessionController, argument: str) -> None:
    words = argument.split()
    named = bool(words) and not words[0].startswith(("+", "-"))
    name = words.pop(0) if named else ""
    if not words:
        isElsewhere = named and roomKey(name)[1] not in controller.session.rooms
        room = talk.visibleRoom(controller, name) if isElsewhere else controller.room(name)
        modes.showModes(controller, room)
        return
    room = controller.room(name)
    request = parseModes(words)
    if request.listsBans:
        modes.showBans(controller, room)
    if request.changes:
        modes.setModes(controller, room, request.changes)


def _listMembers(controller: SessionController, argument: str) -> Waiting | None:
    if argument == NODES and talk.listNodes(controller):
        return None
    room = talk.visibleRoom(controller, argument) if argument else controller.room()
    return talk.listMembers(controller, room)


def _msg(controller: SessionController, argument: str) -> None:
    to, text = parsing.wordAndText(argument)
    needed(text)
    if to.startswith(ROOM_SIGN):
        controller.sayIn(roomKey(to)[1], (text,), MESSAGE)
    else:
        talk.sendPrivate(controller, to, text)


def _inbox(controller: SessionController, argument: str) -> Waiting:
    if argument != OLDER:
        return inbox.inbox(controller, argument)
    if controller.olderPrivate is None:
        raise UsageError
    return inbox.olderInbox(controller)


def _me(controller: SessionController, argument: str) -> None:
    controller.say((needed(argument),), ME)


def _topic(controller: SessionController, argument: str) -> None:
    room = controller.room()
    if argument:
        talk.setTopic(controller, room, "" if argument == "-" else argument)
    else:
        controller.presenter.show(room.storedTopic())


def _history(controller: SessionController, argument: str) -> Waiting:
    room = controller.room()
    count = parsing.number("how many", argument or str(REPLAYED_LINES), 1, history.HISTORY_LINES)
    return history.history(controller, room, count)


def _since(controller: SessionController, argument: str) -> Waiting:
    return history.since(controller, *parsing.roomAndNumber(controller, argument))


def _read(controller: SessionController, argument: str) -> Waiting:
    return history.markRead(controller, *parsing.roomAndNumber(controller, argument))


def _search(controller: SessionController, argument: str) -> Waiting:
    if argument:
        return search.search(controller, parsing.search(controller, argument))
    return search.olderResults(controller)


def _ignore(controller: SessionController, argument: str) -> None:
    # A name may begin with this sign.
    if argument.startswith(NO_LONGER) and not talk.isSomebody(controller, argument):
        talk.stopIgnoring(controller, argument.removeprefix(NO_LONGER))
    elif argument:
        talk.toggleIgnored(controller, argument)
    else:
        talk.listIgnored(controller)


# The arguments of these are used as typed: white space at the end of a password counts, and at its
# beginning all but the one character that separates it from the word before.


def _register(controller: SessionController, argument: str) -> Waiting:
    return accounts.register(controller, argument if argument.strip() else None)


def _login(controller: SessionController, argument: str) -> Waiting:
    name, password = parsing.firstWord(argument)
    if looksLikeToken(name) and fold(name) not in controller.context.state.accounts:
        # The whole argument, so that no part of the token is taken for a user's name.
        return tokens.loginByToken(controller, argument)
    return accounts.login(
        controller, name or controller.session.nick, password if password.strip() else None
    )


def _passwd(controller: SessionController, argument: str) -> Waiting:
    old, new = parsing.firstWord(argument)
    # No password is as short as these.
    revoke = _REVOKE.get(old)
    if revoke is not None:
        old, new = parsing.firstWord(new)
    if old and not new.strip():
        controller.checkStored()
        raise UsageError
    return _changePassword(controller, old, new, revoke)


async def _changePassword(
    controller: SessionController, old: str, new: str, revoke: bool | None
) -> None:
    try:
        await accounts.changePassword(controller, old or None, new or None, revoke)
    except ChatError as error:
        if error.code is WRONG_PASSWORD and len(new.split()) > 1:
            raise ChatError(WRONG_OLD_PASSWORD, name=error.facts["name"]) from None
        raise


def _token(controller: SessionController, argument: str) -> Waiting | None:
    verb, text = parsing.wordAndText(argument)
    words = text.split()
    match verb.lower(), words:
        case "new", [name]:
            return tokens.create(controller, name, SCOPES[0])
        case "new", [name, scope]:
            return tokens.create(controller, name, parsing.choice(scope, SCOPES))
        case "list", []:
            tokens.show(controller)
        case "revoke", [name] if name == EVERY:
            tokens.revokeAll(controller)
        case "revoke", [name]:
            tokens.revoke(controller, name)
        case _:
            raise UsageError
    return None


def _withSecret(verb: Handler) -> Handler:
    return lambda controller, argument: verb(controller, needed(argument.strip()))


def _kick(controller: SessionController, argument: str) -> None:
    moderation.kick(controller, controller.room(), *parsing.wordAndText(argument))


def _restrict(kind: str) -> Handler:
    def run(controller: SessionController, argument: str) -> None:
        room = controller.room()
        if argument:
            name, text = parsing.wordAndText(argument)
            seconds, reason = parsing.durationAndReason(text)
            moderation.restrict(controller, room, kind, name, seconds, reason)
        else:
            moderation.listRestrictions(controller, room, kind)

    return run


def _delete(controller: SessionController, argument: str) -> Waiting:
    *nick, last = needed(argument).split()
    if nick and nick[0].lower() == PRIVATE_TO:
        return inbox.deleteLastPrivate(controller, parsing.word(" ".join([*nick[1:], last])))
    if not nick and parsing.isPrivateIdent(last):
        return inbox.deletePrivate(controller, last)
    room = controller.room()
    if last.lower() == LAST:
        return deletion.deleteLast(controller, room, parsing.word(" ".join(nick)) if nick else "")
    return deletion.delete(controller, room, parsing.lineNumber(argument, 1))


def _private(controller: SessionController, argument: str) -> None:
    moderation.setPrivate(controller, controller.room(), parsing.isOn(argument))


def _format(controller: SessionController, argument: str) -> None:
    controller.presenter.setFormat(parsing.choice(argument, ("text", "json")))


def _help(controller: SessionController, argument: str) -> None:
    name = argument.removeprefix(SIGN).lower()
    if name:
        command = COMMANDS.get(name)
        if command is None:
            raise ChatError(NO_COMMAND, command=name[:SHORT_TEXT_LENGTH])
        controller.presenter.show(Notice([f"{command.synopsis}: {command.help}"]))
        return
    rows = [(row.name, row.usage, row.help, row.permission) for row in COMMANDS.values()]
    controller.presenter.show(CommandList(rows))


_unban = _onMember(partial(moderation.liftRestriction, kind=BAN))
_unmute = _onMember(partial(moderation.liftRestriction, kind=MUTE))
_op = _onMember(partial(moderation.setOperator, on=True))
_deop = _onMember(partial(moderation.setOperator, on=False))
_voice = _onMember(partial(modes.setVoice, on=True))
_devoice = _onMember(partial(modes.setVoice, on=False))

_ROWS: tuple[tuple[str, str, str, str, Handler], ...] = (
    ("nick", "NAME", "be called NAME", ANYONE, _withText(talk.changeNick)),
    ("join", "ROOM [KEY]", "enter a room, or turn to it", NAMED, _join),
    ("part", "[ROOM [WHY]]", "leave a room", NAMED, _part),
    ("rooms", "", "which rooms there are", ANYONE, _alone(talk.listRooms)),
    ("who", "[ROOM]", "who is in a room", NAMED, _listMembers),
    ("whois", "NAME", "what there is to know of somebody", NAMED, _withText(talk.whois)),
    ("seen", "NAME", "when somebody was last here", NAMED, _withText(talk.seen)),
    ("msg", "NAME|#ROOM TEXT", "tell one person, or one room", NAMED, _msg),
    ("inbox", "[NAME|+]", "private messages, with one or all; + for older", REGISTERED, _inbox),
    ("me", "TEXT", "do something, in words", NAMED, _me),
    ("topic", "[TEXT|-]", "what the room is about; - for nothing", NAMED, _topic),
    ("history", "[N]", "the last N lines of the room", NAMED, _history),
    ("since", "[ROOM] SEQ", "all lines after number SEQ", NAMED, _since),
    ("read", "[ROOM] SEQ", "remember how far you have read", REGISTERED, _read),
    (
        "search",
        "[#ROOM] [from:NAME] [WORDS]",
        "find lines; nothing: the next older ones",
        NAMED,
        _search,
    ),
    ("away", "[WHY]", "say that you are away, or back", NAMED, talk.setAway),
    ("ignore", "[NAME|-NAME]", "do not hear somebody, or hear them again; or who", NAMED, _ignore),
    ("register", "[PASSWORD]", "make your name yours", NAMED, _register),
    ("login", "[NAME [PASSWORD]]", "be who you are; or /login TOKEN", ANYONE, _login),
    ("logout", "", "be a guest again", REGISTERED, _alone(accounts.logout)),
    ("passwd", "[keep|revoke] [OLD NEW]", "change your password", REGISTERED, _passwd),
    (
        "token",
        "new NAME [talk|read]|list|revoke NAME|*",
        "let programs log in",
        REGISTERED,
        _token,
    ),
    ("resume", "TOKEN", "go on for a lost connection", ANYONE, _withSecret(accounts.resume)),
    ("invite", "NAME", "let somebody into a private room", NAMED, _onMember(moderation.invite)),
    ("kick", "NAME [WHY]", "have somebody leave the room", OPERATOR, _kick),
    ("ban", "[NAME [2h] [WHY]]", "keep somebody out; or who is", OPERATOR, _restrict(BAN)),
    ("unban", "NAME", "let somebody in again", OPERATOR, _unban),
    ("mute", "[NAME [2h] [WHY]]", "silence somebody; or who is", OPERATOR, _restrict(MUTE)),
    ("unmute", "NAME", "let somebody speak again", OPERATOR, _unmute),
    (
        "delete",
        "SEQ|[NAME] last|to NAME",
        "take words away: of a line, or sent to NAME",
        NAMED,
        _delete,
    ),
    ("op", "NAME", "have somebody look after the room", FOUNDER, _op),
    ("deop", "NAME", "not any more", NAMED, _deop),
    ("voice", "NAME", "let somebody speak in a moderated room", OPERATOR, _voice),
    ("devoice", "NAME", "not any more", NAMED, _devoice),
    ("mode", "[ROOM] [+nt-k ...]", "the modes of a room, or other ones", NAMED, _mode),
    ("private", "on|off", "by invitation only, or for everybody", FOUNDER, _private),
    (
        "reset",
        "NAME",
        "give an account a new password",
        SERVER,
        _withSecret(accounts.resetPassword),
    ),
    ("drop", "NAME", "have a name belong to nobody", SERVER, _withText(accounts.dropAccount)),
    ("format", "text|json", "how you are told, for people or programs", ANYONE, _format),
    ("ack", "on|off", "be told when your lines are stored", ANYONE, _withSwitch(talk.setAcks)),
    ("echo", "on|off", "be told your own lines too", ANYONE, _withSwitch(talk.setEcho)),
    ("help", "[COMMAND]", "this list, or one command", ANYONE, _help),
    ("quit", "[WHY]", "leave", ANYONE, talk.quit),
)

#: Commands that are talk: they do not wait for earlier talk to be stored.
_TALK = frozenset({"msg", "me"})

#: How many words stand before a password or token.  C{/reset} takes none, but a user who expects
#: that it does has typed a password.
_SECRET = {"register": 0, "passwd": 0, "resume": 0, "login": 1, "reset": 1}

#: The commands by name, in the order of the help.
COMMANDS = {
    row[0]: Command(*row, waits=row[0] not in _TALK, secret=_SECRET.get(row[0])) for row in _ROWS
}


def secretCommand(line: str) -> tuple[str, str]:
    """
    Split a command into the part before its password or token, and that secret.

    @param line: with the sign.
    """
    name = parsing.firstWord(line)[0].removeprefix(SIGN)
    command = COMMANDS.get(name.lower())
    if command is None or command.secret is None:
        return line, ""
    head = re.match(rf"\S+(?:\s+\S+){{{command.secret}}}\s", line)
    return (line, "") if head is None else (head[0], line[head.end() :])


def cleanCommand(line: str) -> str:
    """
    Make invisible characters of a command visible; a password in it stays unchanged.

    @param line: with the sign.
    """
    if line.isprintable():
        return line
    # A password that was set at a prompt has to be accepted here too.
    head, secret = secretCommand(line.replace(BYTE_ORDER_MARK, ""))
    return visible(head.translate(SEPARATORS)) + secret


def hiddenSecretCommand(line: str) -> str:
    """
    Find a command with a password that has other characters before its word.

    @return: its name; empty: there is none, or two signs mark the line as talk.
    """
    name = hiddenCommand(line)
    if not name or line.startswith(2 * SIGN):
        return ""
    command = COMMANDS.get(name)
    return name if command is not None and command.secret is not None else ""
