"""
The configuration file, and the functions that read the values of its keys and of the options.

The file is TOML with the names of the options.  Each function except L{load} reads one kind of
value: the command line gives text, the file also numbers and lists of texts.  Their errors are
shown to the operator.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Any
from urllib.parse import urlsplit

from tsservices.chat.errors import ChatError
from tsservices.chat.names import nameKey
from tsservices.common.addresses import HIGHEST_PORT, TrustedNetworks
from tsservices.common.durations import FOREVER, UNITS, splitDuration
from tsservices.common.timestamps import FORMS
from tsservices.frontends.web.origins import UNIX, PublicPlace, hostName, publicPlace
from tsservices.stamp.service_class import MAXIMUM_DSCP, parseDSCP

#: Reads one value, and raises L{ValueError} if it is not valid.
Coerce = Callable[[Any], Any]

#: Which streams are served with TLS: none; all, beside those in clear; all, and none in clear.
TLS = ("off", "beside", "only")

#: How passwords on unencrypted connections are handled: with a warning to the user, or refused.
PLAIN_LOGINS = TELL, REFUSE = "tell", "refuse"

#: The DSCPs that STAMP may set on its answers, in place of a list: only that of the packet; all.
SAME_DSCP, ANY_DSCP = "same", "any"

#: The kinds of storage for the chat.
JOURNALS = ("sqlite", "memory")


class ConfigError(ValueError):
    """The configuration file can't be used.  The argument is one line that says why."""


def load(path: str, known: Mapping[str, Coerce], lists: frozenset[str]) -> dict[str, Any]:
    """
    Read a configuration file.

    @param known: the function that reads each key.
    @param lists: the keys that can have several values.
    @raise ConfigError: the file can't be read, or has an unknown key or a wrong value.
    """
    try:
        with open(path, "rb") as file:
            # Editors on Windows put a byte order mark at the beginning.
            written = tomllib.loads(file.read().decode("utf-8-sig"))
    except OSError as reason:
        raise ConfigError(f"{path}: {reason.strerror}") from reason
    except UnicodeDecodeError as reason:
        raise ConfigError(f"{path} is not UTF-8") from reason
    except tomllib.TOMLDecodeError as reason:
        raise ConfigError(f"{path}: {reason}") from reason
    values: dict[str, Any] = {}
    for key, value in written.items():
        if key not in known:
            if isinstance(value, dict):
                raise ConfigError(f"{path}: there is no key {key!r}, and no key is a table")
            near = difflib.get_close_matches(key, known, 1)
            hint = f"; is it {near[0]}?" if near else ""
            raise ConfigError(f"{path}: there is no key {key!r}{hint}")
        try:
            values[key] = known[key](_plain(value, key in lists))
        except ValueError as reason:
            raise ConfigError(inFile(path, key, reason)) from reason
    return values


def inFile(path: str, key: str, reason: object) -> str:
    """Put the file and the key before the error of a value."""
    text = str(reason)
    # Some reasons begin with the key already.
    return f"{path}: {text}" if text.startswith(f"{key} ") else f"{path}: {key}: {text}"


def _plain(value: object, aList: bool) -> Any:
    # Refuse the other types of TOML: tables, dates and floats.
    if aList and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if isinstance(value, str | int):
        return [value] if aList else value
    wanted = "a list of texts" if aList else "a text or a whole number"
    raise ValueError(f"this is {wanted}, not {value!r}")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _split(value: Any) -> list[str]:
    return [word.strip() for item in _items(value) for word in str(item).split(",")]


