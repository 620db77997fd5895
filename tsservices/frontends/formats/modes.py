"""
Mode changes as written in IRC: signs and letters in one word, then the arguments in the order of
the letters that have one.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tsservices.chat.handlers.modes import BAN_LETTER
from tsservices.chat.records import JOIN_KEY, MEMBER_LIMIT
from tsservices.chat.verbs.modes import NAMED_LETTERS, ModeChange


@dataclass(slots=True)
class ModeRequest:
    """The changes and lists that a user has requested."""

    #: The changes, also those with unknown letters; a missing argument is empty.
    changes: list[ModeChange] = field(default_factory=list)
    #: Whether to list the bans: their letter was given without an argument.
    listsBans: bool = False


def parseModes(words: Sequence[str]) -> ModeRequest:
    """
    Read changes of modes, like C{+ov-n ann bob}; letters without a sign are set.

    Words with letters may follow arguments, if they begin with a sign.
    """
    request = ModeRequest()
    remaining = list(words)
    while remaining:
        letters = remaining.pop(0)
        on = True
        for letter in letters:
            if letter in "+-":
                on = letter == "+"
            elif not _hasArgument(letter, on):
                request.changes.append(ModeChange(on, letter))
            elif remaining:
                request.changes.append(ModeChange(on, letter, remaining.pop(0)))
            elif letter == BAN_LETTER:
                request.listsBans = True
            else:
                request.changes.append(ModeChange(on, letter))
        while remaining and remaining[0][:1] not in ("+", "-"):
            # Drop arguments without a letter.
            del remaining[0]
    return request


def _hasArgument(letter: str, on: bool) -> bool:
    # As in IRC the key is also given when it is removed, but may be missing.
    return letter in NAMED_LETTERS or letter == JOIN_KEY or (letter == MEMBER_LIMIT and on)
