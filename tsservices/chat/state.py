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
from tsservices.chat.nodes import Node
from tsservices.chat.records import Account, ReadMark, Record, Restraint, Standing
from tsservices.chat.refusals import NO_PERSON, Refused
from tsservices.chat.returning import CutOff
from tsservices.chat.rooms import Room, RoomRecord
from tsservices.chat.sessions import Session
from tsservices.limits import (
    ENDED_REMEMBERED,
    FOUNDED_SECONDS,
    REGISTERED_SECONDS,
    Limits,
)
from tsservices.throttle import Quota


class State:
    """
    Everybody and every room.

    @ivar limits: all bounds.  Those that events rest on are those of the last
        L{NodeUp<tsservices.chat.nodeevents.NodeUp>}, on all nodes.
    @ivar nodes: those that are up, by their names.
    @ivar formers: the incarnations of those that are not up any more, by their names.
    @ivar cutOff: the sessions of nodes that were taken for gone, by their ids: they may
        return.
    @ivar ended: the ids of those sessions that left, or that others go on for, the newest
        last: what they have proposed may still come.
    @ivar sessions: those that have entered, by id.
    @ivar holders: the same by folded name.  A name has one holder, or several that are
        logged in to the account of that name.
    @ivar owners: those that are logged in, by the keys of their accounts, the oldest first.
    @ivar tokens: those that another connection may go on for, by the digest of what it has
        to know.
    @ivar rooms: by key.
    @ivar accounts: by key.
    @ivar marks: how far somebody has read, by the keys of account and room.
    @ivar operators: the keys of the accounts that may do anything.
    @ivar left: when the guests who were here last left, by folded name.
    @ivar founding: bounds who makes how many rooms.
    @ivar registering: bounds from where how many names are registered.
    """

    def __init__(
        self,
        limits: Limits,
        records: Iterable[RoomRecord] = (),
        kept: Iterable[Record] = (),
        operators: Collection[str] = (),
    ) -> None:
        """
        @param limits: all bounds.
        @param records: the rooms that were kept.
        @param kept: what else was.
        @param operators: the keys of the accounts that may do anything.
        """
        self.limits = limits
        self.nodes: dict[str, Node] = {}
        self.formers: dict[str, tuple[str, ...]] = {}
        self.cutOff: dict[str, CutOff] = {}
        self.ended: OrderedDict[str, None] = OrderedDict()
        self.sessions: dict[str, Session] = {}
        self.holders: dict[str, tuple[Session, ...]] = {}
        self.owners: dict[str, tuple[Session, ...]] = {}
        self.tokens: dict[str, Session] = {}
        self.rooms: dict[str, Room] = {record.key: Room(record) for record in records}
        self.accounts: dict[str, Account] = {}
        self.marks: dict[tuple[str, str], ReadMark] = {}
        self.operators = frozenset(operators)
        self.left: OrderedDict[str, int] = OrderedDict()
        self.founding = Quota(limits.roomsFounded, FOUNDED_SECONDS)
        self.registering = Quota(limits.accountsFounded, REGISTERED_SECONDS)
        for each in kept:
            self.load(each)

    def load(self, record: Record) -> None:
        """
        @param record: was kept.
        """
        if isinstance(record, Account):
            self.accounts[record.key] = record
        elif isinstance(record, ReadMark):
            self.marks[record.account, record.room] = record
        elif (room := self.rooms.get(record.room)) is None:
            return
        elif isinstance(record, Restraint):
            room.access.restraints[record.kind, record.mask] = record
        elif isinstance(record, Standing):
            room.access.stand(record)

    def end(self, session: Session) -> bool:
        """
        A session is no more.

        @param session: that one.
        @return: whether it was there.
        """
        if self.sessions.pop(session.ident, None) is None:
            return False
        self.ended[session.ident] = None
        if len(self.ended) > ENDED_REMEMBERED:
            self.ended.popitem(last=False)
        return True

    def person(self, nick: str, key: str) -> Session:
        """
        @param nick: as it was written.
        @param key: the same, folded.
        @return: who is called that.
        @raise Refused: nobody is.
        """
        found = self.holders.get(key)
        if found is None:
            raise Refused(NO_PERSON, nick=nick)
        return found[0]

    def accountOf(self, session: Session) -> Account | None:
        """
        @param session: anybody's.
        @return: the account that they are logged in to.
        """
        return None if session.account is None else self.accounts.get(session.account)

    def keep(self, account: Account, batch: Batch) -> None:
        """
        @param account: as it is now.
        @param batch: of this turn.
        """
        self.accounts[account.key] = account
        batch.put(account)
