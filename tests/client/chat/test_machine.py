"""Tests for L{tsservices.client.chat.machine} and what it is made of, beside a server in memory."""

from __future__ import annotations

import time

import pytest

from tests.support.client_world import (
    PASSWORD,
    ClientWorld,
    commands,
    guest,
    online,
    owner,
)
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import (
    PATIENCE_SECONDS,
    SILENCE_SECONDS,
    Phase,
)


class TestLogin:
    def test_formThenNameThenRooms(self) -> None:
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

    def test_guessedNameIsReplaced(self) -> None:
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

    def test_wrongPasswordEndsWithUnsentLines(self) -> None:
        world = ClientWorld(options=LoginOptions("x", account="ann", password="guess"))
        world.server.register("ann")
        world.type("hello")
        world.join()
        assert world.over == [(1, "that is not the password of ann")]
        assert world.view.texts[-1] == "not sent hello"

    def test_otherVersion(self) -> None:
        world = ClientWorld()
        world.connect()
        world.serverSends("format", version=2)
        assert world.over == [(1, "this server speaks another version of the JSON form")]

    def test_firstConnectionFails(self) -> None:
        world = ClientWorld()
        world.machine.connectionLost("cannot connect", 0.0)
        assert world.over == [(1, "cannot connect")]
        assert world.delays == []


class TestLines:
    def test_linesAreSentAndShown(self) -> None:
        world = online()
        world.say("hello", "//slash", "/me waves")
        assert world.textsIn("lobby") == ["hello", "/slash", "waves"]
        assert [text for _, _, text in world.view.lines] == ["hello", "/slash", "waves"]
        assert world.machine.sender.outbox.idle

    def test_controlCharactersAreMadeVisible(self) -> None:
        world = online()
        world.say("a\x1b[31mb\x08")
        assert world.textsIn("lobby") == ["a\\x1b[31mb\\x08"]
        assert world.machine.sender.outbox.idle

    def test_linesGoToTheCurrentRoom(self) -> None:
        world = online()
        world.bob.type("/join attic")
        world.say("one", "/join den", "two", "/join attic", "three", "/join lobby", "  four")
        assert world.textsIn("lobby") == ["one", "  four"]
        assert world.textsIn("den") == ["two"]
        assert world.textsIn("attic") == ["three"]

    def test_rejectedLineIsSentAgainOnRequest(self) -> None:
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
        assert world.textsIn("den") == ["three", "one", "two"]
        world.type("/resend")
        assert world.view.texts[-1] == "! nothing was left unsent"

    def test_inNoRoom(self) -> None:
        world = online(options=LoginOptions("ann", rooms=["lobby"]))
        world.say("/part lobby", "hello", "/me waves")
        assert "not sent hello" in world.view.texts
        assert "not sent /me waves" in world.view.texts
        assert world.textsIn("lobby") == []

    @pytest.mark.parametrize("command", ["/echo off", "/ack off", "/format text", "/resume x"])
    def test_reservedOptionsStayOn(self, command: str) -> None:
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
        assert world.textsIn("lobby") == typed


class TestSecrets:
    def test_passwordPrompt(self) -> None:
        world = guest()
        world.say("/login ann")
        assert world.view.texts[-1] == "asked password"
        world.tick(1000.0)
        world.serverSends("notice", lines=["the server will stop"])
        world.settle()
        assert world.sent[-1] == "/login ann"
        world.say(PASSWORD, "hello")
        assert world.state.account == "ann"
        assert world.textsIn("lobby") == ["hello"]

    def test_typedAhead(self) -> None:
        """A password typed before its prompt is no line; one that never comes is not waited for."""
        world = guest()
        world.say("/login ann", PASSWORD, "hello", "/passwd")
        assert world.state.account == "ann"
        assert world.textsIn("lobby") == ["hello"]
        world.machine.finish()
        assert world.over == [(1, "a password is asked for, and there is no more input")]

    @pytest.mark.parametrize("line", [" /login ann x", "\uff0fLOGIN ann x", "\u200b/passwd a x"])
    def test_passwordCommandBehindSomething(self, line: str) -> None:
        world = guest()
        before = len(world.sent)
        world.say(line)
        assert world.sent[before:] == []
        assert world.view.texts[-1].startswith("! this looks like /")
        assert world.machine.hadErrors
        world.say("//login ann x")
        assert world.bob.lines("lobby")[-1]["text"] == "/login ann x"

    def test_passwordIsSentAsTyped(self) -> None:
        world = guest()
        world.say("/login\u3000ann a\u200b ")
        assert "/login\u3000ann a\u200b " in world.sent

    def test_passwordIsNoLineAfterLoss(self) -> None:
        world = guest()
        world.say("/login ann")
        world.cut(0)
        world.type(PASSWORD)
        world.restore()
        assert world.bob.lines("lobby") == []
        assert PASSWORD not in world.sent
        assert "! it is not known whether this was done: /login ..." in world.view.texts


class TestSilence:
    def test_silentServerIsPinged(self) -> None:
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
    def test_pendingAnswerHasShorterTimeout(self, typed: list[str]) -> None:
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
        assert world.textsIn("lobby") == ["bye"]
        assert world.over == [(0, "")]

    def test_secondQuitShowsUnsentLines(self) -> None:
        world = online()
        world.type("bye", "/quit", "/quit")
        assert world.over == [(1, "")]
        assert world.view.texts[-1] == "perhaps not sent bye"

    def test_quitWithoutConnectionShowsUnsentLines(self) -> None:
        world = online()
        world.cut(0)
        world.type("hello", "/quit")
        assert world.over == [(1, "")]
        assert world.view.texts[-1] == "not sent hello"

    def test_endOfInputWaitsForStorage(self) -> None:
        world = ClientWorld()
        world.type("one", "two")
        world.machine.finish()
        world.connect()
        world.settle(lambda: bool(world.over))
        assert world.textsIn("lobby") == ["one", "two"]
        assert world.over == [(0, "")]

    def test_givingUpShowsUnsentLines(self) -> None:
        world = online()
        world.type("one")
        world.cut(0)
        world.machine.fail("no connection")
        assert world.over == [(1, "no connection")]
        assert world.view.texts[-1] == "perhaps not sent one"


