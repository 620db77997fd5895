"""
What one person's side of the chat rests on: how they are told, and what all share.  Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tsservices.chat.guesses import Guesses
from tsservices.chat.happenings import Happening
from tsservices.chat.lobby import Lobby
from tsservices.chat.pipeline import Pipeline, Store
from tsservices.chat.recall import Recall
from tsservices.chat.scram import Hashing

if TYPE_CHECKING:
    from tsservices.journal.interface import Found, LettersFound, Search


class Voice(Protocol):
    """
    How a conversation speaks to its person, beside what the pipeline releases.
    """

    def tell(self, happening: Happening, then: Callable[[], None] | None = None) -> None:
        """
        @param happening: what they asked for.
        @param then: called when they can take more.
        """
        ...

    def hold(self, held: bool) -> None:
        """
        @param held: whether what the pipeline releases is to wait.
        """
        ...

    def choose(self, form: str) -> None:
        """
        @param form: the name of the form in which they want to be told.
        """
        ...

    def ask(self, prompt: str) -> None:
        """
        Have them say something that is not to be seen; L{Conversation.answerSecret} gets it.

        @param prompt: what is wanted.
        """
        ...

    def farewell(self) -> None:
        """
        They have said goodbye.
        """
        ...


class Archive(Protocol):
    """
    Where what was said can be looked for: a journal.
    """

    def read(self, room: str, first: int, last: int, found: Found) -> None:
        """
        @see: L{tsservices.journal.interface.Journal.read}
        """
        ...

    def search(self, search: Search, found: Found) -> None:
        """
        @see: L{tsservices.journal.interface.Journal.search}
        """
        ...

    def letters(
        self, account: str, other: str, before: str, most: int, found: LettersFound
    ) -> None:
        """
        @see: L{tsservices.journal.interface.Journal.letters}
        """
        ...


@dataclass(frozen=True, slots=True)
class House:
    """
    What all conversations share.

    @ivar pipeline: by which everything happens.
    @ivar recall: reads what was said before.
    @ivar store: knows whether anything can be kept.
    @ivar archive: where what was said can be looked for.
    @ivar hashing: does the work of passwords.
    @ivar guesses: bounds how often passwords are guessed.
    @ivar now: the time: nanoseconds since 1970, UTC.
    @ivar random: gives a text that nobody can guess.
    @ivar nodes: says how this node and the others are; L{None}: there are no others.
    @ivar searching: those who wait for what they search for: accounts, or sessions of
        guests.
    """

    pipeline: Pipeline
    recall: Recall
    store: Store
    archive: Archive
    hashing: Hashing
    guesses: Guesses
    now: Callable[[], int]
    random: Callable[[], str]
    nodes: Callable[[], list[str]] | None = None
    searching: set[str] = field(default_factory=set)

    @property
    def lobby(self) -> Lobby:
        """
        @return: everybody and every room.
        """
        return self.pipeline.lobby


def digest(token: str) -> str:
    """
    @param token: what another connection has to know.
    @return: what can be told of it without telling it.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
