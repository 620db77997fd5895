"""Tests for L{tsservices.chat.handlers.posts} and L{tsservices.chat.receipts}."""

from __future__ import annotations

import pytest

from tests.support.chat import HOUR, NOON, ChatHarness
from tsservices.chat import notifications as nt
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.operations import DropAccount, Post
from tsservices.chat.receipts import RECEIPT_TIME, PostReceipts
from tsservices.chat.records import AccountToken, PostReceipt
from tsservices.chat.session import Session
from tsservices.chat.snapshot import load, save


class PostCase:
    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["root"])
        self.state = self.chat.context.state
        self.ann = self.chat.joinRegistered("ann", "tea")
        self.bob = self.chat.joinRegistered("bob", "tea")
        for name, scope in (("ann", "talk"), ("bob", "talk"), ("reader", "read")):
            account = "bob" if name == "reader" else name
            self.state.addToken(AccountToken(name, account, name, name, scope, "d", NOON))
        self.count = 0
        self.chat.clear()

    def post(
        self,
        *texts: str,
        account: str = "ann",
        token: str | None = None,
        room: str = "tea",
        key: str = "",
        digest: str = "d",
        stamp: int | None = None,
        cloak: str = "~c",
    ) -> nt.Posted | str:
        """What the program gets, or the code of the error."""
        self.count += 1
        program = self.chat.connect(cloak)
        operation = Post(
            program.session.ident,
            account,
            account if token is None else token,
            cloak,
            room,
            "message",
            texts or ("hello",),
            key,
            digest,
        )
        if stamp is None:
            self.chat.context.pipeline.propose(operation, program.session)
            self.chat.tick()
        else:
            batch = Batch("log", 10_000 + self.count, stamp)
            apply(self.state, operation, program.session, batch)
            batch.freeze()
            batch.deliver()
        (heard,) = program.heard()
        assert program.session.nick == ""
        assert program.session.ident not in self.state.sessions
        if isinstance(heard, nt.ErrorReply):
            return heard.error.code.name
        assert isinstance(heard, nt.Posted)
        return heard


