"""Tests for L{tsservices.common.sources} and L{tsservices.common.bounded}."""

from __future__ import annotations

import pytest

from tsservices.common.addresses import LOOPBACK, TrustedNetworks
from tsservices.common.bounded import BoundedDict
from tsservices.common.sources import SourceTable

#: Every address is trusted: that makes none of them usable.
EVERYWHERE = TrustedNetworks(["0.0.0.0/0", "::/0"])


@pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1", "2001:db8::1", "fe80::1%eth0", "::1"])
def test_usable(host: str) -> None:
    assert SourceTable(EVERYWHERE).add(host).usable


@pytest.mark.parametrize(
    "host",
    [
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "::",
        "ff02::1",
        "::ffff:224.0.0.1",
        "no address",
        "",
    ],
)
def test_unusable(host: str) -> None:
    assert not SourceTable(EVERYWHERE).add(host).usable


def test_trusted() -> None:
    table = SourceTable(TrustedNetworks(LOOPBACK))
    trusted = {host: table.add(host).trusted for host in ("127.0.0.9", "::ffff:127.0.0.1", "::2")}
    assert trusted == {"127.0.0.9": True, "::ffff:127.0.0.1": True, "::2": False}
    assert not table.add("no address").trusted
    assert not SourceTable(TrustedNetworks(())).add("127.0.0.1").trusted


def test_key() -> None:
    table = SourceTable(TrustedNetworks())
    one, same, other = (table.add(f"2001:db8:0:{host}").key for host in ("1::1", "1:2::", "2::1"))
    assert one == same != other
    assert table.add("192.0.2.1").key != table.add("192.0.2.2").key
    assert table.add("::ffff:192.0.2.1").key == table.add("192.0.2.1").key


def test_cacheIsBounded() -> None:
    table = SourceTable(TrustedNetworks(), 2)
    first = table.add("192.0.2.1")
    assert table.get("192.0.2.1") is first
    table.add("no address")
    table.add("192.0.2.2")
    assert list(table) == ["192.0.2.1", "192.0.2.2"]
    table.add("192.0.2.3")
    assert list(table) == ["192.0.2.2", "192.0.2.3"]


def test_bounded() -> None:
    table: BoundedDict[str, int] = BoundedDict(2)
    assert [table.put("a", 1), table.put("b", 2)] == [1, 2]
    table.move_to_end("a")
    table.put("c", 3)
    assert dict(table) == {"a": 1, "c": 3}
    table.put("a", 4)
    assert dict(table) == {"a": 4, "c": 3}
