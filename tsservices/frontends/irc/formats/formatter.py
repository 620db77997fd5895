"""
Events in rooms, written for IRC: once for each set of capabilities.  Pure.

One formatter serves all connections with the same capabilities, so its lines do not depend on a
single reader.  Notifications for one session alone are written by
L{tsservices.frontends.irc.replies}, actions in rooms by
L{tsservices.frontends.irc.formats.actions}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    NickChanged,
    Notification,
    PassingMessage,
    PrivateDeleted,
    RealnameChanged,
    RoomMessages,
    StandingChanged,
    UserInvited,
    UserJoined,
    UserLeft,
    UserQuit,
)
from tsservices.chat.operations import (
    ANSWER,
    ME,
    MESSAGE,
    NOTICE,
    QUESTION,
)
from tsservices.chat.permissions import MEMBER
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc.formats.actions import actionLines, redaction
from tsservices.frontends.irc.formats.lines import (
    ACTION,
    ACTION_END,
    ENDING,
    SPOKEN,
    encodeLines,
    timeText,
)
from tsservices.frontends.irc.message import BODY_BYTES, surelyFit
from tsservices.frontends.irc.multiline import CONCAT, MULTILINE, divide, takeBreaks
from tsservices.frontends.irc.people import OPERATOR_PREFIX, VOICE_PREFIX, Directory, maskText

#: The commands of kinds whose texts are sent unchanged.
_PLAIN = {MESSAGE: "PRIVMSG", NOTICE: "NOTICE"}

#: The kinds as which messages from client to client (CTCP) are sent.
_CTCP = {QUESTION: MESSAGE, ANSWER: NOTICE}

#: The letters of the modes behind the signs of members.
_LETTERS = {OPERATOR_PREFIX: "o", VOICE_PREFIX: "v"}


class IRCFormatter:
    """
    Writes notifications for all clients with the same capabilities; stateless.

    @ivar capabilities: those of L{caps.FORMAT_CAPABILITIES} that the clients have.
    @ivar server: the name of the server.
    """

    def __init__(
        self,
        directory: Directory,
        server: str,
        clock: Callable[[], int],
        capabilities: frozenset[str] = frozenset(),
    ) -> None:
        """
        @param clock: the time: nanoseconds since 1970, UTC.
        """
        self.capabilities = capabilities
        self.directory = directory
        self.server = server
        self._clock = clock
        self._withTags = caps.MESSAGE_TAGS in capabilities
        self._withTime = caps.SERVER_TIME in capabilities
        self._withAccount = caps.ACCOUNT_TAG in capabilities
        self._isPlain = not (self._withTags or self._withTime or self._withAccount)
        self._withMultiline = MULTILINE in capabilities
        self._write: dict[type[Any], Callable[[Any], list[str]]] = {
            RoomMessages: self._messages,
            UserJoined: self._joined,
            UserLeft: self._left,
            UserQuit: self._quit,
            NickChanged: self._renamed,
            AwayChanged: self._away,
            AccountChanged: self._account,
            RealnameChanged: self._realname,
            UserInvited: self._invited,
            StandingChanged: self._standing,
            PassingMessage: self._passing,
        }

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """Lines in UTF-8."""
        if len(notifications) == 1 and isinstance(notifications[0], RoomMessages):
            # The hot path.
            messages = notifications[0]
            if talk := self._talk(messages, self._maskOf(messages)):
                return talk.encode("utf-8", "replace")
        return encodeLines(
            [line for notification in notifications for line in self.lines(notification)]
        )

    def lines(self, notification: Notification) -> list[str]:
        """Write lines with tags and without endings; none for notifications of one session."""
        write = self._write.get(type(notification))
        return [] if write is None else write(notification)

    def tags(
        self, account: str | None = None, time: int = 0, ident: str = "", more: str = ""
    ) -> str:
        """
        Write the tags of a line.

        @param time: nanoseconds since 1970, UTC; 0: now.
        @param ident: the id of a message.
        @param more: the tags from a client, as it has written them.
        """
        if self._isPlain:
            return ""
        tags = []
        if self._withTime:
            tags.append(f"time={timeText(time or self._clock())}")
        if self._withTags:
            if ident:
                tags.append(f"msgid={ident}")
            if more:
                tags.append(more)
        if self._withAccount and account is not None:
            tags.append(f"account={self.directory.accountName(account)}")
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
        """
        Write a message in as many lines as it needs: as a batch for clients with multiline,
        otherwise the first line has the id.
        """
        # A character takes up to four bytes: most lines need no counting.
        if 4 * (len(mask) + len(target) + len(text) + 32) > BODY_BYTES or more or "\n" in text:
            return self._spokenInPieces(mask, target, kind, text, account, time, ident, more)
        before = f":{mask} {SPOKEN.get(kind, 'PRIVMSG')} {target} :"
        begin, end = (ACTION, ACTION_END) if kind == ME else ("", "")
        return [f"{self.tags(account, time, ident)}{before}{begin}{text}{end}"]

    def _spokenInPieces(
        self,
        mask: str,
        target: str,
        kind: str,
        text: str,
        account: str | None,
        time: int,
        ident: str,
        more: str,
    ) -> list[str]:
        breaks, more = takeBreaks(more)
        before = f":{mask} {SPOKEN.get(kind, 'PRIVMSG')} {target} :"
        begin, end = (ACTION, ACTION_END) if kind == ME else ("", "")
        room = BODY_BYTES - len(f"{before}{begin}{end}".encode("utf-8", "replace"))
        parts = divide(text, breaks, max(room, 64))
        tags = self.tags(account, time, ident, more)
        if len(parts) > 1 and self._withMultiline:
            # Named by the id, which is the same for all readers, because they share these bytes.
            name = f"m{ident or time}"
            member = f"batch={name}{f';time={timeText(time)}' if self._withTime and time else ''}"
            # Joined, the lines are the text of one action.
            parts[0] = f"{begin}{parts[0][0]}", False
            parts[-1] = f"{parts[-1][0]}{end}", parts[-1][1]
            return [
                f"{tags}:{mask} BATCH +{name} {MULTILINE} {target}",
                *[
                    f"@{member}{f';{CONCAT}' if joined else ''} {before}{part}"
                    for part, joined in parts
                ],
                f":{self.server} BATCH -{name}",
            ]
        first, *others = [part for part, _ in parts if part] or [""]
        following = self.tags(account, time, more=more) if others else ""
        return [
            f"{tags}{before}{begin}{first}{end}",
            *[f"{following}{before}{begin}{other}{end}" for other in others],
        ]

    def _messages(self, messages: RoomMessages) -> list[str]:
        return self.roomLines(messages, self._maskOf(messages))

    def _maskOf(self, messages: RoomMessages) -> str:
        session = self.directory.state.sessions.get(messages.session)
        if session is not None:
            return maskText(messages.nick, session.username, messages.account)
        return self.directory.mask(messages.nick, messages.account)

    def roomLines(self, messages: RoomMessages, mask: str) -> list[str]:
        """Write lines of a room, by an author with this mask."""
        channel = ROOM_SIGN + messages.roomName
        account, kind, time = messages.account, messages.kind, messages.time
        lines: list[str] = []
        if kind in SPOKEN:
            if talk := self._talk(messages, mask):
                return talk.removesuffix(ENDING).split(ENDING)
            for offset, text in enumerate(messages.texts):
                ident = messages.ident(offset)
                lines += self.spoken(
                    mask, channel, kind, text, account, time + offset, ident, messages.tags
                )
            return lines
        for offset, text in enumerate(messages.texts):
            first, *others = actionLines(self, messages, channel, mask, text) or [""]
            if first:
                lines.append(self.tags(account, time + offset, messages.ident(offset)) + first)
                lines += [self.tags(account, time + offset) + other for other in others]
        return lines

    def _talk(self, messages: RoomMessages, mask: str) -> str:
        # Lines that fit unchanged, with their endings.  Empty: each has to be handled alone.
        texts = messages.texts
        command = _PLAIN.get(messages.kind)
        if command is None or messages.tags:
            return ""
        before = f":{mask} {command} {ROOM_SIGN}{messages.roomName} :"
        if not surelyFit(texts, BODY_BYTES - 4 * len(before)):
            return ""
        if len(texts) == 1:
            # Most messages have one line.
            text = texts[0]
            if "\n" in text:
                return ""
            if self._isPlain:
                return f"{before}{text}{ENDING}"
            own = self.tags(messages.account, messages.time, messages.ident(0))
            return f"{own}{before}{text}{ENDING}"
        if self._isPlain:
            lines = f"{ENDING}{before}".join(texts)
            # Only the line feeds of the endings.
            return f"{before}{lines}{ENDING}" if lines.count("\n") == len(texts) - 1 else ""
        if "\n" in "".join(texts):
            return ""
        time, last = messages.time, len(texts) - 1
        if last and self._withTime and timeText(time) != timeText(time + last):
            return ""
        # Only the ids differ between the lines.
        tags = self.tags(messages.account, time, "\0")
        begin, hasIdent, end = tags.partition("\0")
        if not hasIdent:
            before = begin + before
            return f"{before}{f'{ENDING}{before}'.join(texts)}{ENDING}"
        before = end + before
        return "".join(
            [f"{begin}{messages.ident(at)}{before}{text}{ENDING}" for at, text in enumerate(texts)]
        )

    def _joined(self, event: UserJoined) -> list[str]:
        directory = self.directory
        session = directory.find(event.nick)
        channel = ROOM_SIGN + event.roomName
        if session is None:
            mask = directory.mask(event.nick, event.account)
            return [self.join(mask, channel, event.account, event.nick)]
        mask = maskText(event.nick, session.username, event.account)
        lines = [self.join(mask, channel, event.account, directory.realname(session))]
        if event.rank != MEMBER or event.voice:
            # Rights that belong to the account are restored when its owner joins.
            room = directory.state.rooms.get(event.room)
            if room is not None and (sign := directory.prefix(room, session)):
                letter = _LETTERS[sign]
                lines.append(f"{self.tags()}:{self.server} MODE {channel} +{letter} {event.nick}")
        if caps.AWAY_NOTIFY in self.capabilities and (away := directory.state.awayText(session)):
            lines.append(f"{self.tags(event.account)}:{mask} AWAY :{away}")
        return lines

    def join(self, mask: str, channel: str, account: str | None, realname: str) -> str:
        """Write the line for a join."""
        more = ""
        if caps.EXTENDED_JOIN in self.capabilities:
            name = "*" if account is None else self.directory.accountName(account)
            more = f" {name} :{realname}"
        return f"{self.tags(account)}:{mask} JOIN {channel}{more}"

    def _left(self, event: UserLeft) -> list[str]:
        if event.announced:
            return []
        mask = self.directory.mask(event.nick, event.account)
        reason = f" :{event.reason}" if event.reason else ""
        return [f"{self.tags(event.account)}:{mask} PART {ROOM_SIGN}{event.roomName}{reason}"]

    def _quit(self, event: UserQuit) -> list[str]:
        # Not from the session, which no longer exists; clients ignore users by their masks.
        mask = maskText(event.nick, event.username, event.account)
        return [f"{self.tags(event.account)}:{mask} QUIT :{event.reason}"]

    def _renamed(self, event: NickChanged) -> list[str]:
        session = self.directory.find(event.to)
        account = None if session is None else session.account
        mask = self.directory.mask(event.nick, account, session)
        return [f"{self.tags(account)}:{mask} NICK :{event.to}"]

    def _away(self, event: AwayChanged) -> list[str]:
        if caps.AWAY_NOTIFY not in self.capabilities:
            return []
        mask = self.directory.mask(event.nick, event.account)
        text = f" :{event.text}" if event.text else ""
        return [f"{self.tags(event.account)}:{mask} AWAY{text}"]

    def _account(self, event: AccountChanged) -> list[str]:
        if caps.ACCOUNT_NOTIFY not in self.capabilities:
            return []
        # Clients with the capability derive the new host from the account.
        mask = self.directory.mask(event.nick, event.account)
        name = "*" if event.account is None else self.directory.accountName(event.account)
        return [f"{self.tags(event.account)}:{mask} ACCOUNT {name}"]

    def _realname(self, event: RealnameChanged) -> list[str]:
        if caps.SETNAME not in self.capabilities:
            return []
        mask = self.directory.mask(event.nick, event.account)
        return [f"{self.tags(event.account)}:{mask} SETNAME :{event.realname}"]

    def _invited(self, event: UserInvited) -> list[str]:
        if caps.INVITE_NOTIFY not in self.capabilities:
            return []
        mask = self.directory.mask(event.nick, event.account)
        channel = ROOM_SIGN + event.roomName
        return [f"{self.tags(event.account)}:{mask} INVITE {event.to} {channel}"]

    def _standing(self, event: StandingChanged) -> list[str]:
        if not event.modes:
            return []
        names = f" {event.nick}" * (len(event.modes) // 2)
        channel = f"{ROOM_SIGN}{event.roomName}"
        return [f"{self.tags()}:{self.server} MODE {channel} {event.modes}{names}"]

    def redacted(self, event: PrivateDeleted, target: str) -> list[str]:
        """Write that a private message was deleted."""
        if caps.MESSAGE_REDACTION not in self.capabilities:
            return []
        session = self.directory.state.sessions.get(event.session)
        mask = self.directory.mask(event.nick, event.account, session)
        return [f"{self.tags(event.account)}{redaction(mask, target, event.ident, event.reason)}"]

    def _passing(self, event: PassingMessage) -> list[str]:
        return self.passing(event, event.to or f"{ROOM_SIGN}{event.roomName}")

    def passing(self, event: PassingMessage, target: str) -> list[str]:
        """Write a message that is not stored, to a room or a user."""
        if not event.kind and not self._withTags:
            return []
        session = self.directory.state.sessions.get(event.session)
        mask = self.directory.mask(event.nick, event.account, session)
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
        if caps.BATCH not in capabilities:
            # Multiline messages are batches.
            chosen -= {MULTILINE}
        if chosen not in self._made:
            self._made[chosen] = self._make(chosen)
        return self._made[chosen]
