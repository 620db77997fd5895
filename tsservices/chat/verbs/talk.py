"""Verbs about names, rooms, presence and talk.  Pure."""

from __future__ import annotations

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import (
    NAME_OWN,
    NICK_TAKEN,
    NO_PERSON,
    NO_ROOM,
    TOKEN_AS_NAME,
    ChatError,
)
from tsservices.chat.handlers.ignoring import checkIgnore
from tsservices.chat.handlers.membership import LOBBY
from tsservices.chat.names import (
    NAME_LENGTH,
    ROOM_SIGN,
    fold,
    latinLookalike,
    nameKey,
    roomKey,
)
from tsservices.chat.notifications import (
    Member,
    MemberList,
    Notice,
    RoomList,
    SeenReply,
    WhoisReply,
)
from tsservices.chat.operations import (
    MESSAGE,
    Enter,
    Ignore,
    Join,
    Operation,
    Part,
    Rename,
    SendPrivate,
    SetAway,
    SetTopic,
)
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.records import DEFAULT_MODES
from tsservices.chat.room import Room
from tsservices.chat.session import JoinRequest, Session
from tsservices.chat.state import ChatState
from tsservices.chat.verbs.checks import checkText
from tsservices.chat.verbs.history import showUnread
from tsservices.common.tokens import looksLikeToken

#: How the lines of the server address the reader: C{you left #tea} must not be about another user.
OWN_NAME = "you"

#: Rooms or members in one page of a list.
LIST_PAGE = 500

#: The name of the text in the error for one that is too long.
LEAVE_REASON = "the reason of a leave"


async def enter(controller: SessionController, nick: str) -> None:
    """Take a name, and join the lobby."""
    await changeNick(controller, nick)
    if controller.entered:
        await join(controller, LOBBY)


async def changeNick(
    controller: SessionController, nick: str, also: Operation | None = None
) -> None:
    """
    Take a name, the first one or another.

    @param also: an operation to propose with the first name, in the same turn.
    """
    session = controller.session
    if looksLikeToken(nick) and len(nick) > NAME_LENGTH:
        raise ChatError(TOKEN_AS_NAME)
    key = nameKey(nick)
    controller.checkNoToken(nick)
    context = controller.context
    if nick == session.nick:
        controller.presenter.show(Notice([f"you are {nick} already"], "same"))
        return
    context.state.checkNick(session, nick, key)
    _checkLookalike(controller, nick, key)
    context.state.checkRename(session, key, context.wallClock())
    controller.checkStored()
    if controller.entered:
        controller.propose(Rename(session.ident, nick, key))
        return
    controller.propose(Enter(session.ident, nick, key, session.cloak, controller.token))
    if also is not None:
        controller.propose(also)
    await controller.settled()
    # Of two sessions that take one name in the same turn, one gets it.
    controller.showToken()


def _checkLookalike(controller: SessionController, nick: str, key: str) -> None:
    # Protects the first holder of a name, but only here: the handler does not check it again, so
    # two sessions that enter at the same moment may both get their names.
    state, session = controller.context.state, controller.session
    other = latinLookalike(nick)
    if OWN_NAME in (key, other) and session.account != OWN_NAME:
        # An older version may have registered it.
        raise ChatError(NAME_OWN, nick=nick)
    if other in (session.key, session.account):
        return
    if other in state.accounts or other in state.sessionsByNick:
        raise ChatError(NICK_TAKEN, nick=other)


async def join(
    controller: SessionController, name: str, joinKey: str = "", modes: str = DEFAULT_MODES
) -> None:
    """
    Join a room, or make it the current one if the session is a member.

    @param joinKey: the key given, for a room that needs one.
    @param modes: the modes of the room if it is created, as in L{Join}.
    """
    session, state = controller.session, controller.context.state
    name, key = roomKey(name)
    controller.checkNoToken(name)
    if key in session.rooms:
        controller.current = key
        controller.presenter.show(Notice([f"you talk in {ROOM_SIGN}{name}"]))
        return
    state.checkJoin(session, key, controller.context.courtesyTime(), joinKey)
    controller.checkStored()
    room = state.rooms.get(key)
    request = session.joining = JoinRequest(key)
    if room is not None:
        try:
            await controller.context.history.preload(room)
            if session.ignores:
                await controller.context.history.preloadFor(request, room, session)
        except ChatError as error:
            # The session may still join; the error explains why no replay follows.
            controller.refuse(error)
    # The checks above may be outdated after the read: the handler checks again.
    controller.propose(Join(session.ident, name, key, joinKey, modes))
    await controller.settled()
    session.joining = None
    if key in session.rooms:
        controller.current = key
    if request.joined is not None:
        await showUnread(controller, request.joined)


