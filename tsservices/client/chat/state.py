"""
What the client knows of the chat: itself, its rooms with their members and last lines, and
the commands of the server.  Pure; nothing here is shown or sent.
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

#: Lines of a room whose authors are remembered, for when one is deleted.
AUTHORS_REMEMBERED = 1000

#: Unread lines of a room that are counted, as the server counts them.
UNREAD_COUNTED = 1000


class ClientRoom:
    """
    A room in which one is, or was before the connection was lost.

    A line is new when its number is higher than that of the last one shown.  While
    lines are being caught up with (L{catchingUp}) those that run ahead are held back, so
    that what is shown is in order, without a gap and without a repeat.

    @ivar name: as the server writes it.
    @ivar last: the number of the last line that was shown.
    @ivar epoch: the history that this number is of; empty: not known.
    @ivar time: that of the line with this number: nanoseconds since 1970, UTC; 0: not known.
    @ivar members: the names of those who are there, by folded name; who spoke last is last.
    @ivar ranks: of the members, as far as they are known.
    @ivar read: the number of the last line that was read; L{None}: the server does not know.
    @ivar unread: the numbers of the lines of others since one turned away from the room that can
        still be read, up to L{UNREAD_COUNTED}.
    @ivar present: one is in the room, as far as is known.
    @ivar modes: its modes, as far as is known: with the key, to come back.
    @ivar catchingUp: lines may come twice, and in another order.
    @ivar authors: who said the last lines that were shown, when, and whether there are words in it
        that can be deleted; by number.
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
        """Take in a line, and give those that are to be shown now."""
        seq = message.first
        if seq <= self.last:
            return []
        # In another history the next number need not be the next line; the server says whether it
        # is another one before what was missed comes.
        mayBeOther = not self._continues and bool(self.epoch and message.log)
        if self.catchingUp and (seq > self.last + 1 or mayBeOther):
            self._ahead[seq] = message
            return []
        self._passed(message)
        return [message, *self._following()]

    def beginCatchUp(self) -> None:
        """What was missed is asked for."""
        self.catchingUp, self._continues = True, False

    def continueIn(self, epoch: str) -> None:
        """What was asked for comes: the history goes on after the last line that was shown."""
        self.epoch, self._continues = epoch, True

    def skipTo(self, last: int) -> list[RoomMessages]:
        """Lines up to this one are no longer kept: give those that are to be shown now."""
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
        """All that was missed has come: give what is still held back."""
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
        """The last line that was shown, for a server that tells epochs."""
        if not self.epoch:
            return str(self.last)
        return f"{self.last}@{self.epoch}" + (f"@{self.time}" if self.time else "")

    def restart(self, last: int, epoch: str = "") -> None:
        """The room is another one than before: it has fewer lines than were shown."""
        self.last = 0 if self.catchingUp and not epoch else last
        self.time = 0
        self.epoch, self._continues = epoch, bool(epoch)
        if self.read is not None:
            self.read = min(self.read, self.last)
        self._ahead.clear()
        self.authors.clear()

    def noteUnread(self, message: RoomMessages) -> None:
        """Somebody else says something that nobody sees here."""
        if message.kind in TALK and len(self.unread) < UNREAD_COUNTED:
            self.unread.add(message.first)

    def markRead(self, seq: int) -> None:
        """Lines up to this number were read, here or elsewhere."""
        self.read = seq
        self.unread = {number for number in self.unread if number > seq}

    def rememberAuthor(self, message: RoomMessages) -> None:
        """Remember who said a line that is shown."""
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
        """The number of the last line by somebody, of those shown, that has words to delete."""
        key = fold(nick)
        numbers = [
            seq
            for seq, (author, _, hasWords) in self.authors.items()
            if hasWords and fold(author) == key
        ]
        return max(numbers, default=None)

    def noteAuthor(self, message: RoomMessages) -> None:
        """Somebody says something now."""
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
            # Who has not spoken comes after all who have.
            self.members.move_to_end(key, last=False)

    def removeMember(self, nick: str) -> None:
        self.members.pop(fold(nick), None)
        self.ranks.remove(nick)

    def renameMember(self, nick: str, to: str) -> None:
        key = fold(nick)
        self.ranks.rename(nick, to)
        if key in self.members:
            # Made anew, since the renamed one keeps the place of who spoke when.
            self.members = OrderedDict(
                (fold(to), to) if other == key else (other, name)
                for other, name in self.members.items()
            )

    def joinCommand(self) -> str:
        """What has to be sent to be in the room again."""
        key = self.modes.joinKey if self.modes is not None else ""
        return f"/join {self.name} {key}".rstrip()

    def nicks(self) -> list[str]:
        """The nicks of the members; who spoke last comes first."""
        return list(reversed(self.members.values()))


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """One command of the server, or of this client."""

    #: Its word, without the slash.
    name: str
    #: What follows the word.
    usage: str
    meaning: str


