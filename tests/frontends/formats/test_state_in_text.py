"""Tests for the state of the chat and L{tsservices.frontends.formats.text} together."""

from __future__ import annotations

import time

from tests.support.chat_samples import DAY, NOON
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.operations import Enter, Join, Operation, Say, SendPrivate, SetAway
from tsservices.chat.outlet import BroadcastMember, Formatter
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits
from tsservices.frontends.formats.text import TextFormatter


class Reader:
    def __init__(self, formatter: TextFormatter) -> None:
        self.form: Formatter = formatter
        self.broadcastMember: BroadcastMember | None = None
        self._data = b""

    def write(self, data: bytes) -> None:
        self._data += data

    writeLast = write

    def idle(self) -> None:
        pass

    def replaced(self, why: ChatError) -> None:
        pass

    def roomCountChanged(self, rooms: int) -> None:
        pass

    def take(self) -> str:
        data, self._data = self._data.decode(), b""
        return data


class World:
    def __init__(self) -> None:
        self._state = ChatState(Limits())
        formatter = TextFormatter(time.gmtime, False)
        self._position = 0
        self.ann, self.bob = Reader(formatter), Reader(formatter)
        self._sessions = {"ann": Session("ann", self.ann), "bob": Session("bob", self.bob)}
        for nick in self._sessions:
            self.apply(Enter(nick, nick, nick), Join(nick, "Lobby", "lobby"))
        self.apply(SetAway("bob", "lunch"))
        self.joined = self.bob.take()
        self.ann.take()

    def apply(self, *operations: Operation, time: int = NOON) -> None:
        self._position += 1
        batch = Batch("4f", self._position, time)
        for operation in operations:
            apply(self._state, operation, self._sessions[operation.session], batch)
        batch.freeze()
        batch.deliver()


def test_joinedUserIsNotListed() -> None:
    assert "* you are in #Lobby with 1 other: ann\n" in World().joined


def test_dateBeforeFirstLineOfDay() -> None:
    world = World()
    world.apply(Say("ann", "lobby", "message", ("a",)))
    assert world.bob.take() == "[12:10:00] <ann> a\n"
    says = [Say(nick, "lobby", "message", (nick,)) for nick in ("ann", "bob")]
    world.apply(*says, time=NOON + DAY)
    world.apply(*says, time=NOON + DAY)
    line = "[12:10:00] <{0}> {0}\n".format
    assert world.bob.take() == "* Saturday 21 November 2026\n" + line("ann") * 2
    assert world.ann.take() == line("bob") * 2


def test_awayIsToldToSender() -> None:
    world = World()
    world.apply(SendPrivate("ann", "bob", "bob", "message", "psst"))
    line = "[12:10:00] <ann -> bob> psst\n"
    assert world.ann.take() == line + "* bob is away: lunch\n"
    assert world.bob.take() == line
    world.apply(SendPrivate("bob", "ann", "ann", "message", "hm"))
    assert world.bob.take() == "[12:10:00] <bob -> ann> hm\n"
