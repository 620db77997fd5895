"""Tests for L{tsservices.chat.handlers.ignoring}, and for what those read who ignore somebody."""

from __future__ import annotations

import pytest

from tests.support.chat import (
    ChatHarness,
    MemoryClient,
    StateHarness,
    codes,
    errorCodes,
    kindsAndTexts,
    only,
)
from tsservices.chat import errors
from tsservices.chat.handlers.ignoring import IGNORED
from tsservices.chat.notifications import (
    HistoryReplay,
    JoinedRoom,
    Notice,
    Notification,
    RoomMessages,
    SearchResults,
)
from tsservices.chat.operations import (
    MESSAGE,
    Enter,
    Ignore,
    Join,
    NodeDown,
    NodeUp,
    Resume,
    Say,
)
from tsservices.chat.operations import ReattachSession as Reattach
from tsservices.chat.records import Ignored
from tsservices.chat.room import REPLAYED_LINES
from tsservices.chat.snapshot import load, save
from tsservices.common.limits import Limits


def texts(lines: list[RoomMessages]) -> list[str]:
    return [text for item in lines for text in item.texts]


def ignored(person: MemoryClient) -> str:
    (notice,) = person.say("/ignore")
    assert isinstance(notice, Notice)
    return notice.lines[0].removeprefix("you ignore ")


class TestWho:
    """Ann (an account) ignores bob, a guest or an account, as the test says; cat is a guest."""

    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["ann"])
        self.ann = self.chat.joinRegistered("ann")
        self.cat = self.chat.join("cat")

    def hears(self, speaker: MemoryClient, listener: MemoryClient | None = None) -> bool:
        self.chat.clear()
        speaker.say("hello")
        return bool(kindsAndTexts((listener or self.ann).heard()))

    @pytest.mark.parametrize("guest", [True, False])
    def test_followsRenames(self, guest: bool) -> None:
        bob = self.chat.join("bob") if guest else self.chat.joinRegistered("bob")
        self.ann.say("/ignore bob")
        bob.say("/nick rob")
        other = self.chat.join("rob2") if not guest else self.chat.join("bob")
        assert not self.hears(bob)
        assert self.hears(other)
        assert ignored(self.ann) == ("rob" if guest else "bob")
        bob.say("/nick robert", "/quit")
        self.chat.clear()
        if guest:
            # By what somebody was called at last.
            assert ignored(self.ann) == "robert"
        self.ann.say("/ignore -robert" if guest else "/ignore bob")
        self.chat.clear()
        assert ignored(self.ann) == "nobody"

    def test_loginAndLogout(self) -> None:
        bob = self.chat.join("bob")
        self.ann.say("/ignore bob")
        bob.say("/register correct horse")
        assert not self.hears(bob)
        second = self.chat.login("bob", "lobby")
        assert not self.hears(second)
        bob.say("/logout", "/nick saint")
        assert not self.hears(bob)
        self.ann.say("/ignore -bob")
        assert self.hears(second)
        self.ann.say("/ignore -saint")
        assert self.hears(bob)
        assert ignored(self.ann) == "nobody"

    def test_linesBeforeTheLogin(self) -> None:
        bob = self.chat.join("bob")
        bob.say("as a guest", "/register correct horse", "/nick robert")
        self.ann.say("/ignore robert")
        assert ignored(self.ann) == "bob"
        assert only(HistoryReplay, self.ann.say("/history")).messages == []
        self.ann.continueOutput()
        bob.say("/quit")
        self.chat.login("bob", "lobby").say("/nick robert")
        self.ann.heard()
        self.ann.say("/ignore robert")
        assert ignored(self.ann) == "nobody"

    def test_takenOver(self) -> None:
        bob = self.chat.connect()
        bob.say("/nick bob", "/join lobby")
        token = self.chat.context.state.sessions[bob.session.ident]
        assert token.token
        self.ann.say("/ignore bob")
        new = self.chat.connect()
        new.say(f"/resume {bob.controller._token}")
        assert new.session.nick == "bob"
        assert not self.hears(new)

    def test_keptForAccounts(self) -> None:
        bob = self.chat.joinRegistered("bob")
        self.ann.say("/ignore bob", "/quit")
        ann = self.chat.login("ann", "lobby")
        assert not self.hears(bob, ann)
        assert ignored(ann) == "bob"
        other = self.chat.login("ann", "lobby")
        other.say("/ignore bob")
        assert self.hears(bob, ann)

    def test_guestsTakeTheirListAlong(self) -> None:
        bob = self.chat.join("bob")
        self.cat.say("/ignore bob")
        self.cat.say("/register correct horse")
        assert not self.hears(bob, self.cat)
        assert ignored(self.cat) == "bob"
        self.cat.say("/logout")
        assert self.hears(bob, self.cat)

    def test_guestsListEnds(self) -> None:
        self.cat.say("/ignore ann", "/quit")
        assert self.chat.context.state.ignored == {}

    def test_neverOneself(self) -> None:
        self.ann.say("/nick anna")
        self.chat.login("ann", "lobby")
        for name in ("ann", "anna"):
            assert errorCodes(self.ann.say(f"/ignore {name}")) == [errors.ONESELF]
        assert errorCodes(self.cat.say("/ignore cat")) == [errors.ONESELF]
        self.ann.say("/ignore cat")
        self.cat.say("/login ann correct horse")
        assert self.cat.session.account == "ann"
        self.ann.heard()
        assert ignored(self.ann) == "nobody"
        assert self.hears(self.cat)

    def test_guestIgnoresAccountAndLogsIn(self) -> None:
        self.cat.say("/ignore ann", "/login ann correct horse")
        assert self.cat.session.account == "ann"
        assert self.hears(self.ann, self.cat)

    def test_dropped(self) -> None:
        self.chat.joinRegistered("bob").say("/ignore cat")
        self.ann.say("/ignore bob")
        self.chat.storage.slow = True
        self.ann.say("/drop bob")
        changed = {
            key: item for batch in self.chat.storage.queue for key, item in batch.records.items()
        }
        assert changed[Ignored, "bob", self.cat.session.ident] is None
        assert changed[Ignored, "ann", "bob"] is None
        self.chat.storage.slow = False
        self.chat.finishStoring()
        bob = self.chat.joinRegistered("bob")
        assert self.hears(bob)
        assert self.hears(self.cat, bob)
        assert set(self.chat.context.state.ignored) == {"ann"}

    def test_names(self) -> None:
        self.chat.join("-cat")
        assert codes(self.ann.say("/ignore nobody", "/ignore -cat")) == ["no-person", ""]
        assert ignored(self.ann) == "-cat"
        self.ann.say("/ignore --cat")
        assert ignored(self.ann) == "nobody"

    def test_bounded(self) -> None:
        for number in range(IGNORED):
            self.chat.join(f"p{number}")
            self.ann.say(f"/ignore p{number}")
        assert errorCodes(self.ann.say("/ignore cat")) == [errors.IGNORED_ALL]
        self.ann.say("/ignore -p0")
        assert errorCodes(self.ann.say("/ignore cat")) == []