#: Commands that the client knows by itself.
OWN_COMMANDS = (
    CommandInfo("resend", "", "say again what was not sent"),
    CommandInfo("quit", "[WHY]", "leave"),
)

#: Private messages that are known to have been shown: more than one page of the inbox.
PRIVATE_REMEMBERED = 200

#: A command in the help of a server that writes it for people only.
_HELP = re.compile(r"/(\w+)(?: (\S.*?))? {2,}(\S.*)")


class ClientState:
    """
    What the client knows; notifications change it by L{apply}.

    @ivar encrypted: the connections are.
    @ivar nick: one's own name; empty before one is in.
    @ivar account: one's own account; empty for guests.
    @ivar rooms: by folded name, in the order in which they were entered.
    @ivar current: the folded name of the room where lines go; empty: none.
    @ivar ownCommands: what the client does by itself.
    @ivar commands: what can be asked for, of the server or of the client.
    @ivar tellsEpochs: whether the server says which history its numbers are of.
    @ivar accounts: whether the server knows accounts at all.
    @ivar privateSince: when an account was logged in first, by its key, in nanoseconds since 1970:
        private messages of before are for the person to ask for.
    @ivar privateShown: the ids of private messages that were shown, the newest last.
    @ivar showsRanks: those of the members are to be asked for in each room.
    @ivar roomNames: names of rooms that were heard of, by folded name.
    """

    def __init__(self, encrypted: bool = False) -> None:
        self.encrypted = encrypted
        self.ownCommands: tuple[CommandInfo, ...] = OWN_COMMANDS
        self.nick = ""
        self.account = ""
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
        """Whether that is one's own name."""
        return bool(self.nick) and fold(nick) == fold(self.nick)

    def selectRoom(self, key: str) -> None:
        """Have lines go to this room."""
        if self.current in self.rooms:
            self.rooms[self.current].unread.clear()
        self.current = key
        if key in self.rooms:
            self.rooms[key].unread.clear()

    def forgetRoom(self, key: str) -> None:
        self.rooms.pop(key, None)
        if self.current == key:
            self.current = ""
            self.selectRoom(next(reversed(self.rooms), ""))

    def learnHelp(self, notice: Notice) -> None:
        """Take the commands from the help of a server that writes it for people only."""
        matches = [_HELP.fullmatch(line) for line in notice.lines]
        self._setCommands([CommandInfo(m[1], m[2] or "", m[3]) for m in matches if m is not None])

    def apply(self, content: Content) -> None:
        """Learn what a notification says of people and rooms; lines are not among it."""
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
        """Those private messages that have come since the login and were not shown."""
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

    #: What is done with the notifications that say something of people or rooms.
    _LEARN: ClassVar[dict[type[Content], Callable[[ClientState, Any], None]]] = {
        CommandList: _commandsListed,
        Welcome: _named,
        Resumed: _named,
        LoggedIn: _named,
        PrivateMessage: _private,
        AccountChanged: _accountChanged,
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
