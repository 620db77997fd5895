"""Tests for how many rooms somebody may make."""

from __future__ import annotations

from tests.support.chat import PASSWORD, ChatHarness, MemoryClient, errorCodes
from tsservices.chat.errors import ROOMS_FOUNDED
from tsservices.chat.state import ROOM_CREATION_SECONDS
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS

#: Rooms that may be made at once.
AT_ONCE = 20


def make(person: MemoryClient, prefix: str) -> int:
    for number in range(2 * AT_ONCE):
        if errorCodes(person.say(f"/join {prefix}{number}")) == [ROOMS_FOUNDED]:
            return number
        person.say("a word", "/part")
    raise AssertionError("there is no end")


class TestCreateRoom:
    def test_guestsByAddress(self) -> None:
        chat = ChatHarness(Limits(roomsFounded=AT_ONCE))
        first, second, other = (chat.connect(item) for item in ("~same", "~same", "~other"))
        for number, item in enumerate((first, second, other)):
            item.say(f"/nick p{number}")
        assert make(first, "a") == AT_ONCE
        assert make(second, "b") == 0
        assert make(other, "c") == AT_ONCE
        chat.time += int(ROOM_CREATION_SECONDS * NANOSECONDS)
        assert make(second, "d") == 1

    def test_accounts(self) -> None:
        chat = ChatHarness(Limits(roomsFounded=AT_ONCE))
        ann = chat.joinRegistered("ann")
        again = chat.connect()
        again.say(f"/login ann {PASSWORD}")
        assert make(ann, "a") == AT_ONCE
        assert make(again, "b") == 0

    def test_emptyRoomsDoNotCount(self) -> None:
        chat = ChatHarness(Limits(roomsFounded=AT_ONCE))
        ann = chat.join("ann")
        for number in range(2 * AT_ONCE):
            ann.say(f"/join r{number}", "/part")
        assert make(ann, "a") == AT_ONCE
        ann.say("/part lobby")
        assert "lobby" not in chat.context.state.rooms
        assert errorCodes(ann.say("/join lobby", "/join a0")) == []
