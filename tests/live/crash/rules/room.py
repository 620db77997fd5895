"""
The order in one room, as its numbered lines tell it.  Pure: it says what must hold of
the room, and what in its lines should not have happened.

All that matters has a place among these numbers: who enters is told after which line
that is, and who invites hears every line of the room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.live.crash.rules.log import Diary, Line
from tests.live.crash.rules.restrictions import Restraints
from tests.live.crash.rules.timeline import Mark

#: Whether a private room lets somebody in who is not an operator.
OPEN, CLOSED, UNSURE = "open", "closed", "unsure"

#: In which order things happened after one line.  Entries and logins of one person keep their own.
_TURNS = {"stay": 1, "invite": 2, "enter": 3, "login": 3}

_OFFICES = {
    **dict.fromkeys(("kick", "ban", "unban", "mute", "unmute"), ("operator", "founder")),
    **dict.fromkeys(("op", "deop", "private", "public"), ("founder",)),
}


@dataclass
class RoomOrder:
    """What must hold of one room."""

    name: str
    founder: str
    lines: list[Line] = field(default_factory=list)
    operators: set[str] = field(default_factory=set)
    restraints: dict[str, Restraints] = field(
        default_factory=lambda: {"ban": Restraints(), "mute": Restraints()}
    )
    private: bool = False
    spans: list[tuple[int, int]] = field(default_factory=list)
    doors: dict[str, str] = field(default_factory=dict)
    invited: set[str] = field(default_factory=set)
    insiders: dict[str, int] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)

    def rank(self, name: str) -> str:
        if name == self.founder:
            return "founder"
        return "operator" if name in self.operators else "member"

    def restrained(self, kind: str, name: str, now: int) -> bool | None:
        return self.restraints[kind].holds(name, now)

    def outcomes(self, name: str, now: int) -> set[str]:
        banned = self.restrained("ban", name, now)
        if banned:
            return {"banned"}
        door = OPEN
        if self.private and self.rank(name) == "member":
            door = self.doors.get(name, CLOSED)
        found = {"entered"} if door != CLOSED else set()
        found |= {"private-room"} if door != OPEN else set()
        return found | ({"banned"} if banned is None else set())

    def learn(self, name: str, entered: bool) -> None:
        if self.private and self.rank(name) == "member":
            self.doors[name] = OPEN if entered else CLOSED

    def mayHaveRead(self, name: str, seq: int) -> bool:
        if name == self.founder or not any(low <= seq <= high for low, high in self.spans):
            return True
        return name in self.insiders and seq >= self.insiders[name]

    def advance(self, lines: list[Line], marks: Iterable[Mark]) -> Iterator[str]:
        items: list[tuple[int, int, Line | Mark]] = [(line.seq, 0, line) for line in lines]
        # Who was there when it was said, who was invited after it, and who could enter then.
        items += [(mark.after, _TURNS[mark.what], mark) for mark in marks]
        for _, _, item in sorted(items, key=lambda each: each[:2]):
            if isinstance(item, Line):
                yield from self._line(item)
                self.lines.append(item)
            else:
                yield from self._mark(item)

    def doubt(self, diary: Diary, lines: list[Line]) -> None:
        """Take into account what somebody asked for without seeing what came of it."""
        last = diary.rooms.get(self.name, 0)
        unheard = any(line.kind == "private" and line.seq > last for line in lines)
        for act in diary.acts:
            if act.room == self.name and act.pending and act.verb == "join":
                if unheard or diary.name in self.operators:
                    self._doubt(diary.name)
        self.doubtInvitations(diary)
        unsure = any(act.pending and act.verb in ("login", "register") for act in diary.acts)
        if (unheard or unsure) and self.name in diary.rooms:
            self._doubt(diary.name)

    def doubtInvitations(self, diary: Diary) -> None:
        for act in diary.acts:
            if act.room == self.name and act.pending and act.verb == "invite":
                self._doubt(act.target)

    def restart(self, accounts: Iterable[str]) -> None:
        known = set(accounts)
        self.doors = {name: door for name, door in self.doors.items() if name in known}

    def _doubt(self, name: str) -> None:
        if self.doors.get(name, CLOSED) == CLOSED:
            self.doors[name] = UNSURE
        self.insiders[name] = 0

    def _admit(self, name: str, lowest: int) -> None:
        self.insiders[name] = min(lowest, self.insiders.get(name, lowest))

    def _line(self, line: Line) -> Iterator[str]:
        kind, nick = line.kind, line.nick
        where = f"{self.name} {line.seq}"
        own = kind == "deop" and line.text == nick
        if self.rank(nick) not in _OFFICES.get(kind, (self.rank(nick),)) and not own:
            yield f"{where}: {nick}, a {self.rank(nick)}, did this: {line}"
        if self.restrained("ban", nick, line.time):
            yield f"{where}: {nick} is banned, and did this: {line}"
        if kind in ("message", "deleted") and self.restrained("mute", nick, line.time):
            yield f"{where}: {nick} is mute, and said this: {line}"
        name, _, more = line.text.partition(" ")
        match kind:
            case "ban" | "mute":
                self.restraints[kind].begin(name, more.partition(" ")[0], line.time)
            case "unban" | "unmute":
                if not self.restraints[kind.removeprefix("un")].end(name):
                    yield f"{where}: {name} is not restrained: {line}"
            case "op":
                self.operators.add(name)
                self.invited -= {name} if self.private else set()
                self._admit(name, line.seq)
                if self.private:
                    self.doors[name] = OPEN
            case "deop":
                self.operators.discard(name)
            case "private":
                self.private = True
                self.spans.append((line.seq, 2**63))
            case "public":
                self.private = False
                self.spans[-1:] = [(low, line.seq) for low, _ in self.spans[-1:]]
            case "delete":
                yield from self._delete(line)
        if kind in ("kick", "ban"):
            self._close(name)

    def _close(self, name: str) -> None:
        self.doors[name] = CLOSED
        self.invited.discard(name)

    def _delete(self, line: Line) -> Iterator[str]:
        seq = int(line.text)
        old = self.lines[seq - 1] if 0 < seq <= len(self.lines) else None
        if old is None or old.kind not in ("message", "deleted"):
            yield f"{self.name} {line.seq}: {seq} can't be deleted: {old}"
        elif old.nick != line.nick and self.rank(line.nick) == "member":
            yield f"{self.name} {line.seq}: {line.nick} deleted a line of {old.nick}"
        self.deleted.add(seq)

    def _mark(self, mark: Mark) -> Iterator[str]:
        name, first = mark.name, mark.after + 1
        if mark.what == "stay" or (mark.what == "login" and self.private):
            self._admit(name, 0)
            if mark.lasting:
                self.doors[name] = OPEN
                self.invited.discard(name)
        elif mark.what == "invite" and self.private:
            if self.doors.get(name, CLOSED) != OPEN:
                self.doors[name] = OPEN
                self.invited.add(name)
                self._admit(name, first)
        elif mark.entry is not None:
            entry = mark.entry
            if (entry.private, entry.rank) != (self.private, self.rank(name)):
                yield f"{self.name}: {entry} after {mark.after}, a {self.rank(name)} there"
            if name in self.restraints["ban"].lasting:
                yield f"{self.name}: {name} is banned, and entered after {mark.after}"
            if self.private:
                if self.rank(name) == "member" and self.doors.get(name, CLOSED) == CLOSED:
                    yield f"{self.name}: {name} is a stranger, and entered after {mark.after}"
                self._admit(name, first)
                if mark.lasting:
                    self.doors[name] = OPEN
                    self.invited.discard(name)
            elif name in self.invited:
                self._close(name)
