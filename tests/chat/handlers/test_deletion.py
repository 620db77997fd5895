"""Tests for taking the text of lines away."""

from __future__ import annotations

import pytest

from tests.chat.handlers.test_private_rooms import asked
from tests.support.chat import (
    ChatHarness,
    MemoryClient,
    RoomCase,
    errorCodes,
    kindsAndTexts,
    only,
)
from tsservices.chat import snapshot
from tsservices.chat.errors import (
    NO_LINE,
    NO_LINE_OF,
    NO_WORDS,
    NOT_ALLOWED,
    NOT_STORED,
    NUMBER,
    USAGE,
    ChatError,
)
from tsservices.chat.notifications import (
    HistoryReplay,
    JoinedRoom,
    Notification,
    RoomMessages,
    SearchResults,
    Topic,
)
from tsservices.chat.operations import (
    BAN,
    DELETE,
    DELETED,
    KICK,
    MESSAGE,
    MUTE,
    TOPIC,
    DeleteMessage,
)
from tsservices.chat.storage import HISTORY_PAGE


def shown(happenings: list[Notification]) -> list[tuple[int, str, str]]:
    sent: list[tuple[int, str, str]] = []
    for item in happenings:
        if isinstance(item, JoinedRoom) and item.replay is not None:
            item = item.replay
        if isinstance(item, HistoryReplay | SearchResults):
            sent += [
                (line.first + which, line.kind, text)
                for line in item.messages
                for which, text in enumerate(line.texts)
            ]
    return sent


def _lines(read: list[RoomMessages] | ChatError) -> list[RoomMessages]:
    assert not isinstance(read, ChatError)
    return read


