"""Tests for L{tsservices.frontends.web.channel}, C{request}, C{files} and C{site}."""

from __future__ import annotations

import gzip
from ipaddress import ip_network

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface.verify import verifyObject

from tests.support.web_clients import HOST, ORIGIN, Response, WebCase
from tsservices.common.limits import Limits
from tsservices.frontends.web.channel import (
    BODY_SECONDS,
    HEADER_SECONDS,
    KEEP_ALIVE_SECONDS,
    LONGEST_BODY,
    PIPELINED,
)
from tsservices.frontends.web.files import TYPES
from tsservices.frontends.web.origins import WebConfig
from tsservices.frontends.web.request import SECURITY_HEADERS
from tsservices.transport.timeouts import SWEEP_SECONDS

HEAD = f"Host: {HOST}\r\n"
POST = f"POST /session HTTP/1.1\r\n{HEAD}"
CHUNKED = "Transfer-Encoding: chunked\r\n"

#: What proxies and servers read in different ways, and what is too much.
REFUSED = {
    "no Host": ("GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts in 1.0": (f"GET / HTTP/1.0\r\n{HEAD}{HEAD}\r\n", 400),
    "two Hosts": (f"GET / HTTP/1.1\r\n{HEAD}{HEAD}\r\n", 400),
    "both lengths": (
        f"{POST}Content-Length: 5\r\n{CHUNKED}\r\n0\r\n\r\n",
        400,
    ),
    "both, the other way": (
        f"{POST}{CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (
        f"{POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
    ),
    "a list of lengths": (f"{POST}Content-Length: 1, 1\r\n\r\na", 400),
    "a signed length": (f"{POST}Content-Length: +1\r\n\r\na", 400),
    "identity": (
        f"{POST}Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na",
        400,
    ),
    "chunked in 1.0": (
        f"POST /session HTTP/1.0\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a coding that is none": (
        f"{POST}{CHUNKED}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        400,
    ),
    "another coding": (
        f"{POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a folded header": (f"GET / HTTP/1.1\r\n{HEAD}X: a\r\n b\r\n\r\n", 400),
    "a fold at the beginning": (f"GET / HTTP/1.1\r\n X: a\r\n{HEAD}\r\n", 400),
    "a blank before the colon": (f"GET / HTTP/1.1\r\n{HEAD}Content-Length : 0\r\n\r\n", 400),
    "a bare CR": (f"GET / HTTP/1.1\r\n{HEAD}X: a\rb\r\n\r\n", 400),
    "a NUL": (f"GET / HTTP/1.1\r\n{HEAD}X: a\0b\r\n\r\n", 400),
    "a size of a chunk": (
        f"{POST}{CHUNKED}\r\n0x1\r\na\r\n0\r\n\r\n",
        400,
    ),
    "a chunk without an end": (
        f"{POST}{CHUNKED}\r\n1\r\naX0\r\n\r\n",
        400,
    ),
    "a URL": (f"GET http://evil.example/ HTTP/1.1\r\n{HEAD}\r\n", 400),
    "many headers": (f"GET / HTTP/1.1\r\n{HEAD}" + "X: a\r\n" * 200 + "\r\n", 400),
    "a long header": (f"GET / HTTP/1.1\r\n{HEAD}X: {'a' * 20_000}\r\n\r\n", 431),
    "an endless line": ("G" * 40_000, 431),
    "a long length": (f"{POST}Content-Length: {'9' * 5000}\r\n\r\n", 413),
    "a long body": (
        f"{POST}Content-Length: {LONGEST_BODY + 1}\r\n\r\n",
        413,
    ),
    "a long body that waits": (
        f"{POST}Expect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n",
        413,
    ),
    "long chunks": (
        f"{POST}{CHUNKED}\r\n" + f"8000\r\n{'a' * 0x8000}\r\n" * 3,
        413,
    ),
    "small chunks": (f"{POST}{CHUNKED}\r\n" + "1\r\na\r\n" * 50_000, 413),
    "extensions of chunks": (f"{POST}{CHUNKED}\r\n" + f"1;{'x' * 900}\r\na\r\n" * 500, 413),
    "another version": (f"GET / HTTP/2.0\r\n{HEAD}\r\n", 400),
    "no HTTP": ("hello there\r\n", 400),
}


class FormTests(WebCase):
    def test_refused(self) -> None:
        for name, (data, status) in REFUSED.items():
            with self.subTest(name):
                before = self.counters.badRequests
                client = self.connect()
                # What follows would be taken for another request.
                answer = client.send(data.encode() + f"GET /x HTTP/1.1\r\n{HEAD}\r\n".encode())
                self.assertEqual(Response(answer).status, status)
                if name != "a URL":
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
                    self.assertTrue(client.isClosed)
                self.assertGreater(self.counters.badRequests, before)

    def test_noText(self) -> None:
        for name, status in (
            ("Host", 421),
            ("Origin", 403),
            ("Content-Type", 415),
            ("Accept-Encoding", 200),
            ("X-Forwarded-For", 200),
            ("Cookie", 200),
        ):
            with self.subTest(name):
                method = "POST" if status in (403, 415) else "GET"
                path = "/" if name == "Accept-Encoding" else "/session"
                headers = {"Host": HOST, "Origin": ORIGIN, "Content-Length": "0", name: "\xff"}
                lines = [f"{method} {path} HTTP/1.1", *map(": ".join, headers.items()), "", ""]
                answer = self.connect().send("\r\n".join(lines).encode("latin-1"))
                self.assertEqual(Response(answer).status, status)

    def test_inPieces(self) -> None:
        client = self.connect()
        request = f"GET /nothing HTTP/1.1\r\n{HEAD}\r\n".encode()
        answer = b"".join(client.send(request[at : at + 1]) for at in range(len(request)))
        self.assertEqual(Response(answer).status, 404)

    def test_chunkedBody(self) -> None:
        client = self.connect()
        answer = client.send(
            f"{POST}Origin: {ORIGIN}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".encode()
        )
        self.assertEqual(Response(answer).facts["error"]["code"], "bad-request")
        self.assertFalse(client.isClosed)

    def test_pipelined(self) -> None:
        client = self.connect()
        answer = client.send(f"GET /x HTTP/1.1\r\n{HEAD}\r\n".encode() * (PIPELINED * 3))
        self.assertEqual(answer.count(b"HTTP/1.1 404"), PIPELINED + 1)
        self.assertIn(b"Connection: close", answer)
        self.assertTrue(client.isClosed)

    def test_halfClosed(self) -> None:
        client = self.connect()
        verifyObject(IHalfCloseableProtocol, client.protocol)
        client.protocol.readConnectionLost()
        self.assertTrue(client.isClosed)

    def test_tls(self) -> None:
        client = self.connect()
        client.send(b"\x16\x03\x01\x00")
        self.assertTrue(client.isClosed)


class TimeTests(WebCase):
    def test_slowHeader(self) -> None:
        client = self.connect()
        client.send(b"GET / HTTP/1.1\r\n")
        for _ in range(HEADER_SECONDS - 1):
            client.send(b"X")
            self.clock.advance(1)
        self.assertFalse(client.transport.aborted)
        self.clock.pump([1] * int(SWEEP_SECONDS + 1))
        self.assertTrue(client.transport.aborted)

    def test_slowBody(self) -> None:
        client = self.connect()
        client.send(f"{POST}Content-Length: 9\r\n\r\n".encode())
        self.clock.pump([1] * BODY_SECONDS)
        client.send(b"a")
        self.clock.pump([1] * int(SWEEP_SECONDS))
        self.assertTrue(client.transport.aborted)

    def test_keptAlive(self) -> None:
        client = self.connect()
        client.request("GET", "/x")
        self.clock.pump([1] * (KEEP_ALIVE_SECONDS - 5))
        client.request("GET", "/x")
        self.clock.pump([1] * (KEEP_ALIVE_SECONDS - 5))
        self.assertFalse(client.transport.aborted)
        self.clock.pump([1] * 10)
        self.assertTrue(client.transport.aborted)


class SlowResource(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[object] = []

    def render_GET(self, request: object) -> int:
        self.requests.append(request)
        return NOT_DONE_YET


class BrokenResource(Resource):
    isLeaf = True

    def render_GET(self, request: object) -> bytes:
        raise ZeroDivisionError


class AddedTests(WebCase):
    """Resources of other parts of the server."""

    def setUp(self) -> None:
        super().setUp()
        self.slow = SlowResource()
        self.factory.site.resource.putChild(b"slow", self.slow)
        self.factory.site.resource.putChild(b"broken", BrokenResource())

    def test_answersLater(self) -> None:
        client = self.connect()
        self.assertEqual(client.send(f"GET /slow/x HTTP/1.1\r\n{HEAD}\r\n".encode()), b"")
        self.clock.pump([1] * 300)
        self.assertFalse(client.transport.aborted)
        self.slow.requests[0].answer(200, "done")  # type: ignore[attr-defined]
        self.assertIn(b"done\n", client.transport.value())

    def test_halfClosedBehindARequest(self) -> None:
        client = self.connect()
        client.send(f"GET /slow HTTP/1.1\r\n{HEAD}\r\n".encode())
        client.protocol.readConnectionLost()
        self.assertFalse(client.isClosed)
        self.slow.requests[0].answer(200, "done")  # type: ignore[attr-defined]
        self.assertTrue(client.isClosed)

    def test_gone(self) -> None:
        client = self.connect()
        client.send(f"GET /slow HTTP/1.1\r\n{HEAD}\r\n".encode())
        gone: list[object] = []
        self.slow.requests[0].notifyFinish().addErrback(gone.append)  # type: ignore[attr-defined]
        client.disconnect()
        self.assertEqual(len(gone), 1)

    def test_mistake(self) -> None:
        response = self.connect().request("GET", "/broken")
        self.assertEqual(response.status, 500)
        self.assertNotIn(b"ZeroDivision", response.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class AnswerTests(WebCase):
    def test_page(self) -> None:
        for path in ("/", "/page/index.html"):
            response = self.connect().request("GET", path)
            self.assertEqual(response.status, 200)
            self.assertEqual(response.headers["content-type"], "text/html; charset=utf-8")
            for name, value in SECURITY_HEADERS:
                self.assertEqual(response.headers[name.decode().lower()], value.decode())
            self.assertNotIn("server", response.headers)

    def test_unchanged(self) -> None:
        client = self.connect()
        etag = client.request("GET", "/").headers["etag"]
        response = client.request("GET", "/", If_None_Match=etag)
        self.assertEqual((response.status, response.body), (304, b""))
        self.assertNotIn("content-length", response.headers)
        self.assertEqual(response.headers["cache-control"], "no-cache")

    def test_gzip(self) -> None:
        client = self.connect()
        plain = client.request("GET", "/")
        packed = client.request("GET", "/", Accept_Encoding="br, gzip;q=0.5")
        self.assertEqual(plain.headers["vary"], "Accept-Encoding")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        for never in ("q=0", "q=0.000", " Q = 0."):
            unpacked = client.request("GET", "/", Accept_Encoding=f"gzip;{never}, br")
            self.assertNotIn("content-encoding", unpacked.headers)

    def test_head(self) -> None:
        client = self.connect()
        got, head = client.request("GET", "/"), client.request("HEAD", "/")
        self.assertEqual(head.body, b"")
        self.assertEqual(head.headers["content-length"], got.headers["content-length"])

    def test_options(self) -> None:
        client = self.connect()
        response = client.request("OPTIONS", "/")
        self.assertEqual((response.status, response.headers["allow"]), (204, "GET, HEAD, OPTIONS"))
        self.assertEqual(
            client.request("OPTIONS", "/session").headers["allow"],
            "DELETE, GET, HEAD, OPTIONS, POST",
        )
        self.assertEqual(client.request("OPTIONS", "*").status, 200)

    def test_otherMethods(self) -> None:
        client = self.connect()
        for method in ("POST", "PUT", "TRACE", "FOO"):
            response = client.request(method, "/")
            self.assertEqual(
                (response.status, response.headers["allow"]), (405, "GET, HEAD, OPTIONS")
            )

    def test_nothingThere(self) -> None:
        client = self.connect()
        for path in (
            "/x",
            "//",
            "/ws/x",
            "/session/x",
            "/page",
            "/page/",
            "/page/../../protocol.py",
            "/page/%2e%2e/protocol.py",
            "/page/..%2fprotocol.py",
            "/page//etc/passwd",
            "/page/index.html%00.js",
            "/page/%ff",
        ):
            response = client.request("GET", path)
            self.assertEqual((response.status, response.body), (404, b"there is nothing here\n"))

    def test_types(self) -> None:
        # Nothing that a browser would guess.
        self.assertTrue(all(kind.startswith(".") for kind in TYPES))

    def test_otherHost(self) -> None:
        client = self.connect()
        for host in ("evil.example", "localhost.evil", "", "a@localhost"):
            self.assertEqual(client.request("GET", "/", host=host).status, 421)
        self.assertEqual(self.counters.badRequests, 4)

    def test_otherOrigin(self) -> None:
        client = self.connect()
        for origin in ("http://evil.example", "null", f"{ORIGIN}.evil", "https://localhost:21575"):
            self.assertEqual(client.request("POST", "/", Origin=origin).status, 403)
        self.assertEqual(client.request("POST", "/", Origin=ORIGIN).status, 405)


class CrowdTests(WebCase):
    limits = Limits(maxConnectionsPerAddress=1)
    config = WebConfig(proxies=(ip_network("10.0.0.0/8"),))

    def test_tooMany(self) -> None:
        self.connect()
        transport = StringTransport()
        protocol = self.factory.buildProtocol(self.connect("10.0.0.1").transport.getPeer())
        self.assertIsNotNone(protocol)
        other = self.factory.buildProtocol(transport.getPeer())
        del other
        rejecting = self.factory.buildProtocol(self.connect("192.0.2.2").transport.getPeer())
        assert rejecting is not None
        rejecting.makeConnection(transport)
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 503 "))

    def test_behindAProxy(self) -> None:
        # The proxy has as many as it likes, each of its clients has one.
        statuses = []
        for client in ("192.0.2.7", "192.0.2.8", "192.0.2.7"):
            browser = self.connect("10.0.0.1")
            statuses.append(browser.upgrade(X_Forwarded_For=client).status)
        self.assertEqual(statuses, [101, 101, 429])
