"""
What is done for each command about who one is, where, and what one says.  Pure.

Each function, here as in the modules beside this one, is given the conversation of
whoever asks and the rest of their line, and raises L{Refused} or
L{Misused<tsservices.chat.verbs.parsing.Misused>} when it is not done.
"""

from __future__ import annotations

from tsservices.chat.controller import Conversation
from tsservices.chat.errors import IGNORED_ALL, NO_ROOM, Refused
from tsservices.chat.names import ROOM_SIGN, fold, nameKey, roomKey
from tsservices.chat.notifications import Notice, PeopleListed, PersonShown, Present, RoomsListed
from tsservices.chat.operations import ME, MESSAGE, Part, Rename, SetAway, SetTopic, Whisper
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.room import Room
from tsservices.chat.verbs.parsing import choice, here, needed, short, wordAndText
from tsservices.common.limits import IGNORED, LISTED

#: What an operator asks for who wants to know of these, not of people.
NODES = "nodes"


def nick(conversation: Conversation, rest: str) -> None:
    needed(rest)
    key = nameKey(rest)
    conversation.house.lobby.checkNick(conversation.session, rest, key)
    conversation.checkStored()
    if conversation.entered:
        conversation.propose(Rename(conversation.session.ident, rest, key))
    else:
        conversation.enter(rest, key)


def join(conversation: Conversation, rest: str) -> None:
    needed(rest)
    conversation.join(*roomKey(rest))


def part(conversation: Conversation, rest: str) -> None:
    name, _, why = rest.partition(" ")
    key = here(conversation, name).record.key
    why = short("the reason of a leave", why.strip())
    conversation.propose(Part(conversation.session.ident, key, why))

    def turn() -> None:
        if conversation.current == key:
            conversation.current = next(reversed(conversation.session.rooms), "")

    conversation.then(turn)


def rooms(conversation: Conversation, rest: str) -> None:
    lobby = conversation.house.lobby
    rooms = sorted(
        (each for each in lobby.rooms.values() if lobby.visible(conversation.session, each)),
        key=lambda room: (-len(room.names), room.record.key),
    )
    listed = [(each.record.name, len(each.names), each.kept.topic) for each in rooms]
    starts = range(0, len(listed) or 1, LISTED)
    conversation.tellPages([RoomsListed(listed[start : start + LISTED]) for start in starts])


def who(conversation: Conversation, rest: str) -> None:
    lobby = conversation.house.lobby
    nodes = conversation.house.nodes
    if rest == NODES and nodes is not None and conversation.session.account in lobby.operators:
        conversation.voice.tell(Notice(nodes(), NODES))
        return
    room: Room | None
    if rest:
        name, key = roomKey(rest)
        room = lobby.rooms.get(key)
        if room is None or not lobby.visible(conversation.session, room):
            raise Refused(NO_ROOM, room=ROOM_SIGN + name)
    else:
        room = here(conversation)
    name = room.record.name
    people = [
        Present(each.nick, each.account is None, each.away, lobby.rank(each, room))
        for each in {each.key: each for each in room.audience}.values()
    ]
    starts = range(0, len(people) or 1, LISTED)
    conversation.tellPages([PeopleListed(name, people[start : start + LISTED]) for start in starts])


def whois(conversation: Conversation, rest: str) -> None:
    needed(rest)
    lobby, session = conversation.house.lobby, conversation.session
    person = lobby.person(rest, fold(rest))
    both = [lobby.rooms[key] for key in person.rooms if key in session.rooms]
    # Those who may ban somebody have to know what to ban.
    knows = session.account in lobby.operators or any(
        atLeast(lobby.rank(session, room), OPERATOR) for room in both
    )
    conversation.voice.tell(
        PersonShown(
            person.nick,
            person.account is None,
            person.away,
            [room.record.name for room in both],
            person.cloak if knows else "",
        )
    )


def msg(conversation: Conversation, rest: str) -> None:
    to, text = wordAndText(rest)
    if to.startswith(ROOM_SIGN):
        conversation.sayIn(roomKey(to)[1], (text,), MESSAGE)
        return
    key = fold(to)
    lobby = conversation.house.lobby
    if key not in lobby.accounts:
        lobby.person(to, key)
    conversation.checkStored()
    conversation.propose(Whisper(conversation.session.ident, to, key, MESSAGE, text))


def me(conversation: Conversation, rest: str) -> None:
    needed(rest)
    conversation.say((rest,), ME)


def topic(conversation: Conversation, rest: str) -> None:
    room = here(conversation)
    if not rest:
        conversation.voice.tell(room.keptTopic())
        return
    conversation.checkStored()
    text = "" if rest == "-" else short("a topic", rest)
    conversation.propose(SetTopic(conversation.session.ident, room.record.key, text))


def away(conversation: Conversation, rest: str) -> None:
    text = short("a note of absence", rest)
    conversation.propose(SetAway(conversation.session.ident, text))


def ignore(conversation: Conversation, rest: str) -> None:
    session = conversation.session
    if not rest:
        listed = ", ".join(sorted(session.ignores)) or "nobody"
        conversation.voice.tell(Notice([f"you ignore {listed}"]))
        return
    key = nameKey(rest)
    if key not in session.ignores and len(session.ignores) >= IGNORED:
        raise Refused(IGNORED_ALL, most=IGNORED)
    session.ignore(session.ignores ^ {key})
    doing = "ignore" if key in session.ignores else "no longer ignore"
    conversation.voice.tell(Notice([f"you {doing} {rest}"]))


def format(conversation: Conversation, rest: str) -> None:
    conversation.voice.choose(choice(rest, ("text", "json")))


def ack(conversation: Conversation, rest: str) -> None:
    conversation.session.acks = choice(rest, ("on", "off")) == "on"
    conversation.voice.tell(Notice([f"ack is {rest.lower()}"]))


def echo(conversation: Conversation, rest: str) -> None:
    conversation.session.echoes = choice(rest, ("on", "off")) == "on"
    conversation.voice.tell(Notice([f"echo is {rest.lower()}"]))


def quit(conversation: Conversation, rest: str) -> None:
    conversation.quit(short("the reason of a leave", rest))
    conversation.voice.farewell()
