"""
What comes of keeping order in rooms: the events of moderation.  Pure.

All of it is decided here, when its turn has come: whoever was an operator when they
proposed it may be none now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tsservices.chat.access import CLOAK_SIGN
from tsservices.chat.answers import Invited, Notice, RoomLeft
from tsservices.chat.batch import Batch
from tsservices.chat.events import (
    BAN,
    KICK,
    NO_OPERATOR,
    OPERATOR,
    PRIVATE,
    PUBLIC,
    UNBAN,
    UNMUTE,
    Event,
)
from tsservices.chat.happenings import Left
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.presence import LOBBY, leave
from tsservices.chat.ranks import FOUNDER, SERVER, atLeast
from tsservices.chat.ranks import OPERATOR as OPERATOR_RANK
from tsservices.chat.records import Restraint
from tsservices.chat.refusals import (
    GUEST_OPERATOR,
    GUEST_ROOM,
    LOBBY_OPEN,
    NO_PERSON,
    NOT_ALLOWED,
    NOT_RESTRAINED,
    ONESELF,
    RESTRAINTS_ALL,
    STANDS_ABOVE,
    Refused,
)
from tsservices.chat.roomevents import Invite, Kick, Release, Restrain, SetOperator, SetPrivate
from tsservices.chat.rooms import Room
from tsservices.chat.sessions import Session
from tsservices.chat.spans import spanText
from tsservices.chat.talking import keep
from tsservices.limits import NAME_LENGTH, RESTRAINTS_EACH
from tsservices.stamps import NANOSECONDS

if TYPE_CHECKING:
    from tsservices.chat.lobby import Lobby


@dataclass(frozen=True, slots=True)
class Target:
    """
    Who is meant.

    @ivar name: as it is shown.
    @ivar mask: the key of their account, or the cloak of their address.
    @ivar session: theirs, if they are here.
    """

    name: str
    mask: str
    session: Session | None

    @property
    def account(self) -> str | None:
        """
        @return: the key of their account, if they have one.
        """
        return None if self.mask.startswith(CLOAK_SIGN) else self.mask


def _target(lobby: Lobby, name: str, key: str) -> Target:
    """
    @param lobby: the state.
    @param name: as it was written.
    @param key: the same, folded.
    @return: who is meant.
    @raise Refused: nobody has that name.
    """
    if key.startswith(CLOAK_SIGN):
        if len(key) > NAME_LENGTH:
            # It is kept, and shown to all operators.
            raise Refused(NO_PERSON, nick=name)
        return Target(key, key, None)
    holders = lobby.holders.get(key)
    if holders is not None:
        session = holders[0]
        return Target(session.nick, session.account or session.cloak, session)
    account = lobby.accounts.get(key)
    if account is None:
        raise Refused(NO_PERSON, nick=name)
    return Target(account.name, account.key, None)


def _checkRank(lobby: Lobby, session: Session, room: Room, wanted: str) -> None:
    """
    @param lobby: the state.
    @param session: who wants to do something.
    @param room: where.
    @param wanted: the rank that is needed.
    @raise Refused: theirs is below.
    """
    if not atLeast(lobby.rank(session, room), wanted):
        who = "the founder" if wanted == FOUNDER else "operators of the room"
        raise Refused(NOT_ALLOWED, who=who)


def _checkBelow(lobby: Lobby, session: Session, room: Room, target: Target) -> None:
    """
    @param lobby: the state.
    @param session: who wants to do something to somebody.
    @param room: where.
    @param target: to whom.
    @raise Refused: that would be themselves, or somebody who may do as much.
    """
    if target.session is session or (target.account and target.account == session.account):
        raise Refused(ONESELF)
    if target.session is not None:
        rank = lobby.rank(target.session, room)
    else:
        rank = lobby.rankOf(target.mask, room)
    own = lobby.rank(session, room)
    if own != SERVER and atLeast(rank, own):
        raise Refused(STANDS_ABOVE, name=target.name)


def _setOperator(lobby: Lobby, event: SetOperator, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: who is to look after a room, or not any more.
    @param session: who says so.
    @param batch: of this turn.
    """
    room = lobby.speaker(session, event.room)
    target = _target(lobby, event.name, event.key)
    if event.on or target.account is None or target.account != session.account:
        # Whoever looks after a room may always stop to.
        _checkRank(lobby, session, room, FOUNDER)
    if target.account is None:
        raise Refused(GUEST_OPERATOR, name=target.name)
    standing = room.access.standing(target.account)
    if standing.operator == event.on:
        batch.answer(session, Notice([f"nothing has changed for {target.name}"], "same"))
        return
    admitted = standing.admitted
    if event.on and room.record.private and admitted is None:
        admitted = room.record.seq + 1
    standing = replace(standing, operator=event.on, admitted=admitted)
    batch.put(room.access.stand(standing))
    kind = OPERATOR if event.on else NO_OPERATOR
    keep(room, kind, (target.name,), session, batch)
    batch.audit(kind, session, room, target=target.mask)


