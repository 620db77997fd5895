"""Tests for L{tsservices.common.addresses}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.addresses import TrustedNetworks, hostPort, parse, source


class AddressTests(SynchronousTestCase):
    def test_mappedIPv4(self) -> None:
        self.assertEqual(str(parse("::ffff:192.0.2.1")), "192.0.2.1")

    def test_notAnAddress(self) -> None:
        self.assertRaises(ValueError, parse, "localhost")

    def test_source(self) -> None:
        self.assertEqual(source(parse("2001:db8::1")), source(parse("2001:db8::ffff")))
        self.assertNotEqual(source(parse("2001:db8::1")), source(parse("2001:db8:0:1::1")))
        self.assertNotEqual(source(parse("192.0.2.1")), source(parse("192.0.2.2")))
        self.assertNotEqual(source(parse("0.0.0.1")), source(parse("0:0:0:1::")))

    def test_hostPort(self) -> None:
        self.assertEqual(hostPort("::1", 7), "[::1]:7")
        self.assertEqual(hostPort("127.0.0.1", 7), "127.0.0.1:7")


class TrustTests(SynchronousTestCase):
    def test_loopbackIsTrusted(self) -> None:
        trust = TrustedNetworks()
        for host, expected in (("127.9.9.9", True), ("::1", True), ("10.0.0.1", False)):
            self.assertEqual(parse(host) in trust, expected)

    def test_named(self) -> None:
        self.assertIn(parse("10.1.2.3"), TrustedNetworks(["10.0.0.0/8"]))
        self.assertNotIn(parse("127.0.0.1"), TrustedNetworks(["10.0.0.0/8"]))
        self.assertNotIn(parse("127.0.0.1"), TrustedNetworks(["none"]))
        self.assertRaises(ValueError, TrustedNetworks, ["everyone"])
