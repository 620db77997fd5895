"""
Tests for L{tsservices.client.chat.machine} and what it is made of, beside a server in memory.
"""

from __future__ import annotations

import pytest

from tests.support.client_world import PASSWORD, ChatServer, ClientWorld, OtherUser
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import (
    FIRST_DELAY,
    LONGEST_DELAY,
    PATIENCE_SECONDS,
    SILENCE_SECONDS,
    Phase,
)


def online(older: bool = False, options: LoginOptions | None = None) -> ClientWorld:
    world = ClientWorld(older, options)
    world.join()
    assert world.phase() is Phase.READY
    return world


def guest(older: bool = False, attended: bool = False) -> ClientWorld:
    """The guest C{eve} where C{ann} has an account."""
    world = ClientWorld(older, LoginOptions("eve", rooms=["lobby"], attended=attended))
    world.server.register("ann")
    world.join()
    return world


def owner(older: bool = False, marks: bool = False) -> ClientWorld:
    """The owner of the account C{ann}."""
    options = LoginOptions("x", account="ann", password=PASSWORD, rooms=["lobby"], marks=marks)
    world = ClientWorld(older, options)
    world.server.register("ann")
    world.join()
    return world


def commands(world: ClientWorld, word: str) -> list[str]:
    return [line for line in world.sent if line.startswith(f"/{word} ")]


class TestLogin:
    def test_order(self) -> None:
        """
        The form is chosen first, then a name, then the rooms, each behind the answer to
        what was before.
        """
        world = ClientWorld()
        world.connect()
        assert world.sent == ["/format json", "/echo on", "/help", "/ack on"]
        world.machine.received(b"* welcome", 0.0)
        world.settle()
        assert world.sent[4:] == [
            "/nick ann",
            "/join lobby",
            "/join den",
            "/ack on",
            # The first room is the one where lines go.
            "/join lobby",
        ]
        assert world.view.texts[:2] == ["connected", "* welcome"]
        assert world.state.current == "lobby"
        assert {"join", "msg", "login"} < {command.name for command in world.state.commands}
        assert world.state.accounts

    def test_olderServer(self) -> None:
        world = online(older=True)
        names = [command.name for command in world.state.commands]
        assert names == ["join", "resend", "quit"]
        assert not world.state.accounts

    def test_nameTaken(self) -> None:
        """A likely name gives way to another one; a chosen one that is taken is the end."""
        world = online(options=LoginOptions("bob", chosen=False))
        assert world.state.nick == "guest549"
        world = ClientWorld(options=LoginOptions("bob"))
        world.join()
        assert world.over == [(1, "bob is taken by somebody else; choose another name")]

    def test_nameAsked(self) -> None:
        world = ClientWorld(options=LoginOptions("bob", attended=True))
        world.join()
        assert world.phase() is Phase.NAMELESS
        world.say("", " ann ")
        assert (world.phase(), world.state.nick) == (Phase.READY, "ann")

    def test_password(self) -> None:
        world = owner()
        assert world.state.account == "ann"
        assert world.sent[4:6] == ["/login ann", PASSWORD]

    def test_wrongPassword(self) -> None:
        """A wrong password is the end; what was typed is not silently gone."""
        world = ClientWorld(options=LoginOptions("x", account="ann", password="guess"))
        world.server.register("ann")
        world.type("hello")
        world.join()
        assert world.over == [(1, "that is not the password of ann")]
        assert world.view.texts[-1] == "not sent hello"

    def test_otherVersion(self) -> None:
        world = ClientWorld()
        world.connect()
        world.tell("format", version=2)
        assert world.over == [(1, "this server speaks another version of the JSON form")]

    def test_noServer(self) -> None:
        """The first connection that fails ends it."""
        world = ClientWorld()
        world.machine.connectionLost("cannot connect", 0.0)
        assert world.over == [(1, "cannot connect")]
        assert world.delays == []


