"""
The configuration file: TOML, the same names as the options.

How each value is read that an option or a key of the configuration file can have.

Each function takes what was written, and raises L{ValueError} with what to tell its
writer; the command line gives texts, the file also numbers and lists of texts.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tsservices.chat.errors import ChatError
from tsservices.chat.names import nameKey
from tsservices.cluster.node import checkNodeName
from tsservices.common.addresses import HIGHEST_PORT, TrustedNetworks
from tsservices.common.timestamps import FORMS
from tsservices.server.listeners import selectServices

#: Reads one value, and raises L{ValueError} when it can't be one.
Coerce = Callable[[Any], Any]


class ConfigError(ValueError):
    """The file can't be used.  The argument is why."""


def load(path: str, known: Mapping[str, Coerce], lists: frozenset[str]) -> dict[str, Any]:
    """
    Read a configuration file.

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
    if aList and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    if isinstance(value, str | int):
        return [value] if aList else value
    raise ValueError(f"{value!r} is not {'a list of texts' if aList else 'a text or a number'}")


#: Where the chat can be kept.
JOURNALS = ("sqlite", "memory")

#: How long it is kept when nothing else is asked for.
FOREVER = "forever"

_UNITS = {"h": 3600, "d": 86_400, "w": 604_800}


def port(value: Any) -> int:
    """
    A port; 0 lets the system choose.

    @raise ValueError: it is none.
    """
    if not re.fullmatch("[0-9]{1,5}", str(value)) or int(value) > HIGHEST_PORT:
        raise ValueError(f"a port is a number from 0 to {HIGHEST_PORT}, not {value!r}")
    return int(value)


def interface(value: Any) -> str:
    """
    An address.

    @raise ValueError: it is none.
    """
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError as reason:
        raise ValueError(f"an interface is an address, not {value!r}") from reason


def services(value: Any) -> list[str]:
    """
    The names.

    @raise ValueError: one of them names nothing.
    """
    words = value if isinstance(value, list) else [value]
    names = [name.strip() for word in words for name in str(word).split(",") if name.strip()]
    selectServices(names)
    return names


def stamp(value: Any) -> str:
    """
    A form of stamps.

    @raise ValueError: there is no such form.
    """
    if value not in FORMS:
        raise ValueError(f"there is no stamp {value!r}; there are {', '.join(FORMS)}")
    return str(value)


def trust(value: Any) -> list[str]:
    """
    Networks in CIDR notation.

    @raise ValueError: one of them is none.
    """
    words = value if isinstance(value, list) else [value]
    networks = [each.strip() for word in words for each in str(word).split(",")]
    try:
        TrustedNetworks(networks)
    except ValueError as reason:
        raise ValueError(f"trust takes networks like 10.0.0.0/8, or none: {reason}") from reason
    return networks


def text(value: Any) -> str:
    """
    The same.

    @raise ValueError: it is no text.
    """
    if not isinstance(value, str):
        raise ValueError(f"this is a text, not {value!r}")
    return value


def operator(value: Any) -> str:
    """
    A name.

    @raise ValueError: it is none.
    """
    name = text(value).strip()
    if not name.isprintable() or not 1 <= len(name) <= 32:
        raise ValueError("an operator's name is 1 to 32 printable characters")
    return name


def chatOperators(value: Any) -> list[str]:
    """
    The folded names.

    @raise ValueError: one of them is no name.
    """
    names = [text(each) for each in (value if isinstance(value, list) else [value])]
    keys = []
    for name in names:
        try:
            keys.append(nameKey(name))
        except ChatError as refused:
            raise ValueError(f"{name!r}: {refused}") from refused
    return keys


def cluster(value: Any) -> list[str]:
    """
    The addresses of the engine's servers.

    @raise ValueError: one of them is none.
    """
    found: list[str] = []
    written = value if isinstance(value, list) else [value]
    for each in [part for one in written for part in text(one).split(",")]:
        try:
            parts = urlsplit(text(each).strip())
            fits = parts.scheme in ("nats", "tls") and parts.hostname and parts.port != 0
        except ValueError:
            fits = False
        if not fits or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"cluster takes nats://HOST:PORT or tls://HOST:PORT, not {each!r}")
        if "@" in parts.netloc:
            raise ValueError("cluster takes no passwords here; see cluster-user-file")
        found.append(parts.geturl())
    return found


def node(value: Any) -> str:
    """
    The name of a node.

    @raise ValueError: it is none.
    """
    return checkNodeName(text(value))


def stream(value: Any) -> str:
    """
    The name of a stream.

    @raise ValueError: it is none.
    """
    if not re.fullmatch("[A-Za-z0-9_-]{1,32}", text(value)):
        raise ValueError(f"a stream's name is 1 to 32 of A-Z, a-z, 0-9, - and _, not {value!r}")
    return str(value)


def replicas(value: Any) -> int:
    """
    How many servers of the engine keep everything.

    @raise ValueError: so many can't.
    """
    if isinstance(value, bool) or value not in (1, 3, 5):
        raise ValueError(f"there may be 1, 3 or 5 replicas, not {value!r}")
    return int(value)


def journal(value: Any) -> str:
    """
    The name of a kind of journal.

    @raise ValueError: there is no such kind.
    """
    if value not in JOURNALS:
        raise ValueError(f"there is no journal {value!r}; there are {', '.join(JOURNALS)}")
    return str(value)


def keep(value: Any) -> int | None:
    """
    Seconds; L{None} for ever.

    @raise ValueError: it is no time to keep anything.
    """
    if value == FOREVER:
        return None
    match = re.fullmatch("([0-9]{1,6})([hdw])", str(value))
    if match is None or not int(match[1]):
        raise ValueError(f"keep takes {FOREVER}, or a time like 12h, 90d or 52w, not {value!r}")
    return int(match[1]) * _UNITS[match[2]]


def listens(value: Any) -> list[str]:
    """The places; they are read when the interface is known."""
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def flag(value: Any) -> bool:
    """
    Whether it is switched on.

    @raise ValueError: it is neither true nor false.
    """
    if not isinstance(value, bool):
        raise ValueError(f"this is true or false, not {value!r}")
    return value
