"""
Tests for L{tsservices.chat.verbs}: called as a frontend without text does, and what happens to a
verb that waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.chat import PASSWORD, Person, Town
from tests.support.chat_accounts import login
from tsservices.chat.controller import SessionController
from tsservices.chat.errors import (
    GUESSED_OFTEN,
    LINE_LONG,
    NICK_TAKEN,
    NO_LINE,
    NOT_STORED,
    NOTHING_SEARCHED,
    PASSWORDS_DIFFER,
    SEARCHING,
    TEXT_LONG,
    WRONG_PASSWORD,
    ChatError,
)
from tsservices.chat.login_limits import ACCOUNT_GUESSES_AT_ONCE
from tsservices.chat.notifications import (
    HistoryReplay,
    Notice,
    RestrictionList,
    RoomList,
    RoomMessages,
    SearchResults,
    Topic,
)
from tsservices.chat.operations import BAN
from tsservices.chat.permissions import FOUNDER
from tsservices.chat.requests import RequestCoroutine
from tsservices.chat.storage import MessagesCallback, SearchQuery
from tsservices.chat.verbs import accounts, history, moderation, talk
from tsservices.chat.verbs.checks import ANYONE, NAMED, REGISTERED, checkPermission


def start(person: Person, verb: Callable[..., RequestCoroutine], *given: Any) -> None:
    controller = person.conversation
    controller.start(lambda: verb(controller, *given))


class HeldSearches:
    """Answers the searches of a town when the test says so."""

    def __init__(self, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[MessagesCallback] = []
        monkeypatch.setattr(town.journal, "search", self._search)

    def _search(self, search: SearchQuery, found: MessagesCallback) -> None:
        self.answers.append(found)


class TestTypedArguments:
    """An IRC or a browser frontend has no text to parse."""

    def test_visit(self) -> None:
        """A whole visit."""
        town = Town()
        ann, bob = town.stranger(), town.person("bob", "tea")
        town.hush()
        start(ann, talk.enter, "Ann")
        start(ann, talk.join, "#Tea")
        town.turn()
        assert ann.conversation.current == "tea"
        room = ann.conversation.room("#TEA")
        assert room is ann.conversation.room()
        ann.conversation.say(("hello",))
        town.turn()
        assert bob.lines()[-1:] == ["hello"]
        ann.take()
        start(ann, history.history, room, 1)
        (page,) = ann.take()
        assert isinstance(page, HistoryReplay)
        ann.more()
        talk.setTopic(ann.conversation, room, "hot")
        town.turn()
        town.hush()
        start(ann, talk.listRooms)
        (rooms,) = ann.take()
        assert isinstance(rooms, RoomList)
        assert rooms.rooms == [("lobby", 1, ""), ("tea", 2, "hot")][::-1]
        start(ann, talk.part, room, "bye")
        town.turn()
        assert ann.conversation.current == "lobby"

    def test_restrict(self) -> None:
        """Spans are seconds."""
        town = Town()
        ann = town.owner("ann", "tea")
        town.person("bob", "tea")
        town.hush()
        room = ann.conversation.room()
        moderation.restrict(ann.conversation, room, BAN, "bob", 60, "noise")
        town.turn()
        ann.take()
        moderation.listRestrictions(ann.conversation, room, BAN)
        (listed,) = ann.take()
        assert isinstance(listed, RestrictionList)
        assert [(ban.name, ban.reason) for ban in listed.restrictions] == [("bob", "noise")]

    def test_permissions(self) -> None:
        """The check is one for all frontends."""
        town = Town(operators=["root"])
        ann, stranger = town.person("ann", "tea"), town.stranger()
        codes = []
        for person, permission in (
            (stranger, ANYONE),
            (stranger, NAMED),
            (ann, NAMED),
            (ann, REGISTERED),
            (ann, FOUNDER),
        ):
            try:
                checkPermission(person.conversation, permission, "do it")
                codes.append("")
            except ChatError as error:
                codes.append(error.code.name)
        assert codes == ["", "name-first", "", "account-needed", ""]

    def test_bounds(self) -> None:
        """What a verb may ask of the storage is bounded, whoever calls it."""
        town = Town()
        ann = town.person("ann")
        ann.conversation.say(tuple(map(str, range(history.HISTORY_LINES + 20))))
        town.turn()
        town.journal.reads.clear()
        start(ann, history.history, ann.conversation.room(), 10**9)
        assert town.journal.reads == [("lobby", 21, history.HISTORY_LINES + 20)]
        ann.conversation.quit("")
        bob = town.person("bob")
        words = ["x"] * (history.SEARCH_WORDS + 1)
        start(bob, history.search, history.searchQuery([bob.conversation.room()], words))
        assert bob.reasons() == [TEXT_LONG]


class TestSearching:
    """One search for each person at a time."""

    @pytest.fixture(autouse=True)
    def _setUp(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.town = Town()
        self.searches = HeldSearches(self.town, monkeypatch)

    def search(self, person: Person) -> None:
        room = person.conversation.room()
        start(person, history.search, history.searchQuery([room], ["tea"]))

    def test_waits(self) -> None:
        """What is asked for meanwhile waits for the answer."""
        ann = self.town.person("ann")
        self.search(ann)
        ann.type("/topic")
        assert ann.take() == []
        assert ann.conversation.busy
        self.searches.answers.pop()([])
        assert [type(each) for each in ann.take()] == [SearchResults, Topic]
        assert not ann.conversation.busy
        ann.type("/search")
        assert ann.reasons() == [NOTHING_SEARCHED]

    def test_twoSessions(self) -> None:
        """Two sessions of an account are one person; two guests are two."""
        one = self.town.owner("ann")
        other = login(self.town, "ann", "lobby")
        bob = self.town.person("bob")
        for person in (one, other, bob):
            self.search(person)
        assert other.reasons() == [SEARCHING]
        assert len(self.searches.answers) == 2
        self.searches.answers.pop(0)([])
        self.search(other)
        assert other.reasons() == []
        assert len(self.searches.answers) == 2

    def test_quit(self) -> None:
        """
        Who quits does not end the search, so it counts until it is answered; then nothing is
        shown.
        """
        ann, other = self.town.owner("ann"), login(self.town, "ann", "lobby")
        self.search(ann)
        ann.conversation.quit("")
        self.town.turn()
        self.town.hush()
        self.search(other)
        assert other.reasons() == [SEARCHING]
        self.searches.answers.pop()([])
        assert ann.take() == []
        self.search(other)
        assert other.reasons() == []
        assert len(self.searches.answers) == 1

    def test_fails(self) -> None:
        """A search that fails, or is not even begun, is over."""
        ann = self.town.person("ann")
        self.search(ann)
        self.searches.answers.pop()(ChatError(LINE_LONG, most=1))
        assert ann.reasons() == [LINE_LONG]
        assert self.town.house.searching == set()


class TestWaiting:
    """What may happen while a verb waits."""

    def test_deletedMeanwhile(self) -> None:
        """The author of a line is looked up when it has been read, not before."""
        town = Town()
        ann = town.owner("ann")
        ann.do("hello")
        town.journal.slowReads = True
        start(ann, history.delete, ann.conversation.room(), 1)
        del town.house.state.accounts["ann"]
        town.journal.answer()
        (operation, _) = town.house.pipeline._outbox[-1]
        assert getattr(operation, "author", "") is None

    def test_noLine(self) -> None:
        """A number beyond the last one needs no look."""
        town = Town()
        ann = town.person("ann")
        town.journal.reads.clear()
        start(ann, history.delete, ann.conversation.room(), 1)
        assert ann.reasons() == [NO_LINE]
        assert town.journal.reads == []

    def test_quitWhileAsked(self) -> None:
        """Who leaves while a secret is asked for is not shown anything, and nothing is done."""
        town = Town()
        ann = town.person("ann")
        start(ann, accounts.register, None)
        assert ann.prompts == [accounts.NEW_PASSWORD]
        ann.conversation.quit("")
        ann.conversation.answerSecret(PASSWORD)
        town.turn()
        assert ann.prompts == [accounts.NEW_PASSWORD]
        assert town.house.state.accounts == {}

    def test_askedTwice(self) -> None:
        """Two answers that differ are refused, and the session goes on."""
        town = Town()
        ann = town.person("ann")
        start(ann, accounts.register, None)
        for answer in (PASSWORD, "another one"):
            assert not ann.conversation.busy
            ann.conversation.answerSecret(answer)
        assert ann.prompts == [accounts.NEW_PASSWORD, accounts.AGAIN]
        assert ann.reasons() == [PASSWORDS_DIFFER]
        assert ann.conversation.secret is None
        assert not ann.conversation.busy

    def test_wrongPasswords(self) -> None:
        """Each wrong password counts, one that nobody could look at does not."""
        town = Town()
        town.owner("ann")
        thief = town.stranger()
        for _ in range(ACCOUNT_GUESSES_AT_ONCE):
            start(thief, accounts.login, "ann", "something else")
        assert thief.reasons() == [WRONG_PASSWORD] * ACCOUNT_GUESSES_AT_ONCE
        start(thief, accounts.login, "ann", PASSWORD)
        assert thief.reasons() == [GUESSED_OFTEN]

    def test_nickTakenMeanwhile(self) -> None:
        """Of two who enter in one turn only one is shown a token, and joins the lobby."""
        town = Town()
        one, other = town.stranger(), town.stranger()
        for person in (one, other):
            start(person, talk.enter, "ann")
        town.turn()
        assert [person.conversation.current for person in (one, other)] == ["lobby", ""]
        assert other.reasons() == [NICK_TAKEN]

    def test_notices(self) -> None:
        """A verb that does not wait answers before it returns."""
        town = Town()
        ann = town.person("ann")
        talk.setAcks(ann.conversation, True)
        talk.toggleIgnored(ann.conversation, "Bob")
        lines = [notice.lines for notice in ann.take() if isinstance(notice, Notice)]
        assert lines == [["ack is on"], ["you ignore Bob"]]


def depth(error: ChatError) -> int:
    traceback, frames = error.__traceback__, 0
    while traceback is not None:
        traceback, frames = traceback.tb_next, frames + 1
    return frames


def test_trouble() -> None:
    """
    The one error that is raised while nothing can be stored does not grow by each line that is
    refused.
    """
    town = Town()
    ann = town.person("ann")
    trouble = town.journal.trouble = ChatError(NOT_STORED, reason="the disk is full")
    for _ in range(20):
        ann.type("x", "/topic x")
    assert ann.reasons() == [NOT_STORED] * 40
    assert depth(trouble) < 15


def test_liveOutputBehindReplay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a frontend is to hold back while a replay is shown, and that it is let go once."""
    town = Town()
    ann, bob = town.person("ann"), town.person("bob")
    bob.do("one")
    town.hush()
    held: list[bool] = []
    monkeypatch.setattr(ann, "holdOutput", held.append)
    controller: SessionController = ann.conversation
    start(ann, history.since, controller.room(), 0)
    bob.do("two")
    pages = [each for each in ann.take() if isinstance(each, HistoryReplay)]
    assert [line.texts for page in pages for line in page.messages] == [("one",)]
    assert held == [True]
    ann.more()
    assert held == [True, False]
    assert not any(isinstance(each, RoomMessages) for each in ann.take())
