"""
Tests for L{tsservices.client.chat.machine} and what it is made of, beside a server in memory.
"""

from __future__ import annotations

import pytest

from tests.support.client_world import World
from tests.support.fakechat import Room
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import (
    FIRST_DELAY,
    LONGEST_DELAY,
    PATIENCE_SECONDS,
    SILENCE_SECONDS,
    Phase,
)


def online(modern: bool = True, wish: LoginOptions | None = None) -> World:
    world = World(modern, wish)
    world.connect()
    world.settle()
    assert world.phase() is Phase.READY
    return world


class TestArrival:
    """Coming in for the first time."""

    def test_order(self) -> None:
        """
        The form is chosen first, then a name, then the rooms, each behind the answer to
        what was before.
        """
        world = World()
        world.connect()
        assert world.sent == ["/format json", "/echo on", "/help", "/ack on"]
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
        assert world.link.town.current == "lobby"
        assert [row.name for row in world.link.town.commands][:2] == ["join", "msg"]

    def test_olderServer(self) -> None:
        """The help of an older server is words, of which the commands are read."""
        world = online(modern=False)
        assert [row.name for row in world.link.town.commands] == ["join", "resend", "quit"]
        assert not world.link.town.accounts

    def test_guest(self) -> None:
        """Who has not chosen a name gets another one when it is taken."""
        world = World(wish=LoginOptions("bob", chosen=False))
        world.chat.sessions["bob"] = object()  # type: ignore[assignment]
        world.connect()
        world.settle()
        assert world.link.town.nick == "guest549"
        assert world.over == []

    def test_taken(self) -> None:
        """A chosen name that is taken ends it, or another one is asked for."""
        world = World(wish=LoginOptions("bob"))
        world.chat.sessions["bob"] = object()  # type: ignore[assignment]
        world.connect()
        world.settle()
        assert world.over == [(1, "no: nick-taken")]
        world = World(wish=LoginOptions("bob", attended=True))
        world.chat.sessions["bob"] = object()  # type: ignore[assignment]
        world.connect()
        world.settle()
        assert world.phase() is Phase.NAMELESS
        world.link.input("", 0.0)
        world.link.input(" ann ", 0.0)
        world.settle()
        assert world.phase() is Phase.READY
        assert world.link.town.nick == "ann"

    def test_login(self) -> None:
        """The password is said when it is asked for, and nowhere else."""
        world = World(wish=LoginOptions("x", account="ann", password="secret word"))
        world.chat.passwords["ann"] = "secret word"
        world.connect()
        world.settle()
        assert world.link.town.account == "ann"
        assert world.sent[4:6] == ["/login ann", "secret word"]

    def test_wrongPassword(self) -> None:
        """A wrong password is the end; what was typed is not silently gone."""
        world = World(wish=LoginOptions("x", account="ann", password="guess"))
        world.link.input("hello", 0.0)
        world.connect()
        world.settle()
        assert world.over == [(1, "no: wrong-password")]
        assert world.view.texts[-1] == "not sent hello"

    def test_version(self) -> None:
        """A server that means something else by its words is left alone."""
        world = World()
        world.connect()
        world.link.received(b'{"type":"format","version":2}', 0.0)
        assert world.over == [(1, "this server speaks another version of the JSON form")]

    def test_never(self) -> None:
        """The first connection that fails ends it."""
        world = World()
        world.link.lost("cannot connect", 0.0)
        assert world.over == [(1, "cannot connect")]
        assert world.delays == []


