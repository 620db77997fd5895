"""The state that all IRC connections of one server share.  Pure."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tsservices import __version__
from tsservices.chat.names import fold
from tsservices.chat.session import Session
from tsservices.common.limits import Limits
from tsservices.frontends.connection import Chat, ChatConnection
from tsservices.frontends.irc.formats.formatter import Formatters
from tsservices.frontends.irc.formats.name_lines import NamesCache
from tsservices.frontends.irc.people import Directory

#: The default name of a server.
SERVER_NAME = "irc.local"

#: The default name of the network, which clients show in place of the server's name.
NETWORK = "tsservices"

#: The default description of a server.
SERVER_INFO = "a chat of tsservices"

#: Users that WHOWAS remembers: the last ones that have left.
WHOWAS_ENTRIES = 1000


#: Rooms that are counted at each request; with more, the count is cached for so many seconds.
COUNTED_AT_ONCE, COUNT_SECONDS = 200, 1.0


@dataclass(frozen=True, slots=True)
class Greeting:
    """The cached greeting, which is the same for all clients except for their nick."""

    limits: Limits
    #: The lines of the welcome file.
    texts: list[str]
    #: Lines with their endings, before the counts of users and after them.
    about: str
    motd: str
    #: Bytes of the longest of these lines, without a nick.
    longest: int


@dataclass(frozen=True, slots=True)
class Departed:
    """A user who has left, or was renamed."""

    nick: str
    key: str
    username: str
    host: str
    realname: str
    account: str | None
    #: Nanoseconds since 1970, UTC.
    time: int


@dataclass(eq=False)
class IRCServer:
    """One server, with any number of ports."""

    chat: Chat
    name: str = SERVER_NAME
    network: str = NETWORK
    #: The server's description.
    info: str = SERVER_INFO
    #: When it was started: nanoseconds since 1970, UTC.
    created: int = 0
    version: str = f"tsservices-{__version__}"
    #: The newest last.
    departed: deque[Departed] = field(default_factory=lambda: deque(maxlen=WHOWAS_ENTRIES))
    #: Connections that have no nick yet.
    unregistered: int = 0
    names: NamesCache = field(default_factory=NamesCache)
    greeting: Greeting | None = None
    _publicRooms: int = 0
    _countDue: float = 0.0
    _most: dict[str, int] = field(default_factory=dict)
    _batches: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # Made at first use: the chat's state exists only after the ports are bound.
    @cached_property
    def directory(self) -> Directory:
        return Directory(self.chat.context.state)

    @cached_property
    def formatters(self) -> Formatters:
        return Formatters(self.directory, self.name, self.chat.context.wallClock)

    def mostUsers(self, name: str, count: int) -> int:
        """Update and return the highest count under this name so far."""
        self._most[name] = max(count, self._most.get(name, 0))
        return self._most[name]

    def publicRooms(self, now: float) -> int:
        """
        Count the rooms with members that are not secret.

        @param now: seconds of the monotonic clock.
        """
        rooms = self.chat.context.state.rooms
        if len(rooms) <= COUNTED_AT_ONCE or now >= self._countDue:
            self._publicRooms = sum(
                1
                for room in rooms.values()
                if room.members and not (room.record.private or room.permissions.isSecret)
            )
            self._countDue = now + COUNT_SECONDS
        return self._publicRooms

    def nextBatch(self) -> str:
        """Make a name for a batch of lines."""
        return f"b{next(self._batches)}"

    def remember(self, session: Session) -> None:
        """Keep the data of a user who leaves with this session, for WHOWAS."""
        holders = self.chat.context.state.sessionsByNick.get(session.key, ())
        if not any(other is not session and _stays(other) for other in holders):
            self.departed.append(self.departure(session))

    def departure(self, session: Session) -> Departed:
        """Return the data of a user who is about to leave or to be renamed."""
        return Departed(
            session.nick,
            session.key,
            session.username,
            self.directory.host(session.account),
            self.directory.realname(session),
            session.account,
            self.chat.context.wallClock(),
        )

    def whowas(self, nick: str) -> list[Departed]:
        """Return the users who have had a nick, the newest first."""
        key = fold(nick)
        return [entry for entry in reversed(self.departed) if entry.key == key]


def _stays(session: Session) -> bool:
    # Several connections of a user may end in the same turn.
    recipient = session.recipient
    return not (isinstance(recipient, ChatConnection) and recipient.controller.ended)
