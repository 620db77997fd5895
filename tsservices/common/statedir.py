"""
The folder of all that a server keeps.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from typing import Any

import platformdirs

LOG_FILE = "tsserver.log"
"""
The log, while the operator has the terminal.
"""

OPERATOR_SOCKET = "operator.sock"
"""
Where an operator attaches.
"""

CONTROL_SOCKET = "control.sock"
"""
Where commands to a running server go.
"""

PORTS_FILE = "ports.json"
"""
Where programs read what listens where.
"""

COUNTERS_FILE = "counters.json"
"""
Where programs read what happened.
"""

CHAT_FILE = "chat.sqlite"
"""
Where the chat is kept.
"""

NODE_FILE = "node.json"
"""
The name of this node of a cluster, if nobody has said it.
"""

WELCOME_FILE = "welcome.txt"
"""
What is shown to who enters the chat, if it is there.
"""

_LOCK_FILE = "lock"


def defaultStateFolder(environ: Mapping[str, str] = os.environ) -> str:
    """
    @param environ: the environment; systemd names the folder in it.
    @return: the folder when none is named.
    """
    named = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return named or platformdirs.user_state_dir("tsservices", appauthor=False)


class StateFolder:
    """
    A folder that one server has for itself.

    The lock is C{flock}'s, which a daemon keeps over its fork.

    @ivar owned: whether this server has the lock.  A second one in the same folder
        serves, but leaves alone what belongs to the first.
    """

    def __init__(self, folder: str) -> None:
        """
        @param folder: where it is; it need not be there yet.
        """
        self._folder = os.path.abspath(folder)
        self._lock: int | None = None
        self.owned = False

    def __str__(self) -> str:
        """
        @return: the path of the folder.
        """
        return self._folder

    def path(self, name: str) -> str:
        """
        @param name: of a file.
        @return: its path.
        """
        return os.path.join(self._folder, name)

    def make(self) -> None:
        """
        Make the folder if need be.

        @raise OSError: it can't be made.
        """
        os.makedirs(self._folder, mode=0o700, exist_ok=True)

    def claim(self) -> None:
        """
        Take the folder, if it is free.

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

    def give(self, user: int, group: int) -> None:
        """
        Let another user have what is there, because the server becomes that one.

        @param user: its number, or -1 for no other.
        @param group: its number, or -1 for no other.
        @raise OSError: this process may not.
        """
        if (user, group) != (-1, -1):
            for name in ("", *os.listdir(self._folder)):
                os.chown(self.path(name), user, group)

    def release(self) -> None:
        """
        Let the next server have it.
        """
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            self.owned = False

    def ownPath(self, name: str) -> str:
        """
        @param name: of a file.
        @return: its path, if this server owns the folder; else that of a file of
            this process, C{ports.123.json} for C{ports.json}.
        """
        stem, dot, ending = name.rpartition(".")
        return self.path(name if self.owned else f"{stem}.{os.getpid()}{dot}{ending}")

    def write(self, path: str, content: Any) -> None:
        """
        Replace a file at once, so that nobody reads half of it.

        @param path: of the file.
        @param content: what JSON can say.
        @raise OSError: it can't be written.
        """
        draft = f"{path}.{os.getpid()}.new"
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        os.replace(draft, path)

    def remove(self, path: str) -> None:
        """
        @param path: of a file that may be gone already.
        """
        with contextlib.suppress(OSError):
            os.unlink(path)