class TestLines:
    """What is typed."""

    def test_said(self) -> None:
        """Lines are said where one is, and shown when they come back."""
        world = online()
        world.link.input("hello", 0.0)
        world.link.input("//slash", 0.0)
        world.link.input("/me waves", 0.0)
        world.settle()
        assert world.said("lobby") == ["hello", "/slash", "waves"]
        assert [text for _, _, text in world.view.lines] == ["hello", "/slash", "waves"]
        assert world.link.exchange.outbox.idle

    def test_unclean(self) -> None:
        """What a terminal would obey is sent as what one can see."""
        world = online()
        world.link.input("a\x1b[31mb\x08", 0.0)
        world.settle()
        assert world.said("lobby") == ["a\\x1b[31mb\\x08"]
        assert world.link.exchange.outbox.idle

    def test_rooms(self) -> None:
        """Each line goes to the room that is current when it is sent, also behind a command."""
        world = online()
        for text in ("one", "/join den", "two", "/join attic", "three", "/join lobby", "  four"):
            world.link.input(text, 0.0)
        world.settle()
        assert world.said("lobby") == ["one", "  four"]
        assert world.said("den") == ["two"]
        assert world.said("attic") == ["three"]

    def test_refused(self) -> None:
        """A line that is refused is told, kept, and sent again when that is asked for."""
        world = online()
        world.chat.muted.add("ann")
        world.link.input("one", 0.0)
        world.link.input("two", 0.0)
        world.settle()
        assert world.view.texts[-4:] == [
            "refused muted",
            "not sent one",
            "refused muted",
            "not sent two",
        ]
        world.chat.muted.clear()
        world.link.input("three", 0.0)
        world.link.input("/resend", 0.0)
        world.settle()
        assert world.said("lobby") == ["three", "one", "two"]
        world.link.input("/resend", 0.0)
        assert world.view.texts[-1] == "! nothing was left unsent"

    def test_nowhere(self) -> None:
        """Who is in no room can't say anything."""
        world = online(wish=LoginOptions("ann", rooms=["lobby"]))
        world.link.input("/part lobby", 0.0)
        world.link.input("hello", 0.0)
        world.link.input("/me waves", 0.0)
        world.settle()
        assert "not sent hello" in world.view.texts
        assert "not sent /me waves" in world.view.texts
        assert world.said("lobby") == []

    def test_dependedOn(self) -> None:
        """What this client relies on can't be switched off."""
        world = online()
        before = list(world.sent)
        for text in ("/echo off", "/ack off", "/format text"):
            world.link.input(text, 0.0)
        assert world.sent == before
        assert world.view.texts[-1].startswith("! /format is not for you")

    def test_window(self) -> None:
        """Of many lines only some are on the way at the same time, and all arrive in order."""
        world = online()
        typed = [f"line {number}" for number in range(500)]
        for text in typed:
            world.link.input(text, 0.0)
        assert len(world.link.exchange.outbox.sent) < 100
        world.settle()
        assert world.said("lobby") == typed

    def test_secretPrompt(self) -> None:
        """
        Nothing stands between the question for a password and the answer, and a password
        is no line.
        """
        world = online()
        world.chat.passwords["ann"] = "word"
        world.link.input("/login ann", 0.0)
        world.settle()
        assert world.view.texts[-1] == "asked password of ann"
        world.link.tick(1000.0)
        assert world.sent[-1] == "/login ann"
        world.link.input("word", 0.0)
        world.link.input("hello", 0.0)
        world.settle()
        assert world.link.town.account == "ann"
        assert world.said("lobby") == ["hello"]

    def test_secretUndisturbed(self) -> None:
        """Whatever comes while a password is typed, nothing is sent that would be taken for it."""
        world = online()
        world.link.input("/login ann", 0.0)
        world.settle()
        assert world.session is not None
        world.session.tell({"type": "notice", "lines": ["the server will stop"]})
        world.settle()
        assert world.sent[-1] == "/login ann"

    def test_secretAhead(self) -> None:
        """
        A password that is typed before it is asked for is none of the lines either; and
        one that never comes is not waited for.
        """
        world = online()
        world.chat.passwords["ann"] = "word"
        for text in ("/login ann", "word", "hello", "/login ann"):
            world.link.input(text, 0.0)
        world.settle()
        assert world.link.town.account == "ann"
        assert world.said("lobby") == ["hello"]
        world.link.finish()
        assert world.over == [(1, "a password is asked for, and there is no more input")]

    def test_secretLost(self) -> None:
        """Who types a password while the connection is lost does not say it to everybody."""
        world = online()
        world.link.input("/login ann", 0.0)
        world.settle()
        world.cut(0)
        world.link.input("word", 0.0)
        world.restore()
        assert world.said("lobby") == []
        assert not any("word" in line for line in world.sent if "password" not in line)
        assert "! it is not known whether this was done: /login ..." in world.view.texts


