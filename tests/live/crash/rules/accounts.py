"""
What a chat owes the owners of accounts: their passwords, their private messages, and how
far they have read.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.database import PrivateMessage, Tables
from tests.live.crash.rules.log import ClientLog

#: Whether a name is an account.
UNREGISTERED, UNCERTAIN, REGISTERED = "nobody's", "maybe somebody's", "somebody's"


@dataclass
class ExpectedAccount:
    """What is owed to one name."""

    state: str = UNREGISTERED
    passwords: list[str] = field(default_factory=list)
    wrongPassword: str = ""
    unread: set[int] = field(default_factory=lambda: {0})
    readMarkers: dict[str, set[int]] = field(default_factory=dict)

    def applyPasswords(self, acts: Iterable[Action]) -> None:
        for act in acts:
            if act.verb not in ("register", "passwd"):
                continue
            if {"registered", "password"} & set(act.codes):
                self.state, self.passwords = REGISTERED, [act.text]
            elif act.error:
                self.wrongPassword = act.text
            elif act.pending:
                self.passwords.append(act.text)
                self.state = UNCERTAIN if self.state == UNREGISTERED else self.state

    def applyReadMarkers(self, diary: ClientLog, lengths: dict[str, int]) -> None:
        for room, seq in diary.readMarkers:
            self.readMarkers[room] = {seq}
        for act in diary.actions:
            if act.verb == "read" and act.pending:
                known = self.readMarkers.setdefault(act.room, {0})
                asked = int(act.target)
                # Nobody reads further than what was said when that was applied.
                known |= {
                    max(max(known), seq)
                    for seq in range(lengths.get(act.room, 0) + 1)
                    if seq <= asked
                }


class AccountRules:
    """What is owed to everybody."""

    def __init__(self) -> None:
        self.expected: dict[str, ExpectedAccount] = {}
        self.privateMessages: list[PrivateMessage] = []

    def check(self, logs: list[ClientLog], tables: Tables) -> Iterator[str]:
        lengths = {room: len(lines) for room, lines in tables.lines.items()}
        for diary in logs:
            owner = self.expected.setdefault(diary.name, ExpectedAccount())
            owner.applyPasswords(diary.actions)
            owner.applyReadMarkers(diary, lengths)
        for name, owner in self.expected.items():
            if (name in tables.accounts) is not (owner.state == REGISTERED) and owner.state != UNCERTAIN:
                yield f"{name} is {owner.state}, and the accounts are {sorted(tables.accounts)}"
            if owner.state == UNCERTAIN:
                owner.state = REGISTERED if name in tables.accounts else UNREGISTERED
        yield from self._checkPrivateMessages(logs, tables)
        for name in tables.accounts - set(self.expected):
            yield f"nobody has registered {name}"
        for name, count in tables.unread.items():
            if name in self.expected and count not in self.expected[name].unread:
                allowed = self.expected[name].unread
                yield f"{count} private messages wait for {name}, not {sorted(allowed)}"
            if name in self.expected:
                self.expected[name].unread = {count}

    def _checkPrivateMessages(self, logs: list[ClientLog], tables: Tables) -> Iterator[str]:
        if tables.privateMessages[: len(self.privateMessages)] != self.privateMessages:
            yield "private messages that were kept have changed"
        new = tables.privateMessages[len(self.privateMessages) :]
        self.privateMessages = tables.privateMessages
        kept = {letter.ident: letter for letter in new}
        if len(kept) < len(new):
            yield "two private messages have the same id"
        told: dict[str, set[str]] = {}
        for diary in logs:
            for each in diary.privateMessages:
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
            for diary in logs
            for act in diary.actions
            if act.verb == "whisper"
        }
        away: dict[str, list[tuple[int, bool]]] = {}
        for place, letter in enumerate(new):
            sender, act = acts.get(letter.text, ("", Action("nothing")))
            if (sender, act.target) != (letter.sender, letter.receiver) or act.error:
                yield f"this is kept: {letter}; asked for was {act} by {sender!r}"
            if "kept" in act.codes:
                away.setdefault(letter.receiver, []).append((place, True))
            elif act.pending and letter.receiver not in told.get(letter.text, ()):
                away.setdefault(letter.receiver, []).append((place, False))
        for diary in logs:
            self._unread(diary, [letter.ident for letter in new], away.pop(diary.name, []))
        for name, places in away.items():
            owner = self.expected.get(name)
            if owner is not None:
                owner.unread = _counts(owner.unread, places)

    def _unread(self, diary: ClientLog, idents: list[str], places: list[tuple[int, bool]]) -> None:
        owner = self.expected[diary.name]
        counts = owner.unread
        for act in diary.actions:
            if act.verb == "inbox" and not act.target and not act.error:
                shown = [idents.index(each["id"]) for each in act.privateMessages if each["id"] in idents]
                left = [each for each in places if each[0] > max(shown, default=-1)]
                if act.succeeded:
                    counts, places = {0}, left
                else:
                    owner.unread = _counts(counts, places) | _counts({0}, left)
                    return
        owner.unread = _counts(counts, places)


def _counts(counts: set[int], places: list[tuple[int, bool]]) -> set[int]:
    sure = sum(each[1] for each in places)
    return {count + sure + more for count in counts for more in range(len(places) - sure + 1)}
