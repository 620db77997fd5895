"""Accounts, for the tests of those who have one."""

from __future__ import annotations

from tests.support.chat import PASSWORD, ChatHarness, MemoryClient
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import ErrorReply, Notice, Notification

#: Another password.
OTHER_PASSWORD = "battery staple"


def kindNames(happenings: list[Notification]) -> list[str]:
    return [type(each).__name__ for each in happenings]


def codes(happenings: list[Notification]) -> list[str]:
    return [
        each.error.code.name if isinstance(each, ErrorReply) else each.code
        for each in happenings
        if isinstance(each, ErrorReply | Notice)
    ]


def login(chat: ChatHarness, nick: str, *rooms: str, password: str = PASSWORD) -> MemoryClient:
    person = chat.connect()
    person.say(f"/login {nick} {password}", *(f"/join {room}" for room in rooms))
    assert person.session.account == nick.lower()
    chat.clear()
    return person


def verifierOf(chat: ChatHarness) -> str:
    got: list[str | ChatError] = []
    chat.context.hasher.derive(PASSWORD, got.append)
    (verifier,) = got
    assert isinstance(verifier, str)
    return verifier
