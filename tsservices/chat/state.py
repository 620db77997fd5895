"""
The state of the chat, and the checks that verbs and handlers share: who may join, speak, and take a
nick.

No decision depends on anything that only one node knows: connections of sessions, lines in memory,
or a clock. C{wantsEcho}, C{wantsAcks} and C{joining} of a session are known on its own node only,
and affect only its output.

The checks (C{check...}) change nothing. A verb calls one to answer early; the handler calls the
same one again, and its result counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import replace
from operator import attrgetter

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    BANNED,
    MODERATED,
    MUTED,
    MUTED_NAME,
    NAME_FIRST,
    NICK_REGISTERED,
    NICK_TAKEN,
    NO_PERSON,
    NOT_ALLOWED,
    NOT_IN_ROOM,
    PRIVATE_ROOM,
    ROOM_FULL,
    ROOMS_ALL,
    ROOMS_EACH,
    WRONG_KEY,
    ChatError,
    endText,
    reasonText,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import PresenceChanged
from tsservices.chat.operations import BAN, MUTE, SCHEMA
from tsservices.chat.permissions import MEMBER, OPERATOR, SERVER, atLeast
from tsservices.chat.receipts import PostReceipts
from tsservices.chat.records import (
    Account,
    AccountToken,
    DetachedSession,
    Ignored,
    InboxShare,
    Node,
    PostReceipt,
    ReadMarker,
    Record,
    Restriction,
    RoomRecord,
    RoomRole,
    TimeMark,
)
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import KeyedRateLimiter

#: Seconds until an account or address that has used up its limit may create one more room.
ROOM_CREATION_SECONDS = 60.0

#: Seconds until one more name may be registered from an address that has used up its limit.
REGISTRATION_SECONDS = 60.0

#: Ended sessions that are remembered: their earlier proposals may still arrive, seconds later.
ENDED_SESSIONS_REMEMBERED = 4096


class ChatState:
    """
    All sessions, rooms and accounts, with their indexes.

    @ivar limits: those used in decisions (rooms, accounts) are from the last
        L{NodeUp<tsservices.chat.operations.NodeUp>}, the same on all nodes.
    @ivar nodes: the nodes that are up, by name.
    @ivar previousIncarnations: earlier incarnations of nodes that are down, by name.
    @ivar detachedSessions: sessions of nodes that were declared down, by id: they may come back.
    @ivar endedSessions: ids of sessions that have left or were replaced, the newest last.
    @ivar sessions: the sessions that have entered, by id.
    @ivar sessionsByNick: the same by folded name: one holder, or several that are logged in to one
        account.
    @ivar sessionsByAccount: the same by the key of the account, the oldest first.
    @ivar tokens: sessions that another connection may replace, by the digest of the secret.
    @ivar rooms: by key.
    @ivar accounts: by key.
    @ivar accountTokens: by id.
    @ivar accountTokenIds: the ids of the tokens of an account, by its key.
    @ivar readMarkers: by the keys of account and room.
    @ivar timeMarks: the times up to which people have read, by owner and target.
    @ivar ignored: the lists of ignored people, by owner and mask.
    @ivar inboxShares: how many waiting private messages are from which sender, by the keys of
        account and sender.
    @ivar receipts: the results of posts that may be sent again.
    @ivar operators: the keys of the accounts that are operators of the server.
    @ivar lastSeenGuests: when guests left, by folded name, the newest last.
    @ivar roomCreationLimit: bounds how many rooms an account or address creates.
    @ivar registrationLimit: bounds how many names an address registers.
    @ivar watchers: sessions of this node that want to know when somebody comes or goes, by the key
        of the name and the id of the session. They affect only the output to them.
    @ivar presenceBefore: the spelling of a name before the batch that is applied now, empty if
        nobody had it; only for watched names whose holders the batch changes.
    @ivar time: the stamp of the last batch, by version 2 of the rules or later; 0: there was none
        in this state, or it is not known.
    """

    def __init__(
        self,
        limits: Limits,
        rooms: Iterable[RoomRecord] = (),
        records: Iterable[Record] = (),
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
        self.rooms: dict[str, Room] = {room.key: Room(room) for room in rooms}
        self.accounts: dict[str, Account] = {}
        self.accountTokens: dict[str, AccountToken] = {}
        self.accountTokenIds: dict[str, tuple[str, ...]] = {}
        self.readMarkers: dict[tuple[str, str], ReadMarker] = {}
        self.timeMarks: dict[str, dict[str, TimeMark]] = {}
        self.ignored: dict[str, dict[str, Ignored]] = {}
        self.inboxShares: dict[str, dict[str, InboxShare]] = {}
        self.receipts = PostReceipts()
        self.operators = frozenset(operators)
        self.lastSeenGuests: OrderedDict[str, int] = OrderedDict()
        self.roomCreationLimit = KeyedRateLimiter(limits.roomsFounded, ROOM_CREATION_SECONDS)
        self.registrationLimit = KeyedRateLimiter(limits.accountsFounded, REGISTRATION_SECONDS)
        self.time = 0
        self.watchers: dict[str, dict[str, Session]] = {}
        self.presenceBefore: dict[str, str] = {}
        for record in records:
            self.load(record)

    def watch(self, key: str, session: Session) -> None:
        """Notify a session from now on when somebody of this name comes or goes."""
        self.watchers.setdefault(key, {})[session.ident] = session

    def unwatch(self, key: str, session: Session) -> None:
        """Undo L{watch}."""
        watchers = self.watchers.get(key, {})
        watchers.pop(session.ident, None)
        if not watchers:
            self.watchers.pop(key, None)

    def notePresence(self, key: str) -> None:
        """Note the holder of a watched name before it changes."""
        if key in self.watchers:
            holders = self.sessionsByNick.get(key)
            self.presenceBefore.setdefault(key, holders[0].nick if holders else "")

    def reportPresence(self, batch: Batch) -> None:
        """Notify the watchers of names that somebody has taken or left in a batch."""
        changed, self.presenceBefore = self.presenceBefore, {}
        for key, before in changed.items():
            holders = self.sessionsByNick.get(key, ())
            if bool(holders) == bool(before):
                continue
            nick = holders[0].nick if holders else before
            for watcher in self.watchers.get(key, {}).values():
                batch.reply(watcher, PresenceChanged(key, nick, bool(holders)))

    def setLimits(
        self,
        roomsEach: int,
        maxRooms: int,
        maxAccounts: int,
        roomsFounded: int,
        accountsFounded: int,
        sessionsEach: int = 0,
    ) -> None:
        """Set the limits used in decisions; all others are this node's own."""
        # 0: written before this limit existed. The default, so that all nodes have the same.
        sessionsEach = sessionsEach or Limits().sessionsEach
        self.limits = replace(
            self.limits,
            roomsEach=roomsEach,
            maxRooms=maxRooms,
            maxAccounts=maxAccounts,
            roomsFounded=roomsFounded,
            accountsFounded=accountsFounded,
            sessionsEach=sessionsEach,
        )
        self.roomCreationLimit.resize(roomsFounded)
        self.registrationLimit.resize(accountsFounded)

    def load(self, record: Record) -> None:
        """Load a record; one of a room that does not exist is skipped."""
        if isinstance(record, Account):
            self.accounts[record.key] = record
        elif isinstance(record, AccountToken):
            self.addToken(record)
        elif isinstance(record, ReadMarker):
            self.readMarkers[record.account, record.room] = record
        elif isinstance(record, TimeMark):
            self.timeMarks.setdefault(record.owner, {})[record.target] = record
        elif isinstance(record, Ignored):
            self.ignored.setdefault(record.owner, {})[record.mask] = record
        elif isinstance(record, InboxShare):
            self.inboxShares.setdefault(record.account, {})[record.sender] = record
        elif isinstance(record, PostReceipt):
            self.receipts.add(record)
        elif (room := self.rooms.get(record.room)) is None:
            return
        elif isinstance(record, Restriction):
            room.permissions.setRestriction(record)
        elif isinstance(record, RoomRole):
            room.permissions.setRole(record)

    def addToken(self, token: AccountToken) -> None:
        """Add a token, or replace the one with its id."""
        if token.ident not in self.accountTokens:
            known = self.accountTokenIds.get(token.account, ())
            self.accountTokenIds[token.account] = (*known, token.ident)
        self.accountTokens[token.ident] = token

    def removeToken(self, token: AccountToken) -> None:
        """Undo L{addToken}."""
        del self.accountTokens[token.ident]
        remaining = [item for item in self.accountTokenIds[token.account] if item != token.ident]
        if remaining:
            self.accountTokenIds[token.account] = tuple(remaining)
        else:
            del self.accountTokenIds[token.account]

    def tokensOf(self, account: str) -> list[AccountToken]:
        """The tokens of an account, the oldest first."""
        tokens = [self.accountTokens[ident] for ident in self.accountTokenIds.get(account, ())]
        return sorted(tokens, key=attrgetter("created"))

    def scopeOf(self, session: Session) -> str:
        """The scope of the token with which a session has logged in; empty: none."""
        token = self.accountTokens.get(session.tokenId)
        return "" if token is None else token.scope

    def removeSession(self, session: Session) -> bool:
        """Remove a session; returns whether it was there."""
        if self.sessions.pop(session.ident, None) is None:
            return False
        self.endedSessions[session.ident] = None
        if len(self.endedSessions) > ENDED_SESSIONS_REMEMBERED:
            self.endedSessions.popitem(last=False)
        return True

    def sessionByNick(self, nick: str, key: str) -> Session:
        """
        The oldest session with this name.

        @raise ChatError: there is none.
        """
        holders = self.sessionsByNick.get(key)
        if holders is None:
            raise ChatError(NO_PERSON, nick=nick)
        return holders[0]

    def accountOf(self, session: Session) -> Account | None:
        """The account that a session is logged in to."""
        return None if session.account is None else self.accounts.get(session.account)

    def awayText(self, session: Session) -> str:
        """The away text of a user; empty: present, by this connection or by another one."""
        own = self.sessionsByAccount.get(session.account or "", ())
        return session.away if all(other.away for other in own) else ""

    def awayTextOf(self, account: str | None) -> str:
        """The same by an account; empty also if it has no session."""
        own = self.sessionsByAccount.get(account or "", ())
        return self.awayText(own[0]) if own else ""

    def applyIgnored(self, session: Session) -> None:
        """Set the ignored masks of a session from the list of its owner."""
        entries = self.ignored.get(session.account or session.origin, ())
        session.setIgnored(frozenset(entries))

    def updateAccount(self, account: Account, batch: Batch) -> None:
        """Set and store a changed account."""
        self.accounts[account.key] = account
        batch.upsert(account)

    def joinedRoom(self, session: Session, key: str) -> Room:
        """
        The room with this key.

        @raise ChatError: the session is not in it.
        """
        room = self.rooms.get(key)
        if room is None or key not in session.rooms:
            raise ChatError(
                NOT_IN_ROOM, room=ROOM_SIGN + (room.record.name if room is not None else key)
            )
        return room

    def roomToTalkIn(self, session: Session, key: str) -> Room:
        """
        The room with this key, if the session may talk in it from outside or is a member.

        @raise ChatError: it is no member, and only members talk there, or the room is empty.
        """
        room = self.rooms.get(key)
        if room is not None and room.members and room.permissions.letsOutsidersTalk:
            self.checkEntered(session)
            return room
        return self.joinedRoom(session, key)

    def roomsOf(self, session: Session) -> list[Room]:
        """The rooms of a session, in the order of joining."""
        return [self.rooms[key] for key in session.rooms]

    def addMember(self, session: Session, room: Room) -> None:
        """Put a session into another room."""
        # From now on its first room counts this session too.
        if session.rooms:
            room.inSeveralRooms += 1
        if len(session.rooms) == 1:
            self.rooms[next(iter(session.rooms))].inSeveralRooms += 1
        room.addMember(session)

    def removeMember(self, session: Session, room: Room) -> None:
        """Take a session out of a room."""
        room.removeMember(session)
        if session.rooms:
            room.inSeveralRooms -= 1
        if len(session.rooms) == 1:
            self.rooms[next(iter(session.rooms))].inSeveralRooms -= 1

    def rank(self, session: Session, room: Room) -> str:
        if self.isServerOperator(session):
            return SERVER
        return room.permissions.rank(session)

    def isServerOperator(self, session: Session) -> bool:
        """Whether a session has the rights of an operator of the server; never by a token."""
        return session.account in self.operators and not session.tokenId

    def rankOf(self, account: str, room: Room) -> str:
        return SERVER if account in self.operators else room.permissions.rankOf(account)

    def checkEntered(self, session: Session) -> None:
        """@raise ChatError: the session has no name yet."""
        if session.ident not in self.sessions:
            raise ChatError(NAME_FIRST)

    def checkNick(self, session: Session, nick: str, key: str, schema: int = SCHEMA) -> None:
        """
        @param schema: the version of the rules.
        @raise ChatError: the name is somebody else's.
        """
        if key in self.accounts and session.account != key:
            raise ChatError(NICK_REGISTERED, nick=nick)
        holders = self.sessionsByNick.get(key, ())
        if not holders or session in holders or session.account == key:
            return
        # All sessions of an account may share any name; by version 1 of the rules only that of the
        # account.
        own = schema > 1 and session.account is not None
        if not own or any(holder.account != session.account for holder in holders):
            raise ChatError(NICK_TAKEN, nick=nick)

    def checkJoin(
        self, session: Session, key: str, now: int, joinKey: str = "", returning: bool = False
    ) -> None:
        """
        @param now: nanoseconds since 1970, UTC.
        @param joinKey: the key of the room, as given by the session.
        @param returning: it was a member, and has not left: it needs neither key nor free place.
        @raise ChatError: the session may not join the room.
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
        restriction = self.restriction(BAN, session, room, now)
        if restriction is not None:
            raise ChatError(
                BANNED, room=name, until=endText(restriction, now), why=reasonText(restriction)
            )
        if atLeast(self.rank(session, room), OPERATOR):
            return
        if not room.permissions.canJoin(session):
            raise ChatError(PRIVATE_ROOM, room=name)
        record = room.record
        if returning:
            return
        if record.joinKey and joinKey != record.joinKey:
            raise ChatError(WRONG_KEY, room=name)
        # A person with several sessions takes one place.
        if 0 < record.memberLimit <= len(room.nickCounts) and session.key not in room.nickCounts:
            raise ChatError(ROOM_FULL, room=name, most=record.memberLimit)

    def checkSpeak(self, session: Session, room: Room, now: int) -> None:
        """
        @param now: nanoseconds since 1970, UTC.
        @raise ChatError: the session may not write in the room.
        """
        permissions = room.permissions
        if not permissions.checksTalk:
            return
        name = ROOM_SIGN + room.record.name
        if (match := self.restriction(MUTE, session, room, now)) is not None:
            raise ChatError(MUTED, room=name, until=endText(match, now), why=reasonText(match))
        if (match := self.restriction(BAN, session, room, now)) is not None:
            # A member may be banned: its address has changed, or it is no operator any more.
            raise ChatError(BANNED, room=name, until=endText(match, now), why=reasonText(match))
        if permissions.isModerated and not (
            permissions.hasVoice(session) or atLeast(self.rank(session, room), OPERATOR)
        ):
            raise ChatError(MODERATED, room=name)

    def checkTopic(self, session: Session, room: Room, now: int) -> None:
        """
        @param now: nanoseconds since 1970, UTC.
        @raise ChatError: the session may not set the topic of the room.
        """
        if not atLeast(self.rank(session, room), room.permissions.topicRank):
            raise ChatError(NOT_ALLOWED, who="operators of the room")
        self.checkSpeak(session, room, now)

    def checkRename(self, session: Session, key: str, now: int) -> None:
        """
        @param now: nanoseconds since 1970, UTC.
        @raise ChatError: it may not write in one of its rooms, where the new name would show.
        """
        if key == session.key:
            return
        for room in self.roomsOf(session):
            match = self.restriction(MUTE, session, room, now) or self.restriction(
                BAN, session, room, now
            )
            if match is not None:
                raise ChatError(
                    MUTED_NAME,
                    room=ROOM_SIGN + room.record.name,
                    until=endText(match, now),
                    why=reasonText(match),
                )

    def isMuted(self, session: Session, room: Room, now: int) -> bool:
        """
        Whether a member may not write. The reason for leaving or being away is then hidden too.

        @param now: nanoseconds since 1970, UTC.
        """
        return any(self.restriction(kind, session, room, now) for kind in (MUTE, BAN))

    def restriction(self, kind: str, session: Session, room: Room, now: int) -> Restriction | None:
        """
        The ban or mute that applies to a session in a room. One by address does not apply to
        operators of the room, and none applies to operators of the server.

        @param now: nanoseconds since 1970, UTC.
        """
        match = room.permissions.restriction(kind, session, self.accountOf(session), now)
        if match is None:
            return None
        rank = self.rank(session, room)
        if rank == SERVER or (rank != MEMBER and match.mask != session.account):
            return None
        return match

    def canSee(self, session: Session, room: Room) -> bool:
        """Whether a session may know of the room and its members."""
        return (
            not (room.record.private or room.permissions.isSecret)
            or session.ident in room.members
            or atLeast(self.rank(session, room), OPERATOR)
            or (room.record.private and room.permissions.canJoin(session))
        )

    def sharedWith(
        self, session: Session, itself: bool, rooms: Iterable[Room] | None = None
    ) -> list[Session]:
        """
        The sessions that share a room with a session, once each, and those that watch its name and
        want all news of it.

        @param itself: whether the session itself is included, as the first.
        @param rooms: some of its rooms; None: all.
        """
        members: dict[str, Session] = {}
        for room in self.roomsOf(session) if rooms is None else rooms:
            members.update(room.members)
        for watcher in self.watchers.get(session.key, {}).values():
            if watcher.wantsWatched:
                members[watcher.ident] = watcher
        members.pop(session.ident, None)
        return [*([session] if itself else []), *members.values()]
