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
import stat
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, TextIO, cast

from twisted.application.service import IServiceCollection
from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogEvent,
    Logger,
    formatEventAsClassicLogText,
    formatTime,
)
from twisted.python.components import Componentized

from tsservices.server.shutdown import OrderedMultiService

#: Where twistd logs when it becomes a daemon and no file is named.
DEFAULT_FILE = "twistd.log"

#: Bytes of a log file, after which a new one begins.
LOG_BYTES = 10_000_000

#: Full log files that are kept: C{twistd.log.1} is the newest of them.
LOG_FILES = 9

#: What programs take out of the log by its namespace.
PUBLIC = frozenset({"tsservices.audit", "tsservices.transcript"})

_LOG = Logger("tsservices")

# What each port of Twisted writes when it begins and ends, by its number alone.  The server has a
# line of its own for each place.
_PORT_EVENT = re.compile(r".+ starting on .+|\((TCP|UDP|UNIX) Port .+ Closed\)", re.DOTALL)


class LogError(Exception):
    """The log can't be opened.  The argument is one line that says why."""


class RotatedLogFile:
    """
    A log file of which so many old ones are kept, and no more.

    What goes wrong with the files (a full disk, a folder where nothing may be made) ends neither
    the log nor the server: the file that is open goes on.
    """

    def __init__(self, path: str, owner: tuple[int, int] = (-1, -1)) -> None:
        """
        @param owner: user and group of the file, if it is made here; -1: that of the process.
        @raise OSError: it can't be opened.
        """
        self._path = os.path.abspath(path)
        self._descriptor = self._openedFor(*owner)
        self._size = os.fstat(self._descriptor).st_size
        self._removeSurplus()

    def write(self, text: str) -> None:
        """@raise OSError: it can't be done."""
        if self._size >= LOG_BYTES:
            self._rotateFrom(LOG_BYTES)
        # A name of a file may have bytes that are no text.
        data = text.encode(errors="backslashreplace")
        self._size += len(data)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        os.close(self._descriptor)

    def beginAnew(self) -> None:
        """
        Begin a new file, unless this one is empty: what SIGUSR1 asks for.  If somebody (logrotate,
        say) has moved the file away, there is nothing to rotate, and it is opened again.
        """
        self._rotateFrom(1)

    def _rotateFrom(self, size: int) -> None:
        # If it can't be done, it is tried again after as many bytes more.
        self._size = 0
        try:
            if not self._isMine():
                # If nobody has moved it, another process with the same log was faster.
                self._reopen()
            elif (now := os.fstat(self._descriptor).st_size) < size:
                # Somebody has cut it.
                self._size = now
            else:
                self._rotate()
        except OSError as reason:
            _LOG.warn(
                "the log {path} can't begin anew, and goes on in the file that is open: {reason}",
                path=self._path,
                reason=reason.strerror,
            )

    def _isMine(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            # As root even /dev/null could be renamed.
            return
        for number in range(LOG_FILES - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
        os.replace(self._path, f"{self._path}.1")
        self._reopen()
        with contextlib.suppress(OSError):
            os.fchmod(self._descriptor, stat.S_IMODE(status.st_mode))

    def _reopen(self) -> None:
        # The old one stays open until the new one is.
        descriptor = self._opened()
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size

    def _openedFor(self, user: int, group: int) -> int:
        try:
            descriptor = self._opened(os.O_EXCL)
        except FileExistsError:
            # It may be anybody's, and the path a link to it: root must not give it away.
            return self._opened()
        with contextlib.suppress(OSError):
            # Without the right to do this there is none to become that user.
            os.fchown(descriptor, user, group)
        return descriptor

    def _opened(self, more: int = 0) -> int:
        # To append: if somebody cuts the file (logrotate's copytruncate), it goes on at its end.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        return os.open(self._path, flags | more, 0o666)

    def _removeSurplus(self) -> None:
        # An older version may have left thousands.  A date, of logrotate's say, is no such number.
        pattern = re.compile(re.escape(os.path.basename(self._path)) + r"\.([1-9][0-9]{0,5})")
        folder = os.path.dirname(self._path)
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                found = pattern.fullmatch(name)
                if found and int(found[1]) > LOG_FILES:
                    with contextlib.suppress(OSError):
                        os.remove(os.path.join(folder, name))


def formatLine(event: LogEvent, worker: int = 0) -> str | None:
    """
    One event as a line of the log; L{None}: it is not logged.

    @param worker: the number of this process among several; 0: it is the only one, or the main one.
    """
    namespace = event.get("log_namespace", "")
    if namespace == "log_legacy" and _PORT_EVENT.fullmatch(event.get("log_text") or ""):
        return None
    program = namespace.partition(".")[0]
    if program in ("tsservices", "twisted") and namespace not in PUBLIC:
        # The path of a module says nothing to whoever reads the log.
        event = {**event, "log_namespace": f"{program} {worker}" if worker else program}
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


def openLog(
    parent: Mapping[str, Any], reactor: Any, worker: int = 0, owner: tuple[int, int] = (-1, -1)
) -> FileLogObserver | None:
    """
    Open the log where the options of twistd say.

    @param parent: the options of twistd; empty without twistd.
    @param worker: as for L{formatLine}.
    @param owner: as for L{RotatedLogFile}; the workers of a server open its file as that user.
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
        return FileLogObserver(sys.stdout, partial(formatLine, worker=worker))
    try:
        file = RotatedLogFile(name or DEFAULT_FILE, owner)
    except OSError as reason:
        raise LogError(f"the log {name or DEFAULT_FILE}: {reason.strerror}") from reason
    _onUSR1(lambda number, frame: reactor.callFromThread(file.beginAnew))
    return FileLogObserver(cast(TextIO, file), partial(formatLine, worker=worker))


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
