"""
What was typed and is not settled yet: every line is sent once, or kept.  Pure.

A line is settled when it comes back numbered, or when the answer to something sent
later shows that it never will.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import DELETED, ME, MESSAGE
from tsservices.client.chat.commands import SECRET_COMMANDS, SIGN
from tsservices.client.chat.events import clean, roomKey
from tsservices.common.text import BYTE_ORDER_MARK, visible


@dataclass(eq=False, slots=True)
class OutgoingLine:
    """One thing that was typed, or that the client itself asks."""

    #: As it was typed.
    text: str
    #: Of a command; empty for what is said in a room.
    word: str = ""
    #: Of the line that it becomes; empty for a command.
    kind: str = ""
    #: What that line says.
    body: str = ""
    #: The folded name of the room it is said in, once that is decided; of a command, of the room
    #: in which it was typed, if that is known.
    room: str = ""
    #: The folded name it is said under, once it is sent.
    nick: str = ""
    #: The client itself asks, and shows nothing of it.
    quiet: bool = False
    #: Names the window in which it was typed; empty: it was typed in none that is for a room.
    window: str = ""

    @property
    def shown(self) -> str:
        """The text without what nobody should see."""
        return f"{SIGN}{self.word} ..." if self.word in SECRET_COMMANDS else clean(self.text)

    @property
    def indented(self) -> bool:
        """Whether it has spaces at an end, which are lost in the argument of a command."""
        return self.text != self.text.strip()


def parseTyped(typed: str) -> OutgoingLine | None:
    """
    Tell lines from commands.

    @return: L{None} if it says nothing.
    """
    # A second file in a pipe has a byte order mark too.
    text = visible(typed.rstrip("\r\n").replace(BYTE_ORDER_MARK, ""))
    if not text.strip():
        return None
    if not text.startswith(SIGN) or text.startswith(2 * SIGN):
        return OutgoingLine(text, kind=MESSAGE, body=clean(text.removeprefix(SIGN)).strip())
    word, argument = _firstWord(text[1:])
    word = word.lower()
    if word in SECRET_COMMANDS:
        # As it was typed: the server wants a password as it was set.
        return OutgoingLine(typed.rstrip("\r\n"), word)
    if word == "me" and argument:
        return OutgoingLine(text, word, ME, clean(argument))
    target, body = _firstWord(argument)
    if word == "msg" and target.startswith(ROOM_SIGN) and body.strip():
        return OutgoingLine(text, word, MESSAGE, clean(body).strip(), roomKey(target))
    return OutgoingLine(text, word)


def _firstWord(text: str) -> tuple[str, str]:
    # Any white space separates words, as it does for the server.
    words = [] if text[:1].isspace() else text.split(None, 1)
    return (*words, "", "")[0], "".join(words[1:]).strip()


@dataclass(slots=True)
class Outbox:
    """Lines that were typed and have no outcome yet."""

    #: Not sent; in the order in which it was typed.
    waiting: deque[OutgoingLine] = field(default_factory=deque)
    #: On the way, with L{None} for each sync: what stands before a sync is settled when that is
    #: answered.
    sent: deque[OutgoingLine | None] = field(default_factory=deque)
    #: Lines that were on the way when the connection was lost.
    doubtful: list[OutgoingLine] = field(default_factory=list)
    #: Lines that are known not to be said.
    unsent: list[OutgoingLine] = field(default_factory=list)

    @property
    def lineCount(self) -> int:
        """How many lines, without commands, are waiting or on the way."""
        items = [*self.waiting, *self.sent, *self.doubtful]
        return sum(1 for item in items if item is not None and item.kind)

    @property
    def idle(self) -> bool:
        """Whether everything is settled."""
        return not (self.waiting or self.sent or self.doubtful)

    def settleByMessage(self, message: RoomMessages) -> list[OutgoingLine]:
        """A line has come: if it is one of these, give those that were refused before it."""
        nick, body = fold(message.nick), message.texts[0].strip()
        for items in (self.doubtful, self.sent):
            lines = [item for item in items if item is not None and item.kind]
            inRoom = [line for line in lines if line.room == message.room]
            for number, item in enumerate(inRoom):
                # Whatever was deleted meanwhile may have been this line.
                same = (item.kind, item.body) == (message.kind, body) or message.kind == DELETED
                if item.nick == nick and same:
                    for settled in inRoom[: number + 1]:
                        items.remove(settled)
                    return inRoom[:number]
        return []

    def settleBySync(self) -> list[OutgoingLine]:
        """The oldest sync is answered: give all that stands before it."""
        items: list[OutgoingLine] = []
        while self.sent and (item := self.sent.popleft()) is not None:
            items.append(item)
        return items

    def connectionLost(self) -> list[OutgoingLine]:
        """Keep the lines that were on the way, and give the commands."""
        items = [item for item in self.sent if item is not None]
        self.sent.clear()
        self.doubtful += [item for item in items if item.kind]
        return [item for item in items if not item.kind and not item.quiet]

    def sendFirst(self, items: Iterable[OutgoingLine]) -> None:
        """Have these sent before all that is waiting."""
        self.waiting.extendleft(reversed(list(items)))
