"""What all moderators know: names, rooms, and where fresh texts come from."""

from __future__ import annotations

import itertools
from random import Random

#: Those who have accounts from the beginning.
OWNERS = ("anna", "bert", "cleo", "dora", "emil", "fritz")

#: Those who come back under the same name, from the same address, without an account.
GUESTS = ("gast-1", "gast-2")

#: The rooms that last, and who makes them.
FOUNDERS = {"council": "anna", "den": "bert"}


class World:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.founders = dict(FOUNDERS)
        self.life = 0
        self.newcomers: list[str] = []
        self.existingRooms: set[str] = set()
        self._numbers = itertools.count(1)

    def newText(self) -> str:
        return f"w{next(self._numbers):07}"

    def newTokenName(self) -> str:
        return f"t{next(self._numbers):07}"

    def newPassword(self) -> str:
        return f"secret-{next(self._numbers):07}"
