"""Tests for L{tsservices.client.probe.source}."""

from __future__ import annotations

import errno
import socket

import pytest

from tsservices.client.probe.source import (
    ANYWHERE,
    BINDS_TO_INTERFACE,
    Origin,
    Source,
    findOrigin,
    isOurs,
    parseSource,
)

interfaces = pytest.mark.skipif(not BINDS_TO_INTERFACE, reason="this system has no such option")


@interfaces
@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("192.0.2.1", Source("192.0.2.1")),
        ("2001:DB8::1", Source("2001:db8::1")),
        ("eth0", Source("", "eth0")),
        ("eth0.100", Source("", "eth0.100")),
        ("fe80::1%eth0", Source("fe80::1", "eth0")),
    ],
)
def test_parse(text: str, source: Source) -> None:
    assert parseSource(text) == source


@pytest.mark.parametrize("text", ["", "a b", "x" * 16, "a/b", "fe80::1", "fe80::1%"])
def test_wrong(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|link-local|only"):
        parseSource(text)


def test_family() -> None:
    sources = (ANYWHERE, Source("192.0.2.1"), Source("::1"), Source("", "eth0"))
    assert [source.family for source in sources] == [0, 4, 6, 0]


def test_origin() -> None:
    assert findOrigin("127.0.0.1", 9, ANYWHERE) == Origin("127.0.0.1", 0)
    with pytest.raises(OSError, match=r"192\.0\.2\.1 is no address of this host"):
        findOrigin("127.0.0.1", 9, Source("192.0.2.1"))


@pytest.mark.parametrize(
    ("address", "reason"),
    [("224.0.0.1", "multicast"), ("ff02::1", "multicast"), ("255.255.255.255", "broadcast")],
)
def test_manyHosts(address: str, reason: str) -> None:
    with pytest.raises(OSError, match=f"a {reason} address"):
        findOrigin(address, 9, ANYWHERE)


def test_isOurs() -> None:
    assert isOurs(Origin("127.0.0.1", 0))
    assert isOurs(Origin("::1", 0))
    assert not isOurs(Origin("192.0.2.1", 0))
    assert not isOurs(Origin("2001:db8::1", 0))


@interfaces
def test_interface() -> None:
    index = socket.if_nametoindex("lo")
    assert findOrigin("127.0.0.1", 9, Source("127.0.0.3", "lo")) == Origin("127.0.0.3", index)
    with pytest.raises(OSError, match="there is no interface nosuch"):
        findOrigin("127.0.0.1", 9, Source("", "nosuch"))


@interfaces
def test_notPermitted() -> None:
    class Forbidding(socket.socket):
        def setsockopt(self, *arguments: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    with (
        Forbidding(socket.AF_INET, socket.SOCK_DGRAM) as created,
        pytest.raises(PermissionError, match=r"only root .* eth0: give its address instead"),
    ):
        Source("", "eth0").apply(created)