class TestQuestions:
    def test_members(self) -> None:
        """After a partial list the client asks for all members, and does not show that answer."""
        world = online()
        nicks = ["ann", "bob"]
        world.serverSends(
            "roomEntered", room="big", nick="ann", nicks=nicks, present=900, joinedSeq=0
        )
        assert "/who big" in world.sent
        shown = len(world.view.texts)
        world.serverSends("people", room="big", people=[{"nick": "cid"}])
        for kind in ("joined", "whispered", "notice", "gone"):
            world.serverSends(kind, room="big", nick="eve", lines=["x"])
        assert world.view.texts[shown:] == ["UserJoined", "PrivateMessage", "Notice", "UserQuit"]
        assert "cid" in world.state.rooms["big"].members

    def test_rejectedOwnQuestionIsHidden(self) -> None:
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

    def test_searchOfServerInAnotherZone(self) -> None:
        """The server gets times that mean the same everywhere."""
        world = online()
        local = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(1_795_176_600))
        world.say(f"/search since:{local} before:2h tea")
        assert "/search since:2026-11-20T12:10:00Z before:2h tea" in world.sent

    def test_history(self) -> None:
        world = online()
        world.bob.say("lobby", "one")
        world.settle()
        world.say("/history 5")
        assert world.view.lines == [("now", "bob", "one"), ("asked", "bob", "one")]
        assert world.view.texts[-2:] == ["ReplayHead", "end of asked"]
        assert world.view.shown["lobby"] == [1]


class TestDelete:
    def test_lastOfSomebodyIsTheLastThatWasShown(self) -> None:
        world = owner()
        world.bob.say("lobby", "one")
        world.settle()
        world.bob.say("lobby", "two")
        world.say("/delete bob last", "/delete last", "/delete cat last")
        (line,) = [item for item in world.bob.lines("lobby") if item["text"] == "one"]
        assert commands(world, "delete") == [
            f"/delete {line['seq']}",
            "/delete last",
            "/delete cat last",
        ]


class TestMissingRoom:
    def test_kicked(self) -> None:
        world = ClientWorld(options=LoginOptions("ann", rooms=["den", "lobby"]))
        world.join()
        world.bob.type("/join den", "/kick ann")
        world.settle()
        world.say("for the den")
        assert world.textsIn("lobby") == world.textsIn("den") == []
        # A user who leaves a room has chosen to do so.
        world.say("/join den", "/part", "for the lobby")
        assert world.textsIn("lobby") == ["for the lobby"]

    def test_kickedWhileNotConnected(self) -> None:
        world = ClientWorld(options=LoginOptions("ann", rooms=["den", "lobby"]))
        world.join()
        world.cut(0)
        world.bob.type("/join den", "/kick ann")
        world.type("for the den")
        world.restore()
        assert world.textsIn("lobby") == world.textsIn("den") == []

    def test_refused(self) -> None:
        for attended, heard in ((False, []), (True, ["hello"])):
            options = LoginOptions("ann", rooms=["den", "lobby"], attended=attended)
            world = ClientWorld(options=options)
            world.bob.type("/join den", "/mode +k sesame")
            world.join()
            world.say("hello")
            assert (world.textsIn("lobby"), world.textsIn("den")) == (heard, [])


class TestUnread:
    def test_unreadLinesOfJoinAreSetOff(self) -> None:
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

    def test_ownLinesAreNoNews(self) -> None:
        world = owner()
        world.say("/join attic", "one", "/read attic 1", "two", "/part attic", "/join attic")
        assert "new" not in [origin for origin, _, _ in world.view.lines]

    def test_markAfterAMinuteWithoutInput(self) -> None:
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

    def test_linesOfOtherRoomsAreCounted(self) -> None:
        world = online()
        world.bob.say("den", "here")
        world.bob.say("lobby", "there")
        world.settle()
        den, lobby = world.state.rooms["den"], world.state.rooms["lobby"]
        assert (len(den.unread), len(lobby.unread)) == (1, 0)
        world.type("/join den")
        assert not den.unread

    def test_countedLinesCanStillBeRead(self) -> None:
        world = online()
        world.bob.say("den", "one")
        world.bob.say("den", "two")
        world.settle()
        den = world.state.rooms["den"]
        last = den.last
        assert den.unread == {last - 1, last}
        line = {"room": "den", "seq": last + 1, "time": 1, "id": "x-9-0", "nick": "bob"}
        world.serverSends("said", kind="delete", text=str(last), account=None, **line)
        assert den.unread == {last - 1}
        # By another connection of this account.
        world.serverSends("read", room="den", seq=last - 1)
        assert not den.unread

    def test_awayWhenTheTerminalCloses(self) -> None:
        world = owner(marks=True)
        world.say("hm")
        world.tick(100.0)
        world.bob.say("lobby", "nobody sees this")
        world.settle()
        world.machine.quit()
        world.settle()
        assert not commands(world, "read")

    def test_readMarksAreSentSparingly(self) -> None:
        world = owner(marks=True)
        world.bob.say("lobby", "one")
        world.settle()
        world.say("hm")
        world.tick(1.0)
        world.say("hm")
        assert commands(world, "read") == ["/read lobby 1"]
        world.say("/quit")
        assert commands(world, "read")[-1] == "/read lobby 3"
