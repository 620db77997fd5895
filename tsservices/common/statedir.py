"""
The state folder: its lock, which only one server has, and the names of the files in it.

The clients use the names too, and import no Twisted for them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Mapping
from typing import Any

import platformdirs

#: The log, while the operator has the terminal.
LOG_FILE = "tsserver.log"

#: Where an operator of C{talk} attaches.
OPERATOR_SOCKET = "operator.sock"

#: Where L{tsservices.admin.control} listens.
CONTROL_SOCKET = "control.sock"

#: Where programs read which service listens at which address.
PORTS_FILE = "ports.json"

#: Where programs read the counters.
COUNTERS_FILE = "counters.json"

#: The database of the chat.
CHAT_FILE = "chat.sqlite"

#: The name of this node of a cluster, when it was made up.
NODE_FILE = "node.json"

#: Shown to everybody who connects to the chat, if the file exists.
WELCOME_FILE = "welcome.txt"

_LOCK_FILE = "lock"

# Files of one process among several in a folder: "ports.123.json", and the file it locks,
# "server.123.lock".  Drafts are of versions before this one too, whose names had a number more.
_OF_PROCESS = re.compile(r"(?:ports|counters)\.([\w-]+)\.json(?:\.\d+)?(?:\.new)?")
_PROCESS_LOCK = re.compile(r"server\.([\w-]+)\.lock")
_DRAFT = re.compile(r"(?:ports|counters|node)\.json(?:\.\d+)?\.new")

# Numbers of processes may be the same in several containers; more than these share no folder.
_SAME_NUMBERS = 1000

# Seconds until a lock that is taken is tried once more.
_SWEEP_SECONDS = 0.05

# A file that is locked is removed at most once in the life of a process.
_LOCK_ATTEMPTS = 100


def defaultStateFolder(environ: Mapping[str, str] = os.environ) -> str:
    """
    The folder when the operator names none: systemd's C{StateDirectory=}, or the user's own.

    @raise ValueError: the user has none.  The argument is one line that says why.
    """
    # systemd gives several with colons between.
    if folder := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return folder
    try:
        folder = platformdirs.user_state_dir("tsservices", appauthor=False)
    except RuntimeError:
        folder = ""
    # Older versions of platformdirs raise nothing: a folder that is called "~" would be made.
    if not os.path.isabs(folder):
        raise ValueError(
            "this user has no home folder to keep the state in: set HOME, or name one by --state"
        )
    return folder


class StateDirectory:
    """
    A folder that one server has for itself.

    @ivar owned: whether this server has the lock.  A second one in the same folder
        serves, but leaves alone what belongs to the first.
    """

    # flock, because twistd forks: a lock of fcntl belongs to a process and not to its children, and
    # a file with a process id lies after a crash.

    def __init__(self, folder: str) -> None:
        self._folder = os.path.abspath(folder)
        self._lock: int | None = None
        # What stands in the names of the files of this process, if it does not own the folder.
        self._mark = ""
        self._markLock: int | None = None
        self.owned = False

    def __str__(self) -> str:
        return self._folder

    def path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def create(self) -> None:
        """
        Make the folder if it does not exist.

        @raise OSError: it can't be made.
        """
        os.makedirs(self._folder, mode=0o700, exist_ok=True)

    def lock(self) -> None:
        """
        Take the folder, if no other server has it.

        @raise OSError: it can't be written to.
        """
        self._lock = _lock(self.path(_LOCK_FILE))
        if self._lock is None:
            # It may have been L{sweep} of another process, which takes some milliseconds.
            time.sleep(_SWEEP_SECONDS)
            self._lock = _lock(self.path(_LOCK_FILE))
        self.owned = self._lock is not None

    def sweep(self) -> None:
        """
        Remove what processes have left that were killed.

        Whether one lives is told by the lock that it holds: its number may be that of a living
        process, in this container or in another one.
        """
        with contextlib.suppress(OSError):
            self._sweep()

    def _sweep(self) -> None:
        names = os.listdir(self._folder)
        if self.owned:
            self._removeOwned(names)
        elif _LOCK_FILE in names:
            # A server that shares its ports never has the folder, and nobody may have it now.
            lock = _lock(self.path(_LOCK_FILE))
            if lock is not None:
                self._removeOwned(names)
                os.close(lock)
        matches = (_OF_PROCESS.fullmatch(name) or _PROCESS_LOCK.fullmatch(name) for name in names)
        for mark in {match[1] for match in matches if match} - {self._mark}:
            # While this is held, no process begins that has the same number.
            lock = _lock(self._markPath(mark))
            if lock is not None:
                self._removeMarked(mark, lock)

    def _removeOwned(self, names: list[str]) -> None:
        for name in names:
            path = self.path(name)
            isSocket = name in (OPERATOR_SOCKET, CONTROL_SOCKET)
            if name == PORTS_FILE or _DRAFT.fullmatch(name) or (isSocket and _isSocket(path)):
                self.remove(path)

    def _removeMarked(self, mark: str, lock: int) -> None:
        # The lock goes last: a name that is free has no files.
        for name in os.listdir(self._folder):
            if (match := _OF_PROCESS.fullmatch(name)) and match[1] == mark:
                self.remove(self.path(name))
        self.remove(self._markPath(mark))
        os.close(lock)

    def chown(self, user: int, group: int) -> None:
        """
        Give all that is in it to another user, because the server becomes that one.

        @raise OSError: this process may not.
        """
        if (user, group) != (-1, -1):
            for name in ("", *os.listdir(self._folder)):
                os.chown(self.path(name), user, group)

    def release(self) -> None:
        """
        Let another server have the folder.  The files of this process alone are removed, and what
        dead ones have left.
        """
        self.sweep()
        if self._markLock is not None:
            with contextlib.suppress(OSError):
                self._removeMarked(self._mark, self._markLock)
            self._markLock, self._mark = None, ""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            self.owned = False

    def privatePath(self, name: str) -> str:
        """
        The path of a file, if this server owns the folder; else of one of this process alone,
        C{ports.123.json} for C{ports.json}.

        It is first called in the process that serves: daemons have another number than the
        process that locked the folder.

        @raise OSError: the folder can't be written to.
        """
        if self.owned:
            return self.path(name)
        if self._markLock is None:
            self._takeMark()
        stem, dot, ending = name.rpartition(".")
        return self.path(f"{stem}.{self._mark}{dot}{ending}")

    def _takeMark(self) -> None:
        number = os.getpid()
        for count in range(1, _SAME_NUMBERS):
            mark = f"{number}-{count}" if count > 1 else f"{number}"
            lock = _lock(self._markPath(mark))
            if lock is not None:
                self._mark, self._markLock = mark, lock
                return
        raise OSError(errno.EEXIST, "too many servers have this number of a process")

    def _markPath(self, mark: str) -> str:
        return self.path(f"server.{mark}.lock")

    def write(self, path: str, content: Any) -> None:
        """
        Replace a file by JSON at once, so that nobody reads half of it.

        @param path: no other process writes this file.
        @raise OSError: it can't be written.
        """
        draft = f"{path}.new"
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        os.replace(draft, path)

    def remove(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _isSocket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def _lock(path: str) -> int | None:
    # The descriptor of a file, made if need be, that this process alone has locked now.
    for _ in range(_LOCK_ATTEMPTS):
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been removed in between, by the process that had it.
            if os.path.samestat(os.fstat(lock), os.lstat(path)):
                return lock
        except BlockingIOError:
            os.close(lock)
            return None
        except FileNotFoundError:
            pass
        os.close(lock)
    return None
