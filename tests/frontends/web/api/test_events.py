"""Tests for L{tsservices.frontends.web.api.events} and its stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from twisted.internet.protocol import connectionDone

from tests.support.api import APIServer, Response, parse, rawRequest
from tests.support.chat_samples import roomMessages
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.tokens import revokeTokens
from tsservices.common.limits import Limits
from tsservices.frontends.web.api.events import FORM, event
from tsservices.frontends.web.api.posting import OUTCOME_SECONDS
from tsservices.frontends.web.api.stream import CHECK_SECONDS, HEARTBEAT_SECONDS
from tsservices.transport.stream import FULL


class Server(APIServer):
    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits)
        self.ann = self.member("ann", "tea", "den")


@pytest.fixture
def server() -> Server:
    return Server()


def unchunk(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body, data = body + data[:length], data[length + 2 :]
    return body


class Program:
    """Reads events."""

    def __init__(
        self,
        server: Server,
        token: str | None,
        *rooms: str,
        last: str = "",
        host: str = "127.0.0.1",
    ) -> None:
        self.server = server
        self.connection = server.connectProgram(host)
        headers = [f"Last-Event-ID: {last}"] if last else []
        query = "&".join(f"room={room}" for room in rooms)
        self.connection.send(rawRequest("GET", f"/api/v1/events?{query}", *headers, token=token))
        self._head: Response | None = None

    def raw(self) -> str:
        data = self.connection.taken()
        if self._head is None:
            self._head, _ = parse(data)
            if "transfer-encoding" not in self._head.headers:
                return self._head.body.decode()
            data = data.partition(b"\r\n\r\n")[2]
        return unchunk(data).decode()

    @property
    def head(self) -> Response:
        if self._head is None:
            self._head, _ = parse(self.connection.taken())
        return self._head

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Name, id and object of each."""
        found = []
        for block in self.raw().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if "event" in fields:
                data = json.loads(fields["data"])
                assert data["type"] == fields["event"]
                found.append((fields["event"], fields.get("id", ""), data))
        return found

    def leave(self) -> None:
        self.connection.protocol.connectionLost(connectionDone)
        self.server.settle()


def textsOf(events: Iterable[tuple[str, str, dict[str, Any]]]) -> list[str]:
    return [data["text"] for name, _, data in events if name == "said"]


def test_form() -> None:
    assert event(b'{"type":"x","a":1}', "i") == b'id: i\nevent: x\ndata: {"type":"x","a":1}\n\n'
    lines = FORM.encode([roomMessages("a", "b\u2028c")]).decode().split("\n\n")
    assert [line.split("\n")[0] for line in lines if line] == ["id: 4f-5-2", "id: 4f-5-3"]


def test_fromTheBeginning(server: Server) -> None:
    server.say(server.ann, "/join tea", "before")
    program = Program(server, server.addAccount("bot"), "tea")
    events = program.events()
    headers = program.head.headers
    assert program.head.status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["x-accel-buffering"] == "no"
    assert "content-length" not in headers
    names = [name for name, _, _ in events]
    assert names[:4] == ["format", "roomEntered", "replay", "said"]
    assert "live" in names
    assert "token" not in names
    # Lines that come again have no id.
    assert [ident for name, ident, _ in events if name == "said"] == [""]
    server.say(server.ann, "after")
    ((name, ident, data),) = program.events()
    assert (name, ident, data["text"]) == ("said", data["id"], "after")


def test_isSeen(server: Server) -> None:
    program = Program(server, server.addAccount("bot", "read"), "tea")
    assert "bot" in server.say(server.ann, "/who #tea")
    program.leave()
    assert "bot is gone" in server.say(server.ann, "/who #tea")
    assert not [item for item in server.state.sessions.values() if item.account == "bot"]


