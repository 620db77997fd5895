"""
Tests for taking the text of lines away.
"""

from __future__ import annotations

from tests.chat.handlers.test_private_rooms import asked
from tests.support.chat import Town
from tests.support.chat_rooms import TeaRoom, lines, reasons
from tsservices.chat.errors import NO_LINE, NOT_ALLOWED, NOT_STORED, NUMBER, USAGE, ChatError
from tsservices.chat.notifications import (
    HistoryReplay,
    JoinedRoom,
    Notification,
    RoomMessages,
    SearchResults,
)
from tsservices.chat.operations import DELETE, DELETED, MESSAGE, DeleteMessage


def shown(happenings: list[Notification]) -> list[tuple[int, str, str]]:
    told: list[tuple[int, str, str]] = []
    for each in happenings:
        if isinstance(each, JoinedRoom) and each.replay is not None:
            each = each.replay
        if isinstance(each, HistoryReplay | SearchResults):
            told += [
                (said.first + which, said.kind, text)
                for said in each.messages
                for which, text in enumerate(said.texts)
            ]
    return told


def _lines(read: list[RoomMessages] | ChatError) -> list[RoomMessages]:
    assert not isinstance(read, ChatError)
    return read


class TestDelete(TeaRoom):
    """In the room tea, where line 1 is ann's, and 2 says that opal is an operator."""

    def setup_method(self) -> None:
        super().setup_method()
        self.mel.conversation.say(("three", "four", "five"))
        self.bob.do("six")
        self.opal.do("seven")
        self.town.hush()

    def test_own(self) -> None:
        """One's own line: all are told its number, and nobody is shown its text again."""
        heard = self.mel.do("/delete 4")
        assert lines(heard) == [(DELETE, "4")]
        assert lines(self.bob.take()) == [(DELETE, "4")]
        wanted = [
            (3, MESSAGE, "three"),
            (4, DELETED, ""),
            (5, MESSAGE, "five"),
            (6, MESSAGE, "six"),
            (7, MESSAGE, "seven"),
            (8, DELETE, "4"),
        ]
        late = self.town.person("late", "milk")
        assert shown(late.do("/join tea"))[2:] == wanted
        assert shown(asked(late, "/since 2")) == wanted
        assert shown(late.do("/search four")) == []
        assert [text for _, _, text in shown(late.do("/search from:mel"))] == ["three", "five"]

    def test_afterRestart(self) -> None:
        """When nobody was in the room, and it is read again, the text is gone too."""
        self.mel.do("/delete 4")
        for person in (self.ann, self.bob, self.opal, self.mel, self.root):
            person.do("/part tea")
        assert self.room.replay() is None
        late = self.town.person("late", "milk")
        assert (4, DELETED, "") in shown(late.do("/join tea"))

    def test_whileItIsRead(self) -> None:
        """What was read from the journal before, and comes after, does not bring it back."""
        people = (self.ann, self.bob, self.opal, self.mel, self.root)
        for person in people:
            person.do("/part tea")
        self.town.journal.failure = ChatError(NOT_STORED, reason="x")
        self.opal.do("/join tea")
        self.town.journal.failure = None
        assert self.room.replay() is None
        got: list[list[RoomMessages]] = []
        self.town.journal.read("tea", 1, self.room.storedSeq, lambda read: got.append(_lines(read)))
        self.opal.do("/delete 4")
        self.room.preload(got[0], 1)
        late = self.town.person("late", "milk")
        told = shown(late.do("/join tea"))
        assert (3, MESSAGE, "three") in told
        assert (4, DELETED, "") in told

    def test_operator(self) -> None:
        """An operator takes any line away, also a guest's, or the founder's."""
        for seq in (1, 3, 6, 7):
            assert lines(self.opal.do(f"/delete {seq}")) == [(DELETE, str(seq))]

    def test_notOthers(self) -> None:
        """
        Nobody else's, nor does a guest take away what a guest has said, be it they
        themselves: it can't be known.
        """
        for person, seq in ((self.mel, 1), (self.mel, 6), (self.bob, 6), (self.bob, 3)):
            assert reasons(person.do(f"/delete {seq}")) == [NOT_ALLOWED]
        assert self.room.record.seq == 7

    def test_applied(self) -> None:
        """Also not when their server thought so."""
        for person, author, seq in (
            (self.mel, None, 6),
            (self.mel, "ann", 1),
            (self.bob, None, 6),
            (self.mel, "mel", 999),
            (self.opal, None, 999),
            (self.opal, None, 0),
        ):
            event = DeleteMessage(person.session.ident, "tea", seq, author)
            self.town.house.pipeline.propose(event, person.session)
            self.town.turn()
            assert person.reasons() == [
                NOT_ALLOWED if seq < 999 and person is not self.opal else NO_LINE
            ]
        assert self.room.record.seq == 7

    def test_twice(self) -> None:
        """What is gone is not there to be taken away; nor is what tells of deeds."""
        self.mel.do("/delete 4")
        for seq in (4, 8, 2, 999):
            assert reasons(self.opal.do(f"/delete {seq}")) == [NO_LINE]
        for given, reason in (("0", NUMBER), ("x", NUMBER), ("-1", NUMBER), ("", USAGE)):
            assert reasons(self.opal.do(f"/delete {given}")) == [reason]

    def test_twiceAtOnce(self) -> None:
        """Two who take the same line away at once do no harm."""
        self.mel.type("/delete 4")
        self.opal.type("/delete 4")
        self.town.turn()
        assert (4, DELETED, "") in shown(asked(self.ann, "/history 20"))

    def test_saidInTheSameTurn(self) -> None:
        """A line of this turn can be taken away in it."""
        self.mel.conversation.say(("eight",))
        event = DeleteMessage(self.mel.session.ident, "tea", 8, "mel")
        self.town.house.pipeline.propose(event, self.mel.session)
        self.town.turn()
        assert lines(self.ann.take()) == [(MESSAGE, "eight"), (DELETE, "8")]
        assert (8, DELETED, "") in shown(asked(self.ann, "/since 7"))
        assert shown(self.ann.do("/search eight")) == []

    def test_muted(self) -> None:
        """Who is silenced may still take back what they said."""
        self.opal.do("/mute mel")
        self.town.hush()
        assert lines(self.mel.do("/delete 3")) == [(DELETE, "3")]

    def test_kickedMeanwhile(self) -> None:
        """Who has to go while the line is looked at takes nothing away."""
        self.town.journal.slowReads = True
        self.mel.type("/delete 3")
        self.opal.do("/kick mel")
        self.town.journal.answer()
        self.town.turn()
        assert "three" in [text for _, _, text in shown(self._history())]

    def _history(self) -> list[Notification]:
        self.town.journal.slowReads = False
        self.town.hush()
        return asked(self.ann, "/history 20")

    def test_trouble(self) -> None:
        """While nothing can be stored, nothing is taken away."""
        self.town.journal.trouble = ChatError(NOT_STORED, reason="x")
        assert reasons(self.mel.do("/delete 3")) == [NOT_STORED]

    def test_readingFails(self) -> None:
        """What can't be looked at is not taken away, and the next command works."""
        self.town.journal.failure = ChatError(NOT_STORED, reason="x")
        assert reasons(self.mel.do("/delete 3")) == [NOT_STORED]
        assert not self.mel.conversation.busy


def test_ownGuestLines() -> None:
    """What somebody said as a guest is not their account's."""
    town = Town()
    ann = town.person("ann", "tea")
    town.person("bob", "tea")
    ann.do("/join milk", "/part milk", "one", "/register correct horse")
    ann.do("/nick zed", "two")
    town.hush()
    room = town.house.state.rooms["tea"]
    room.record.founder = ""
    assert reasons(ann.do("/delete 1")) == [NOT_ALLOWED]
    assert lines(ann.do("/delete 2")) == [(DELETE, "2")]