def _kick(lobby: Lobby, event: Kick, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: who is to leave a room.
    @param session: who says so.
    @param batch: of this turn.
    """
    room = lobby.speaker(session, event.room)
    _checkRank(lobby, session, room, OPERATOR_RANK)
    target = _target(lobby, event.name, event.key)
    _checkBelow(lobby, session, room, target)
    there = [
        each
        for each in room.audience
        if each.key == event.key or (target.account and each.account == target.account)
    ]
    if not there:
        raise Refused(NO_PERSON, nick=event.name)
    if target.account is not None and (had := room.access.standings.get(target.account)):
        batch.put(room.access.stand(replace(had, invited=False, admitted=None)))
    keep(room, KICK, (f"{target.name} {event.why}".strip(),), session, batch)
    expel(lobby, room, there, batch, event.key)
    batch.audit(KICK, session, room, target=target.mask, why=event.why)


def expel(lobby: Lobby, room: Room, people: list[Session], batch: Batch, known: str = "") -> None:
    """
    Take people out of a room.

    @param lobby: the state.
    @param room: that room.
    @param people: some of its members.
    @param batch: of this turn.
    @param known: the key of the name of which the room knows already that it leaves.
    """
    record = room.record
    for each in people:
        leave(lobby, each, room, batch)
        each.invited -= {record.key}
        if each.key != known and each.key not in room.names:
            batch.tell(room, Left(record.key, record.name, each.nick, ""))
        batch.answer(each, RoomLeft(record.key, record.name))
        batch.move(each)


def _restrain(lobby: Lobby, event: Restrain, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: who may not enter a room, or not speak in it.
    @param session: who says so.
    @param batch: of this turn.
    """
    room = lobby.speaker(session, event.room)
    _checkRank(lobby, session, room, OPERATOR_RANK)
    target = _target(lobby, event.name, event.key)
    _checkBelow(lobby, session, room, target)
    restraints = room.access.restraints
    for key in [key for key, each in restraints.items() if 0 < each.until <= batch.stamp]:
        batch.remove(restraints.pop(key))
    if len(restraints) >= RESTRAINTS_EACH and (event.kind, target.mask) not in restraints:
        raise Refused(RESTRAINTS_ALL, most=RESTRAINTS_EACH, room=ROOM_SIGN + room.record.name)
    until = batch.stamp + event.seconds * NANOSECONDS if event.seconds else 0
    restraint = Restraint(
        room.record.key,
        event.kind,
        target.mask,
        target.name,
        session.nick,
        batch.stamp,
        until,
        event.why,
    )
    restraints[event.kind, target.mask] = restraint
    _holdGuests(lobby, restraint, room, target, batch)
    if target.session is not None and target.session.ident == room.access.guestFounder:
        # It is one above who says so.
        room.access.guestFounder = ""
    batch.put(restraint)
    words = f"{target.name} {spanText(event.seconds)} {event.why}".strip()
    keep(room, event.kind, (words,), session, batch)
    if event.kind == BAN:
        if target.account is not None and (had := room.access.standings.get(target.account)):
            batch.put(room.access.stand(replace(had, invited=False, admitted=None)))
        _uninvite(lobby, room, batch.stamp)
        expel(lobby, room, _banned(lobby, room, batch.stamp), batch)
    batch.audit(event.kind, session, room, target=target.mask, until=until, why=event.why)


def _holdGuests(
    lobby: Lobby, restraint: Restraint, room: Room, target: Target, batch: Batch
) -> None:
    """
    Have a ban or a mute hold those who are meant also when they go on as a guest, or by
    another name.

    @param lobby: the state.
    @param restraint: what was said.
    @param room: where.
    @param target: of whom.
    @param batch: of this turn.
    """
    if target.session is None:
        return
    people: tuple[Session, ...] = (target.session,)
    if target.account is not None:
        people = lobby.owners[target.account]
    for each in people:
        mine = restraint
        if target.account is not None:
            mine = replace(restraint, mask=each.cloak)
            had = room.access.restraints.get((mine.kind, mine.mask))
            other = had is not None and had.name != mine.name
            if had is not None and other and (not had.until or 0 < mine.until <= had.until):
                mine = had
            else:
                room.access.restraints[mine.kind, mine.mask] = mine
                batch.put(mine)
        # Those that are over go, or it would grow with each new one.
        kept = [held for held in each.held if _stands(lobby, *held)]
        each.held = frozenset([*kept, (mine.room, mine.kind, mine.mask, mine.time)])


def _stands(lobby: Lobby, room: str, kind: str, mask: str, time: int) -> bool:
    """
    @param lobby: the state.
    @param room: the key of a room.
    @param kind: ban or mute.
    @param mask: whom it is about.
    @param time: when it was said.
    @return: whether it was neither lifted nor replaced since.
    """
    there = lobby.rooms.get(room)
    found = None if there is None else there.access.restraints.get((kind, mask))
    return found is not None and found.time == time


def _uninvite(lobby: Lobby, room: Room, now: int) -> None:
    """
    Guests who may not enter a room any more, and are not in it, are not invited any more,
    as accounts are not.

    @param lobby: the state.
    @param room: any.
    @param now: the time: nanoseconds since 1970, UTC.
    """
    key = room.record.key
    for each in lobby.sessions.values():
        if key in each.invited and lobby.restraint(BAN, each, room, now) is not None:
            each.invited -= {key}


def _banned(lobby: Lobby, room: Room, now: int) -> list[Session]:
    """
    @param lobby: the state.
    @param room: any.
    @param now: the time: nanoseconds since 1970, UTC.
    @return: those in it who may not enter it any more.
    """
    return [each for each in room.audience if lobby.restraint(BAN, each, room, now) is not None]


def _release(lobby: Lobby, event: Release, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: who may again.
    @param session: who says so.
    @param batch: of this turn.
    """
    room = lobby.speaker(session, event.room)
    _checkRank(lobby, session, room, OPERATOR_RANK)
    restraints = room.access.restraints
    meant = {event.key}
    if (holders := lobby.holders.get(event.key)) is not None:
        meant.add(holders[0].account or holders[0].cloak)
    found = [
        each
        for (kind, mask), each in restraints.items()
        if kind == event.kind and (mask in meant or fold(each.name) == event.key)
    ]
    # In the order of what tells them apart, which is the same after a restart.
    found.sort(key=lambda each: each.mask)
    if not found:
        where = ROOM_SIGN + room.record.name
        raise Refused(NOT_RESTRAINED, kind=event.kind, name=event.name, room=where)
    if any(each.mask == session.account for each in found):
        raise Refused(ONESELF)
    for each in found:
        del restraints[each.kind, each.mask]
        batch.remove(each)
    kind = UNBAN if event.kind == BAN else UNMUTE
    keep(room, kind, (found[0].name,), session, batch)
    batch.audit(kind, session, room, target=[each.mask for each in found])


def _setPrivate(lobby: Lobby, event: SetPrivate, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: whether a room is by invitation only.
    @param session: who says so.
    @param batch: of this turn.
    """
    room = lobby.speaker(session, event.room)
    name = ROOM_SIGN + room.record.name
    if room.record.key == LOBBY:
        raise Refused(LOBBY_OPEN, room=name)
    _checkRank(lobby, session, room, FOUNDER)
    if room.record.private == event.on:
        batch.answer(session, Notice([f"nothing has changed for {name}"], "same"))
        return
    if event.on and not room.record.founder:
        raise Refused(GUEST_ROOM, room=name)
    if event.on:
        for standing in room.access.close(list(room.audience)):
            batch.put(standing)
        keep(room, PRIVATE, ("",), session, batch)
    else:
        keep(room, PUBLIC, ("",), session, batch)
        room.access.open()
    batch.change(room)
    batch.audit(PRIVATE if event.on else PUBLIC, session, room)


def _invite(lobby: Lobby, event: Invite, session: Session, batch: Batch) -> None:
    """
    @param lobby: the state.
    @param event: who may enter a private room.
    @param session: who says so.
    @param batch: of this turn.
    """
    room = lobby.speaker(session, event.room)
    record = room.record
    if record.private:
        _checkRank(lobby, session, room, OPERATOR_RANK)
    target = _target(lobby, event.name, event.key)
    if target.mask.startswith(CLOAK_SIGN) and target.session is None:
        raise Refused(NO_PERSON, nick=event.name)
    people: tuple[Session, ...] = lobby.holders.get(event.key, ())
    if record.private and target.account is not None:
        standing = room.access.standing(target.account)
        if standing.admitted is None and not standing.invited:
            batch.put(room.access.stand(replace(standing, invited=True)))
        people = lobby.owners.get(target.account, ())
    elif record.private:
        for each in people:
            each.invited |= {record.key}
    for each in people:
        batch.answer(each, Invited(record.key, record.name, session.nick, session.key))
    words = f"{target.name} may enter {ROOM_SIGN}{record.name}"
    batch.answer(session, Notice([words], "invited"))
    batch.audit("invite", session, room, target=target.mask)


APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    SetOperator: _setOperator,
    Kick: _kick,
    Restrain: _restrain,
    Release: _release,
    SetPrivate: _setPrivate,
    Invite: _invite,
}
"""
What each kind of event does.
"""
