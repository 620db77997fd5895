"""The export of a room: all its messages, page by page, at the speed of the reader."""

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

#: Formats a page; also takes the time of the message before it, or 0.
Page = Callable[[list[RoomMessages], int], str]


def _text(localtime: Callable[[float], time.struct_time]) -> Page:
    return TextFormatter(localtime, withRoom=False).page


def _json(localtime: Callable[[float], time.struct_time]) -> Page:
    form = JSONFormatter()
    return lambda messages, before: form.encode(messages).decode()


#: The formats of messages, by their names on the command line.
FORMATS: dict[str, Callable[[Callable[[float], time.struct_time]], Page]] = {
    "text": _text,
    "json": _json,
}


class ExportSink(Interface):
    """The receiver of an export: of its pages, then of the count of messages or an error."""

    def working(self) -> None:
        """Report that the next page is being read from the storage."""
        ...

    def text(self, text: str) -> None: ...

    def succeed(self, count: int) -> None: ...

    def fail(self, reason: str) -> None: ...


@implementer(IPullProducer)
class RoomExport:
    """
    One export, a pull producer.  Each page is read from the storage when the previous one was sent:
    no pages wait in memory, and the storage serves queries of users between any two pages.
    """

    def __init__(
        self,
        reader: HistoryReader,
        room: str,
        first: int,
        last: int,
        write: Page,
        sink: ExportSink,
    ) -> None:
        """
        @param first: the number of the first message.
        @param last: the number of the last message; messages during the export are left out.
        """
        self._reader = reader
        self._room = room
        self._next = first
        self._last = last
        self._write = write
        self._sink = sink
        self._count = 0
        self._before = 0
        self._reading = False
        self._stopped = False

    def resumeProducing(self) -> None:
        # A transport calls this whenever its buffer is empty, also after a sign of life.
        if self._reading or self._stopped:
            return
        if self._next > self._last:
            self._stopped = True
            self._sink.succeed(self._count)
            return
        self._reading = True
        self._sink.working()
        self._reader.read(self._room, self._next, self._last, self._found)

    def stopProducing(self) -> None:
        self._stopped = True

    def _found(self, page: list[RoomMessages] | ChatError) -> None:
        self._reading = False
        if self._stopped:
            return
        if isinstance(page, ChatError):
            self._stopped = True
            since = self._next - 1
            self._sink.fail(f"{page}; lines up to {since} are written: --since {since} goes on")
        elif not page:
            # The remaining messages have expired meanwhile.
            self._next = self._last + 1
            self.resumeProducing()
        else:
            text = self._write(page, self._before)
            self._count += sum(len(messages.texts) for messages in page)
            self._next, self._before = page[-1].last + 1, page[-1].time
            self._sink.text(text)
