"""
What happens in rooms, written for IRC: once for each set of capabilities.  Pure.

One formatter serves all connections whose capabilities are the same, so nothing in its lines is
about a single reader.  What is for one session alone is written by
L{tsservices.frontends.irc.replies}.
"""

from __future__ import annotations

import time as clocks
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from tsservices.chat.cloaks import maskOf
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    NickChanged,
    Notification,
    PassingMessage,
    RealnameChanged,
    RoomMessages,
    UserJoined,
    UserLeft,
    UserQuit,
)
from tsservices.chat.operations import (
    ANSWER,
    BAN,
    DELETE,
    KICK,
    ME,
    MESSAGE,
    MODE,
    MUTE,
    NO_OPERATOR,
    NOTICE,
    OPERATOR,
    PRIVATE,
    PUBLIC,
    QUESTION,
    TOPIC,
    UNBAN,
    UNMUTE,
)
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.sentences import actionText
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc.message import BODY_BYTES, pieces
from tsservices.frontends.irc.people import OPERATOR_PREFIX, VOICE_PREFIX, Directory

#: The end of each line.
ENDING = "\r\n"

#: The commands of what people say.
SPOKEN = {MESSAGE: "PRIVMSG", ME: "PRIVMSG", NOTICE: "NOTICE"}

#: What the texts are sent as that programs send each other.
_CTCP = {QUESTION: MESSAGE, ANSWER: NOTICE}

#: The letters of the modes by which members have their signs.
_LETTERS = {OPERATOR_PREFIX: "o", VOICE_PREFIX: "v"}

#: What an action stands between (CTCP).
ACTION, ACTION_END = "\x01ACTION ", "\x01"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return clocks.strftime("%Y-%m-%dT%H:%M:%S", clocks.gmtime(seconds))