async def part(controller: SessionController, room: Room, reason: str = "") -> None:
    key = room.record.key
    controller.propose(
        Part(controller.session.ident, key, checkText(controller, LEAVE_REASON, reason))
    )
    await controller.settled()
    if controller.current == key:
        controller.current = next(reversed(controller.session.rooms), "")


async def listRooms(controller: SessionController) -> None:
    """Show the rooms that are visible to the session, those with most members first."""
    rooms = sorted(
        visibleRooms(controller.context.state, controller.session),
        key=lambda room: (-len(room.nickCounts), room.record.key),
    )
    rows = [(room.record.name, len(room.nickCounts), room.storedRecord.topic) for room in rooms]
    starts = range(0, len(rows) or 1, LIST_PAGE)
    await controller.showPages([RoomList(rows[start : start + LIST_PAGE]) for start in starts])


def visibleRooms(state: ChatState, session: Session) -> list[Room]:
    """The rooms that are visible to a session."""
    return [room for room in state.rooms.values() if state.canSee(session, room)]


def visibleRoom(controller: SessionController, name: str) -> Room:
    """
    A visible room by its name.

    @raise ChatError: there is none.
    """
    state = controller.context.state
    name, key = roomKey(name)
    room = state.rooms.get(key)
    if room is None or not state.canSee(controller.session, room):
        raise ChatError(NO_ROOM, room=ROOM_SIGN + name)
    return room


def members(state: ChatState, asking: Session, room: Room, now: int) -> list[Member]:
    """
    The members of a room, as shown to a session.

    @param now: nanoseconds since 1970, UTC.
    """
    # One person may be there with several sessions, which have one name.
    sessions = {session.key: session for session in room.recipients}.values()
    return [
        Member(
            session.nick,
            session.account is None,
            # The away text of a muted member is not shown to the room.
            _awayFor(state, asking, session) if not state.isMuted(session, room, now) else "",
            state.rank(session, room),
            room.permissions.hasVoice(session),
        )
        for session in sessions
    ]


async def listMembers(controller: SessionController, room: Room) -> None:
    """Show the members of a room."""
    context, name = controller.context, room.record.name
    found = members(context.state, controller.session, room, context.wallClock())
    starts = range(0, len(found) or 1, LIST_PAGE)
    await controller.showPages(
        [MemberList(name, found[start : start + LIST_PAGE]) for start in starts]
    )


def listNodes(controller: SessionController) -> bool:
    """Show all nodes, if there are several, to a server operator; returns whether it did."""
    context = controller.context
    if context.nodes is None or not context.state.isServerOperator(controller.session):
        return False
    controller.presenter.show(Notice(context.nodes(), "nodes"))
    return True


def _awayFor(state: ChatState, asking: Session, other: Session) -> str:
    # The away text of an ignored user is not shown either.
    return "" if asking.doesIgnore(other) else state.awayText(other)


def whois(controller: SessionController, nick: str) -> None:
    """Show the visible facts about a user."""
    state, session = controller.context.state, controller.session
    key = fold(nick)
    # The owner of an account may have another name now.
    owners = state.sessionsByAccount.get(key, ())
    isHere = key in state.sessionsByNick or not owners
    target = state.sessionByNick(nick, key) if isHere else owners[0]
    shared = [state.rooms[key] for key in target.rooms if key in session.rooms]
    # Users who may ban somebody need to see the cloak.
    mayBan = state.isServerOperator(session) or any(
        atLeast(state.rank(session, room), OPERATOR) for room in shared
    )
    controller.presenter.show(
        WhoisReply(
            target.nick,
            target.account is None,
            _awayFor(state, session, target),
            [room.record.name for room in shared],
            target.cloak if mayBan else "",
        )
    )


def seen(controller: SessionController, name: str) -> None:
    """Show when a user was last connected."""
    state = controller.context.state
    key = fold(name)
    sessions, account = state.sessionsByNick.get(key), state.accounts.get(key)
    if sessions is not None:
        reply = SeenReply(sessions[0].nick, True, 0)
    elif account is not None:
        reply = SeenReply(account.name, key in state.sessionsByAccount, account.seen)
    elif key in state.lastSeenGuests:
        reply = SeenReply(name, False, state.lastSeenGuests[key])
    else:
        raise ChatError(NO_PERSON, nick=name)
    if reply.time > controller.context.latestTime():
        # By a clock that was ahead: the right time is not known.
        reply.time = 0
    controller.presenter.show(reply)


