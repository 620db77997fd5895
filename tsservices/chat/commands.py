"""
What people can ask for: one table.  Pure.

The rows of L{COMMANDS} are all there is: C{/help}, the manual and its test are made of
them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.chat.conversation import Conversation
from tsservices.chat.events import (
    ME,
    MESSAGE,
    Enter,
    Part,
    Rename,
    SetAway,
    SetTopic,
    Whisper,
)
from tsservices.chat.happenings import Notice, PeopleListed, PersonShown, RoomsListed
from tsservices.chat.names import ROOM_SIGN, fold, nameKey, roomKey
from tsservices.chat.refusals import (
    CHOICE,
    NAME_FIRST,
    NO_COMMAND,
    NO_ROOM,
    NOWHERE,
    NUMBER,
    TEXT_LONG,
    USAGE,
    Refused,
)
from tsservices.chat.rooms import Room
from tsservices.limits import HISTORY_LINES, REPLAYED_LINES, TOPIC_LENGTH

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

HIGHEST_SEQ = 2**63 - 1
"""
The largest number that a line can have.
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
        command.run(conversation, rest)

    if not command.waits:
        run()
        return
    conversation.then(run)
    if conversation.session.outstanding:
        # What comes after may rest on what this one has changed.
        conversation.then(lambda: None)


def _split(rest: str, command: str) -> tuple[str, str]:
    """
    @param rest: two things.
    @param command: whose usage is told when there are fewer.
    @return: a word, and what follows it.
    @raise Refused: there are fewer.
    """
    word, _, text = rest.partition(" ")
    if not word or not text.strip():
        raise _usage(command)
    return word, text.strip()


def _usage(command: str) -> Refused:
    """
    @param command: that was written in another way.
    @return: how it is written.
    """
    return Refused(USAGE, usage=COMMANDS[command].synopsis)


def _short(what: str, text: str) -> str:
    """
    @param what: the text is.
    @param text: some text.
    @return: the same.
    @raise Refused: it is too long.
    """
    if len(text) > TOPIC_LENGTH:
        raise Refused(TEXT_LONG, what=what, most=TOPIC_LENGTH, length=len(text))
    return text


def _number(what: str, given: str, least: int, most: int) -> int:
    """
    @param what: the number is.
    @param given: as it was written.
    @param least: the smallest allowed.
    @param most: the largest allowed.
    @return: the number.
    @raise Refused: it is none.
    """
    if not (given.isascii() and given.isdigit() and len(given) <= 19):
        raise Refused(NUMBER, what=what, least=least, most=most, given=given)
    number = int(given)
    if not least <= number <= most:
        raise Refused(NUMBER, what=what, least=least, most=most, given=given)
    return number


def _choice(rest: str, choices: tuple[str, ...]) -> str:
    """
    @param rest: as it was written.
    @param choices: the words allowed.
    @return: one of them.
    @raise Refused: it is another.
    """
    if rest.lower() not in choices:
        raise Refused(CHOICE, choices=" or ".join(choices), given=rest or "nothing")
    return rest.lower()


def _here(conversation: Conversation, name: str = "") -> Room:
    """
    @param conversation: of whoever asks.
    @param name: of a room where they are; nothing: the current one.
    @return: that room.
    @raise Refused: they are not there.
    """
    key = roomKey(name)[1] if name else conversation.current
    if not key:
        raise Refused(NOWHERE)
    return conversation.house.lobby.speaker(conversation.session, key)