def timeText(nanoseconds: int) -> str:
    """A time as tags have it: in UTC, with milliseconds."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}Z"


def withTag(tag: str, line: str) -> str:
    """A line with one tag more."""
    return f"@{tag};{line[1:]}" if line.startswith("@") else f"@{tag} {line}"


class IRCFormatter:
    """
    Writes notifications for all who have the same capabilities; it remembers nothing.

    @ivar capabilities: theirs, of L{caps.FORMAT_CAPABILITIES}.
    """

    def __init__(
        self,
        directory: Directory,
        server: str,
        clock: Callable[[], int],
        capabilities: frozenset[str] = frozenset(),
    ) -> None:
        """
        @param server: the name of the server.
        @param clock: the time: nanoseconds since 1970, UTC.
        """
        self.capabilities = capabilities
        self._directory = directory
        self._server = server
        self._clock = clock
        self._withTags = caps.MESSAGE_TAGS in capabilities
        self._withTime = caps.SERVER_TIME in capabilities
        self._withAccount = caps.ACCOUNT_TAG in capabilities
        self._write: dict[type[Any], Callable[[Any], list[str]]] = {
            RoomMessages: self._messages,
            UserJoined: self._joined,
            UserLeft: self._left,
            UserQuit: self._quit,
            NickChanged: self._renamed,
            AwayChanged: self._away,
            AccountChanged: self._account,
            RealnameChanged: self._realname,
            PassingMessage: self._passing,
        }

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """Lines in UTF-8."""
        lines = [line for notification in notifications for line in self.lines(notification)]
        return "".join([line + ENDING for line in lines]).encode("utf-8", "replace")

    def lines(self, notification: Notification) -> list[str]:
        """Lines with their tags and without their endings; none for what only one session gets."""
        write = self._write.get(type(notification))
        return [] if write is None else write(notification)

    def tags(
        self, account: str | None = None, time: int = 0, ident: str = "", more: str = ""
    ) -> str:
        """
        The tags of what somebody does.

        @param time: nanoseconds since 1970, UTC; 0: now.
        @param ident: the id of a message.
        @param more: those of a client, as it has written them.
        """
        tags = []
        if self._withTime:
            tags.append(f"time={timeText(time or self._clock())}")
        if self._withTags:
            if ident:
                tags.append(f"msgid={ident}")
            if more:
                tags.append(more)
        if self._withAccount and account is not None:
            tags.append(f"account={self._directory.accountName(account)}")
        return f"@{';'.join(tags)} " if tags else ""

    def spoken(
        self,
        mask: str,
        target: str,
        kind: str,
        text: str,
        account: str | None,
        time: int,
        ident: str,
        more: str = "",
    ) -> list[str]:
        """What somebody says, in as many lines as it needs; the first one has the id."""
        before = f":{mask} {SPOKEN.get(kind, 'PRIVMSG')} {target} :"
        begin, end = (ACTION, ACTION_END) if kind == ME else ("", "")
        tags = self.tags(account, time, ident, more)
        # A character takes up to four bytes: most lines need no counting.
        if 4 * (len(before) + len(text) + 16) > BODY_BYTES:
            room = BODY_BYTES - len(f"{before}{begin}{end}".encode("utf-8", "replace"))
            first, *others = pieces(text, max(room, 64))
            if others:
                following = self.tags(account, time)
                return [
                    f"{tags}{before}{begin}{first}{end}",
                    *[f"{following}{before}{begin}{other}{end}" for other in others],
                ]
        return [f"{tags}{before}{begin}{text}{end}"]

    def _messages(self, messages: RoomMessages) -> list[str]:
        session = self._directory.state.sessions.get(messages.session)
        mask = self._directory.mask(messages.nick, messages.account, session)
        return self.roomLines(messages, mask)

    def roomLines(self, messages: RoomMessages, mask: str) -> list[str]:
        """Lines of a room, by whoever has this mask."""
        channel = ROOM_SIGN + messages.roomName
        account, kind, time = messages.account, messages.kind, messages.time
        lines: list[str] = []
        if kind in SPOKEN:
            for offset, text in enumerate(messages.texts):
                ident = messages.ident(offset)
                lines += self.spoken(
                    mask, channel, kind, text, account, time + offset, ident, messages.tags
                )
            return lines
        for offset, text in enumerate(messages.texts):
            line = self._action(messages, channel, mask, text)
            if line:
                tags = self.tags(account, time + offset, messages.ident(offset))
                lines.append(tags + line)
        return lines

    def _action(self, messages: RoomMessages, channel: str, mask: str, text: str) -> str:
        kind = messages.kind
        name, _, rest = text.partition(" ")
        if kind == TOPIC:
            return f":{mask} TOPIC {channel} :{text}"
        if kind == KICK:
            return f":{mask} KICK {channel} {name} :{rest or messages.nick}"
        if kind == MODE:
            return f":{mask} MODE {channel} {text}"
        if kind in (OPERATOR, NO_OPERATOR):
            return f":{mask} MODE {channel} {'+' if kind == OPERATOR else '-'}o {name}"
        if kind in (BAN, UNBAN):
            return f":{mask} MODE {channel} {'+' if kind == BAN else '-'}b {self.banMask(name)}"
        if kind in (PRIVATE, PUBLIC):
            return f":{mask} MODE {channel} {'+' if kind == PRIVATE else '-'}i"
        if kind == DELETE:
            if caps.MESSAGE_REDACTION in self.capabilities and messages.tags:
                ident, _, reason = messages.tags.partition(" ")
                why = f" :{reason}" if reason else ""
                return f":{mask} REDACT {channel} {ident}{why}"
            return ""
        if kind in (MUTE, UNMUTE):
            sentence = actionText(messages, False)[0]
            return f":{self._server} NOTICE {channel} :{sentence}"
        return ""

    def banMask(self, name: str) -> str:
        """The mask that stands for a ban of somebody by name."""
        account = self._directory.state.accounts.get(fold(name))
        if account is not None:
            return maskOf(account.key)
        return f"{name}!*@*"

    def _joined(self, event: UserJoined) -> list[str]:
        directory = self._directory
        session = directory.find(event.nick)
        mask = directory.mask(event.nick, event.account, session)
        realname = event.nick if session is None else directory.realname(session)
        channel = ROOM_SIGN + event.roomName
        lines = [self.join(mask, channel, event.account, realname)]
        room = directory.state.rooms.get(event.room)
        if session is not None:
            # Rights that belong to the account come back with it.
            if room is not None and (sign := directory.prefix(room, session)):
                letter = _LETTERS[sign]
                lines.append(f"{self.tags()}:{self._server} MODE {channel} +{letter} {event.nick}")
            if session.away and caps.AWAY_NOTIFY in self.capabilities:
                lines.append(f"{self.tags(event.account)}:{mask} AWAY :{session.away}")
        return lines

    def join(self, mask: str, channel: str, account: str | None, realname: str) -> str:
        """The line that says that somebody has joined."""
        more = ""
        if caps.EXTENDED_JOIN in self.capabilities:
            name = "*" if account is None else self._directory.accountName(account)
            more = f" {name} :{realname}"
        return f"{self.tags(account)}:{mask} JOIN {channel}{more}"

    def _left(self, event: UserLeft) -> list[str]:
        if event.announced:
            return []
        mask = self._directory.mask(event.nick, event.account)
        reason = f" :{event.reason}" if event.reason else ""
        return [f"{self.tags(event.account)}:{mask} PART {ROOM_SIGN}{event.roomName}{reason}"]

    def _quit(self, event: UserQuit) -> list[str]:
        mask = self._directory.mask(event.nick, event.account)
        return [f"{self.tags(event.account)}:{mask} QUIT :{event.reason}"]

    def _renamed(self, event: NickChanged) -> list[str]:
        session = self._directory.find(event.to)
        account = None if session is None else session.account
        mask = self._directory.mask(event.nick, account, session)
        return [f"{self.tags(account)}:{mask} NICK :{event.to}"]

    def _away(self, event: AwayChanged) -> list[str]:
        if caps.AWAY_NOTIFY not in self.capabilities:
            return []
        mask = self._directory.mask(event.nick, event.account)
        text = f" :{event.text}" if event.text else ""
        return [f"{self.tags(event.account)}:{mask} AWAY{text}"]

    def _account(self, event: AccountChanged) -> list[str]:
        if caps.ACCOUNT_NOTIFY not in self.capabilities:
            return []
        # By the mask of before: who has the capability changes the host by the account.
        mask = self._directory.mask(event.nick, event.account)
        name = "*" if event.account is None else self._directory.accountName(event.account)
        return [f"{self.tags(event.account)}:{mask} ACCOUNT {name}"]

    def _realname(self, event: RealnameChanged) -> list[str]:
        if caps.SETNAME not in self.capabilities:
            return []
        mask = self._directory.mask(event.nick, event.account)
        return [f"{self.tags(event.account)}:{mask} SETNAME :{event.realname}"]

    def _passing(self, event: PassingMessage) -> list[str]:
        return self.passing(event, event.to or f"{ROOM_SIGN}{event.roomName}")

    def passing(self, event: PassingMessage, target: str) -> list[str]:
        """What is not kept, to a room or somebody."""
        if not event.kind and not self._withTags:
            return []
        session = self._directory.state.sessions.get(event.session)
        mask = self._directory.mask(event.nick, event.account, session)
        account, time, ident, more = event.account, event.time, event.ident, event.tags
        if not event.kind:
            return [f"{self.tags(account, time, ident, more)}:{mask} TAGMSG {target}"]
        if event.rank:
            target = f"{OPERATOR_PREFIX}{target}"
        text, kind = event.text, event.kind
        if kind in _CTCP:
            text, kind = f"\x01{text}\x01", _CTCP[kind]
        return self.spoken(mask, target, kind, text, account, time, ident, more)


class Formatters:
    """The formatters of one server, one for each set of capabilities that is in use."""

    def __init__(self, directory: Directory, server: str, clock: Callable[[], int]) -> None:
        """@param clock: the time: nanoseconds since 1970, UTC."""
        self._make = lambda chosen: IRCFormatter(directory, server, clock, chosen)
        self._made: dict[frozenset[str], IRCFormatter] = {}

    def get(self, capabilities: Iterable[str]) -> IRCFormatter:
        """The formatter for a client with these capabilities."""
        chosen = caps.FORMAT_CAPABILITIES.intersection(capabilities)
        if chosen not in self._made:
            self._made[chosen] = self._make(chosen)
        return self._made[chosen]
