"""The user's settings of the screen in a TOML file: highlights, aliases, keys, logs.  Pure."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tsservices.client.chat.commands import SECRET_COMMANDS, SIGN

#: The name of the file in the state folder of the user.
SETTINGS_FILE = "chat.toml"


@dataclass(slots=True)
class ScreenSettings:
    """
    The settings of the screen.

    @ivar problems: the errors in the file.
    """

    #: Words that alert the user like the user's own name.
    highlight: list[str] = field(default_factory=list)
    #: Commands by alias.
    aliases: dict[str, str] = field(default_factory=dict)
    #: Actions of the screen, or commands, by key.
    keys: dict[str, str] = field(default_factory=dict)
    #: The folder of the logs; empty: none are written.
    log: str = ""
    bell: bool = True
    mouse: bool = False
    #: Whether to list the members at the side if there is room.
    names: bool = True
    #: Whether typed text replaces a recalled line; if not, it is appended.
    replaceRecalled: bool = True
    problems: list[str] = field(default_factory=list)


def readSettings(path: str) -> ScreenSettings:
    """Read the settings from a file; if it does not exist, return the defaults."""
    settings = ScreenSettings()
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except FileNotFoundError:
        return settings
    except OSError as error:
        settings.problems.append(f"{path} can't be read: {error.strerror}")
        return settings
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        settings.problems.append(f"{path} is not read: {error}")
        return settings
    for name, value in values.items():
        read = _READ.get(name)
        problem = "there is no such setting" if read is None else read(settings, value)
        if problem:
            settings.problems.append(f"{path}: {name}: {problem}")
    return settings


def _highlight(settings: ScreenSettings, value: object) -> str:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        return "a list of texts is needed"
    settings.highlight = [word.strip() for word in value if word.strip()]
    return ""


def _aliases(settings: ScreenSettings, value: object) -> str:
    if not _isTable(value):
        return "texts by name are needed"
    assert isinstance(value, Mapping)
    for name, text in value.items():
        key = name.removeprefix(SIGN).lower()
        if key in SECRET_COMMANDS:
            return f"{name} can't stand for something else"
        settings.aliases[key] = text
    return ""


def _keys(settings: ScreenSettings, value: object) -> str:
    if not _isTable(value):
        return "actions by key are needed"
    assert isinstance(value, Mapping)
    settings.keys = dict(value)
    return ""


def _isTable(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _log(settings: ScreenSettings, value: object) -> str:
    if not isinstance(value, str):
        return "the name of a folder is needed"
    settings.log = os.path.expanduser(value)
    return ""


def _switch(name: str) -> Callable[[ScreenSettings, object], str]:

    def read(settings: ScreenSettings, value: object) -> str:
        if not isinstance(value, bool):
            return "true or false is needed"
        setattr(settings, name, value)
        return ""

    return read


def _recall(settings: ScreenSettings, value: object) -> str:
    if value not in ("replace", "edit"):
        return '"replace" or "edit" is needed'
    settings.replaceRecalled = value == "replace"
    return ""


#: The parsers of the values, by name; each returns an error or an empty text.
_READ: dict[str, Callable[[ScreenSettings, object], str]] = {
    "highlight": _highlight,
    "aliases": _aliases,
    "keys": _keys,
    "log": _log,
    "bell": _switch("bell"),
    "mouse": _switch("mouse"),
    "names": _switch("names"),
    "recall": _recall,
}
