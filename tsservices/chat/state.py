"""
All that the events of the chat make, and that they may rest on.  Pure.

Nothing that only one node knows is in it, nor in what events decide: neither where
sessions hear, nor what lines are at hand, nor the time by anybody's clock.  What
sessions hold for their own connections alone (C{ignores}, C{echoes}, C{acks}) matters only
to how they are told; it is not known to the node where another connection goes on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    BANNED,
    MUTED,
    NAME_FIRST,
    NICK_REGISTERED,
    NICK_TAKEN,
    NO_PERSON,
    NOT_IN_ROOM,
    PRIVATE_ROOM,
    ROOMS_ALL,
    ROOMS_EACH,
    ChatError,
    endText,
    reasonText,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.operations import BAN, MUTE
from tsservices.chat.permissions import MEMBER, OPERATOR, SERVER, atLeast
from tsservices.chat.records import (
    Account,
    DetachedSession,
    Node,
    ReadMarker,
    Record,
    Restriction,
    RoomRecord,
    RoomRole,
)
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import KeyedRateLimiter

#: Seconds until who has made all the rooms that are allowed at once may make one more.
ROOM_CREATION_SECONDS = 60.0

#: Seconds until one more name may be registered from an address that has had all that are allowed
#: at once.
REGISTRATION_SECONDS = 60.0

#: Sessions that left of which is known that they did: what they proposed before they knew may still
#: come, some seconds later.
ENDED_SESSIONS_REMEMBERED = 4096


class ChatState:
    """
    Everybody and every room.

    @ivar limits: all bounds.  Those that events rest on are those of the last
        L{NodeUp<tsservices.chat.operations.NodeUp>}, on all nodes.
    @ivar nodes: those that are up, by their names.
    @ivar previousIncarnations: the incarnations of those that are not up any more, by their names.
    @ivar detachedSessions: the sessions of nodes that were taken for gone, by their ids: they may
        return.
    @ivar endedSessions: the ids of those sessions that left, or that others go on for, the newest
        last: what they have proposed may still come.
    @ivar sessions: those that have entered, by id.
    @ivar sessionsByNick: the same by folded name.  A name has one holder, or several that are
        logged in to the account of that name.
    @ivar sessionsByAccount: those that are logged in, by the keys of their accounts, the oldest
        first.
    @ivar tokens: those that another connection may go on for, by the digest of what it has
        to know.
    @ivar rooms: by key.
    @ivar accounts: by key.
    @ivar readMarkers: how far somebody has read, by the keys of account and room.
    @ivar operators: the keys of the accounts that may do anything.
    @ivar lastSeenGuests: when the guests who were here last left, by folded name.
    @ivar roomCreationLimit: bounds who makes how many rooms.
    @ivar registrationLimit: bounds from where how many names are registered.
    """

    def __init__(
        self,
        limits: Limits,
        rooms: Iterable[RoomRecord] = (),
        kept: Iterable[Record] = (),
        operators: Collection[str] = (),
    ) -> None:
        self.limits = limits
        self.nodes: dict[str, Node] = {}
        self.previousIncarnations: dict[str, tuple[str, ...]] = {}
        self.detachedSessions: dict[str, DetachedSession] = {}
        self.endedSessions: OrderedDict[str, None] = OrderedDict()
        self.sessions: dict[str, Session] = {}
        self.sessionsByNick: dict[str, tuple[Session, ...]] = {}
        self.sessionsByAccount: dict[str, tuple[Session, ...]] = {}
        self.tokens: dict[str, Session] = {}
        self.rooms: dict[str, Room] = {record.key: Room(record) for record in rooms}
        self.accounts: dict[str, Account] = {}
        self.readMarkers: dict[tuple[str, str], ReadMarker] = {}
        self.operators = frozenset(operators)
        self.lastSeenGuests: OrderedDict[str, int] = OrderedDict()
        self.roomCreationLimit = KeyedRateLimiter(limits.roomsFounded, ROOM_CREATION_SECONDS)
        self.registrationLimit = KeyedRateLimiter(limits.accountsFounded, REGISTRATION_SECONDS)
        for each in kept:
            self.load(each)

    def load(self, record: Record) -> None:
        if isinstance(record, Account):
            self.accounts[record.key] = record
        elif isinstance(record, ReadMarker):
            self.readMarkers[record.account, record.room] = record
        elif (room := self.rooms.get(record.room)) is None:
            return
        elif isinstance(record, Restriction):
            room.permissions.restrictions[record.kind, record.mask] = record
        elif isinstance(record, RoomRole):
            room.permissions.setRole(record)

    def removeSession(self, session: Session) -> bool:
        """A session is no more."""
        if self.sessions.pop(session.ident, None) is None:
            return False
        self.endedSessions[session.ident] = None
        if len(self.endedSessions) > ENDED_SESSIONS_REMEMBERED:
            self.endedSessions.popitem(last=False)
        return True

    def sessionByNick(self, nick: str, key: str) -> Session:
        """
        Who is called that.

        @raise Refused: nobody is.
        """
        found = self.sessionsByNick.get(key)
        if found is None:
            raise ChatError(NO_PERSON, nick=nick)
        return found[0]

    def accountOf(self, session: Session) -> Account | None:
        """The account that they are logged in to."""
        return None if session.account is None else self.accounts.get(session.account)

    def updateAccount(self, account: Account, batch: Batch) -> None:
        self.accounts[account.key] = account
        batch.upsert(account)

    def joinedRoom(self, session: Session, key: str) -> Room:
        """
        The room.

        @raise Refused: it is not theirs to act there.
        """
        room = self.rooms.get(key)
        if room is None or key not in session.rooms:
            raise ChatError(
                NOT_IN_ROOM, room=ROOM_SIGN + (room.record.name if room is not None else key)
            )
        return room

    def roomsOf(self, session: Session) -> list[Room]:
        """The rooms where they are, in the order of joining."""
        return [self.rooms[key] for key in session.rooms]

    def addMember(self, session: Session, room: Room) -> None:
        """Put somebody into a room where they are not, and count those who are in several."""
        if session.rooms:
            room.inSeveralRooms += 1
        if len(session.rooms) == 1:
            self.rooms[next(iter(session.rooms))].inSeveralRooms += 1
        room.addMember(session)

    def removeMember(self, session: Session, room: Room) -> None:
        """Take somebody out of a room, and count those who are in several."""
        room.removeMember(session)
        if session.rooms:
            room.inSeveralRooms -= 1
        if len(session.rooms) == 1:
            self.rooms[next(iter(session.rooms))].inSeveralRooms -= 1

    def rank(self, session: Session, room: Room) -> str:
        """What they may do there."""
        if session.account is not None and session.account in self.operators:
            return SERVER
        return room.permissions.rank(session)

    def rankOf(self, account: str, room: Room) -> str:
        """What its owner may do there."""
        return SERVER if account in self.operators else room.permissions.rankOf(account)

    def checkEntered(self, session: Session) -> None:
        """@raise Refused: who has no name."""
        if session.ident not in self.sessions:
            raise ChatError(NAME_FIRST)

    def checkNick(self, session: Session, nick: str, key: str) -> None:
        """@raise Refused: it is somebody else's."""
        if key in self.accounts and session.account != key:
            raise ChatError(NICK_REGISTERED, nick=nick)
        holders = self.sessionsByNick.get(key)
        if holders is not None and session not in holders and session.account != key:
            raise ChatError(NICK_TAKEN, nick=nick)

    def checkJoin(self, session: Session, key: str, now: int) -> None:
        """
        @param now: the time: nanoseconds since 1970, UTC.
        @raise Refused: they may not.
        """
        limits = self.limits
        if len(session.rooms) >= limits.roomsEach:
            raise ChatError(ROOMS_EACH, most=limits.roomsEach)
        room = self.rooms.get(key)
        if room is None:
            if len(self.rooms) >= limits.maxRooms:
                raise ChatError(ROOMS_ALL, most=limits.maxRooms)
            return
        name = ROOM_SIGN + room.record.name
        restraint = self.restriction(BAN, session, room, now)
        if restraint is not None:
            raise ChatError(BANNED, room=name, until=endText(restraint), why=reasonText(restraint))
        if not (room.permissions.canJoin(session) or atLeast(self.rank(session, room), OPERATOR)):
            raise ChatError(PRIVATE_ROOM, room=name)

    def checkSpeak(self, session: Session, room: Room, now: int) -> None:
        """
        @param now: the time: nanoseconds since 1970, UTC.
        @raise Refused: they may not.
        """
        if not room.permissions.restrictions:
            return
        name = ROOM_SIGN + room.record.name
        if (found := self.restriction(MUTE, session, room, now)) is not None:
            raise ChatError(MUTED, room=name, until=endText(found), why=reasonText(found))
        if (found := self.restriction(BAN, session, room, now)) is not None:
            # They go on from another address since, or are no operator any more.
            raise ChatError(BANNED, room=name, until=endText(found), why=reasonText(found))

    def isMuted(self, session: Session, room: Room, now: int) -> bool:
        """
        Whether they may not speak, also not in what is told of their coming and going.

        @param now: the time: nanoseconds since 1970, UTC.
        """
        return any(self.restriction(kind, session, room, now) for kind in (MUTE, BAN))

    def restriction(self, kind: str, session: Session, room: Room, now: int) -> Restriction | None:
        """
        What holds them there, if anything does. What was said of an address does not hold
        operators, and nothing holds those of the server.

        @param now: the time: nanoseconds since 1970, UTC.
        """
        found = room.permissions.restriction(kind, session, self.accountOf(session), now)
        if found is None:
            return None
        rank = self.rank(session, room)
        if rank == SERVER or (rank != MEMBER and found.mask != session.account):
            return None
        return found

    def canSee(self, session: Session, room: Room) -> bool:
        """Whether they may know of the room and who is in it."""
        return (
            not room.record.private
            or session.ident in room.members
            or atLeast(self.rank(session, room), OPERATOR)
            or room.permissions.canJoin(session)
        )

    def sharedWith(
        self, session: Session, itself: bool, rooms: Iterable[Room] | None = None
    ) -> list[Session]:
        """
        All those who are in a room with them, each once.

        @param rooms: some of those where they are; L{None}: all.
        """
        found: dict[str, Session] = {}
        for room in self.roomsOf(session) if rooms is None else rooms:
            found.update(room.members)
        found.pop(session.ident, None)
        return ([session] if itself else []) + list(found.values())
