"""
What is done for each command.  Pure.

Each function is given the conversation of whoever asks and the rest of their line, and
raises L{Refused} or L{Misused<tsservices.chat.arguments.Misused>} when it is not done.
"""

from __future__ import annotations

from tsservices.chat.arguments import Misused, choice, here, needed, number, short, wordAndText
from tsservices.chat.conversation import Conversation
from tsservices.chat.events import ME, MESSAGE, Enter, Part, Rename, SetAway, SetTopic, Whisper
from tsservices.chat.happenings import Notice, PeopleListed, PersonShown, RoomsListed
from tsservices.chat.names import ROOM_SIGN, fold, nameKey, roomKey
from tsservices.chat.refusals import IGNORED_ALL, NO_ROOM, Refused
from tsservices.chat.rooms import Room
from tsservices.limits import HISTORY_LINES, IGNORED, LISTED, REPLAYED_LINES

HIGHEST_SEQ = 2**63 - 1
"""
The largest number that a line can have.
"""


def nick(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a name.
    """
    needed(rest)
    key = nameKey(rest)
    conversation.house.lobby.checkNick(conversation.session, rest, key)
    conversation.checkStored()
    change = Rename if conversation.entered else Enter
    conversation.propose(change(conversation.session.ident, rest, key))


def join(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a room.
    """
    needed(rest)
    conversation.join(*roomKey(rest))


def part(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a room and why, or nothing.
    """
    name, _, why = rest.partition(" ")
    key = here(conversation, name).record.key
    why = short("the reason of a leave", why.strip())
    conversation.propose(Part(conversation.session.ident, key, why))

    def turn() -> None:
        if conversation.current == key:
            conversation.current = next(reversed(conversation.session.rooms), "")

    conversation.then(turn)


def rooms(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: not used.
    """
    rooms = sorted(
        conversation.house.lobby.rooms.values(),
        key=lambda room: (-len(room.members), room.record.key),
    )
    listed = [(each.record.name, len(each.members), each.kept.topic) for each in rooms]
    starts = range(0, len(listed) or 1, LISTED)
    conversation.tellPages([RoomsListed(listed[start : start + LISTED]) for start in starts])


def who(conversation: Conversation, rest: str) -> None:
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
        room = here(conversation)
    name = room.record.name
    people = [(each.nick, each.away) for each in room.audience]
    starts = range(0, len(people) or 1, LISTED)
    conversation.tellPages([PeopleListed(name, people[start : start + LISTED]) for start in starts])


def whois(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a name.
    """
    needed(rest)
    person = conversation.house.lobby.person(rest, fold(rest))
    both = [
        room.record.name for key, room in person.rooms.items() if key in conversation.session.rooms
    ]
    conversation.voice.tell(PersonShown(person.nick, person.account is None, person.away, both))


def msg(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a name or a room, and what to say.
    """
    to, text = wordAndText(rest)
    if to.startswith(ROOM_SIGN):
        conversation.sayIn(roomKey(to)[1], (text,), MESSAGE)
        return
    key = fold(to)
    conversation.house.lobby.person(to, key)
    conversation.checkStored()
    conversation.propose(Whisper(conversation.session.ident, to, key, MESSAGE, text))


def me(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: what they do.
    """
    needed(rest)
    conversation.say((rest,), ME)


def topic(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: what the room is about, C{-} for nothing, or nothing to be told.
    """
    room = here(conversation)
    if not rest:
        conversation.voice.tell(room.keptTopic())
        return
    conversation.checkStored()
    text = "" if rest == "-" else short("a topic", rest)
    conversation.propose(SetTopic(conversation.session.ident, room.record.key, text))


def history(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: how many lines, or nothing.
    """
    room = here(conversation)
    count = number("how many", rest or str(REPLAYED_LINES), 1, HISTORY_LINES)
    conversation.replay(room, room.released - count + 1)


def since(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: a room and a number, or a number.
    """
    words = rest.split()
    if len(words) not in (1, 2):
        raise Misused
    seq = number("the number of a line", words[-1], 0, HIGHEST_SEQ)
    conversation.replay(here(conversation, words[0] if len(words) > 1 else ""), seq + 1)


def away(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: why they are away; nothing: they are back.
    """
    text = short("a note of absence", rest)
    conversation.propose(SetAway(conversation.session.ident, text))


def ignore(conversation: Conversation, rest: str) -> None:
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
    if key not in session.ignores and len(session.ignores) >= IGNORED:
        raise Refused(IGNORED_ALL, most=IGNORED)
    session.ignores ^= {key}
    doing = "ignore" if key in session.ignores else "no longer ignore"
    conversation.voice.tell(Notice([f"you {doing} {rest}"]))


def format(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: the name of a form.
    """
    conversation.voice.choose(choice(rest, ("text", "json")))


def ack(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: on or off.
    """
    conversation.session.acks = choice(rest, ("on", "off")) == "on"
    conversation.voice.tell(Notice([f"ack is {rest.lower()}"]))


def echo(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: on or off.
    """
    conversation.session.echoes = choice(rest, ("on", "off")) == "on"
    conversation.voice.tell(Notice([f"echo is {rest.lower()}"]))


def quit(conversation: Conversation, rest: str) -> None:
    """
    @param conversation: of whoever asks.
    @param rest: why, or nothing.
    """
    conversation.quit(short("the reason of a leave", rest))
    conversation.voice.farewell()
