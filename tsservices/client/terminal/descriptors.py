"""
Writing to the standard descriptors of the process, and restoring their mode at the end.

Twisted is not imported here, because the chat's prompt uses this module before it imports Twisted.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Seconds to wait while standard error is blocked, for example because it shares a full pipe with
#: standard output.
COMPLAINT_PATIENCE = 2.0


def writeError(text: str) -> None:
    """Write to standard error, even if its descriptor is non-blocking."""
    _write(2, text)


def writeOutput(text: str) -> None:
    """Write to standard output, even if its descriptor is non-blocking."""
    _write(1, text)


def _write(descriptor: int, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            if not select.select([], [descriptor], [], COMPLAINT_PATIENCE)[1]:
                return
        except OSError:
            return


@contextmanager
def blockingRestored() -> Iterator[None]:
    """Restore the mode of the standard descriptors, blocking or not, at the end."""
    # The mode belongs to the open file, not to this process: a shell or the next program on the
    # same terminal or pipe would inherit it.
    modes = [(descriptor, os.get_blocking(descriptor)) for descriptor in (0, 1, 2)]
    try:
        yield
    finally:
        for descriptor, blocking in modes:
            with suppress(OSError):
                os.set_blocking(descriptor, blocking)
