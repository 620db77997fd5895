"""
All lines of a room, page by page, as fast as somebody reads them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol as Interface

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.storage import HistoryReader
from tsservices.frontends.formats.json import JSONFormatter
from tsservices.frontends.formats.text import TextFormatter

#: Writes a page, given also when the line before it was said, or 0.
Page = Callable[[list[RoomMessages], int], str]


def _text(localtime: Callable[[float], time.struct_time]) -> Page:
    return TextFormatter(localtime, withRoom=False).page


def _json(localtime: Callable[[float], time.struct_time]) -> Page:
    form = JSONFormatter()
    return lambda said, before: form.encode(said).decode()


#: How lines can be written, by name.
FORMATS: dict[str, Callable[[Callable[[float], time.struct_time]], Page]] = {
    "text": _text,
    "json": _json,
}


class ExportSink(Interface):
    """Who reads an export."""

    def working(self) -> None:
        """The next page is being read from the journal."""
        ...

    def text(self, text: str) -> None: ...

    def succeed(self, count: int) -> None: ...

    def fail(self, reason: str) -> None: ...


@implementer(IPullProducer)
class RoomExport:
    """
    One export.  A page is read from the journal when the one before it was sent: nothing
    waits in memory, and the chat's own questions come between any two.
    """

    def __init__(
        self,
        reader: HistoryReader,
        room: str,
        first: int,
        last: int,
        write: Page,
        reading: ExportSink,
    ) -> None:
        self._reader = reader
        self._room = room
        self._next = first
        self._last = last
        self._write = write
        self._reading = reading
        self._count = 0
        self._before = 0
        self._asking = False
        self._stopped = False

    def resumeProducing(self) -> None:
        """The reader takes more."""
        if self._asking or self._stopped:
            return
        if self._next > self._last:
            self._stopped = True
            self._reading.succeed(self._count)
            return
        self._asking = True
        self._reading.working()
        self._reader.read(self._room, self._next, self._last, self._found)

    def stopProducing(self) -> None:
        """Nobody reads any more."""
        self._stopped = True

    def _found(self, lines: list[RoomMessages] | ChatError) -> None:
        self._asking = False
        if self._stopped:
            return
        if isinstance(lines, ChatError):
            self._stopped = True
            since = self._next - 1
            self._reading.fail(f"{lines}; lines up to {since} are written: --since {since} goes on")
        elif not lines:
            self._next = self._last + 1
            self.resumeProducing()
        else:
            text = self._write(lines, self._before)
            self._count += sum(len(each.texts) for each in lines)
            self._next, self._before = lines[-1].last + 1, lines[-1].time
            self._reading.text(text)
