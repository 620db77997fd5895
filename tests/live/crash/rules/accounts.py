"""
What a chat owes the owners of accounts: their passwords, their private messages, and how
far they have read.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.live.crash.rules.actions import Act
from tests.live.crash.rules.database import Letter, Tables
from tests.live.crash.rules.log import Diary

#: Whether a name is an account.
NOBODY, MAYBE, OWNED = "nobody's", "maybe somebody's", "somebody's"


@dataclass
class Owner:
    """What is owed to one name."""

    state: str = NOBODY
    passwords: list[str] = field(default_factory=list)
    wrong: str = ""
    unread: set[int] = field(default_factory=lambda: {0})
    read: dict[str, set[int]] = field(default_factory=dict)

    def secrets(self, acts: Iterable[Act]) -> None:
        for act in acts:
            if act.verb not in ("register", "passwd"):
                continue
            if {"registered", "password"} & set(act.codes):
                self.state, self.passwords = OWNED, [act.text]
            elif act.refused:
                self.wrong = act.text
            elif act.pending:
                self.passwords.append(act.text)
                self.state = MAYBE if self.state == NOBODY else self.state

    def marks(self, diary: Diary, lengths: dict[str, int]) -> None:
        for room, seq in diary.reads:
            self.read[room] = {seq}
        for act in diary.acts:
            if act.verb == "read" and act.pending:
                known = self.read.setdefault(act.room, {0})
                asked = int(act.target)
                # Nobody reads further than what was said when that was applied.
                known |= {
                    max(max(known), seq)
                    for seq in range(lengths.get(act.room, 0) + 1)
                    if seq <= asked
                }


class Ledger:
    """What is owed to everybody."""

    def __init__(self) -> None:
        self.owners: dict[str, Owner] = {}
        self.letters: list[Letter] = []

    def judge(self, diaries: list[Diary], tables: Tables) -> Iterator[str]:
        lengths = {room: len(lines) for room, lines in tables.lines.items()}
        for diary in diaries:
            owner = self.owners.setdefault(diary.name, Owner())
            owner.secrets(diary.acts)
            owner.marks(diary, lengths)
        for name, owner in self.owners.items():
            if (name in tables.accounts) is not (owner.state == OWNED) and owner.state != MAYBE:
                yield f"{name} is {owner.state}, and the accounts are {sorted(tables.accounts)}"
            if owner.state == MAYBE:
                owner.state = OWNED if name in tables.accounts else NOBODY
        yield from self._letters(diaries, tables)
        for name in tables.accounts - set(self.owners):
            yield f"nobody has registered {name}"
        for name, count in tables.unread.items():
            if name in self.owners and count not in self.owners[name].unread:
                allowed = self.owners[name].unread
                yield f"{count} private messages wait for {name}, not {sorted(allowed)}"
            if name in self.owners:
                self.owners[name].unread = {count}

    def _letters(self, diaries: list[Diary], tables: Tables) -> Iterator[str]:
        if tables.letters[: len(self.letters)] != self.letters:
            yield "private messages that were kept have changed"
        new = tables.letters[len(self.letters) :]
        self.letters = tables.letters
        kept = {letter.ident: letter for letter in new}
        if len(kept) < len(new):
            yield "two private messages have the same id"
        told: dict[str, set[str]] = {}
        for diary in diaries:
            for each in diary.whispers:
                told.setdefault(each["text"], set()).add(diary.name)
                letter = kept.get(each["id"])
                if each["id"] and (
                    letter is None
                    or (letter.sender, letter.text) != (each["account"], each["text"])
                ):
                    yield f"{diary.name} was told {each}: found {letter}"
                elif not each["id"] and any(each["text"] == one.text for one in new):
                    yield f"{diary.name} was told {each}, and it is kept"
        acts = {
            act.text: (diary.name, act)
            for diary in diaries
            for act in diary.acts
            if act.verb == "whisper"
        }
        away: dict[str, list[tuple[int, bool]]] = {}
        for place, letter in enumerate(new):
            sender, act = acts.get(letter.text, ("", Act("nothing")))
            if (sender, act.target) != (letter.sender, letter.receiver) or act.refused:
                yield f"this is kept: {letter}; asked for was {act} by {sender!r}"
            if "kept" in act.codes:
                away.setdefault(letter.receiver, []).append((place, True))
            elif act.pending and letter.receiver not in told.get(letter.text, ()):
                away.setdefault(letter.receiver, []).append((place, False))
        for diary in diaries:
            self._unread(diary, [letter.ident for letter in new], away.pop(diary.name, []))
        for name, places in away.items():
            owner = self.owners.get(name)
            if owner is not None:
                owner.unread = _counts(owner.unread, places)

    def _unread(self, diary: Diary, idents: list[str], places: list[tuple[int, bool]]) -> None:
        owner = self.owners[diary.name]
        counts = owner.unread
        for act in diary.acts:
            if act.verb == "inbox" and not act.target and not act.refused:
                shown = [idents.index(each["id"]) for each in act.letters if each["id"] in idents]
                left = [each for each in places if each[0] > max(shown, default=-1)]
                if act.done:
                    counts, places = {0}, left
                else:
                    owner.unread = _counts(counts, places) | _counts({0}, left)
                    return
        owner.unread = _counts(counts, places)


def _counts(counts: set[int], places: list[tuple[int, bool]]) -> set[int]:
    sure = sum(each[1] for each in places)
    return {count + sure + more for count in counts for more in range(len(places) - sure + 1)}
