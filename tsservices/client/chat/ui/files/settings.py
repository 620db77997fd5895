"""The user's settings of the screen in a TOML file: highlights, aliases, keys, logs.  Pure."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field

from tsservices.client.chat.commands import SECRET_COMMANDS, SIGN
from tsservices.client.chat.ui.keys import KEYS

_ACTIONS = {row.action for row in KEYS}

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
    words = value if isinstance(value, list) else []
    settings.highlight = [word.strip() for word in words if isinstance(word, str) and word.strip()]
    isRight = words is value and all(isinstance(word, str) for word in words)
    return "" if isRight else "a list of texts is needed"


def _aliases(settings: ScreenSettings, value: object) -> str:
    texts, problem = _table(value, "texts by name are needed")
    for name, text in texts.items():
        key = name.removeprefix(SIGN).lower()
        if key in SECRET_COMMANDS:
            problem = problem or f"{name} can't stand for something else"
        else:
            settings.aliases[key] = text
    return problem


def _keys(settings: ScreenSettings, value: object) -> str:
    settings.keys, problem = _table(value, "actions by key are needed")
    for key, action in settings.keys.items():
        if not action.startswith(SIGN) and action not in _ACTIONS:
            problem = problem or f"{key}: there is no action {action}"
    return problem


def _table(value: object, problem: str) -> tuple[dict[str, str], str]:
    """Return the texts of a table, and the problem if there is anything else."""
    if not isinstance(value, dict):
        return {}, problem
    texts = {name: text for name, text in value.items() if isinstance(text, str)}
    wrong = next((name for name in value if name not in texts), None)
    return texts, "" if wrong is None else f"{wrong}: {problem}"


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
