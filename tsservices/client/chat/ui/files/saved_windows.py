"""The windows of the last run, in a file: they are there again at the next start.  Pure."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field

from tsservices.client.chat.ui.windows.window import WindowKind

#: The name of the file in the state folder of the user.
WINDOWS_FILE = "chat-windows"

#: The most that are kept of one server, and read.
MOST_WINDOWS = 200

#: Servers that are remembered; those that were used last.
_MOST_SERVERS = 50

#: The longest name of a room or a person.
_LONGEST_NAME = 64


@dataclass(slots=True)
class SavedWindows:
    """The windows on one server, in their order, but the status window."""

    #: Kinds and names.
    windows: list[tuple[WindowKind, str]] = field(default_factory=list)
    #: Names the one that was seen.
    current: str = ""
    #: Keys of rooms by their names.
    keys: dict[str, str] = field(default_factory=dict)


class WindowsFile:
    """
    The file with the windows of each server.  That it can't be read or written costs nothing
    but them.
    """

    def __init__(self, folder: str, server: str) -> None:
        """@param server: names the server, and the account there."""
        self._folder = folder
        self._path = os.path.join(folder, WINDOWS_FILE)
        self._server = server
        self._written = ""

    def load(self) -> SavedWindows:
        saved = SavedWindows()
        entry = self._servers().get(self._server)
        if not isinstance(entry, dict):
            return saved
        keys, windows = entry.get("keys"), entry.get("windows")
        for ident in windows[:MOST_WINDOWS] if isinstance(windows, list) else []:
            if not isinstance(ident, str) or not 1 < len(ident) <= _LONGEST_NAME:
                continue
            if ident[0] in (WindowKind.ROOM.value, WindowKind.PRIVATE.value) and _isName(ident):
                saved.windows.append((WindowKind(ident[0]), ident[1:]))
        for name, key in keys.items() if isinstance(keys, dict) else ():
            if isinstance(key, str) and _isName(f" {key}"):
                saved.keys[name] = key
        current = entry.get("current")
        saved.current = current if isinstance(current, str) else ""
        return saved

    def save(self, saved: SavedWindows) -> None:
        """Write the windows, if they are others than those that were written last."""
        entry = {
            "windows": [kind.value + name for kind, name in saved.windows[:MOST_WINDOWS]],
            "current": saved.current,
            "keys": saved.keys,
        }
        text = json.dumps(entry, sort_keys=True)
        if text == self._written:
            return
        self._written = text
        servers = self._servers()
        servers.pop(self._server, None)
        servers[self._server] = entry
        for server in list(servers)[:-_MOST_SERVERS]:
            del servers[server]
        draft = f"{self._path}.{os.getpid()}.new"
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
                json.dump({"version": 1, "servers": servers}, file, ensure_ascii=False, indent=1)
            os.replace(draft, self._path)

    def _servers(self) -> dict[str, object]:
        try:
            with open(self._path, encoding="utf-8") as file:
                values = json.load(file)
        except (OSError, ValueError, RecursionError):
            return {}
        servers = values.get("servers") if isinstance(values, dict) else None
        return servers if isinstance(servers, dict) else {}


def _isName(ident: str) -> bool:
    # It is sent in a command.
    return (
        ident[1:].isprintable() and len(ident[1:].split()) == 1 and ident[1:] == ident[1:].strip()
    )
