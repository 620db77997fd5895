"""
The state folder: its lock, which only one server has, and the names of the files in it.

The folder may belong to the user that the server becomes, and a server that starts as root must do
nothing for that user that the user could not do alone: see L{tsservices.common.plainfiles}.

The clients use the names too, and import no Twisted for them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import platformdirs

from tsservices.common.plainfiles import checkNoLink, createPlain, openPlain

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

#: The key and the certificate of TLS, if no others are named.
CERTIFICATE_FILE = "tls.pem"

#: Shown to everybody who connects to the chat, if the file exists.
WELCOME_FILE = "welcome.txt"

_LOCK_FILE = "lock"

# Files of one process among several in a folder: "ports.123.json", and the file it locks,
# "server.123.lock".  Drafts are of versions before this one too, whose names had a number more.
_OF_PROCESS = re.compile(r"(?:ports|counters)\.([\w-]+)\.json(?:\.\d+)?(?:\.new)?")
_PROCESS_LOCK = re.compile(r"server\.([\w-]+)\.lock")
_DRAFT = re.compile(r"(?:ports|counters|node)\.json(?:\.\d+)?\.new|tls\.pem\.[0-9a-f]+\.new")

# Numbers of processes may be the same in several containers; more than these share no folder.
_SAME_NUMBERS = 1000

# Seconds until a lock that is taken is tried once more.
_SWEEP_SECONDS = 0.05

# A file that is locked is removed at most once in the life of a process.
_LOCK_ATTEMPTS = 100

# To name a file and do nothing with it; where that can't be, to read it.
_FIND: int = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)

_READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


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
        self._opened: int | None = None
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

        @raise OSError: it can't be made, or is a link that belongs to another user.
        """
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._directory()

    def _directory(self) -> int:
        # Its descriptor: the name could be given to another folder meanwhile.
        if self._opened is None:
            try:
                self._opened = os.open(self._folder, _READ_FOLDER | os.O_NOFOLLOW)
            except OSError:
                found = os.lstat(self._folder)
                if not stat.S_ISLNK(found.st_mode):
                    raise
                # The link of an administrator; anybody else could make root work anywhere.
                if found.st_uid not in (0, os.geteuid()):
                    raise OSError(errno.EPERM, "it is a link of another user") from None
                self._opened = os.open(self._folder, _READ_FOLDER)
        return self._opened

    def lock(self) -> None:
        """
        Take the folder, if no other server has it.

        @raise OSError: it can't be written to.
        """
        self._lock = self._lockFile(_LOCK_FILE)
        if self._lock is None:
            # It may have been L{sweep} of another process, which takes some milliseconds.
            time.sleep(_SWEEP_SECONDS)
            self._lock = self._lockFile(_LOCK_FILE)
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
        names = os.listdir(self._directory())
        if self.owned:
            self._removeOwned(names)
        elif _LOCK_FILE in names:
            # A server that shares its ports never has the folder, and nobody may have it now.
            lock = self._lockFile(_LOCK_FILE)
            if lock is not None:
                self._removeOwned(names)
                os.close(lock)
        matches = (_OF_PROCESS.fullmatch(name) or _PROCESS_LOCK.fullmatch(name) for name in names)
        for mark in {match[1] for match in matches if match} - {self._mark}:
            # While this is held, no process begins that has the same number.
            with contextlib.suppress(OSError):
                lock = self._lockFile(_lockName(mark))
                if lock is not None:
                    self._removeMarked(mark, lock)

    def _removeOwned(self, names: list[str]) -> None:
        for name in names:
            isSocket = name in (OPERATOR_SOCKET, CONTROL_SOCKET) and self._isSocket(name)
            if name == PORTS_FILE or _DRAFT.fullmatch(name) or isSocket:
                self.remove(self.path(name))

    def _removeMarked(self, mark: str, lock: int) -> None:
        # The lock goes last: a name that is free has no files.
        for name in os.listdir(self._directory()):
            if (match := _OF_PROCESS.fullmatch(name)) and match[1] == mark:
                self.remove(self.path(name))
        self.remove(self.path(_lockName(mark)))
        os.close(lock)

    def giveTo(self, user: int, group: int) -> list[str]:
        """
        Give the folder and the files in it to another user, because the server becomes that one:
        what belongs to this process's user, and is neither a link nor has another name elsewhere.

        @param user: -1 to change only the group, as for C{group}.
        @return: the names that were not given away.
        @raise OSError: this process may not.
        """
        if (user, group) == (-1, -1):
            return []
        directory = self._directory()
        if os.fstat(directory).st_uid == os.geteuid():
            os.fchown(directory, user, group)
        return [name for name in os.listdir(directory) if not self._giveFile(name, user, group)]

    def _giveFile(self, name: str, user: int, group: int) -> bool:
        try:
            # Opens nothing, so it works for sockets too; from here on it is this very file.
            found = os.open(name, _FIND | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._directory())
        except OSError:
            return False
        try:
            status = os.fstat(found)
            if status.st_uid == user and group in (-1, status.st_gid):
                return True
            plain = stat.S_ISREG(status.st_mode) or stat.S_ISSOCK(status.st_mode)
            if not plain or status.st_nlink != 1 or status.st_uid not in (os.geteuid(), user):
                return False
            if _FIND & os.O_NONBLOCK:
                os.fchown(found, user, group)
            else:
                os.chown(f"/proc/self/fd/{found}", user, group)
            return True
        finally:
            os.close(found)

    def contains(self, path: str) -> bool:
        """Whether a path names something in this folder."""
        parent = os.path.dirname(os.path.abspath(path))
        return os.path.realpath(parent) == os.path.realpath(self._folder)

    def checkOwn(self, paths: Iterable[str]) -> None:
        """
        Check files that others open by their paths, as far as they are in this folder.

        @raise OSError: one is a link, or has another name too.
        """
        for path in filter(self.contains, paths):
            with contextlib.suppress(FileNotFoundError):
                checkNoLink(path)
                if os.lstat(path).st_nlink != 1:
                    raise OSError(errno.EMLINK, f"{os.path.basename(path)} has another name too")

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
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None

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
            lock = self._lockFile(_lockName(mark))
            if lock is not None:
                self._mark, self._markLock = mark, lock
                return
        raise OSError(errno.EEXIST, "too many servers have this number of a process")

    def write(self, path: str, content: Any) -> None:
        """
        Replace a file by JSON at once, so that nobody reads half of it.

        @param path: no other process writes this file.
        @raise OSError: it can't be written.
        """
        name, directory = os.path.basename(path), self._directory()
        draft = f"{name}.new"
        made = createPlain(draft, os.O_WRONLY, directory, 0o666)
        with open(made, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        os.replace(draft, name, src_dir_fd=directory, dst_dir_fd=directory)

    def readPrivate(self, name: str) -> bytes:
        """
        Read a file that is no link.

        @raise OSError: it can't be read.
        """
        with open(openPlain(name, os.O_RDONLY, folder=self._directory()), "rb") as file:
            return file.read()

    def makeOnce(self, name: str, make: Callable[[], bytes]) -> None:
        """
        Make a file that only its owner may read, if it is not there.  Of several processes that do
        this at the same time one makes it, and none sees a part of it.

        @param make: makes the content.
        @raise OSError: it can't be made.
        """
        directory = self._directory()
        for _ in range(_LOCK_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                self._find(name)
                return
            draft = f"{name}.{secrets.token_hex(8)}.new"
            try:
                with open(createPlain(draft, os.O_WRONLY, directory), "wb") as file:
                    file.write(make())
                    file.flush()
                    os.fsync(file.fileno())
                # A link, since a rename would replace what another process has made meanwhile.  The
                # draft may be gone, by another one's sweep.
                with contextlib.suppress(FileExistsError, FileNotFoundError):
                    os.link(draft, name, src_dir_fd=directory, dst_dir_fd=directory)
            finally:
                self.remove(draft)
        raise OSError(errno.EAGAIN, f"{name} is removed each time it is made")

    def remove(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(os.path.basename(path), dir_fd=self._directory())

    def _find(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._directory(), follow_symlinks=False)

    def _isSocket(self, name: str) -> bool:
        try:
            return stat.S_ISSOCK(self._find(name).st_mode)
        except OSError:
            return False

    def _lockFile(self, name: str) -> int | None:
        # The descriptor of a file, made if need be, that this process alone has locked now.
        for _ in range(_LOCK_ATTEMPTS):
            lock = openPlain(name, os.O_RDWR | os.O_CREAT, folder=self._directory())
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # It may have been removed in between, by the process that had it.
                if os.path.samestat(os.fstat(lock), self._find(name)):
                    return lock
            except BlockingIOError:
                os.close(lock)
                return None
            except FileNotFoundError:
                pass
            os.close(lock)
        return None


def _lockName(mark: str) -> str:
    return f"server.{mark}.lock"
