"""
Tests for L{tsservices.chat.handlers.nodes}.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.cluster import LONG, nodeUp
from tests.support.chat import NOON, Sessions
from tsservices.chat.errors import (
    BANNED,
    LOGGED_OUT,
    MUTED,
    NO_ACCOUNT,
    NOT_IN_ROOM,
    PRIVATE_ROOM,
    TAKEN_OVER,
)
from tsservices.chat.handlers.accounts import SESSIONS_EACH
from tsservices.chat.handlers.nodes import reattachments, shutdownOf
from tsservices.chat.notifications import (
    AccountChanged,
    ErrorReply,
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
    SetPassword,
    SetPrivate,
)
from tsservices.chat.permissions import FOUNDER, MEMBER
from tsservices.chat.room import REPLAYED_LINES


class TestReturn:
    """
    Ann is on the node a, with an account; gus is there too, a guest; bob and opal, who looks
    after the server, are on b.
    """

    def setup_method(self) -> None:
        self.sessions = Sessions()
        self.state = self.sessions.state
        self.stamp = NOON
        self.turn(nodeUp("a", "1", operators=("opal",)), nodeUp("b", "1", operators=("opal",)))
        for ident, nick in (("ann", "Ann"), ("gus", "Gus"), ("bob", "Bob"), ("opal", "Opal")):
            self.sessions.arrive(ident).node = "b" if ident in ("bob", "opal") else "a"
            self.turn(Enter(ident, nick, ident, f"~{ident}", f"t-{ident}"))
            if ident in ("ann", "opal"):
                self.turn(Register(ident, ident, "v"))
            self.turn(Join(ident, "R", "r"))
        self.turn(Say("bob", "r", MESSAGE, ("one", "two")))
        self.room = self.state.rooms["r"]
        self.incarnation = 1
        self.sessions.hush()

    def turn(self, *events: Operation) -> None:
        self.stamp += 1
        self.sessions.turn(*events, stamp=self.stamp)

    def gone(self, node: str = "a") -> list[ReattachSession]:
        it = self.state.nodes[node]
        self.turn(NodeDown("", node, it.incarnation, it.position))
        return reattachments(self.state, node)

    def back(self, *events: Operation) -> None:
        self.incarnation += 1
        self.turn(nodeUp("a", str(self.incarnation), operators=("opal",)), *events)

    def member(self, who: str) -> bool:
        return who in self.room.members

    def refusals(self, who: str) -> list[object]:
        return list(self.sessions.ears[who].reasons())

    def test_gone(self) -> None:
        """All of a node leave; the others are told of each once."""
        self.turn(Join("ann", "Q", "q"), Join("bob", "Q", "q"))
        self.sessions.hush()
        self.gone()
        assert set(self.state.sessions) == {"bob", "opal"}
        assert set(self.state.tokens) == {"t-bob", "t-opal"}
        for who in ("bob", "opal"):
            told = self.sessions.ears[who].take()
            assert sorted(each.nick for each in told if isinstance(each, UserQuit)) == [
                "Ann",
                "Gus",
            ]
            assert len(told) == 2
        assert self.state.lastSeenGuests.keys() == {"gus"}
        assert self.state.accounts["ann"].seen == self.stamp

    def test_begunAgain(self) -> None:
        """
        The same when a node begins again of which nobody has said that it was gone: and
        nobody of it returns.
        """
        self.back()
        assert set(self.state.sessions) == {"bob", "opal"}
        assert reattachments(self.state, "a") == []

    def test_there(self) -> None:
        """Who is on another node too has left a room only, if they are not in it there."""
        self.sessions.arrive("ann2").node = "b"
        version = self.state.accounts["ann"].version
        self.turn(Login("ann2", "ann", version, "~x", ""), Join("ann2", "Q", "q"))
        self.sessions.hush()
        self.gone()
        told = self.sessions.ears["bob"].take()
        assert [(type(each), getattr(each, "nick", "")) for each in told] == [
            (UserLeft, "Ann"),
            (UserQuit, "Gus"),
        ]
        assert [each.ident for each in self.state.sessionsByAccount["ann"]] == ["ann2"]

    def test_returns(self) -> None:
        """
        Name, account, rooms, token and all else are there again; others hear who has
        joined, and those who return what they missed.
        """
        self.turn(Join("gus", "Q", "q"))
        before = {
            who: (each.nick, each.account, each.connectedAt, each.cloak, list(each.rooms))
            for who, each in self.state.sessions.items()
        }
        events = self.gone()
        assert [each.session for each in events] == ["ann", "gus"]
        assert events[1].rooms == (("r", "R", 2), ("q", "Q", 0))
        self.turn(Say("bob", "r", MESSAGE, ("three", "four")))
        self.sessions.hush()
        self.back(*events)
        after = {
            who: (each.nick, each.account, each.connectedAt, each.cloak, list(each.rooms))
            for who, each in self.state.sessions.items()
        }
        assert after == before
        assert self.state.tokens["t-gus"] is self.state.sessions["gus"]
        assert [each.ident for each in self.state.sessionsByAccount["ann"]] == ["ann"]
        told = self.sessions.ears["bob"].take()
        assert [(type(each), getattr(each, "nick", "")) for each in told] == [
            (UserJoined, "Ann"),
            (UserJoined, "Gus"),
        ]
        assert isinstance(told[0], UserJoined)
        assert told[0].account == "ann"
        notice, replay, *_ = self.sessions.ears["gus"].take()
        assert isinstance(notice, Notice)
        assert notice.code == "returned"
        assert isinstance(replay, HistoryReplay)
        assert [text for each in replay.messages for text in each.texts] == ["three", "four"]
        assert (replay.missing, replay.until) == (None, 4)
        assert self.state.detachedSessions == {}
        self.turn(*events)
        assert set(self.state.sessions) == set(before)

    def test_missedMuch(self) -> None:
        """What is not at hand is said to be missing."""
        events = self.gone()
        for number in range(REPLAYED_LINES + 5):
            self.turn(Say("bob", "r", MESSAGE, (f"{number}",)))
        self.back(*events)
        _, replay = self.sessions.ears["gus"].take()
        assert isinstance(replay, HistoryReplay)
        assert replay.missing == (3, 7)
        assert [each.first for each in replay.messages] == list(range(8, 8 + REPLAYED_LINES))

    def test_nothingMissed(self) -> None:
        """Who missed nothing is told nothing of that."""
        self.back(*self.gone())
        assert [type(each) for each in self.sessions.ears["gus"].take()] == [Notice]

    def test_nameTaken(self) -> None:
        """
        Whose name somebody else has now gets another one; whoever has an account, and had
        another name, its name.
        """
        events = self.gone()
        for ident, name in (("x", "gus"), ("y", "guest-1")):
            self.turn(Enter(ident, name, name, "~x", ident))
        self.back(*events)
        assert self.state.sessions["gus"].nick == "guest-2"
        renamed = self.sessions.ears["gus"].take()[1]
        assert isinstance(renamed, NickChanged)
        assert (renamed.nick, renamed.to) == ("Gus", "guest-2")
        told = [each for each in self.sessions.ears["bob"].take() if isinstance(each, UserJoined)]
        assert [each.nick for each in told] == ["Ann", "guest-2"]
        ann, _ = self.gone()
        self.back(replace(ann, nick="x2", key="gus"))
        assert self.state.sessions["ann"].nick == "Ann"

    def test_nameRegistered(self) -> None:
        """Nor does a guest get a name back that belongs to an account now."""
        events = self.gone()
        self.turn(Enter("x", "Gus", "gus", "~x", "x"), Register("x", "gus", "v"), Quit("x", ""))
        self.back(*events)
        assert self.state.sessions["gus"].key == "guest-1"

    def test_password(self) -> None:
        """Whose password was changed meanwhile is a guest; so is whose account was dropped."""
        events = self.gone()
        self.turn(SetPassword("opal", "ann", None, "w"))
        self.back(*events)
        ann = self.state.sessions["ann"]
        assert (ann.account, ann.nick) == (None, "guest-1")
        assert self.state.sessionsByAccount.keys() == {"opal"}
        told = self.sessions.ears["ann"].take()
        assert [each.error.code for each in told if isinstance(each, ErrorReply)] == [LOGGED_OUT]
        assert [each.account for each in told if isinstance(each, AccountChanged)] == [None]
        (event, *_) = self.gone()
        self.back(replace(event, account="nobody"))
        assert self.refusals("ann") == [NO_ACCOUNT]

    def test_tooMany(self) -> None:
        """An account does not get more sessions than it may have: who came meanwhile stays."""
        events = self.gone()
        version = self.state.accounts["ann"].version
        for number in range(SESSIONS_EACH):
            self.turn(Login(f"x{number}", "ann", version, "~x", f"x{number}"))
        self.back(*events)
        assert "ann" not in self.state.sessions
        assert [each.code for each in self.sessions.ears["ann"].dismissals] == [TAKEN_OVER]
        assert len(self.state.sessionsByAccount["ann"]) == SESSIONS_EACH

    def test_banned(self) -> None:
        """Who was banned meanwhile, by account or by address, is not let in."""
        events = self.gone()
        self.turn(Restrict("opal", "r", BAN, "Ann", "ann", 0, ""))
        self.turn(Restrict("opal", "r", BAN, "~gus", "~gus", 0, ""))
        self.back(*events)
        for who in ("ann", "gus"):
            assert not self.member(who)
            told = self.sessions.ears[who].take()
            assert [each.error.code for each in told if isinstance(each, ErrorReply)] == [BANNED]
            assert [each.room for each in told if isinstance(each, LeftRoom)] == ["r"]
        assert self.state.restriction(BAN, self.state.sessions["gus"], self.room, self.stamp)

    @pytest.mark.parametrize("late", [False, True])
    def test_heldBefore(self, late: bool) -> None:
        """
        Bans and mutes from before hold on, though they are of an address, and those who
        were there before are not meant; for ever, also if the node was away for long.
        """
        self.turn(Restrict("opal", "r", "mute", "Gus", "gus", 0, ""))
        events = self.gone()
        if late:
            self.stamp += LONG
            self.turn(nodeUp("c", "1", operators=("opal",)))
            assert self.state.detachedSessions == {}
        self.back(*events)
        assert self.member("gus")
        self.turn(Say("gus", "r", MESSAGE, ("x",)))
        assert self.refusals("gus") == [MUTED]

    def test_meantOthers(self) -> None:
        """
        Who was at the same address before somebody else was banned is let in again; but
        not if nobody knows any more since when they were there.
        """
        for late in (False, True):
            self.sessions.arrive("twin").node = "b"
            self.turn(Enter("twin", "twin", "twin", "~gus", "t"), Join("twin", "R", "r"))
            self.turn(Restrict("opal", "r", BAN, "twin", "twin", 0, ""), Quit("twin", ""))
            events = self.gone()
            if late:
                self.stamp += LONG
                self.turn(nodeUp("c", "1", operators=("opal",)))
            self.back(*[replace(each, connectedAt=1) for each in events])
            assert self.member("gus") is not late

    def test_invited(self) -> None:
        """
        A guest who was in a private room, or invited to one, may enter it again, and reads
        there what they could; not if it was open in between.
        """
        self.turn(Join("opal", "P", "p"), Say("opal", "p", MESSAGE, ("1", "2")))
        self.turn(Join("opal", "Q", "q"), Say("opal", "q", MESSAGE, ("1",)))
        self.turn(SetPrivate("opal", "p", True), SetPrivate("opal", "q", True))
        self.turn(Invite("opal", "p", "Gus", "gus"), Invite("opal", "q", "Gus", "gus"))
        self.turn(Join("gus", "P", "p"), Say("opal", "p", MESSAGE, ("4",)))
        gus = self.state.sessions["gus"]
        private = self.state.rooms["p"]
        assert private.permissions.firstReadable(gus) == 4
        assert gus.invited == {"q"}
        events = self.gone()
        assert not private.permissions.canJoin(gus)
        self.turn(Say("opal", "p", MESSAGE, ("5",)))
        self.sessions.hush()
        self.back(*events)
        assert list(gus.rooms) == ["r", "p"]
        assert private.permissions.firstReadable(gus) == 4
        assert gus.invited == {"q"}
        replay = self.sessions.ears["gus"].take()[-1]
        assert isinstance(replay, HistoryReplay)
        assert [each.texts for each in replay.messages] == [("5",)]
        events = self.gone()
        self.turn(SetPrivate("opal", "p", False), SetPrivate("opal", "p", True))
        self.turn(Restrict("opal", "q", BAN, "~gus", "~gus", 0, ""))
        self.back(*events)
        assert list(gus.rooms) == ["r"]
        assert self.refusals("gus") == [PRIVATE_ROOM]
        assert gus.invited == frozenset()

    def test_bannedInside(self) -> None:
        """A guest who was in a private room, and was banned meanwhile, needs an invitation."""
        self.turn(Join("opal", "P", "p"), Say("opal", "p", MESSAGE, ("1", "2")))
        self.turn(SetPrivate("opal", "p", True), Invite("opal", "p", "Gus", "gus"))
        self.turn(Join("gus", "P", "p"))
        events = self.gone()
        self.turn(Restrict("opal", "p", BAN, "~gus", "~gus", 0, ""))
        self.back(*events)
        assert self.refusals("gus") == [BANNED]
        self.turn(LiftRestriction("opal", "p", BAN, "~gus", "~gus"), Join("gus", "P", "p"))
        assert self.refusals("gus") == [PRIVATE_ROOM]

    def test_notInvited(self) -> None:
        """
        Nobody gets into a private room by a node's word alone: not a guest, nor whoever has
        lost the account that was let in; and what they missed there is not told.
        """
        self.turn(Join("opal", "P", "p"), Say("opal", "p", MESSAGE, ("1",)))
        self.turn(SetPrivate("opal", "p", True), Invite("opal", "p", "Ann", "ann"))
        self.turn(Join("ann", "P", "p"))
        ann, gus = self.gone()
        self.turn(SetPassword("opal", "ann", None, "w"), Say("opal", "p", MESSAGE, ("2",)))
        self.sessions.hush()
        self.back(ann, replace(gus, rooms=(("p", "P", 0), *gus.rooms)))
        for who in ("ann", "gus"):
            told = self.sessions.ears[who].take()
            assert PRIVATE_ROOM in [
                each.error.code for each in told if isinstance(each, ErrorReply)
            ]
            assert {each.room for each in told if isinstance(each, HistoryReplay)} <= {"r"}
        assert list(self.state.rooms["p"].members) == ["opal"]

    def test_closedMeanwhile(self) -> None:
        """Nor into a room that was closed while they were cut off."""
        self.turn(Join("opal", "P", "p"), Join("gus", "P", "p"), Say("opal", "p", MESSAGE, ("1",)))
        events = self.gone()
        self.turn(SetPrivate("opal", "p", True))
        self.back(*events)
        assert list(self.state.rooms["p"].members) == ["opal"]

    def test_founder(self) -> None:
        """
        A guest who made a room is its founder again; not if it went with them, and
        somebody else has made it anew.
        """
        self.turn(Join("gus", "M", "m"), Say("gus", "m", MESSAGE, ("1",)), Join("gus", "N", "n"))
        events = self.gone()
        assert "n" not in self.state.rooms
        self.turn(Join("bob", "N", "n"))
        self.back(*events)
        gus = self.state.sessions["gus"]
        ranks = [self.state.rank(gus, self.state.rooms[key]) for key in ("m", "n")]
        assert ranks == [FOUNDER, MEMBER]
        assert self.state.rank(self.state.sessions["bob"], self.state.rooms["n"]) == FOUNDER

    def test_founderOfAnother(self) -> None:
        """Nor if whoever has made it anew is not there any more."""
        self.turn(Join("gus", "N", "n"))
        events = self.gone()
        self.turn(Join("bob", "N", "n"), Say("bob", "n", MESSAGE, ("1",)), Part("bob", "n", ""))
        self.back(*events)
        assert self.state.rank(self.state.sessions["gus"], self.state.rooms["n"]) == MEMBER

    def test_roomGone(self) -> None:
        """A room that went with them, because nothing was said in it, is made again."""
        self.turn(Join("gus", "N", "n"))
        self.back(*self.gone())
        gus = self.state.sessions["gus"]
        assert self.state.rank(gus, self.state.rooms["n"]) == FOUNDER

    def test_restrainedFounder(self) -> None:
        """Who had lost that before does not get it back."""
        self.turn(Join("gus", "M", "m"), Say("gus", "m", MESSAGE, ("1",)), Join("opal", "M", "m"))
        self.turn(Restrict("opal", "m", "mute", "Gus", "gus", 0, ""))
        self.back(*self.gone())
        gus = self.state.sessions["gus"]
        assert self.state.rank(gus, self.state.rooms["m"]) == MEMBER

    def test_cleanStop(self) -> None:
        """Nobody returns to a node that has said goodbye."""
        self.turn(shutdownOf(self.state.nodes["a"]))
        assert set(self.state.sessions) == {"bob", "opal"}
        assert self.state.detachedSessions == {}

    def test_proposedBefore(self) -> None:
        """Between the two they are nowhere, and nothing that they do counts."""
        self.gone()
        self.turn(Say("gus", "r", MESSAGE, ("x",)), Login("gus", "ann", NOON, "~gus", ""))
        assert self.refusals("gus")[0] is NOT_IN_ROOM
        assert "gus" not in self.state.sessions
