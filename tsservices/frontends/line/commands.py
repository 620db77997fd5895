"""
What people can ask for: one table.  Pure.

The rows of L{COMMANDS} are all there is: C{/help}, the manual and its test are made of
them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    NAME_FIRST,
    NO_COMMAND,
    NOT_ALLOWED,
    USAGE,
    ChatError,
)
from tsservices.chat.notifications import CommandList, Notice
from tsservices.chat.permissions import FOUNDER, OPERATOR, SERVER, atLeast
from tsservices.chat.verbs import accounts
from tsservices.chat.verbs import history as past
from tsservices.chat.verbs import moderation as order
from tsservices.chat.verbs import talk as requests
from tsservices.chat.verbs.parsing import TOPIC_LENGTH, UsageError, here

#: What commands begin with. A line that begins with two of them is talk.
SIGN = "/"

#: Who has not said a name yet may do it too.
ANYONE = "anyone"

#: Who has a name may do it.
NAMED = "named"

#: Who is logged in may do it.
REGISTERED = "registered"

#: Who may do what not everybody may, in the room they have turned to: by the rank that is needed.
OFFICES = {
    OPERATOR: "operators of the room",
    FOUNDER: "its founder",
    SERVER: "operators of the server",
}


@dataclass(frozen=True, slots=True)
class Command:
    """
    One command.

    @ivar name: the word, without its sign.
    @ivar usage: what follows the word.
    @ivar meaning: what it does, in one line.
    @ivar permission: who may do it: L{ANYONE}, L{NAMED}, L{REGISTERED}, or a rank.
    @ivar run: does it, given the conversation and the rest of the line.
    @ivar waits: whether it has to know the outcome of all that was proposed before.
    """

    name: str
    usage: str
    meaning: str
    permission: str
    run: Callable[[SessionController, str], None]
    waits: bool = True

    @property
    def synopsis(self) -> str:
        """How it is written."""
        return f"{SIGN}{self.name} {self.usage}".rstrip()


def perform(conversation: SessionController, line: str) -> None:
    """
    Do what a line asks for, as soon as its turn has come.

    @raise Refused: it can't be done.
    """
    word, _, rest = line.partition(" ")
    command = COMMANDS.get(word.lower())
    if command is None:
        raise ChatError(NO_COMMAND, command=word[:TOPIC_LENGTH])
    rest = rest.strip()

    def run() -> None:
        _checkPermission(conversation, command)
        try:
            command.run(conversation, rest)
        except UsageError:
            raise ChatError(USAGE, usage=command.synopsis) from None

    if not command.waits:
        run()
        return
    conversation.afterPending(run)
    if conversation.session.pending:
        # What comes after may rest on what this one has changed.
        conversation.afterPending(lambda: None)


def _checkPermission(conversation: SessionController, command: Command) -> None:
    """A courtesy: what is not allowed is refused at once.  Whoever applies it decides."""
    wanted, session = command.permission, conversation.session
    if wanted == ANYONE:
        return
    if not conversation.entered:
        raise ChatError(NAME_FIRST)
    if wanted == REGISTERED and session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what=f"use {SIGN}{command.name}")
    if wanted not in OFFICES:
        return
    state = conversation.house.state
    if wanted == SERVER:
        allowed = session.account in state.operators
    else:
        allowed = atLeast(state.rank(session, here(conversation)), wanted)
    if not allowed:
        raise ChatError(NOT_ALLOWED, who=OFFICES[wanted])


def _help(conversation: SessionController, rest: str) -> None:
    word = rest.removeprefix(SIGN).lower()
    if word:
        command = COMMANDS.get(word)
        if command is None:
            raise ChatError(NO_COMMAND, command=word[:TOPIC_LENGTH])
        conversation.voice.show(Notice([f"{command.synopsis}: {command.meaning}"]))
        return
    conversation.voice.show(
        CommandList(
            [(each.name, each.usage, each.meaning, each.permission) for each in COMMANDS.values()]
        )
    )


_ROWS: tuple[tuple[str, str, str, str, Callable[[SessionController, str], None]], ...] = (
    ("nick", "NAME", "be called NAME", ANYONE, requests.nick),
    ("join", "ROOM", "enter a room, or turn to it", NAMED, requests.join),
    ("part", "[ROOM [WHY]]", "leave a room", NAMED, requests.part),
    ("rooms", "", "which rooms there are", ANYONE, requests.rooms),
    ("who", "[ROOM]", "who is in a room", NAMED, requests.who),
    ("whois", "NAME", "what there is to know of somebody", NAMED, requests.whois),
    ("seen", "NAME", "when somebody was last here", NAMED, past.seen),
    ("msg", "NAME|#ROOM TEXT", "tell one person, or one room", NAMED, requests.msg),
    ("inbox", "[NAME|+]", "private messages, with one or all; + for older", REGISTERED, past.inbox),
    ("me", "TEXT", "do something, in words", NAMED, requests.me),
    ("topic", "[TEXT|-]", "what the room is about; - for nothing", NAMED, requests.topic),
    ("history", "[N]", "the last N lines of the room", NAMED, past.history),
    ("since", "[ROOM] SEQ", "all lines after number SEQ", NAMED, past.since),
    ("read", "[ROOM] SEQ", "remember how far you have read", REGISTERED, past.read),
    (
        "search",
        "[#ROOM] [from:NAME] [WORDS]",
        "find lines; nothing: the next older ones",
        NAMED,
        past.search,
    ),
    ("away", "[WHY]", "say that you are away, or back", NAMED, requests.away),
    ("ignore", "[NAME]", "do not hear somebody, or hear them again", NAMED, requests.ignore),
    ("register", "[PASSWORD]", "make your name yours", NAMED, accounts.register),
    ("login", "[NAME [PASSWORD]]", "be who you are", ANYONE, accounts.login),
    ("logout", "", "be a guest again", REGISTERED, accounts.logout),
    ("passwd", "[OLD NEW]", "change your password", REGISTERED, accounts.passwd),
    ("resume", "TOKEN", "go on for a lost connection", ANYONE, accounts.resume),
    ("invite", "NAME", "let somebody into a private room", NAMED, order.invite),
    ("kick", "NAME [WHY]", "have somebody leave the room", OPERATOR, order.kick),
    ("ban", "[NAME [2h] [WHY]]", "keep somebody out; or who is", OPERATOR, order.ban),
    ("unban", "NAME", "let somebody in again", OPERATOR, order.unban),
    ("mute", "[NAME [2h] [WHY]]", "silence somebody; or who is", OPERATOR, order.mute),
    ("unmute", "NAME", "let somebody speak again", OPERATOR, order.unmute),
    ("delete", "SEQ", "take the text of a line away: yours, or any", NAMED, past.delete),
    ("op", "NAME", "have somebody look after the room", FOUNDER, order.op),
    ("deop", "NAME", "not any more", NAMED, order.deop),
    ("private", "on|off", "by invitation only, or for everybody", FOUNDER, order.private),
    ("reset", "NAME", "give an account a new password", SERVER, accounts.reset),
    ("drop", "NAME", "have a name belong to nobody", SERVER, accounts.drop),
    ("format", "text|json", "how you are told, for people or programs", ANYONE, requests.format),
    ("ack", "on|off", "be told when your lines are stored", ANYONE, requests.ack),
    ("echo", "on|off", "be told your own lines too", ANYONE, requests.echo),
    ("help", "[COMMAND]", "this list, or one command", ANYONE, _help),
    ("quit", "[WHY]", "leave", ANYONE, requests.quit),
)

#: Talk follows talk without waiting.
_TALK = frozenset({"msg", "me"})

#: By their words, in the order of the help.
COMMANDS = {row[0]: Command(*row, waits=row[0] not in _TALK) for row in _ROWS}
