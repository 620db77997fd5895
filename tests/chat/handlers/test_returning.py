"""Tests for L{tsservices.chat.handlers.nodes}."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.cluster import FORGOTTEN, nodeUp
from tests.support.chat import NOON, StateHarness, errorCodes, kinds, only
from tsservices.chat import errors
from tsservices.chat.handlers.nodes import reattachments, shutdownOf
from tsservices.chat.notifications import (
    AccountChanged,
    HistoryReplay,
    LeftRoom,
    NickChanged,
    Notice,
    UserJoined,
    UserLeft,
    UserQuit,
)
from tsservices.chat.operations import (
    BAN,
    MESSAGE,
    Enter,
    Invite,
    Join,
    LiftRestriction,
    Login,
    NodeDown,
    Operation,
    Part,
    Quit,
    ReattachSession,
    Register,
    Restrict,
    Say,
    SetModes,
    SetPassword,
    SetPrivate,
)
from tsservices.chat.permissions import FOUNDER, MEMBER
from tsservices.chat.room import REPLAYED_LINES


class TestReattach:
    """
    Ann (with an account) and gus (a guest) are on node a, bob and opal (an operator of the server)
    on b.
    """

    def setup_method(self) -> None:
        self.chat = StateHarness()
        self.state = self.chat.state
        self.stamp = NOON
        self.turn(nodeUp("a", "1", operators=("opal",)), nodeUp("b", "1", operators=("opal",)))
        for ident, nick in (("ann", "Ann"), ("gus", "Gus"), ("bob", "Bob"), ("opal", "Opal")):
            self.chat.connect(ident).node = "b" if ident in ("bob", "opal") else "a"
            self.turn(Enter(ident, nick, ident, f"~{ident}", f"t-{ident}"))
            if ident in ("ann", "opal"):
                self.turn(Register(ident, ident, "v"))
            self.turn(Join(ident, "R", "r"))
        self.turn(Say("bob", "r", MESSAGE, ("one", "two")))
        self.room = self.state.rooms["r"]
        self.incarnation = 1
        self.chat.clear()

    def turn(self, *operations: Operation) -> None:
        self.stamp += 1
        self.chat.tick(*operations, stamp=self.stamp)

    def gone(self, node: str = "a") -> list[ReattachSession]:
        it = self.state.nodes[node]
        self.turn(NodeDown("", node, it.incarnation, it.position))
        return reattachments(self.state, node)

    def back(self, *operations: Operation) -> None:
        self.incarnation += 1
        self.turn(nodeUp("a", str(self.incarnation), operators=("opal",)), *operations)

    def member(self, ident: str) -> bool:
        return ident in self.room.members

    def errors(self, ident: str) -> list[object]:
        return list(self.chat.errorCodes(ident))

    def test_nodeDown(self) -> None:
        self.turn(Join("ann", "Q", "q"), Join("bob", "Q", "q"))
        self.chat.clear()
        self.gone()
        assert set(self.state.sessions) == {"bob", "opal"}
        assert set(self.state.tokens) == {"t-bob", "t-opal"}
        for ident in ("bob", "opal"):
            sent = self.chat.heard(ident)
            assert sorted(item.nick for item in sent if isinstance(item, UserQuit)) == [
                "Ann",
                "Gus",
            ]
            assert len(sent) == 2
        assert self.state.lastSeenGuests.keys() == {"gus"}
        assert self.state.accounts["ann"].seen == self.stamp

    def test_nodeUpAgain(self) -> None:
        self.back()
        assert set(self.state.sessions) == {"bob", "opal"}
        assert reattachments(self.state, "a") == []

    def test_otherSessionStays(self) -> None:
        self.chat.connect("ann2").node = "b"
        version = self.state.accounts["ann"].version
        self.turn(Login("ann2", "ann", version, "~x", ""), Join("ann2", "Q", "q"))
        self.chat.clear()
        self.gone()
        sent = self.chat.heard("bob")
        assert [(type(item), getattr(item, "nick", "")) for item in sent] == [
            (UserLeft, "Ann"),
            (UserQuit, "Gus"),
        ]
        assert [item.ident for item in self.state.sessionsByAccount["ann"]] == ["ann2"]

    def test_everythingReturns(self) -> None:
        self.turn(Join("gus", "Q", "q"))
        before = {
            ident: (item.nick, item.account, item.connectedAt, item.cloak, list(item.rooms))
            for ident, item in self.state.sessions.items()
        }
        operations = self.gone()
        assert [item.session for item in operations] == ["ann", "gus"]
        assert operations[1].rooms == (("r", "R", 2), ("q", "Q", 0))
        self.turn(Say("bob", "r", MESSAGE, ("three", "four")))
        self.chat.clear()
        self.back(*operations)
        after = {
            ident: (item.nick, item.account, item.connectedAt, item.cloak, list(item.rooms))
            for ident, item in self.state.sessions.items()
        }
        assert after == before
        assert self.state.tokens["t-gus"] is self.state.sessions["gus"]
        assert [item.ident for item in self.state.sessionsByAccount["ann"]] == ["ann"]
        sent = self.chat.heard("bob")
        assert [(type(item), getattr(item, "nick", "")) for item in sent] == [
            (UserJoined, "Ann"),
            (UserJoined, "Gus"),
        ]
        assert isinstance(sent[0], UserJoined)
        assert sent[0].account == "ann"
        notice, replay, *_ = self.chat.heard("gus")
        assert isinstance(notice, Notice)
        assert notice.code == "returned"
        assert isinstance(replay, HistoryReplay)
        assert [text for item in replay.messages for text in item.texts] == ["three", "four"]
        assert (replay.missing, replay.until) == (None, 4)
        assert self.state.detachedSessions == {}
        self.turn(*operations)
        assert set(self.state.sessions) == set(before)

    def test_missingLines(self) -> None:
        operations = self.gone()
        for number in range(REPLAYED_LINES + 5):
            self.turn(Say("bob", "r", MESSAGE, (f"{number}",)))
        self.back(*operations)
        replay = only(HistoryReplay, self.chat.heard("gus")[1:])
        assert replay.missing == (3, 7)
        assert [item.first for item in replay.messages] == list(range(8, 8 + REPLAYED_LINES))

    def test_nothingMissed(self) -> None:
        self.back(*self.gone())
        assert kinds(self.chat.heard("gus")) == [Notice]

    def test_nickTaken(self) -> None:
        operations = self.gone()
        for ident, name in (("x", "gus"), ("y", "guest-1")):
            self.turn(Enter(ident, name, name, "~x", ident))
        self.back(*operations)
        assert self.state.sessions["gus"].nick == "guest-2"
        renamed = only(NickChanged, self.chat.heard("gus")[1:2])
        assert (renamed.nick, renamed.to) == ("Gus", "guest-2")
        sent = [item for item in self.chat.heard("bob") if isinstance(item, UserJoined)]
        assert [item.nick for item in sent] == ["Ann", "guest-2"]
        ann, _ = self.gone()
        self.back(replace(ann, nick="x2", key="gus"))
        assert self.state.sessions["ann"].nick == "Ann"

    def test_nickRegistered(self) -> None:
        operations = self.gone()
        self.turn(Enter("x", "Gus", "gus", "~x", "x"), Register("x", "gus", "v"), Quit("x", ""))
        self.back(*operations)
        assert self.state.sessions["gus"].key == "guest-1"

    def test_passwordChanged(self) -> None:
        operations = self.gone()
        self.turn(SetPassword("opal", "ann", None, "w"))
        self.back(*operations)
        ann = self.state.sessions["ann"]
        assert (ann.account, ann.nick) == (None, "guest-1")
        assert self.state.sessionsByAccount.keys() == {"opal"}
        sent = self.chat.heard("ann")
        assert errorCodes(sent) == [errors.LOGGED_OUT]
        assert [item.account for item in sent if isinstance(item, AccountChanged)] == [None]
        (operation, *_) = self.gone()
        self.back(replace(operation, account="nobody"))
        assert self.errors("ann") == [errors.NO_ACCOUNT]

    def test_tooManySessions(self) -> None:
        operations = self.gone()
        version = self.state.accounts["ann"].version
        most = self.state.limits.sessionsEach
        for number in range(most):
            self.turn(Login(f"x{number}", "ann", version, "~x", f"x{number}"))
        self.back(*operations)
        assert "ann" not in self.state.sessions
        assert [item.code for item in self.chat.outlets["ann"].replacements] == [
            errors.CONNECTIONS_EACH
        ]
        assert len(self.state.sessionsByAccount["ann"]) == most

    def test_modesOfMembers(self) -> None:
        changes = (("+k", "x", ""), ("+l", "1", ""), ("+v", "Gus", "gus"))
        self.turn(SetModes("opal", "r", changes))
        self.back(*self.gone())
        assert self.member("ann")
        assert self.member("gus")
        assert self.room.permissions.sessionRoles == {"gus": "v"}

    def test_modesOfARoomMadeAnew(self) -> None:
        self.turn(Join("gus", "N", "n", "", "nt"))
        self.back(*self.gone())
        assert self.state.rooms["n"].record.modes == "nt"

    def test_bannedMeanwhile(self) -> None:
        operations = self.gone()
        self.turn(Restrict("opal", "r", BAN, "Ann", "ann", 0, ""))
        self.turn(Restrict("opal", "r", BAN, "~gus", "~gus", 0, ""))
        self.back(*operations)
        for ident in ("ann", "gus"):
            assert not self.member(ident)
            sent = self.chat.heard(ident)
            assert errorCodes(sent) == [errors.BANNED]
            assert [item.room for item in sent if isinstance(item, LeftRoom)] == ["r"]
        assert self.state.restriction(BAN, self.state.sessions["gus"], self.room, self.stamp)

    @pytest.mark.parametrize("late", [False, True])
    def test_restrictionsHold(self, late: bool) -> None:
        self.turn(Restrict("opal", "r", "mute", "Gus", "gus", 0, ""))
        operations = self.gone()
        if late:
            self.stamp += FORGOTTEN
            self.turn(nodeUp("c", "1", operators=("opal",)))
            assert self.state.detachedSessions == {}
        self.back(*operations)
        assert self.member("gus")
        self.turn(Say("gus", "r", MESSAGE, ("x",)))
        assert self.errors("gus") == [errors.MUTED]

    def test_earlierSessionIsSpared(self) -> None:
        for late in (False, True):
            self.chat.connect("twin").node = "b"
            self.turn(Enter("twin", "twin", "twin", "~gus", "t"), Join("twin", "R", "r"))
            self.turn(Restrict("opal", "r", BAN, "twin", "twin", 0, ""), Quit("twin", ""))
            operations = self.gone()
            if late:
                self.stamp += FORGOTTEN
                self.turn(nodeUp("c", "1", operators=("opal",)))
            self.back(*[replace(item, connectedAt=1) for item in operations])
            assert self.member("gus") is not late

    def test_guestInPrivateRoom(self) -> None:
        self.turn(Join("opal", "P", "p"), Say("opal", "p", MESSAGE, ("1", "2")))
        self.turn(Join("opal", "Q", "q"), Say("opal", "q", MESSAGE, ("1",)))
        self.turn(SetPrivate("opal", "p", True), SetPrivate("opal", "q", True))
        self.turn(Invite("opal", "p", "Gus", "gus"), Invite("opal", "q", "Gus", "gus"))
        self.turn(Join("gus", "P", "p"), Say("opal", "p", MESSAGE, ("4",)))
        gus = self.state.sessions["gus"]
        private = self.state.rooms["p"]
        assert private.permissions.firstReadable(gus) == 4
        assert gus.invited == {"q"}
        operations = self.gone()
        assert not private.permissions.canJoin(gus)
        self.turn(Say("opal", "p", MESSAGE, ("5",)))
        self.chat.clear()
        self.back(*operations)
        assert list(gus.rooms) == ["r", "p"]
        assert private.permissions.firstReadable(gus) == 4
        assert gus.invited == {"q"}
        replay = only(HistoryReplay, self.chat.heard("gus")[-1:])
        assert [item.texts for item in replay.messages] == [("5",)]
        operations = self.gone()
        self.turn(SetPrivate("opal", "p", False), SetPrivate("opal", "p", True))
        self.turn(Restrict("opal", "q", BAN, "~gus", "~gus", 0, ""))
        self.back(*operations)
        assert list(gus.rooms) == ["r"]
        assert self.errors("gus") == [errors.PRIVATE_ROOM]
        assert gus.invited == frozenset()

    def test_bannedGuestNeedsInvitation(self) -> None:
        self.turn(Join("opal", "P", "p"), Say("opal", "p", MESSAGE, ("1", "2")))
        self.turn(SetPrivate("opal", "p", True), Invite("opal", "p", "Gus", "gus"))
        self.turn(Join("gus", "P", "p"))
        operations = self.gone()
        self.turn(Restrict("opal", "p", BAN, "~gus", "~gus", 0, ""))
        self.back(*operations)
        assert self.errors("gus") == [errors.BANNED]
        self.turn(LiftRestriction("opal", "p", BAN, "~gus", "~gus"), Join("gus", "P", "p"))
        assert self.errors("gus") == [errors.PRIVATE_ROOM]

    def test_noAccessByWordOfNode(self) -> None:
        self.turn(Join("opal", "P", "p"), Say("opal", "p", MESSAGE, ("1",)))
        self.turn(SetPrivate("opal", "p", True), Invite("opal", "p", "Ann", "ann"))
        self.turn(Join("ann", "P", "p"))
        ann, gus = self.gone()
        self.turn(SetPassword("opal", "ann", None, "w"), Say("opal", "p", MESSAGE, ("2",)))
        self.chat.clear()
        self.back(ann, replace(gus, rooms=(("p", "P", 0), *gus.rooms)))
        for ident in ("ann", "gus"):
            sent = self.chat.heard(ident)
            assert errors.PRIVATE_ROOM in errorCodes(sent)
            assert {item.room for item in sent if isinstance(item, HistoryReplay)} <= {"r"}
        assert list(self.state.rooms["p"].members) == ["opal"]

    def test_roomClosedMeanwhile(self) -> None:
        self.turn(Join("opal", "P", "p"), Join("gus", "P", "p"), Say("opal", "p", MESSAGE, ("1",)))
        operations = self.gone()
        self.turn(SetPrivate("opal", "p", True))
        self.back(*operations)
        assert list(self.state.rooms["p"].members) == ["opal"]

    def test_guestFounder(self) -> None:
        self.turn(Join("gus", "M", "m"), Say("gus", "m", MESSAGE, ("1",)), Join("gus", "N", "n"))
        operations = self.gone()
        assert "n" not in self.state.rooms
        self.turn(Join("bob", "N", "n"))
        self.back(*operations)
        gus = self.state.sessions["gus"]
        ranks = [self.state.rank(gus, self.state.rooms[key]) for key in ("m", "n")]
        assert ranks == [FOUNDER, MEMBER]
        assert self.state.rank(self.state.sessions["bob"], self.state.rooms["n"]) == FOUNDER

    def test_roomCreatedAnew(self) -> None:
        self.turn(Join("gus", "N", "n"))
        operations = self.gone()
        self.turn(Join("bob", "N", "n"), Say("bob", "n", MESSAGE, ("1",)), Part("bob", "n", ""))
        self.back(*operations)
        assert self.state.rank(self.state.sessions["gus"], self.state.rooms["n"]) == MEMBER

    def test_removedRoomIsCreated(self) -> None:
        self.turn(Join("gus", "N", "n"))
        self.back(*self.gone())
        gus = self.state.sessions["gus"]
        assert self.state.rank(gus, self.state.rooms["n"]) == FOUNDER

    def test_lostFoundership(self) -> None:
        self.turn(Join("gus", "M", "m"), Say("gus", "m", MESSAGE, ("1",)), Join("opal", "M", "m"))
        self.turn(Restrict("opal", "m", "mute", "Gus", "gus", 0, ""))
        self.back(*self.gone())
        gus = self.state.sessions["gus"]
        assert self.state.rank(gus, self.state.rooms["m"]) == MEMBER

    def test_cleanStop(self) -> None:
        self.turn(shutdownOf(self.state.nodes["a"]))
        assert set(self.state.sessions) == {"bob", "opal"}
        assert self.state.detachedSessions == {}

    def test_nothingBetween(self) -> None:
        self.gone()
        self.turn(Say("gus", "r", MESSAGE, ("x",)), Login("gus", "ann", NOON, "~gus", ""))
        assert self.errors("gus")[0] is errors.NOT_IN_ROOM
        assert "gus" not in self.state.sessions
