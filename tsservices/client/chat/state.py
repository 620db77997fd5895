"""
The client's state of the chat: the user, the rooms with their members and last lines, and the
commands of the server.  Pure; nothing here is shown or sent.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tsservices.chat.names import fold
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    CommandList,
    Inbox,
    JoinedRoom,
    LeftRoom,
    LoggedIn,
    MemberList,
    NickChanged,
    Notice,
    PrivateMessage,
    Resumed,
    RoomList,
    RoomMessages,
    RoomModes,
    StandingChanged,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
)
from tsservices.chat.operations import DELETE, TALK, withoutWords
from tsservices.client.chat.events import Content, roomKey
from tsservices.client.chat.ranks import RoomRanks

#: The number of lines per room whose authors are remembered, for when one is deleted.
AUTHORS_REMEMBERED = 1000

#: The limit of the count of unread lines in a room, the same as the server's.
UNREAD_COUNTED = 1000


class ClientRoom:
    """
    A room that the user is in, or was in before the connection was lost.

    A line is new if its number is higher than that of the last line shown.  While missed lines are
    being fetched (L{catchingUp}), later lines are held back, so that lines are shown in order,
    without gaps and repetitions.

    @ivar name: as the server writes it.
    @ivar last: the number of the last line shown.
    @ivar epoch: the history to which this number belongs; empty: not known.
    @ivar time: the time of that line in nanoseconds since 1970, UTC; 0: not known.
    @ivar members: the names of the members, by folded name; the one who spoke last is last.
    @ivar ranks: the known ranks of the members.
    @ivar read: the number of the last line that was read; L{None}: the server does not know.
    @ivar unread: the numbers of the lines of others since the user turned to another room, without
        deleted ones; at most L{UNREAD_COUNTED}.
    @ivar present: whether the user is in the room, as far as is known.
    @ivar modes: the known modes, with the key that is needed to join again.
    @ivar catchingUp: whether lines may arrive twice and out of order.
    @ivar authors: for the last lines shown, by number: the author, the time, and whether the line
        has words that can be deleted.
    """

    def __init__(self, name: str, last: int, epoch: str = "") -> None:
        self.name = name
        self.last = last
        self.epoch = epoch
        self.time = 0
        self.members: OrderedDict[str, str] = OrderedDict()
        self.ranks = RoomRanks()
        self.read: int | None = None
        self.unread: set[int] = set()
        self.present = True
        self.modes: RoomModes | None = None
        self.catchingUp = False
        self.authors: OrderedDict[int, tuple[str, int, bool]] = OrderedDict()
        self._ahead: dict[int, RoomMessages] = {}
        self._continues = False

    def accept(self, message: RoomMessages) -> list[RoomMessages]:
        """Take a received line, and return the lines to show now."""
        seq = message.first
        if seq <= self.last:
            return []
        # In another history the next number may not be the next line.  Before the missed lines, the
        # server says whether the history is another one.
        mayBeOther = not self._continues and bool(self.epoch and message.log)
        if self.catchingUp and (seq > self.last + 1 or mayBeOther):
            self._ahead[seq] = message
            return []
        self._passed(message)
        return [message, *self._following()]

    def beginCatchUp(self) -> None:
        """Note that missed lines are requested."""
        self.catchingUp, self._continues = True, False

    def continueIn(self, epoch: str) -> None:
        """Note that the requested lines follow, and directly continue those already shown."""
        self.epoch, self._continues = epoch, True

    def skipTo(self, last: int) -> list[RoomMessages]:
        """Skip lines that the server no longer keeps; return the lines to show now."""
        if last > self.last:
            self.last, self.time = last, 0
        return self._following()

    def _following(self) -> list[RoomMessages]:
        messages = []
        while (message := self._ahead.pop(self.last + 1, None)) is not None:
            self._passed(message)
            messages.append(message)
        return messages

    def finishCatchUp(self) -> list[RoomMessages]:
        """Note that all missed lines have arrived; return the lines still held back."""
        self.catchingUp = False
        messages = [self._ahead[seq] for seq in sorted(self._ahead) if seq > self.last]
        self._ahead.clear()
        if messages:
            self._passed(messages[-1])
        return messages

    def _passed(self, message: RoomMessages) -> None:
        self.last, self.time = message.first, message.time
        self.epoch = message.log or self.epoch

    @property
    def place(self) -> str:
        """The last line shown, in the notation of a server that sends epochs."""
        if not self.epoch:
            return str(self.last)
        return f"{self.last}@{self.epoch}" + (f"@{self.time}" if self.time else "")

    def restart(self, last: int, epoch: str = "") -> None:
        """Note that the room's numbering has restarted: it has fewer lines than were shown."""
        self.last = 0 if self.catchingUp and not epoch else last
        self.time = 0
        self.epoch, self._continues = epoch, bool(epoch)
        if self.read is not None:
            self.read = min(self.read, self.last)
        self._ahead.clear()
        self.authors.clear()

    def noteUnread(self, message: RoomMessages) -> None:
        """Count a line of another member as unread."""
        if message.kind in TALK and len(self.unread) < UNREAD_COUNTED:
            self.unread.add(message.first)

    def markRead(self, seq: int) -> None:
        """Note that lines up to this number were read, by this client or another."""
        self.read = seq
        self.unread = {number for number in self.unread if number > seq}

    def rememberAuthor(self, message: RoomMessages) -> None:
        """Remember the author of a line that is shown."""
        text = message.texts[0]
        hasWords = withoutWords(message.kind, text) is not None
        self.authors[message.first] = message.nick, message.time, hasWords
        if len(self.authors) > AUTHORS_REMEMBERED:
            self.authors.popitem(last=False)
        if message.kind == DELETE and text.isascii() and text.isdigit() and len(text) < 20:
            self.unread.discard(int(text))
            deleted = self.authors.get(int(text))
            if deleted is not None:
                self.authors[int(text)] = (*deleted[:2], False)

    def lastLineBy(self, nick: str) -> int | None:
        """Return the number of a member's last shown line that has words to delete."""
        key = fold(nick)
        numbers = [
            seq
            for seq, (author, _, hasWords) in self.authors.items()
            if hasWords and fold(author) == key
        ]
        return max(numbers, default=None)

    def noteAuthor(self, message: RoomMessages) -> None:
        """Note a line that is said now, and move its author to the end of the members."""
        self.rememberAuthor(message)
        self.ranks.note(message)
        key = fold(message.nick)
        if key in self.members:
            self.members.move_to_end(key)

    def addMember(self, nick: str) -> None:
        key = fold(nick)
        known = key in self.members
        self.members[key] = nick
        if not known:
            # Members who have not spoken are listed after those who have.
            self.members.move_to_end(key, last=False)

    def removeMember(self, nick: str) -> None:
        self.members.pop(fold(nick), None)
        self.ranks.remove(nick)

    def renameMember(self, nick: str, to: str) -> None:
        key = fold(nick)
        self.ranks.rename(nick, to)
        if key in self.members:
            # Built again so that the renamed member keeps its position.
            self.members = OrderedDict(
                (fold(to), to) if other == key else (other, name)
                for other, name in self.members.items()
            )

    def joinCommand(self) -> str:
        """Return the command that joins the room again."""
        key = self.modes.joinKey if self.modes is not None else ""
        return f"/join {self.name} {key}".rstrip()

    def nicks(self) -> list[str]:
        """List the nicks of the members; the one who spoke last comes first."""
        return list(reversed(self.members.values()))


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """One command of the server or of this client."""

    #: The command without the slash.
    name: str
    #: Its arguments.
    usage: str
    meaning: str