class TestReturn:
    """Coming in again."""

    def test_missed(self) -> None:
        """What was said meanwhile is shown, set off and counted; what was typed is sent."""
        world = online()
        world.chat.say("lobby", "bob", "before")
        world.settle()
        world.cut(0)
        world.chat.say("lobby", "bob", "missed")
        world.chat.say("den", "bob", "as well")
        world.link.input("mine", 0.0)
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
        assert "/resume t1" in world.sent

    def test_onTheWay(self) -> None:
        """Of lines that were on the way only those are sent again that did not arrive."""
        world = online()
        world.link.input("one", 0.0)
        world.link.input("two", 0.0)
        world.cut(1)
        world.restore()
        assert world.said("lobby") == ["one", "two"]
        assert world.view.shown["lobby"] == [1, 2]

    def test_deletedMeanwhile(self) -> None:
        """An own line that was deleted before one could see it is not said again."""
        world = online()
        world.link.input("one", 0.0)
        world.cut(9)
        world.ghosts[0].serve()
        world.chat.rooms["lobby"].lines[0] = ("ann", "deleted", "")
        world.restore()
        assert len(world.chat.rooms["lobby"].lines) == 1

    def test_ghost(self) -> None:
        """
        Without a token one's own name is waited for: it is free when nothing of the
        connection before can come any more.
        """
        world = online(modern=False)
        world.link.input("one", 0.0)
        world.cut(9)
        world.connect()
        world.settle()
        assert world.phase() is Phase.ENTERING
        world.ghosts[0].serve()
        world.now = 3.0
        world.link.tick(world.now)
        world.settle()
        assert world.phase() is Phase.READY
        assert world.said("lobby") == ["one"]
        assert world.view.shown["lobby"] == [1]

    def test_anotherName(self) -> None:
        """
        Who has to come back under another name can't know what still arrives of the
        connection before: nothing is sent again unasked.
        """
        world = online(modern=False)
        world.link.input("one", 0.0)
        world.cut(9)
        world.connect()
        for _ in range(20):
            world.settle()
            world.now += 2.0
            world.link.tick(world.now)
        assert world.phase() is Phase.READY
        assert world.link.town.nick == "ann-549"
        assert "perhaps not sent one" in world.view.texts
        world.ghosts[0].serve()
        world.settle()
        assert world.said("lobby") == ["one"]

    def test_anotherNameLost(self) -> None:
        """
        A connection under another name that is lost before all was known proves nothing
        about the one before either.
        """
        world = online(modern=False)
        world.link.input("one", 0.0)
        world.cut(9)
        world.connect()
        for _ in range(20):
            world.settle(lambda: world.phase() is Phase.CATCHING)
            world.now += 2.0
            world.link.tick(world.now)
        assert world.link.town.nick == "ann-549"
        world.cut(0)
        world.connect()
        world.settle()
        assert world.sent[-1] == "/nick ann"

    def test_loginIsNoProof(self) -> None:
        """Connections that are logged in share a name: having it again proves nothing."""
        world = World(modern=False, wish=LoginOptions("x", account="ann", password="word"))
        world.chat.passwords["ann"] = "word"
        world.connect()
        world.settle()
        world.link.input("one", 0.0)
        world.cut(9)
        world.connect()
        world.settle()
        assert "perhaps not sent one" in world.view.texts

    def test_loggedInSince(self) -> None:
        """
        Who has logged in since the start is asked for the password again when the server
        knows nothing of them any more; what waits to be said is not taken for it.  After a
        wrong one they may say who they are.
        """
        world = World(modern=False, wish=LoginOptions("ann", attended=True))
        world.chat.passwords["ann"] = "secret word"
        world.connect()
        world.settle()
        world.link.input("/login ann", 0.0)
        world.settle()
        world.link.input("secret word", 0.0)
        world.settle()
        assert world.link.town.account == "ann"
        world.cut(0)
        world.link.input("waits", 0.0)
        world.connect()
        world.settle()
        assert world.sent[-1] == "/login ann"
        world.link.input("wrong word", 0.0)
        world.settle()
        assert world.phase() is Phase.NAMELESS
        world.link.input("/login ann", 0.0)
        world.settle()
        world.link.input("secret word", 0.0)
        world.settle()
        assert world.phase() is Phase.READY
        assert world.said("lobby") == ["waits"]

    def test_tokenOfTheOneBefore(self) -> None:
        """
        A connection that is lost before it is known that the one before has ended does not
        take the place of that: its token is the one to go on with.
        """
        world = online()
        world.link.input("one", 0.0)
        world.cut(9)
        old = world.chat.tokens.pop("t1")
        world.connect()
        # The token is refused for some other reason, the name too, up to the end.
        world.chat.tokens = {}
        world.settle(lambda: world.sent[-1] == "/resume t1")
        assert world.session is not None
        world.session.came.clear()
        world.session.refuse("guessed-often")
        for _ in range(17):
            world.deliver()
            world.settle(lambda: world.phase() is Phase.CATCHING)
            world.now += 2.0
            world.link.tick(world.now)
        assert world.link.town.nick == "ann-549"
        world.deliver()
        world.cut(0)
        world.chat.tokens["t1"] = old
        world.connect()
        world.settle()
        assert world.sent.count("/resume t1") == 2
        assert world.phase() is Phase.READY
        assert world.said("lobby") == ["one"]

    def test_restarted(self) -> None:
        """A server that has forgotten everything is told from one that has nothing new."""
        world = online()
        for _ in range(5):
            world.chat.say("lobby", "bob", "old")
        world.settle()
        world.cut(0)
        world.ghosts.clear()
        world.chat.tokens.clear()
        world.chat.sessions.clear()
        world.chat.rooms.clear()
        world.restore()
        world.chat.say("lobby", "bob", "new")
        world.settle()
        assert world.view.lines[-1] == ("now", "bob", "new")

    def test_refusedRoom(self) -> None:
        """A room that one may not enter any more is forgotten, and lines for it are kept."""
        world = online(modern=False)
        world.cut(0)
        world.ghosts[0].serve()
        world.connect()
        world.settle(lambda: world.phase() is Phase.CATCHING)
        session = world.session
        assert session is not None
        session.came = type(session.came)(
            line for line in session.came if line not in ("/join den", "/who den")
        )
        world.settle()
        assert list(world.link.town.rooms) == ["lobby"]
        world.link.input("/msg #den hello", 0.0)
        world.settle()
        assert world.view.texts[-1] == "not sent /msg #den hello"

    def test_putOut(self) -> None:
        """Who was put out of a room meanwhile does not go in again unasked."""
        world = online()
        world.cut(0)
        ghost = world.ghosts[0]
        room = world.chat.rooms["den"]
        room.members.remove(ghost)
        ghost._rooms.remove(room)
        world.restore()
        assert list(world.link.town.rooms) == ["lobby"]
        assert "* you are no longer in #den" in world.view.texts
        assert world.link.town.current == "lobby"

    def test_notYetIn(self) -> None:
        """Rooms that the connection before had no time to enter are entered by the next one."""
        world = online(modern=True)
        world.cut(0)
        world.ghosts[0].serve()
        world.connect()
        world.settle(lambda: world.phase() is Phase.CATCHING)
        world.deliver(1)
        world.cut(0)
        world.restore()
        assert sorted(world.link.town.rooms) == ["den", "lobby"]
        assert world.sent.count("/resume t2") == 1

    def test_backoff(self) -> None:
        """The waits between attempts grow, up to a bound, and begin anew after a success."""
        world = online()
        world.cut(0)
        for _ in range(10):
            world.link.lost("refused", 0.0)
        assert world.delays[0] == FIRST_DELAY
        assert world.delays == sorted(world.delays)
        assert world.delays[-1] == LONGEST_DELAY
        assert world.view.texts.count("lost") == 1
        world.restore()
        world.cut(0)
        assert world.delays[-1] == FIRST_DELAY

    def test_jitter(self) -> None:
        """Not all clients come back at the same time."""
        for random, factor in ((0.0, 0.5), (0.9, 1.4)):
            world = World(random=random)
            world.connect()
            world.settle()
            world.cut(0)
            assert world.delays == [FIRST_DELAY * factor]

    def test_goneAlready(self) -> None:
        """
        That there is nothing to go on with proves that the connection before has ended:
        what did not arrive is sent again, whatever way one comes in.
        """
        world = World(wish=LoginOptions("x", account="ann", password="word"))
        world.chat.passwords["ann"] = "word"
        world.connect()
        world.settle()
        assert world.session is not None
        world.session.tell({"type": "token", "token": world.chat.token(world.session)})
        world.settle()
        world.link.input("one", 0.0)
        world.cut(0)
        world.ghosts[0].serve()
        world.restore()
        assert world.said("lobby") == ["one"]
        assert world.sent.count("/login ann") == 2

    def test_takenOver(self) -> None:
        """Who is told that another connection goes on does not fight with it."""
        world = online()
        assert world.session is not None
        world.session.refuse("taken-over")
        world.deliver()
        assert world.over == [(1, "no: taken-over")]
        world.cut(0)
        assert world.delays == []


