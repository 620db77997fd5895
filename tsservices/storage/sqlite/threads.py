"""The context shared by the threads of one database.  None of them imports Twisted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tsservices.storage.sqlite.config import SQLiteConfig


@dataclass(frozen=True, slots=True)
class ThreadContext:
    """The database and the settings of a thread, and its way to report."""

    path: str
    config: SQLiteConfig
    #: Calls a function in the reactor's thread: the only way for a thread to report.
    callFromThread: Callable[..., object]
    #: Returns the time: nanoseconds since 1970, UTC.
    wallClock: Callable[[], int]
    # Connections that open a database at the same time can block each other: the writer is first.
    #: Set when the writer has opened the database, or has failed to.
    opened: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, run: Callable[[], None]) -> None:
        """Start a thread that does not keep the process alive."""
        threading.Thread(target=run, name=name, daemon=True).start()