#: Commands that the client itself implements.
OWN_COMMANDS = (
    CommandInfo("resend", "", "say again what was not sent"),
    CommandInfo("quit", "[WHY]", "leave"),
)

#: How many shown private messages are remembered: more than one page of the inbox.
PRIVATE_REMEMBERED = 200

#: A command in the help of a server that sends the help as text only.
_HELP = re.compile(r"/(\w+)(?: (\S.*?))? {2,}(\S.*)")


class ClientState:
    """
    The state of the client, which notifications change by L{apply}.

    @ivar encrypted: whether the connections are encrypted.
    @ivar nick: the user's name; empty before the login.
    @ivar account: the user's account; empty for guests.
    @ivar away: the note of the user's absence; empty: the user is not away.
    @ivar rooms: by folded name, in the order in which they were entered.
    @ivar current: the folded name of the room to which lines are sent; empty: none.
    @ivar ownCommands: the commands that the client itself implements.
    @ivar commands: all commands, of the server and of the client.
    @ivar tellsEpochs: whether the server sends the epoch of its line numbers.
    @ivar accounts: whether the server has accounts.
    @ivar privateSince: the time of the first login to an account, in nanoseconds since 1970, by
        account: older private messages are shown only on request.
    @ivar privateShown: the ids of private messages that were shown, the newest last.
    @ivar showsRanks: whether to request the ranks of the members of each room.
    @ivar roomNames: the names of known rooms, by folded name.
    """

    def __init__(self, encrypted: bool = False) -> None:
        self.encrypted = encrypted
        self.ownCommands: tuple[CommandInfo, ...] = OWN_COMMANDS
        self.nick = ""
        self.account = ""
        self.away = ""
        self.rooms: dict[str, ClientRoom] = {}
        self.current = ""
        self.commands: list[CommandInfo] = list(OWN_COMMANDS)
        self.accounts = False
        self.tellsEpochs = False
        self.privateSince: dict[str, int] = {}
        self.privateShown: OrderedDict[str, None] = OrderedDict()
        self.showsRanks = False
        self.roomNames: dict[str, str] = {}

    def isSelf(self, nick: str) -> bool:
        """Check whether a name is the user's own."""
        return bool(self.nick) and fold(nick) == fold(self.nick)

    def selectRoom(self, key: str) -> None:
        """Make a room the current one."""
        if self.current in self.rooms:
            self.rooms[self.current].unread.clear()
        self.current = key
        if key in self.rooms:
            self.rooms[key].unread.clear()

    def forgetRoom(self, key: str) -> None:
        self.rooms.pop(key, None)
        if self.current == key:
            # Lines that were typed for this room must not go to another one.
            self.current = ""

    def learnHelp(self, notice: Notice) -> None:
        """Read the commands from the help of a server that sends the help as text only."""
        matches = [_HELP.fullmatch(line) for line in notice.lines]
        self._setCommands([CommandInfo(m[1], m[2] or "", m[3]) for m in matches if m is not None])

    def apply(self, content: Content) -> None:
        """Update users and rooms from a notification; lines of rooms are handled elsewhere."""
        learn = self._LEARN.get(type(content))
        if learn is not None:
            learn(self, content)

    def _commandsListed(self, listed: CommandList) -> None:
        self._setCommands([CommandInfo(*row[:3]) for row in listed.commands])

    def _setCommands(self, commands: list[CommandInfo]) -> None:
        names = {command.name for command in commands}
        ownCommands = [command for command in self.ownCommands if command.name not in names]
        self.commands = [*commands, *ownCommands]
        self.accounts = "login" in names

    def _named(self, welcome: Welcome | Resumed | LoggedIn) -> None:
        self.nick = welcome.nick
        self.account = welcome.account or ""
        if not isinstance(welcome, LoggedIn):
            self.tellsEpochs = bool(welcome.log)
        else:
            self.privateSince.setdefault(welcome.account, welcome.time)

    def missedPrivate(self, inbox: Inbox) -> list[PrivateMessage]:
        """List the private messages since the login that were not shown."""
        since = self.privateSince.get(self.account, 0)
        return [
            PrivateMessage(letter.nick, "", None, letter.to, letter.kind, letter.text, letter.time)
            for letter in inbox.messages
            if letter.time >= since and self._notePrivate(letter.ident)
        ]

    def _notePrivate(self, ident: str) -> bool:
        isNew = ident not in self.privateShown
        self.privateShown[ident] = None
        if len(self.privateShown) > PRIVATE_REMEMBERED:
            self.privateShown.popitem(last=False)
        return isNew

    def _private(self, message: PrivateMessage) -> None:
        if message.ident:
            self._notePrivate(message.ident)

    def _accountChanged(self, changed: AccountChanged) -> None:
        if self.isSelf(changed.nick):
            self.account = changed.account or ""

    def _awayChanged(self, changed: AwayChanged) -> None:
        if self.isSelf(changed.nick):
            self.away = changed.text

    def _renamed(self, renamed: NickChanged) -> None:
        if self.isSelf(renamed.nick):
            self.nick = renamed.to
        for room in self.rooms.values():
            room.renameMember(renamed.nick, renamed.to)

    def _quit(self, quit: UserQuit) -> None:
        for room in self.rooms.values():
            room.removeMember(quit.nick)

    def _joined(self, joined: UserJoined) -> None:
        if joined.room in self.rooms:
            self.rooms[joined.room].addMember(joined.nick)
            self.rooms[joined.room].ranks.set(joined.nick, joined.rank, joined.voice)

    def _standingChanged(self, changed: StandingChanged) -> None:
        if changed.room in self.rooms:
            self.rooms[changed.room].ranks.set(changed.nick, changed.rank, changed.voice)

    def _userLeft(self, left: UserLeft) -> None:
        if left.room in self.rooms:
            self.rooms[left.room].removeMember(left.nick)

    def _membersListed(self, listed: MemberList) -> None:
        room = self.rooms.get(roomKey(listed.roomName))
        if room is not None:
            for member in listed.members:
                room.addMember(member.nick)
                room.ranks.set(member.nick, member.rank, member.voice)

    def _roomsListed(self, listed: RoomList) -> None:
        for name, _, _ in listed.rooms:
            self.roomNames[roomKey(name)] = name

    def _joinedRoom(self, joined: JoinedRoom) -> None:
        key, last = joined.room, joined.joinedSeq
        room = self.rooms.get(key)
        if room is None:
            room = self.rooms[key] = ClientRoom(joined.roomName, last, joined.log)
        elif last < room.last and not joined.log:
            room.restart(last)
        self.roomNames[key] = joined.roomName
        if joined.nick:
            self.nick = joined.nick
        room.present = True
        room.read = joined.read
        room.modes = joined.modes
        room.members.clear()
        room.ranks.clear()
        for nick in joined.nicks:
            room.addMember(nick)
        room.ranks.set(self.nick, joined.rank, joined.voice)

    def _modesShown(self, modes: RoomModes) -> None:
        if modes.room in self.rooms:
            self.rooms[modes.room].modes = modes

    def _leftRoom(self, left: LeftRoom) -> None:
        self.forgetRoom(left.room)

    #: The handlers of the notifications about users and rooms.
    _LEARN: ClassVar[dict[type[Content], Callable[[ClientState, Any], None]]] = {
        CommandList: _commandsListed,
        Welcome: _named,
        Resumed: _named,
        LoggedIn: _named,
        PrivateMessage: _private,
        AccountChanged: _accountChanged,
        AwayChanged: _awayChanged,
        NickChanged: _renamed,
        UserQuit: _quit,
        UserJoined: _joined,
        StandingChanged: _standingChanged,
        UserLeft: _userLeft,
        MemberList: _membersListed,
        RoomList: _roomsListed,
        JoinedRoom: _joinedRoom,
        RoomModes: _modesShown,
        LeftRoom: _leftRoom,
    }
