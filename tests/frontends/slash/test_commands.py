"""Tests for L{tsservices.frontends.slash.commands}."""

from __future__ import annotations

import time

import pytest

from tests.support.chat import ChatHarness, MemoryClient, errorCodes, kinds, only
from tsservices.chat import errors, notifications
from tsservices.chat.operations import ME, MESSAGE, TOPIC
from tsservices.chat.permissions import FOUNDER, MEMBER
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import Room
from tsservices.chat.verbs.checks import ANYONE, SHORT_TEXT_LENGTH
from tsservices.chat.verbs.history import HIGHEST_SEQ, HISTORY_LINES
from tsservices.chat.verbs.talk import LIST_PAGE
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.slash import parsing
from tsservices.frontends.slash.commands import COMMANDS

#: More than a topic or a reason may have.
LONG = "x" * (SHORT_TEXT_LENGTH + 1)

#: What is rejected, by reason.
REJECTED: tuple[tuple[errors.ErrorCode, list[str]], ...] = (
    (errors.NO_COMMAND, ["/", "/sing", "/help sing"]),
    (errors.USAGE, ["/nick", "/join", "/whois", "/msg", "/msg bob", "/msg bob  ", "/me"]),
    (errors.USAGE, ["/since", "/since a b c"]),
    (
        errors.NAME_CHARACTER,
        ["/nick a b", "/join a.b c", "/who a.b", "/msg #a.b hello", "/ignore a b"],
    ),
    (errors.NICK_TAKEN, ["/nick BOB"]),
    (errors.NAME_OWN, ["/nick you", "/nick YOU", "/nick \uff39\uff2f\uff35"]),
    (errors.NAME_EMPTY, ["/join #"]),
    (errors.NOT_IN_ROOM, ["/part tea", "/part nowhere", "/msg #tea hello", "/since tea 1"]),
    (errors.TEXT_LONG, [f"/{words} {LONG}" for words in ("part lobby", "topic", "away", "quit")]),
    (errors.NO_ROOM, ["/who nowhere"]),
    (errors.NO_PERSON, ["/whois eve", "/msg eve hello"]),
    (errors.NUMBER, ["/history 0", "/history -1", "/history x", "/since x", "/since lobby x"]),
    (errors.NUMBER, ["/history \N{ARABIC-INDIC DIGIT ONE}", "/history \N{SUPERSCRIPT TWO}"]),
    (errors.NUMBER, [f"/history {HISTORY_LINES + 1}", "/history " + "9" * 5000]),
    (errors.NUMBER, [f"/since {HIGHEST_SEQ + 1}"]),
    (errors.CHOICE, ["/format", "/format xml", "/ack", "/ack maybe", "/echo 1"]),
)


def people(listed: notifications.MemberList) -> list[tuple[str, bool, str, str]]:
    return [(item.nick, item.guest, item.away, item.rank) for item in listed.members]