def _nick(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a name.
    """
    if not rest:
        raise _usage("nick")
    key = nameKey(rest)
    conversation.house.lobby.checkNick(conversation.session, rest, key)
    change = Rename if conversation.entered else Enter
    conversation.propose(change(conversation.session.ident, rest, key))


def _join(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a room.
    """
    if not rest:
        raise _usage("join")
    conversation.join(*roomKey(rest))


def _part(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a room and why, or nothing.
    """
    name, _, why = rest.partition(" ")
    key = _here(conversation, name).record.key
    why = _short("the reason of a leave", why.strip())
    conversation.propose(Part(conversation.session.ident, key, why))

    def turn() -> None:
        if conversation.current == key:
            conversation.current = next(reversed(conversation.session.rooms), "")

    conversation.then(turn)


def _rooms(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: not used.
    """
    rooms = sorted(
        conversation.house.lobby.rooms.values(),
        key=lambda room: (-len(room.members), room.record.key),
    )
    listed = [(each.record.name, len(each.members), each.kept.topic) for each in rooms]
    conversation.voice.tell(RoomsListed(listed))


def _who(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a room, or nothing.
    """
    room: Room | None
    if rest:
        name, key = roomKey(rest)
        room = conversation.house.lobby.rooms.get(key)
        if room is None:
            raise Refused(NO_ROOM, room=ROOM_SIGN + name)
    else:
        room = _here(conversation)
    people = [(each.nick, each.away) for each in room.audience]
    conversation.voice.tell(PeopleListed(room.record.name, people))


def _whois(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a name.
    """
    if not rest:
        raise _usage("whois")
    person = conversation.house.lobby.person(rest, fold(rest))
    both = [
        room.record.name for key, room in person.rooms.items() if key in conversation.session.rooms
    ]
    conversation.voice.tell(PersonShown(person.nick, person.account is None, person.away, both))


def _msg(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a name or a room, and what to say.
    """
    to, text = _split(rest, "msg")
    if to.startswith(ROOM_SIGN):
        conversation.sayIn(roomKey(to)[1], (text,), MESSAGE)
        return
    key = fold(to)
    conversation.house.lobby.person(to, key)
    conversation.propose(Whisper(conversation.session.ident, to, key, MESSAGE, text))


def _me(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: what they do.
    """
    if not rest:
        raise _usage("me")
    conversation.say((rest,), ME)


def _topic(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: what the room is about, C{-} for nothing, or nothing to be told.
    """
    room = _here(conversation)
    if not rest:
        conversation.voice.tell(room.keptTopic())
        return
    conversation.checkStored()
    text = "" if rest == "-" else _short("a topic", rest)
    conversation.propose(SetTopic(conversation.session.ident, room.record.key, text))


def _history(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: how many lines, or nothing.
    """
    room = _here(conversation)
    count = _number("how many", rest or str(REPLAYED_LINES), 1, HISTORY_LINES)
    conversation.replay(room, room.released - count + 1)


def _since(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a room and a number, or a number.
    """
    words = rest.split()
    if len(words) not in (1, 2):
        raise _usage("since")
    number = _number("the number of a line", words[-1], 0, HIGHEST_SEQ)
    conversation.replay(_here(conversation, words[0] if len(words) > 1 else ""), number + 1)


def _away(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: why they are away; nothing: they are back.
    """
    text = _short("a note of absence", rest)
    conversation.propose(SetAway(conversation.session.ident, text))


def _ignore(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a name, or nothing.
    """
    session = conversation.session
    if not rest:
        listed = ", ".join(sorted(session.ignores)) or "nobody"
        conversation.voice.tell(Notice([f"you ignore {listed}"]))
        return
    key = nameKey(rest)
    session.ignores ^= {key}
    doing = "ignore" if key in session.ignores else "no longer ignore"
    conversation.voice.tell(Notice([f"you {doing} {rest}"]))


def _format(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: the name of a form.
    """
    conversation.voice.choose(_choice(rest, ("text", "json")))


def _ack(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: on or off.
    """
    conversation.session.acks = _choice(rest, ("on", "off")) == "on"
    conversation.voice.tell(Notice([f"ack is {rest.lower()}"]))


def _echo(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: on or off.
    """
    conversation.session.echoes = _choice(rest, ("on", "off")) == "on"
    conversation.voice.tell(Notice([f"echo is {rest.lower()}"]))


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


def _quit(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: why, or nothing.
    """
    conversation.quit(_short("the reason of a leave", rest))
    conversation.voice.farewell()


COMMANDS = {
    row.name: row
    for row in (
        Command("nick", "NAME", "be called NAME", ANYONE, _nick),
        Command("join", "ROOM", "enter a room, or turn to it", NAMED, _join),
        Command("part", "[ROOM [WHY]]", "leave a room", NAMED, _part),
        Command("rooms", "", "which rooms there are", ANYONE, _rooms),
        Command("who", "[ROOM]", "who is in a room", NAMED, _who),
        Command("whois", "NAME", "what there is to know of somebody", NAMED, _whois),
        Command("msg", "NAME|#ROOM TEXT", "tell one person, or one room", NAMED, _msg, False),
        Command("me", "TEXT", "do something, in words", NAMED, _me, False),
        Command("topic", "[TEXT|-]", "what the room is about; - for nothing", NAMED, _topic),
        Command("history", "[N]", "the last N lines of the room", NAMED, _history),
        Command("since", "[ROOM] SEQ", "all lines after number SEQ", NAMED, _since),
        Command("away", "[WHY]", "say that you are away, or back", NAMED, _away),
        Command("ignore", "[NAME]", "do not hear somebody, or hear them again", NAMED, _ignore),
        Command("format", "text|json", "how you are told, for people or programs", ANYONE, _format),
        Command("ack", "on|off", "be told when your lines are stored", ANYONE, _ack),
        Command("echo", "on|off", "be told your own lines too", ANYONE, _echo),
        Command("help", "[COMMAND]", "this list, or one command", ANYONE, _help),
        Command("quit", "[WHY]", "leave", ANYONE, _quit),
    )
}
"""
By their words, in the order of the help.
"""
