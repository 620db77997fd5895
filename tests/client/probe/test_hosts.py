"""Tests for L{tsservices.client.probe.hosts}."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.client.probe.hosts import (
    MAXIMUM_HOSTS,
    Host,
    HostListError,
    distinctHosts,
    generatedHosts,
    listedHosts,
    readHost,
    repeatsNotice,
)


@pytest.mark.parametrize(
    ("content", "hosts"),
    [
        (b"a\nb", [Host("a", "f:1"), Host("b", "f:2")]),
        (
            b"\xef\xbb\xbf# all\r\n\r\n a \r\n\t[::1] # six\r\n",
            [Host("a", "f:3"), Host("::1", "f:4")],
        ),
        (b"a\rb\n", [Host("a", "f:1"), Host("b", "f:2")]),
        ("bücher.example\n".encode(), [Host("bücher.example", "f:1")]),
        (b"fe80::1%eth0\n", [Host("fe80::1%eth0", "f:1")]),
    ],
)
def test_listed(content: bytes, hosts: list[Host]) -> None:
    assert listedHosts(content, "f") == hosts


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\nb c\n", "f:2: 'b c' is no host name"),
        (b"127.0.0.1\x00\n", r"f:1: '127.0.0.1\x00' is no host name"),
        (b"a\n\n\xff\n", "f:3: this is no UTF-8"),
        (b"10.0.0.0/24\n", "f:1: '10.0.0.0/24' is a network, which needs -g"),
        (b"# none\n", "f names no host"),
        (b"a\n" * 8_000_001, "f is longer than 16000000 bytes"),
    ],
)
def test_listedWrong(content: bytes, reason: str) -> None:
    with pytest.raises(HostListError) as raised:
        listedHosts(content, "f")
    assert str(raised.value).startswith(reason)


def generated(*texts: str) -> list[str]:
    return [host.name for host in generatedHosts(texts)]


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        ("192.0.2.0/30", "192.0.2.1 192.0.2.2"),
        ("192.0.2.3/30", "192.0.2.1 192.0.2.2"),
        ("192.0.2.4/31", "192.0.2.4 192.0.2.5"),
        ("192.0.2.4/32 192.0.2.9/32", "192.0.2.4 192.0.2.9"),
        ("192.0.2.255 192.0.3.1", "192.0.2.255 192.0.3.0 192.0.3.1"),
        ("2001:db8::/126", "2001:db8::1 2001:db8::2 2001:db8::3"),
        ("[::1] ::2", "::1 ::2"),
    ],
)
def test_generated(texts: str, names: str) -> None:
    assert generated(*texts.split()) == names.split()


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ("192.0.2.0", "-g: 192.0.2.0 alone is no network"),
        ("h", "-g: 'h' is no address"),
        ("h/24", "-g: 'h/24' is no network"),
        ("192.0.2.0/33", "-g: '192.0.2.0/33' is no network"),
        ("fe80::1%1/126", "-g: 'fe80::1%1/126' is no network"),
        ("fe80::1%1 fe80::2%1", "-g: 'fe80::1%1' has a zone"),
        ("192.0.2.9 192.0.2.1", "-g: 192.0.2.9 is behind 192.0.2.1"),
        ("192.0.2.9 ::1", "-g: 192.0.2.9 and ::1 are of two families"),
        ("10.0.0.0/8", "-g: 10.0.0.0/8 has 16777216 addresses; a run measures at most 65536"),
        ("::/0", "-g: ::/0 has 3402823669"),
        ("10.0.0.0 10.1.0.0", "-g: from 10.0.0.0 to 10.1.0.0 there are 65537 addresses"),
    ],
)
def test_generatedWrong(texts: str, reason: str) -> None:
    with pytest.raises(HostListError) as raised:
        generated(*texts.split())
    assert str(raised.value).startswith(reason)


def test_repeated() -> None:
    names = ["a", "::1", "A", "0:0::1", "b", "a", "a"]
    hosts, repeated = distinctHosts([Host(name, f"f:{n}") for n, name in enumerate(names, 1)])
    assert hosts == ["a", "::1", "b"]
    assert repeatsNotice(repeated) == (
        "given again, and measured once: A (f:3), 0:0::1 (f:4), a (f:6), 1 other"
    )
    assert repeatsNotice([Host("a")]) == "given again, and measured once: a"


def test_tooMany() -> None:
    many = [Host(str(number)) for number in range(MAXIMUM_HOSTS + 1)]
    assert len(distinctHosts(many[1:])[0]) == MAXIMUM_HOSTS
    with pytest.raises(HostListError):
        distinctHosts(many)


@given(st.binary(max_size=40), st.text(max_size=20))
def test_raisesNothingElse(content: bytes, text: str) -> None:
    for read in (
        lambda: listedHosts(content, "f"),
        lambda: readHost(text),
        lambda: generated(text),
    ):
        with contextlib.suppress(HostListError):
            read()
