"""
What those in a large room have still to be sent of who comes and goes: once for all of them.

Such news can wait for some milliseconds (L{Recipient.writeLater
<tsservices.chat.outlet.Recipient.writeLater>}). A thousand people who join one after the other
would be half a million appends to what waits for each member, about a microsecond each, as the
members are in none of the processor's caches then. So members who are sent the same follow one
backlog from some place on, and news of somebody who joins touches none of them. When it is due, or
anything else is to be sent to a member, that one gets its part of the backlog. Then it no longer
follows it, until the next news: so the order of what it gets never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tsservices.chat.outlet import Follower, Formatter
from tsservices.chat.session import Session

#: Recipients from which on news of who comes and goes can wait: some 0.5 ms of sends. For fewer
#: it would be more work to wait than to send.
DEFERRED_FROM = 100

#: Recipients that are written to at once, without the queue: some 10 ms of a turn.
SENT_AT_ONCE = 2000

#: Changes of the members that are kept until some news is delivered to them.  Only a few bring no
#: news: further sessions of somebody.
CHANGES_KEPT = 1000


class Backlog:
    """
    What waits for those in one room who have the same format.

    They go on to follow it when it was sent to them, until some time has brought nothing more:
    beginning to follow and ending it costs as much as three appends.
    """

    __slots__ = ("_add", "_followers", "_form", "_isDue", "_joined", "_pieces", "_room", "_size")

    def __init__(self, room: RoomBacklog, form: Formatter) -> None:
        self._room = room
        self._form = form
        self._pieces: list[bytes] = []
        self._size = 0
        # From where on each follower has still to be sent it: its size when that one came.
        self._followers: dict[Follower, int] = {}
        # What is behind such a place, as far as it was asked for since the last piece.
        self._joined: dict[int, bytes] = {}
        # Has it sent when that is due.
        self._add: Callable[[Backlog], object] | None = None
        # That was asked for.
        self._isDue = False

    def begin(self, follower: Follower, add: Callable[[Backlog], object]) -> None:
        """
        Let somebody follow it, from here on.

        @param add: has L{sendDeferred} called when it is due.
        """
        if not self._followers:
            self._room.byForm[self._form] = self
            self._add = add
        self._followers[follower] = self._size

    def add(self, data: bytes) -> None:
        """Have something wait for all who follow it now."""
        if not data:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._joined:
            self._joined = {}
        if not self._isDue and self._add is not None:
            self._isDue = True
            self._add(self)

    def end(self, follower: Follower, session: Session) -> bytes:
        """
        Let somebody no longer follow it.

        @return: what waits for this one: the same object for all who began there.
        """
        data = self._since(self._followers.pop(follower))
        self._room.apart[session.ident] = session
        if not self._followers:
            del self._room.byForm[self._form]
        return data

    def _since(self, start: int) -> bytes:
        if start == self._size:
            return b""
        data = self._joined.get(start)
        if data is None:
            if len(self._pieces) > 1:
                self._pieces = [b"".join(self._pieces)]
            data = self._joined[start] = self._pieces[0][start:]
        return data

    def sendDeferred(self) -> bool:
        """
        Send what waits to all who follow it; if nothing does, they no longer follow it.

        @return: whether it is to be called again when that is due.
        """
        size, followers = self._size, list(self._followers.items())
        if not size:
            self._isDue = False
            for follower, _ in followers:
                follower.leaveBroadcast()
            return False
        errors: list[Exception] = []
        last = len(followers) <= SENT_AT_ONCE
        for follower, start in followers:
            # What one is sent may end that of another.
            if self._followers.get(follower) == start:
                self._followers[follower] = self._size
                if start < self._size:
                    try:
                        follower.sendNow(self._since(start), last)
                    except Exception as error:
                        errors.append(error)
        if self._size == size:
            self._pieces, self._joined, self._size = [], {}, 0
            self._followers = dict.fromkeys(self._followers, 0)
        self._isDue = not errors
        for occurred in errors:
            # Raised when all others have got what is theirs.
            raise occurred
        return True


class RoomBacklog:
    """
    The backlogs of one room, and who of its members follows none.

    Deliveries may come later than their members have changed again (a storage stands between). So
    the room notes the changes, and each delivery makes those that came before it.

    @ivar byForm: the backlogs that somebody follows, by format.
    @ivar apart: the other members, by their ids.
    @ivar version: how many changes the room has noted.
    """

    __slots__ = ("_changes", "_known", "apart", "byForm", "version")

    def __init__(self) -> None:
        self.byForm: dict[Formatter, Backlog] = {}
        self.apart: dict[str, Session] = {}
        self.version = 0
        self._changes: list[tuple[Session, bool]] = []
        # The changes that were made; -1: no delivery has come yet.
        self._known = -1

    @property
    def isFull(self) -> bool:
        """Whether so many changes wait for news that this cannot serve later recipients."""
        return len(self._changes) > CHANGES_KEPT

    def note(self, session: Session, joined: bool) -> None:
        """Note that a session has joined the room, or left it."""
        self._changes.append((session, joined))
        self.version += 1

    def recipientsApart(self, recipients: Iterable[Session], version: int) -> list[Session]:
        """
        Let recipients follow a backlog, as far as they can.

        @param recipients: all of them.
        @param version: that of the room when these were its members.
        @return: those who have to be written to.
        """
        if self._known < 0:
            self.apart = {session.ident: session for session in recipients}
            del self._changes[: len(self._changes) - (self.version - version)]
        else:
            count = version - self._known
            for session, joined in self._changes[:count]:
                self._change(session, joined)
            del self._changes[:count]
        self._known = version
        individual: list[Session] = []
        followers: list[Session] = []
        for session in self.apart.values():
            (followers if self._follow(session) else individual).append(session)
        if individual:
            for session in followers:
                del self.apart[session.ident]
        else:
            self.apart.clear()
        return individual

    def _change(self, session: Session, joined: bool) -> None:
        if joined:
            self.apart[session.ident] = session
            return
        if session.ident not in self.apart:
            # It follows a backlog.
            session.leaveBroadcast()
        self.apart.pop(session.ident, None)

    def _follow(self, session: Session) -> bool:
        recipient = session.recipient
        # Who is in several rooms would change from one backlog to the other and back, and who has
        # left the room meanwhile would end it at once: of a thousand who quit together, hundreds.
        if recipient is None or session.ignores or len(session.rooms) != 1:
            return False
        form = recipient.form
        backlog = self.byForm.get(form) or Backlog(self, form)
        return recipient.follow(backlog, session)
