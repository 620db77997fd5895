from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.chat import IndexFormatter, RecordingOutlet
from tsservices.chat.delivery import backlog as backlogs
from tsservices.chat.delivery.backlog import CHANGES_KEPT, RoomBacklog
from tsservices.chat.delivery.recipients import Recipients
from tsservices.chat.outlet import Backlog
from tsservices.chat.session import Session


class Peer(RecordingOutlet):
    """Follows a backlog, and keeps what it is sent."""

    def __init__(self, form: IndexFormatter) -> None:
        super().__init__(form)
        self.backlog: Backlog | None = None
        self.isFree = True
        self.sent: list[bytes] = []
        self.atOnce: bool | None = None
        self.onSend: Callable[[], None] = lambda: None
        self.session = Session(f"s{id(self)}", self)
        self.session.rooms["lobby"] = None

    def follow(self, backlog: Backlog, session: Session) -> bool:
        if not self.isFree or self.backlog is not None:
            return False
        self.backlog = backlog
        self.broadcastMember = self  # type: ignore[assignment]
        backlog.begin(self, DUE.append)
        return True

    def sendNow(self, data: bytes, last: bool) -> None:
        self.sent.append(data)
        self.atOnce = last
        self.onSend()

    def leaveBroadcast(self) -> None:
        if self.backlog is not None:
            backlog, self.backlog, self.broadcastMember = self.backlog, None, None
            if data := backlog.end(self, self.session):
                self.sent.append(data)


#: The backlogs that are to be sent.
DUE: list[Backlog] = []


class TestRoomBacklog:
    def setup_method(self) -> None:
        DUE.clear()
        self.form = IndexFormatter()
        self.room = RoomBacklog()
        self.peers = [Peer(self.form) for _ in range(3)]
        self.members = [peer.session for peer in self.peers]

    def news(self, data: bytes, version: int | None = None) -> list[Session]:
        version = self.room.version if version is None else version
        apart = self.room.recipientsApart(Recipients(self.members), version)
        for backlog in list(self.room.byForm.values()):
            backlog.add(data)
        return apart

    def sendAll(self) -> bool:
        (backlog,) = DUE
        DUE.clear()
        again = backlog.sendDeferred()  # type: ignore[attr-defined]
        if again:
            DUE.append(backlog)
        return bool(again)

    def sent(self) -> list[list[bytes]]:
        return [peer.sent for peer in self.peers]

    def join(self) -> Peer:
        peer = Peer(self.form)
        self.peers.append(peer)
        self.members.append(peer.session)
        self.room.note(peer.session, True)
        return peer

    def test_allGetOneObject(self) -> None:
        assert self.news(b"a") == self.news(b"b") == []
        assert self.sendAll()
        assert self.sent() == [[b"ab"]] * 3
        assert len({id(sent[0]) for sent in self.sent()}) == 1

    @pytest.mark.parametrize(("bound", "atOnce"), [(3, True), (2, False)])
    def test_fewAreSentToAtOnce(
        self, bound: int, atOnce: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backlogs, "SENT_AT_ONCE", bound)
        self.news(b"a")
        self.sendAll()
        assert [peer.atOnce for peer in self.peers] == [atOnce] * 3

    def test_whoComesLaterGetsTheRest(self) -> None:
        self.news(b"a")
        self.join()
        self.news(b"b")
        self.sendAll()
        assert self.sent() == [[b"ab"]] * 3 + [[b"b"]]

    def test_changesThatComeLaterAreNotMadeYet(self) -> None:
        self.news(b"a")
        self.join()
        first = self.room.version
        self.join()
        self.news(b"b", first)
        self.news(b"c")
        self.sendAll()
        assert self.sent() == [[b"abc"]] * 3 + [[b"bc"], [b"c"]]

    def test_firstNewsAreOlderThanTheMembersNow(self) -> None:
        self.room.note(self.members.pop(), True)
        self.news(b"a", 0)
        self.news(b"b")
        self.sendAll()
        assert self.sent() == [[b"ab"]] * 2 + [[b"b"]]

    def test_whoLeavesGetsNoMore(self) -> None:
        self.news(b"a")
        self.room.note(self.members[1], False)
        self.news(b"b")
        self.sendAll()
        assert self.sent() == [[b"ab"], [b"a"], [b"ab"]]

    def test_othersAreWrittenTo(self) -> None:
        self.peers[0].isFree = False
        self.members[1].ignores = frozenset({"x"})
        self.members[2].rooms = {"r": None, "q": None}
        # Has left again, which is delivered after this.
        self.join().session.rooms = {}
        assert self.news(b"a") == self.members
        assert DUE == []

    @pytest.mark.parametrize("change", ["ignore", "recipient"])
    def test_changesEndIt(self, change: str) -> None:
        self.news(b"a")
        session = self.members[0]
        if change == "ignore":
            session.setIgnored(frozenset({"x"}))
        else:
            session.setRecipient(None)
        assert self.sent()[0] == [b"a"]
        assert self.news(b"b") == [session]
        self.sendAll()
        assert self.sent() == [[b"a"], [b"ab"], [b"ab"]]

    def test_theyFollowUntilNothingMoreComes(self) -> None:
        self.news(b"a")
        assert self.sendAll()
        self.news(b"b")
        assert self.sendAll()
        assert self.peers[0].backlog is not None
        assert not self.sendAll()
        assert [peer.backlog for peer in self.peers] == [None] * 3
        assert self.room.byForm == {}
        self.news(b"c")
        self.sendAll()
        assert self.sent() == [[b"a", b"b", b"c"]] * 3

    def test_sendingMayEndThatOfAnother(self) -> None:
        self.news(b"a")
        self.peers[0].onSend = self.peers[2].leaveBroadcast
        self.peers[1].onSend = self.peers[1].leaveBroadcast
        self.sendAll()
        assert self.sent() == [[b"a"]] * 3

    def test_newsWhileSending(self) -> None:
        self.news(b"a")

        def more() -> None:
            self.peers[1].onSend = lambda: None
            self.news(b"b")

        self.peers[1].onSend = more
        assert self.sendAll()
        self.sendAll()
        assert [b"".join(sent) for sent in self.sent()] == [b"ab"] * 3

    def test_failingPeerHarmsNoOther(self) -> None:
        def fail() -> None:
            raise ValueError("broken")

        self.news(b"a")
        self.peers[0].onSend = fail
        with pytest.raises(ValueError, match="broken"):
            self.sendAll()
        assert self.sent() == [[b"a"]] * 3
        self.peers[0].onSend = lambda: None
        DUE.clear()
        self.news(b"b")
        self.sendAll()
        assert self.sent() == [[b"a", b"b"]] * 3

    def test_withoutFollowersNothingIsSentAgain(self) -> None:
        self.news(b"a")
        for peer in self.peers:
            peer.leaveBroadcast()
        while self.sendAll():
            pass
        assert self.sent() == [[b"a"]] * 3

    def test_tooManyChangesWithoutNews(self) -> None:
        for _ in range(CHANGES_KEPT // 2):
            self.room.note(self.members[0], False)
            self.room.note(self.members[0], True)
        assert not self.room.isFull
        self.join()
        assert self.room.isFull
