"""
Tests for L{tsservices.chat.verbs}: called as a frontend without text does, and what happens to a
verb that waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.chat import PASSWORD, ChatHarness, MemoryClient, kinds, only
from tsservices.chat import errors
from tsservices.chat.controller import SessionController
from tsservices.chat.login_limits import ACCOUNT_GUESSES_AT_ONCE
from tsservices.chat.notifications import (
    HistoryReplay,
    JoinedRoom,
    Notice,
    RestrictionList,
    RoomList,
    RoomMessages,
    SearchResults,
    Topic,
    UnreadLines,
)
from tsservices.chat.operations import BAN
from tsservices.chat.permissions import FOUNDER
from tsservices.chat.requests import RequestCoroutine
from tsservices.chat.room import REPLAYED_LINES
from tsservices.chat.storage import MessagesCallback, SearchQuery
from tsservices.chat.verbs import accounts, deletion, history, moderation, search, talk
from tsservices.chat.verbs.checks import ANYONE, NAMED, REGISTERED, checkPermission


def start(person: MemoryClient, verb: Callable[..., RequestCoroutine], *given: Any) -> None:
    controller = person.controller
    controller.start(lambda: verb(controller, *given))


class WaitingSearches:
    def __init__(self, chat: ChatHarness, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[MessagesCallback] = []
        monkeypatch.setattr(chat.storage, "search", self._search)

    def _search(self, search: SearchQuery, found: MessagesCallback) -> None:
        self.answers.append(found)


class TestTypedArguments:
    def test_completeVisit(self, chat: ChatHarness) -> None:
        ann, bob = chat.connect(), chat.join("bob", "tea")
        chat.clear()
        start(ann, talk.enter, "Ann")
        start(ann, talk.join, "#Tea")
        chat.tick()
        assert ann.controller.current == "tea"
        room = ann.controller.room("#TEA")
        assert room is ann.controller.room()
        ann.controller.say(("hello",))
        chat.tick()
        assert bob.texts()[-1:] == ["hello"]
        ann.heard()
        start(ann, history.history, room, 1)
        only(HistoryReplay, ann.heard())
        ann.continueOutput()
        talk.setTopic(ann.controller, room, "hot")
        chat.tick()
        chat.clear()
        start(ann, talk.listRooms)
        rooms = only(RoomList, ann.heard())
        assert rooms.rooms == [("lobby", 1, ""), ("tea", 2, "hot")][::-1]
        start(ann, talk.part, room, "bye")
        chat.tick()
        assert ann.controller.current == "lobby"

    def test_restrictTakesSeconds(self, chat: ChatHarness) -> None:
        ann = chat.joinRegistered("ann", "tea")
        chat.join("bob", "tea")
        chat.clear()
        room = ann.controller.room()
        moderation.restrict(ann.controller, room, BAN, "bob", 60, "noise")
        chat.tick()
        ann.heard()
        moderation.listRestrictions(ann.controller, room, BAN)
        listed = only(RestrictionList, ann.heard())
        assert [(ban.name, ban.reason) for ban in listed.restrictions] == [("bob", "noise")]

    def test_permissionsAreChecked(self) -> None:
        chat = ChatHarness(operators=["root"])
        ann, stranger = chat.join("ann", "tea"), chat.connect()
        codes = []
        for person, permission in (
            (stranger, ANYONE),
            (stranger, NAMED),
            (ann, NAMED),
            (ann, REGISTERED),
            (ann, FOUNDER),
        ):
            try:
                checkPermission(person.controller, permission, "do it")
                codes.append("")
            except errors.ChatError as error:
                codes.append(error.code.name)
        assert codes == ["", "name-first", "", "account-needed", ""]

    def test_searchesAreBounded(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        ann.controller.say(tuple(map(str, range(history.HISTORY_LINES + 20))))
        chat.tick()
        chat.storage.reads.clear()
        start(ann, history.history, ann.controller.room(), 10**9)
        assert chat.storage.reads == [("lobby", 1, history.HISTORY_LINES + 20)]
        pages = [item for item in ann.heard() if isinstance(item, HistoryReplay)]
        assert [len(item.messages) for item in pages] == [1]
        assert len(pages[0].messages[0].texts) == history.HISTORY_LINES
        ann.controller.quit("")
        bob = chat.join("bob")
        words = ["x"] * (search.SEARCH_WORDS + 1)
        start(bob, search.search, search.searchQuery([bob.controller.room()], words))
        assert bob.errorCodes() == [errors.TEXT_LONG]


class TestSearching:
    @pytest.fixture(autouse=True)
    def _setUp(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chat = ChatHarness()
        self.searches = WaitingSearches(self.chat, monkeypatch)

    def search(self, person: MemoryClient) -> None:
        room = person.controller.room()
        start(person, search.search, search.searchQuery([room], ["tea"]))

    def test_incompleteIndex(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ann = self.chat.join("ann")
        monkeypatch.setattr(self.chat.storage, "unsearched", 7)
        self.search(ann)
        self.searches.answers.pop()([])
        _, notice = ann.heard()
        assert isinstance(notice, Notice)
        assert "7 older lines" in notice.lines[0]

    def test_requestsWaitForAnswer(self) -> None:
        ann = self.chat.join("ann")
        self.search(ann)
        ann.type("/topic")
        assert ann.heard() == []
        assert ann.controller.busy
        self.searches.answers.pop()([])
        assert kinds(ann.heard()) == [SearchResults, Topic]
        assert not ann.controller.busy
        ann.type("/search")
        assert ann.errorCodes() == [errors.NOTHING_SEARCHED]

    def test_sessionsOfOneAccountShareTheSearch(self) -> None:
        one = self.chat.joinRegistered("ann")
        other = self.chat.login("ann", "lobby")
        bob = self.chat.join("bob")
        for person in (one, other, bob):
            self.search(person)
        assert other.errorCodes() == [errors.SEARCHING]
        assert len(self.searches.answers) == 2
        self.searches.answers.pop(0)([])
        self.search(other)
        assert other.errorCodes() == []
        assert len(self.searches.answers) == 2

    def test_quitDuringSearch(self) -> None:
        ann, other = self.chat.joinRegistered("ann"), self.chat.login("ann", "lobby")
        self.search(ann)
        ann.controller.quit("")
        self.chat.tick()
        self.chat.clear()
        self.search(other)
        assert other.errorCodes() == [errors.SEARCHING]
        self.searches.answers.pop()([])
        assert ann.heard() == []
        self.search(other)
        assert other.errorCodes() == []
        assert len(self.searches.answers) == 1

    def test_searchFails(self) -> None:
        ann = self.chat.join("ann")
        self.search(ann)
        self.searches.answers.pop()(errors.ChatError(errors.LINE_LONG, most=1))
        assert ann.errorCodes() == [errors.LINE_LONG]
        assert self.chat.context.searching == set()


class TestWaiting:
    def test_authorIsLookedUpAfterReading(self, chat: ChatHarness) -> None:
        ann = chat.joinRegistered("ann")
        ann.say("hello")
        chat.storage.slowReads = True
        start(ann, deletion.delete, ann.controller.room(), 1)
        del chat.context.state.accounts["ann"]
        chat.storage.answerRead()
        (operation, _) = chat.context.pipeline._outbox[-1]
        assert getattr(operation, "author", "") is None

    def test_numberAfterLastLine(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        chat.storage.reads.clear()
        start(ann, deletion.delete, ann.controller.room(), 1)
        assert ann.errorCodes() == [errors.NO_LINE]
        assert chat.storage.reads == []

    def test_quitDuringSecret(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        start(ann, accounts.register, None)
        assert ann.prompts == [accounts.NEW_PASSWORD]
        ann.controller.quit("")
        ann.controller.answerSecret(PASSWORD)
        chat.tick()
        assert ann.prompts == [accounts.NEW_PASSWORD]
        assert chat.context.state.accounts == {}

    def test_secretsDiffer(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        start(ann, accounts.register, None)
        for answer in (PASSWORD, "another one"):
            assert not ann.controller.busy
            ann.controller.answerSecret(answer)
        assert ann.prompts == [accounts.NEW_PASSWORD, accounts.AGAIN]
        assert ann.errorCodes() == [errors.PASSWORDS_DIFFER]
        assert ann.controller.secret is None
        assert not ann.controller.busy

    def test_wrongPasswordsCount(self, chat: ChatHarness) -> None:
        chat.joinRegistered("ann")
        thief = chat.connect()
        for _ in range(ACCOUNT_GUESSES_AT_ONCE):
            start(thief, accounts.login, "ann", "something else")
        assert thief.errorCodes() == [errors.WRONG_PASSWORD] * ACCOUNT_GUESSES_AT_ONCE
        start(thief, accounts.login, "ann", PASSWORD)
        assert thief.errorCodes() == [errors.GUESSED_OFTEN]

    def test_nickTakenMeanwhile(self, chat: ChatHarness) -> None:
        one, other = chat.connect(), chat.connect()
        for person in (one, other):
            start(person, talk.enter, "ann")
        chat.tick()
        assert [person.controller.current for person in (one, other)] == ["lobby", ""]
        assert other.errorCodes() == [errors.NICK_TAKEN]

    def test_immediateAnswers(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        talk.setAcks(ann.controller, True)
        lines = [notice.lines for notice in ann.heard() if isinstance(notice, Notice)]
        assert lines == [["ack is on"]]


def depth(error: errors.ChatError) -> int:
    traceback, frames = error.__traceback__, 0
    while traceback is not None:
        traceback, frames = traceback.tb_next, frames + 1
    return frames


def test_trouble(chat: ChatHarness) -> None:
    """The one error that is raised while nothing can be stored does not grow with each message."""
    ann = chat.join("ann")
    trouble = chat.storage.trouble = errors.ChatError(errors.NOT_STORED, reason="the disk is full")
    for _ in range(20):
        ann.type("x", "/topic x")
    assert ann.errorCodes() == [errors.NOT_STORED] * 40
    assert depth(trouble) < 15


def test_outputIsHeldDuringReplay(monkeypatch: pytest.MonkeyPatch, chat: ChatHarness) -> None:
    ann, bob = chat.join("ann"), chat.join("bob")
    bob.say("one")
    chat.clear()
    blocked: list[bool] = []
    monkeypatch.setattr(ann, "blockOutput", blocked.append)
    controller: SessionController = ann.controller
    start(ann, history.since, controller.room(), 0)
    bob.say("two")
    pages = [item for item in ann.heard() if isinstance(item, HistoryReplay)]
    assert [line.texts for page in pages for line in page.messages] == [("one",)]
    assert blocked == [True]
    ann.continueOutput()
    assert blocked == [True, False]
    assert not any(isinstance(item, RoomMessages) for item in ann.heard())


class TestUnread:
    """Ann has read the first line of the room; bob and she say more, and she comes back."""

    def setup_method(self) -> None:
        self.chat = ChatHarness()
        self.ann = self.chat.joinRegistered("ann", "tea")
        self.bob = self.chat.joinRegistered("bob", "tea")
        self.bob.say("first")
        self.ann.say("/read 1")

    def back(self, *lines: str) -> tuple[list[str], UnreadLines | None]:
        self.ann.say("/part", *lines)
        joined, *more = self.ann.say("/join tea")
        assert isinstance(joined, JoinedRoom)
        assert joined.replay is not None
        assert [type(item) for item in more] in ([], [UnreadLines])
        unread = [item for item in more if isinstance(item, UnreadLines)]
        return [text for item in joined.replay.messages for text in item.texts], (
            unread[0] if unread else None
        )

    @pytest.mark.parametrize(
        ("own", "others", "deleted", "later", "count"),
        [
            (30, 0, 0, 0, None),
            (0, 20, 0, 0, None),
            (0, 30, 0, 0, 30),
            (0, 5, 0, 25, 5),
            (0, 30, 25, 0, None),
            (0, 60, 25, 0, 35),
            (0, 1000, 0, 0, 1000),
            (0, 1001, 0, 0, 1001),
        ],
    )
    def test_count(
        self, own: int, others: int, deleted: int, later: int, count: int | None
    ) -> None:
        for person, lines in ((self.ann, own), (self.bob, others), (self.ann, later)):
            for number in range(lines):
                person.type(f"{person.session.nick} {number}")
            self.chat.tick()
        last = self.chat.context.state.rooms["tea"].record.seq
        for seq in range(last, last - deleted, -1):
            self.bob.say(f"/delete {seq}")
        replayed, unread = self.back()
        assert len([text for text in replayed if " " in text]) == min(
            own + others + later - deleted, REPLAYED_LINES
        )
        if count is None:
            assert unread is None
        else:
            assert unread is not None
            assert (unread.count, unread.more, unread.read) == (
                min(count, 1000),
                count > 1000,
                1,
            )

    def test_others(self) -> None:
        """Who ignores somebody, and what only says what was done."""
        for number in range(30):
            self.bob.say(f"bob {number}", f"/topic {number}")
        assert self.back()[1] is not None
        assert self.back("/ignore bob")[1] is None

    def test_notWithoutMark(self) -> None:
        cat = self.chat.join("cat")
        counted: list[object] = []
        self.chat.storage.countUnread = lambda *values: counted.append(values)  # type: ignore[method-assign]
        cat.say("/join tea")
        self.bob.say("/part", "/join tea")
        self.ann.say("/read 2", "/part", "/join tea")
        assert counted == []

    def test_unreadable(self) -> None:
        for number in range(30):
            self.bob.say(f"bob {number}")
        self.chat.storage.countUnread = lambda span, onResult: onResult(  # type: ignore[method-assign]
            errors.ChatError(errors.READ_SLOW)
        )
        assert self.back()[1] is None
        assert self.ann.errorCodes() == []
