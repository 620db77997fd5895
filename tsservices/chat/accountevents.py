"""
What is proposed of accounts, and by those who have one.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.events import Event


@dataclass(slots=True)
class Resume(Event):
    """
    A new connection goes on for another one, which is not heard of any more.

    @ivar token: the digest of what the other one was given.
    @ivar cloak: stands for the new one's address.
    """

    token: str
    cloak: str


@dataclass(slots=True)
class Register(Event):
    """
    Somebody wants the name they have to be theirs.

    @ivar key: of that name.
    @ivar verifier: of their password.
    """

    key: str
    verifier: str


@dataclass(slots=True)
class Login(Event):
    """
    Somebody has said the password of an account.

    @ivar account: its key.
    @ivar version: of the password that was said.
    @ivar cloak: stands for their address.
    @ivar token: as in L{Enter}, for those who had no name yet.
    """

    account: str
    version: int
    cloak: str
    token: str


@dataclass(slots=True)
class Logout(Event):
    """
    Somebody is a guest again.
    """


@dataclass(slots=True)
class SetPassword(Event):
    """
    An account gets another password: its owner's wish, or an operator's.

    @ivar account: its key.
    @ivar version: of the password that was said before; L{None} for an operator of the
        server, who does not know it.
    @ivar verifier: of the new one.
    """

    account: str
    version: int | None
    verifier: str


@dataclass(slots=True)
class Drop(Event):
    """
    An account is to be no more.

    @ivar account: its key.
    """

    account: str


@dataclass(slots=True)
class MarkRead(Event):
    """
    The owner of an account has read a room up to some line.

    @ivar room: its key.
    @ivar seq: the number of that line.
    """

    room: str
    seq: int


@dataclass(slots=True)
class EmptyInbox(Event):
    """
    The owner of an account has read what came while they were away.
    """