class TestLines:
    def test_said(self) -> None:
        world = online()
        world.say("hello", "//slash", "/me waves")
        assert world.said("lobby") == ["hello", "/slash", "waves"]
        assert [text for _, _, text in world.view.lines] == ["hello", "/slash", "waves"]
        assert world.machine.sender.outbox.idle

    def test_harmless(self) -> None:
        """What a terminal would obey is sent as what one can see."""
        world = online()
        world.say("a\x1b[31mb\x08")
        assert world.said("lobby") == ["a\\x1b[31mb\\x08"]
        assert world.machine.sender.outbox.idle

    def test_rooms(self) -> None:
        """Each line goes to the room that is current when it is sent, also behind a command."""
        world = online()
        world.bob.type("/join attic")
        world.say("one", "/join den", "two", "/join attic", "three", "/join lobby", "  four")
        assert world.said("lobby") == ["one", "  four"]
        assert world.said("den") == ["two"]
        assert world.said("attic") == ["three"]

    def test_refused(self) -> None:
        """A line that is refused is shown, kept, and sent again when that is asked for."""
        world = online(options=LoginOptions("ann", rooms=["den"]))
        world.bob.type("/mute ann 1h")
        world.say("one", "two")
        assert world.view.texts[-4:] == [
            "ErrorReply muted",
            "not sent one",
            "ErrorReply muted",
            "not sent two",
        ]
        world.bob.type("/unmute ann")
        world.say("three", "/resend")
        assert world.said("den") == ["three", "one", "two"]
        world.type("/resend")
        assert world.view.texts[-1] == "! nothing was left unsent"

    def test_inNoRoom(self) -> None:
        world = online(options=LoginOptions("ann", rooms=["lobby"]))
        world.say("/part lobby", "hello", "/me waves")
        assert "not sent hello" in world.view.texts
        assert "not sent /me waves" in world.view.texts
        assert world.said("lobby") == []

    @pytest.mark.parametrize("command", ["/echo off", "/ack off", "/format text", "/resume x"])
    def test_reserved(self, command: str) -> None:
        """What this client relies on can't be switched off."""
        world = online()
        before = list(world.sent)
        world.type(command)
        assert world.sent == before
        assert world.view.texts[-1].startswith(f"! {command.split()[0]} is not for you")

    def test_window(self) -> None:
        world = online()
        typed = [f"line {number}" for number in range(500)]
        world.type(*typed)
        assert len(world.machine.sender.outbox.sent) < 100
        world.settle()
        assert world.said("lobby") == typed


class TestSecrets:
    def test_asked(self) -> None:
        """
        Nothing stands between the question for a password and the answer, and a password
        is no line.
        """
        world = guest()
        world.say("/login ann")
        assert world.view.texts[-1] == "asked password"
        world.tick(1000.0)
        world.tell("notice", lines=["the server will stop"])
        world.settle()
        assert world.sent[-1] == "/login ann"
        world.say(PASSWORD, "hello")
        assert world.state.account == "ann"
        assert world.said("lobby") == ["hello"]

    def test_typedAhead(self) -> None:
        """
        A password that is typed before it is asked for is none of the lines either; and
        one that never comes is not waited for.
        """
        world = guest()
        world.say("/login ann", PASSWORD, "hello", "/passwd")
        assert world.state.account == "ann"
        assert world.said("lobby") == ["hello"]
        world.machine.finish()
        assert world.over == [(1, "a password is asked for, and there is no more input")]

    def test_connectionLost(self) -> None:
        """Who types a password while the connection is lost does not say it to everybody."""
        world = guest()
        world.say("/login ann")
        world.cut(0)
        world.type(PASSWORD)
        world.restore()
        assert world.bob.lines("lobby") == []
        assert PASSWORD not in world.sent
        assert "! it is not known whether this was done: /login ..." in world.view.texts


