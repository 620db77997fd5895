"""
Tests for how many rooms somebody may make.
"""

from __future__ import annotations

from tests.support.chat import PASSWORD, Person, Town
from tests.support.chat_rooms import reasons
from tsservices.chat.errors import ROOMS_FOUNDED
from tsservices.chat.state import ROOM_CREATION_SECONDS
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS

#: Rooms that may be made at once.
AT_ONCE = 20


def make(person: Person, prefix: str) -> int:
    for number in range(2 * AT_ONCE):
        if reasons(person.do(f"/join {prefix}{number}")) == [ROOMS_FOUNDED]:
            return number
        person.do("a word", "/part")
    raise AssertionError("there is no end")


class TestFounding:
    """Rooms in which something was said stay for ever."""

    def test_guests(self) -> None:
        """What guests of one address make counts together, and comes back with time."""
        town = Town(Limits(roomsFounded=AT_ONCE))
        first, second, other = (town.stranger(each) for each in ("~same", "~same", "~other"))
        for number, each in enumerate((first, second, other)):
            each.do(f"/nick p{number}")
        assert make(first, "a") == AT_ONCE
        assert make(second, "b") == 0
        assert make(other, "c") == AT_ONCE
        town.now += int(ROOM_CREATION_SECONDS * NANOSECONDS)
        assert make(second, "d") == 1

    def test_accounts(self) -> None:
        """An account counts by itself, from whichever addresses."""
        town = Town(Limits(roomsFounded=AT_ONCE))
        ann = town.owner("ann")
        again = town.stranger()
        again.do(f"/login ann {PASSWORD}")
        assert make(ann, "a") == AT_ONCE
        assert make(again, "b") == 0

    def test_nothingSaid(self) -> None:
        """
        A room that is gone with its last visitor does not count, nor does the lobby, or a
        room that is there.
        """
        town = Town(Limits(roomsFounded=AT_ONCE))
        ann = town.person("ann")
        for number in range(2 * AT_ONCE):
            ann.do(f"/join r{number}", "/part")
        assert make(ann, "a") == AT_ONCE
        ann.do("/part lobby")
        assert "lobby" not in town.house.state.rooms
        assert reasons(ann.do("/join lobby", "/join a0")) == []
