"""
Lines that somebody said in a room.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tsservices.chat.events import DELETED


@dataclass(slots=True, eq=False)
class Said:
    """
    Lines that one person said in one room, which numbers them.  The lines after the
    first have the next numbers, and each is a nanosecond later.

    @ivar room: the key of the room.
    @ivar roomName: its name.
    @ivar first: the number of the first line.
    @ivar time: when the first was said: nanoseconds since 1970, UTC.
    @ivar log: the incarnation of the order in which all this stands.
    @ivar position: of the batch in that order.
    @ivar index: of the first line in the batch.
    @ivar kind: of all lines: L{tsservices.chat.events.MESSAGE} and its like.
    @ivar nick: who said it.
    @ivar account: the account of who said it; L{None} for guests.
    @ivar session: the id of who said it; nothing if it is read from the journal.
    @ivar texts: the lines.
    @ivar previous: when the line before the first was said; 0 if there is none, or if it
        is read from the journal.
    """

    room: str
    roomName: str
    first: int
    time: int
    log: str
    position: int
    index: int
    kind: str
    nick: str
    account: str | None
    session: str
    texts: tuple[str, ...]
    previous: int = 0

    @property
    def last(self) -> int:
        """
        @return: the number of the last line.
        """
        return self.first + len(self.texts) - 1

    def ident(self, which: int) -> str:
        """
        @param which: of the lines, from 0.
        @return: its id, the same on every node and for ever.
        """
        return f"{self.log}-{self.position}-{self.index + which}"

    def since(self, number: int) -> Said:
        """
        @param number: of one of the lines.
        @return: that line and those after it.
        """
        skipped = number - self.first
        return self._part(skipped, len(self.texts)) if skipped > 0 else self

    def without(self, number: int) -> list[Said]:
        """
        @param number: of any line.
        @return: the same lines; if that is one of them, without its text.
        """
        which = number - self.first
        if not 0 <= which < len(self.texts):
            return [self]
        deleted = replace(self._part(which, which + 1), kind=DELETED, texts=("",))
        around = (self._part(0, which), deleted, self._part(which + 1, len(self.texts)))
        return [each for each in around if each.texts]

    def _part(self, begin: int, end: int) -> Said:
        """
        @param begin: how many lines are before it.
        @param end: how many lines there are up to its end.
        @return: the lines between.
        """
        return replace(
            self,
            first=self.first + begin,
            time=self.time + begin,
            index=self.index + begin,
            texts=self.texts[begin:end],
            previous=self.time + begin - 1 if begin else self.previous,
        )
