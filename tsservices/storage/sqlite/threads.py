"""What the threads of one database share.  None of them imports Twisted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tsservices.storage.sqlite.config import SQLiteConfig


@dataclass(frozen=True, slots=True)
class ThreadContext:
    """Where a thread works, and how it reports."""

    path: str
    config: SQLiteConfig
    #: Calls something in the reactor's thread: the only way out of these.
    callFromThread: Callable[..., object]
    #: The time: nanoseconds since 1970, UTC.
    wallClock: Callable[[], int]
    # Two connections that open a database at once are in each other's way: the writer is the first.
    #: Set when the writer has opened the database, or has failed to.
    opened: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, run: Callable[[], None]) -> None:
        """Start a thread that does not keep the process alive."""
        threading.Thread(target=run, name=name, daemon=True).start()
