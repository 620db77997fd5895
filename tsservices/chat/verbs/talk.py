"""
What is done for each command about who one is, where, and what one says.  Pure.

Each function, here as in the modules beside this one, is given the conversation of
whoever asks and the rest of their line, and raises L{ChatError} or
L{Misused<tsservices.chat.verbs.parsing.Misused>} when it is not done.
"""

from __future__ import annotations

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import IGNORED_ALL, NO_ROOM, ChatError
from tsservices.chat.names import ROOM_SIGN, fold, nameKey, roomKey
from tsservices.chat.notifications import Member, MemberList, Notice, RoomList, WhoisReply
from tsservices.chat.operations import ME, MESSAGE, Part, Rename, SendPrivate, SetAway, SetTopic
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.room import Room
from tsservices.chat.verbs.parsing import choice, here, needed, short, wordAndText

#: Rooms or people listed at once; the next ones when these are read.
LISTED = 500

#: Names that one person may ignore.
IGNORED = 200


#: What an operator asks for who wants to know of these, not of people.
NODES = "nodes"


def nick(conversation: SessionController, rest: str) -> None:
    needed(rest)
    key = nameKey(rest)
    conversation.house.state.checkNick(conversation.session, rest, key)
    conversation.checkStored()
    if conversation.entered:
        conversation.propose(Rename(conversation.session.ident, rest, key))
    else:
        conversation.register(rest, key)


def join(conversation: SessionController, rest: str) -> None:
    needed(rest)
    conversation.join(*roomKey(rest))


def part(conversation: SessionController, rest: str) -> None:
    name, _, why = rest.partition(" ")
    key = here(conversation, name).record.key
    why = short("the reason of a leave", why.strip())
    conversation.propose(Part(conversation.session.ident, key, why))

    def turn() -> None:
        if conversation.current == key:
            conversation.current = next(reversed(conversation.session.rooms), "")

    conversation.afterPending(turn)


def rooms(conversation: SessionController, rest: str) -> None:
    state = conversation.house.state
    rooms = sorted(
        (each for each in state.rooms.values() if state.canSee(conversation.session, each)),
        key=lambda room: (-len(room.nickCounts), room.record.key),
    )
    listed = [(each.record.name, len(each.nickCounts), each.storedRecord.topic) for each in rooms]
    starts = range(0, len(listed) or 1, LISTED)
    conversation.showPages([RoomList(listed[start : start + LISTED]) for start in starts])


def who(conversation: SessionController, rest: str) -> None:
    state = conversation.house.state
    nodes = conversation.house.nodes
    if rest == NODES and nodes is not None and conversation.session.account in state.operators:
        conversation.voice.show(Notice(nodes(), NODES))
        return
    room: Room | None
    if rest:
        name, key = roomKey(rest)
        room = state.rooms.get(key)
        if room is None or not state.canSee(conversation.session, room):
            raise ChatError(NO_ROOM, room=ROOM_SIGN + name)
    else:
        room = here(conversation)
    name = room.record.name
    people = [
        Member(each.nick, each.account is None, each.away, state.rank(each, room))
        for each in {each.key: each for each in room.recipients}.values()
    ]
    starts = range(0, len(people) or 1, LISTED)
    conversation.showPages([MemberList(name, people[start : start + LISTED]) for start in starts])


def whois(conversation: SessionController, rest: str) -> None:
    needed(rest)
    state, session = conversation.house.state, conversation.session
    person = state.sessionByNick(rest, fold(rest))
    both = [state.rooms[key] for key in person.rooms if key in session.rooms]
    # Those who may ban somebody have to know what to ban.
    knows = session.account in state.operators or any(
        atLeast(state.rank(session, room), OPERATOR) for room in both
    )
    conversation.voice.show(
        WhoisReply(
            person.nick,
            person.account is None,
            person.away,
            [room.record.name for room in both],
            person.cloak if knows else "",
        )
    )


def msg(conversation: SessionController, rest: str) -> None:
    to, text = wordAndText(rest)
    if to.startswith(ROOM_SIGN):
        conversation.sayIn(roomKey(to)[1], (text,), MESSAGE)
        return
    key = fold(to)
    state = conversation.house.state
    if key not in state.accounts:
        state.sessionByNick(to, key)
    conversation.checkStored()
    conversation.propose(SendPrivate(conversation.session.ident, to, key, MESSAGE, text))


def me(conversation: SessionController, rest: str) -> None:
    needed(rest)
    conversation.say((rest,), ME)


def topic(conversation: SessionController, rest: str) -> None:
    room = here(conversation)
    if not rest:
        conversation.voice.show(room.storedTopic())
        return
    conversation.checkStored()
    text = "" if rest == "-" else short("a topic", rest)
    conversation.propose(SetTopic(conversation.session.ident, room.record.key, text))


def away(conversation: SessionController, rest: str) -> None:
    text = short("a note of absence", rest)
    conversation.propose(SetAway(conversation.session.ident, text))


def ignore(conversation: SessionController, rest: str) -> None:
    session = conversation.session
    if not rest:
        listed = ", ".join(sorted(session.ignores)) or "nobody"
        conversation.voice.show(Notice([f"you ignore {listed}"]))
        return
    key = nameKey(rest)
    if key not in session.ignores and len(session.ignores) >= IGNORED:
        raise ChatError(IGNORED_ALL, most=IGNORED)
    session.setIgnored(session.ignores ^ {key})
    doing = "ignore" if key in session.ignores else "no longer ignore"
    conversation.voice.show(Notice([f"you {doing} {rest}"]))


def format(conversation: SessionController, rest: str) -> None:
    conversation.voice.setFormat(choice(rest, ("text", "json")))


def ack(conversation: SessionController, rest: str) -> None:
    conversation.session.wantsAcks = choice(rest, ("on", "off")) == "on"
    conversation.voice.show(Notice([f"ack is {rest.lower()}"]))


def echo(conversation: SessionController, rest: str) -> None:
    conversation.session.wantsEcho = choice(rest, ("on", "off")) == "on"
    conversation.voice.show(Notice([f"echo is {rest.lower()}"]))


def quit(conversation: SessionController, rest: str) -> None:
    conversation.quit(short("the reason of a leave", rest))
    conversation.voice.closeWhenIdle()
