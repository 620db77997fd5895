"""Tests for L{tsservices.server.endpoints}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.endpoints import TCP4ServerEndpoint, quoteStringArgument
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tsservices.server import endpoints
from tsservices.server.endpoints import EndpointError, endpoint, parse, udpAddress, unixgramAddress


class ParseTests(SynchronousTestCase):
    def refused(self, text: str, interface: str = "127.0.0.1") -> str:
        return str(self.assertRaises(EndpointError, parse, text, interface, 5))

    def test_defaultsAreFilledIn(self) -> None:
        for text, expected in (
            ("tcp:80", "tcp:80:interface=127.0.0.1:backlog=5"),
            ("tcp:80:interface=0.0.0.0", "tcp:80:interface=0.0.0.0:backlog=5"),
            ("tcp:80:10.0.0.1:7", "tcp:80:10.0.0.1:7"),
            ("tcp:port=80:backlog=9", "tcp:port=80:backlog=9:interface=127.0.0.1"),
            ("tcp6:80", r"tcp6:80:interface=\:\:1:backlog=5"),
            (r"tcp6:80:9:\:\:", r"tcp6:80:9:\:\:"),
            ("unix:/run/a:mode=600", "unix:/run/a:mode=600:backlog=5"),
            ("udp:80", "udp:80:interface=127.0.0.1"),
            ("unixgram:/run/a:mode=600", "unixgram:/run/a:mode=600"),
        ):
            self.assertEqual(str(parse(text, "127.0.0.1", 5)), expected)

    def test_IPv6StaysOnLoopback(self) -> None:
        for interface, expected in (
            ("127.0.0.1", "::1"),
            ("0.0.0.0", "::"),
            ("2001:db8::1", "2001:db8::1"),
        ):
            self.assertEqual(parse("tcp6:80", interface, 5).argument("interface"), expected)
        self.assertIn("needs interface=", self.refused("tcp6:80", "192.0.2.1"))
        self.assertEqual(parse("tcp:80", "::1", 5).argument("interface"), "::1")

    def test_proxied(self) -> None:
        description = parse("haproxy:tcp:80", "127.0.0.1", 5)
        self.assertTrue(description.proxied)
        self.assertEqual(str(description), "tcp:80:interface=127.0.0.1:backlog=5")
        self.assertIn("before a stream", self.refused("haproxy:udp:80"))
        self.assertIn("before a stream", self.refused("haproxy:unixgram:/a"))
        self.assertIn("before a stream", self.refused("haproxy:haproxy:tcp:80"))

    def test_rejected(self) -> None:
        self.assertIn("there are tcp, tcp6", self.refused("quic:80"))
        self.assertIn("there is no endpoint ''", self.refused(""))
        for text in ("tcp", "tcp:", "tcp:http", "tcp:70000", "tcp:-1", "udp:x", "ssl:"):
            self.assertIn("a port is a number", self.refused(text))
        for text in ("tcp:80:interface=eth0", "udp:80:interface=localhost"):
            self.assertIn("an interface is an address", self.refused(text))
        self.assertIn("needs its interface", self.refused(r"tcp:80:interface=fe80\:\:1"))
        for backlog in ("0", "-5", "99999999999999", "x"):
            self.assertIn("backlog takes", self.refused(f"tcp:80:backlog={backlog}"))
        for text in ("unix", "unix:", "unixgram", "unixgram:"):
            self.assertIn("takes the path", self.refused(text))
        self.assertIn("unixgram takes", self.refused("unixgram:/a:backlog=5"))
        for mode in ("9", "rw-", "1777", ""):
            self.assertIn("octal digits", self.refused(f"unixgram:/a:mode={mode}"))
        self.assertIn("udp takes", self.refused("udp:80:backlog=5"))
        self.assertIn("udp takes", self.refused("udp:80:127.0.0.1:x"))
        self.assertIn("a folder of PEM", self.refused("tls:/no/such/folder:port=1"))

    def test_tlsDefaultPort(self) -> None:
        folder = self.mktemp()
        import os

        os.mkdir(folder)
        self.assertIsNone(parse(f"tls:{folder}", "127.0.0.1", 5).argument("port"))

    def test_systemd(self) -> None:
        self.patch(endpoints, "passedEnvironment", dict)
        for text, words in (
            ("systemd:0", "each with its name"),
            ("systemd:domain=INET", "index or name"),
            ("systemd:domain=INET:index=7", "systemd has passed no such socket"),
        ):
            self.assertIn(words, self.refused(text))

    def test_unixgram(self) -> None:
        for text, expected in (
            ("unixgram:/run/a:mode=600", ("/run/a", 0o600)),
            ("unixgram:address=/run/a", ("/run/a", 0o666)),
        ):
            description = parse(text, "127.0.0.1", 5)
            self.assertTrue(description.datagrams and description.local)
            self.assertEqual(unixgramAddress(description), expected)

    @given(st.text(max_size=20).filter(lambda path: "=" not in path))
    def test_quoting(self, path: str) -> None:
        text = f"unix:/{quoteStringArgument(path)}"
        description = parse(text, "127.0.0.1", 5)
        self.assertEqual(description.arguments, ["/" + path])
        self.assertEqual(parse(str(description), "127.0.0.1", 5), description)

    @given(st.text(alphabet="tcpud6:=\\8 x", max_size=20))
    def test_anyText(self, text: str) -> None:
        try:
            description = parse(text, "127.0.0.1", 5)
            if not description.datagrams:
                endpoint(description, None)
        except EndpointError as reason:
            self.assertTrue(str(reason))

    def test_udpAddress(self) -> None:
        self.assertEqual(udpAddress(parse("udp:80", "127.0.0.1", 5)), (80, "127.0.0.1"))
        self.assertEqual(udpAddress(parse(r"udp:port=0:interface=\:\:", "127.0.0.1", 5)), (0, "::"))


class EndpointTests(SynchronousTestCase):
    def test_made(self) -> None:
        made = endpoint(parse("tcp:80", "127.0.0.1", 5), MemoryReactorClock())
        self.assertIsInstance(made, TCP4ServerEndpoint)

    def test_parserErrors(self) -> None:
        for text, words in (
            ("tcp:80:colour=red", "unexpected keyword"),
            ("ssl:80:privateKey=/no/such/file", "No such file"),
            ("unix:/tmp/x:mode=9", "invalid literal"),
        ):
            description = parse(text, "127.0.0.1", 5)
            error = self.assertRaises(EndpointError, endpoint, description, None)
            self.assertIn(words, str(error))
            self.assertNotIn("_parse", str(error))

    def test_withoutPyOpenSSL(self) -> None:
        import sys

        for name in ("OpenSSL", "twisted.internet.ssl", "twisted.internet._sslverify"):
            saved = sys.modules.get(name)
            sys.modules[name] = None  # type: ignore[assignment]
            if saved is None:
                self.addCleanup(sys.modules.pop, name)
            else:
                self.addCleanup(sys.modules.__setitem__, name, saved)
        self.assertFalse(endpoints.haveTLS())
        description = parse("ssl:80:privateKey=/no/such/file", "127.0.0.1", 5)
        error = self.assertRaises(EndpointError, endpoint, description, None)
        self.assertIn("pip install 'tsservices[tls]'", str(error))