class TestResume:
    def test_missed(self) -> None:
        """What was said meanwhile is shown, set off and counted; what was typed is sent."""
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

    def test_onTheWay(self) -> None:
        """Of lines that were on the way only those are sent again that did not arrive."""
        world = online()
        world.type("one", "two")
        world.cut(1)
        world.restore()
        assert world.said("lobby") == ["one", "two"]
        assert world.view.shown["lobby"] == [1, 2]

    def test_deletedMeanwhile(self) -> None:
        """An own line that was deleted before one could see it is not said again."""
        world = online(options=LoginOptions("ann", rooms=["den"]))
        world.type("one")
        world.cut(9)
        world.serveGhosts()
        world.bob.type("/delete 1")
        world.restore()
        assert [line["kind"] for line in world.bob.lines("den")] == ["message", "delete"]

    def test_ownNameTaken(self) -> None:
        """
        Without a token one's own name is waited for: it is free when nothing of the
        connection before can come any more.
        """
        world = online(older=True)
        world.type("one")
        world.cut(9)
        world.join()
        assert world.phase() is Phase.ENTERING
        world.serveGhosts()
        world.tick(3.0)
        world.settle()
        assert world.phase() is Phase.READY
        assert world.said("lobby") == ["one"]
        assert world.view.shown["lobby"] == [1]

    def test_otherName(self) -> None:
        """
        Who has to come back under another name can't know what still arrives of the
        connection before: nothing is sent again unasked.
        """
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
        assert world.said("lobby") == ["one"]

    def test_otherNameLost(self) -> None:
        """
        A connection under another name that is lost before all was known proves nothing
        about the one before either.
        """
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
        """Connections that are logged in share a name: having it again proves nothing."""
        world = owner(older=True)
        world.type("one")
        world.cut(9)
        world.join()
        assert "perhaps not sent one" in world.view.texts

    def test_loggedInSince(self) -> None:
        """
        Who has logged in since the start is asked for the password again when the server
        knows nothing of them any more; what waits to be said is not taken for it.  After a
        wrong one they may say who they are.
        """
        world = guest(older=True, attended=True)
        world.say("/login ann")
        world.say(PASSWORD)
        assert world.state.account == "ann"
        world.cut(0)
        world.type("waits")
        world.join()
        assert world.sent[-1] == "/login ann"
        world.say("wrong word")
        assert world.phase() is Phase.NAMELESS
        world.say("/login ann")
        world.say(PASSWORD)
        assert world.phase() is Phase.READY
        assert world.said("lobby") == ["waits"]

    def test_tokenBefore(self) -> None:
        """
        A connection that is lost before it is known that the one before has ended does not
        take the place of that: its token is the one to go on with.
        """
        world = online()
        world.type("one")
        world.cut(9)
        world.connect()
        world.settle(lambda: bool(commands(world, "resume")))
        assert world.connection is not None
        # The token is refused for some other reason, the name too, up to the end.
        world.connection.toServer.clear()
        world.tell("refused", code="guessed-often", text="later")
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
        assert world.said("lobby") == ["one"]

    def test_serverRestarted(self) -> None:
        """A server that has forgotten everything is told from one that has nothing new."""
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

    def test_otherRoomResumed(self) -> None:
        """A room that has fewer lines than were shown is read from its first one."""
        world = online()
        for _ in range(3):
            world.bob.say("lobby", "old")
        world.settle()
        world.cut(0)
        world.connect()
        world.settle(lambda: bool(commands(world, "resume")))
        world.tell("resumed", nick="ann", rooms=[{"room": "lobby", "last": 1}])
        assert "/since lobby 0" in world.sent

    def test_roomRefused(self) -> None:
        """A room that one may not enter any more is forgotten, and lines for it are kept."""
        world = online(older=True)
        world.cut(0)
        world.serveGhosts()
        world.connect()
        world.settle(lambda: world.phase() is Phase.CATCHING_UP)
        assert world.connection is not None
        world.connection.toServer.remove("/join den")
        world.connection.toServer.remove("/who den")
        world.tell("refused", code="banned", text="you are banned from #den for ever")
        world.settle()
        assert "ErrorReply banned" in world.view.texts
        assert list(world.state.rooms) == ["lobby"]
        world.say("/msg #den hello")
        assert world.view.texts[-1] == "not sent /msg #den hello"

    def test_kicked(self) -> None:
        """Who was put out of a room meanwhile does not go in again unasked."""
        world = online()
        world.cut(0)
        world.bob.type("/kick ann")
        world.restore()
        assert list(world.state.rooms) == ["lobby"]
        assert "* you are no longer in #den" in world.view.texts
        assert world.state.current == "lobby"

    def test_roomsNotJoined(self) -> None:
        """Rooms that the connection before had no time to enter are entered by the next one."""
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

    def test_backoff(self) -> None:
        """The waits between attempts grow, up to a bound, and begin anew after a success."""
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
        """
        That there is nothing to go on with proves that the connection before has ended:
        what did not arrive is sent again, whatever way one comes in.
        """
        world = owner()
        world.type("one")
        world.cut(0)
        world.serveGhosts()
        world.restore()
        assert world.said("lobby") == ["one"]
        assert world.sent.count("/login ann") == 2

    def test_takenOver(self) -> None:
        """Who is told that another connection goes on does not fight with it."""
        world = online()
        world.tell("refused", code="taken-over", text="somebody else")
        assert world.over == [(1, "somebody else")]
        world.cut(0)
        assert world.delays == []


