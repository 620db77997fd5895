"""
Sending typed lines in order, and detecting whether they were said or refused.  Pure.

C{/ack on} changes nothing and is answered after all commands sent before it, so it serves as a
sync.  A line sent before a sync that has not come back when the sync is answered was refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import (
    INSECURE_CODE,
    ErrorReply,
    LoggedIn,
    Notice,
    RoomMessages,
    Welcome,
)
from tsservices.chat.operations import ME
from tsservices.client.chat.commands import ASKING_COMMANDS, RESERVED_COMMANDS
from tsservices.client.chat.events import Content, roomKey
from tsservices.client.chat.outbox import Outbox, OutgoingLine, parseTyped
from tsservices.client.chat.ports import Network, View
from tsservices.client.chat.state import ClientState
from tsservices.frontends.formats.search import withOffsets

#: The command that serves as a sync.
SYNC = "/ack on"

#: Its answer.
SYNC_ANSWER = ["ack is on"]

#: The most lines sent and not settled; after a lost connection the outcome of so many is checked.
WINDOW = 64

#: The start of the server's answer to a change of the current room.
ROOM_SELECTED = "you talk in "

#: The final answers to a command that may ask for a password.
_ANSWERS = (ErrorReply, Notice, LoggedIn, Welcome)


class Sender:
    """
    The sending half of the client.

    @ivar outbox: the lines and commands that are not settled.
    @ivar open: whether lines may be sent now.
    @ivar prompted: whether the server waits for a password.
    @ivar unanswered: a command that must be answered before more is sent; L{None}: none.
    @ivar serverRoom: the folded name of the room to which the server sends plain lines; L{None}:
        not known.
    """

    def __init__(self, state: ClientState, network: Network, view: View) -> None:
        self._state = state
        self._network = network
        self._view = view
        self.outbox = Outbox()
        self.open = False
        self.prompted = False
        self.unanswered: OutgoingLine | None = None
        self.serverRoom: str | None = None
        self._selections = 0
        self._syncDue = False
        self._interrupted = False

    @property
    def quiet(self) -> bool:
        """Whether the content received now answers a command of the client itself."""
        return self.unanswered is not None and self.unanswered.quiet

    def typed(self, text: str, window: str = "") -> None:
        """
        Take a typed line, or the password for which the server waits.

        @param window: the name of the window in which it was typed.  With C{#} and the folded name
            of a room, the line goes to that room even if another one is current.
        """
        if self.prompted:
            self.prompted = False
            self._network.send(text)
            return
        item = parseTyped(text)
        if item is None:
            return
        item.window = window
        if window.startswith(ROOM_SIGN) and not item.room:
            item.room = window.removeprefix(ROOM_SIGN)
        if item.word == "delete":
            self._numberLast(item)
        if item.word in RESERVED_COMMANDS:
            self._view.complain(f"/{item.word} is not for you: this client depends on it")
        elif item.word == "resend":
            self.resend()
        else:
            self.outbox.waiting.append(item)
            if self._interrupted:
                self._view.queued(item)
            self.flush()

    def _numberLast(self, item: OutgoingLine) -> None:
        # Resolve "last" now, because others may speak before the command is sent.  The user's own
        # last line may have no number yet, but the server knows it.
        words = item.text.split()
        room = self._state.rooms.get(self._state.current)
        if (
            len(words) != 3
            or words[2].lower() != "last"
            or room is None
            or self._state.isSelf(words[1])
            or any(other.word in ("join", "part") for other in self.outbox.waiting)
        ):
            return
        number = room.lastLineBy(words[1])
        if number is not None:
            item.text = f"{words[0]} {number}"

    def secretAsked(self) -> bool:
        """
        Answer the server's password prompt with the next line, which may have been typed already.

        @return: whether the password must still be typed.
        """
        waiting = self.outbox.waiting
        answer = next((item for item in waiting if not item.quiet), None)
        if answer is None:
            self.prompted = True
            return True
        waiting.remove(answer)
        self._network.send(answer.text)
        return False

    def sendQuiet(self, command: str) -> OutgoingLine:
        """Send a command of the client itself, which is not shown."""
        item = OutgoingLine(command, command[1:].partition(" ")[0], quiet=True)
        self.outbox.waiting.append(item)
        self.flush()
        return item

    def resend(self) -> None:
        """Send the unsent lines again."""
        items, self.outbox.unsent = self.outbox.unsent, []
        if not items:
            self._view.complain("nothing was left unsent")
        self.outbox.waiting.extend(items)
        self.flush()

    def flush(self) -> None:
        """Send the waiting lines and commands that may be sent now."""
        waiting, sent = self.outbox.waiting, self.outbox.sent
        # Commands are sent one at a time, because answers do not name their command.
        while self.open and waiting and self.unanswered is None and len(sent) < WINDOW:
            if waiting[0].kind:
                self._sendLine(waiting.popleft())
            elif waiting[0].word in ASKING_COMMANDS and sent:
                # No sync may follow these commands, so all earlier lines must be settled first.
                break
            else:
                self._sendCommand(waiting.popleft())
        if self.open and sent and None not in sent and not self._syncDue:
            self.sendSync()

    def sendSync(self) -> None:
        """Send a sync, whose answer settles everything sent before it."""
        self._syncDue = False
        self.outbox.sent.append(None)
        self._network.send(SYNC)

    def syncAnswered(self) -> None:
        items = self.outbox.settleBySync()
        if self.unanswered in items:
            self.unanswered = None
        self._refused(item for item in items if item.kind)

    def messageCame(self, message: RoomMessages) -> None:
        """Settle the sent line that comes back as this message, if it is one."""
        self._refused(self.outbox.settleByMessage(message))

    def consumes(self, content: Content) -> bool:
        """Check whether this answers a command of the sender itself, so that it is not shown."""
        firstLine = "".join(content.lines[:1]) if isinstance(content, Notice) else ""
        if self._selections and firstLine.startswith(ROOM_SELECTED):
            self._selections -= 1
            return True
        if isinstance(content, Notice) and content.code == INSECURE_CODE:
            # This warning precedes the answer, which may be a prompt that would take a sync as the
            # password.
            return False
        if self._syncDue and not self.prompted and isinstance(content, _ANSWERS):
            self.sendSync()
        return False

    def connectionLost(self) -> None:
        self._interrupted = self._interrupted or self.open
        self.open = self.prompted = self._syncDue = False
        self.unanswered = None
        self.serverRoom = None
        self._selections = 0
        for item in self.outbox.connectionLost():
            self._view.complain(f"it is not known whether this was done: {item.shown}")
        # Commands of the client itself are dropped: they are made again when needed.
        items = [item for item in self.outbox.waiting if not item.quiet]
        self.outbox.waiting.clear()
        self.outbox.waiting.extend(items)

    def markUncertain(self, room: str) -> None:
        """Give up the sent lines of a room whose history is incomplete: they may have been said."""
        self._giveUp([item for item in self.outbox.doubtful if item.room == room])

    def connectionReplaced(self, endedBefore: bool) -> None:
        """
        Continue on a new connection, after all missed lines have arrived.

        @param endedBefore: whether no line sent on the previous connection can still be processed,
            so that those that have not come back are sent again.
        """
        self.open, self._interrupted = True, False
        if endedBefore:
            doubtful, self.outbox.doubtful = self.outbox.doubtful, []
            self.outbox.sendFirst(doubtful)
        else:
            self._giveUp(list(self.outbox.doubtful))

    def selectRoom(self, key: str) -> None:
        """Make a room the server's current one, unless it is."""
        room = self._state.rooms.get(key)
        if key != self.serverRoom and room is not None:
            self.serverRoom = key
            self._selections += 1
            self._network.send(f"/join {room.name}")

    def _refused(self, items: Iterable[OutgoingLine]) -> None:
        for item in items:
            self.outbox.unsent.append(item)
            self._view.notSent(item, sure=True)

    def _giveUp(self, items: list[OutgoingLine]) -> None:
        for item in items:
            self.outbox.doubtful.remove(item)
            self.outbox.unsent.append(item)
            self._view.notSent(item, sure=False)

    def _sendLine(self, item: OutgoingLine) -> None:
        state = self._state
        key = item.room or state.current
        if not key:
            self._view.complain("you are in no room; /join one first")
            self._refused([item])
            return
        room = state.rooms.get(key)
        name = room.name if room is not None else key
        line = item.text
        if item.kind == ME:
            # /me works in the server's current room only.
            if room is None:
                self._view.complain(f"you are not in {ROOM_SIGN}{name}; /join {name} first")
                self._refused([item])
                return
            self.selectRoom(key)
        elif item.word != "msg":
            if item.indented:
                self.selectRoom(key)
            if key != self.serverRoom:
                line = f"/msg {ROOM_SIGN}{name} {item.text.removeprefix('/')}"
        item.room, item.nick = key, fold(state.nick)
        self.outbox.sent.append(item)
        self._network.send(line)

    def _sendCommand(self, item: OutgoingLine) -> None:
        state = self._state
        # The name may be followed by the key of the room.
        key = roomKey("".join(item.text[5:].split()[:1]))
        if item.word == "join" and key in state.rooms:
            # The server is not asked yet: the user may change rooms often before sending a line.
            state.selectRoom(key)
            self._view.note(f"{ROOM_SELECTED}{ROOM_SIGN}{state.rooms[key].name}")
            return
        if not item.quiet:
            self.selectRoom(item.room or state.current)
        self.outbox.sent.append(item)
        self.unanswered = item
        # A sync sent right after these could be taken as a password.
        self._syncDue = item.word in ASKING_COMMANDS
        # The server may be in another time zone than the user.
        self._network.send(withOffsets(item.text) if item.word == "search" else item.text)
