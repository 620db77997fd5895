"""
The log of a server that twistd runs: its files, and how a line of it reads.

twistd's own log file keeps all that was ever rotated, and renames each of these files at each
rotation.  What strangers send can fill a file; so here their number has a bound.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Mapping
from typing import Any

from twisted.application.service import IServiceCollection
from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogEvent,
    formatEventAsClassicLogText,
    formatTime,
)
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile

from tsservices.server.shutdown import OrderedMultiService

#: Where twistd logs when it becomes a daemon and no file is named.
DEFAULT_FILE = "twistd.log"

#: Bytes of a log file, after which a new one begins.
LOG_BYTES = 10_000_000

#: Full log files that are kept: C{twistd.log.1} is the newest of them.
LOG_FILES = 9

#: What programs take out of the log by its namespace.
PUBLIC = frozenset({"tsservices.audit", "tsservices.transcript"})

# What each port of Twisted writes when it begins and ends, by its number alone.  The server has a
# line of its own for each place.
_PORT_EVENT = re.compile(r".+ starting on .+|\((TCP|UDP|UNIX) Port .+ Closed\)", re.DOTALL)


class LogError(Exception):
    """The log can't be opened.  The argument is one line that says why."""


class RotatedLogFile(LogFile):
    """A log file of which so many old ones are kept, and no more."""

    def __init__(self, name: str, directory: str) -> None:
        """@raise OSError: it can't be opened."""
        super().__init__(name, directory, LOG_BYTES, maxRotatedFiles=LOG_FILES)
        # An older version may have left thousands; the first rotation would hold the reactor.
        for number in self.listLogs():
            if number > LOG_FILES:
                with contextlib.suppress(OSError):
                    os.remove(f"{self.path}.{number}")

    def beginAnew(self) -> None:
        """
        Begin a new file, unless this one is empty: what SIGUSR1 asks for.  If somebody (logrotate,
        say) has moved the file away, there is nothing to rotate, and it is opened again.
        """
        try:
            now = os.stat(self.path)
            mine = os.fstat(self._file.fileno())
            isMine = (now.st_dev, now.st_ino) == (mine.st_dev, mine.st_ino)
        except FileNotFoundError:
            isMine = False
        if not isMine:
            self.reopen()
        elif self.size:
            self.rotate()


def formatLine(event: LogEvent) -> str | None:
    """One event as a line of the log; L{None}: it is not logged."""
    namespace = event.get("log_namespace", "")
    if namespace == "log_legacy" and _PORT_EVENT.fullmatch(event.get("log_text") or ""):
        return None
    program = namespace.partition(".")[0]
    if program in ("tsservices", "twisted") and namespace not in PUBLIC:
        # The path of a module says nothing to whoever reads the log.
        event = {**event, "log_namespace": program}
    return formatEventAsClassicLogText(event, formatTime=formatTime)


def logPlace(parent: Mapping[str, Any]) -> str:
    """
    Where the log goes, for people.

    @param parent: the options of twistd; empty without twistd.
    """
    if parent.get("syslog"):
        return "syslog"
    file = parent.get("logfile")
    if file not in (None, "-"):
        return str(file)
    return "this terminal" if parent.get("nodaemon", True) else DEFAULT_FILE


def openLog(parent: Mapping[str, Any], reactor: Any) -> FileLogObserver | None:
    """
    Open the log where the options of twistd say.

    @param parent: the options of twistd; empty without twistd.
    @return: what writes it; L{None}: the program that runs this does that, or refuses.
    @raise LogError: the file can't be opened.
    """
    if "nodaemon" not in parent:
        # It is no twistd that runs this (twist, a test).
        return None
    name, foreground = parent.get("logfile"), bool(parent["nodaemon"])
    if parent.get("logger") or parent.get("syslog") or (name == "-" and not foreground):
        _onUSR1(signal.SIG_IGN)
        return None
    if name == "-" or (foreground and not name):
        _onUSR1(signal.SIG_IGN)
        return FileLogObserver(sys.stdout, formatLine)
    try:
        file = RotatedLogFile.fromFullPath(name or DEFAULT_FILE)
    except OSError as reason:
        raise LogError(f"the log {name or DEFAULT_FILE}: {reason.strerror}") from reason
    _onUSR1(lambda number, frame: reactor.callFromThread(file.beginAnew))
    return FileLogObserver(file, formatLine)


def _onUSR1(handler: Any) -> None:
    # As twistd does: a handler that is there already, or "ignored", stays.  Where there is no file
    # the signal must not end the server, as it would by default.
    if signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL:
        signal.signal(signal.SIGUSR1, handler)


class LoggedService(OrderedMultiService):
    """
    All services of a server, which bring the log of their application with them.

    twistd takes an observer that is a component of the application, unless C{--logger} names one.
    """

    def __init__(self, observer: FileLogObserver | None) -> None:
        super().__init__()
        self._observer = observer

    def setServiceParent(self, parent: Any) -> None:
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(IServiceCollection(parent))