class TestDelete(RoomCase):
    """In the room tea, where line 1 is ann's, and 2 says that opal is an operator."""

    def setup_method(self) -> None:
        super().setup_method()
        self.mel.controller.say(("three", "four", "five"))
        self.bob.say("six")
        self.opal.say("seven")
        self.chat.clear()

    def test_ownLine(self) -> None:
        heard = self.mel.say("/delete 4")
        assert kindsAndTexts(heard) == [(DELETE, "4")]
        assert kindsAndTexts(self.bob.heard()) == [(DELETE, "4")]
        wanted = [
            (3, MESSAGE, "three"),
            (4, DELETED, ""),
            (5, MESSAGE, "five"),
            (6, MESSAGE, "six"),
            (7, MESSAGE, "seven"),
            (8, DELETE, "4"),
        ]
        late = self.chat.join("late", "milk")
        assert shown(late.say("/join tea"))[2:] == wanted
        assert shown(asked(late, "/since 2")) == wanted
        assert shown(late.say("/search four")) == []
        assert [text for _, _, text in shown(late.say("/search from:mel"))] == ["three", "five"]

    def test_linesReadFromStorage(self) -> None:
        self.mel.say("/delete 4")
        for person in (self.ann, self.bob, self.opal, self.mel, self.root):
            person.say("/part tea")
        assert self.room.replay() is None
        late = self.chat.join("late", "milk")
        assert (4, DELETED, "") in shown(late.say("/join tea"))

    def test_deletedDuringRead(self) -> None:
        people = (self.ann, self.bob, self.opal, self.mel, self.root)
        for person in people:
            person.say("/part tea")
        self.chat.storage.failure = ChatError(NOT_STORED, reason="x")
        self.opal.say("/join tea")
        self.chat.storage.failure = None
        assert self.room.replay() is None
        got: list[list[RoomMessages]] = []
        self.chat.storage.read("tea", 1, self.room.storedSeq, lambda read: got.append(_lines(read)))
        self.opal.say("/delete 4")
        self.room.preload(got[0], got[0][-1].last)
        late = self.chat.join("late", "milk")
        sent = shown(late.say("/join tea"))
        assert (3, MESSAGE, "three") in sent
        assert (4, DELETED, "") in sent

    def test_operator(self) -> None:
        for seq in (1, 3, 6, 7):
            assert kindsAndTexts(self.opal.say(f"/delete {seq}")) == [(DELETE, str(seq))]

    def test_otherPeoplesLines(self) -> None:
        """Nor what the same guest wrote: that can't be known."""
        for person, seq in ((self.mel, 1), (self.mel, 6), (self.bob, 6), (self.bob, 3)):
            assert errorCodes(person.say(f"/delete {seq}")) == [NOT_ALLOWED]
        assert self.room.record.seq == 7

    def test_rejectedWhenApplied(self) -> None:
        for person, author, seq in (
            (self.mel, None, 6),
            (self.mel, "ann", 1),
            (self.bob, None, 6),
            (self.mel, "mel", 999),
            (self.opal, None, 999),
            (self.opal, None, 0),
        ):
            person.propose(DeleteMessage, "tea", seq, author)
            self.chat.tick()
            assert person.errorCodes() == [
                NOT_ALLOWED if seq < 999 and person is not self.opal else NO_LINE
            ]
        assert self.room.record.seq == 7

    def test_deletedLines(self) -> None:
        self.mel.say("/delete 4")
        for seq in (4, 8, 2):
            assert errorCodes(self.opal.say(f"/delete {seq}")) == [NO_WORDS]
        assert errorCodes(self.opal.say("/delete 999")) == [NO_LINE]
        for given, reason in (("0", NUMBER), ("x", NUMBER), ("-1", NUMBER), ("", USAGE)):
            assert errorCodes(self.opal.say(f"/delete {given}")) == [reason]

    @pytest.mark.parametrize(
        ("line", "kind", "rest"),
        [
            ("/me RUDE", DELETED, ""),
            ("/topic RUDE", DELETED, ""),
            ("/kick bob RUDE one", KICK, "bob"),
            ("/ban bob 2h RUDE one", BAN, "bob 2h"),
            ("/mute bob RUDE one", MUTE, "bob forever"),
            ("/mute mel 2h RUDE one", MUTE, "mel 2h"),
        ],
    )
    @pytest.mark.parametrize("deleter", ["opal", "ann", "root"])
    def test_wordsOfEveryKind(self, line: str, kind: str, rest: str, deleter: str) -> None:
        self.opal.say(line)
        assert errorCodes(self.mel.say("/delete 8")) == [NOT_ALLOWED]
        self.chat.clear()
        person: MemoryClient = getattr(self, deleter)
        heard = kindsAndTexts(person.say("/delete 8"))
        assert heard == [(DELETE, "8"), *([(TOPIC, "")] if "topic" in line else [])]
        assert errorCodes(person.say("/delete 8")) == [NO_WORDS]
        late = self.chat.join("late", "milk")
        for asking in ("/join tea", "/since 7", "/history 9", "/search RUDE", "/topic", "/rooms"):
            answers = asked(late, asking)
            assert "RUDE" not in str(answers)
            if asking in ("/since 7", "/history 9"):
                assert (8, kind, rest) in shown(answers)
        for asking in ("/ban", "/mute"):
            assert "RUDE" not in str(self.ann.say(asking))
        assert "RUDE" not in str(self.bob.say("hello?", "/join tea"))
        assert "RUDE" not in str(snapshot.save(self.state))
        assert "RUDE" not in str(self.chat.storage._all)

    def test_topicThatStoodBefore(self) -> None:
        """Only the one that stands is cleared."""
        self.mel.say("/topic one", "/topic two", "/delete 8")
        assert self.room.record.topic == "two"
        self.mel.say("/delete 9")
        assert (self.room.record.topic, self.room.record.topicBy) == ("", "")
        assert only(Topic, self.mel.say("/topic")[-1:]).text == ""

    def test_reasonOfOtherRestrictionStays(self) -> None:
        self.opal.say("/ban bob one", "/unban bob", "/ban bob two", "/mute bob three")
        self.opal.say("/ban mel four")
        self.chat.time += 1
        self.opal.say("/ban mel five")
        seqs = {item[2].rpartition(" ")[2]: item[0] for item in shown(asked(self.ann, "/since 7"))}
        self.opal.say(f"/delete {seqs['four']}")
        reasons = {item.reason for item in self.room.permissions.restrictions.values()}
        assert reasons == {"two", "three", "five"}
        self.opal.say(f"/delete {seqs['five']}")
        reasons = {item.reason for item in self.room.permissions.restrictions.values()}
        assert reasons == {"two", "three", ""}

    def test_olderRuleTouchesOnlyTheLine(self) -> None:
        self.mel.say("/topic one")
        self.mel.propose(DeleteMessage, "tea", 8, "mel")
        self.chat.tick()
        assert self.room.record.topic == "one"

    def test_last(self) -> None:
        assert kindsAndTexts(self.mel.say("/delete last")) == [(DELETE, "5")]
        assert kindsAndTexts(self.mel.say("/delete LAST")) == [(DELETE, "4")]
        assert kindsAndTexts(self.mel.say("/delete mel last")) == [(DELETE, "3")]
        assert errorCodes(self.mel.say("/delete last")) == [NO_LINE_OF]
        assert errorCodes(self.mel.say("/delete bob last")) == [NOT_ALLOWED]
        assert errorCodes(self.mel.say("/delete a b last")) == [USAGE]
        assert errorCodes(self.bob.say("/delete last")) == [NOT_ALLOWED]
        assert kindsAndTexts(self.opal.say("/delete BOB last"))[-1:] == [(DELETE, "6")]
        self.opal.say("/mute bob", "/kick bob rude")
        assert kindsAndTexts(self.opal.say("/delete last"))[-1:] == [(DELETE, "13")]
        assert kindsAndTexts(self.opal.say("/delete last")) == [(DELETE, "7")]
        assert errorCodes(self.opal.say("/delete nobody last")) == [NO_LINE_OF]

    def test_lastFarBack(self) -> None:
        self.bob.controller.say(("x",) * (HISTORY_PAGE + 50))
        self.chat.tick()
        assert kindsAndTexts(self.opal.say("/delete mel last"))[-1:] == [(DELETE, "5")]

    def test_lastThatWasDelivered(self) -> None:
        """What is said after it was typed, and told only later, is not meant."""
        self.chat.storage.slow = True
        self.opal.type("eight", "/delete bob last")
        self.bob.type("nine")
        self.chat.tick()
        self.chat.finishStoring()
        self.chat.finishStoring()
        assert (DELETE, "6") in kindsAndTexts(self.ann.heard())

    def test_lastOwnThatWaits(self) -> None:
        """One's own line is meant as soon as it is typed, but not one of another window."""
        other = self.chat.login("mel", "tea")
        self.chat.storage.slow = True
        self.mel.type("one", "two", "/delete last")
        self.chat.tick()
        other.type("other")
        self.chat.tick()
        self.chat.finishStoring()
        self.chat.finishStoring()
        assert (DELETE, "9") in kindsAndTexts(self.ann.heard())

    def test_twoDeletionsUnderWay(self) -> None:
        self.mel.type("/delete 4")
        self.opal.type("/delete 4")
        self.chat.tick()
        assert (4, DELETED, "") in shown(asked(self.ann, "/history 20"))

    def test_lineOfSameTurn(self) -> None:
        self.mel.controller.say(("eight",))
        self.mel.propose(DeleteMessage, "tea", 8, "mel")
        self.chat.tick()
        assert kindsAndTexts(self.ann.heard()) == [(MESSAGE, "eight"), (DELETE, "8")]
        assert (8, DELETED, "") in shown(asked(self.ann, "/since 7"))
        assert shown(self.ann.say("/search eight")) == []

    def test_mutedAuthor(self) -> None:
        self.opal.say("/mute mel")
        self.chat.clear()
        assert kindsAndTexts(self.mel.say("/delete 3")) == [(DELETE, "3")]

    def test_kickedDuringRead(self) -> None:
        self.chat.storage.slowReads = True
        self.mel.type("/delete 3")
        self.opal.say("/kick mel")
        self.chat.finishReading()
        assert "three" in [text for _, _, text in shown(self._history())]

    def _history(self) -> list[Notification]:
        self.chat.storage.slowReads = False
        self.chat.clear()
        return asked(self.ann, "/history 20")

    def test_storageTrouble(self) -> None:
        self.chat.storage.trouble = ChatError(NOT_STORED, reason="x")
        assert errorCodes(self.mel.say("/delete 3")) == [NOT_STORED]

    def test_failedRead(self) -> None:
        self.chat.storage.failure = ChatError(NOT_STORED, reason="x")
        assert errorCodes(self.mel.say("/delete 3")) == [NOT_STORED]
        assert not self.mel.controller.busy


def test_guestLinesOfAccountOwner(chat: ChatHarness) -> None:
    ann = chat.join("ann", "tea")
    chat.join("bob", "tea")
    ann.say("/join milk", "/part milk", "one", "/register correct horse")
    ann.say("/nick zed", "two")
    chat.clear()
    room = chat.context.state.rooms["tea"]
    room.record.founder = ""
    assert errorCodes(ann.say("/delete 1")) == [NOT_ALLOWED]
    assert kindsAndTexts(ann.say("/delete 2")) == [(DELETE, "2")]
