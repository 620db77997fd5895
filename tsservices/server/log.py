"""
The log of a server that twistd runs: its files, and the format of its lines.

twistd's own log keeps all rotated files for ever, and renames each of them at each rotation.
Here their number is bounded, because data from unknown clients can fill the log.
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

#: twistd's log file for a daemon if none is named.
DEFAULT_FILE = "twistd.log"

#: The size in bytes at which a log file is rotated.
LOG_BYTES = 10_000_000

#: Rotated log files that are kept; C{twistd.log.1} is the newest.
LOG_FILES = 9

#: Namespaces that programs search for in the log.
PUBLIC = frozenset({"tsservices.audit", "tsservices.transcript"})

_LOG = Logger("tsservices")

# Twisted's log messages about opened and closed ports.  They show only the number; the server has
# a line of its own for each place.
_PORT_EVENT = re.compile(r".+ starting on .+|\((TCP|UDP|UNIX) Port .+ Closed\)", re.DOTALL)


class LogError(Exception):
    """The log can't be opened.  The argument is one line that says why."""


class RotatedLogFile:
    """
    A log file that is rotated, with a bounded number of old files.

    If a rotation fails (a full disk, a folder without the right to make files), the log continues
    in the open file.
    """

    def __init__(self, path: str, owner: tuple[int, int] = (-1, -1)) -> None:
        """
        @param owner: user and group of a file that is made here; -1: those of the process.
        @raise OSError: the file can't be opened.
        """
        self._path = os.path.abspath(path)
        self._descriptor = self._openedFor(*owner)
        self._size = os.fstat(self._descriptor).st_size
        # Whether the file ends in the middle of a line, after a write to a full disk.
        self._isTorn = self._size > 0 and self._endsTorn()
        self._removeSurplus()

    def write(self, text: str) -> None:
        """@raise OSError: the file can't be written."""
        if self._size >= LOG_BYTES:
            self._rotateFrom(LOG_BYTES)
        # The text may have surrogates, for bytes of a file name that are not UTF-8.
        data = b"\n" * self._isTorn + text.encode(errors="backslashreplace")
        self._size += len(data)
        while data:
            data = data[os.write(self._descriptor, data) :]
            self._isTorn = bool(data)

    def flush(self) -> None:
        """Do nothing, because nothing is buffered."""

    def close(self) -> None:
        os.close(self._descriptor)

    def rotateOrReopen(self) -> None:
        """
        Rotate the file unless it is empty, on SIGUSR1.  If another program (logrotate, for example)
        has moved the file away, only open it again.
        """
        self._rotateFrom(1)

    def _rotateFrom(self, size: int) -> None:
        # After a failure the next attempt comes after another LOG_BYTES.
        self._size = 0
        try:
            if not self._isMine():
                # Moved by another program, or by another process with the same log.
                self._reopen()
            elif (now := os.fstat(self._descriptor).st_size) < size:
                # Another program has truncated the file.
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
            # Root could rename even /dev/null.
            return
        for number in range(LOG_FILES - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self._path}.{number}", f"{self._path}.{number + 1}")
        os.replace(self._path, f"{self._path}.1")
        self._reopen()
        with contextlib.suppress(OSError):
            os.fchmod(self._descriptor, stat.S_IMODE(status.st_mode))

    def _reopen(self) -> None:
        # The old file stays open until the new one is open.
        descriptor = self._opened()
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._isTorn = False

    def _endsTorn(self) -> bool:
        with contextlib.suppress(OSError), open(self._path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
        return False

    def _openedFor(self, user: int, group: int) -> int:
        try:
            descriptor = self._opened(os.O_EXCL)
        except FileExistsError:
            # The path may be a link to any file, whose owner root must not change.
            return self._opened()
        with contextlib.suppress(OSError):
            # Without the right to do this, the process can't become that user either.
            os.fchown(descriptor, user, group)
        return descriptor

    def _opened(self, more: int = 0) -> int:
        # O_APPEND continues at the end of a truncated file (logrotate's copytruncate).
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        return os.open(self._path, flags | more, 0o666)

    def _removeSurplus(self) -> None:
        # An older version may have left thousands.  A date (logrotate's dateext) does not match.
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
    Format an event as a line of the log; L{None}: it is not logged.

    @param worker: the number of this worker process; 0: this is the only or the main process.
    """
    namespace = event.get("log_namespace", "")
    if namespace == "log_legacy" and _PORT_EVENT.fullmatch(event.get("log_text") or ""):
        return None
    program = namespace.partition(".")[0]
    if program in ("tsservices", "twisted") and namespace not in PUBLIC:
        # The path of a module is of no use to the reader of the log.
        event = {**event, "log_namespace": f"{program} {worker}" if worker else program}
    return formatEventAsClassicLogText(event, formatTime=formatTime)


def logPlace(parent: Mapping[str, Any]) -> str:
    """
    Describe where the log goes, for the operator.

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
    Open the log named by the options of twistd.

    @param parent: the options of twistd; empty without twistd.
    @param worker: as for L{formatLine}.
    @param owner: as for L{RotatedLogFile}; the workers of a server open its file as that user.
    @return: the observer that writes the log; L{None}: the runner writes it itself, or refuses.
    @raise LogError: the file can't be opened.
    """
    if "nodaemon" not in parent:
        # The runner is not twistd, but twist or a test.
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
    _onUSR1(lambda number, frame: reactor.callFromThread(file.rotateOrReopen))
    return FileLogObserver(cast(TextIO, file), partial(formatLine, worker=worker))


def _onUSR1(handler: Any) -> None:
    # As twistd does: an existing handler, or "ignored", stays.  Without a log file the signal must
    # be ignored, because by default it would end the server.
    if signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL:
        signal.signal(signal.SIGUSR1, handler)


class LoggedService(OrderedMultiService):
    """
    The parent of all services of a server, which also sets the log of the application.

    twistd uses the observer that is a component of the application, unless C{--logger} names one.
    """

    def __init__(self, observer: FileLogObserver | None) -> None:
        super().__init__()
        self._observer = observer

    def setServiceParent(self, parent: Any) -> None:
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(IServiceCollection(parent))