class TestSilence:
    def test_asked(self) -> None:
        """A silent server is asked for a word, and taken for lost if it has none."""
        world = online()
        count = len(world.sent)
        world.tick(SILENCE_SECONDS)
        assert len(world.sent) == count
        world.tick(SILENCE_SECONDS + 1)
        world.tick(SILENCE_SECONDS + 2)
        assert world.sent[count:] == ["/ack on"]
        world.settle()
        assert world.connection is not None
        world.tick(2 * SILENCE_SECONDS + 4)
        world.tick(2 * SILENCE_SECONDS + PATIENCE_SECONDS + 1)
        assert world.connection is not None
        world.tick(2 * SILENCE_SECONDS + PATIENCE_SECONDS + 4)
        assert world.connection is None

    @pytest.mark.parametrize("typed", [[], ["hello"]])
    def test_owed(self, typed: list[str]) -> None:
        """A server that owes an answer gets less time."""
        world = ClientWorld()
        if typed:
            world.join()
            world.type(*typed)
        else:
            world.connect()
        world.tick(PATIENCE_SECONDS)
        assert world.connection is not None
        world.tick(PATIENCE_SECONDS + 1)
        assert world.connection is None


class TestLeaving:
    def test_quit(self) -> None:
        world = online()
        world.say("bye", "/quit tired")
        assert world.sent[-1] == "/quit tired"
        assert world.said("lobby") == ["bye"]
        assert world.over == [(0, "")]

    def test_quitTwice(self) -> None:
        """Who says so twice is gone at once, and is shown what was left."""
        world = online()
        world.type("bye", "/quit", "/quit")
        assert world.over == [(1, "")]
        assert world.view.texts[-1] == "perhaps not sent bye"

    def test_quitAway(self) -> None:
        """Who leaves while there is no connection is shown what is left unsaid."""
        world = online()
        world.cut(0)
        world.type("hello", "/quit")
        assert world.over == [(1, "")]
        assert world.view.texts[-1] == "not sent hello"

    def test_endOfInput(self) -> None:
        """At the end of the input one leaves when all is stored."""
        world = ClientWorld()
        world.type("one", "two")
        world.machine.finish()
        world.connect()
        world.settle(lambda: bool(world.over))
        assert world.said("lobby") == ["one", "two"]
        assert world.over == [(0, "")]

    def test_giveUp(self) -> None:
        """When there will be no connection any more, what is left is shown."""
        world = online()
        world.type("one")
        world.cut(0)
        world.machine.fail("no connection")
        assert world.over == [(1, "no connection")]
        assert world.view.texts[-1] == "perhaps not sent one"


