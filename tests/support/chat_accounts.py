"""
Accounts, for the tests of those who have one.
"""

from __future__ import annotations

from tests.support.chat import PASSWORD, Person, Town
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import ErrorReply, Notice, Notification

#: Another password.
OTHER = "battery staple"


def names(happenings: list[Notification]) -> list[str]:
    return [type(each).__name__ for each in happenings]


def codes(happenings: list[Notification]) -> list[str]:
    return [
        each.error.code.name if isinstance(each, ErrorReply) else each.code
        for each in happenings
        if isinstance(each, ErrorReply | Notice)
    ]


def login(town: Town, nick: str, *rooms: str, password: str = PASSWORD) -> Person:
    person = town.stranger()
    person.do(f"/login {nick} {password}", *(f"/join {room}" for room in rooms))
    assert person.session.account == nick.lower()
    town.hush()
    return person


def verifierOf(town: Town) -> str:
    got: list[str | ChatError] = []
    town.house.hasher.derive(PASSWORD, got.append)
    (verifier,) = got
    assert isinstance(verifier, str)
    return verifier