def _oneOf(kind: str, choices: Collection[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"there is no {kind} {value!r}; there are {', '.join(choices)}")
        return str(value)

    return read


def _matching(pattern: str, rule: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not re.fullmatch(pattern, text(value)):
            raise ValueError(f"{rule}, not {value!r}")
        return str(value)

    return read


#: Reads the format of timestamps.
stamp = _oneOf("stamp", FORMS)

#: Reads the kind of storage of the chat.
journal = _oneOf("journal", JOURNALS)

#: Reads one of L{TLS}.
tls = _oneOf("tls", TLS)

#: Reads one of L{PLAIN_LOGINS}.
plainLogin = _oneOf("plain-login", PLAIN_LOGINS)

#: Reads the name of a node of a cluster.
node = _matching("[a-z0-9][a-z0-9-]{0,31}", "a node's name is 1 to 32 of a-z, 0-9 and -")

#: Reads the name of the broker's stream.
stream = _matching("[A-Za-z0-9_-]{1,32}", "a stream's name is 1 to 32 of A-Z, a-z, 0-9, - and _")


#: The most processes of one server: each takes about 60 MB, and more than one per core do not help.
MOST_PROCESSES = 256


def processes(value: Any) -> int:
    """
    Read a number of processes.

    @raise ValueError: it is not valid.
    """
    if not re.fullmatch("[0-9]{1,3}", str(value)) or not 1 <= int(value) <= MOST_PROCESSES:
        raise ValueError(f"processes is a number from 1 to {MOST_PROCESSES}, not {value!r}")
    return int(value)


def port(value: Any) -> int:
    """
    Read a port number; 0 lets the system choose.

    @raise ValueError: it is not valid.
    """
    if not re.fullmatch("[0-9]{1,5}", str(value)) or int(value) > HIGHEST_PORT:
        raise ValueError(f"a port is a number from 0 to {HIGHEST_PORT}, not {value!r}")
    return int(value)


def interface(value: Any) -> str:
    """
    Read the address of an interface.

    @raise ValueError: it is not valid.
    """
    try:
        address = ipaddress.ip_address(str(value))
    except ValueError as reason:
        raise ValueError(f"an interface is an address, not {value!r}") from reason
    if isinstance(address, IPv6Address) and address.is_link_local and not address.scope_id:
        raise ValueError(f"a link-local address needs its interface, as in {address}%eth0")
    return str(address)


def services(value: Any) -> list[str]:
    """Read names of services, with commas or in a list; they are looked up later."""
    return [name for name in _split(value) if name]


def trust(value: Any) -> list[str]:
    """
    Read networks in CIDR notation, with commas or in a list.

    @raise ValueError: one of them is not valid.
    """
    networks = _split(value)
    try:
        TrustedNetworks(networks)
    except ValueError as reason:
        raise ValueError(f"trust takes networks like 10.0.0.0/8, or none: {reason}") from reason
    return networks


def dscps(value: Any) -> frozenset[int]:
    """
    Read C{same} (no DSCPs), C{any}, or numbers and names of DSCPs, with commas or in a list.

    @raise ValueError: one of them is not valid.
    """
    names = _split(value)
    if names == [SAME_DSCP]:
        return frozenset()
    if names == [ANY_DSCP]:
        return frozenset(range(MAXIMUM_DSCP + 1))
    return frozenset(parseDSCP(name) for name in names)


def text(value: Any) -> str:
    """
    Read a text.

    @raise ValueError: it is no text.
    """
    if not isinstance(value, str):
        raise ValueError(f"this is a text, not {value!r}")
    return value


def ircName(value: Any) -> str:
    """
    Read the name of a server or a network, as one word of an IRC message.

    @raise ValueError: it is not valid.
    """
    name = text(value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}", name):
        raise ValueError(f"a name for IRC has letters, digits, . and -, up to 63, not {value!r}")
    return name


def ircInfo(value: Any) -> str:
    """
    Read a short text for an IRC message.

    @raise ValueError: it is not valid.
    """
    words = text(value)
    if not words.strip() or not words.isprintable() or len(words) > 100:
        raise ValueError(f"a text for IRC has 1 to 100 characters, not {value!r}")
    return words


def httpOrigin(value: Any) -> PublicPlace:
    """
    Read the URL of the web page.

    @raise ValueError: it is not valid.
    """
    return publicPlace(text(value))


def httpHosts(value: Any) -> tuple[str, ...]:
    """
    Read host names of this server, without ports.

    @raise ValueError: one of them is not valid.
    """
    names = []
    for name in _split(value):
        try:
            names.append(hostName(name))
        except ValueError:
            raise ValueError(f"http-hosts takes names of hosts, not {name!r}") from None
    return tuple(names)


def httpProxies(value: Any) -> tuple[tuple[IPv4Network | IPv6Network, ...], bool]:
    """
    Read networks of proxies in CIDR notation.

    @return: the networks, and whether proxies at UNIX sockets belong to them.
    @raise ValueError: one of them is not valid.
    """
    words = _split(value)
    try:
        networks = tuple(ipaddress.ip_network(word) for word in words if word != UNIX)
    except ValueError as reason:
        raise ValueError(
            f"http-proxies takes networks like 10.0.0.0/8, and {UNIX}: {reason}"
        ) from reason
    return networks, UNIX in words


def metricsFrom(value: Any) -> tuple[IPv4Network | IPv6Network, ...]:
    """
    Read networks in CIDR notation.

    @raise ValueError: one of them is not valid.
    """
    try:
        return tuple(ipaddress.ip_network(word) for word in _split(value))
    except ValueError as reason:
        raise ValueError(f"metrics-from takes networks like 10.0.0.0/8: {reason}") from reason


def operator(value: Any) -> str:
    """
    Read the name of an operator of C{talk}.

    @raise ValueError: it is not valid.
    """
    name = text(value).strip()
    if not name.isprintable() or not 1 <= len(name) <= 32:
        raise ValueError("an operator's name is 1 to 32 printable characters")
    return name


def chatOperators(value: Any) -> list[str]:
    """
    Read names of accounts.

    @return: the folded names.
    @raise ValueError: one of them is not valid.
    """
    keys = []
    for item in _items(value):
        name = text(item)
        try:
            keys.append(nameKey(name))
        except ChatError as error:
            raise ValueError(f"{name!r}: {error}") from error
    return keys


def cluster(value: Any) -> list[str]:
    """
    Read the addresses of the broker's servers, with commas or in a list.

    @raise ValueError: one of them is not valid.
    """
    addresses: list[str] = []
    for address in [address for item in _items(value) for address in text(item).split(",")]:
        try:
            url = urlsplit(address.strip())
            fits = url.scheme in ("nats", "tls") and url.hostname and url.port != 0
        except ValueError:
            # Raised for an address in brackets, or for a port that is no number.
            fits = False
        if not fits or url.path.strip("/") or url.query or url.fragment:
            raise ValueError(f"cluster takes nats://HOST:PORT or tls://HOST:PORT, not {address!r}")
        if "@" in url.netloc:
            # All users of the machine can read the command line.
            raise ValueError("cluster takes no passwords here; see cluster-user-file")
        addresses.append(url.geturl())
    return addresses


def replicas(value: Any) -> int:
    """
    Read the number of servers of the broker that store each message.

    @raise ValueError: it is not valid.
    """
    # An even number needs one more for a majority, and tolerates no more failures.
    if isinstance(value, bool) or value not in (1, 3, 5):
        raise ValueError(f"there may be 1, 3 or 5 replicas, not {value!r}")
    return int(value)


def keep(value: Any) -> int | None:
    """
    Read how long messages are kept.

    @return: seconds; L{None}: for ever.
    @raise ValueError: it is not valid.
    """
    if value == FOREVER:
        return None
    count, unit = splitDuration(str(value)) or (0, "")
    # No minutes, because m could mean months.  Six digits are enough.
    if not count or unit not in ("h", "d", "w") or len(str(value)) > 7:
        raise ValueError(f"keep takes {FOREVER}, or a time like 12h, 90d or 52w, not {value!r}")
    return count * UNITS[unit]


def listens(value: Any) -> list[str]:
    """Read the values of C{--listen} or C{--load}; they are parsed after all other options."""
    return [str(item) for item in _items(value)]


def flag(value: Any) -> bool:
    """
    Read the value of a flag.

    @raise ValueError: it is neither true nor false.
    """
    if not isinstance(value, bool):
        raise ValueError(f"this is true or false, not {value!r}")
    return value