class TestQuestions:
    """What the client asks by itself, and what a person asks."""

    def test_members(self) -> None:
        """
        When a room has named some people only, the client asks for all, without a word;
        what else happens meanwhile is shown.
        """
        world = online()
        nicks = ["ann", "bob"]
        world.tell("roomEntered", room="big", nick="ann", nicks=nicks, present=900, joinedSeq=0)
        assert "/who big" in world.sent
        shown = len(world.view.texts)
        world.tell("people", room="big", people=[{"nick": "cid"}])
        for kind in ("joined", "whispered", "notice", "gone"):
            world.tell(kind, room="big", nick="eve", lines=["x"])
        assert world.view.texts[shown:] == ["UserJoined", "PrivateMessage", "Notice", "UserQuit"]
        assert "cid" in world.state.rooms["big"].members

    def test_refused(self) -> None:
        """That an own question is refused is nobody else's business."""
        world = online()
        world.machine.sender.sendQuiet("/nonsense")
        world.settle()
        assert "ErrorReply no-command" not in world.view.texts
        assert not world.machine.hadErrors

    def test_search(self) -> None:
        world = online()
        world.bob.say("lobby", "tea")
        world.settle()
        world.say("/search tea", "/search coffee")
        assert world.view.lines == [("now", "bob", "tea"), ("found", "bob", "tea")]
        assert world.view.texts[-3:] == ["SearchHead", "end of found", "SearchHead"]
        assert world.view.shown["lobby"] == [1]

    def test_history(self) -> None:
        world = online()
        world.bob.say("lobby", "one")
        world.settle()
        world.say("/history 5")
        assert world.view.lines == [("now", "bob", "one"), ("before", "bob", "one")]
        assert world.view.texts[-2:] == ["ReplayHead", "end of before"]
        assert world.view.shown["lobby"] == [1]


class TestUnread:
    def test_joined(self) -> None:
        """Of the lines that entering shows, those that were not read are set off."""
        world = owner()
        world.bob.type("/join attic")
        world.bob.say("attic", "one")
        world.say("/join attic", "/read attic 1", "/part attic")
        for text in ("two", "three"):
            world.bob.say("attic", text)
        world.say("/join attic", "/read attic 3")
        shown = [text or origin for origin, _, text in world.view.lines]
        assert shown == ["one", "one", "new", "two", "three"]
        assert world.state.rooms["attic"].read == 3

    def test_unattended(self) -> None:
        """What is said while nobody types anything for a minute begins with a mark."""
        world = online()
        world.say("hello")
        world.time = 59.0
        world.bob.say("lobby", "soon")
        world.settle()
        world.time = 61.0
        world.bob.say("lobby", "late")
        world.bob.say("lobby", "later")
        world.settle()
        shown = [text or origin for origin, _, text in world.view.lines]
        assert shown == ["hello", "soon", "new", "late", "later"]

    def test_otherRooms(self) -> None:
        """Lines of rooms where one is not are counted until one turns to them."""
        world = online()
        world.bob.say("den", "here")
        world.bob.say("lobby", "there")
        world.settle()
        rooms = world.state.rooms
        assert (rooms["den"].unread, rooms["lobby"].unread) == (1, 0)
        world.type("/join den")
        assert rooms["den"].unread == 0

    def test_marked(self) -> None:
        """
        The server is told what was read by who has an account: not too often, and before
        one leaves.
        """
        world = owner(marks=True)
        world.bob.say("lobby", "one")
        world.settle()
        world.say("hm")
        world.tick(1.0)
        world.say("hm")
        assert commands(world, "read") == ["/read lobby 1"]
        world.say("/quit")
        assert commands(world, "read")[-1] == "/read lobby 3"
