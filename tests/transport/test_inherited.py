"""Tests for L{tsservices.transport.inherited}."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from tsservices.transport import inherited
from tsservices.transport.inherited import (
    InheritedError,
    InheritedSocket,
    inheritedSocket,
    passedEnvironment,
)

#: What systemd passes in these tests, by place, and what it names them.
NAMES = "web:web:datagrams:idle:file:six"

ENVIRON = {"LISTEN_PID": "7", "LISTEN_FDS": "6", "LISTEN_FDNAMES": NAMES}


@pytest.fixture(autouse=True)
def passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The first of six descriptors that are passed."""
    web = socket.create_server(("127.0.0.1", 0))
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    idle = socket.socket()
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    first = 300
    with web, datagrams, idle, six, open(os.devnull) as file:
        numbers = [passed.fileno() for passed in (web, web, datagrams, idle)]
        for place, number in enumerate([*numbers, file.fileno(), six.fileno()]):
            os.dup2(number, first + place)
        monkeypatch.setattr(inherited, "FIRST_DESCRIPTOR", first)
        yield first
        os.closerange(first, first + 6)


@pytest.mark.parametrize(
    ("arguments", "place", "family", "kind"),
    [
        ({"index": "0"}, 0, socket.AF_INET, socket.SOCK_STREAM),
        ({"index": "0", "domain": "INET"}, 0, socket.AF_INET, socket.SOCK_STREAM),
        ({"index": "2", "domain": "UNIX"}, 2, socket.AF_UNIX, socket.SOCK_DGRAM),
        ({"name": "six", "domain": "INET6"}, 5, socket.AF_INET6, socket.SOCK_DGRAM),
    ],
)
def test_found(
    passed: int,
    arguments: dict[str, str],
    place: int,
    family: socket.AddressFamily,
    kind: socket.SocketKind,
) -> None:
    expected = InheritedSocket(passed + place, family, kind)
    assert inheritedSocket(arguments, ENVIRON, 7) == expected
    # Its descriptor is still open.
    assert inheritedSocket(arguments, ENVIRON, 7) == expected


def test_withoutNames() -> None:
    environ = {"LISTEN_PID": "7", "LISTEN_FDS": "6"}
    assert inheritedSocket({"index": "0"}, environ, 7).family == socket.AF_INET
    with pytest.raises(InheritedError, match="no names"):
        inheritedSocket({"name": "web"}, environ, 7)


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        ({"index": "0"}, {}, "no such socket: there is no LISTEN_FDS"),
        ({"index": "0"}, {"LISTEN_FDS": "1"}, "no such socket"),
        ({"index": "0"}, ENVIRON | {"LISTEN_PID": "8"}, "LISTEN_PID is '8', and this process 7"),
        ({"index": "0"}, ENVIRON | {"LISTEN_PID": "x"}, "LISTEN_PID"),
        ({"index": "0"}, ENVIRON | {"LISTEN_FDS": "x"}, "a number"),
        ({"index": "0"}, ENVIRON | {"LISTEN_FDS": "-1"}, "a number"),
        ({"index": "0"}, ENVIRON | {"LISTEN_FDS": "0"}, "it has passed 0"),
        ({"index": "6"}, ENVIRON, "no such socket: it has passed 6"),
        ({"index": "9" * 5000}, ENVIRON, "no such socket"),
        ({"index": "-1"}, ENVIRON, "an index is a number"),
        ({"index": "x"}, ENVIRON, "an index is a number"),
        ({"index": "3"}, ENVIRON, "neither listens"),
        ({"index": "4"}, ENVIRON, "is no socket"),
        ({"index": "0", "domain": "UNIX"}, ENVIRON, "has the domain INET, not UNIX"),
        ({"index": "0", "domain": "X25"}, ENVIRON, "a domain is INET, INET6, UNIX"),
        ({"name": "web"}, ENVIRON, "2 sockets named 'web': say index"),
        ({"name": "other"}, ENVIRON, "none of web, web"),
        ({}, ENVIRON, "index or name"),
        ({"index": "0", "name": "web"}, ENVIRON, "index or name"),
        ({"index": "0", "backlog": "5"}, ENVIRON, "nothing else"),
    ],
)
def test_refused(arguments: dict[str, str], environ: dict[str, str], words: str) -> None:
    with pytest.raises(InheritedError, match=words) as refused:
        inheritedSocket(arguments, environ, 7)
    assert len(str(refused.value).splitlines()) == 1


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Twisted has removed is still known; what was set since counts."""
    monkeypatch.delenv("LISTEN_FDS", raising=False)
    assert "LISTEN_FDS" not in passedEnvironment()
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert passedEnvironment()["LISTEN_FDS"] == "1"