class TestCommands:
    """Ann is in the lobby with bob, and not in the room tea."""

    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["root"])
        self.cat = self.chat.join("cat", "tea")
        self.bob = self.chat.join("Bob", "lobby")
        self.ann = self.chat.join("ann", "lobby")

    def one(self, *lines: str) -> notifications.Notification:
        (reply,) = self.ann.say(*lines)
        return reply

    @pytest.mark.parametrize(
        ("line", "reason"),
        [(line, code) for code, lines in REJECTED for line in lines],
        ids=lambda value: str(value)[:24],
    )
    def test_rejectionsChangeNothing(self, line: str, reason: errors.ErrorCode) -> None:
        reply = self.one(line)
        assert isinstance(reply, notifications.ErrorReply)
        assert reply.error.code is reason
        assert str(reply.error).isprintable()
        assert self.bob.heard() == self.cat.heard() == []
        assert not self.ann.closed
        assert not self.ann.controller.busy
        assert list(self.ann.session.rooms) == ["lobby"]

    @pytest.mark.parametrize("name", COMMANDS)
    def test_commandsWithoutNick(self, name: str) -> None:
        stranger = self.chat.connect()
        stranger.type(f"/{name} x y")
        refused = errors.NAME_FIRST in stranger.errorCodes()
        assert refused is (COMMANDS[name].permission != ANYONE)

    def test_help(self) -> None:
        reply = self.one("/help")
        assert isinstance(reply, notifications.CommandList)
        for row, listed in zip(COMMANDS.values(), reply.commands, strict=True):
            assert listed == (row.name, row.usage, row.help, row.permission)
            reply = self.one(f"/help /{row.name.upper()}")
            assert isinstance(reply, notifications.Notice)
            assert reply.lines == [f"{row.synopsis}: {row.help}"]

    @pytest.mark.parametrize("row", COMMANDS.values(), ids=lambda row: row.name)
    def test_rowsFitOneLine(self, row: object) -> None:
        command = COMMANDS[getattr(row, "name", "")]
        assert len(f"{command.synopsis:<26} {command.help}") < 80
        if command.usage and not command.usage.startswith("[") and "|" not in command.usage:
            root = self.chat.joinRegistered("root")
            reply = only(notifications.ErrorReply, root.say(f"/{command.name}"))
            assert str(reply.error) == f"usage: {command.synopsis}"

    def test_caseAndSpaces(self) -> None:
        assert isinstance(self.one("/WHO   lobby  "), notifications.MemberList)

    @pytest.mark.parametrize("space", "\t\xa0\u1680\u2003\u202f\u205f\u3000", ids=ascii)
    def test_anyWhiteSpaceSeparates(self, space: str) -> None:
        def typed(line: str) -> notifications.Notification:
            return self.one(line.replace(" ", space))

        reply = typed("/msg bob hi")
        assert isinstance(reply, notifications.PrivateMessage)
        assert (reply.to, reply.text) == ("Bob", "hi")
        reply = self.one(f"/msg{space}bob a{space}{space}b")
        assert isinstance(reply, notifications.PrivateMessage)
        assert reply.text == f"a{space}{space}b"
        assert isinstance(typed("/join tea"), notifications.JoinedRoom)
        reply = typed("/ban Bob 2h so")
        assert isinstance(reply, notifications.ErrorReply)
        assert reply.error.code is errors.NOT_ALLOWED
        reply = typed("/part tea why")
        assert isinstance(reply, notifications.LeftRoom)
        only(notifications.UserLeft, self.cat.heard()[-1:])
        self.ann.say("/join lobby")
        assert isinstance(typed("/who lobby"), notifications.MemberList)

    def test_nick(self) -> None:
        reply = self.one("/nick Eve")
        assert isinstance(reply, notifications.NickChanged)
        assert (reply.nick, reply.to) == ("ann", "Eve")
        assert kinds(self.bob.heard()) == [notifications.NickChanged]
        assert self.cat.heard() == []
        assert kinds(self.chat.connect().say("/nick dan")) == [
            notifications.Welcome,
            notifications.ResumeToken,
        ]

    def test_nickThatLooksLikeAnother(self) -> None:
        alpha = "\N{LATIN SMALL LETTER ALPHA}nn"
        for name in (alpha, "\u0412\u041e\u0412"):
            reply = self.chat.connect().say(f"/nick {name}")[0]
            assert isinstance(reply, notifications.ErrorReply)
            assert reply.error.code is errors.NICK_TAKEN
        reply = self.chat.connect().say("/nick \u0430\u0440")[0]
        assert isinstance(reply, notifications.Welcome)
        assert isinstance(self.one(f"/nick {alpha}"), notifications.NickChanged)
        reply = self.one(f"/nick {alpha}")
        assert isinstance(reply, notifications.Notice)
        assert reply.lines == [f"you are {alpha} already"]
        reply = self.one("/away")
        assert isinstance(reply, notifications.Notice)
        assert reply.lines == ["you are not away"]

    def test_join(self) -> None:
        reply = self.one("/join #TEA")
        assert isinstance(reply, notifications.JoinedRoom)
        assert (reply.roomName, reply.nicks) == ("tea", ["cat", "ann"])
        assert self.ann.controller.current == "tea"

    def test_part(self) -> None:
        assert isinstance(self.one("/part"), notifications.LeftRoom)
        self.ann.say("/join lobby")
        self.chat.clear()
        assert isinstance(self.one("/part #Lobby must go"), notifications.LeftRoom)
        left = only(notifications.UserLeft, self.bob.heard())
        assert left.reason == "must go"
        self.ann.type("/part", "/topic", "/who", "/history", "/since 1")
        assert self.ann.errorCodes() == [errors.NOWHERE] * 5

    def test_rooms(self) -> None:
        self.cat.say("/topic hot")
        reply = self.one("/rooms")
        assert isinstance(reply, notifications.RoomList)
        assert reply.rooms == [("lobby", 2, ""), ("tea", 1, "hot")]

    def test_who(self) -> None:
        self.bob.say("/away lunch")
        self.chat.clear()
        reply = self.one("/who")
        assert isinstance(reply, notifications.MemberList)
        assert (reply.roomName, people(reply)) == (
            "lobby",
            [("Bob", True, "lunch", MEMBER), ("ann", True, "", MEMBER)],
        )
        reply = self.one("/who #tea")
        assert isinstance(reply, notifications.MemberList)
        assert people(reply) == [("cat", True, "", FOUNDER)]

    def test_whoNodesIsForOperators(self) -> None:
        chat = ChatHarness(operators=["root"], nodes=lambda: ["a: fine", "b: far away"])
        root, ann = chat.joinRegistered("root"), chat.joinRegistered("ann", "nodes")
        notice = only(notifications.Notice, root.say("/who nodes"))
        assert (notice.lines, notice.code) == (["a: fine", "b: far away"], "nodes")
        for person, line in ((ann, "/who nodes"), (ann, "/who"), (root, "/who #nodes")):
            assert [
                item.nick for item in only(notifications.MemberList, person.say(line)).members
            ] == ["ann"]
        assert errorCodes(ann.say("/part", "/who nodes")[1:]) == [errors.NO_ROOM]

    def test_whoNodesWithoutCluster(self) -> None:
        root = self.chat.joinRegistered("root")
        root.type("/who nodes")
        assert root.errorCodes() == [errors.NO_ROOM]
        only(notifications.MemberList, root.say("/join nodes", "/who nodes")[1:])

    def test_longListIsPaged(self) -> None:
        for number in range(LIST_PAGE + 5):
            self.chat.context.state.rooms[f"x{number}"] = Room(RoomRecord(f"x{number}", "x", seq=1))
        self.ann.type("/rooms")
        pages = [item for item in self.ann.heard() if isinstance(item, notifications.RoomList)]
        assert [len(item.rooms) for item in pages] == [LIST_PAGE]
        assert self.ann.controller.busy
        self.ann.continueOutput()
        pages = [item for item in self.ann.heard() if isinstance(item, notifications.RoomList)]
        assert (
            sum(len(item.rooms) for item in pages) == len(self.chat.context.state.rooms) - LIST_PAGE
        )
        self.ann.continueOutput()
        assert not self.ann.controller.busy

    def test_whoisShowsCommonRoomsOnly(self) -> None:
        self.bob.say("/join tea", "/away lunch")
        self.chat.clear()
        reply = self.one("/whois BOB")
        assert isinstance(reply, notifications.WhoisReply)
        assert (reply.nick, reply.guest, reply.away, reply.rooms) == (
            "Bob",
            True,
            "lunch",
            ["lobby"],
        )

    def test_msg(self) -> None:
        reply = self.one("/msg bob hello  there")
        assert isinstance(reply, notifications.PrivateMessage)
        assert (reply.to, reply.kind, reply.text) == ("Bob", MESSAGE, "hello  there")
        assert kinds(self.bob.heard()) == [notifications.PrivateMessage]
        self.ann.say("/join tea", "/msg #lobby hi")
        assert self.bob.texts() == ["hi"]

    def test_me(self) -> None:
        assert self.ann.say("/me waves") == []
        message = only(notifications.RoomMessages, self.bob.heard())
        assert (message.kind, message.texts) == (ME, ("waves",))

    def test_topic(self) -> None:
        reply = self.one("/topic two words")
        assert isinstance(reply, notifications.RoomMessages)
        assert (reply.kind, reply.texts) == (TOPIC, ("two words",))
        reply = self.one("/topic")
        assert isinstance(reply, notifications.Topic)
        assert (reply.text, reply.by) == ("two words", "ann")
        reply = self.one("/topic -")
        assert isinstance(reply, notifications.RoomMessages)
        reply = self.one("/topic")
        assert isinstance(reply, notifications.Topic)
        assert (reply.text, reply.by) == ("", "")

    def numbers(self, person: MemoryClient, line: str) -> list[int]:
        pages = person.say(line)
        while person._then is not None:
            person.continueOutput()
            pages += person.heard()
        assert all(isinstance(item, notifications.HistoryReplay) for item in pages)
        return [
            number
            for page in pages
            if isinstance(page, notifications.HistoryReplay)
            for message in page.messages
            for number in range(message.first, message.last + 1)
        ]

    def test_history(self) -> None:
        assert self.numbers(self.ann, "/history") == []
        self.bob.controller.say(tuple(map(str, range(30))))
        self.chat.tick()
        self.chat.clear()
        assert self.numbers(self.ann, "/history 3") == [28, 29, 30]
        assert self.numbers(self.ann, "/history") == list(range(11, 31))
        assert self.numbers(self.ann, f"/history {HISTORY_LINES}") == list(range(1, 31))

    def test_since(self) -> None:
        self.bob.controller.say(tuple(map(str, range(30))))
        self.chat.tick()
        self.ann.say("/join tea")
        self.chat.clear()
        assert self.numbers(self.ann, "/since lobby 27") == [28, 29, 30]
        assert self.numbers(self.ann, "/since 0") == []
        self.ann.say("/join lobby")
        assert self.numbers(self.ann, "/since 0") == list(range(1, 31))
        assert self.numbers(self.ann, "/since 30") == []

    def test_sinceLastLine(self) -> None:
        self.bob.say("one")
        self.chat.clear()
        page = self.one("/since 1")
        assert isinstance(page, notifications.HistoryReplay)
        assert (page.messages, page.missing, page.until) == ([], None, 1)

    def test_away(self) -> None:
        reply = self.one("/away lunch")
        assert isinstance(reply, notifications.AwayChanged)
        assert reply.text == "lunch"
        reply = self.one("/away")
        assert isinstance(reply, notifications.AwayChanged)
        assert reply.text == ""
        assert len(self.bob.heard()) == 2

    def test_searchTimes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of an hour that comes twice no line is missing, and what is no time is refused."""
        monkeypatch.setenv("TZ", "America/New_York")
        time.tzset()
        try:
            query = parsing.search(
                self.ann.controller, "since:2026-11-01T01:30 before:2026-11-01T01:30 tea"
            )
            assert (query.until - query.since) // NANOSECONDS == 3600
        finally:
            monkeypatch.undo()
            time.tzset()
        query = parsing.search(self.ann.controller, "before:1965-01-01")
        # 0 would be no end at all.
        assert query.until == 1
        reply = self.one("/search since:noon tea")
        assert isinstance(reply, notifications.ErrorReply)
        assert reply.error.code is errors.WHEN

    def test_ignoreToggles(self) -> None:
        lines = ("BOB", "", "bob", "", "bob", "-bob")
        notices = [self.one(f"/ignore {line}".strip()) for line in lines]
        assert [item.lines[0] for item in notices if isinstance(item, notifications.Notice)] == [
            "you ignore Bob",
            "you ignore Bob",
            "you no longer ignore Bob",
            "you ignore nobody",
            "you ignore Bob",
            "you no longer ignore Bob",
        ]

    def test_format(self) -> None:
        self.ann.say("/format JSON", "/format text")
        assert self.ann.formats == ["json", "text"]

    def test_ackAndEcho(self) -> None:
        for name, attribute in (("ack", "wantsAcks"), ("echo", "wantsEcho")):
            for word, wanted in (("ON", True), ("off", False)):
                reply = self.one(f"/{name} {word}")
                assert isinstance(reply, notifications.Notice)
                assert reply.lines == [f"{name} is {word.lower()}"]
                assert getattr(self.ann.session, attribute) is wanted

    def test_quit(self) -> None:
        self.ann.say("/quit for tea")
        assert self.ann.closed
        gone = only(notifications.UserQuit, self.bob.heard())
        assert gone.reason == "for tea"
        stranger = self.chat.connect()
        stranger.say("/quit")
        assert stranger.closed
