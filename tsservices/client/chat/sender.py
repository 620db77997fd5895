"""
Sending what was typed, in order, and finding out what has become of it.  Pure.

C{/ack on} is answered when all that was sent before it is done, and changes nothing: it
serves as a sync.  What stands before one and has not come back when it is answered was
refused.
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

#: What is sent as a sync.
SYNC = "/ack on"

#: How that is answered.
SYNC_ANSWER = ["ack is on"]

#: Lines on the way at the same time: so many are looked for after a loss.
WINDOW = 64

#: How the server answers who turns to a room.
ROOM_SELECTED = "you talk in "

#: What a command is answered by that may ask for a password, when it is done.
_ANSWERS = (ErrorReply, Notice, LoggedIn, Welcome)


class Sender:
    """
    The sending half of the client.

    @ivar outbox: what is not settled.
    @ivar open: lines may be sent now.
    @ivar prompted: the server waits for a password.
    @ivar unanswered: a command that has to be answered before anything follows it; L{None}: none.
    @ivar serverRoom: the folded name of the room where the server would have a plain
        line said; L{None}: not known.
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
        """Whether the client itself has asked for what comes now."""
        return self.unanswered is not None and self.unanswered.quiet

    def typed(self, text: str, window: str = "") -> None:
        """
        A person has typed a line, or the password that the server waits for.

        @param window: names the window in which it was typed: C{#} and the folded name of a room
            have it go there, whichever room is the current one by then.
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
        # What somebody says between the typing and the sending is not meant.  One's own last line
        # may have no number yet, but the server knows it.
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
        The server waits for a password: the next line is it, also when it was typed already.

        @return: whether it has still to be typed.
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
        """Send a command of the client itself, and show nothing of it."""
        item = OutgoingLine(command, command[1:].partition(" ")[0], quiet=True)
        self.outbox.waiting.append(item)
        self.flush()
        return item

    def resend(self) -> None:
        """Send again what is known not to be said."""
        items, self.outbox.unsent = self.outbox.unsent, []
        if not items:
            self._view.complain("nothing was left unsent")
        self.outbox.waiting.extend(items)
        self.flush()

    def flush(self) -> None:
        """Send what can be sent now."""
        waiting, sent = self.outbox.waiting, self.outbox.sent
        # Commands go one by one: what an answer is about is not said in it.
        while self.open and waiting and self.unanswered is None and len(sent) < WINDOW:
            if waiting[0].kind:
                self._sendLine(waiting.popleft())
            elif waiting[0].word in ASKING_COMMANDS and sent:
                # All that was sent before has to be settled, since no sync may follow these.
                break
            else:
                self._sendCommand(waiting.popleft())
        if self.open and sent and None not in sent and not self._syncDue:
            self.sendSync()

    def sendSync(self) -> None:
        """Have all settled that was sent so far."""
        self._syncDue = False
        self.outbox.sent.append(None)
        self._network.send(SYNC)

    def syncAnswered(self) -> None:
        items = self.outbox.settleBySync()
        if self.unanswered in items:
            self.unanswered = None
        self._refused(item for item in items if item.kind)

    def messageCame(self, message: RoomMessages) -> None:
        """A line of a room is shown: it may be one of those that were sent."""
        self._refused(self.outbox.settleByMessage(message))

    def consumes(self, content: Content) -> bool:
        """Whether this is an answer to the sender itself, of which nothing is shown."""
        firstLine = "".join(content.lines[:1]) if isinstance(content, Notice) else ""
        if self._selections and firstLine.startswith(ROOM_SELECTED):
            self._selections -= 1
            return True
        if isinstance(content, Notice) and content.code == INSECURE_CODE:
            # It stands before the answer, which may be a prompt: a sync would be the password.
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
        # What the client asks by itself it asks anew.
        items = [item for item in self.outbox.waiting if not item.quiet]
        self.outbox.waiting.clear()
        self.outbox.waiting.extend(items)

    def markUncertain(self, room: str) -> None:
        """Lines of this room are no longer kept, and one's own may be among them."""
        self._giveUp([item for item in self.outbox.doubtful if item.room == room])

    def connectionReplaced(self, endedBefore: bool) -> None:
        """
        There is a connection again, and all that was missed has come.

        @param endedBefore: nothing that was sent by the connection before comes later, so that
            what has not come is sent again.
        """
        self.open, self._interrupted = True, False
        if endedBefore:
            doubtful, self.outbox.doubtful = self.outbox.doubtful, []
            self.outbox.sendFirst(doubtful)
        else:
            self._giveUp(list(self.outbox.doubtful))

    def selectRoom(self, key: str) -> None:
        """Have the server turn to a room, if it has not."""
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
            # There is no command that says such a line elsewhere.
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
        # The key of the room may follow.
        key = roomKey("".join(item.text[5:].split()[:1]))
        if item.word == "join" and key in state.rooms:
            # The server hears of it when a line needs it: many changes may come before that.
            state.selectRoom(key)
            self._view.note(f"{ROOM_SELECTED}{ROOM_SIGN}{state.rooms[key].name}")
            return
        if not item.quiet:
            self.selectRoom(item.room or state.current)
        self.outbox.sent.append(item)
        self.unanswered = item
        # A sync right behind these could be taken for a password.
        self._syncDue = item.word in ASKING_COMMANDS
        # The server may be in another zone than the person.
        self._network.send(withOffsets(item.text) if item.word == "search" else item.text)
