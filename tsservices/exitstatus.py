"""
A stop that is a failure.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from typing import Any


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
        if sys.__stderr__ is not None:
            sys.__stderr__.write(f"tsserver: {reason}\n")
        self._atExit(self._end)
        self._reactor.stop()

    def _end(self) -> None:
        """
        All is stopped and logged.
        """
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._leave(1)
