"""
Where people keep order in the rooms of a chat: what all of them know.
"""

from __future__ import annotations

import itertools
from random import Random

OWNERS = ("anna", "bert", "cleo", "dora", "emil", "fritz")
"""
Those who have accounts from the beginning.
"""

GUESTS = ("gast-1", "gast-2")
"""
Those who come back under the same name, from the same address, without an account.
"""

FOUNDERS = {"council": "anna", "den": "bert"}
"""
The rooms that last, and who makes them.
"""


class Town:
    """
    What all of them know.

    @ivar random: decides.
    @ivar founders: of the rooms that are there, by name.
    @ivar life: the number of the life of the server.
    @ivar newcomers: the names of those who are here for the first time.
    @ivar known: the rooms in which something was said.
    """

    def __init__(self, random: Random) -> None:
        """
        @param random: decides.
        """
        self.random = random
        self.founders = dict(FOUNDERS)
        self.life = 0
        self.newcomers: list[str] = []
        self.known: set[str] = set()
        self._numbers = itertools.count(1)

    def word(self) -> str:
        """
        @return: a word that was never said.
        """
        return f"w{next(self._numbers):07}"

    def secret(self) -> str:
        """
        @return: a password that was never set.
        """
        return f"secret-{next(self._numbers):07}"
