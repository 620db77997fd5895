"""Tests for L{tsservices.frontends.web.origins}."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from tsservices.frontends.web.origins import Client, WebConfig, publicPlace

PLACE = publicPlace("https://Chat.example/talk")


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("LOCALHOST:21575", True),
        ("127.0.0.1:21575", True),
        ("127.8.8.8", True),
        ("[::1]:21575", True),
        ("10.0.0.5", True),
        ("10.0.0.6", False),
        ("chat.example", True),
        ("chat.example.:443", True),
        ("other.example:80", True),
        ("evil.example", False),
        ("chat.example.evil", False),
        ("localhost.evil", False),
        ("127.0.0.1.evil", False),
        ("a@localhost", False),
        ("localhost:x", False),
        ("", False),
        ("2130706433", False),
    ],
)
def test_hosts(host: str, ours: bool) -> None:
    config = WebConfig(frozenset({"other.example"}), place=PLACE)
    assert config.isOurs(host, "10.0.0.5") is ours


def test_linkLocalHost() -> None:
    assert WebConfig().isOurs("[fe80::1]:21575", "fe80::1%eth0")


@pytest.mark.parametrize(
    ("origin", "host", "encrypted", "own"),
    [
        ("http://localhost:21575", "localhost:21575", False, True),
        ("https://localhost:21575", "localhost:21575", False, False),
        ("http://localhost:21575", "localhost:21575", True, False),
        ("http://localhost", "localhost:80", False, True),
        ("https://a.example", "A.example:443", True, True),
        ("http://localhost:1", "localhost:21575", False, False),
        ("http://localhost:21575.evil", "localhost:21575", False, False),
        ("https://chat.example", "10.0.0.5:21575", False, True),
        ("https://chat.example/", "10.0.0.5:21575", False, False),
        ("null", "localhost", False, False),
        ("", "localhost", False, False),
    ],
)
def test_origins(origin: str, host: str, encrypted: bool, own: bool) -> None:
    assert WebConfig(place=PLACE).isOwnOrigin(origin, host, encrypted) is own


@pytest.mark.parametrize(
    "text",
    [
        "chat.example",
        "ftp://chat.example/",
        "https://",
        "https://a@chat.example/",
        "https://chat.example/?x",
        "https://chat.example/a;b",
        "https://chat.example/a b",
        "https://[::1",
        "https://chat.example:x/",
    ],
)
def test_noPlaces(text: str) -> None:
    with pytest.raises(ValueError, match="http-origin"):
        publicPlace(text)


def test_place() -> None:
    assert PLACE.origin == "https://chat.example"
    assert (PLACE.host, PLACE.path) == ("chat.example", "/talk/")
    assert publicPlace("http://[::1]:80").origin == "http://[::1]"


PROXY = WebConfig(proxies=(ip_network("10.0.0.0/8"),), unixProxies=True)

FAR = "192.0.2.9"


@pytest.mark.parametrize(
    ("peer", "forwardedFor", "proto", "client"),
    [
        # Nobody has said that these are proxies: what they say makes nobody secure.
        (FAR, [], [], Client(FAR, False, False)),
        (FAR, ["127.0.0.1"], ["https"], Client(FAR, False, False, unknownProxy=True)),
        # Proxies.
        ("10.1.1.1", ["192.0.2.9"], ["https"], Client(FAR, True, True, True)),
        ("10.1.1.1", ["192.0.2.9"], [], Client(FAR, False, False, True)),
        ("unix", ["192.0.2.9"], ["HTTPS"], Client(FAR, True, True, True)),
        ("10.1.1.1", ["127.0.0.1, 192.0.2.9"], ["http"], Client(FAR, False, False, True)),
        ("10.1.1.1", ["127.0.0.1", "192.0.2.9, 10.2.2.2"], [], Client(FAR, False, False, True)),
        ("10.1.1.1", ["192.0.2.9"], ["https, http"], Client(FAR, False, False, True)),
        ("10.1.1.1", ["127.0.0.1"], [], Client("127.0.0.1", False, True, True)),
        # Some write the port too.
        ("10.1.1.1", ["192.0.2.9:55000"], [], Client(FAR, False, False, True)),
        ("10.1.1.1", ["[2001:db8::9]:55000"], [], Client("2001:db8::9", False, False, True)),
        ("10.1.1.1", ["192.0.2.9, [fe80::1"], [], Client("10.1.1.1", False, False, True)),
        # No address: it counts as the proxy.
        ("10.1.1.1", ["192.0.2.9, <script>"], ["https"], Client("10.1.1.1", True, True, True)),
        ("10.1.1.1", [], [], Client("10.1.1.1", False, False, True)),
    ],
)
def test_clients(peer: str, forwardedFor: list[str], proto: list[str], client: Client) -> None:
    assert PROXY.client(peer, False, False, forwardedFor, proto) == client


def test_proxyItself() -> None:
    assert PROXY.client("10.1.1.1", True, True, [], []) == Client("10.1.1.1", True, True, True)


def test_localProxyThatNobodyKnows() -> None:
    # Everybody behind it comes from this machine.
    client = WebConfig().client("127.0.0.1", False, True, ["192.0.2.9"], [])
    assert client == Client("127.0.0.1", False, False, unknownProxy=True)
    assert WebConfig().client("127.0.0.1", False, True, [], []).secure
    assert WebConfig().client(FAR, True, True, ["1.2.3.4"], []).secure
