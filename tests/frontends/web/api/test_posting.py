"""Tests for L{tsservices.frontends.web.api.posting}, by requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.protocol import connectionDone

from tests.support.api import APIServer, parseAll, rawRequest
from tsservices.chat.errors import NOT_STORED, ChatError
from tsservices.chat.operations import RevokeTokens
from tsservices.common.limits import Limits
from tsservices.frontends.web.api.posting import OUTCOME_SECONDS

JSON = "Content-Type: application/json"


@pytest.fixture
def server() -> APIServer:
    made = APIServer()
    made.member("ann", "tea")
    return made


def test_post(server: APIServer) -> None:
    bob = server.member("bob", "tea")
    token = server.addAccount("bot")
    response = server.post("tea", {"text": "built\nwell"}, token)
    assert response.status == 201
    document = response.document
    assert (document["room"], document["seq"], document["last"]) == ("tea", 1, 2)
    assert server.say(bob).count("<bot>") == 2
    (first, second) = server.get("/api/v1/rooms/tea/messages").document["messages"]
    assert (first["id"], first["seq"], first["time"], first["timeText"]) == (
        document["id"],
        1,
        document["time"],
        document["timeText"],
    )
    assert (second["text"], second["account"]) == ("well", "bot")


def test_keyOfRequest(server: APIServer) -> None:
    token = server.addAccount("bot")
    headers = (JSON, "Idempotency-Key: 4f")
    first = server.post("tea", {"text": "x"}, token, *headers)
    again = server.post("tea", {"text": "x", "kind": "message"}, token, *headers)
    assert (first.status, again.status) == (201, 201)
    assert first.document == again.document
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    for room, document in (("tea", {"text": "y"}), ("lobby", {"text": "x"})):
        other = server.post(room, document, token, *headers)
        assert (other.status, other.code) == (422, "key-used")
    assert server.state.rooms["tea"].record.seq == 1


def test_twoAtOnceWithOneKey(server: APIServer) -> None:
    token = server.addAccount("bot")
    body = json.dumps({"text": "x"}).encode()
    raw = rawRequest(
        "POST",
        "/api/v1/rooms/tea/messages",
        JSON,
        "Idempotency-Key: k",
        token=token,
        body=body,
    )
    first, second = server.connectProgram(), server.connectProgram()
    # In one turn: neither has an answer when the other one comes.
    first.protocol.dataReceived(raw)
    second.protocol.dataReceived(raw)
    server.settle()
    answers = [parseAll(item.taken())[0] for item in (first, second)]
    assert answers[0].document == answers[1].document
    assert server.state.rooms["tea"].record.seq == 1


def test_pipelined(server: APIServer) -> None:
    token = server.addAccount("bot")
    program = server.connectProgram()
    raw = b"".join(
        rawRequest(
            "POST",
            "/api/v1/rooms/tea/messages",
            JSON,
            token=token,
            body=b'{"text": "%d"}' % number,
        )
        for number in range(20)
    )
    program.send(raw)
    answers = parseAll(program.taken())
    assert [answer.document["seq"] for answer in answers] == list(range(1, 21))


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        (("Content-Type: text/plain",), b'{"text": "x"}', 415, "content-type"),
        (("X: y",), b'{"text": "x"}', 415, "content-type"),
        ((JSON, "Accept: text/html"), b'{"text": "x"}', 406, "accept"),
        ((JSON, "Idempotency-Key: a b"), b'{"text": "x"}', 400, "bad-request"),
        ((JSON, "Idempotency-Key: a", "Idempotency-Key: b"), b'{"text": "x"}', 400, "bad-request"),
        ((JSON,), b"", 400, "bad-request"),
        ((JSON,), b"{", 400, "bad-request"),
        ((JSON,), b"[" * 60_000, 400, "bad-request"),
        ((JSON,), b'{"text": "' + b"x" * 5000 + b'"}', 400, "line-long"),
        ((JSON,), b'{"text": "/login ann pw"}', 400, "command-hidden"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_refused(
    server: APIServer, headers: tuple[str, ...], body: bytes, status: int, code: str
) -> None:
    token = server.addAccount("bot")
    response = server.post("tea", body, token, *headers)
    assert (response.status, response.code) == (status, code)
    assert server.state.rooms["tea"].record.seq == 0
    # The connection is good for another request.
    assert server.post("tea", {"text": "x"}, token).status == 201


def test_tokensAreNotSaid(server: APIServer) -> None:
    token = server.addAccount("bot")
    for text in (token, f"my token is {token}.", f"a\nb {token[:-8]}"):
        response = server.post("tea", {"text": text}, token)
        assert (response.status, response.code) == (400, "token-said")
    assert server.post("tea", {"text": "tst_ is how they begin"}, token).status == 201


def test_withoutToken(server: APIServer) -> None:
    response = server.post("tea", {"text": "x"}, None)
    assert (response.status, response.code) == (401, "token-needed")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_tokenInURL(server: APIServer) -> None:
    token = server.addAccount("bot")
    body = b'{"text": "x"}'
    response = server.request(
        "POST", f"/api/v1/rooms/tea/messages?token={token}", JSON, token=token, body=body
    )
    assert (response.status, response.code) == (400, "token-in-url")


def test_readers(server: APIServer) -> None:
    token = server.addAccount("bot", "read")
    response = server.post("tea", {"text": "x"}, token)
    assert (response.status, response.code) == (403, "token-scope")


def test_moderation(server: APIServer) -> None:
    token = server.addAccount("bot")
    eve = server.member("eve", "den", account=True)
    for line, code in (("/mute bot", "muted"), ("/ban bot", "banned"), ("/private on", "")):
        server.say(eve, line)
        if code:
            response = server.post("den", {"text": "x"}, token)
            assert (response.status, response.code) == (403, code)
    assert server.post("nowhere", {"text": "x"}, token).status == 404


def test_flood() -> None:
    server = APIServer(Limits(floodLines=1, floodBytes=0))
    server.member("ann", "tea")
    token, other = server.addAccount("bot"), server.addAccount("two")
    answers = [server.post("tea", {"text": "x"}, token) for _ in range(12)]
    assert [answer.status for answer in answers] == [201] * 10 + [429] * 2
    assert answers[-1].code == "too-fast"
    # The limit is that of each account, whatever connections it has.
    assert server.post("tea", {"text": "x"}, other).status == 201
    server.clock.advance(int(answers[-1].headers["retry-after"]))
    assert server.post("tea", {"text": "x"}, token).status == 201


def test_floodOfBytes() -> None:
    server = APIServer(Limits(floodLines=0, floodBytes=100))
    server.member("ann", "tea")
    token = server.addAccount("bot")
    long = {"text": "\n".join(["x" * 1000] * 40)}
    assert server.post("tea", long, token).status == 201
    response = server.post("tea", long, token)
    assert (response.status, response.code) == (429, "too-fast")
    assert 1 <= int(response.headers["retry-after"]) < 1000


def test_notStored(server: APIServer) -> None:
    token = server.addAccount("bot")
    server.chat.storage.trouble = ChatError(NOT_STORED, reason="the disk is full")
    response = server.post("tea", {"text": "x"}, token)
    assert (response.status, response.code) == (503, "not-stored")
    assert response.headers["retry-after"] == "5"


class SlowStore:
    """Keeps batches until it is told to store them."""

    def __init__(self, server: APIServer) -> None:
        self._storage: Any = server.chat.storage
        self._store = self._storage.store
        self.batches: list[Any] = []
        self._storage.store = self.batches.append

    def finish(self) -> None:
        for batch in self.batches:
            self._store(batch)
        self.batches.clear()


def test_answersWhenItIsStored(server: APIServer) -> None:
    token = server.addAccount("bot")
    store = SlowStore(server)
    program = server.connectProgram()
    raw = rawRequest(
        "POST",
        "/api/v1/rooms/tea/messages",
        JSON,
        "Idempotency-Key: k",
        token=token,
        body=b'{"text": "x"}',
    )
    program.send(raw)
    again = server.connectProgram()
    again.send(raw)
    assert program.taken() == again.taken() == b""
    store.finish()
    server.settle()
    first, second = parseAll(program.taken())[0], parseAll(again.taken())[0]
    assert first.document == second.document
    assert first.status == 201


class TestLate:
    """The outcome does not come: the disk is full, or the other nodes do not answer."""

    @pytest.mark.parametrize(
        ("headers", "word"),
        [((JSON, "Idempotency-Key: k"), "same Idempotency-Key"), ((JSON,), "read the room")],
        ids=["key", "no key"],
    )
    def test_late(self, server: APIServer, headers: tuple[str, ...], word: str) -> None:
        token = server.addAccount("bot")
        store = SlowStore(server)
        first, second = server.connectProgram(), server.connectProgram()
        raw = rawPost(token, *headers)
        first.send(raw)
        server.clock.advance(OUTCOME_SECONDS / 2)
        second.send(raw)
        server.clock.advance(OUTCOME_SECONDS / 2)
        (answer,) = parseAll(first.taken())
        assert (answer.status, answer.code) == (503, "unconfirmed")
        assert answer.headers["retry-after"] == "5"
        assert word in answer.document["error"]["text"]
        # Each has its own time.
        assert second.taken() == b""
        server.clock.advance(OUTCOME_SECONDS / 2)
        assert parseAll(second.taken())[0].status == 503
        # What comes of it in the end is written to nobody.
        store.finish()
        server.settle()
        assert first.taken() == second.taken() == b""

    def test_repeated(self, server: APIServer) -> None:
        token = server.addAccount("bot")
        store = SlowStore(server)
        program = server.connectProgram()
        raw = rawPost(token, JSON, "Idempotency-Key: k")
        program.send(raw)
        server.clock.advance(OUTCOME_SECONDS)
        assert parseAll(program.taken())[0].status == 503
        # It is known by now that nothing is stored: nobody waits for that a second time.
        server.chat.storage.trouble = ChatError(NOT_STORED, reason="the disk is full")
        program.send(raw)
        assert parseAll(program.taken())[0].code == "not-stored"
        server.chat.storage.trouble = None
        store.finish()
        program.send(raw)
        (answer,) = parseAll(program.taken())
        assert (answer.status, answer.headers["idempotent-replayed"]) == (201, "true")
        assert server.state.rooms["tea"].record.seq == 1

    def test_nothingIsLeft(self, server: APIServer) -> None:
        token = server.addAccount("bot")
        program = server.connectProgram()
        for _ in range(3):
            program.send(rawPost(token, JSON))
        assert [answer.status for answer in parseAll(program.taken())] == [201] * 3
        # One timer, however many there were, and none when nobody waits.
        assert str(server.clock.getDelayedCalls()).count("_expire") == 1
        server.clock.advance(OUTCOME_SECONDS)
        assert "_expire" not in str(server.clock.getDelayedCalls())


def rawPost(token: str, *headers: str) -> bytes:
    path = "/api/v1/rooms/tea/messages"
    return rawRequest("POST", path, *headers, token=token, body=b'{"text": "x"}')


def test_programGoesAway(server: APIServer) -> None:
    token = server.addAccount("bot")
    store = SlowStore(server)
    program = server.connectProgram()
    program.send(
        rawRequest("POST", "/api/v1/rooms/tea/messages", JSON, token=token, body=b'{"text": "x"}')
    )
    program.protocol.connectionLost(connectionDone)
    store.finish()
    server.settle()
    assert program.taken() == b""
    assert server.state.rooms["tea"].record.seq == 1


def test_revokedMeanwhile(server: APIServer) -> None:
    token = server.addAccount("bot")
    protocol, _ = server.member("zoe", "tea", account=True)
    ident = server.state.tokensOf("bot")[0].ident
    session = protocol.connection.session
    session.account = "bot"
    server.state.sessionsByAccount["bot"] = (session,)
    server.chat.context.pipeline.propose(RevokeTokens(session.ident, (ident,)), session)
    program = server.connectProgram()
    program.send(
        rawRequest("POST", "/api/v1/rooms/tea/messages", JSON, token=token, body=b'{"text": "x"}')
    )
    (response,) = parseAll(program.taken())
    assert (response.status, response.code) == (401, "token-revoked")
