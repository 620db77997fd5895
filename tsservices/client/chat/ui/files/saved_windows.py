"""The file of the last run's windows, which are opened again at the next start.  Pure."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field

from tsservices.client.chat.ui.files.replacing import replaceFile
from tsservices.client.chat.ui.windows.window import WindowKind

#: The name of the file in the state folder of the user.
WINDOWS_FILE = "chat-windows"

#: The most windows of one server that are saved and read.
MOST_WINDOWS = 200

#: The most servers in the file; the least recently used are dropped.
_MOST_SERVERS = 50

#: The longest name of a room or a person.
_LONGEST_NAME = 64


@dataclass(slots=True)
class SavedWindows:
    """The windows of one server, in their order, without the status window."""

    #: Kinds and names.
    windows: list[tuple[WindowKind, str]] = field(default_factory=list)
    #: The name of the window that was shown.
    current: str = ""
    #: Keys of rooms, by the name of the room.
    keys: dict[str, str] = field(default_factory=dict)


class WindowsFile:
    """
    The file with the windows of each server.  If it can't be read or written, no windows are
    restored, but there is no error.
    """

    def __init__(self, folder: str, server: str) -> None:
        """@param server: the server and the account, as the key of the entry."""
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
        """Write the windows if they have changed since the last call."""
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
        text = json.dumps({"version": 1, "servers": servers}, ensure_ascii=False, indent=1)
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            replaceFile(self._path, text.encode("utf-8", "replace"))

    def _servers(self) -> dict[str, object]:
        try:
            with open(self._path, encoding="utf-8") as file:
                values = json.load(file)
        except (OSError, ValueError, RecursionError):
            return {}
        servers = values.get("servers") if isinstance(values, dict) else None
        return servers if isinstance(servers, dict) else {}


def _isName(ident: str) -> bool:
    # The name is sent as one word of a command.
    return (
        ident[1:].isprintable() and len(ident[1:].split()) == 1 and ident[1:] == ident[1:].strip()
    )
