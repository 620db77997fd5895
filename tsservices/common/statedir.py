"""
The state folder: its lock, which only one server has, and the names of the files in it.

The clients use the names too, and import no Twisted for them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
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


def defaultStateFolder(environ: Mapping[str, str] = os.environ) -> str:
    """The folder when the operator names none: systemd's C{StateDirectory=}, or the user's own."""
    # systemd gives several with colons between.
    folder = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return folder or platformdirs.user_state_dir("tsservices", appauthor=False)


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
        lock = os.open(self.path(_LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            self._lock = lock
            self.owned = True

    def chown(self, user: int, group: int) -> None:
        """
        Give all that is in it to another user, because the server becomes that one.

        @raise OSError: this process may not.
        """
        if (user, group) != (-1, -1):
            for name in ("", *os.listdir(self._folder)):
                os.chown(self.path(name), user, group)

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            self.owned = False

    def privatePath(self, name: str) -> str:
        """
        The path of a file, if this server owns the folder; else of one of this process alone,
        C{ports.123.json} for C{ports.json}.
        """
        stem, dot, ending = name.rpartition(".")
        return self.path(name if self.owned else f"{stem}.{os.getpid()}{dot}{ending}")

    def write(self, path: str, content: Any) -> None:
        """
        Replace a file by JSON at once, so that nobody reads half of it.

        @raise OSError: it can't be written.
        """
        draft = f"{path}.{os.getpid()}.new"
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        os.replace(draft, path)

    def remove(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(path)
