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
from tsservices.client.chat.events import ServerEvent, clean
from tsservices.client.chat.state import roomKey
from tsservices.common.text import visible

#: What commands begin with; two of them begin a line with one.
SIGN = "/"

#: Commands that passwords may follow.
SECRET = frozenset({"login", "register", "passwd", "reset"})

#: Commands after which the server may wait for a password, or for nothing more: nothing may follow
#: them unasked.
ASKING = SECRET | {"drop", "quit"}

#: Commands whose state this client relies on.
OURS = frozenset({"format", "ack", "echo", "resume"})

#: The kind of a line whose text was removed: it may have been any.
DELETED = "deleted"


@dataclass(eq=False, slots=True)
class OutgoingLine:
    """
    One thing that was typed.

    @ivar text: as it was typed.
    @ivar word: of a command; nothing for what is said in a room.
    @ivar kind: of the line that it becomes; nothing for a command.
    @ivar body: what that line says.
    @ivar room: the folded name of the room it is said in, once that is decided.
    @ivar nick: the folded name it is said under, once it is sent.
    @ivar quiet: the client itself asks, and its person is not told.
    """

    text: str
    word: str = ""
    kind: str = ""
    body: str = ""
    room: str = ""
    nick: str = ""
    quiet: bool = False

    @property
    def shown(self) -> str:
        """The same without what nobody should see."""
        return f"{SIGN}{self.word} ..." if self.word in SECRET else clean(self.text)

    @property
    def indented(self) -> bool:
        """Whether its spaces would be lost behind a command."""
        return self.text != self.text.strip()


def read(typed: str) -> OutgoingLine | None:
    """What it is; L{None} if it says nothing."""
    text = visible(typed.rstrip("\r\n"))
    if not text.strip():
        return None
    if not text.startswith(SIGN) or text.startswith(2 * SIGN):
        return OutgoingLine(text, kind="message", body=clean(text.removeprefix(SIGN)).strip())
    word, _, rest = text[1:].partition(" ")
    word, rest = word.lower(), rest.strip()
    if word == "me" and rest:
        return OutgoingLine(text, word, "me", clean(rest))
    to, _, said = rest.partition(" ")
    if word == "msg" and to.startswith(ROOM_SIGN) and said.strip():
        return OutgoingLine(text, word, "message", clean(said).strip(), roomKey(to))
    return OutgoingLine(text, word)


@dataclass(slots=True)
class Outbox:
    """
    What was typed and is not settled yet.

    @ivar waiting: not sent; in the order in which it was typed.
    @ivar sent: on the way, with L{None} for each fence: what stands before a fence is
        settled when that is answered.
    @ivar doubtful: lines that were on the way when the connection was lost.
    @ivar unsent: lines that are known not to be said.
    """

    waiting: deque[OutgoingLine] = field(default_factory=deque)
    sent: deque[OutgoingLine | None] = field(default_factory=deque)
    doubtful: list[OutgoingLine] = field(default_factory=list)
    unsent: list[OutgoingLine] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """How many lines are waiting or on the way."""
        both = [*self.waiting, *self.sent, *self.doubtful]
        return sum(1 for each in both if each is not None and each.kind)

    @property
    def idle(self) -> bool:
        """Whether everything is settled."""
        return not (self.waiting or self.sent or self.doubtful)

    def came(self, said: ServerEvent) -> list[OutgoingLine]:
        """A line has come back, or one of somebody else has come."""
        room, nick = roomKey(said.text("room")), fold(said.text("nick"))
        kind, body = said.text("kind"), said.text("text").strip()
        for items in (self.doubtful, self.sent):
            here = [each for each in items if each is not None and each.kind and each.room == room]
            for number, each in enumerate(here):
                same = (each.kind, each.body) == (kind, body) or kind == DELETED
                if each.nick == nick and same:
                    for settled in here[: number + 1]:
                        items.remove(settled)
                    return here[:number]
        return []

    def fenced(self) -> list[OutgoingLine]:
        """The oldest fence is answered."""
        items: list[OutgoingLine] = []
        while self.sent and (item := self.sent.popleft()) is not None:
            items.append(item)
        return items

    def lost(self) -> list[OutgoingLine]:
        """The connection is lost."""
        items = [each for each in self.sent if each is not None]
        self.sent.clear()
        self.doubtful += [each for each in items if each.kind]
        return [each for each in items if not each.kind and not each.quiet]

    def again(self, items: Iterable[OutgoingLine]) -> None:
        self.waiting.extendleft(reversed(list(items)))
