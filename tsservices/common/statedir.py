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

#: The log, while the operator has the terminal.
LOG_FILE = "tsserver.log"

#: Where an operator attaches.
OPERATOR_SOCKET = "operator.sock"

#: Where commands to a running server go.
CONTROL_SOCKET = "control.sock"

#: Where programs read what listens where.
PORTS_FILE = "ports.json"

#: Where programs read what happened.
COUNTERS_FILE = "counters.json"

#: Where the chat is kept.
CHAT_FILE = "chat.sqlite"

#: The name of this node of a cluster, if nobody has said it.
NODE_FILE = "node.json"

#: What is shown to who enters the chat, if it is there.
WELCOME_FILE = "welcome.txt"

_LOCK_FILE = "lock"


def defaultStateFolder(environ: Mapping[str, str] = os.environ) -> str:
    """The folder when none is named."""
    named = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return named or platformdirs.user_state_dir("tsservices", appauthor=False)


class StateDirectory:
    """
    A folder that one server has for itself.

    The lock is C{flock}'s, which a daemon keeps over its fork.

    @ivar owned: whether this server has the lock.  A second one in the same folder
        serves, but leaves alone what belongs to the first.
    """

    def __init__(self, folder: str) -> None:
        self._folder = os.path.abspath(folder)
        self._lock: int | None = None
        self.owned = False

    def __str__(self) -> str:
        """The path of the folder."""
        return self._folder

    def path(self, name: str) -> str:
        """Its path."""
        return os.path.join(self._folder, name)

    def create(self) -> None:
        """
        Make the folder if need be.

        @raise OSError: it can't be made.
        """
        os.makedirs(self._folder, mode=0o700, exist_ok=True)

    def lock(self) -> None:
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

    def chown(self, user: int, group: int) -> None:
        """
        Let another user have what is there, because the server becomes that one.

        @raise OSError: this process may not.
        """
        if (user, group) != (-1, -1):
            for name in ("", *os.listdir(self._folder)):
                os.chown(self.path(name), user, group)

    def release(self) -> None:
        """Let the next server have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            self.owned = False

    def privatePath(self, name: str) -> str:
        """
        Its path, if this server owns the folder; else that of a file of this process,
        C{ports.123.json} for C{ports.json}.
        """
        stem, dot, ending = name.rpartition(".")
        return self.path(name if self.owned else f"{stem}.{os.getpid()}{dot}{ending}")

    def write(self, path: str, content: Any) -> None:
        """
        Replace a file at once, so that nobody reads half of it.

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
