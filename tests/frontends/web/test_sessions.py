"""Tests for L{tsservices.frontends.web.sessions}, C{signin} and C{cookies}."""

from __future__ import annotations

import json
import re
from ipaddress import ip_network
from typing import Any

from tests.support.line_clients import LineClient
from tests.support.web_clients import (
    HOST,
    ORIGIN,
    PASSWORD,
    Response,
    WebCase,
    WebClient,
    frames,
)
from tsservices.chat.handlers.tokens import TOKENS_EACH_ACCOUNT
from tsservices.chat.login_limits import ACCOUNT_GUESSES_AT_ONCE
from tsservices.common.limits import Limits
from tsservices.frontends.web.frames import POLICY
from tsservices.frontends.web.origins import WebConfig, publicPlace
from tsservices.frontends.web.request import PROXY_HEADERS
from tsservices.frontends.web.sessions import PLAIN


class SessionCase(WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.account("ann")

    def account(self, nick: str) -> LineClient:
        self._ports += 1
        client = LineClient(self.lines, self.clock, self._ports)
        client.send(f"{nick}\n/register {PASSWORD}\n")
        self.tick()
        client.heard()
        return client

    def post(self, client: WebClient | None = None, **facts: Any) -> Response:
        return (client or self.connect()).request(
            "POST",
            "/session",
            json.dumps(facts),
            Origin=ORIGIN,
            Content_Type="application/json; charset=utf-8",
        )

    def signIn(self) -> str:
        response = self.post(account="ann", password=PASSWORD)
        self.assertEqual((response.status, response.body), (204, b""))
        return response.headers["set-cookie"].partition(";")[0]

    def tokens(self) -> list[str]:
        return [token.name for token in self.chat.context.state.tokensOf("ann")]


class SignInTests(SessionCase):
    def test_cookie(self) -> None:
        response = self.post(account="ANN", password=PASSWORD)
        self.assertRegex(
            response.headers["set-cookie"],
            r"^tsservices=tst_\w+; Path=/; Max-Age=7776000; HttpOnly; SameSite=Strict$",
        )
        cookie = response.headers["set-cookie"].partition(";")[0]
        facts = self.connect().request("GET", "/session", Cookie=cookie).facts
        self.assertEqual(facts, {"account": "ann", "secure": True, "signIn": True})
        self.assertEqual(self.connect().request("GET", "/session").facts["account"], None)
        self.assertRegex(self.tokens()[0], "^browser-.{8}$")
        # Nobody stays who was there only for this.
        self.assertEqual(len(self.chat.context.state.sessionsByAccount["ann"]), 1)
        self.assertEqual(self.counters.signIns, 1)

    def test_socket(self) -> None:
        cookie = self.signIn()
        client = self.connect()
        upgraded = client.upgrade(Cookie=f"a=b; {cookie}")
        replies = b"".join(text for _, text in frames(upgraded.body))
        types = re.findall(rb'"type":"(\w+)"', replies)
        self.assertEqual(types, [b"format", b"server", b"entered", b"loggedIn", b"token"])
        self.assertIn(b'"account":"ann"', replies)
        self.assertEqual(client.types("join", room="tea", id=1)[-1], "done")

    def test_badCookies(self) -> None:
        cookie = self.signIn()
        for bad in ("", "tsservices=", "tsservices=x", cookie[:-1] + "!", "tsservices=\xff"):
            client = self.connect()
            self.assertEqual(client.upgrade(Cookie=bad).status, 101)
            self.assertEqual(client.types("enter", nick="bob", id=1)[-1], "done")
            client.disconnect()

    def test_wrong(self) -> None:
        for facts, status, code in (
            ({"account": "ann", "password": "wrong"}, 401, "wrong-password"),
            ({"account": "nobody", "password": PASSWORD}, 401, "no-account"),
            ({"account": "ann", "token": "tst_x"}, 401, "token-cut"),
            ({"account": "ann"}, 400, "bad-request"),
            ({"account": "ann", "password": ""}, 400, "bad-request"),
            ({"account": 1, "password": PASSWORD}, 400, "bad-request"),
            ({"account": "\ud800", "password": PASSWORD}, 400, "bad-request"),
            ({"account": "ann", "password": "\udfff"}, 400, "bad-request"),
            ({"account": "ann", "password": PASSWORD, "x": 1}, 400, "bad-request"),
            ({"account": "ann", "password": "x" * 9000}, 400, "bad-request"),
        ):
            response = self.post(**facts)
            self.assertEqual((response.status, response.facts["error"]["code"]), (status, code))
            self.assertNotIn("set-cookie", response.headers)
        for body in ("", "[]", "{", "[" * 5000):
            response = self.connect().request(
                "POST", "/session", body, Origin=ORIGIN, Content_Type="application/json"
            )
            self.assertEqual(response.status, 400)
        self.assertEqual(self.tokens(), [])

    def test_throttled(self) -> None:
        for _ in range(ACCOUNT_GUESSES_AT_ONCE):
            self.assertEqual(self.post(account="ann", password="wrong").status, 401)
        response = self.post(account="ann", password=PASSWORD)
        self.assertEqual((response.status, response.facts["error"]["code"]), (429, "guessed-often"))
        self.assertGreater(int(response.headers["retry-after"]), 0)

    def test_unknownNamesThrottled(self) -> None:
        client = self.connect()
        for number in range(Limits().guesses):
            response = self.post(client, account=f"no{number}", password="x")
            self.assertEqual(response.status, 401)
        response = self.post(client, account="nobody", password="x")
        self.assertEqual((response.status, response.facts["error"]["code"]), (429, "guessed-often"))
        # The owner of an account, who was at this address before, is not kept out.
        self.signIn()

    def test_ofAnotherPage(self) -> None:
        body = json.dumps({"account": "ann", "password": PASSWORD})
        kind = "application/json"
        for headers, status in (
            ({"Content_Type": kind}, 403),
            ({"Content_Type": kind, "Origin": "http://evil.example"}, 403),
            ({"Content_Type": kind, "Origin": "null"}, 403),
            ({"Content_Type": "text/plain", "Origin": ORIGIN}, 415),
            ({"Origin": ORIGIN}, 415),
        ):
            response = self.connect().request("POST", "/session", body, **headers)
            self.assertEqual(response.status, status)
            self.assertNotIn("set-cookie", response.headers)
        cookie = self.signIn()
        self.assertEqual(self.connect().request("DELETE", "/session", Cookie=cookie).status, 403)

    def test_byToken(self) -> None:
        owner = self.connect()
        owner.upgrade()
        owner.ask("command", line=f"/login ann {PASSWORD}")
        replies = owner.ask("command", line="/token new bot read")
        token = next(item["token"] for item in replies if item["type"] == "accountToken")
        response = self.post(account="", token=token)
        self.assertIn(f"tsservices={token};", response.headers["set-cookie"])
        self.assertEqual(self.post(account="bob", token=token).status, 401)
        # Others have that token too: signing out does not revoke it.
        signedOut = self.connect().request(
            "DELETE", "/session", Origin=ORIGIN, Cookie=f"tsservices={token}"
        )
        self.assertEqual(signedOut.status, 204)
        self.assertEqual(self.tokens(), ["bot"])

    def test_goneMeanwhile(self) -> None:
        # A token that no browser has got is not left lying about.
        self.hasher.suspended = True
        client = self.connect()
        self.post(client, account="ann", password=PASSWORD)
        client.disconnect()
        self.hasher.suspended = False
        self.hasher.work()
        self.tick()
        self.assertEqual(self.tokens(), [])

    def test_manyBrowsers(self) -> None:
        first = self.signIn()
        browser = self.browser(Cookie=first)
        for _ in range(TOKENS_EACH_ACCOUNT + 3):
            self.clock.advance(1)
            self.signIn()
        self.assertEqual(len(self.tokens()), TOKENS_EACH_ACCOUNT)
        # The one that is in use stays.
        self.assertEqual(browser.types("rooms", id=1)[-1], "done")


class SignOutTests(SessionCase):
    def test_revokes(self) -> None:
        cookie = self.signIn()
        other = self.signIn()
        browser, second = self.browser(Cookie=cookie), self.browser(Cookie=other)
        browser.transport.clear()
        response = self.connect().request("DELETE", "/session", Origin=ORIGIN, Cookie=cookie)
        self.assertEqual(response.status, 204)
        self.assertIn("tsservices=; Path=/; Max-Age=0", response.headers["set-cookie"])
        replies = frames(browser.transport.value())
        self.assertIn(b"token-revoked", replies[-2][1])
        self.assertEqual(int.from_bytes(replies[-1][1], "big"), POLICY)
        facts = self.connect().request("GET", "/session", Cookie=cookie).facts
        self.assertIsNone(facts["account"])
        self.assertEqual(second.types("rooms", id=1)[-1], "done")
        self.assertEqual(len(self.tokens()), 1)

    def test_notSignedIn(self) -> None:
        for cookie in ("", "tsservices=x"):
            response = self.connect().request("DELETE", "/session", Origin=ORIGIN, Cookie=cookie)
            self.assertEqual(response.status, 204)

    def test_ownTokenOnly(self) -> None:
        # Whoever has one browser's token can't sign others out.
        self.signIn()
        browser = self.browser(Cookie=self.signIn())
        replies = browser.ask("command", line="/token revoke *", id=1)
        self.assertEqual([item["code"] for item in replies], ["token-scope"])
        self.assertEqual(len(self.tokens()), 2)


class PlainTests(SessionCase):
    secure = None

    def test_guestsOnly(self) -> None:
        client = self.connect()
        facts = client.request("GET", "/session").facts
        self.assertEqual(facts, {"account": None, "secure": False, "signIn": PLAIN})
        response = self.post(client, account="ann", password=PASSWORD)
        self.assertEqual((response.status, response.facts["error"]["code"]), (403, "not-secure"))

    def test_onThisMachine(self) -> None:
        client = self.connect("127.0.0.1")
        self.assertEqual(self.post(client, account="ann", password=PASSWORD).status, 204)

    def test_unknownProxyOnThisMachine(self) -> None:
        client = self.connect("127.0.0.1")
        for header in ("X_Forwarded_For", *(name.decode() for name in PROXY_HEADERS)):
            response = client.request("GET", "/session", **{header: "192.0.2.9"})
            self.assertEqual(response.facts["signIn"], PLAIN)


class ProxyTests(SessionCase):
    config = WebConfig(
        proxies=(ip_network("10.0.0.0/8"),), place=publicPlace("https://chat.example/")
    )
    secure = None

    def test_cookie(self) -> None:
        response = self.connect("10.0.0.1").request(
            "POST",
            "/session",
            json.dumps({"account": "ann", "password": PASSWORD}),
            host="chat.example",
            Origin="https://chat.example",
            Content_Type="application/json",
            X_Forwarded_For="192.0.2.9",
            X_Forwarded_Proto="https",
        )
        self.assertRegex(
            response.headers["set-cookie"],
            r"^__Host-tsservices=tst_\w+; Path=/; .*HttpOnly; SameSite=Strict; Secure$",
        )
        cookie = response.headers["set-cookie"].partition(";")[0]
        client = self.connect("10.0.0.1")
        upgraded = client.upgrade(
            Cookie=cookie,
            Origin="https://chat.example",
            X_Forwarded_Proto="https",
            X_Forwarded_For="192.0.2.9",
        )
        self.assertIn(b'"account":"ann"', upgraded.body)
        # One who was not sent by TLS does not get it through.
        client = self.connect("10.0.0.1")
        upgraded = client.upgrade(Cookie=cookie, X_Forwarded_For="192.0.2.9")
        self.assertIn(b'"account":null', upgraded.body)


class PrefixTests(SessionCase):
    config = WebConfig(
        proxies=(ip_network("10.0.0.0/8"),), place=publicPlace("https://chat.example/talk/")
    )

    def test_cookie(self) -> None:
        response = self.connect("10.0.0.1").request(
            "POST",
            "/session",
            json.dumps({"account": "ann", "password": PASSWORD}),
            host=HOST,
            Origin="https://chat.example",
            Content_Type="application/json",
            X_Forwarded_Proto="https",
        )
        self.assertRegex(
            response.headers["set-cookie"], r"^__Secure-tsservices=tst_\w+; Path=/talk/; "
        )
