"""
Sockets that systemd has bound and passed to this process (socket activation, sd_listen_fds(3)).

Twisted supports this too, but requires names even for an index, which the specification does not
demand, and gives no reason for a socket that is not found.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from tsservices.transport.sockets import isListening

#: The number of the first descriptor that is passed.
FIRST_DESCRIPTOR = 3

_FAMILIES = {"INET": socket.AF_INET, "INET6": socket.AF_INET6, "UNIX": socket.AF_UNIX}

_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


class InheritedError(ValueError):
    """There is no such socket.  The argument says why."""


@dataclass(frozen=True, slots=True)
class InheritedSocket:
    """A socket passed by systemd; its descriptor stays open."""

    descriptor: int
    family: int
    #: SOCK_STREAM, for a listening socket, or SOCK_DGRAM.
    kind: socket.SocketKind


def passedEnvironment() -> Mapping[str, str]:
    """Get an environment that contains the variables set by systemd."""
    # Importing Twisted removes the variables from os.environ, and Twisted itself keeps nothing if
    # there are no names.  /proc still has the initial environment of the process.
    if "LISTEN_FDS" in os.environ:
        return os.environ
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = [os.fsdecode(entry).partition("=") for entry in file.read().split(b"\0")]
    except OSError:
        return os.environ
    return {name: value for name, _, value in entries if name in _VARIABLES}


def inheritedSocket(
    arguments: Mapping[str, str], environ: Mapping[str, str], pid: int
) -> InheritedSocket:
    """
    Find a socket.

    @param arguments: C{index} or C{name}, and optionally C{domain}.
    @param pid: of this process.
    @raise InheritedError: there is no such socket, or it can't be served.
    """
    index, name, domain = (arguments.get(word) for word in ("index", "name", "domain"))
    if arguments.keys() - {"index", "name", "domain"}:
        raise InheritedError("systemd takes index or name, and domain, nothing else")
    if (index is None) == (name is None):
        raise InheritedError("systemd takes either index or name")
    if domain is not None and domain not in _FAMILIES:
        raise InheritedError(f"a domain is {', '.join(_FAMILIES)}, not {domain!r}")
    count, names = _passed(environ, pid)
    number = _numberOf(index, count) if name is None else _numberNamed(name, names)
    found = _describe(FIRST_DESCRIPTOR + number)
    if domain is not None and _FAMILIES[domain] != found.family:
        has = next(word for word, family in _FAMILIES.items() if family == found.family)
        raise InheritedError(f"that socket of systemd has the domain {has}, not {domain}")
    return found


def _passed(environ: Mapping[str, str], pid: int) -> tuple[int, list[str]]:
    number, owner = environ.get("LISTEN_FDS"), environ.get("LISTEN_PID")
    if number is None or owner is None:
        raise InheritedError(
            "systemd has passed no such socket: there is no LISTEN_FDS with a LISTEN_PID"
        )
    if owner != str(pid):
        raise InheritedError(
            f"systemd has passed no such socket: LISTEN_PID is {owner!r}, and this process {pid}"
        )
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise InheritedError(f"LISTEN_FDS is a number, not {number!r}")
    names = environ.get("LISTEN_FDNAMES", "")
    return int(number), names.split(":") if names else []


def _numberOf(index: str | None, count: int) -> int:
    if index is None or not (index.isascii() and index.isdigit()):
        raise InheritedError(f"an index is a number from 0 on, not {index!r}")
    if len(index) > 9 or int(index) >= count:
        raise InheritedError(
            f"systemd has passed no such socket: it has passed {count}, and index {index} was asked"
            " for; the first is 0"
        )
    return int(index)


def _numberNamed(name: str, names: list[str]) -> int:
    if not names:
        raise InheritedError("systemd has passed no names (LISTEN_FDNAMES): say index=N")
    if (found := names.count(name)) > 1:
        raise InheritedError(f"systemd has passed {found} sockets named {name!r}: say index=N")
    if not found:
        raise InheritedError(
            f"systemd has passed no such socket: {name!r} is none of {', '.join(names)}"
        )
    return names.index(name)


def _describe(descriptor: int) -> InheritedSocket:
    try:
        # A duplicate, because the socket object closes its descriptor.
        with socket.socket(fileno=os.dup(descriptor)) as bound:
            family, kind = bound.family, bound.type
            listening = kind == socket.SOCK_STREAM and isListening(bound)
    except OSError as reason:
        raise InheritedError(f"descriptor {descriptor} of systemd is no socket") from reason
    if family not in _FAMILIES.values():
        raise InheritedError(f"descriptor {descriptor} of systemd has another domain")
    if kind != socket.SOCK_DGRAM and not listening:
        raise InheritedError(
            f"descriptor {descriptor} of systemd neither listens (Accept=no) nor takes datagrams"
        )
    return InheritedSocket(descriptor, family, kind)
