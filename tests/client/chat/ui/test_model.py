"""Tests for L{tsservices.client.chat.ui.model}: the screen beside a chat in memory."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.client_world import PASSWORD, ChatServer, ClientWorld, OtherUser
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.ui.files.saved_windows import SavedWindows
from tsservices.client.chat.ui.files.settings import ScreenSettings
from tsservices.client.chat.ui.model import ScreenModel
from tsservices.client.chat.ui.windows.window import WindowKind
from tsservices.frontends.formats.localtime import LocalTime

WIDTH, HEIGHT = 79, 20


class ScreenWorld(ClientWorld):
    """The model on top of a client in memory, with C{ann} at the keys."""

    def __init__(
        self,
        settings: ScreenSettings | None = None,
        options: LoginOptions | None = None,
        saved: SavedWindows | None = None,
        server: ChatServer | None = None,
    ) -> None:
        self.bells = 0
        self.model = ScreenModel(
            settings or ScreenSettings(), LocalTime(time.gmtime), lambda: self.time
        )
        options = options or LoginOptions("ann", rooms=["lobby", "den"])
        options.attended = options.marks = True
        options.rooms = self.model.open(saved or SavedWindows(), options.rooms)
        super().__init__(options=options, openView=self.model.openView, server=server)
        assert self.model.view is not None
        self.model.view.alert = self._ring
        self.model.attach(self.machine, self._enter)
        self.model.drawn(WIDTH, HEIGHT)

    def _ring(self) -> None:
        self.bells += 1

    def _enter(self, text: str, ident: str) -> None:
        self.machine.input(text, self.time, ident)
        self.model.changed()

    def deliver(self, most: int = 1_000_000) -> None:
        super().deliver(most)
        self.model.changed()

    def tick(self, now: float) -> None:
        super().tick(now)
        self.model.changed()

    def cut(self, reaching: int) -> None:
        super().cut(reaching)
        self.model.changed()

    def submit(self, *lines: str, pasted: bool = False) -> None:
        for line in lines:
            assert self.model.submit(line, pasted), line
            self.settle()

    def refused(self, line: str) -> str:
        assert not self.model.submit(line)
        return self.texts()[-1]

    def texts(self, ident: str | None = None) -> list[str]:
        """The lines of a window; of the one that is seen."""
        windows = self.model.windows
        window = windows.current if ident is None else windows.find(ident)
        assert window is not None, ident
        return ["".join(text for _, text in line.spans) for line in window.lines]

    def drawn(self, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
        return [
            "".join(text for _, text in row).rstrip() for row in self.model.drawn(width, height)
        ]

    def status(self) -> str:
        return self.drawn()[-1].strip()

    @property
    def current(self) -> str:
        return self.model.windows.current.ident


@pytest.fixture
def world() -> ScreenWorld:
    made = ScreenWorld()
    made.join()
    made.model.used()
    return made


class TestWindows:
    def test_start(self, world: ScreenWorld) -> None:
        assert [window.title for window in world.model.windows] == ["status", "#lobby", "#den"]
        assert world.current == "#lobby"
        assert world.texts() == ["* you are in #lobby with 1 other: bob"]
        assert world.texts("") == ["* you are ann"]
        assert world.status() == "ann (guest) | 2:#lobby | online"

    def test_linesGoWhereTheyBelong(self, world: ScreenWorld) -> None:
        world.bob.say("den", "ann?")
        world.bob.say("lobby", "hello")
        world.bob.type("/msg ann psst")
        world.settle()
        assert world.texts()[-1] == "<~bob> hello"
        assert world.texts("#den")[-1] == "<~bob> ann?"
        assert world.texts("@bob") == ["<~bob> psst"]
        assert world.status().endswith("online | 3:#den 1! | 4:bob 1!")
        assert world.bells == 2
        world.model.do("next-active")
        assert world.current == "#den"
        world.submit("yes")
        assert world.textsIn("den") == ["yes"]
        world.model.do("next-active")
        world.submit("hi", "//slash")
        assert world.texts()[-2:] == ["<~ann> hi", "<~ann> /slash"]
        world.model.do("next-active")
        assert world.current == "@bob"
        assert world.status() == "ann (guest) | 4:bob | online"

    def test_callsFirst(self, world: ScreenWorld) -> None:
        world.bob.say("den", "hello")
        world.bob.type("/msg ann psst")
        world.settle()
        assert world.status().endswith("online | 4:bob 1! | 3:#den 1")

    def test_turning(self, world: ScreenWorld) -> None:
        world.model.do("next-window")
        assert world.current == "#den"
        world.model.do("next-window")
        assert world.current == ""
        world.model.do("previous-window")
        world.model.do("last-window")
        assert world.current == ""
        world.model.showNumber(2)
        world.model.showNumber(9)
        assert world.current == "#lobby"
        for line, ident in (
            ("/window den", "#den"),
            ("/win 1", ""),
            ("/window #lobby", "#lobby"),
            ("/window next", "#den"),
            ("/window last", "#lobby"),
            ("/window status", ""),
        ):
            world.submit(line)
            assert world.current == ident
        world.submit("/window nowhere", "/window")
        assert world.texts("")[-4] == "! there is no window nowhere"
        assert world.texts("")[-1] == "* 3: #den"

    def test_joinAndPart(self, world: ScreenWorld) -> None:
        world.submit("/join tea")
        assert world.current == "#tea"
        world.submit("/j lobby")
        assert world.current == "#lobby"
        # Who is typing is not taken away.
        world.model.submit("/join attic")
        world.model.windows.current.draft.typed = world.model.windows.current.draft.typed._replace(
            text="half"
        )
        world.settle()
        assert world.current == "#lobby"
        world.model.showWindow(world.model.windows.windows[-1])
        assert world.current == "#attic"
        world.submit("/part")
        assert [window.title for window in world.model.windows][-1] == "#tea"
        assert world.current == "#tea"
        world.submit("/close")
        assert world.current == "#den"
        assert set(world.state.rooms) == {"lobby", "den"}

    def test_kicked(self, world: ScreenWorld) -> None:
        world.bob.type("/join den", "/kick ann go")
        world.settle()
        window = world.model.windows.find("#den")
        assert window is not None
        assert not window.joined
        world.model.showWindow(window)
        assert "you are not in it" in world.drawn()[0]
        assert world.refused("hello") == "! you are not in #den: /join den, or /close"
        assert world.refused("/topic x") == "! you are not in #den"
        world.submit("/join den")
        assert window.joined

    def test_people(self, world: ScreenWorld) -> None:
        wide = world.drawn(90)
        assert [row.split("│")[1] for row in wide[1:4]] == ["ann", "bob", ""]
        world.submit("/names")
        assert "│" not in "".join(world.drawn(90))
        world.model.do("toggle-names")
        guests = [OtherUser(world.server, f"guest-{number:02}", "lobby") for number in range(30)]
        world.settle()
        assert world.drawn(90)[-2].endswith("│+15 more")
        guests[0].type("/nick Ann2")
        world.bob.type("/join lobby")
        guests[1].leave()
        world.settle()
        # Who was kicked is not there any more.
        OtherUser(world.server, "eve", "den")
        world.settle()
        world.model.do("next-window")
        assert world.model.sideNames() == ["@bob", "ann", "eve"]
        world.bob.type("/join den", "/kick eve", "/join lobby")
        world.settle()
        assert world.model.sideNames() == ["@bob", "ann"]
        world.model.do("previous-window")
        names = world.model.sideNames()
        assert names[:3] == ["ann", "Ann2", "bob"]
        assert "guest-01" not in names
        world.model.do("next-window")
        world.model.do("next-window")
        assert world.model.sideNames() == []

    def test_ranks(self) -> None:
        server = ChatServer()
        server.register("zoe")
        server.register("eve")
        options = LoginOptions("", account="zoe", password=PASSWORD, rooms=["tea"])
        world = ScreenWorld(options=options, server=server)
        world.join()
        eve, dan = (OtherUser(server, name, "tea") for name in ("guest", "dan"))
        eve.type(f"/login eve {PASSWORD}")
        world.settle()
        assert world.model.sideNames() == ["@zoe", "dan", "eve"]
        world.submit("/op eve", "/mode +v dan")
        assert world.model.sideNames() == ["@eve", "@zoe", "+dan"]
        assert world.drawn(90)[1].endswith("│@eve")
        dan.type("/nick don")
        world.settle()
        assert world.model.sideNames() == ["@eve", "@zoe", "+don"]
        world.submit("/mode -ov eve don")
        assert world.model.sideNames() == ["@zoe", "don", "eve"]
        dan.leave()
        # Who comes later is told too.
        guest = ScreenWorld(server=server, options=LoginOptions("ann", rooms=["tea"]))
        guest.join()
        assert guest.model.sideNames() == ["@zoe", "ann", "eve"]
        world.submit("/logout")
        guest.settle()
        assert guest.model.sideNames()[:2] == ["ann", "eve"]

    def test_renamedAndGone(self, world: ScreenWorld) -> None:
        world.bob.type("/msg ann hi", "/nick bert")
        world.settle()
        assert world.texts("@bert")[-1] == "* bob is now called bert"
        assert world.texts("#den")[-1] == "* bob is now called bert"
        world.bob.leave()
        world.settle()
        assert [world.texts(ident)[-1] for ident in ("#lobby", "#den", "@bert")] == [
            "* bert is gone"
        ] * 3

    def test_privateDeleted(self, world: ScreenWorld) -> None:
        fields = {"nick": "bob", "to": "ann", "kind": "message"}
        for number in (1, 2):
            text, ident = f"x\ny{number}", f"i{number}"
            world.serverSends("whispered", text=text, id=ident, **fields)
        world.serverSends("unwhispered", nick="bob", to="ann", id="i1")
        assert world.texts("@bob") == [
            "<~bob> (deleted)",
            "<~bob> x\ny2",
            "* bob deleted a private message to ann",
        ]
        assert "4:bob 1!" in world.status()
        world.model.showNumber(4)
        rows = world.drawn()
        at = next(number for number, row in enumerate(rows) if row.endswith("] <~bob> x"))
        assert rows[at + 1] == " " * 18 + "y2"

    def test_deletedEverywhere(self, world: ScreenWorld) -> None:
        OtherUser(world.server, "cat", "den")
        world.bob.type("/join den", "/register secretword1", "spoken word", "/topic a word")
        world.bob.type("/kick cat with word")
        world.settle()
        world.submit(
            "/window den", "/lastlog word", "/history 3", "/window lobby", "/search #den word"
        )
        shown = "".join(world.texts("#den") + world.texts("#lobby"))
        assert [shown.count(words) for words in ("spoken word", "a word", "with word")] == [4, 4, 3]
        for seq in (1, 2, 3):
            world.bob.type(f"/delete {seq}")
        world.settle()
        texts = world.texts("#den")
        assert "<bob> (deleted)" in texts
        assert "* bob kicked cat" in texts
        assert {"| <bob> (deleted)", "| * bob kicked cat"} < set(texts)
        shown = "".join(texts + world.texts("#lobby"))
        assert not [words for words in ("spoken word", "a word", "with word") if words in shown]

    def test_topic(self, world: ScreenWorld) -> None:
        world.submit("/topic green tea")
        assert world.drawn()[0] == "#lobby (2): green tea"
        world.submit("/topic -")
        assert world.drawn()[0] == "#lobby (2)"

    def test_there_again(self, world: ScreenWorld) -> None:
        world.submit("/query bob", "/window lobby")
        saved = world.model.saved()
        assert saved.windows == [
            (WindowKind.ROOM, "lobby"),
            (WindowKind.ROOM, "den"),
            (WindowKind.PRIVATE, "bob"),
        ]
        again = ScreenWorld(
            options=LoginOptions("ann2", rooms=[]), saved=saved, server=world.server
        )
        again.join()
        assert [window.title for window in again.model.windows][1:] == ["#lobby", "#den", "bob"]
        assert again.current == "#lobby"
        assert set(again.state.rooms) == {"lobby", "den"}


class TestTyping:
    def test_itStaysWhereItWasTyped(self, world: ScreenWorld) -> None:
        world.cut(0)
        world.submit("to the lobby", "/me waves", "/topic new")
        world.model.do("next-window")
        assert world.status() == "ann (guest) | 3:#den | not connected | 2 to send"
        world.submit("to the den")
        world.model.do("next-window")
        world.restore()
        world.settle()
        assert world.textsIn("lobby") == ["to the lobby", "waves", "new"]
        assert world.textsIn("den") == ["to the den"]

    def test_lostRoomSaysSo(self, world: ScreenWorld) -> None:
        world.cut(0)
        world.bob.type("/kick ann den")
        world.bob.type("/join den", "/kick ann")
        world.restore()
        assert world.current == "#lobby"
        assert "* you are no longer in #den" in world.texts("#den")
        assert "* you are no longer in #den" not in world.texts("#lobby")

    def test_notFromEveryWindow(self, world: ScreenWorld) -> None:
        world.submit("/window 1")
        assert world.refused("hello").startswith("! nothing can be said in this window")
        assert world.refused("/topic hello") == "! /topic is for a room: turn to its window"
        assert world.refused("/who").startswith("! /who is for a room")
        world.submit("/who lobby", "/seen bob", "/rooms")
        assert "* bob is here" in world.texts()
        world.submit("/query bob")
        assert world.refused("/kick bob").startswith("! /kick is for a room")
        assert world.textsIn("lobby") == world.textsIn("den") == []

    @pytest.mark.parametrize(
        ("line", "pasted", "heard"),
        [
            ("/usr/bin/env", True, "/usr/bin/env"),
            ("//comment", True, "//comment"),
            ("/etc/passwd is a file", True, "/etc/passwd is a file"),
            ("/logn ann secret", True, None),
            ("/login/x secret", True, None),
            ("/usr/bin/env", False, None),
            ("//comment", False, "/comment"),
            (" /login ann secret", False, None),
            ("/logn ann secret", False, None),
        ],
    )
    def test_paths(self, world: ScreenWorld, line: str, pasted: bool, heard: str | None) -> None:
        world.submit(line, pasted=pasted)
        assert world.textsIn("lobby") == ([] if heard is None else [heard])
        draft = world.model.windows.current.draft
        if "secret" in line:
            assert draft.recall(-1, "") is None

    def test_severalLines(self, world: ScreenWorld) -> None:
        draft = world.model.windows.current.draft
        draft.typed = draft.typed._replace(text="one\n\n/usr/bin/env\ntwo")
        assert world.status() == "3 lines: Enter sends them, Ctrl-C drops them"
        world.submit(draft.typed.text, pasted=True)
        assert world.textsIn("lobby") == ["one", "/usr/bin/env", "two"]
        # All of them or none.
        world.submit("/window 1")
        assert not world.model.submit("/rooms\nhello")
        assert not any("rooms" in line for line in world.sent)

    def test_history(self, world: ScreenWorld) -> None:
        kept: list[tuple[str, str]] = []
        world.model.remembered = lambda ident, text: kept.append((ident, text))
        world.submit("first", "/login ann secret", "second")
        world.model.do("next-window")
        world.submit("third")
        assert kept == [("#lobby", "first"), ("#lobby", "second"), ("#den", "third")]
        draft = world.model.windows.current.draft
        assert draft.recall(-1, "half") == "third"
        assert draft.recalled
        assert draft.recall(-1, "third") is None
        assert draft.recall(1, "third") == "half"
        assert not draft.recalled
        # What was made of a recalled line is not lost either.
        assert draft.recall(-1, "half") == "third"
        assert draft.recall(1, "third!") == "third!"
        world.model.discard("dropped")
        assert draft.recall(-1, "") == "dropped"
        world.model.loadHistory({"#den": ["of yesterday"]})
        assert draft.recall(-1, "") == "of yesterday"

    def test_aliases(self) -> None:
        settings = ScreenSettings(aliases={"hi": "/me greets $1", "wave": "/me waves"})
        world = ScreenWorld(settings)
        world.join()
        world.submit("/hi bob and all", "/wave to $1", "/HI")
        assert world.textsIn("lobby") == ["greets bob", "waves to $1", "greets"]

    def test_aliasOfTwoLines(self) -> None:
        world = ScreenWorld(ScreenSettings(aliases={"bye": "/me waves\n/msg $1 bye"}))
        world.join()
        world.submit("/bye bob")
        assert world.textsIn("lobby") == ["waves"]
        assert world.texts("@bob") == ["<~ann> bye"]
        assert not world.machine.sender.outbox.unsent

    def test_unsent(self, world: ScreenWorld) -> None:
        world.cut(0)
        world.submit("waits")
        draft = world.model.windows.current.draft
        draft.typed = draft.typed._replace(text="half\n/login ann secret")
        world.machine.quit()
        assert world.model.unsent() == ["! not sent: waits", "! not sent to #lobby: half"]

    def test_early(self) -> None:
        model = ScreenModel(ScreenSettings(), LocalTime(time.gmtime), lambda: 0.0)
        model.open(SavedWindows(), ["lobby", "den"])
        assert model.submit("to the lobby")
        model.do("next-window")
        assert model.submit("to the den")
        model.do("next-window")
        assert not model.submit("to nobody")
        given: list[tuple[str, str]] = []
        world = ScreenWorld()
        model.openView(world.state)
        model.attach(world.machine, lambda line, ident: given.append((line, ident)))
        assert given == [("to the lobby", "#lobby"), ("to the den", "#den")]

    def test_nameless(self) -> None:
        world = ScreenWorld(options=LoginOptions("bob", rooms=["lobby"]))
        world.join()
        assert world.current == ""
        assert world.texts()[-1] == "* say another name, or /login"
        world.submit("/window lobby")
        world.model.windows.current.draft.typed = world.model.windows.current.draft.typed._replace(
            text="hello"
        )
        assert world.refused("hello").startswith("! you have no name yet")
        world.model.windows.current.draft.sent()
        world.submit("/window 1", "bert")
        assert world.state.nick == "bert"

    def test_secret(self) -> None:
        server = ChatServer()
        server.register("ann")
        world = ScreenWorld(options=LoginOptions("", account="ann", rooms=["lobby"]), server=server)
        world.join()
        view = world.model.view
        assert view is not None
        assert view.secret == "password: "
        world._enter(PASSWORD, world.current)
        world.settle()
        assert view.secret == ""
        assert world.state.account == "ann"

    def test_promptWithoutText(self, world: ScreenWorld) -> None:
        world.serverSends("prompt")
        assert world.model.view is not None
        assert world.model.view.secret == "secret: "

    def test_typedBeforeThePrompt(self, world: ScreenWorld) -> None:
        world.server.register("carl")
        assert world.model.submit("/login carl")
        # It may be the password, and it may be anything else.
        assert world.refused("swordfish").startswith("! /login is to be answered first")
        assert world.model.submit("/window 3")
        world.settle()
        assert world.refused("swordfish") == (
            "! a password is asked for, and this was not typed as one"
        )
        world._enter(PASSWORD, world.current)
        world.settle()
        world.submit("in")
        assert world.texts()[-1] == "<carl> in"


class TestUnread:
    def test_marks(self, world: ScreenWorld) -> None:
        den = world.model.windows.find("#den")
        assert den is not None
        world.bob.say("den", "one")
        world.bob.say("den", "two")
        world.settle()
        assert [den.lines.at(seq).text for seq in (den.lines.newFrom or 0,)] == ["one"]
        assert len(den.unread) == 2
        # A line that can't be read any more does not count.
        world.bob.type("/join den", "/delete 1")
        world.settle()
        assert len(den.unread) == 1
        assert "<~bob> (deleted)" in world.texts("#den")
        world.model.do("next-window")
        assert not den.unread
        assert "--- new ---" in "\n".join(world.drawn())
        world.model.do("next-window")
        world.model.do("previous-window")
        assert "--- new ---" not in "\n".join(world.drawn())

    def test_away(self, world: ScreenWorld) -> None:
        world.bob.say("lobby", "read")
        world.settle()
        lobby = world.model.windows.current
        assert not lobby.unread
        world.time += 120
        world.bob.say("lobby", "not read")
        world.settle()
        assert len(lobby.unread) == 1
        assert "--- new ---" in "\n".join(world.drawn())
        world.model.used()
        assert not lobby.unread

    def test_belowTheVisibleLines(self, world: ScreenWorld) -> None:
        lobby = world.model.windows.current
        for number in range(40):
            world.bob.say("lobby", f"line {number}")
        world.settle()
        world.model.do("page-up")
        world.model.used()
        world.bob.say("lobby", "ann: below")
        world.bob.say("lobby", "more")
        world.settle()
        # A window that is left and shown again above these lines has them unread still.
        for action in ("next-window", "last-window", "next-window"):
            world.model.used()
            world.model.do(action)
        assert world.status() == "ann (guest) | 3:#den | online | 2:#lobby 2(1!)"
        world.model.do("next-active")
        world.model.do("scroll-bottom")
        rows = world.drawn()
        mark = next(number for number, row in enumerate(rows) if row == "--- new ---")
        assert rows[mark + 1].endswith("<~bob> ann: below")
        world.model.used()
        assert not lobby.unread
        # The mark does not move while the user reads from it.
        world.model.do("page-up")
        world.bob.say("lobby", "last")
        world.settle()
        assert lobby.lines.at(lobby.lines.newFrom or 0).text == "ann: below"

    def test_ownWordsAndForms(self) -> None:
        world = ScreenWorld(ScreenSettings(highlight=["deploy"]))
        world.join()
        for text in ("DEPLOY now", "deployed", "你好ann在吗", "annex"):
            world.bob.say("lobby", text)
        world.settle()
        assert world.bells == 2
        world.submit("/highlight annex", "/highlight -Deploy")
        assert world.texts()[-1] == "* you are called by: annex"
        world.bob.say("lobby", "annex, deploy")
        world.settle()
        assert world.bells == 3

    def test_readElsewhere(self) -> None:
        server = ChatServer()
        server.register("ann")
        options = LoginOptions("", account="ann", password=PASSWORD, rooms=["lobby", "den"])
        world = ScreenWorld(options=options, server=server)
        world.join()
        world.model.used()
        world.bob.say("lobby", "one")
        world.bob.say("den", "two")
        world.bob.say("den", "three")
        world.settle()
        assert world.status().endswith("| 3:#den 2")
        world.time += 60
        world.model.used()
        assert "/read lobby 1" in world.sent
        world.serverSends("read", room="den", seq=1)
        world.model.changed()
        assert world.status().endswith("| 3:#den 1")
        den = world.model.windows.find("#den")
        assert den is not None
        assert den.lines.at(den.lines.newFrom or 0).text == "three"
        world.serverSends("read", room="den", seq=2)
        world.model.changed()
        assert world.status().endswith("| online")
        other = OtherUser(server, "ann2")
        other.type("/msg ann psst")
        world.settle()
        assert world.status().endswith("| online | 4:ann2 1!")
        answer = OtherUser(server, "-")
        answer.type(f"/login ann {PASSWORD}", "/msg ann2 yes?")
        world.settle()
        assert world.texts("@ann2")[-1] == "<ann> yes?"
        assert world.status().endswith("| online")


class TestOlder:
    def lines(self, world: ScreenWorld, count: int) -> None:
        for number in range(1, count + 1):
            world.bob.say("attic", f"line {number}")

    @pytest.fixture
    def attic(self, world: ScreenWorld) -> ScreenWorld:
        world.bob.type("/join attic")
        self.lines(world, 700)
        world.submit("/join attic")
        assert world.texts()[-2:] == ["<~bob> line 700", "* you are in #attic with 1 other: bob"]
        return world

    def test_fetched(self, attic: ScreenWorld) -> None:
        window = attic.model.windows.current
        assert window.lines.oldest() == 681
        for _ in range(200):
            if window.complete and "line 1" in "".join(attic.drawn()[1:4]):
                break
            attic.model.do("page-up")
            attic.drawn()
            attic.settle()
        numbers = [seq for seq, _ in window.lines.numbered()]
        assert numbers == list(range(1, 701))
        # All lines from a number on are given: what is asked for grows, or it would take for ever.
        assert len([line for line in attic.sent if line.startswith("/since attic")]) <= 4
        attic.bob.say("attic", "newest")
        attic.settle()
        assert "newest" not in "\n".join(attic.drawn())
        assert "below: PageDown" in attic.status()
        attic.model.do("scroll-bottom")
        assert attic.drawn()[-2].endswith("<~bob> newest")

    def test_fetchedAgain(self, attic: ScreenWorld) -> None:
        window = attic.model.windows.current
        for _ in range(4):
            attic.model.do("scroll-top")
            attic.settle()
        assert window.complete
        # Lines are removed when the window has too many.
        window.lines._most = 100
        attic.submit("one more")
        assert window.lines.oldest() == 603
        for _ in range(4):
            attic.model.do("scroll-top")
            attic.settle()
        assert [seq for seq, _ in window.lines.numbered()] == list(range(1, 702))

    def test_cutMeanwhile(self, attic: ScreenWorld) -> None:
        window = attic.model.windows.current
        attic.model.do("page-up")
        attic.model.do("page-up")
        assert attic.connection is not None
        attic.connection.serve()
        attic.deliver(60)
        assert attic.model.isFetching(window)
        attic.cut(0)
        assert not attic.model.isFetching(window)
        attic.restore()
        attic.model.do("scroll-top")
        attic.settle()
        numbers = [seq for seq, _ in window.lines.numbered()]
        assert numbers == list(range(numbers[0], 701))
        assert numbers[0] < 681

    def test_searchAndGo(self, attic: ScreenWorld) -> None:
        attic.submit("/search line 42")
        assert "--- 1 line found ---" in attic.texts()
        attic.model.do("choose-line")
        attic.model.choose(-1)
        assert attic.drawn()[-1].strip().startswith("Up Down choose")
        attic.model.goToChosen()
        attic.settle()
        window = attic.model.windows.current
        assert window.chosen is not None
        assert window.lines.at(window.chosen).text == "line 42"
        assert any(row.endswith("<~bob> line 42") for row in attic.drawn())

    def test_lastlog(self, attic: ScreenWorld) -> None:
        attic.submit("/lastlog LINE 69")
        shown = attic.texts()
        head = shown.index("--- 10 with 'LINE 69': Alt-l, Enter goes to one ---")
        assert shown[head + 1 :][0] == "| <~bob> line 690"
        attic.model.do("choose-line")
        attic.model.goToChosen()
        window = attic.model.windows.current
        assert window.chosen is not None
        assert window.lines.at(window.chosen).seq == 699

    def test_comeAgain(self, attic: ScreenWorld) -> None:
        attic.bob.type("/kick ann")
        attic.settle()
        self.lines(attic, 30)
        attic.submit("/join attic")
        texts = attic.texts()
        at = texts.index("--- lines 702 to 711 are not shown ---")
        assert texts[at + 1] == "<~bob> line 11"
        assert texts[-1] == "* you are in #attic with 1 other: bob"

    def test_clear(self, attic: ScreenWorld) -> None:
        attic.submit("/clear")
        assert attic.texts() == []
        attic.model.do("page-up")
        attic.settle()
        assert attic.texts()[-1] == "<~bob> line 700"

    def test_clearWhileFetching(self, attic: ScreenWorld) -> None:
        attic.model.do("scroll-top")
        assert attic.model.submit("/clear")
        for _ in range(4):
            attic.settle()
            attic.model.do("scroll-top")
        numbers = [seq for seq, _ in attic.model.windows.current.lines.numbered()]
        assert numbers == list(range(1, 701))

    def test_clearPrivate(self) -> None:
        server = ChatServer()
        server.register("ann")
        options = LoginOptions("", account="ann", password=PASSWORD, rooms=["lobby", "den"])
        world = ScreenWorld(options=options, server=server)
        world.join()
        dan = OtherUser(server, "dan")
        dan.type(f"/register {PASSWORD}", "/msg ann one", "/msg ann two")
        world.settle()
        world.submit("/query dan", "/clear")
        dan.type("/msg ann three")
        world.settle()
        assert world.texts() == ["<dan> three"]
        world.model.do("page-up")
        world.settle()
        assert world.texts() == ["<dan> one", "<dan> two", "<dan> three"]


class TestChoosing:
    def test_copyAndDelete(self, world: ScreenWorld) -> None:
        copied: list[str] = []
        typed: list[str] = []
        world.model.copy, world.model.setTyped = copied.append, typed.append
        world.submit("/join own", "mine")
        world.bob.type("/join own", "/msg #own some text")
        world.settle()
        world.model.do("choose-line")
        world.model.copyChosen()
        assert copied == ["some text"]
        world.model.do("choose-line")
        world.model.choose(-3)
        world.model.deleteChosen()
        assert typed == ["/delete 1"]
        world.submit(typed[0])
        assert "<~ann> (deleted)" in world.texts()
        world.model.do("choose-line")
        world.model.choose(-100)
        assert world.model.windows.current.chosen == 0
        world.model.deleteChosen()
        assert world.texts()[-1].startswith("! only lines of the room")
        world.model.do("choose-line")
        world.model.endChoosing()
        world.model.copyChosen()
        assert len(copied) == 1


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["bob", "ann", "cut", "restore", "turn", "page", "later"]),
            st.integers(0, 6),
        ),
        max_size=30,
    )
)
def test_evening(steps: list[tuple[str, int]]) -> None:
    """Two people and a bad network: nothing is missed, nothing comes twice, all in its window."""
    world = ScreenWorld()
    world.join()
    typed: dict[str, list[str]] = {"lobby": [], "den": []}
    for number, (step, count) in enumerate(steps):
        room = ("lobby", "den")[count % 2]
        if step == "bob":
            world.bob.say(room, f"bob {number}")
        elif step == "ann" and world.current in ("#lobby", "#den"):
            assert world.model.submit(f"ann {number}")
            typed[world.current[1:]].append(f"ann {number}")
        elif step == "cut":
            world.cut(count)
        elif step == "restore":
            world.restore()
        elif step == "turn":
            world.model.do("next-window")
        elif step == "page":
            world.model.do("page-up")
        else:
            world.time += 90
            world.model.used()
        world.serveGhosts(count)
        world.deliver(count)
    world.restore()
    world.settle()
    for room, texts in typed.items():
        window = world.model.windows.room(room)
        assert window is not None
        seqs = [seq for seq, _ in window.lines.numbered()]
        last = world.state.rooms[room].last
        assert seqs == list(range(1, last + 1))
        assert world.textsIn(room) == texts
        assert [line.text for line in window.lines if line.nick == "ann"] == texts


def test_everyCommandOfTheScreen(world: ScreenWorld) -> None:
    for command in world.state.ownCommands:
        if command.name in ("quit", "close", "clear"):
            continue
        world.submit(f"/{command.name}")
        world.submit("/window lobby", f"/help {command.name}")
        world.model.endChoosing()
    text = "\n".join(world.texts())
    for command in world.state.ownCommands:
        if command.name not in ("quit", "resend"):
            assert f"/{command.name}" in text or command.name in ("close", "clear")
    world.submit("/help")
    assert any(line.lstrip("* ").startswith("/lastlog") for line in world.texts())
    assert world.model.settings.problems == []


def test_problemsOfTheSettings() -> None:
    world = ScreenWorld(ScreenSettings(problems=["chat.toml: keys: actions by key are needed"]))
    assert world.texts("") == ["! chat.toml: keys: actions by key are needed"]
    world.model.do("fly")
    assert world.texts()[-1] == "! there is no action fly"


def test_smallScreens(world: ScreenWorld) -> None:
    world.bob.say("lobby", "a line that is much longer than that")
    world.settle()
    for width in (1, 2, 5, 10, 23, 24, 40, 79, 80, 120):
        for height in (1, 2, 3, 5, 6, 12):
            rows = world.model.drawn(width, height)
            assert len(rows) == height
    assert world.drawn(10, 4)[-2].strip() == "that"
