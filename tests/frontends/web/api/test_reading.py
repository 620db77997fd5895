"""Tests for L{tsservices.frontends.web.api.reading}, by requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.api import APIServer, Connection, Response, parseAll, rawRequest
from tsservices.chat.errors import READ_SLOW, ChatError
from tsservices.common.limits import Limits
from tsservices.frontends.web.api.usage import READS_BURST, READS_PER_SECOND


@pytest.fixture
def server() -> APIServer:
    return APIServer()


def texts(response: Response) -> list[str]:
    assert response.status == 200, response.body
    return [item["text"] for item in response.document["messages"]]


def seqs(response: Response) -> list[int]:
    return [item["seq"] for item in response.document["messages"]]


def link(response: Response, rel: str) -> str | None:
    for part in response.headers.get("link", "").split(", "):
        if part.endswith(f'; rel="{rel}"'):
            return part[1 : part.index(">")]
    return None


class TestMessages:
    @pytest.fixture(autouse=True)
    def lines(self, server: APIServer) -> None:
        self.ann = server.member("ann", "tea")
        server.say(self.ann, *[f"line {number}" for number in range(1, 13)])
        self.path = "/api/v1/rooms/tea/messages"

    def test_newest(self, server: APIServer) -> None:
        document = server.get(self.path).document
        assert (document["room"], document["epoch"], document["missing"]) == ("tea", "log", None)
        assert [item["seq"] for item in document["messages"]] == list(range(1, 13))
        message = document["messages"][0]
        assert message["timeText"].startswith("20")
        assert message["timeText"].endswith("Z")
        assert message | {"time": 0, "timeText": "", "id": ""} == {
            "room": "tea",
            "seq": 1,
            "id": "",
            "time": 0,
            "timeText": "",
            "kind": "message",
            "nick": "ann",
            "account": None,
            "text": "line 1",
        }

    @pytest.mark.parametrize(
        ("query", "expected", "prev", "next"),
        [
            ("limit=3", [10, 11, 12], "?before=10&limit=3", None),
            ("before=4&limit=2", [2, 3], "?before=2&limit=2", "?after=3&limit=2"),
            ("before=3&limit=5", [1, 2], None, "?after=2&limit=5"),
            ("before=99&limit=2", [11, 12], "?before=11&limit=2", None),
            ("before=1", [], None, None),
            ("before=0", [], None, None),
            ("after=0&limit=2", [1, 2], None, "?after=2&limit=2"),
            ("after=10", [11, 12], "?before=11&limit=50", None),
            ("after=12", [], "?before=13&limit=50", None),
            ("after=9223372036854775807", [], "?before=13&limit=50", None),
            ("around=6&limit=5", [4, 5, 6, 7, 8], "?before=4&limit=5", "?after=8&limit=5"),
            ("around=1&limit=5", [1, 2, 3], None, "?after=3&limit=5"),
            ("around=12&limit=1", [12], "?before=12&limit=1", None),
            ("around=500&limit=4", [9, 10, 11, 12], "?before=9&limit=4", None),
        ],
    )
    def test_pages(
        self, server: APIServer, query: str, expected: list[int], prev: str | None, next: str | None
    ) -> None:
        response = server.get(f"{self.path}?{query}")
        assert seqs(response) == expected
        assert (link(response, "prev"), link(response, "next")) == (prev, next)

    def test_allByLinks(self, server: APIServer) -> None:
        for first, rel in (("?limit=5", "prev"), ("?after=0&limit=5", "next")):
            found: set[int] = set()
            query: str | None = first
            while query is not None:
                response = server.get(self.path + query)
                assert not found & set(seqs(response))
                found.update(seqs(response))
                query = link(response, rel)
            assert found == set(range(1, 13))

    @pytest.mark.parametrize(
        "query",
        ["limit=0", "limit=201", "limit=x", "before=-1", "before=1&after=2", "nope=1", "before="],
    )
    def test_refused(self, server: APIServer, query: str) -> None:
        response = server.get(f"{self.path}?{query}")
        assert (response.status, response.code) == (400, "bad-request")

    def test_deleted(self, server: APIServer) -> None:
        bob = server.member("bob", "tea", account=True)
        server.say(bob, "secret", "/delete 13")
        found = server.get(f"{self.path}?after=12").document["messages"]
        assert [(item["kind"], item["text"]) for item in found] == [
            ("deleted", ""),
            ("delete", "13"),
        ]

    def test_ignored(self, server: APIServer) -> None:
        bob = server.member("bob", "tea", account=True)
        server.say(bob, "noise")
        eve = server.member("eve", "tea", account=True)
        server.say(eve, "/ignore bob")
        token = server.addAccount("eve")
        assert texts(server.get(f"{self.path}?after=12")) == ["noise"]
        assert texts(server.get(f"{self.path}?after=12", token=token)) == []

    def test_storageIsSlow(self, server: APIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        def read(room: str, first: int, last: int, onResult: Any) -> None:
            onResult(ChatError(READ_SLOW))

        monkeypatch.setattr(server.chat.storage, "read", read)
        response = server.get(self.path)
        assert (response.status, response.code) == (503, "read-slow")
        assert int(response.headers["retry-after"]) > 0

    def test_mistakesOfOurs(self, server: APIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        def read(*arguments: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(server.chat.storage, "read", read)
        response = server.get(self.path)
        assert (response.status, response.code) == (500, "mistake")

    def test_tooManyAtOnce(self, server: APIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        waiting: list[Any] = []
        monkeypatch.setattr(
            server.chat.storage, "read", lambda room, first, last, reply: waiting.append(reply)
        )
        raw = b"GET /api/v1/rooms/tea/messages HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connections = [server.connectProgram() for _ in range(9)]
        for connection in connections:
            connection.send(raw)
        assert b"429" in connections[-1].taken()
        # Of another address it is another reader.
        assert len(waiting) == 8
        for reply in waiting[:8]:
            reply([])
        assert all(b"200 OK" in item.taken() for item in connections[:8])
        assert len(waiting) == 8
        connections[-1].send(raw)
        waiting[-1]([])
        assert b"200 OK" in connections[-1].taken()

    def test_readerGoesAway(self, server: APIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        waiting: list[Any] = []
        monkeypatch.setattr(
            server.chat.storage, "read", lambda room, first, last, reply: waiting.append(reply)
        )
        connection = server.connectProgram()
        connection.send(b"GET /api/v1/rooms/tea/messages HTTP/1.1\r\nHost: localhost\r\n\r\n")
        from twisted.internet.protocol import connectionDone

        connection.protocol.connectionLost(connectionDone)
        waiting[0]([])
        assert connection.taken() == b""


class TestWhoMayRead:
    PATHS = ("/api/v1/rooms/den", "/api/v1/rooms/den/messages", "/api/v1/rooms/den/people")

    def outcomes(self, server: APIServer, token: str | None) -> set[tuple[int, str]]:
        found = set()
        for path in (*self.PATHS, "/api/v1/search?room=den&q=x"):
            response = server.get(path, token=token)
            found.add((response.status, "" if response.status == 200 else response.code))
        return found

    @pytest.mark.parametrize(
        ("lines", "guest", "account", "member"),
        [
            ([], (200, ""), (200, ""), (200, "")),
            (["/private on"], (403, "private-room"), (403, "private-room"), (200, "")),
            (["/mode +k sesame"], (403, "wrong-key"), (403, "wrong-key"), (200, "")),
            (["/mode +s"], (200, ""), (200, ""), (200, "")),
            (["/mode +l 2"], (403, "room-full"), (403, "room-full"), (200, "")),
            (["/ban stranger"], (200, ""), (403, "banned"), (200, "")),
            (["/mute stranger"], (200, ""), (200, ""), (200, "")),
        ],
    )
    def test_asAfterJoining(
        self,
        server: APIServer,
        lines: list[str],
        guest: tuple[int, str],
        account: tuple[int, str],
        member: tuple[int, str],
    ) -> None:
        founder = server.member("eve", "den", account=True)
        server.member("friend", "den", account=True)
        stranger, friend = server.addAccount("stranger"), server.addAccount("friend")
        server.say(founder, "x", *lines)
        assert self.outcomes(server, None) == {guest}
        assert self.outcomes(server, stranger) == {account}
        assert self.outcomes(server, friend) == {member}

    def test_bannedAddresses(self, server: APIServer) -> None:
        founder = server.member("eve", "den", account=True)
        guest = server.member("mallory", "den")
        cloak = server.state.sessionsByNick["mallory"][0].cloak
        server.say(founder, "x", "/ban mallory")
        assert cloak
        assert guest
        path = "/api/v1/rooms/den/messages"
        assert server.get(path, host="192.0.2.1").code == "banned"
        assert server.get(path, host="192.0.2.2").status == 200

    def test_invitedButNotYetThere(self, server: APIServer) -> None:
        founder = server.member("eve", "den", account=True)
        token = server.addAccount("bob")
        server.say(founder, "/private on", "x", "/invite bob")
        assert self.outcomes(server, token) == {(403, "join-first")}
        bob = server.member("bob2", "tea")
        assert bob

    def test_privateTimes(self, server: APIServer) -> None:
        founder = server.member("eve", "den", account=True)
        token = server.addAccount("eve")
        server.say(founder, "before", "/private on", "secret", "/private off", "after")
        path = "/api/v1/rooms/den"
        first = server.get(path).document["first"]
        assert texts(server.get(f"{path}/messages?after=0")) == ["after"]
        assert texts(server.get(f"{path}/messages?around=1&limit=2")) == []
        assert texts(server.get("/api/v1/search?room=den&q=secret")) == []
        assert texts(server.get("/api/v1/search?room=den&q=secret", token=token)) == ["secret"]
        assert first == 5

    @pytest.mark.parametrize("room", ["nowhere", "%00", "%ff", "a%2Fb", "..", "%23", "x" * 40, "%"])
    def test_noRoom(self, server: APIServer, room: str) -> None:
        for path in ("", "/messages", "/people"):
            assert server.get(f"/api/v1/rooms/{room}{path}").status == 404

    def test_namesOfRooms(self, server: APIServer) -> None:
        ann = server.member("ann", "Café")
        server.say(ann, "x")
        for name in ("Caf%C3%A9", "%23caf%c3%a9", "CAF%C3%89"):
            assert server.get(f"/api/v1/rooms/{name}").document["name"] == "Café"

    def test_readingLeavesNothing(self, server: APIServer) -> None:
        ann = server.member("ann", "tea")
        server.say(ann, "x")
        before = (len(server.state.sessions), server.say(ann, "/who"))
        for path in ("/api/v1/rooms/tea", "/api/v1/rooms/tea/people", "/api/v1/rooms"):
            assert server.get(path).status == 200
        assert (len(server.state.sessions), server.say(ann, "/who")) == before

    @pytest.mark.parametrize(
        ("token", "status", "code"),
        [
            ("nonsense", 401, "token-cut"),
            ("tst_" + "0" * 10 + "_" + "0" * 36, 401, "token-cut"),
        ],
    )
    def test_badTokens(self, server: APIServer, token: str, status: int, code: str) -> None:
        server.member("ann", "tea")
        response = server.get("/api/v1/rooms/tea", token=token)
        assert (response.status, response.code) == (status, code)
        assert response.headers["www-authenticate"].startswith("Bearer")

    def test_revokedTokens(self, server: APIServer) -> None:
        token = server.addAccount("ann")
        server.dropTokens()
        response = server.get("/api/v1/rooms", token=token)
        assert (response.status, response.code) == (401, "wrong-token")

    def test_guessing(self) -> None:
        server = APIServer(Limits(guesses=2))
        token = server.addAccount("ann")
        wrong = server.addAccount("bob")
        server.state.removeToken(next(iter(server.state.tokensOf("bob"))))
        codes = [server.get("/api/v1/rooms", token=wrong).code for _ in range(4)]
        assert codes == ["wrong-token", "wrong-token", "tokens-often", "tokens-often"]
        response = server.get("/api/v1/rooms", token=wrong)
        assert response.status == 429
        assert int(response.headers["retry-after"]) > 0
        # A right one never waits.
        assert server.get("/api/v1/rooms", token=token).status == 200


class TestLists:
    def test_rooms(self, server: APIServer) -> None:
        ann = server.member("ann", "tea", "den", "Öl", account=True)
        server.say(ann, "/join tea", "/topic leaves", "/join den", "x", "/private on")
        found = {item["name"]: item for item in server.get("/api/v1/rooms").document["rooms"]}
        assert set(found) == {"lobby", "tea", "Öl"}
        tea = found["tea"]
        assert (tea["people"], tea["last"], tea["private"], tea["modes"]) == (1, 1, False, "n")
        assert (tea["topic"]["text"], tea["topic"]["by"]) == ("leaves", "ann")
        token = server.addAccount("ann")
        mine = server.get("/api/v1/rooms", token=token).document["rooms"]
        assert "den" in [item["name"] for item in mine]

    def test_secretRooms(self, server: APIServer) -> None:
        ann = server.member("ann", "den", account=True)
        server.say(ann, "/mode +s")
        token = server.addAccount("ann")
        for given, expected in ((None, ["lobby"]), (token, ["den", "lobby"])):
            rooms = server.get("/api/v1/rooms", token=given).document["rooms"]
            assert [item["name"] for item in rooms] == expected

    def test_pagesOfRooms(self, server: APIServer) -> None:
        server.member("ann", *"fedcba")
        names: list[str] = []
        query: str | None = "?limit=4"
        while query is not None:
            response = server.get(f"/api/v1/rooms{query}")
            names += [item["name"] for item in response.document["rooms"]]
            query = link(response, "next")
        assert names == [*"abcdef", "lobby"]

    def test_people(self, server: APIServer) -> None:
        ann = server.member("ann", "tea", account=True)
        server.member("bob", "tea")
        server.say(ann, "/away lunch")
        document = server.get("/api/v1/rooms/tea/people").document
        assert document["present"] == 2
        assert document["people"] == [
            {"nick": "ann", "guest": False, "away": "lunch", "rank": "founder", "voice": False},
            {"nick": "bob", "guest": True, "away": "", "rank": "member", "voice": False},
        ]
        response = server.get("/api/v1/rooms/tea/people?limit=1")
        assert link(response, "next") == "?skip=1&limit=1"
        page = server.get(f"/api/v1/rooms/tea/people{link(response, 'next')}")
        assert [item["nick"] for item in page.document["people"]] == ["bob"]
        assert link(page, "next") is None

    def test_services(self, server: APIServer) -> None:
        server.wiring.web.services = lambda: [{"name": "hello"}]
        assert server.get("/api/v1/services").document == {"services": [{"name": "hello"}]}


class TestSearch:
    @pytest.fixture(autouse=True)
    def lines(self, server: APIServer) -> None:
        ann, bob = server.member("ann", "tea", "den"), server.member("bob", "tea")
        server.say(bob, "green tea", "black tea")
        server.say(ann, "/join tea", "white tea", "/join den", "tea in the den")

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("room=tea&q=tea", ["green tea", "black tea", "white tea"]),
            ("room=tea&room=den&q=tea+den", ["tea in the den"]),
            ("room=tea&q=%22black+tea%22", ["black tea"]),
            ("room=tea&q=%22tea+black%22", []),
            ("room=tea&from=ann", ["white tea"]),
            ("room=tea&q=tea&from=BOB&limit=1", ["black tea"]),
            ("room=tea&q=tea&since=1h", ["green tea", "black tea", "white tea"]),
            ("room=tea&q=tea&until=2001-01-01", []),
            ("room=tea&q=coffee", []),
        ],
    )
    def test_found(self, server: APIServer, query: str, expected: list[str]) -> None:
        assert texts(server.get(f"/api/v1/search?{query}")) == expected

    def test_pages(self, server: APIServer) -> None:
        found: list[str] = []
        query: str | None = "?room=tea&q=tea&limit=2"
        while query is not None:
            response = server.get(f"/api/v1/search{query}")
            found = texts(response) + found
            query = link(response, "next")
        assert found == ["green tea", "black tea", "white tea"]

    @pytest.mark.parametrize(
        ("query", "status", "code"),
        [
            ("q=tea", 400, "bad-request"),
            ("room=tea", 400, "bad-request"),
            ("room=nowhere&q=tea", 404, "no-room"),
            ("room=&q=tea", 400, "name-empty"),
            ("room=tea&q=...", 400, "not-searchable"),
            ("room=tea&q=tea&before=x", 400, "bad-request"),
            ("room=tea&q=tea&before=1-%C2%B2", 400, "bad-request"),
            ("room=tea&q=tea&since=yesterday", 400, "bad-request"),
            ("room=tea&q=" + "+".join("abcdefghijklmnopqr"), 400, "text-long"),
            ("&".join(["room=tea"] * 17), 400, "bad-request"),
        ],
    )
    def test_refused(self, server: APIServer, query: str, status: int, code: str) -> None:
        response = server.get(f"/api/v1/search?{query}")
        assert (response.status, response.code) == (status, code)

    def test_oneAtATime(self, server: APIServer, monkeypatch: pytest.MonkeyPatch) -> None:
        waiting: list[Any] = []
        monkeypatch.setattr(
            server.chat.storage, "search", lambda query, reply: waiting.append(reply)
        )
        raw = b"GET /api/v1/search?room=tea&q=x HTTP/1.1\r\nHost: localhost\r\n\r\n"
        first, second = server.connectProgram(), server.connectProgram()
        first.send(raw)
        second.send(raw)
        assert b"429 Too Many Requests" in second.taken()
        waiting[0]([])
        assert b"200 OK" in first.taken()
        second.send(raw)
        waiting[1]([])
        assert b"200 OK" in second.taken()


class TestHTTP:
    @pytest.mark.parametrize("path", ["/api/v1/rooms", "/api/v1/rooms/tea", "/api/v1/services"])
    def test_head(self, server: APIServer, path: str) -> None:
        server.member("ann", "tea")
        whole, head = server.get(path), server.request("HEAD", path)
        assert (head.status, head.headers["content-length"]) == (200, str(len(whole.body)))

    @pytest.mark.parametrize(
        ("method", "path", "allow"),
        [
            ("DELETE", "/api/v1/rooms", "GET, HEAD, OPTIONS"),
            ("POST", "/api/v1/rooms/tea", "GET, HEAD, OPTIONS"),
            ("PUT", "/api/v1/rooms/tea/messages", "GET, HEAD, OPTIONS, POST"),
            ("HEAD", "/api/v1/events", "GET, OPTIONS"),
            ("POST", "/api/v1/events", "GET, OPTIONS"),
        ],
    )
    def test_methods(self, server: APIServer, method: str, path: str, allow: str) -> None:
        server.member("ann", "tea")
        response = server.request(method, path)
        assert (response.status, response.headers["allow"]) == (405, allow)
        options = server.request("OPTIONS", path)
        assert (options.status, options.headers["allow"]) == (204, allow)

    def test_noCORS(self, server: APIServer) -> None:
        response = server.get("/api/v1/rooms", "Origin: https://evil.example")
        assert not [name for name in response.headers if name.startswith("access-control")]

    @pytest.mark.parametrize(
        "path",
        ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/rooms", "/api/v1/rooms/", "/api/v1/x"],
    )
    def test_nothingThere(self, server: APIServer, path: str) -> None:
        response = server.get(path)
        assert (response.status, response.code) == (404, "not-found")
        assert response.headers["content-type"] == "application/json"

    def test_notAcceptable(self, server: APIServer) -> None:
        response = server.get("/api/v1/rooms", "Accept: text/html")
        assert (response.status, response.code) == (406, "accept")

    @pytest.mark.parametrize(
        "name",
        [
            *("Accept", "Authorization", "Idempotency-Key", "Content-Type", "Last-Event-ID"),
            *("Origin", "X-Forwarded-For", "X-Forwarded-Proto", "Cookie", "User-Agent", "Via"),
        ],
    )
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/v1/rooms"),
            ("POST", "/api/v1/rooms/tea/messages"),
            ("GET", "/api/v1/events"),
        ],
    )
    def test_headersThatAreNoText(
        self, server: APIServer, name: str, method: str, path: str
    ) -> None:
        raw = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{name}: ".encode() + b"\xff\xfe"
        program = server.connectProgram()
        program.send(raw + b"\r\nContent-Length: 0\r\n\r\n")
        (response,) = parseAll(program.taken())
        assert response.status in (200, 400, 401, 403, 406, 415)

    def test_headers(self, server: APIServer) -> None:
        headers = server.get("/api/v1/rooms").headers
        assert headers["content-type"] == "application/json"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"

    def test_openapi(self, server: APIServer) -> None:
        response = server.get("/api/openapi.json")
        assert json.loads(response.body)["openapi"] == "3.1.0"

    @pytest.mark.parametrize(
        ("method", "headers", "status", "code"),
        [
            ("GET", "Host: evil.example", 421, "misdirected"),
            ("POST", "Host: localhost\r\nOrigin: https://evil.example", 403, "origin"),
        ],
    )
    def test_refusedBeforeItIsAsked(
        self, server: APIServer, method: str, headers: str, status: int, code: str
    ) -> None:
        program = server.connectProgram()
        raw = f"{method} /api/v1/rooms/tea/messages HTTP/1.1\r\n{headers}\r\n"
        program.send(f"{raw}Content-Length: 0\r\n\r\n".encode())
        (response,) = parseAll(program.taken())
        assert (response.status, response.code) == (status, code)

    def test_closedChat(self, server: APIServer) -> None:
        server.chat.open = False
        response = server.get("/api/v1/rooms")
        assert (response.status, response.code) == (503, "stopping")


def test_rate() -> None:
    server = APIServer(Limits())
    server.member("ann", "tea")
    token = server.addAccount("bot")
    near, other = server.connectProgram("192.0.2.1"), server.connectProgram("192.0.2.2")

    def ask(program: Connection = near, token: str | None = None) -> Response:
        program.send(rawRequest("GET", "/api/v1/rooms", token=token))
        (response,) = parseAll(program.taken())
        return response

    answers = [ask() for _ in range(READS_BURST + 1)]
    assert {answer.status for answer in answers[:-1]} == {200}
    assert (answers[-1].status, answers[-1].code) == (429, "too-fast")
    assert answers[-1].headers["retry-after"] == "1"
    # An account has its own, and so has another address.
    assert (ask(near, token).status, ask(other).status) == (200, 200)
    server.clock.advance(1)
    assert [ask().status for _ in range(READS_PER_SECOND + 1)] == [200] * READS_PER_SECOND + [429]