def test_comingBack(server: Server) -> None:
    token = server.addAccount("bot")
    program = Program(server, token, "tea", "den")
    program.events()
    server.say(server.ann, "/join tea", "one", "two", "/join den", "three")
    seen = program.events()
    assert textsOf(seen) == ["one", "two", "three"]
    program.leave()
    server.say(server.ann, "four", "/join tea", "five")
    for number, missed in enumerate((["two", "five", "three", "four"], ["five", "three", "four"])):
        ident = [ident for name, ident, _ in seen if name == "said"][number]
        again = Program(server, token, "tea", "den", last=ident)
        events = again.events()
        assert textsOf(events) == missed
        again.leave()


def test_comingBackInTheMiddleOfABatch(server: Server) -> None:
    token = server.addAccount("bot")
    server.post("tea", {"text": "a\nb\nc"}, token)
    first = server.get("/api/v1/rooms/tea/messages").document["messages"][0]["id"]
    assert textsOf(Program(server, token, "tea", last=first).events()) == ["b", "c"]


def test_idOfTheSnapshot(server: Server) -> None:
    token = server.addAccount("bot")
    server.say(server.ann, "/join tea", "old")
    program = Program(server, token, "tea")
    ident = next(ident for name, ident, _ in program.events() if name == "live")
    program.leave()
    server.say(server.ann, "new")
    assert textsOf(Program(server, token, "tea", last=ident).events()) == ["new"]


@pytest.mark.parametrize(
    "last", ["other-5-0", "nonsense", "log-5", "log-" + "9" * 40 + "-0", "é", "log-999999-0"]
)
def test_idOfAnotherHistory(server: Server, last: str) -> None:
    server.say(server.ann, "/join tea", "old")
    events = Program(server, server.addAccount("bot"), "tea", last=last).events()
    assert textsOf(events) == ["old"]
    assert (events[0][2]["epoch"], events[0][2]["resumed"]) == ("log", False)


def test_liveLinesWaitForTheSnapshot(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Any] = []
    token = server.addAccount("bot")
    server.say(server.ann, "/join tea", "old")
    read = server.chat.storage.read
    monkeypatch.setattr(server.chat.storage, "read", lambda *arguments: waiting.append(arguments))
    program = Program(server, token, "tea", last="log-0-0")
    server.say(server.ann, "new")
    read(*waiting[0])
    server.settle()
    events = program.events()
    assert textsOf(events) == ["old", "new"]
    assert next(ident for name, ident, _ in events if name == "said") == ""
    names = [name for name, _, _ in events]
    assert names.index("live") < len(names) - 1 - names[::-1].index("said")


@pytest.mark.parametrize(
    ("rooms", "token", "status", "code"),
    [
        (["tea"], None, 401, "token-needed"),
        (["tea"], "nonsense", 401, "token-cut"),
        (["nowhere"], "bot", 404, "no-room"),
        (["tea", "nowhere"], "bot", 404, "no-room"),
        (["vault"], "bot", 403, "private-room"),
        (["tea"] * 17, "bot", 400, "bad-request"),
        ([""], "bot", 400, "name-empty"),
    ],
)
def test_refused(
    server: Server, rooms: list[str], token: str | None, status: int, code: str
) -> None:
    server.say(server.member("eve", "vault", account=True), "/private on")
    given = server.addAccount("bot") if token == "bot" else token
    program = Program(server, given, *rooms)
    assert (program.head.status, program.head.code) == (status, code)
    assert "nowhere" not in server.state.rooms
    assert not [item for item in server.state.sessions.values() if item.account == "bot"]


def test_notAcceptable(server: Server) -> None:
    response = server.get(
        "/api/v1/events", "Accept: application/json", token=server.addAccount("b")
    )
    assert response.status == 406


def test_banned(server: Server) -> None:
    eve = server.member("eve", "vault", account=True)
    program = Program(server, server.addAccount("bot"), "vault")
    program.events()
    server.say(eve, "/ban bot", "secret")
    events = program.events()
    assert "roomLeft" in [name for name, _, _ in events]
    assert "secret" not in textsOf(events)