def sendPrivate(controller: SessionController, nick: str, text: str) -> None:
    key = fold(nick)
    state = controller.context.state
    # The owner of an account gets the message later, if absent.
    if key not in state.accounts:
        state.sessionByNick(nick, key)
    controller.checkStored()
    controller.checkNoToken(text)
    controller.propose(SendPrivate(controller.session.ident, nick, key, MESSAGE, text))


def setTopic(controller: SessionController, room: Room, topic: str) -> None:
    """Set the topic of a room; an empty one removes it."""
    context = controller.context
    context.state.checkTopic(controller.session, room, context.courtesyTime())
    controller.checkStored()
    text = checkText(controller, "a topic", topic)
    controller.propose(SetTopic(controller.session.ident, room.record.key, text))


def setAway(controller: SessionController, reason: str) -> None:
    """Set the away text; an empty one means to be back."""
    text = checkText(controller, "a note of absence", reason)
    if text == controller.session.away:
        same = "you are away already, with this note" if text else "you are not away"
        controller.presenter.show(Notice([same], "same"))
        return
    controller.propose(SetAway(controller.session.ident, text))


def toggleIgnored(controller: SessionController, name: str) -> None:
    """Ignore somebody, or stop that."""
    _setIgnored(controller, name, None)


def isSomebody(controller: SessionController, name: str) -> bool:
    """Whether a name is that of a user, or of an ignored person."""
    state, key = controller.context.state, fold(name)
    shown = map(fold, _ignored(controller).values())
    return key in state.sessionsByNick or key in state.accounts or key in shown


def stopIgnoring(controller: SessionController, name: str) -> None:
    """Stop ignoring somebody."""
    _setIgnored(controller, name, False)


def _setIgnored(controller: SessionController, name: str, on: bool | None) -> None:
    # Looked up here, because the handler does so later: a user who is renamed meanwhile is meant,
    # and not the next holder of the name.
    state, session = controller.context.state, controller.session
    key = nameKey(name)
    entries = _ignored(controller)
    masks: tuple[str, ...] = ()
    account: str | None = None
    if (holders := state.sessionsByNick.get(key)) is not None:
        name, account, masks = holders[0].nick, holders[0].account, (holders[0].origin,)
    elif key in state.accounts:
        name, account = state.accounts[key].name, key
    if account is not None:
        own = state.sessionsByAccount.get(account, ())
        masks = (account, *[other.origin for other in own])
    known = [mask for mask in masks if mask in entries]
    if known or not masks or on is False:
        # People who had that name and have left, or have another name now; and the same person by a
        # connection that has ended.
        shownAs = (key, account)
        known += [mask for mask, shown in entries.items() if fold(shown) in shownAs]
    if known:
        on = False
    elif not masks or on is False:
        raise ChatError(NO_PERSON, nick=name)
    else:
        on = True
        checkIgnore(state, session, masks[0])
    controller.checkStored()
    controller.propose(Ignore(session.ident, name, tuple(known) or masks, on))


def _ignored(controller: SessionController) -> dict[str, str]:
    # The masks on the session's list, with the current name of each.
    state, session = controller.context.state, controller.session
    entries = state.ignored.get(session.account or session.origin, {})
    return {
        mask: state.accounts[mask].name if mask in state.accounts else entry.name
        for mask, entry in entries.items()
    }


def listIgnored(controller: SessionController) -> None:
    """Show the names of ignored people."""
    names = ", ".join(sorted(set(_ignored(controller).values()))) or "nobody"
    controller.presenter.show(Notice([f"you ignore {names}"]))


def setAcks(controller: SessionController, on: bool) -> None:
    """Turn acknowledgements of the session's stored lines on or off."""
    controller.session.wantsAcks = on
    controller.presenter.show(Notice([f"ack is {'on' if on else 'off'}"]))


def setEcho(controller: SessionController, on: bool) -> None:
    """Turn the echo of the session's own lines on or off."""
    controller.session.wantsEcho = on
    controller.presenter.show(Notice([f"echo is {'on' if on else 'off'}"]))


def quit(controller: SessionController, reason: str) -> None:
    """Leave the chat, and close the connection after the others were notified."""
    controller.quit(checkText(controller, LEAVE_REASON, reason))
    controller.presenter.closeWhenIdle()