class TestSilence:
    """Servers that say nothing."""

    def test_asked(self) -> None:
        """A silent server is asked for a word, and taken for lost if it has none."""
        world = online()
        count = len(world.sent)
        world.link.tick(SILENCE_SECONDS)
        assert len(world.sent) == count
        world.link.tick(SILENCE_SECONDS + 1)
        world.link.tick(SILENCE_SECONDS + 2)
        assert world.sent[count:] == ["/ack on"]
        world.now = SILENCE_SECONDS + 2
        world.settle()
        assert world.session is not None
        world.link.tick(2 * SILENCE_SECONDS + 4)
        world.link.tick(2 * SILENCE_SECONDS + PATIENCE_SECONDS + 1)
        assert world.session is not None
        world.link.tick(2 * SILENCE_SECONDS + PATIENCE_SECONDS + 4)
        assert world.session is None

    @pytest.mark.parametrize("sent", ["", "hello"])
    def test_owed(self, sent: str) -> None:
        """A server that owes an answer gets less time."""
        world = online() if sent else World()
        if sent:
            world.link.input(sent, 0.0)
        else:
            world.connect()
        world.link.tick(PATIENCE_SECONDS)
        assert world.session is not None
        world.link.tick(PATIENCE_SECONDS + 1)
        assert world.session is None


