"""Tests for L{tsservices.common.addresses}."""

from __future__ import annotations

import pytest

from tsservices.common.addresses import TrustedNetworks, hostPort, parse, source


class TestAddress:
    def test_mappedIPv4(self) -> None:
        assert str(parse("::ffff:192.0.2.1")) == "192.0.2.1"

    def test_notAnAddress(self) -> None:
        with pytest.raises(ValueError, match="localhost"):
            parse("localhost")

    def test_source(self) -> None:
        assert source(parse("2001:db8::1")) == source(parse("2001:db8::ffff"))
        assert source(parse("2001:db8::1")) != source(parse("2001:db8:0:1::1"))
        assert source(parse("192.0.2.1")) != source(parse("192.0.2.2"))
        assert source(parse("0.0.0.1")) != source(parse("0:0:0:1::"))

    def test_hostPort(self) -> None:
        assert hostPort("::1", 7) == "[::1]:7"
        assert hostPort("127.0.0.1", 7) == "127.0.0.1:7"


class TestTrust:
    def test_loopbackIsTrusted(self) -> None:
        trust = TrustedNetworks()
        for host, expected in (("127.9.9.9", True), ("::1", True), ("10.0.0.1", False)):
            assert (parse(host) in trust) == expected

    def test_named(self) -> None:
        assert parse("10.1.2.3") in TrustedNetworks(["10.0.0.0/8"])
        assert parse("127.0.0.1") not in TrustedNetworks(["10.0.0.0/8"])
        assert parse("127.0.0.1") not in TrustedNetworks(["none"])
        with pytest.raises(ValueError, match="everyone"):
            TrustedNetworks(["everyone"])
