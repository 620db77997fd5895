"""What all IRC connections of one server share.  Pure."""

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
from tsservices.frontends.connection import Chat
from tsservices.frontends.irc.formats.formatter import Formatters
from tsservices.frontends.irc.formats.name_lines import NamesCache
from tsservices.frontends.irc.people import Directory

#: The name of a server that was given none.
SERVER_NAME = "irc.local"

#: What the network is called: programs show it in place of the server's name.
NETWORK = "tsservices"

#: What a server says of itself that was given nothing else.
SERVER_INFO = "a chat of tsservices"

#: People of whom WHOWAS knows, the last ones that have left.
WHOWAS_ENTRIES = 1000


#: Rooms that are counted whenever somebody asks; of more the number is kept for so many seconds.
COUNTED_AT_ONCE, COUNT_SECONDS = 200, 1.0


@dataclass(frozen=True, slots=True)
class Greeting:
    """What all are greeted with, in the same words but for their nick."""

    limits: Limits
    #: Those of the welcome file.
    texts: list[str]
    #: Lines with their endings, for before the counts of users and for behind them.
    about: str
    motd: str
    #: Bytes of the longest of them, without a nick.
    longest: int


@dataclass(frozen=True, slots=True)
class Departed:
    """Somebody who was here, or had another name."""

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
    """One server, at however many ports."""

    chat: Chat
    name: str = SERVER_NAME
    network: str = NETWORK
    #: What it says of itself.
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

    # The chat's state is there when it is prepared, which is later than the ports are bound.
    @cached_property
    def directory(self) -> Directory:
        return Directory(self.chat.context.state)

    @cached_property
    def formatters(self) -> Formatters:
        return Formatters(self.directory, self.name, self.chat.context.wallClock)

    def mostUsers(self, name: str, count: int) -> int:
        """The highest count of this name so far."""
        self._most[name] = max(count, self._most.get(name, 0))
        return self._most[name]

    def publicRooms(self, now: float) -> int:
        """
        The number of rooms with members that are not secret.

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
        """A name for a batch of lines."""
        return f"b{next(self._batches)}"

    def remember(self, session: Session) -> None:
        """Somebody is about to leave, or to have another name."""
        self.departed.append(
            Departed(
                session.nick,
                session.key,
                session.username,
                self.directory.host(session.account),
                self.directory.realname(session),
                session.account,
                self.chat.context.wallClock(),
            )
        )

    def whowas(self, nick: str) -> list[Departed]:
        """Those who were called that, the newest first."""
        key = fold(nick)
        return [entry for entry in reversed(self.departed) if entry.key == key]
