"""
Typed lines and commands that are not settled yet; each is sent once or kept.  Pure.

A line is settled when it comes back with a number, or when the answer to something sent later
shows that it never will.
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
    """A line or command that was typed, or a command of the client itself."""

    #: The text as it was typed.
    text: str
    #: The word of a command; empty for a line.
    word: str = ""
    #: The kind of the message that a line becomes; empty for a command.
    kind: str = ""
    #: The text of that message.
    body: str = ""
    #: The folded name of the room that a line goes to, once known; for a command, of the room in
    #: which it was typed, if known.
    room: str = ""
    #: The user's folded name when the line was sent.
    nick: str = ""
    #: Whether it is a command of the client itself, which is not shown.
    quiet: bool = False
    #: The name of the window in which it was typed; empty: no window for a room or a person.
    window: str = ""

    @property
    def shown(self) -> str:
        """The text to show, without secrets."""
        return f"{SIGN}{self.word} ..." if self.word in SECRET_COMMANDS else clean(self.text)

    @property
    def indented(self) -> bool:
        """Whether the text has spaces at an end, which the argument of a command would lose."""
        return self.text != self.text.strip()


def parseTyped(typed: str) -> OutgoingLine | None:
    """
    Parse a typed text as a line or a command.

    @return: L{None} if it is blank.
    """
    # With several files in a pipe, byte order marks occur inside the input.
    text = visible(typed.rstrip("\r\n").replace(BYTE_ORDER_MARK, ""))
    if not text.strip():
        return None
    if not text.startswith(SIGN) or text.startswith(2 * SIGN):
        return OutgoingLine(text, kind=MESSAGE, body=clean(text.removeprefix(SIGN)).strip())
    word, argument = _firstWord(text[1:])
    word = word.lower()
    if word in SECRET_COMMANDS:
        # Unchanged, because the text may contain a password.
        return OutgoingLine(typed.rstrip("\r\n"), word)
    if word == "me" and argument:
        return OutgoingLine(text, word, ME, clean(argument))
    target, body = _firstWord(argument)
    if word == "msg" and target.startswith(ROOM_SIGN) and body.strip():
        return OutgoingLine(text, word, MESSAGE, clean(body).strip(), roomKey(target))
    return OutgoingLine(text, word)


def _firstWord(text: str) -> tuple[str, str]:
    # Any white space separates words, as in the server.
    words = [] if text[:1].isspace() else text.split(None, 1)
    return (*words, "", "")[0], "".join(words[1:]).strip()


@dataclass(slots=True)
class Outbox:
    """The lines and commands whose outcome is not known yet."""

    #: Not sent yet, in the order in which they were typed.
    waiting: deque[OutgoingLine] = field(default_factory=deque)
    #: Sent and not settled, with L{None} for each sync: its answer settles all before it.
    sent: deque[OutgoingLine | None] = field(default_factory=deque)
    #: Lines that were not settled when the connection was lost.
    doubtful: list[OutgoingLine] = field(default_factory=list)
    #: Lines that were refused or given up, for C{/resend}.
    unsent: list[OutgoingLine] = field(default_factory=list)

    @property
    def lineCount(self) -> int:
        """How many lines, without commands, are not settled."""
        items = [*self.waiting, *self.sent, *self.doubtful]
        return sum(1 for item in items if item is not None and item.kind)

    @property
    def idle(self) -> bool:
        """Whether everything is settled."""
        return not (self.waiting or self.sent or self.doubtful)

    def settleByMessage(self, message: RoomMessages) -> list[OutgoingLine]:
        """Settle the line that comes back as a message; return the refused lines before it."""
        nick, body = fold(message.nick), message.texts[0].strip()
        for items in (self.doubtful, self.sent):
            lines = [item for item in items if item is not None and item.kind]
            inRoom = [line for line in lines if line.room == message.room]
            for number, item in enumerate(inRoom):
                # A message that was deleted meanwhile may have been this line.
                same = (item.kind, item.body) == (message.kind, body) or message.kind == DELETED
                if item.nick == nick and same:
                    for settled in inRoom[: number + 1]:
                        items.remove(settled)
                    return inRoom[:number]
        return []

    def settleBySync(self) -> list[OutgoingLine]:
        """Settle and return all items before the oldest sync, which is answered."""
        items: list[OutgoingLine] = []
        while self.sent and (item := self.sent.popleft()) is not None:
            items.append(item)
        return items

    def connectionLost(self) -> list[OutgoingLine]:
        """Keep the sent lines as doubtful, and return the sent commands of the user."""
        items = [item for item in self.sent if item is not None]
        self.sent.clear()
        self.doubtful += [item for item in items if item.kind]
        return [item for item in items if not item.kind and not item.quiet]

    def sendFirst(self, items: Iterable[OutgoingLine]) -> None:
        """Put items before all others that wait."""
        self.waiting.extendleft(reversed(list(items)))
