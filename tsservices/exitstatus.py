"""
A stop that is a failure.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ReactorNotRunning


class FailingStop:
    """
    Stops the server in order, with exit status 1: supervisors are to see that it
    failed, and twistd itself ends with 0 when its reactor has stopped.
    """

    def __init__(
        self,
        reactor: Any,
        atExit: Callable[[Callable[[], None]], object] = atexit.register,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        """
        @param reactor: is stopped.
        @param atExit: has something called when the interpreter ends, before all that
            asked for it earlier.
        @param leave: ends the process with a status.
        """
        self._reactor = reactor
        self._atExit = atExit
        self._leave = leave
        self._stopping = False

    def stop(self, reason: str) -> None:
        """
        @param reason: one line, for whoever looks at the standard error.
        """
        if self._stopping:
            return
        self._stopping = True
        self._atExit(self._end)
        # It may be stopping already: then only the status is another.
        with contextlib.suppress(ReactorNotRunning):
            self._reactor.stop()
        # It may go to the very disk that has failed.
        with contextlib.suppress(OSError, ValueError):
            if sys.__stderr__ is not None:
                sys.__stderr__.write(f"tsserver: {reason}\n")

    def _end(self) -> None:
        """
        All is stopped and logged.
        """
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        self._leave(1)
