"""
Sending what was typed, in order, and finding out what has become of it.  Pure.

C{/ack on} is answered when all that was sent before it is done: it serves as a fence.
What stands before one and has not come back when it is answered was refused.
"""

from __future__ import annotations

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.outbox import ASKING, OURS, Outbox, OutgoingLine, read
from tsservices.client.chat.ports import Network, View
from tsservices.client.chat.state import ClientState, roomKey

#: What is sent as a fence.
FENCE = "/ack on"

#: How that is answered.
FENCED = ["ack is on"]

#: Lines on the way at the same time: so many are looked for after a loss.
WINDOW = 64

#: How the server answers who turns to a room.
TURNED = "you talk in "

#: Types of events with which a command that may ask for a password is done.
_ANSWERS = frozenset({"refused", "notice", "loggedIn", "entered"})


class Sender:
    """
    The sending half of the client.

    @ivar outbox: what is not settled.
    @ivar open: lines may be sent now.
    @ivar prompted: the server waits for a password.
    @ivar barrier: a command that has to be answered before anything follows it.
    @ivar serverRoom: the folded name of the room where the server believes to be plain
        lines said; L{None}: not known.
    """

    def __init__(self, town: ClientState, outlet: Network, view: View) -> None:
        self._town = town
        self._outlet = outlet
        self._view = view
        self.outbox = Outbox()
        self.open = False
        self.prompted = False
        self.barrier: OutgoingLine | None = None
        self.serverRoom: str | None = None
        self._turns = 0
        self._unfenced = False
        self._cut = False

    @property
    def quiet(self) -> bool:
        """Whether the client itself has asked for what comes now."""
        return self.barrier is not None and self.barrier.quiet

    def typed(self, text: str) -> None:
        if self.prompted:
            self.prompted = False
            self._outlet.send(text)
            return
        item = read(text)
        if item is None:
            return
        if item.word in OURS:
            self._view.complain(f"/{item.word} is not for you: this client depends on it")
        elif item.word == "resend":
            self.resend()
        else:
            self.outbox.waiting.append(item)
            if self._cut:
                self._view.waits(item)
            self.flush()

    def asked(self) -> bool:
        """The server waits for a password: the next line is it, also when it is here already."""
        waiting = self.outbox.waiting
        answer = next((each for each in waiting if not each.quiet), None)
        if answer is None:
            self.prompted = True
            return True
        waiting.remove(answer)
        self._outlet.send(answer.text)
        return False

    def sendQuiet(self, command: str) -> None:
        self.outbox.waiting.append(OutgoingLine(command, command[1:].partition(" ")[0], quiet=True))
        self.flush()

    def resend(self) -> None:
        """Say again what was not sent."""
        items, self.outbox.unsent = self.outbox.unsent, []
        if not items:
            self._view.complain("nothing was left unsent")
        for item in items:
            self.outbox.waiting.append(item)
        self.flush()

    def flush(self) -> None:
        """Send what can be sent now."""
        waiting, sent = self.outbox.waiting, self.outbox.sent
        while self.open and waiting and self.barrier is None and len(sent) < WINDOW:
            if waiting[0].kind:
                self._say(waiting.popleft())
            elif waiting[0].word in ASKING and sent:
                break
            else:
                self._ask(waiting.popleft())
        if self.open and sent and None not in sent and not self._unfenced:
            self.sendBarrier()

    def sendBarrier(self) -> None:
        """Have all that was sent so far settled."""
        self._unfenced = False
        self.outbox.sent.append(None)
        self._outlet.send(FENCE)

    def fenced(self) -> None:
        """A fence is answered."""
        items = self.outbox.fenced()
        if self.barrier in items:
            self.barrier = None
        self.refused([each for each in items if each.kind])

    def refused(self, items: list[OutgoingLine]) -> None:
        for item in items:
            self.outbox.unsent.append(item)
            self._view.notSent(item, sure=True)

    def onMessage(self, event: ServerEvent) -> None:
        self.refused(self.outbox.came(event))

    def consumes(self, event: ServerEvent) -> bool:
        """Whether it was an answer to this object itself."""
        if event.type == "notice" and self._turns:
            lines = event.texts("lines")
            if lines and lines[0].startswith(TURNED):
                self._turns -= 1
                return True
        if self._unfenced and not self.prompted and event.type in _ANSWERS:
            self.sendBarrier()
        return False

    def lost(self) -> None:
        """The connection is lost."""
        self._cut = self._cut or self.open
        self.open = self.prompted = self._unfenced = False
        self.barrier = None
        self.serverRoom = None
        self._turns = 0
        for item in self.outbox.lost():
            self._view.complain(f"it is not known whether this was done: {item.shown}")
        # What the client asks by itself it asks anew.
        kept = [each for each in self.outbox.waiting if not each.quiet]
        self.outbox.waiting.clear()
        self.outbox.waiting.extend(kept)

    def markUncertain(self, room: str) -> None:
        """Lines that might be one's own are no longer kept."""
        self._doubt([each for each in self.outbox.doubtful if each.room == room])

    def _doubt(self, items: list[OutgoingLine]) -> None:
        for item in items:
            self.outbox.doubtful.remove(item)
            self.outbox.unsent.append(item)
            self._view.notSent(item, sure=False)

    def reopened(self, replaced: bool) -> None:
        """There is a connection again, and all that was missed has come."""
        self.open, self._cut = True, False
        if replaced:
            doubtful, self.outbox.doubtful = self.outbox.doubtful, []
            self.outbox.again(doubtful)
        else:
            self._doubt(list(self.outbox.doubtful))

    def _say(self, item: OutgoingLine) -> None:
        town = self._town
        key = item.room or town.current
        if not key:
            self._view.complain("you are in no room; /join one first")
            self.refused([item])
            return
        room = town.rooms.get(key)
        name = room.name if room is not None else key
        if item.kind == "me" and room is None:
            self._view.complain(f"you are not in {ROOM_SIGN}{name}; /join {name} first")
            self.refused([item])
            return
        if item.word == "msg":
            line = item.text
        elif item.kind == "me":
            self.selectRoom(key)
            line = item.text
        else:
            if item.indented:
                self.selectRoom(key)
            line = item.text
            if key != self.serverRoom:
                line = f"/msg {ROOM_SIGN}{name} {item.text.removeprefix('/')}"
        item.room, item.nick = key, fold(town.nick)
        self.outbox.sent.append(item)
        self._outlet.send(line)

    def _ask(self, item: OutgoingLine) -> None:
        if item.word == "join" and (key := roomKey(item.text[5:].strip())) in self._town.rooms:
            self._town.selectRoom(key)
            self._view.note(f"{TURNED}{ROOM_SIGN}{self._town.rooms[key].name}")
            return
        if not item.quiet:
            self.selectRoom(self._town.current)
        self.outbox.sent.append(item)
        self.barrier = item
        # Whatever follows these could be taken for a password.
        self._unfenced = item.word in ASKING
        self._outlet.send(item.text)

    def selectRoom(self, key: str) -> None:
        """Have the server turn to a room, if it has not."""
        room = self._town.rooms.get(key)
        if key != self.serverRoom and room is not None:
            self.serverRoom = key
            self._turns += 1
            self._outlet.send(f"/join {room.name}")
