"""
The configuration file: TOML, the same names as the options.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any

Coerce = Callable[[Any], Any]
"""
Reads one value, and raises L{ValueError} when it can't be one.
"""


class ConfigError(ValueError):
    """
    The file can't be used.  The argument is why.
    """


def load(path: str, known: Mapping[str, Coerce], lists: frozenset[str]) -> dict[str, Any]:
    """
    Read a configuration file.

    @param path: where it is.
    @param known: what reads the value of each key.
    @param lists: the keys whose values are lists of texts.
    @return: the values.
    @raise ConfigError: it can't be read, or holds what is not known.
    """
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file)
    except OSError as reason:
        raise ConfigError(f"{path}: {reason.strerror}") from reason
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise ConfigError(f"{path}: {reason}") from reason
    values: dict[str, Any] = {}
    for key, value in found.items():
        if key not in known:
            raise ConfigError(f"{path}: there is no key {key!r}; there are {', '.join(known)}")
        try:
            values[key] = known[key](_plain(value, key in lists))
        except ValueError as reason:
            raise ConfigError(f"{path}: {key}: {reason}") from reason
    return values


def _plain(value: object, aList: bool) -> Any:
    """
    @param value: of a key.
    @param aList: whether it may be a list.
    @return: the same; a list as a list of texts.
    @raise ValueError: it is neither text, number nor truth value, nor a list of
        texts.
    """
    if aList and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    if isinstance(value, str | int):
        return [value] if aList else value
    raise ValueError(f"{value!r} is not {'a list of texts' if aList else 'a text or a number'}")