class TestLeaving:
    """The end."""

    def test_quit(self) -> None:
        """Who leaves has said everything before."""
        world = online()
        world.link.input("bye", 0.0)
        world.link.input("/quit tired", 0.0)
        world.settle()
        assert world.sent[-1] == "/quit tired"
        assert world.said("lobby") == ["bye"]
        assert world.over == [(0, "")]

    def test_quitTwice(self) -> None:
        """Who says so twice is gone at once, and told what was left."""
        world = online()
        world.link.input("bye", 0.0)
        world.link.input("/quit", 0.0)
        world.link.input("/quit", 0.0)
        assert world.over == [(1, "")]
        assert world.view.texts[-1] == "perhaps not sent bye"

    def test_quitAway(self) -> None:
        """Who leaves while there is no connection is told what is left unsaid."""
        world = online()
        world.cut(0)
        world.link.input("hello", 0.0)
        world.link.input("/quit", 0.0)
        assert world.over == [(1, "")]
        assert world.view.texts[-1] == "not sent hello"

    def test_finish(self) -> None:
        """At the end of the input one leaves when all is stored."""
        world = World()
        world.link.input("one", 0.0)
        world.link.input("two", 0.0)
        world.link.finish()
        world.connect()
        world.settle(lambda: bool(world.over))
        assert world.said("lobby") == ["one", "two"]
        assert world.over == [(0, "")]

    def test_giveUp(self) -> None:
        """When there will be no connection any more, what is left is told."""
        world = online()
        world.link.input("one", 0.0)
        world.cut(0)
        world.link.fail("no connection")
        assert world.over == [(1, "no connection")]
        assert world.view.texts[-1] == "perhaps not sent one"