class TestReading:
    """Ann ignores bob, and cat does not."""

    def setup_method(self) -> None:
        self.chat = ChatHarness()
        self.ann = self.chat.joinRegistered("ann", "tea")
        self.bob = self.chat.join("bob", "tea")
        self.cat = self.chat.join("cat", "tea")
        self.ann.say("/ignore bob", "/part")
        for number in range(25):
            self.cat.say(f"good {number}")
            self.bob.say(f"bad {number}", f"/topic bad {number}")
        self.chat.clear()
        self.good = [f"good {number}" for number in range(25)]

    def replayed(self, heard: list[Notification]) -> list[str]:
        return [
            text
            for item in heard
            if isinstance(item, HistoryReplay)
            for text in texts(item.messages)
        ]

    @pytest.mark.parametrize("forgotten", [False, True])
    def test_join(self, forgotten: bool) -> None:
        if forgotten:
            self.chat.context.state.rooms["tea"].clearRecent()
        joined = next(item for item in self.ann.say("/join tea") if isinstance(item, JoinedRoom))
        assert joined.replay is not None
        assert texts(joined.replay.messages) == self.good[-REPLAYED_LINES:]
        assert joined.replay.missing is None

    def test_linesThatComeWhileJoining(self) -> None:
        self.chat.storage.slowReads = True
        self.ann.type("/join tea")
        self.chat.tick()
        self.cat.say("late")
        self.bob.say("bad")
        self.chat.finishReading()
        joined = next(item for item in self.ann.heard() if isinstance(item, JoinedRoom))
        assert joined.replay is not None
        assert texts(joined.replay.messages) == [*self.good[6:], "late"]

    def test_history(self) -> None:
        self.ann.say("/join tea")
        self.chat.clear()
        for person, line, wanted in (
            (self.ann, "/history 10", self.good[-10:]),
            (self.ann, "/since 0", self.good),
            (self.ann, "/since 73", self.good[24:][1:]),
        ):
            assert self.replayed(person.say(line)) == wanted
            person.continueOutput()
        assert len(self.replayed(self.cat.say("/since 0"))) == 75

    def test_search(self) -> None:
        self.ann.say("/join tea")
        self.ann.heard()
        assert texts(only(SearchResults, self.ann.say("/search from:bob")).messages) == []
        found = only(SearchResults, self.ann.say("/search good"))
        assert texts(found.messages) == self.good[-20:]
        assert found.more is True
        assert texts(only(SearchResults, self.ann.say("/search")).messages) == self.good[:5]

    def test_deletedLines(self) -> None:
        self.bob.say("/register correct horse")
        self.bob.say("worst")
        seq = self.chat.context.state.rooms["tea"].record.seq
        self.bob.say(f"/delete {seq}")
        self.ann.say("/join tea")
        self.ann.heard()
        assert self.replayed(self.ann.say("/history 1")) == ["good 24", str(seq)]


class TestNodes:
    """A guest's list is kept while its node is taken for gone, and in snapshots."""

    def test_reattached(self) -> None:
        chat = StateHarness()
        up = NodeUp("", "n", "i", 20, 20, 20, 20, 20, ())
        chat.connect("a.1").node = "n"
        chat.tick(up, Enter("a.1", "ann", "ann", "~a", "t"), Enter("b.1", "bob", "bob"))
        for ident in ("a.1", "b.1"):
            chat.tick(Join(ident, "R", "r"), Ignore(ident, "bob", ("b.1",), True))
        assert chat.errorCodes("b.1") == [errors.ONESELF]
        chat.connect("a.2").node = "n"
        chat.tick(Resume("a.2", "t", "~a"))
        chat.tick(NodeDown("", "n", "i", 99))
        assert list(chat.state.ignored) == ["a.1"]
        chunks = save(chat.state)
        assert save(load(Limits(), chunks)) == chunks
        back = Reattach("a.2", "ann", "ann", None, 0, "~a", "t", "", 0, (("r", "R", 0),))
        chat.tick(NodeUp("", "n", "j", 20, 20, 20, 20, 20, ()), back)
        assert load(Limits(), save(chat.state)).sessions["a.2"].ignores == {"b.1"}
        chat.clear()
        chat.tick(Say("b.1", "r", MESSAGE, ("x",)))
        assert chat.outlets["a.2"].texts() == []
