"""Tests for L{tsservices.client.chat.machine} when a connection is lost and another one is made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client_world import (
    PASSWORD,
    ChatServer,
    ClientWorld,
    OtherUser,
    commands,
    guest,
    online,
    owner,
)
from tsservices.chat.notifications import PrivateMessage
from tsservices.client.chat.events import Content
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import (
    FIRST_DELAY,
    LONGEST_DELAY,
    Phase,
)


class TestResume:
    def test_missedLinesAreShown(self) -> None:
        world = online()
        world.bob.say("lobby", "before")
        world.settle()
        world.cut(0)
        world.bob.say("lobby", "missed")
        world.bob.say("den", "as well")
        world.type("mine")
        assert world.view.texts[-2:] == ["lost", "waits mine"]
        world.restore()
        assert world.view.lines == [
            ("now", "bob", "before"),
            ("new", "", ""),
            ("missed", "bob", "missed"),
            ("missed", "bob", "as well"),
            ("now", "ann", "mine"),
        ]
        assert "resumed 2" in world.view.texts
        assert world.sent.count("/nick ann") == 1
        assert len(commands(world, "resume")) == 1

    def test_onlyLostLinesAreSentAgain(self) -> None:
        world = online()
        world.type("one", "two")
        world.cut(1)
        world.restore()
        assert world.textsIn("lobby") == ["one", "two"]
        assert world.view.shown["lobby"] == [1, 2]

    def test_deletedLineIsNotSentAgain(self) -> None:
        world = online(options=LoginOptions("ann", rooms=["den"]))
        world.type("one")
        world.cut(9)
        world.serveGhosts()
        world.bob.type("/delete 1")
        world.restore()
        assert [line["kind"] for line in world.bob.lines("den")] == ["message", "delete"]

    def test_ownNameTaken(self) -> None:
        """Without a token the own name is free only after the end of the old connection."""
        world = online(older=True)
        world.type("one")
        world.cut(9)
        world.join()
        assert world.phase() is Phase.ENTERING
        world.serveGhosts()
        world.tick(3.0)
        world.settle()
        assert world.phase() is Phase.READY
        assert world.textsIn("lobby") == ["one"]
        assert world.view.shown["lobby"] == [1]

    def test_otherName(self) -> None:
        """Under another name nobody knows what still arrives: nothing is sent again."""
        world = online(older=True)
        world.type("one")
        world.cut(9)
        world.connect()
        for _ in range(20):
            world.settle()
            world.tick(world.time + 2.0)
        assert (world.phase(), world.state.nick) == (Phase.READY, "ann-549")
        assert "perhaps not sent one" in world.view.texts
        world.serveGhosts()
        world.settle()
        assert world.textsIn("lobby") == ["one"]

    def test_otherNameLost(self) -> None:
        """A connection with another name that is lost early proves nothing about the one before."""
        world = online(older=True)
        world.type("one")
        world.cut(9)
        world.connect()
        for _ in range(20):
            world.settle(lambda: world.phase() is Phase.CATCHING_UP)
            world.tick(world.time + 2.0)
        assert world.state.nick == "ann-549"
        world.cut(0)
        world.join()
        assert world.sent[-1] == "/nick ann"

    def test_loginIsNoProof(self) -> None:
        """Connections with one login share a name: having it again proves nothing."""
        world = owner(older=True)
        world.type("one")
        world.cut(9)
        world.join()
        assert "perhaps not sent one" in world.view.texts

    def test_loggedInSince(self) -> None:
        """The server may forget a login; lines that wait are not taken for the password."""
        world = guest(older=True, attended=True)
        world.say("/login ann")
        world.say(PASSWORD)
        assert world.state.account == "ann"
        world.cut(0)
        world.type("waits")
        world.join()
        assert world.sent[-1] == "/login ann"
        for _ in range(3):
            assert world.phase() is Phase.ENTERING
            world.say("wrong word")
        assert world.phase() is Phase.NAMELESS
        world.say("/login ann")
        world.say(PASSWORD)
        assert world.phase() is Phase.READY
        assert world.textsIn("lobby") == ["waits"]

    def test_askedAgain(self) -> None:
        """A password that was typed wrong is asked for again; one without a person is not."""
        for attended in (False, True):
            options = LoginOptions(
                "x", account="ann", password="guess", attended=attended, canAsk=True
            )
            world = ClientWorld(options=options)
            world.server.register("ann")
            world.join()
            assert world.view.texts[-2:] == ["ErrorReply wrong-password", "asked password"]
            world.say("wrong word")
            world.say(PASSWORD)
            assert world.phase() is Phase.READY
            assert world.state.account == "ann"

    def test_tokenBefore(self) -> None:
        """The old token is good until the next connection knows that the old one has ended."""
        world = online()
        world.type("one")
        world.cut(9)
        world.connect()
        world.settle(lambda: bool(commands(world, "resume")))
        assert world.connection is not None
        # The token is refused for some other reason, the name too, up to the end.
        world.connection.toServer.clear()
        world.serverSends("refused", code="guessed-often", text="later")
        for _ in range(17):
            world.deliver()
            world.settle(lambda: world.phase() is Phase.CATCHING_UP)
            world.tick(world.time + 2.0)
        assert world.state.nick == "ann-549"
        world.deliver()
        world.cut(0)
        world.join()
        first, second = commands(world, "resume")
        assert first == second
        assert world.phase() is Phase.READY
        assert world.textsIn("lobby") == ["one"]

    def test_restartedServer(self) -> None:
        world = online()
        for _ in range(5):
            world.bob.say("lobby", "old")
        world.settle()
        world.cut(0)
        world.ghosts.clear()
        world.server = ChatServer()
        world.bob = OtherUser(world.server, "bob", "lobby", "den")
        world.restore()
        world.bob.say("lobby", "new")
        world.settle()
        assert world.view.lines[-1] == ("now", "bob", "new")

    @pytest.mark.parametrize("password", [PASSWORD, ""])
    def test_privateMessagesOfALostConnection(self, password: str) -> None:
        world = owner()
        world.bob.type(f"/register {PASSWORD}", "/msg ann one")
        world.settle()
        shown: list[str] = []
        notify = world.view.notify

        def note(content: Content) -> None:
            shown.extend([content.text] if isinstance(content, PrivateMessage) else [])
            notify(content)

        world.view.notify = note  # type: ignore[method-assign]
        # By login, if the token is not known.
        for number in range(2):
            world.cut(0)
            # The server does not know that the connection is lost.
            world.bob.type(f"/msg ann {number}")
            if not password:
                world.machine._resumer._token = ""
            world.restore()
            assert shown == [str(past) for past in range(number + 1)]

    @pytest.mark.parametrize("count", [0, 2, 3, 5])
    @pytest.mark.parametrize("epoch", ["other", "log"])
    def test_restoredServer(self, count: int, epoch: str) -> None:
        """Whatever the new history has of the same numbers is shown, once."""
        world = online()
        for _ in range(4):
            world.bob.say("lobby", "old")
        world.settle()
        world.cut(0)
        world.ghosts.clear()
        world.server = ChatServer(epoch)
        # Nothing but their times tells lines of one epoch from each other.
        world.server.memory.clock.advance(60)
        world.bob = OtherUser(world.server, "bob", "lobby", "den")
        for number in range(count):
            world.bob.say("lobby", f"new {number}")
        world.view.lines.clear()
        world.restore()
        assert "HistoryRestored" in world.view.texts
        assert [text for *_, text in world.view.lines if text] == [
            f"new {number}" for number in range(count)
        ]
        world.bob.say("lobby", "more")
        world.settle()
        assert world.view.lines[-1] == ("now", "bob", "more")
        world.view.texts.clear()
        world.cut(0)
        world.restore()
        assert "HistoryRestored" not in world.view.texts
        assert world.view.lines[-1] == ("now", "bob", "more")

    @pytest.mark.parametrize("first", [3, 5])
    def test_restoredInPart(self, first: int) -> None:
        """What comes by itself before the answer is not taken for what follows."""
        world = online(older=True)
        for _ in range(4):
            world.bob.say("lobby", "old")
        world.settle()
        room = world.state.rooms["lobby"]
        room.epoch = "log"
        room.beginCatchUp()
        world.view.lines.clear()
        line: dict[str, Any] = {"room": "lobby", "nick": "bob", "kind": "message", "replay": True}
        world.machine.phase = Phase.CATCHING_UP
        world.serverSends("said", seq=5, id="other-1-1", text="five", **line)
        assert world.view.lines == []
        if first == 3:
            world.serverSends(
                "restored", room="lobby", epoch="other", seq=4, last=5, common=2, first=3
            )
        world.serverSends("replay", room="lobby", lines=6 - first, missing=None, epoch="other")
        for seq in range(first, 6):
            world.serverSends("said", seq=seq, id=f"other-1-{seq}", text=f"new {seq}", **line)
        assert [text for *_, text in world.view.lines] == [
            "",
            *[f"new {n}" for n in range(first, 6)],
        ]
        assert (room.last, room.epoch) == (5, "other")

    def test_shorterRoomIsReadFromItsStart(self) -> None:
        world = online()
        for _ in range(3):
            world.bob.say("lobby", "old")
        world.settle()
        world.cut(0)
        world.connect()
        world.settle(lambda: bool(commands(world, "resume")))
        world.serverSends("resumed", nick="ann", rooms=[{"room": "lobby", "last": 1}])
        assert "/since lobby 0" in world.sent

    def test_linesForForbiddenRoomStayQueued(self) -> None:
        world = online(older=True)
        world.cut(0)
        world.serveGhosts()
        world.connect()
        world.settle(lambda: world.phase() is Phase.CATCHING_UP)
        assert world.connection is not None
        world.connection.toServer.remove("/join den")
        world.connection.toServer.remove("/who den")
        world.serverSends("refused", code="banned", text="you are banned from #den for ever")
        world.settle()
        assert "ErrorReply banned" in world.view.texts
        assert list(world.state.rooms) == ["lobby"]
        world.say("/msg #den hello")
        assert world.view.texts[-1] == "not sent /msg #den hello"

    def test_awayStays(self) -> None:
        world = online()

        def restarted() -> list[str]:
            world.cut(0)
            world.ghosts.clear()
            world.server = ChatServer()
            world.restore()
            return [line for line in world.sent if line.startswith("/away")]

        world.say("/away at lunch")
        assert restarted() == ["/away at lunch"] * 2
        # A session that goes on is still away.
        world.cut(0)
        world.restore()
        world.say("/away")
        assert restarted() == ["/away at lunch"] * 2 + ["/away"]

    def test_kickedMemberDoesNotRejoin(self) -> None:
        world = online()
        world.cut(0)
        world.bob.type("/kick ann")
        world.restore()
        assert list(world.state.rooms) == ["lobby"]
        assert "* you are no longer in #den" in world.view.texts
        assert world.state.current == "lobby"

    def test_pendingRoomsAreJoinedByNextConnection(self) -> None:
        world = online()
        world.cut(0)
        world.serveGhosts()
        world.connect()
        world.settle(lambda: world.phase() is Phase.CATCHING_UP)
        world.deliver(1)
        world.cut(0)
        world.restore()
        assert sorted(world.state.rooms) == ["den", "lobby"]
        assert len(set(commands(world, "resume"))) == 2

    def test_backoffGrowsAndStartsAnew(self) -> None:
        world = online()
        world.cut(0)
        for _ in range(10):
            world.machine.connectionLost("refused", 0.0)
        assert world.delays[0] == FIRST_DELAY
        assert world.delays == sorted(world.delays)
        assert world.delays[-1] == LONGEST_DELAY
        assert world.view.texts.count("lost") == 1
        world.restore()
        world.cut(0)
        assert world.delays[-1] == FIRST_DELAY

    @pytest.mark.parametrize(("random", "factor"), [(0.0, 0.5), (0.9, 1.4)])
    def test_jitter(self, random: float, factor: float) -> None:
        world = ClientWorld(random=random)
        world.join()
        world.cut(0)
        assert world.delays == [FIRST_DELAY * factor]

    def test_nothingToResume(self) -> None:
        """Nothing to resume proves the end of the old connection: lost lines can be sent again."""
        world = owner()
        world.type("one")
        world.cut(0)
        world.serveGhosts()
        world.restore()
        assert world.textsIn("lobby") == ["one"]
        assert world.sent.count("/login ann") == 2

    def test_takenOverDoesNotReconnect(self) -> None:
        world = online()
        world.serverSends("refused", code="taken-over", text="somebody else")
        assert world.over == [(1, "somebody else")]
        world.cut(0)
        assert world.delays == []
