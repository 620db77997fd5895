"""
Backlogs: presence news (joins, leaves, renames) that waits in a large room, once for all members.

Such news can wait for some milliseconds (L{Recipient.writeLater
<tsservices.chat.outlet.Recipient.writeLater>}). A thousand people who join one after another would
cause half a million appends to the buffers of the members, about a microsecond each, as the members
are in none of the processor's caches then. So members with the same output follow one backlog from
some position on, and the news of a join touches none of them. When the backlog is due, or other
output is to be sent to a member, the member gets its part of the backlog. Then it stops following
until the next news, so the order of its output never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tsservices.chat.outlet import Follower, Formatter
from tsservices.chat.session import Session

#: Minimum number of recipients for which presence news waits: about 0.5 ms of sends. For fewer,
#: waiting would be more work than sending.
DEFERRED_FROM = 100

#: Maximum number of recipients written to at once, without the queue: about 10 ms of a turn.
SENT_AT_ONCE = 2000

#: Changes of the members that are kept until news is delivered to them.  Few changes bring no news:
#: further sessions of a person.
CHANGES_KEPT = 1000


class Backlog:
    """
    The pending bytes for members of one room with the same format.

    Members keep following it after it was sent to them, until an interval brings nothing more:
    starting and stopping to follow costs as much as three appends.
    """

    __slots__ = ("_add", "_followers", "_form", "_isDue", "_joined", "_pieces", "_room", "_size")

    def __init__(self, room: RoomBacklog, form: Formatter) -> None:
        self._room = room
        self._form = form
        self._pieces: list[bytes] = []
        self._size = 0
        # For each follower, from where the bytes have still to be sent: the size when it began.
        self._followers: dict[Follower, int] = {}
        # The bytes from such positions to the end, as far as requested since the last piece.
        self._joined: dict[int, bytes] = {}
        # Schedules the sending.
        self._add: Callable[[Backlog], object] | None = None
        # Whether the sending is scheduled.
        self._isDue = False

    def begin(self, follower: Follower, add: Callable[[Backlog], object]) -> None:
        """
        Let a peer follow the backlog, from here on.

        @param add: schedules a call of L{sendDeferred}.
        """
        if not self._followers:
            self._room.byForm[self._form] = self
            self._add = add
        self._followers[follower] = self._size

    def add(self, data: bytes) -> None:
        """Add bytes for all current followers."""
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
        End the following of a peer.

        @return: the bytes that wait for it: the same object for all that began there.
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
        Send the pending bytes to all followers; if there are none, end the following.

        @return: whether it is to be called again.
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
            # Sending to one follower may end the following of another.
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
            # Raised after all others have got their output.
            raise occurred
        return True


class RoomBacklog:
    """
    The backlogs of one room, and its members that follow none.

    The members may change again before a delivery (storing takes time). So the room notes the
    changes, and each delivery applies those that came before it.

    @ivar byForm: the backlogs with followers, by format.
    @ivar apart: the other members, by their ids.
    @ivar version: the number of changes noted by the room.
    """

    __slots__ = ("_changes", "_known", "apart", "byForm", "version")

    def __init__(self) -> None:
        self.byForm: dict[Formatter, Backlog] = {}
        self.apart: dict[str, Session] = {}
        self.version = 0
        self._changes: list[tuple[Session, bool]] = []
        # The number of applied changes; -1: no delivery has come yet.
        self._known = -1

    @property
    def isFull(self) -> bool:
        """Whether too many changes are noted for this to serve later recipients."""
        return len(self._changes) > CHANGES_KEPT

    def note(self, session: Session, joined: bool) -> None:
        """Note that a session has joined or left the room."""
        self._changes.append((session, joined))
        self.version += 1

    def recipientsApart(self, recipients: Iterable[Session], version: int) -> list[Session]:
        """
        Let recipients follow a backlog, where possible.

        @param recipients: all of them.
        @param version: the version of the room when these were its members.
        @return: those that have to be written to.
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
            # The session follows a backlog.
            session.leaveSharedOutput()
        self.apart.pop(session.ident, None)

    def _follow(self, session: Session) -> bool:
        recipient = session.recipient
        # A session in several rooms would switch between their backlogs again and again, and one
        # that has left the room meanwhile would end its following at once: hundreds, if a thousand
        # quit together.
        if recipient is None or session.ignores or len(session.rooms) != 1:
            return False
        form = recipient.form
        backlog = self.byForm.get(form) or Backlog(self, form)
        return recipient.follow(backlog, session)
