"""
What people can ask for: one table.  Pure.

The rows of L{COMMANDS} are all there is: C{/help}, the manual and its test are made of
them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.chat import requests
from tsservices.chat.arguments import Misused
from tsservices.chat.conversation import Conversation
from tsservices.chat.happenings import Notice
from tsservices.chat.refusals import NAME_FIRST, NO_COMMAND, USAGE, Refused
from tsservices.limits import TOPIC_LENGTH

SIGN = "/"
"""
What commands begin with.  A line that begins with two of them is talk.
"""

ANYONE = "anyone"
"""
Who has not said a name yet may do it too.
"""

NAMED = "named"
"""
Who has a name may do it.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """
    One command.

    @ivar name: the word, without its sign.
    @ivar usage: what follows the word.
    @ivar meaning: what it does, in one line.
    @ivar permission: who may do it.
    @ivar run: does it, given the conversation and the rest of the line.
    @ivar waits: whether it has to know the outcome of all that was proposed before.
    """

    name: str
    usage: str
    meaning: str
    permission: str
    run: Callable[[Conversation, str], None]
    waits: bool = True

    @property
    def synopsis(self) -> str:
        """
        @return: how it is written.
        """
        return f"{SIGN}{self.name} {self.usage}".rstrip()


def perform(conversation: Conversation, line: str) -> None:
    """
    Do what a line asks for, as soon as its turn has come.

    @param conversation: of whoever asks.
    @param line: without the sign.
    @raise Refused: it can't be done.
    """
    word, _, rest = line.partition(" ")
    command = COMMANDS.get(word.lower())
    if command is None:
        raise Refused(NO_COMMAND, command=word[:TOPIC_LENGTH])
    rest = rest.strip()

    def run() -> None:
        if command.permission != ANYONE and not conversation.entered:
            raise Refused(NAME_FIRST)
        try:
            command.run(conversation, rest)
        except Misused:
            raise Refused(USAGE, usage=command.synopsis) from None

    if not command.waits:
        run()
        return
    conversation.then(run)
    if conversation.session.outstanding:
        # What comes after may rest on what this one has changed.
        conversation.then(lambda: None)


def _help(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a command, or nothing.
    """
    word = rest.removeprefix(SIGN).lower()
    if word:
        command = COMMANDS.get(word)
        if command is None:
            raise Refused(NO_COMMAND, command=word[:TOPIC_LENGTH])
        conversation.voice.tell(Notice([f"{command.synopsis}: {command.meaning}"]))
        return
    lines = [f"{command.synopsis:<26} {command.meaning}" for command in COMMANDS.values()]
    lines.append("anything else is said in the room you are in; // begins a line with /")
    conversation.voice.tell(Notice(lines))


COMMANDS = {
    row.name: row
    for row in (
        Command("nick", "NAME", "be called NAME", ANYONE, requests.nick),
        Command("join", "ROOM", "enter a room, or turn to it", NAMED, requests.join),
        Command("part", "[ROOM [WHY]]", "leave a room", NAMED, requests.part),
        Command("rooms", "", "which rooms there are", ANYONE, requests.rooms),
        Command("who", "[ROOM]", "who is in a room", NAMED, requests.who),
        Command("whois", "NAME", "what there is to know of somebody", NAMED, requests.whois),
        Command(
            "msg", "NAME|#ROOM TEXT", "tell one person, or one room", NAMED, requests.msg, False
        ),
        Command("me", "TEXT", "do something, in words", NAMED, requests.me, False),
        Command(
            "topic", "[TEXT|-]", "what the room is about; - for nothing", NAMED, requests.topic
        ),
        Command("history", "[N]", "the last N lines of the room", NAMED, requests.history),
        Command("since", "[ROOM] SEQ", "all lines after number SEQ", NAMED, requests.since),
        Command("away", "[WHY]", "say that you are away, or back", NAMED, requests.away),
        Command(
            "ignore", "[NAME]", "do not hear somebody, or hear them again", NAMED, requests.ignore
        ),
        Command(
            "format",
            "text|json",
            "how you are told, for people or programs",
            ANYONE,
            requests.format,
        ),
        Command("ack", "on|off", "be told when your lines are stored", ANYONE, requests.ack),
        Command("echo", "on|off", "be told your own lines too", ANYONE, requests.echo),
        Command("help", "[COMMAND]", "this list, or one command", ANYONE, _help),
        Command("quit", "[WHY]", "leave", ANYONE, requests.quit),
    )
}
"""
By their words, in the order of the help.
"""