def test_revoked(server: Server) -> None:
    token = server.addAccount("bot")
    program = Program(server, token, "tea")
    program.events()
    batch = Batch("log", 999, server.clock.nanoseconds())
    revokeTokens(server.state, "bot", server.state.tokensOf("bot"), batch)
    batch.freeze()
    batch.deliver()
    server.settle()
    raw = program.connection.taken()
    assert b"token-revoked" in raw
    assert raw.endswith(b"0\r\n\r\n")


def test_late(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    token = server.addAccount("bot")
    # Nothing is stored, so nothing comes of the log-in.
    batches: list[Batch] = []
    monkeypatch.setattr(server.chat.storage, "store", batches.append)
    server.say(server.ann, "hello")
    program = Program(server, token, "tea")
    server.clock.advance(OUTCOME_SECONDS - 0.1)
    assert program.connection.taken() == b""
    server.clock.advance(0.2)
    answer, left = parse(program.connection.taken())
    assert (answer.status, answer.code, left) == (503, "not-stored", b"")
    assert answer.headers["retry-after"] == "5"
    # It is in no room when that is over, and the connection can be used again.
    monkeypatch.undo()
    for batch in batches:
        server.chat.storage.store(batch)
    server.settle()
    assert server.get("/api/v1/rooms/tea/people").document["present"] == 1
    program.connection.send(rawRequest("GET", "/healthz"))
    assert b"HTTP/1.1 " in program.connection.taken()


def test_halfClosed(server: Server) -> None:
    """A reader that may be gone is asked at once; one that is there reads on."""
    server.say(server.member("bob", "tea"), "hello")
    program = Program(server, server.addAccount("ann"), "tea")
    program.events()
    program.connection.protocol.readConnectionLost()
    assert program.raw() == ": still here\n\n"
    server.clock.advance(CHECK_SECONDS)
    assert program.raw() == ": still here\n\n"
    server.say(server.member("eve", "tea"), "hi")
    assert "said" in [name for name, _, _ in program.events()]


def test_heartbeat(server: Server) -> None:
    program = Program(server, server.addAccount("bot"), "tea")
    program.events()
    server.clock.advance(HEARTBEAT_SECONDS)
    assert program.raw().startswith(":")
    program.leave()
    server.clock.advance(HEARTBEAT_SECONDS)
    assert program.connection.taken() == b""


def test_slowReader(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(Limits(floodLines=0, floodBytes=0, chatPending=65_536, chatSlow=1))
    server.say(server.ann, "/join tea")
    ann = server.ann
    program = Program(server, server.addAccount("bot"), "tea")
    program.events()
    protocol = program.connection.protocol
    monkeypatch.setattr(program.connection.transport, "pendingBytes", lambda: FULL)
    protocol.pauseProducing()
    server.say(ann, "waits")
    assert program.connection.taken() == b""
    protocol.resumeProducing()
    assert textsOf(program.events()) == ["waits"]
    protocol.pauseProducing()
    for _ in range(30):
        server.say(ann, *["x" * 2000] * 5)
        server.clock.advance(1)
    assert not [item for item in server.state.sessions.values() if item.account == "bot"]
    assert protocol.factory.counters.slow == 1
    assert b"too-slow" in program.connection.taken()


def test_tooManyStreams() -> None:
    server = Server(Limits(floodLines=0, floodBytes=0, sessionsEach=10))
    token = server.addAccount("bot")
    programs = [Program(server, token, "tea") for _ in range(11)]
    assert [program.head.status for program in programs] == [200] * 9 + [429] * 2
    assert (programs[10].head.code, programs[10].head.headers["retry-after"]) == (
        "connections-each",
        "1",
    )
    programs[0].leave()
    assert Program(server, token, "tea").head.status == 200


def test_privateMessages(server: Server) -> None:
    program = Program(server, server.addAccount("bot"))
    program.events()
    server.say(server.ann, "/msg bot psst")
    ((name, _, data),) = program.events()
    assert (name, data["text"]) == ("whispered", "psst")


def test_serverStops(server: Server) -> None:
    program = Program(server, server.addAccount("bot"), "tea")
    program.events()
    program.connection.protocol.serverStopping()
    server.settle()
    assert program.connection.transport.disconnecting