class TestQuestions:
    """What the client asks by itself."""

    def test_people(self) -> None:
        """
        When a room has told of some people only, the client asks for all, without a word;
        what else happens meanwhile is shown.
        """
        world = online()
        session = world.session
        assert session is not None
        entered = {"type": "roomEntered", "room": "big", "nick": "ann", "nicks": ["ann", "bob"]}
        world.chat.rooms["big"] = Room("big")
        session.tell({**entered, "present": 900, "joinedSeq": 0})
        world.deliver()
        assert "/who big" in world.sent
        shown = len(world.view.texts)
        session.tell({"type": "people", "room": "big", "people": [{"nick": "cid"}]})
        for kind in ("joined", "whispered", "notice", "gone"):
            session.tell({"type": kind, "room": "big", "nick": "eve", "lines": ["x"]})
        world.deliver()
        assert world.view.texts[shown:] == ["joined", "whispered", "notice", "gone"]
        assert "cid" in world.link.town.rooms["big"].people

    def test_refused(self) -> None:
        """That an own question is refused is nobody else's business."""
        world = online()
        session = world.session
        assert session is not None
        world.link.exchange.sendQuiet("/nonsense")
        world.settle()
        assert "refused no-command" not in world.view.texts
        assert not world.link.refusals

    def test_found(self) -> None:
        """What was searched for is shown as such, with its end."""
        world = online()
        session = world.session
        assert session is not None
        room = world.chat.rooms["lobby"]
        world.chat.say("lobby", "bob", "tea")
        world.settle()
        session.tell({"type": "found", "lines": 1, "more": True})
        session.tell(world.chat.line(room, 1, found=True))
        session.tell({"type": "found", "lines": 0, "more": False})
        world.deliver()
        assert world.view.lines == [("now", "bob", "tea"), ("found", "bob", "tea")]
        ends = [text for text in world.view.texts if text.startswith("end")]
        assert ends == ["end of found, more", "end of found"]
        assert world.view.shown["lobby"] == [1]

    def test_readBefore(self) -> None:
        """Of the lines that entering shows, those that were not read are set off."""
        world = online()
        session = world.session
        assert session is not None
        for text in ("one", "two", "three"):
            world.chat.say("attic", "bob", text)
        room = world.chat.rooms["attic"]
        entered = {"type": "roomEntered", "room": "attic", "nick": "ann", "nicks": ["ann"]}
        session.tell({**entered, "present": 1, "joinedSeq": 3, "read": 1})
        session.tell({"type": "replay", "room": "attic", "lines": 3, "missing": None})
        for seq in (1, 2, 3):
            session.tell(world.chat.line(room, seq, replay=True))
        session.tell({"type": "read", "room": "attic", "seq": 3})
        world.deliver()
        assert [text or how for how, _, text in world.view.lines] == ["one", "new", "two", "three"]
        assert world.link.town.rooms["attic"].read == 3


class TestUnread:
    """What is new."""

    def test_unattended(self) -> None:
        """What is said while nobody types anything for a minute begins with a mark."""
        world = online()
        world.link.input("hello", 0.0)
        world.settle()
        world.now = 59.0
        world.chat.say("lobby", "bob", "soon")
        world.settle()
        world.now = 61.0
        world.chat.say("lobby", "bob", "late")
        world.chat.say("lobby", "bob", "later")
        world.settle()
        assert [text for _, _, text in world.view.lines] == ["hello", "soon", "", "late", "later"]
        assert world.view.lines[2][0] == "new"

    def test_otherRooms(self) -> None:
        """Lines of rooms where one is not are counted until one turns to them."""
        world = online()
        world.chat.say("den", "bob", "here")
        world.chat.say("lobby", "bob", "there")
        world.settle()
        assert (world.link.town.rooms["den"].unread, world.link.town.rooms["lobby"].unread) == (
            1,
            0,
        )
        world.link.input("/join den", 0.0)
        assert world.link.town.rooms["den"].unread == 0

    def test_readMark(self) -> None:
        """
        The server is told what was read by who has an account: not too often, and before
        one leaves.
        """
        wish = LoginOptions("x", account="ann", password="word", marks=True)
        world = World(wish=wish)
        world.chat.passwords["ann"] = "word"
        world.connect()
        world.settle()
        world.chat.say("lobby", "bob", "one")
        world.settle()
        for now in (0.0, 1.0):
            world.link.input("hm", now)
            world.settle()
        assert [line for line in world.sent if line.startswith("/read")] == ["/read lobby 1"]
        world.link.input("/quit", 2.0)
        world.settle()
        assert [line for line in world.sent if line.startswith("/read")][-1] == "/read lobby 3"

    def test_history(self) -> None:
        """What was said before is shown as such, whenever it is asked for."""
        world = online()
        world.chat.say("lobby", "bob", "one")
        world.settle()
        world.link.input("/history 5", 0.0)
        world.settle()
        assert world.view.lines == [("now", "bob", "one"), ("before", "bob", "one")]
        assert world.view.texts[-2:] == ["replay", "end of before"]
        assert world.view.shown["lobby"] == [1]
