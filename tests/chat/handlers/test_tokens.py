"""Tests for L{tsservices.chat.handlers.tokens} and L{tsservices.chat.verbs.tokens}."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_type_hints

import pytest

from tests.support.chat import (
    HOUR,
    NOON,
    OTHER_PASSWORD,
    PASSWORD,
    ChatHarness,
    MemoryClient,
    codes,
)
from tsservices.chat import notifications as nt
from tsservices.chat import operations as ops
from tsservices.chat.apply import HANDLERS, apply
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.handlers.tokens import ALLOWED, TOKENS_EACH_ACCOUNT
from tsservices.chat.login_limits import ACCOUNT_GUESSES_AT_ONCE, LoginRateLimiter
from tsservices.chat.session import Session
from tsservices.chat.verbs.tokens import revokeOwn
from tsservices.common.tokens import TOKEN_BYTES, newToken, readToken

#: A token that no server knows.
STRANGE = newToken(bytes(TOKEN_BYTES))


def newTokenOf(owner: MemoryClient, name: str = "bot", scope: str = "talk") -> str:
    (new,) = [
        item for item in owner.say(f"/token new {name} {scope}") if isinstance(item, nt.NewToken)
    ]
    return new.token


def withId(ident: str) -> str:
    """A whole token with this id, and another secret than the one that was made."""
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    number = sum(letters.index(letter) << 5 * place for place, letter in enumerate(ident))
    token = newToken(number.to_bytes(TOKEN_BYTES, "big"))
    assert readToken(token).ident == ident
    return token


def loggedIn(chat: ChatHarness, token: str, *lines: str, cloak: str = "") -> MemoryClient:
    client = chat.connect(cloak)
    client.say(f"/login {token}", *lines)
    assert client.session.account == "ann"
    client.heard()
    return client


class TokenCase:
    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["ann"])
        self.state = self.chat.context.state
        self.audits: list[dict[str, object]] = []
        self.chat.context.pipeline._audit = self.audits.append
        self.ann = self.chat.joinRegistered("ann", "lobby", "tea")
        self.ann.say("hello")


class TestScopes(TokenCase):
    @pytest.mark.parametrize("kind", HANDLERS, ids=lambda kind: kind.__name__)
    def test_everyKindHasScopes(self, kind: type[ops.Operation]) -> None:
        assert ALLOWED[kind] <= set(ops.SCOPES)
        # Whatever a reader may, somebody who talks may too.
        assert ops.TALK_SCOPE in ALLOWED[kind] or not ALLOWED[kind]

    @pytest.mark.parametrize("scope", [*ops.SCOPES, "revoked", "unknown"])
    @pytest.mark.parametrize("kind", HANDLERS, ids=lambda kind: kind.__name__)
    def test_decidedFromState(self, kind: type[ops.Operation], scope: str) -> None:
        newTokenOf(self.ann)
        (token,) = self.state.tokensOf("ann")
        session = Session("s9", self.chat.connect())
        session.tokenId = token.ident
        if scope == "revoked":
            self.ann.say("/token revoke bot")
        else:
            token = self.state.accountTokens[token.ident] = type(token)(
                token.ident, "ann", "bot", "bot", scope, token.digest, NOON
            )
        operation = _any(kind, session.ident)
        batch = Batch("log", 99, NOON)
        apply(self.state, operation, session, batch)
        batch.deliver()
        assert isinstance(session.recipient, MemoryClient)
        refused = {"token-scope", "token-revoked"} & set(codes(session.recipient.heard()))
        if scope == "revoked":
            assert refused == {"token-revoked"}
        else:
            assert refused == (set() if scope in ALLOWED[kind] else {"token-scope"})

    def test_kindsWithoutEntryAreRefused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bot = loggedIn(self.chat, newTokenOf(self.ann), "/join tea")
        monkeypatch.delitem(ALLOWED, ops.Say)
        assert codes(bot.say("hello")) == ["token-scope"]

    @pytest.mark.parametrize(
        ("line", "talk", "read"),
        [
            ("hello", "", "token-scope"),
            ("/me waves", "", "token-scope"),
            ("/msg ann hello", "", "token-scope"),
            ("/topic new", "", "token-scope"),
            ("/away lunch", "", "token-scope"),
            ("/nick fresh", "", "token-scope"),
            ("/read 1", "", "token-scope"),
            ("/ignore bob", "", "token-scope"),
            ("/kick bob", "", "token-scope"),
            ("/op bob", "guest-operator", "token-scope"),
            ("/delete 1", "", "token-scope"),
            ("/join fresh", "", "token-scope"),
            ("/join lobby", "", ""),
            ("/part tea why", "", ""),
            ("/logout", "loggedOut", "token-scope"),
            ("/history", "", ""),
            ("/since 0", "", ""),
            ("/search hello", "", ""),
            ("/who", "", ""),
            ("/whois bob", "", ""),
            ("/inbox", "", ""),
            ("/passwd", "token-scope", "token-scope"),
            (f"/passwd {PASSWORD}x {OTHER_PASSWORD}", "token-scope", "token-scope"),
            ("/token new other", "token-scope", "token-scope"),
            ("/token list", "token-scope", "token-scope"),
            ("/token revoke bot", "token-scope", "token-scope"),
            ("/token revoke *", "token-scope", "token-scope"),
            (f"/register {PASSWORD}", "logged-in", "logged-in"),
            (f"/login {STRANGE}", "logged-in", "logged-in"),
            # Its account may.
            ("/reset bob", "not-allowed", "not-allowed"),
            ("/drop bob", "not-allowed", "not-allowed"),
            ("/quit", "", ""),
        ],
    )
    def test_lines(self, line: str, talk: str, read: str) -> None:
        for scope, code in (("talk", talk), ("read", read)):
            self.setup_method()
            self.chat.join("bob", "tea")
            bot = loggedIn(self.chat, newTokenOf(self.ann, scope, scope), "/join tea")
            assert [item for item in codes(bot.say(line)) if item] == ([code] if code else [])


class TestReading(TokenCase):
    def test_nothingChanges(self) -> None:
        eve = self.chat.joinRegistered("eve", "tea")
        token = newTokenOf(self.ann, scope="read")
        self.ann.say("/quit")
        eve.say("/msg ann psst")
        assert self.state.accounts["ann"].unread == 1
        bot = loggedIn(self.chat, token, "/join tea")
        bot.say("/inbox")
        assert self.state.accounts["ann"].unread == 1
        self.chat.clear()
        bot.say("/part tea some words")
        (left,) = eve.heard()
        assert isinstance(left, nt.UserLeft)
        assert not left.reason
        bot.say("/join tea", "/quit other words")
        assert [item.reason for item in eve.heard() if isinstance(item, nt.UserQuit)] == [""]

    def test_invitationsAreNotUsedUp(self) -> None:
        eve = self.chat.joinRegistered("eve", "den")
        eve.say("x", "/private on")
        bot = loggedIn(self.chat, newTokenOf(self.ann, scope="read"))
        assert codes(bot.say("/join den")) == ["private-room"]
        eve.say("/invite ann")
        assert codes(bot.say("/join den")) == ["token-scope"]
        self.ann.say("/join den")
        assert codes(bot.say("/join den")) == []
        assert "den" in bot.session.rooms
        # Nor is the account let in again by it, as an operator may be who was kicked.
        mia = self.chat.joinRegistered("mia")
        eve.say("/op mia", "/kick mia", "/invite mia")
        mia.say("/join den")
        eve.say("/kick mia")
        for scope, code in (("read", ["token-scope"]), ("talk", [])):
            bot = self.chat.connect()
            bot.say(f"/login {newTokenOf(mia, scope, scope)}")
            assert codes(bot.say("/join den")) == code

    @pytest.mark.parametrize(("scope", "refusals"), [("talk", []), ("read", ["token-scope"])])
    def test_newRealnames(self, scope: str, refusals: list[str]) -> None:
        bot = loggedIn(self.chat, newTokenOf(self.ann, scope=scope), "/join tea")
        ident = bot.session.ident
        for realname, refused in (("Bot", []), ("hello all of you", refusals)):
            bot.controller.propose(ops.Introduce(ident, "bot", realname))
            self.chat.tick()
            assert [code for code in codes(bot.heard()) if code] == refused
        assert bot.session.realname == ("Bot" if refusals else "hello all of you")

    def test_onlyAsTheFirstLine(self) -> None:
        token = newTokenOf(self.ann, scope="read")
        guest = self.chat.join("gus", "den")
        assert codes(guest.say(f"/login {token}")) == ["token-first"]
        assert self.state.rooms["den"].permissions.guestFounder == guest.session.ident


class TestTalking(TokenCase):
    def test_noServerOperator(self) -> None:
        eve = self.chat.joinRegistered("eve", "den")
        eve.say("x")
        bot = loggedIn(self.chat, newTokenOf(self.ann), "/join den")
        assert codes(bot.say("/kick eve")) == ["not-allowed"]
        (person,) = [item for item in bot.say("/whois eve") if isinstance(item, nt.WhoisReply)]
        assert not person.cloak
        # Nor may anybody ban a server operator by way of a bot of theirs.
        assert self.state.sessionByNick("ann", "ann") is self.ann.session
        self.ann.say("/quit")
        assert self.state.sessionByNick("ann", "ann") is bot.session
        assert codes(eve.say("/kick ann")) == ["stands-above"]
        # What the account may in its own room, the bot may too.
        bot.say("/join tea")
        eve.say("/join tea")
        assert codes(bot.say("/kick eve")) == []


class TestMaking(TokenCase):
    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("/token", "usage"),
            ("/token new", "usage"),
            ("/token new a b c", "usage"),
            ("/token list all", "usage"),
            ("/token revoke", "usage"),
            ("/token new bot write", "choice"),
            ("/token new *", "name-character"),
            (f"/token new {'x' * 33}", "name-long"),
            ("/token new BOT", "token-named"),
            ("/token revoke nothing", "no-token"),
            (f"/token revoke {STRANGE}", "no-token"),
            (f"/token revoke {STRANGE[:20]}", "token-cut"),
        ],
    )
    def test_refused(self, line: str, code: str) -> None:
        newTokenOf(self.ann)
        assert codes(self.ann.say(line)) == [code]

    def test_guests(self) -> None:
        assert codes(self.chat.join("gus").say("/token new bot")) == ["account-needed"]

    def test_limit(self) -> None:
        for number in range(TOKENS_EACH_ACCOUNT):
            newTokenOf(self.ann, f"t{number}")
        assert codes(self.ann.say("/token new one-more")) == ["tokens-each"]
        self.ann.say("/token revoke t3")
        newTokenOf(self.ann, "one-more")
        assert codes(self.ann.say("/token revoke *")) == ["revoked"]
        assert not self.state.accountTokens
        assert codes(self.ann.say("/token revoke *")) == ["no-token"]

    def test_racesForOneName(self) -> None:
        other = self.chat.login("ann")
        self.ann.type("/token new bot")
        other.type("/token new bot")
        self.chat.tick()
        assert [isinstance(item, nt.NewToken) for item in self.ann.heard()] == [True]
        assert codes(other.heard()) == ["token-named"]

    @pytest.mark.parametrize("name", ["name", "ident", "text"])
    def test_revokedByAnything(self, name: str) -> None:
        token = newTokenOf(self.ann)
        (record,) = self.state.tokensOf("ann")
        word = {"name": "BOT", "ident": record.ident, "text": token}[name]
        assert codes(self.ann.say(f"/token revoke {word}")) == ["revoked"]
        assert not self.state.accountTokens

    def test_nameOfAnotherTokensId(self) -> None:
        newTokenOf(self.ann)
        (bot,) = self.state.tokensOf("ann")
        newTokenOf(self.ann, bot.ident)
        self.ann.say(f"/token revoke {bot.ident}")
        assert self.state.tokensOf("ann") == [bot]

    def test_othersTokens(self) -> None:
        token = newTokenOf(self.chat.joinRegistered("eve"))
        assert codes(self.ann.say(f"/token revoke {token}")) == ["no-token"]
        (record,) = self.state.tokensOf("eve")
        self.ann.propose(ops.RevokeTokens, (record.ident,))
        self.chat.tick()
        assert codes(self.ann.heard()) == ["no-token"]

    def test_shownOnceAndKeptNowhere(self) -> None:
        batches: list[Batch] = []
        store = self.chat.storage.store
        self.chat.storage.store = lambda batch: batches.append(batch) or store(batch)  # type: ignore
        token = newTokenOf(self.ann)
        bot = loggedIn(self.chat, token)
        heard: list[Any] = [*self.ann.say("/token list"), *bot.say("/whois ann")]
        visible = repr([heard, self.audits, [vars(batch) for batch in batches], vars(self.state)])
        assert self.state.tokensOf("ann")[0].digest in visible
        assert token.rpartition("_")[2] not in visible
        assert [item["audit"] for item in self.audits[-2:]] == ["token", "login"]
        assert self.audits[-1]["token"] == self.state.tokensOf("ann")[0].ident


class TestLoggingIn(TokenCase):
    @pytest.mark.parametrize(
        "lines",
        ["/login {}", "/login Ann {}", "/login  {}  ", "/login ann\n{}", "/nick x\n/login {}"],
    )
    def test_whereverAPasswordDoes(self, lines: str) -> None:
        token = newTokenOf(self.ann)
        client = self.chat.connect()
        client.say(*lines.format(token).split("\n"))
        assert client.session.account == "ann"

    def test_loginShowsTokenAndScope(self) -> None:
        token = newTokenOf(self.ann, scope="read")
        heard = self.chat.connect().say(f"/login {token}")
        (reply,) = [item for item in heard if isinstance(item, nt.LoggedIn)]
        assert (reply.token, reply.scope) == ("bot", "read")

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            (f"/login {STRANGE}", "wrong-token"),
            (f"/login ann {STRANGE}", "wrong-token"),
            (f"/login nobody {STRANGE}", "no-account"),
            (f"/login {STRANGE} ann", "token-cut"),
            (f"/login ann {STRANGE}{STRANGE}", "token-cut"),
            (f"/login ann {STRANGE[:-1]}", "token-cut"),
            ("/login tst_", "token-cut"),
            ("/login eve {}", "wrong-token"),
            ("/login {revoked}", "wrong-token"),
            ("/login {forged}", "wrong-token"),
            ("/login ann {forged}", "wrong-token"),
            (f"/register {STRANGE}", "password-token"),
            (STRANGE, "token-as-name"),
        ],
    )
    def test_wrong(self, line: str, code: str) -> None:
        self.chat.joinRegistered("eve")
        token, revoked = newTokenOf(self.ann), newTokenOf(self.ann, "other")
        self.ann.say("/token revoke other")
        forged = withId(readToken(token).ident)
        client = self.chat.connect()
        if line.startswith("/register"):
            client.say("/nick gus")
        assert codes(client.say(line.format(token, revoked=revoked, forged=forged))) == [code]
        assert client.session.account is None

    def test_countsForTheAddressOnly(self) -> None:
        self.chat.context.loginLimits._atOnce = 3
        token = newTokenOf(self.ann)
        stranger = self.chat.connect("~bad")
        for text in (STRANGE[:-1], STRANGE[:9], token[:-1]):
            # Nobody guesses like that.
            assert codes(stranger.say(f"/login ann {text}")) == ["token-cut"]
        got = [codes(stranger.say(f"/login ann {STRANGE}")) for _ in range(5)]
        assert got == [["wrong-token"]] * 3 + [["tokens-often"]] * 2
        # Neither the owner waits, nor a right token from there.
        assert loggedIn(self.chat, token, cloak="~bad")
        for number in range(2 * ACCOUNT_GUESSES_AT_ONCE):
            self.chat.connect(f"~{number}").say(f"/login ann {STRANGE}")
        assert self.chat.login("ann", cloak="~new")

    def test_waitingDoesNotGetLonger(self) -> None:
        limits = LoginRateLimiter(1)
        assert not limits.wrongSecret("~x", 0.0)
        waits = [limits.wrongSecret("~x", float(second)) for second in range(1, 10)]
        assert waits == pytest.approx([float(10 - second) for second in range(1, 10)])
        assert not limits.wrongSecret("~x", 10.1)

    def test_lastUse(self) -> None:
        token = newTokenOf(self.ann)
        uses = []
        for minutes, cloak in ((0, "~a"), (1, "~a"), (2, "~b"), (60, "~b"), (-120, "~b")):
            self.chat.time += minutes * HOUR // 60
            before = self.chat.storage.prepare().position
            client = loggedIn(self.chat, token, cloak=cloak)
            (record,) = self.state.tokensOf("ann")
            uses.append((record.used - NOON // HOUR * HOUR, record.cloak))
            assert record.used % HOUR == 0
            client.say("/quit")
            assert self.chat.storage.prepare().position > before
        assert uses == [(0, "~a"), (0, "~a"), (0, "~b"), (HOUR, "~b"), (-HOUR, "~b")]

    def test_connections(self) -> None:
        state = self.chat.context.state
        state.limits = replace(state.limits, sessionsEach=20)
        tokens = newTokenOf(self.ann), newTokenOf(self.ann, "other")
        bots = [loggedIn(self.chat, tokens[number % 2]) for number in range(18)]
        # The last places are for the password, so that its owner can revoke the tokens.
        client = self.chat.connect()
        assert codes(client.say(f"/login {tokens[0]}")) == ["connections-each"]
        self.chat.login("ann")
        assert codes(client.say(f"/login ann {PASSWORD}")) == ["connections-each"]
        assert not any(bot.replacements for bot in bots)
        self.ann.say("/token revoke *")
        assert len(state.sessionsByAccount["ann"]) == 2


def codes_(client: MemoryClient) -> list[str]:
    return [error.code.name for error in client.replacements]


class TestRevoking(TokenCase):
    def test_endsItsSessions(self) -> None:
        token, other = newTokenOf(self.ann), newTokenOf(self.ann, "other")
        bots = [loggedIn(self.chat, token, "/join tea") for _ in range(2)]
        remaining = loggedIn(self.chat, other, "/join tea")
        taken = self.chat.connect()
        taken.say(f"/resume {bots[1].controller._token}")
        assert taken.session.tokenId
        for bot in (bots[0], taken):
            # In order: what comes before the revoking is said, what comes after it is not.
            bot.type("before")
        self.ann.type("/token revoke bot")
        for bot in (bots[0], taken):
            bot.type("after")
        self.chat.tick()
        texts = [
            text
            for item in remaining.heard()
            if isinstance(item, nt.RoomMessages)
            for text in item.texts
        ]
        assert texts == ["before"] * 2
        assert codes_(bots[0]) == codes_(taken) == ["token-revoked"]
        assert {item.ident for item in self.state.sessionsByAccount["ann"]} == {
            self.ann.session.ident,
            remaining.session.ident,
        }
        assert codes(self.chat.connect().say(f"/resume {taken.controller._token}")) == [
            "nothing-to-resume"
        ]
        assert self.audits[-1]["audit"] == "revoke"

    def test_whileLoggingIn(self) -> None:
        token = newTokenOf(self.ann)
        client = self.chat.connect()
        self.ann.type("/token revoke bot")
        client.type(f"/login {token}")
        self.chat.tick()
        assert codes(client.heard()) == ["token-revoked"]
        assert client.session.account is None

    @pytest.mark.parametrize(
        ("lines", "revoked"),
        [
            ((f"/passwd {PASSWORD.replace(' ', '')} x",), None),
            (("/passwd", PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD, "yes"), True),
            (("/passwd", PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD, " Y "), True),
            (("/passwd", PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD, "no"), False),
            (("/passwd", PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD, "maybe"), None),
            (("/passwd keep", PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD), False),
            (("/passwd revoke", PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD), True),
        ],
    )
    def test_newPassword(self, lines: tuple[str, ...], revoked: bool | None) -> None:
        bot = loggedIn(self.chat, newTokenOf(self.ann))
        old = self.chat.login("ann")
        heard = self.ann.say(*lines)
        changed = revoked is not None
        assert ("password" in codes(heard)) is changed
        assert self.ann.controller.secret is None
        assert (old.session.account is None) is changed
        assert bool(bot.session.account) is not (revoked is True)
        assert bool(self.state.accountTokens) is not (revoked is True)

    def test_resetAndDrop(self) -> None:
        eve = self.chat.joinRegistered("eve")
        token = newTokenOf(eve)
        bot = self.chat.connect()
        bot.say(f"/login {token}")
        self.ann.say("/reset eve")
        assert codes_(bot) == ["token-revoked"]
        assert self.audits[-1]["tokens"]
        assert not self.state.accountTokens
        eve = self.chat.join("eva")
        eve.say(f"/register {PASSWORD}")
        token = newTokenOf(eve)
        bot = self.chat.connect()
        bot.say(f"/login {token}")
        self.ann.say("/drop eva")
        assert codes_(bot) == ["token-revoked"]
        assert eve.session.account is None
        assert not eve.replacements
        # The next owner of the name inherits no token.
        eve.say("/nick eva", f"/register {PASSWORD}")
        assert codes(self.chat.connect().say(f"/login {token}")) == ["wrong-token"]


@pytest.mark.parametrize(
    "line",
    [
        "look: {}",
        "{}",
        "/me has {}",
        "/msg bob {}",
        "/msg #tea {}",
        "/topic {}",
        "/away {}",
        "/part tea {}",
        "/kick bob {}",
        "/ban bob {}",
        "/quit {}",
        "{0:.40}",
        "/nick {0:.32}",
        "/join {0:.32}",
    ],
)
def test_saidByMistake(line: str) -> None:
    chat = ChatHarness()
    ann, bob = chat.joinRegistered("ann", "tea"), chat.join("bob", "tea")
    token = newTokenOf(ann)
    ann.heard()
    assert codes(ann.say(line.format(token))) == ["token-said"]
    assert bob.heard() == []
    assert not ann.closed
    # Of another server, or revoked, it is a text.
    if line.startswith(("/nick", "/join", "/quit")):
        return
    assert codes(ann.say(line.format(STRANGE))) == []
    ann.say("/token revoke bot", "/join tea")
    bob.say("/join tea")
    ann.heard()
    assert codes(ann.say(line.format(token))) == []


def _any(kind: type[ops.Operation], ident: str) -> ops.Operation:
    # Of each kind one with any values: whether they fit, the handler says later.
    hints = get_type_hints(kind)
    make: dict[Any, Callable[[], object]] = {str: lambda: "x", int: lambda: 1, bool: lambda: False}
    values: dict[str, Any] = {
        name: make.get(hint, lambda hint=hint: () if "tuple" in str(hint) else None)()
        for name, hint in hints.items()
        if name != "tokenId" or kind is ops.Post
    }
    return kind(**{**values, "session": ident})


class TestOwnToken(TokenCase):
    """A session that has logged in by a token can revoke that one, and no other."""

    def test_revoked(self) -> None:
        first, second = newTokenOf(self.ann, "a"), newTokenOf(self.ann, "b")
        client, other = loggedIn(self.chat, first), loggedIn(self.chat, second)
        idents = readToken(first).ident, readToken(second).ident
        for wrong in (idents[:1], idents):
            other.propose(ops.RevokeTokens, wrong)
            self.chat.tick()
            assert codes(other.heard()) == ["token-scope"]
        revokeOwn(client.controller)
        self.chat.tick()
        assert [token.name for token in self.state.tokensOf("ann")] == ["b"]
        assert client.session.ident not in self.state.sessions

    def test_readers(self) -> None:
        # They change nothing that is stored.
        client = loggedIn(self.chat, newTokenOf(self.ann, "a", "read"))
        revokeOwn(client.controller)
        self.chat.tick()
        assert codes(client.heard()) == ["token-scope"]

    def test_without(self) -> None:
        with pytest.raises(ChatError, match="you have no token"):
            revokeOwn(self.ann.controller)
