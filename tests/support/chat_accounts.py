"""
Accounts, for the tests of those who have one.
"""

from __future__ import annotations

from tests.support.chat import PASSWORD, Person, Town
from tsservices.chat.errors import Refused
from tsservices.chat.notifications import Happening, Notice, Refusal

OTHER = "battery staple"
"""
Another password.
"""


def names(happenings: list[Happening]) -> list[str]:
    """
    @param happenings: some.
    @return: their kinds.
    """
    return [type(each).__name__ for each in happenings]


def codes(happenings: list[Happening]) -> list[str]:
    """
    @param happenings: some.
    @return: of the refusals and notices among them, what programs know them by.
    """
    return [
        each.why.reason.code if isinstance(each, Refusal) else each.code
        for each in happenings
        if isinstance(each, Refusal | Notice)
    ]


def login(town: Town, nick: str, *rooms: str, password: str = PASSWORD) -> Person:
    """
    @param town: where somebody is registered.
    @param nick: their name.
    @param rooms: where they go.
    @param password: theirs.
    @return: another connection of theirs; all have heard nothing yet.
    """
    person = town.stranger()
    person.do(f"/login {nick} {password}", *(f"/join {room}" for room in rooms))
    assert person.session.account == nick.lower()
    town.hush()
    return person


def verifierOf(town: Town) -> str:
    """
    @param town: whose hasher is asked.
    @return: what is kept of L{PASSWORD}.
    """
    got: list[str | Refused] = []
    town.house.hashing.derive(PASSWORD, got.append)
    (verifier,) = got
    assert isinstance(verifier, str)
    return verifier
