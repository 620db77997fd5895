"""
The state folder: its lock, which only one server has, and the names of the files in it.

The folder may belong to the unprivileged user of the server.  A server that starts as root must not
do anything for that user that the user may not do: see L{tsservices.common.plainfiles}.

The clients use the names too, so this module does not import Twisted.
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

#: The log, while the operator uses the terminal for input.
LOG_FILE = "tsserver.log"

#: The socket to which an operator of C{talk} attaches.
OPERATOR_SOCKET = "operator.sock"

#: The socket of L{tsservices.admin.control}.
CONTROL_SOCKET = "control.sock"

#: The services and their addresses, for other programs.
PORTS_FILE = "ports.json"

#: The counters, for other programs.
COUNTERS_FILE = "counters.json"

#: The database of the chat.
CHAT_FILE = "chat.sqlite"

#: The name of this node of a cluster, if it was generated.
NODE_FILE = "node.json"

#: The key and the certificate of TLS, if no others are configured.
CERTIFICATE_FILE = "tls.pem"

#: The text shown to every new connection of the chat, if the file exists.
WELCOME_FILE = "welcome.txt"

_LOCK_FILE = "lock"

# Files of one of several processes in a folder: "ports.123.json", and its lock file,
# "server.123.lock".  Names of temporary files of earlier versions, with a number, match too.
_OF_PROCESS = re.compile(r"(?:ports|counters)\.([\w-]+)\.json(?:\.\d+)?(?:\.new)?")
_PROCESS_LOCK = re.compile(r"server\.([\w-]+)\.lock")
_DRAFT = re.compile(r"(?:ports|counters|node)\.json(?:\.\d+)?\.new|tls\.pem\.[0-9a-f]+\.new")

# The most servers with the same process id, in several containers, that can share a folder.
_SAME_NUMBERS = 1000

# Seconds until a lock that is taken is tried once more.
_SWEEP_SECONDS = 0.05

# More attempts than needed: each process removes a lock file at most once.
_LOCK_ATTEMPTS = 100

# Flags to open a file without access to its content; without O_PATH, to read it.
_FIND: int = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)

_READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def defaultStateFolder(environ: Mapping[str, str] = os.environ) -> str:
    """
    Get the default folder: systemd's C{StateDirectory=}, or the one of the user.

    @raise ValueError: the user has no home folder.  The argument is the error message, one line.
    """
    # systemd separates several folders by colons.
    if folder := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return folder
    try:
        folder = platformdirs.user_state_dir("tsservices", appauthor=False)
    except RuntimeError:
        folder = ""
    # Older versions of platformdirs raise nothing: without this, a folder named "~" would be made.
    if not os.path.isabs(folder):
        raise ValueError(
            "this user has no home folder to keep the state in: set HOME, or name one by --state"
        )
    return folder


class StateDirectory:
    """
    A state folder, which one server owns.

    @ivar owned: whether this server has the lock.  Further servers in the same folder run, but do
        not touch the files of the owner.
    """

    # flock, because twistd forks: child processes do not inherit a lock of fcntl, and a file with a
    # process id is wrong after a crash.

    def __init__(self, folder: str) -> None:
        self._folder = os.path.abspath(folder)
        self._lock: int | None = None
        self._opened: int | None = None
        # The part of file names that distinguishes this process, if it does not own the folder.
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

        @raise OSError: it can't be made, or is a link of another user.
        """
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._directory()

    def _directory(self) -> int:
        # Returns a descriptor, because another folder could get the name meanwhile.
        if self._opened is None:
            try:
                self._opened = os.open(self._folder, _READ_FOLDER | os.O_NOFOLLOW)
            except OSError:
                found = os.lstat(self._folder)
                if not stat.S_ISLNK(found.st_mode):
                    raise
                # Only links of root and this user: by a link any other user could redirect root's
                # file operations.
                if found.st_uid not in (0, os.geteuid()):
                    raise OSError(errno.EPERM, "it is a link of another user") from None
                self._opened = os.open(self._folder, _READ_FOLDER)
        return self._opened

    def lock(self) -> None:
        """
        Lock the folder, if no other server has locked it.

        @raise OSError: the folder can't be written to.
        """
        self._lock = self._lockFile(_LOCK_FILE)
        if self._lock is None:
            # `sweep` of another process may have the lock for some milliseconds.
            time.sleep(_SWEEP_SECONDS)
            self._lock = self._lockFile(_LOCK_FILE)
        self.owned = self._lock is not None

    def sweep(self) -> None:
        """
        Remove the files left by killed processes.

        A running process is recognised by its lock, because another process, in this container or
        in another one, may have the same process id.
        """
        with contextlib.suppress(OSError):
            self._sweep()

    def _sweep(self) -> None:
        names = os.listdir(self._directory())
        if self.owned:
            self._removeOwned(names)
        elif _LOCK_FILE in names:
            # A server that shares its ports never owns the folder, which may now have no owner.
            lock = self._lockFile(_LOCK_FILE)
            if lock is not None:
                self._removeOwned(names)
                os.close(lock)
        matches = (_OF_PROCESS.fullmatch(name) or _PROCESS_LOCK.fullmatch(name) for name in names)
        for mark in {match[1] for match in matches if match} - {self._mark}:
            # While this lock is held, no process with the same mark starts.
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
        # The lock file is removed last, so that a free mark has no files.
        for name in os.listdir(self._directory()):
            if (match := _OF_PROCESS.fullmatch(name)) and match[1] == mark:
                self.remove(self.path(name))
        self.remove(self.path(_lockName(mark)))
        os.close(lock)

    def giveTo(self, user: int, group: int) -> list[str]:
        """
        Give the folder and its files to the user as whom the server will run.  Only those that
        belong to this process's user, and are neither links nor hard-linked, are changed.

        @param user: -1 to change only the group; C{group}: -1 to change only the user.
        @return: the names of the files whose owner was not changed.
        @raise OSError: this process lacks the permission.
        """
        if (user, group) == (-1, -1):
            return []
        directory = self._directory()
        if os.fstat(directory).st_uid == os.geteuid():
            os.fchown(directory, user, group)
        return [name for name in os.listdir(directory) if not self._giveFile(name, user, group)]

    def _giveFile(self, name: str, user: int, group: int) -> bool:
        try:
            # O_PATH works for sockets too.  From here on the descriptor stands for this one file.
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
        """Whether a path is directly in this folder."""
        parent = os.path.dirname(os.path.abspath(path))
        return os.path.realpath(parent) == os.path.realpath(self._folder)

    def checkOwn(self, paths: Iterable[str]) -> None:
        """
        Check files that libraries open by their paths, if they are in this folder.

        @raise OSError: one is a link, or is hard-linked.
        """
        for path in filter(self.contains, paths):
            with contextlib.suppress(FileNotFoundError):
                checkNoLink(path)
                if os.lstat(path).st_nlink != 1:
                    raise OSError(errno.EMLINK, f"{os.path.basename(path)} has another name too")

    def release(self) -> None:
        """
        Unlock the folder.  The files of this process alone, and those left by killed processes, are
        removed.
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
        Get the path of a file: if this server does not own the folder, that of a file of this
        process alone, C{ports.123.json} for C{ports.json}.

        Call this only in the process that serves: the process id of a daemon differs from that of
        the process that locked the folder.

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
        Write JSON to a file atomically, so that no program reads half of it.

        @param path: of a file that no other process writes.
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

        @raise OSError: it is a link, or can't be read.
        """
        with open(openPlain(name, os.O_RDONLY, folder=self._directory()), "rb") as file:
            return file.read()

    def makeOnce(self, name: str, make: Callable[[], bytes]) -> None:
        """
        Make a file that only its owner may read, if it does not exist.  If several processes do
        this at the same time, one makes it, and none sees a part of it.

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
                # A link, because a rename would replace a file that another process has just made.
                # The draft may have been removed by `sweep` of another process.
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
        # Locks a file, which is made if needed; returns its descriptor, or None if it is locked.
        for _ in range(_LOCK_ATTEMPTS):
            lock = openPlain(name, os.O_RDWR | os.O_CREAT, folder=self._directory())
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The process that had the lock may have removed the file in between.
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
