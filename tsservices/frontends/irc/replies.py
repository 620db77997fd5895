"""Notifications for one session alone, written for IRC: one table.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import (
    AwayChanged,
    AwayReply,
    ErrorReply,
    HistoryReplay,
    Invited,
    JoinedRoom,
    LeftRoom,
    LoggedIn,
    Notice,
    Notification,
    OperatorMessage,
    PassingMessage,
    PresenceChanged,
    PrivateDeleted,
    PrivateMessage,
    RoomMessages,
    TimeMarked,
    Topic,
)
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc import errors, numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.formats.lines import ENDING, SPOKEN, timeText
from tsservices.frontends.irc.history.markers import markLine, markOf, shownName
from tsservices.frontends.irc.message import BODY_BYTES
from tsservices.frontends.irc.multiline import takeBreaks
from tsservices.frontends.irc.names import namesText, needsPages, whenJoined
from tsservices.frontends.irc.numerics import Numeric

#: Notices that repeat the answer to a command of IRC.
_TOLD_OTHERWISE = frozenset({"same", "invited", "registered", "loggedOut", "password"})


def tell(client: IRCClient, notification: Notification) -> None:
    """Write a notification to its session."""
    if isinstance(notification, AwayReply | ErrorReply | Notice) and notification.toNotice:
        # A notice is never answered (RFC 1459): two programs that did would continue for ever.
        return
    write = _REPLIES.get(type(notification))
    if write is not None:
        write(client, notification)
    else:
        client.deliver(client.formatter.lines(notification))


def _private(client: IRCClient, message: PrivateMessage) -> None:
    client.remember(message)
    session, formatter = client.session, client.formatter
    mask = client.directory.mask(message.nick, message.account)

    def lines(to: str) -> list[str]:
        return formatter.spoken(
            mask,
            to,
            message.kind,
            message.text,
            message.account,
            message.time,
            message.deliveryIdent,
            message.tags,
        )

    isAuthor = message.origin == session.origin
    if isAuthor or _isOwnAccount(client, message.account):
        _toAuthor(client, isAuthor, message.to, lines)
    else:
        client.deliverApart(lines(session.nick))


def _isOwnAccount(client: IRCClient, account: str | None) -> bool:
    return account is not None and account == client.session.account


def _toAuthor(
    client: IRCClient, isAuthor: bool, to: str, lines: Callable[[str], list[str]]
) -> None:
    # Another connection of the author gets a message to somebody else only with echo-message: the
    # target then shows that it was sent, not received.  A message to the author arrives there once.
    session, target = client.session, client.directory.find(to)
    toItself = target is not None and (target is session or _isOwnAccount(client, target.account))
    if isAuthor and client.has(caps.ECHO_MESSAGE):
        client.deliver(lines(to))
    if toItself:
        client.deliverApart(lines(session.nick))
    elif not isAuthor and client.has(caps.ECHO_MESSAGE):
        client.deliverApart(lines(to))


def _passing(client: IRCClient, message: PassingMessage) -> None:
    session, formatter = client.session, client.formatter
    isAuthor = message.session == session.ident
    if message.room:
        client.deliver(formatter.lines(message))
    elif isAuthor or _isOwnAccount(client, message.account):
        _toAuthor(client, isAuthor, message.to, lambda to: formatter.passing(message, to))
    else:
        client.deliverApart(formatter.passing(message, session.nick))


def _privateDeleted(client: IRCClient, deleted: PrivateDeleted) -> None:
    client.forget(deleted.ident)
    session = client.session
    if deleted.session == session.ident:
        client.deliver(client.formatter.redacted(deleted, deleted.to))
    else:
        isOwn = deleted.account is not None and deleted.account == session.account
        target = deleted.to if isOwn else session.nick
        client.deliverApart(client.formatter.redacted(deleted, target))


def _joined(client: IRCClient, joined: JoinedRoom) -> None:
    directory, session, formatter = client.directory, client.session, client.formatter
    channel = ROOM_SIGN + joined.roomName
    lines = [formatter.join(client.mask, channel, session.account, directory.realname(session))]
    if joined.topic.text:
        lines += topicLines(client, joined.topic)
    if client.has(caps.READ_MARKER):
        lines.append(markLine(client, channel, markOf(client, channel)))
    people = whenJoined(client, joined)
    if client.namesPaged and needsPages(people):
        # JOIN sends the names, one page at a time.
        client.namesDue = people
        client.deliver(lines)
    else:
        end = f"{endOfNames(client, channel)}{ENDING}".encode("utf-8", "replace")
        client.deliver(lines, namesText(client, people) + end)
    replay = joined.replay
    if replay is not None and replay.messages and not client.has(caps.CHATHISTORY):
        client.deliver(replayLines(client, replay))


def replayLines(client: IRCClient, replay: HistoryReplay) -> list[str]:
    """Write replayed messages: as a batch, or with the times in the texts."""
    formatter, directory = client.formatter, client.directory
    lines: list[str] = []
    today = timeText(client.context.chat.context.wallClock())[:10]
    for messages in replay.messages:
        if messages.kind in SPOKEN:
            if not client.has(caps.SERVER_TIME):
                messages = _timed(messages, today)
            lines += formatter.roomLines(messages, directory.mask(messages.nick, messages.account))
    if lines and client.has(caps.BATCH):
        return client.batch("chathistory", lines, ROOM_SIGN + replay.roomName)
    return lines


def _timed(messages: RoomMessages, today: str) -> RoomMessages:
    # In UTC, because the zone of the reader is not known.
    texts: list[str] = []
    for offset, text in enumerate(messages.texts):
        date, _, clock = timeText(messages.time + offset).partition("T")
        day = "" if date == today else f"{date} "
        texts.append(f"[{day}{clock[:8]}Z] {text}")
    return replace(messages, texts=tuple(texts), tags=takeBreaks(messages.tags)[1])


def topicLines(client: IRCClient, topic: Topic) -> list[str]:
    """Write the topic of a channel, and its author."""
    head, channel = f":{client.server.name}", ROOM_SIGN + topic.roomName
    return [
        f"{head} {numerics.RPL_TOPIC.code} {client.nick} {channel} :{topic.text}",
        f"{head} {numerics.RPL_TOPICWHOTIME.code} {client.nick} {channel} {topic.by or '*'}"
        f" {topic.time // NANOSECONDS}",
    ]


def endOfNames(client: IRCClient, channel: str) -> str:
    """Write the line after the names of a channel."""
    return client.numericLine(numerics.RPL_ENDOFNAMES, channel)


def _left(client: IRCClient, left: LeftRoom) -> None:
    if left.announced:
        return
    reason, client.partReason = client.partReason, ""
    text = f" :{reason}" if reason else ""
    tags = client.formatter.tags(client.session.account)
    client.deliver([f"{tags}:{client.mask} PART {ROOM_SIGN}{left.roomName}{text}"])


def _loggedIn(client: IRCClient, loggedIn: LoggedIn) -> None:
    account = client.directory.accountName(loggedIn.account)
    client.deliver(
        [
            f":{client.server.name} {numerics.RPL_LOGGEDIN.code} {client.nick} {client.mask}"
            f" {account} :You are now logged in as {account}"
        ]
    )
    if loggedIn.unread:
        client.notice(f"{loggedIn.unread} private messages came while you were away")


def _timeMarked(client: IRCClient, marked: TimeMarked) -> None:
    # The client that has set the marker always gets an answer.
    isAnswer = client.command is not None and client.command.command == "MARKREAD"
    if isAnswer or client.has(caps.READ_MARKER):
        client.deliver([markLine(client, shownName(client, marked.target), marked.time)])


def _invited(client: IRCClient, invited: Invited) -> None:
    mask = client.directory.mask(invited.by, invited.account)
    tags = client.formatter.tags(invited.account)
    client.deliverApart([f"{tags}:{mask} INVITE {client.nick} {ROOM_SIGN}{invited.roomName}"])


def _away(client: IRCClient, away: AwayReply) -> None:
    head = f":{client.server.name} {numerics.RPL_AWAY.code} {client.nick}"
    client.deliver([f"{head} {away.nick} :{away.text}"])


def _notice(client: IRCClient, notice: Notice) -> None:
    if notice.code not in _TOLD_OTHERWISE:
        head = f":{client.server.name} NOTICE {client.nick}"
        client.deliver([f"{head} :{line}" for line in notice.lines])


def _operatorMessage(client: IRCClient, message: OperatorMessage) -> None:
    mask = client.directory.mask(message.nick, message.account)
    client.deliver([f"{client.formatter.tags(message.account)}:{mask} WALLOPS :{message.text}"])


def _presence(client: IRCClient, presence: PresenceChanged) -> None:
    if presence.key not in client.monitored:
        return
    if presence.online:
        client.deliverApart(presenceLines(client, [presence.nick]))
    else:
        client.deliverApart(listLines(client, numerics.RPL_MONOFFLINE, [presence.nick]))


def presenceLines(client: IRCClient, names: Iterable[str]) -> list[str]:
    """Write which of the names are online, and which are not."""
    online: list[str] = []
    offline: list[str] = []
    for name in names:
        person = client.directory.find(name)
        if person is None:
            offline.append(name)
        else:
            online.append(client.directory.sessionMask(person))
    return [
        line
        for numeric, found in (
            (numerics.RPL_MONONLINE, online),
            (numerics.RPL_MONOFFLINE, offline),
        )
        for line in listLines(client, numeric, found)
    ]


def listLines(
    client: IRCClient, numeric: Numeric, words: Iterable[str], *params: str, between: str = ","
) -> list[str]:
    """
    Write a list in as few numerics as possible: a word that is cut would be another name.

    @param params: the parameters before the list.
    """
    head = client.numericLine(numeric, *params, text="")
    lines: list[str] = []
    for word in words:
        if lines and len(f"{lines[-1]}{between}{word}".encode("utf-8", "replace")) <= BODY_BYTES:
            lines[-1] += between + word
        else:
            lines.append(head + word)
    return lines


def _ownAway(client: IRCClient, changed: AwayChanged) -> None:
    """Write nothing: AWAY has its own numeric, and away-notify is about others."""


def _error(client: IRCClient, reply: ErrorReply) -> None:
    errors.tell(client, reply.error)


def _history(client: IRCClient, replay: HistoryReplay) -> None:
    client.send(*replayLines(client, replay))


def _messages(client: IRCClient, messages: RoomMessages) -> None:
    client.deliver(client.formatter.lines(messages))


_REPLIES: dict[type[Any], Callable[[IRCClient, Any], None]] = {
    PrivateMessage: _private,
    PrivateDeleted: _privateDeleted,
    PassingMessage: _passing,
    JoinedRoom: _joined,
    LeftRoom: _left,
    LoggedIn: _loggedIn,
    TimeMarked: _timeMarked,
    Invited: _invited,
    AwayChanged: _ownAway,
    AwayReply: _away,
    Notice: _notice,
    OperatorMessage: _operatorMessage,
    PresenceChanged: _presence,
    ErrorReply: _error,
    HistoryReplay: _history,
    RoomMessages: _messages,
}
