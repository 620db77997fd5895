"""Tests for L{tsservices.client.chat.tokens}, beside a server in memory."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.client_world import PASSWORD, ClientWorld, OtherUser
from tsservices.chat.names import nameKey
from tsservices.client.chat.json_view import JSONView
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import Phase
from tsservices.client.chat.ports import View
from tsservices.client.chat.tokens import QUESTION, tokenName
from tsservices.client.token_file import LOOPBACK, TokenFile
from tsservices.common.tokens import TOKEN_BYTES, newToken, readToken

OPTIONS = LoginOptions("x", account="ann", password=PASSWORD, rooms=["lobby"], device="tower.lan")

REMEMBERING = replace(OPTIONS, remember=True)

WITHOUT = replace(OPTIONS, password="")

#: As the world has it, whose random numbers are all the same.
NAME = "client-tower-gggg"


class TokenWorld(ClientWorld):
    """A client that has tokens in a folder; its server knows C{ann}."""

    def __init__(
        self,
        folder: Path,
        options: LoginOptions = OPTIONS,
        binding: str = LOOPBACK,
        before: ClientWorld | None = None,
        view: View | None = None,
    ) -> None:
        self.complaints: list[str] = []
        self.tokens = TokenFile(str(folder), "h", 7, self.complaints.append)
        self.tokens.binding = binding
        server = None if before is None else before.server
        super().__init__(options=replace(options), tokens=self.tokens, server=server, view=view)
        if before is None:
            self.server.register("ann")
        else:
            self.machine._keeper._random = lambda: 0.9

    def has(self, text: str) -> bool:
        return any(text in shown for shown in self.view.texts)

    def commands(self, *words: str) -> list[str]:
        return [line for line in self.sent if line.split()[0] in words]


def listed(world: ClientWorld) -> list[str]:
    """The names of the tokens that the server has."""
    person = OtherUser(world.server, "eve")
    person.type(f"/login ann {PASSWORD}", "/token list")
    (tokens,) = [event["tokens"] for event in person.heard() if event["type"] == "accountTokens"]
    person.leave()
    return [token["name"] for token in tokens]


def remembering(folder: Path) -> TokenWorld:
    world = TokenWorld(folder, REMEMBERING)
    world.join()
    assert world.phase() is Phase.READY
    return world


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("tower", "client-tower-gggg"),
        ("Tower.lan", "client-tower-gggg"),
        ("a_b c", "client-a-b-c-gggg"),
        ("türm", "client-t-rm-gggg"),
        ("--", "client-gggg"),
        ("", "client-gggg"),
        ("x" * 64, f"client-{'x' * 20}-gggg"),
        (f"{'x' * 19}-y", f"client-{'x' * 19}-gggg"),
    ],
)
def test_tokenName(device: str, name: str) -> None:
    assert tokenName(device, lambda: 0.5) == name
    assert nameKey(name) == name
    assert tokenName(device, lambda: 1.0).endswith("-zzzz")


def test_remember(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    token = world.tokens.find("ann")
    assert readToken(token)
    assert listed(world) == [NAME]
    assert world.has(f"* a token is kept in {world.tokens.path}")
    assert not world.has(token)
    # The next start needs no password, and makes no other one.
    again = TokenWorld(tmp_path, replace(WITHOUT, remember=True), before=world)
    again.join()
    assert again.phase() is Phase.READY
    assert again.commands("/login", "/token") == [f"/login ann {token}"]
    assert again.state.account == "ann"


def test_program(tmp_path: Path) -> None:
    lines: list[str] = []
    world = TokenWorld(tmp_path, REMEMBERING, view=JSONView(lines.append))
    world.join()
    token = world.tokens.find("ann")
    assert token
    assert not any("tst_" in line for line in lines)
    assert any("a token is kept" in line for line in lines)
    # What a program asks for by itself it gets.
    world.say("/token new other")
    (answer,) = [json.loads(line) for line in lines if '"accountToken"' in line]
    assert answer["name"] == "other"
    assert world.tokens.find("ann") == token


@pytest.mark.parametrize(
    ("answer", "isStored", "sent"),
    [
        ("y", True, []),
        (" YES ", True, []),
        ("n", False, []),
        ("", False, []),
        ("hello, all", False, ["hello, all"]),
        ("yes, gladly", False, ["yes, gladly"]),
    ],
)
def test_question(tmp_path: Path, answer: str, isStored: bool, sent: list[str]) -> None:
    world = TokenWorld(tmp_path, replace(OPTIONS, canAsk=True))
    world.join()
    assert world.view.texts.count(f"* {QUESTION}") == 1
    assert not world.commands("/token")
    world.say(answer, "next")
    assert bool(world.tokens.find("ann")) is isStored
    assert world.textsIn("lobby") == [*sent, "next"]
    # Once: another start asks only if there was no answer.
    again = TokenWorld(tmp_path, replace(OPTIONS, canAsk=True), before=world)
    again.join()
    assert again.has(QUESTION) is bool(sent)


def test_declinedButRemembered(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path, replace(OPTIONS, canAsk=True))
    world.join()
    world.say("no")
    again = TokenWorld(tmp_path, REMEMBERING, before=world)
    again.join()
    assert again.tokens.find("ann")


@pytest.mark.parametrize(
    ("options", "binding"),
    [
        (replace(OPTIONS, canAsk=True), ""),
        (OPTIONS, LOOPBACK),
        (replace(OPTIONS, canAsk=True, account="", password="", nick="eve"), LOOPBACK),
    ],
)
def test_notAsked(tmp_path: Path, options: LoginOptions, binding: str) -> None:
    world = TokenWorld(tmp_path, options, binding)
    world.join()
    assert world.phase() is Phase.READY
    assert not world.has(QUESTION)


def test_typedLogin(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path, LoginOptions("eve", rooms=["lobby"], canAsk=True))
    world.join()
    world.say(f"/login ann {PASSWORD}")
    assert world.has(QUESTION)
    world.say("yes")
    assert world.tokens.find("ann")


def test_inClear(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    token = world.tokens.find("ann")
    again = TokenWorld(tmp_path, REMEMBERING, "", before=world)
    again.join()
    assert not again.commands("/token")
    assert not any(token in line for line in again.sent)
    assert again.has("! no token is kept: the connection is not encrypted")
    assert again.machine.hadErrors


def test_otherKey(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path, REMEMBERING, "sha256:" + "aa" * 32)
    world.join()
    token = world.tokens.find("ann")
    other = TokenWorld(tmp_path, WITHOUT, "sha256:" + "bb" * 32, before=world)
    other.join()
    assert not any(token in line for line in other.sent)
    assert other.over == [
        (
            1,
            "no kept token of ann may be sent to this server; the password is needed: "
            "--password-file or $TSSERVICES_PASSWORD",
        )
    ]
    # With the password there is a new one, and the old one is no longer good for anything.
    again = TokenWorld(tmp_path, REMEMBERING, "sha256:" + "bb" * 32, before=world)
    again.join()
    assert again.tokens.find("ann") not in ("", token)
    assert f"/token revoke {readToken(token).ident}" in again.sent
    assert listed(world) == ["client-tower-wwww"]


def test_refused(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    world.say(f"/token revoke {NAME}")
    again = TokenWorld(tmp_path, WITHOUT, before=world)
    again.join()
    assert again.over == [
        (
            1,
            "that is no token of ann: it was revoked, or is another's; the password is needed: "
            "--password-file or $TSSERVICES_PASSWORD",
        )
    ]
    assert not again.tokens.has("ann")
    assert again.has("* the kept token of ann is of no use any more: it is forgotten")


@pytest.mark.parametrize("attended", [True, False])
def test_refusedAtTerminal(tmp_path: Path, attended: bool) -> None:
    world = remembering(tmp_path)
    world.say(f"/token revoke {NAME}")
    again = TokenWorld(tmp_path, replace(WITHOUT, attended=attended, canAsk=True), before=world)
    again.join()
    assert again.view.texts[-1].startswith("asked password")
    again.say(PASSWORD)
    assert again.phase() is Phase.READY
    assert len(again.commands("/login")) == 2
    # The log-in was by the password.
    assert again.has(QUESTION)


def test_refusedWithPassword(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    world.say("/token revoke *")
    (tmp_path / "tokens.lock").unlink()
    (tmp_path / "tokens.lock").mkdir()
    again = TokenWorld(tmp_path, OPTIONS, before=world)
    again.join()
    assert again.phase() is Phase.READY
    assert len(again.commands("/login")) == 2
    assert again.has("! the kept token of ann is of no use any more, but ")
    (tmp_path / "tokens.lock").rmdir()
    token = again.tokens.find("ann")
    again = TokenWorld(tmp_path, REMEMBERING, before=world)
    again.join()
    assert again.tokens.find("ann") not in ("", token)


def test_notTakenNow(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    again = TokenWorld(tmp_path, WITHOUT, before=world)
    again.connect()
    again.settle(lambda: bool(again.commands("/login")))
    again.serverSends("refused", code="not-stored", text="the disk is full")
    assert again.has("* the kept token is not taken: the disk is full")
    assert again.tokens.has("ann")


def test_reconnection(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    token = world.tokens.find("ann")
    again = TokenWorld(tmp_path, WITHOUT, before=world)
    again.join()
    again.cut(0)
    again.restore()
    # The token of the connection comes first.
    assert again.sent.index(f"/login ann {token}") < len(again.sent)
    assert len(again.commands("/resume")) == 1
    again.cut(0)
    again.serveGhosts()
    again.connect()
    again.settle(lambda: len(again.commands("/resume")) == 2)
    again.serverSends("refused", code="nothing-to-resume", text="")
    assert again.sent[-1] == f"/login ann {token}"


def test_revokedMeanwhile(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    again = TokenWorld(tmp_path, WITHOUT, before=world)
    again.join()
    world.say(f"/token revoke {NAME}")
    again.settle()
    again.deliver()
    assert not again.tokens.has("ann")
    assert again.has("ErrorReply token-revoked")
    again.restore()
    ((status, why),) = again.over
    assert (status, "the password is needed" in why) == (1, True)
    assert again.commands("/login")[1:] == ["/login ann"]


def test_replacedMeanwhile(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    token = newToken(bytes(TOKEN_BYTES))
    again = TokenWorld(tmp_path, WITHOUT, before=world)
    again.join()
    again.tokens.keep("ann", token)
    world.say(f"/token revoke {NAME}")
    again.deliver()
    assert again.tokens.find("ann") == token


@pytest.mark.parametrize("heard", range(12))
def test_cutWhileMaking(tmp_path: Path, heard: int) -> None:
    world = TokenWorld(tmp_path, REMEMBERING)
    world.machine._keeper._random = iter(itertools.cycle([0.1, 0.3, 0.5, 0.7, 0.9])).__next__
    world.connect()
    world.settle(lambda: bool(world.commands("/token")))
    assert world.connection is not None
    # The server has done all, and the client does not hear of all.
    world.connection.serve()
    world.deliver(heard)
    world.cut(0)
    world.restore()
    token = world.tokens.find("ann")
    assert token
    assert len(listed(world)) == 1
    TokenWorld(tmp_path, WITHOUT, before=world).join()


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "accountToken", "name": NAME, "scope": "talk", "token": "tst_\x1b[2J"},
        {"type": "accountToken", "name": NAME},
        {"type": "refused", "code": "unknown", "text": "there is no command /token"},
    ],
)
def test_oddAnswers(tmp_path: Path, answer: dict[str, str]) -> None:
    world = TokenWorld(tmp_path, REMEMBERING)
    world.connect()
    world.settle(lambda: bool(world.commands("/token")))
    world.serverSends(**answer)
    assert world.connection is not None
    world.connection.toServer.popleft()
    world.settle()
    assert world.has("! no token is kept: ")
    assert (world.phase(), world.tokens.has("ann")) == (Phase.READY, False)


def test_notWritable(tmp_path: Path) -> None:
    (tmp_path / "tokens").mkdir()
    world = remembering(tmp_path)
    assert world.has("! no token is kept: ")
    assert world.has("Is a directory")
    assert listed(world) == []
    assert world.machine.hadErrors


def test_tooMany(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    world.join()
    world.say(*(f"/token new t{number}" for number in range(20)))
    again = TokenWorld(tmp_path, REMEMBERING, before=world)
    again.join()
    assert again.has("! no token is kept: you have 20 tokens already")
    assert not again.tokens.has("ann")


def test_endOfInput(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path, REMEMBERING)
    world.machine.finish()
    world.join()
    assert world.over == [(0, "")]
    assert listed(world) == [NAME]
    assert world.tokens.has("ann")


@pytest.mark.parametrize("isThere", [True, False])
def test_revoke(tmp_path: Path, isThere: bool) -> None:
    world = remembering(tmp_path)
    ident = world.tokens.forget("ann")
    if not isThere:
        world.say("/token revoke *")
    options = replace(OPTIONS, rooms=[], revoke=ident)
    again = TokenWorld(tmp_path, options, before=world)
    again.machine.finish()
    again.join()
    assert again.over == [(0, "")]
    assert again.has("* the token is revoked at the server")
    assert not again.commands("/join")
    assert listed(world) == []


def test_revokeRefused(tmp_path: Path) -> None:
    world = remembering(tmp_path)
    token = world.tokens.find("ann")
    options = replace(OPTIONS, password=token, rooms=[], revoke=readToken(token).ident)
    again = TokenWorld(tmp_path, options, before=world)
    again.machine.finish()
    again.join()
    ((status, why),) = again.over
    assert (status, "the token is not revoked at the server: you have" in why) == (1, True)