class TestPosts(PostCase):
    def test_membersReadIt(self) -> None:
        posted = self.post("one", "two")
        assert isinstance(posted, nt.Posted)
        (lines,) = self.bob.heard()
        assert isinstance(lines, nt.RoomMessages)
        assert (lines.texts, lines.nick, lines.account) == (("one", "two"), "ann", "ann")
        assert (posted.first, posted.lines, posted.time) == (lines.first, 2, lines.time)
        assert posted.ident == lines.ident(0)
        assert not posted.repeated
        # Her own session is another one than the program's.
        assert [type(item) for item in self.ann.heard()] == [nt.RoomMessages]

    def test_nobodyComesOrGoes(self) -> None:
        self.ann.say("/quit")
        self.bob.heard()
        self.post("x")
        assert [type(item) for item in self.bob.heard()] == [nt.RoomMessages]
        assert "ann" not in self.state.sessionsByNick

    def test_severalInOneTurn(self) -> None:
        first = self.post("a")
        second = self.post("b", account="bob")
        assert isinstance(first, nt.Posted)
        assert isinstance(second, nt.Posted)
        assert second.first == first.first + 1
        assert second.ident != first.ident

    @pytest.mark.parametrize(
        ("lines", "code"),
        [
            (["/ban ann"], "banned"),
            (["/mute ann"], "muted"),
            (["/mode +m"], "moderated"),
            (["/mode +k sesame"], "wrong-key"),
            (["/private on"], "join-first"),
            (["/mode +l 1"], "room-full"),
        ],
    )
    def test_asAfterJoining(self, lines: list[str], code: str) -> None:
        boss = self.chat.joinRegistered("eve", "den")
        boss.say(*(["/invite ann"] if code == "join-first" else []), *lines)
        if code == "join-first":
            boss.say("/invite ann")
        assert self.post(room="den") == code
        # The invitation is still there.
        if code == "join-first":
            self.ann.say("/join den")
            assert isinstance(self.post(room="den"), nt.Posted)

    def test_uninvited(self) -> None:
        self.chat.joinRegistered("eve", "den").say("/private on")
        assert self.post(room="den") == "private-room"

    def test_membersNeedNoKey(self) -> None:
        den = self.chat.joinRegistered("eve", "den")
        self.ann.say("/join den")
        den.say("/mode +k sesame", "/mode +l 1")
        assert isinstance(self.post(room="den"), nt.Posted)

    def test_bannedAddress(self) -> None:
        self.chat.joinRegistered("eve", "den").say("/ban ~evil")
        # An account that is older than the ban is somebody else's, as everywhere.
        self.chat.joinRegistered("fred")
        self.state.addToken(AccountToken("fred", "fred", "f", "f", "talk", "d", NOON))
        assert self.post(account="fred", room="den", cloak="~evil") == "banned"
        assert isinstance(self.post(account="fred", room="den", cloak="~good"), nt.Posted)

    @pytest.mark.parametrize(
        ("account", "token", "room", "code"),
        [
            ("zed", "zed", "tea", "no-account"),
            ("ann", "bob", "tea", "token-revoked"),
            ("ann", "none", "tea", "token-revoked"),
            ("bob", "reader", "tea", "token-scope"),
            ("ann", "ann", "nowhere", "no-room"),
        ],
    )
    def test_refused(self, account: str, token: str, room: str, code: str) -> None:
        before = save(self.state)
        assert self.post(account=account, token=token, room=room, key="k") == code
        assert save(self.state) == before

    def test_tokensOfOperatorsAreNone(self) -> None:
        root = self.chat.joinRegistered("root")
        self.state.addToken(AccountToken("root", "root", "r", "r", "talk", "d", NOON))
        self.chat.joinRegistered("eve", "den").say("/private on")
        assert root.session.account == "root"
        assert self.post(account="root", room="den") == "private-room"

    def test_lastUse(self) -> None:
        self.post()
        token = self.state.accountTokens["ann"]
        assert (token.used // HOUR, token.cloak) == (self.chat.context.wallClock() // HOUR, "~c")


class TestRepeats(PostCase):
    def test_sameAnswer(self) -> None:
        first = self.post("x", "y", key="k")
        second = self.post("x", "y", key="k")
        assert isinstance(first, nt.Posted)
        assert isinstance(second, nt.Posted)
        assert second.repeated
        for name in ("room", "roomName", "first", "lines", "time", "ident"):
            assert getattr(first, name) == getattr(second, name)
        assert self.state.rooms["tea"].record.seq == 2
        # Of another account it is another key.
        third = self.post("x", key="k", account="bob")
        assert isinstance(third, nt.Posted)
        assert not third.repeated

    def test_sameAnswerWhateverHasChanged(self) -> None:
        self.chat.joinRegistered("eve", "den")
        first = self.post(room="den", key="k")
        eve = next(item for item in self.chat.clients.values() if item.session.nick == "eve")
        eve.say("/ban ann")
        second = self.post(room="den", key="k")
        assert isinstance(first, nt.Posted)
        assert isinstance(second, nt.Posted)
        assert second.ident == first.ident
        assert self.post(room="den", key="other") == "banned"

    def test_anotherMessage(self) -> None:
        self.post(key="k")
        assert self.post(key="k", digest="e") == "key-used"

    def test_refusalsAreNotKept(self) -> None:
        eve = self.chat.joinRegistered("eve", "den")
        eve.say("/mute ann")
        assert self.post(room="den", key="k") == "muted"
        eve.say("/unmute ann")
        assert isinstance(self.post(room="den", key="k"), nt.Posted)

    def test_aDay(self) -> None:
        first = self.post(key="k", stamp=NOON)
        again = self.post(key="k", stamp=NOON + RECEIPT_TIME - 1)
        anew = self.post(key="k", stamp=NOON + RECEIPT_TIME)
        assert isinstance(first, nt.Posted)
        assert isinstance(again, nt.Posted)
        assert again.repeated
        assert again.ident == first.ident
        assert isinstance(anew, nt.Posted)
        assert not anew.repeated

    def test_droppedAccounts(self) -> None:
        root = self.chat.joinRegistered("root")
        self.post(key="k")
        self.chat.context.pipeline.propose(DropAccount(root.session.ident, "ann"), root.session)
        self.chat.tick()
        assert list(self.state.receipts) == []

    def test_snapshots(self) -> None:
        self.post(key="k")
        self.post("y", key="l", account="bob")
        loaded = load(self.state.limits, save(self.state))
        assert list(loaded.receipts) == list(self.state.receipts)
        assert len(loaded.receipts) == 2


def receipt(account: str, key: str, kept: int = NOON) -> PostReceipt:
    return PostReceipt(account, key, "d", "tea", 1, 1, kept, "i", kept)


class TestReceipts:
    def test_bounds(self) -> None:
        receipts = PostReceipts(perAccount=2, inAll=3)
        dropped = []
        for account, key in (
            ("a", "1"),
            ("a", "2"),
            ("b", "1"),
            ("a", "3"),
            ("b", "2"),
            ("c", "1"),
        ):
            receipts.add(receipt(account, key))
            dropped += [(old.account, old.requestKey) for old in receipts.expire(account, NOON)]
            assert len(receipts) <= 3
        assert dropped == [("a", "1"), ("b", "1"), ("a", "2")]
        assert [(item.account, item.requestKey) for item in receipts] == [
            ("a", "3"),
            ("b", "2"),
            ("c", "1"),
        ]

    def test_share(self) -> None:
        receipts = PostReceipts(perAccount=10, inAll=4)
        keys = [("a", "1"), *(("b", str(number)) for number in range(6))]
        for account, key in keys:
            receipts.add(receipt(account, key))
            receipts.expire(account, NOON)
        # It is the oldest of all, and stays: the other account has more than half.
        assert [(item.account, item.requestKey) for item in receipts] == [
            ("a", "1"),
            ("b", "3"),
            ("b", "4"),
            ("b", "5"),
        ]

    def test_clockThatWasAhead(self) -> None:
        receipts = PostReceipts()
        receipts.add(receipt("a", "1", NOON + 300 * RECEIPT_TIME))
        assert receipts.get("a", "1", NOON) is None
        assert len(receipts.expire("a", NOON)) == 1
        assert len(receipts) == 0

    def test_replacing(self) -> None:
        receipts = PostReceipts()
        receipts.add(receipt("a", "1"))
        receipts.add(receipt("b", "1"))
        receipts.add(receipt("a", "1", NOON + 1))
        assert [item.account for item in receipts] == ["b", "a"]
        assert receipts.dropAccount("a") == [receipt("a", "1", NOON + 1)]
        assert receipts.dropAccount("a") == []


def test_proposerStaysWhoItIs() -> None:
    chat = ChatHarness()
    ann, bob = chat.joinRegistered("ann", "tea"), chat.joinRegistered("bob", "tea")
    chat.context.state.addToken(AccountToken("t", "ann", "t", "t", "talk", "d", NOON))
    session: Session = bob.session
    operation = Post(session.ident, "ann", "t", session.cloak, "tea", "message", ("x",))
    chat.context.pipeline.propose(operation, session)
    chat.tick()
    assert (session.account, session.nick, session.tokenId) == ("bob", "bob", "")
    assert ann.session.account == "ann"
