"""
Notifications as sentences for people: one table, L{SENTENCES}, for the line frontend and for the
terminal client.  Pure.

A sentence is one or more lines; the beginning of each shows its kind (see
L{tsservices.frontends.formats.text}).  The lines of rooms are not in the table: the line
frontend writes many at once, and the client paints each.  An action in a room is stored as a
line of the room, but also written as a sentence: L{actionText}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    CommandList,
    ErrorReply,
    HistoryRestored,
    Inbox,
    Invited,
    JoinedRoom,
    LeftRoom,
    LoggedIn,
    MarkedRead,
    Member,
    MemberList,
    MessageStored,
    NewToken,
    NickChanged,
    Notice,
    OperatorMessage,
    PassingMessage,
    Posted,
    PresenceChanged,
    PrivateDeleted,
    PrivateMessage,
    RealnameChanged,
    RestrictionList,
    Resumed,
    ResumeToken,
    RoomList,
    RoomMessages,
    RoomModes,
    SeenReply,
    StandingChanged,
    TimeMarked,
    TokenList,
    Topic,
    UnreadLines,
    UserInvited,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
    WhoisReply,
)
from tsservices.chat.operations import (
    BAN,
    DELETE,
    DELETED,
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
    TOPIC,
    UNBAN,
    UNMUTE,
)
from tsservices.chat.permissions import FOUNDER, MEMBER, SERVER
from tsservices.chat.permissions import OPERATOR as OPERATOR_RANK
from tsservices.chat.records import (
    INVITE_ONLY,
    JOIN_KEY,
    MEMBER_LIMIT,
    MEMBERS_TALK,
    MODERATED,
    OPERATORS_TOPIC,
    SECRET,
    Restriction,
    StoredPrivateMessage,
)
from tsservices.common.durations import splitDuration
from tsservices.common.text import plural
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime

#: The beginning of a replayed line.
REPLAYED = "| "

#: The line after replayed lines.
NOW = "--- now ---\n"

#: The signs before and after the author's name, by kind of line.
NAME_SIGNS = {MESSAGE: ("<", "> "), ME: ("* ", " "), NOTICE: ("-", "- ")}

#: The signs before and after the names of sender and receiver: no name begins with one, so nobody
#: can write such a line into a room.
PRIVATE_SIGNS = {MESSAGE: ("<", "> "), ME: ("* <", "> "), NOTICE: ("-", "- ")}

#: Names on one line of a list of people.
NAMES_PER_LINE = 10

#: Width of the column of commands in their list.
SYNOPSIS_WIDTH = 26

#: The line below the list of commands.
TALK = "anything else is said in the room you are in; // begins a line with /"

#: The ranks above a plain member, in words.
_RANKS = {
    OPERATOR_RANK: "an operator of",
    FOUNDER: "the founder of",
    SERVER: "an operator of this server in",
}

#: The meanings of the modes of a room.
MODE_MEANINGS = {
    INVITE_ONLY: "by invitation only",
    JOIN_KEY: "whoever joins has to name the key",
    MEMBER_LIMIT: "only so many people may be in it",
    MODERATED: "only operators, and members with voice, speak",
    MEMBERS_TALK: "only members speak",
    SECRET: "not in lists of rooms",
    OPERATORS_TOPIC: "only operators set the topic",
}

_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}


def expiredText(first: int, last: int) -> str:
    """Write the sentence for lines of a room that were deleted for their age."""
    if first == last:
        return f"line {first} is no longer kept"
    return f"lines {first} to {last} are no longer kept"


def durationText(duration: str) -> str:
    """Write a duration of a stored line (C{2h}, C{forever}) in words."""
    amount = splitDuration(duration)
    if amount is None:
        return "for ever"
    count, unit = amount
    return f"for {plural(count, _UNITS[unit])}"


def replayHead(roomName: str, count: int, missing: tuple[int, int] | None) -> str:
    """
    Write the head above replayed lines.

    @param missing: the first and the last number of requested lines that are no longer stored;
        L{None}: there are none.
    """
    lines = plural(count, "line") if count else "nothing"
    head = f"--- {ROOM_SIGN}{roomName}: {lines} from before ---\n"
    return head if missing is None else f"{head}--- {expiredText(*missing)} ---\n"


def searchHead(count: int, more: bool) -> str:
    """
    Write the head above search results.

    @param more: whether there are older ones.
    """
    if not count:
        return "* nothing was found\n"
    older = "; /search shows older ones" if more else ""
    return f"--- {plural(count, 'line')} found{older} ---\n"


def actionText(message: RoomMessages, withRoom: bool) -> list[str]:
    """Describe the action of each line, for all kinds but messages of people."""
    write = _ACTIONS.get(message.kind, _unknownAction)
    return [write(message, text, withRoom) for text in message.texts]


def _peopleText(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _inParentheses(text: str) -> str:
    return f" ({text})" if text else ""


def _afterColon(text: str) -> str:
    return f": {text}" if text else ""


_Action = Callable[[RoomMessages, str, bool], str]


def _inRoom(message: RoomMessages, preposition: str, withRoom: bool) -> str:
    return f" {preposition} {ROOM_SIGN}{message.roomName}" if withRoom else ""


def _toPerson(before: str, after: str, preposition: str) -> _Action:

    def write(message: RoomMessages, text: str, withRoom: bool) -> str:
        name, _, why = text.partition(" ")
        room = _inRoom(message, preposition, withRoom)
        return f"{message.nick} {before} {name}{after}{room}{_afterColon(why)}"

    return write


def _forDuration(verb: str, preposition: str) -> _Action:

    def write(message: RoomMessages, text: str, withRoom: bool) -> str:
        name, _, end = text.partition(" ")
        duration, _, why = end.partition(" ")
        room = _inRoom(message, preposition, withRoom)
        return f"{message.nick} {verb} {name}{room} {durationText(duration)}{_afterColon(why)}"

    return write


def _roomBecame(state: str) -> _Action:
    return lambda message, text, withRoom: (
        f"{ROOM_SIGN}{message.roomName} is {state} now ({message.nick})"
    )


def _topicChanged(message: RoomMessages, text: str, withRoom: bool) -> str:
    verb = "changed" if text else "removed"
    new = f" to: {text}" if text else ""
    return f"{message.nick} {verb} the topic of {ROOM_SIGN}{message.roomName}{new}"


def _lineDeleted(message: RoomMessages, text: str, withRoom: bool) -> str:
    return f"{message.nick} deleted line {text}{_inRoom(message, 'of', withRoom)}"


def _modesChanged(message: RoomMessages, text: str, withRoom: bool) -> str:
    return f"{message.nick} changed modes{_inRoom(message, 'of', withRoom)}: {text}"


def _unknownAction(message: RoomMessages, text: str, withRoom: bool) -> str:
    # A database or a node of a later version may hold kinds that this one does not know.
    room = _inRoom(message, "in", withRoom)
    return f"{message.nick} did {message.kind}{room}{_afterColon(text)}"


_ACTIONS: dict[str, _Action] = {
    TOPIC: _topicChanged,
    KICK: _toPerson("kicked", "", "from"),
    BAN: _forDuration("banned", "from"),
    UNBAN: _toPerson("unbanned", "", "from"),
    MUTE: _forDuration("muted", "in"),
    UNMUTE: _toPerson("unmuted", "", "in"),
    OPERATOR: _toPerson("made", " an operator", "of"),
    NO_OPERATOR: _toPerson("made", " a plain member", "of"),
    PRIVATE: _roomBecame("by invitation only"),
    PUBLIC: _roomBecame("open to everybody"),
    MODE: _modesChanged,
    DELETE: _lineDeleted,
}


def _joined(time: LocalTime, joined: UserJoined) -> str:
    guest = " (guest)" if joined.account is None else ""
    return f"* {joined.nick}{guest} joined {ROOM_SIGN}{joined.roomName}\n"


def _userLeft(time: LocalTime, left: UserLeft) -> str:
    if left.announced:
        return ""
    return f"* {left.nick} left {ROOM_SIGN}{left.roomName}{_inParentheses(left.reason)}\n"


def _quit(time: LocalTime, quit: UserQuit) -> str:
    return f"* {quit.nick} is gone{_inParentheses(quit.reason)}\n"


def _renamed(time: LocalTime, renamed: NickChanged) -> str:
    return f"* {renamed.nick} is now called {renamed.to}\n"


def _away(time: LocalTime, away: AwayChanged | AwayReply) -> str:
    return f"* {away.nick} is {f'away: {away.text}' if away.text else 'back'}\n"


def _accountChanged(time: LocalTime, changed: AccountChanged) -> str:
    return f"* {changed.nick} is {'a guest again' if changed.account is None else 'logged in'}\n"


def _private(
    time: LocalTime, message: PrivateMessage | StoredPrivateMessage, mark: str = ""
) -> str:
    clock = time.moment(message.time // NANOSECONDS).clock
    before, after = PRIVATE_SIGNS.get(message.kind, PRIVATE_SIGNS[MESSAGE])
    text = "(deleted)" if message.kind == DELETED else message.text
    return eachLine(f"{mark}[{clock}] {before}{message.nick} -> {message.to}{after}", text)


def _privateDeleted(time: LocalTime, deleted: PrivateDeleted) -> str:
    return f"* {deleted.nick} deleted a private message to {deleted.to}\n"


def _standingChanged(time: LocalTime, changed: StandingChanged) -> str:
    room = f"{ROOM_SIGN}{changed.roomName}"
    what = _RANKS.get(changed.rank, "a plain member of")
    voice = ", with voice" if changed.voice else ""
    return f"* {changed.nick} is now {what} {room}{voice}\n"


def eachLine(start: str, text: str) -> str:
    """
    Write a message, which may have several lines: each begins with the author, because it could
    otherwise look like another user's.
    """
    return f"{start}{text.replace(chr(10), chr(10) + start)}\n"


def _forPrograms(
    time: LocalTime, event: RealnameChanged | PresenceChanged | TimeMarked | UserInvited | Posted
) -> str:
    # Only clients of IRC or HTTP can request these.
    return ""


def _passing(time: LocalTime, message: PassingMessage) -> str:
    # Without a rank, it is a message between IRC clients.
    signs = PRIVATE_SIGNS.get(message.kind)
    if signs is None or not message.rank:
        return ""
    clock = time.moment(message.time // NANOSECONDS).clock
    to = f"operators of {ROOM_SIGN}{message.roomName}"
    return eachLine(f"[{clock}] {signs[0]}{message.nick} -> {to}{signs[1]}", message.text)


def _operatorMessage(time: LocalTime, message: OperatorMessage) -> str:
    return f"* {message.nick} tells the operators of the server: {message.text}\n"


def _welcome(time: LocalTime, welcome: Welcome) -> str:
    return f"* you are {welcome.nick}\n"


def _loggedIn(time: LocalTime, loggedIn: LoggedIn) -> str:
    unread = loggedIn.unread
    inbox = f"; {plural(unread, 'private message')} for you: /inbox" if unread else ""
    token = f" by the token {loggedIn.token} ({loggedIn.scope})" if loggedIn.token else ""
    return f"* you are {loggedIn.nick}, logged in{token}{inbox}\n"


def _newToken(time: LocalTime, new: NewToken) -> str:
    head = f"* the token {new.name} ({new.scope}), which is not shown again:\n"
    return f"{head}*   {new.token}\n"


def _tokens(time: LocalTime, listed: TokenList) -> str:
    lines = [f"* you have {plural(len(listed.tokens), 'token')}\n"]
    for token, connections in listed.tokens:
        begin = time.minute(token.created // NANOSECONDS)
        used = "not used yet"
        if token.used:
            hour = time.minute(token.used // NANOSECONDS)
            used = f"last used in the hour from {hour}, by {token.cloak}"
        if connections:
            used = f"{used}; {plural(connections, 'connection')} now"
        lines.append(f"*   {token.name} ({token.scope}), made {begin}, {used}\n")
    return "".join(lines)


def _resumed(time: LocalTime, resumed: Resumed) -> str:
    lines = [f"* you are {resumed.nick}, as before\n"]
    for name, last in resumed.rooms:
        lines.append(f"* you are in {ROOM_SIGN}{name}, where the last line is {last}\n")
    return "".join(lines)


def _token(time: LocalTime, token: ResumeToken) -> str:
    # A secret, and of use to programs only.
    return ""


def _invited(time: LocalTime, invited: Invited) -> str:
    room = f"{ROOM_SIGN}{invited.roomName}"
    return f"* {invited.by} has invited you to {room}: /join {room}\n"


def _joinedRoom(time: LocalTime, joined: JoinedRoom) -> str:
    room = f"{ROOM_SIGN}{joined.roomName}"
    company = ", alone"
    # For a large room only some members are named.
    otherCount = joined.memberCount - 1
    if otherCount > 0:
        names = [nick for nick in joined.nicks if nick != joined.nick]
        unnamed = otherCount - len(names)
        if unnamed > 0:
            names.append(f"... and {unnamed} more: /who lists all")
        company = f" with {plural(otherCount, 'other')}: {', '.join(names)}"
    lines = [f"* you are in {room}{company}\n"]
    if joined.private:
        lines.append(f"* {room} is by invitation only\n")
    if joined.rank in _RANKS:
        lines.append(f"* you are {_RANKS[joined.rank]} {room}\n")
    if joined.topic.text:
        lines.append(_topic(time, joined.topic))
    return "".join(lines)


def _historyRestored(time: LocalTime, restored: HistoryRestored) -> str:
    room, seq, common = f"{ROOM_SIGN}{restored.roomName}", restored.seq, restored.common
    begin = "* the history of this server was restored:"
    if not restored.sure:
        return (
            f"{begin} if you have seen line {seq} of {room} before that,"
            f" /since {room} {common} shows what is there now\n"
        )
    if common is not None:
        following = "; all since follows" if restored.first <= restored.last else ""
        if not common:
            return f"{begin} nothing of {room} is as you know it{following}\n"
        return f"{begin} only up to line {common} of {room} it is as you know it{following}\n"
    if seq > restored.last:
        return (
            f"* {room} has no line {seq}, its last is {restored.last}; if you have seen more, the"
            " history of this server was restored: its last lines follow\n"
        )
    return f"{begin} {room} has not the lines that you know; its last ones follow\n"


def restoredAfter(roomName: str, last: int) -> str:
    """
    Write the sentence after the last line of a history that was restored.

    @param last: the number of that line.
    """
    return (
        "the history of this server was restored: if more was said before that in"
        f" {ROOM_SIGN}{roomName} after line {last}, it is not here"
    )


def _unread(time: LocalTime, unread: UnreadLines) -> str:
    lines = plural(unread.count, "line")
    lines = f"more than {lines}" if unread.more else lines
    command = f"/since {ROOM_SIGN}{unread.roomName} {unread.read}"
    return f"* {lines} you have not read: {command} shows all\n"


def _leftRoom(time: LocalTime, left: LeftRoom) -> str:
    return f"* you left {ROOM_SIGN}{left.roomName}\n"


def _markedRead(time: LocalTime, marked: MarkedRead) -> str:
    return f"* you have read {ROOM_SIGN}{marked.roomName} up to line {marked.seq}\n"


def _stored(time: LocalTime, stored: MessageStored) -> str:
    numbers = range(stored.first, stored.last + 1)
    return "".join(f"* stored {stored.roomName} {number}\n" for number in numbers)


def _topic(time: LocalTime, topic: Topic) -> str:
    room = f"{ROOM_SIGN}{topic.roomName}"
    if not topic.text:
        return f"* {room} has no topic\n"
    when = time.minute(topic.time // NANOSECONDS)
    return f"* topic of {room}: {topic.text} (set by {topic.by}, {when})\n"


def _modes(time: LocalTime, modes: RoomModes) -> str:
    room = f"{ROOM_SIGN}{modes.roomName}"
    if not modes.letters:
        return f"* {room} has no modes\n"
    values = {JOIN_KEY: modes.joinKey, MEMBER_LIMIT: str(modes.memberLimit)}
    lines = [f"* modes of {room}: +{modes.letters}\n"]
    for letter in modes.letters:
        # A later version may have more modes.
        meaning = MODE_MEANINGS.get(letter, "not known here")
        lines.append(f"*   {letter}: {meaning}{_inParentheses(values.get(letter, ''))}\n")
    return "".join(lines)


def _rooms(time: LocalTime, listed: RoomList) -> str:
    lines = [f"* {plural(len(listed.rooms), 'room')}\n"]
    for name, present, topic in listed.rooms:
        lines.append(f"*   {ROOM_SIGN}{name}, {_peopleText(present)}{_afterColon(topic)}\n")
    return "".join(lines)


def _members(time: LocalTime, listed: MemberList) -> str:
    where = f"in {ROOM_SIGN}{listed.roomName}" if listed.roomName else "here"
    names = [_member(member) for member in listed.members]
    lines = [f"* {_peopleText(len(names))} {where}\n"]
    for begin in range(0, len(names), NAMES_PER_LINE):
        lines.append(f"*   {', '.join(names[begin : begin + NAMES_PER_LINE])}\n")
    return "".join(lines)


def _member(member: Member) -> str:
    notes = []
    if member.guest:
        notes.append("guest")
    if member.rank not in ("", MEMBER):
        notes.append(member.rank)
    if member.voice:
        notes.append("voice")
    if member.away:
        notes.append(f"away: {member.away}")
    return f"{member.nick}{_inParentheses(', '.join(notes))}"


def _whois(time: LocalTime, person: WhoisReply) -> str:
    status = "a guest" if person.guest else "registered"
    rooms = ", ".join(f"{ROOM_SIGN}{name}" for name in person.rooms)
    where = f"in {rooms} with you" if rooms else "in no room with you"
    address = f"; address: {person.cloak}" if person.cloak else ""
    away = f"; away: {person.away}" if person.away else ""
    return f"* {person.nick} is {status}, {where}{address}{away}\n"


def _seen(time: LocalTime, seen: SeenReply) -> str:
    if seen.online:
        return f"* {seen.nick} is here\n"
    if not seen.time:
        return f"* it is not known when {seen.nick} was here\n"
    return f"* {seen.nick} was last here {time.minute(seen.time // NANOSECONDS)}\n"


def _restrictions(time: LocalTime, listed: RestrictionList) -> str:
    room = f"{ROOM_SIGN}{listed.roomName}"
    if not listed.restrictions:
        return f"* nobody is banned from {room}, or mute there\n"
    bans = sum(restriction.kind == BAN for restriction in listed.restrictions)
    mutes = len(listed.restrictions) - bans
    counts = [plural(count, noun) for count, noun in ((bans, "ban"), (mutes, "mute")) if count]
    lines = [f"* {' and '.join(counts)} in {room}\n"]
    lines += [f"*   {_restriction(time, restriction)}\n" for restriction in listed.restrictions]
    return "".join(lines)


def _restriction(time: LocalTime, restriction: Restriction) -> str:
    name, mask, until = restriction.name, restriction.mask, restriction.until
    # The mask is the key of an account, or the cloak of an address: only a cloak is shown.
    target = name if mask in (name, fold(name)) else f"{name} ({mask})"
    end = f"until {time.minute(until // NANOSECONDS)}" if until else "for ever"
    begin = time.minute(restriction.time // NANOSECONDS)
    by = f"(by {restriction.by}, {begin})"
    return f"{restriction.kind} of {target} {end} {by}{_afterColon(restriction.reason)}"


def _inbox(time: LocalTime, inbox: Inbox) -> str:
    other = f" with {inbox.other}" if inbox.other else ""
    if not inbox.messages:
        return f"* there are no private messages{other}\n"
    older = "; /inbox + shows older ones" if inbox.more else ""
    lines = [f"--- {plural(len(inbox.messages), 'private message')}{other}{older} ---\n"]
    date = ""
    for message in inbox.messages:
        moment = time.moment(message.time // NANOSECONDS)
        if moment.date != date:
            date = moment.date
            lines.append(f"{REPLAYED}* {date}\n")
        lines.append(_private(time, message, REPLAYED))
    return "".join([*lines, NOW])


def _commands(time: LocalTime, listed: CommandList) -> str:
    lines = []
    for name, usage, meaning, _ in listed.commands:
        synopsis = f"/{name} {usage}".rstrip()
        lines.append(f"* {synopsis:<{SYNOPSIS_WIDTH}} {meaning}\n")
    return "".join([*lines, f"* {TALK}\n"])


def _notice(time: LocalTime, notice: Notice) -> str:
    return "".join(f"* {line}\n" for line in notice.lines)


def _error(time: LocalTime, error: ErrorReply) -> str:
    return f"! {time.withLocalEnd(str(error.error))}\n"


#: The writer of each notification, for all frontends that people read.  For L{JoinedRoom} it
#: writes only the sentences before the replayed lines.
SENTENCES: dict[type[Any], Callable[[LocalTime, Any], str]] = {
    UserJoined: _joined,
    UserLeft: _userLeft,
    UserQuit: _quit,
    NickChanged: _renamed,
    AwayChanged: _away,
    AwayReply: _away,
    AccountChanged: _accountChanged,
    PrivateMessage: _private,
    PrivateDeleted: _privateDeleted,
    StandingChanged: _standingChanged,
    PassingMessage: _passing,
    RealnameChanged: _forPrograms,
    UserInvited: _forPrograms,
    PresenceChanged: _forPrograms,
    TimeMarked: _forPrograms,
    Posted: _forPrograms,
    OperatorMessage: _operatorMessage,
    Welcome: _welcome,
    LoggedIn: _loggedIn,
    NewToken: _newToken,
    TokenList: _tokens,
    Resumed: _resumed,
    ResumeToken: _token,
    Invited: _invited,
    JoinedRoom: _joinedRoom,
    HistoryRestored: _historyRestored,
    LeftRoom: _leftRoom,
    UnreadLines: _unread,
    MarkedRead: _markedRead,
    MessageStored: _stored,
    Topic: _topic,
    RoomModes: _modes,
    RoomList: _rooms,
    MemberList: _members,
    WhoisReply: _whois,
    SeenReply: _seen,
    RestrictionList: _restrictions,
    Inbox: _inbox,
    CommandList: _commands,
    Notice: _notice,
    ErrorReply: _error,
}
