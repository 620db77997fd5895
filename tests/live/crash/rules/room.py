"""
The oracle of one room: who may do what, as its numbered lines say.  Pure.

Everything has a position among the lines.  Who joins learns after which line that is, and who
invites somebody receives every line of the room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from tests.live.crash.rules.log import ClientLog, Line
from tests.live.crash.rules.messages import WORDS_KEPT
from tests.live.crash.rules.restrictions import Restrictions
from tests.live.crash.rules.timeline import TimelineEvent

#: Whether a member may join a private room.
ALLOWED, DENIED, UNCERTAIN = "allowed", "denied", "uncertain"

#: The order of events after one line.  Entries and logins of one client keep their own order.
_EVENT_ORDER = {"stay": 1, "invite": 2, "enter": 3, "login": 3}

_REQUIRED_RANKS = {
    **dict.fromkeys(("kick", "ban", "unban", "mute", "unmute"), ("operator", "founder")),
    **dict.fromkeys(("op", "deop", "private", "public"), ("founder",)),
}


@dataclass
class RoomRules:
    name: str
    founder: str
    lines: list[Line] = field(default_factory=list)
    operators: set[str] = field(default_factory=set)
    restrictions: dict[str, Restrictions] = field(
        default_factory=lambda: {"ban": Restrictions(), "mute": Restrictions()}
    )
    private: bool = False
    privateRanges: list[tuple[int, int]] = field(default_factory=list)
    access: dict[str, str] = field(default_factory=dict)
    invited: set[str] = field(default_factory=set)
    readableFrom: dict[str, int] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)

    def rank(self, name: str) -> str:
        if name == self.founder:
            return "founder"
        return "operator" if name in self.operators else "member"

    def isRestricted(self, kind: str, name: str, now: int) -> bool | None:
        return self.restrictions[kind].isActive(name, now)

    def joinOutcomes(self, name: str, now: int) -> set[str]:
        banned = self.isRestricted("ban", name, now)
        if banned:
            return {"banned"}
        access = ALLOWED
        if self.private and self.rank(name) == "member":
            access = self.access.get(name, DENIED)
        found = {"entered"} if access != DENIED else set()
        found |= {"private-room"} if access != ALLOWED else set()
        return found | ({"banned"} if banned is None else set())

    def recordJoin(self, name: str, entered: bool) -> None:
        if self.private and self.rank(name) == "member":
            self.access[name] = ALLOWED if entered else DENIED

    def mayRead(self, name: str, seq: int) -> bool:
        if name == self.founder or not any(low <= seq <= high for low, high in self.privateRanges):
            return True
        return name in self.readableFrom and seq >= self.readableFrom[name]

    def advance(self, lines: list[Line], events: Iterable[TimelineEvent]) -> Iterator[str]:
        items: list[tuple[int, int, Line | TimelineEvent]] = [(line.seq, 0, line) for line in lines]
        # Behind a line comes who was in the room, then who was invited, then who joined.
        items += [(event.after, _EVENT_ORDER[event.kind], event) for event in events]
        for _, _, item in sorted(items, key=itemgetter(0, 1)):
            if isinstance(item, Line):
                yield from self._applyLine(item)
                self.lines.append(item)
            else:
                yield from self._applyEvent(item)

    def applyUnanswered(self, log: ClientLog, lines: list[Line]) -> None:
        """Allow for all that may have come of actions that got no answer."""
        last = log.rooms.get(self.name, 0)
        # Who has not received that line may be in the room when it became private, or not.
        unseen = any(line.kind == "private" and line.seq > last for line in lines)
        pending = [action for action in log.actions if action.pending]
        joins = any(action.verb == "join" and action.room == self.name for action in pending)
        logsIn = any(action.verb in ("login", "register") for action in pending)
        if (joins and (unseen or log.name in self.operators)) or (
            (unseen or logsIn) and self.name in log.rooms
        ):
            self._setUncertain(log.name)
        self.applyUnansweredInvitations(log)

    def applyUnansweredInvitations(self, log: ClientLog) -> None:
        for action in log.actions:
            if action.room == self.name and action.pending and action.verb == "invite":
                self._setUncertain(action.target)

    def restart(self, accounts: Iterable[str]) -> None:
        known = set(accounts)
        self.access = {name: access for name, access in self.access.items() if name in known}

    def _setUncertain(self, name: str) -> None:
        if self.access.get(name, DENIED) == DENIED:
            self.access[name] = UNCERTAIN
        self.readableFrom[name] = 0

    def _admit(self, name: str, lowest: int) -> None:
        self.readableFrom[name] = min(lowest, self.readableFrom.get(name, lowest))

    def _applyLine(self, line: Line) -> Iterator[str]:
        kind, nick = line.kind, line.nick
        position = f"{self.name} {line.seq}"
        own = kind == "deop" and line.text == nick
        if self.rank(nick) not in _REQUIRED_RANKS.get(kind, (self.rank(nick),)) and not own:
            yield f"{position}: {nick}, a {self.rank(nick)}, did this: {line}"
        if self.isRestricted("ban", nick, line.time):
            yield f"{position}: {nick} is banned, and did this: {line}"
        if kind in ("message", "deleted") and self.isRestricted("mute", nick, line.time):
            yield f"{position}: {nick} is mute, and wrote this: {line}"
        name, _, more = line.text.partition(" ")
        match kind:
            case "ban" | "mute":
                self.restrictions[kind].begin(name, more.partition(" ")[0], line.time)
            case "unban" | "unmute":
                if not self.restrictions[kind.removeprefix("un")].end(name):
                    yield f"{position}: {name} is not restricted: {line}"
            case "op":
                self.operators.add(name)
                self.invited -= {name} if self.private else set()
                self._admit(name, line.seq)
                if self.private:
                    self.access[name] = ALLOWED
            case "deop":
                self.operators.discard(name)
            case "private":
                self.private = True
                self.privateRanges.append((line.seq, 2**63))
            case "public":
                self.private = False
                self.privateRanges[-1:] = [(low, line.seq) for low, _ in self.privateRanges[-1:]]
            case "delete":
                yield from self._applyDeletion(line)
        if kind in ("kick", "ban"):
            self._deny(name)

    def _deny(self, name: str) -> None:
        self.access[name] = DENIED
        self.invited.discard(name)

    def _applyDeletion(self, line: Line) -> Iterator[str]:
        seq = int(line.text)
        old = self.lines[seq - 1] if 0 < seq <= len(self.lines) else None
        if old is None or old.kind not in ("message", "deleted", *WORDS_KEPT):
            yield f"{self.name} {line.seq}: {seq} can't be deleted: {old}"
        elif old.nick != line.nick and self.rank(line.nick) == "member":
            yield f"{self.name} {line.seq}: {line.nick} deleted a line of {old.nick}"
        self.deleted.add(seq)

    def _applyEvent(self, event: TimelineEvent) -> Iterator[str]:
        name, first = event.name, event.after + 1
        if event.kind == "stay" or (event.kind == "login" and self.private):
            self._admit(name, 0)
            if event.loggedIn:
                self.access[name] = ALLOWED
                self.invited.discard(name)
        elif event.kind == "invite" and self.private:
            if self.access.get(name, DENIED) != ALLOWED:
                self.access[name] = ALLOWED
                self.invited.add(name)
                self._admit(name, first)
        elif event.entry is not None:
            entry = event.entry
            if (entry.private, entry.rank) != (self.private, self.rank(name)):
                yield f"{self.name}: {entry} after {event.after}, a {self.rank(name)} there"
            if name in self.restrictions["ban"].permanent:
                yield f"{self.name}: {name} is banned, and entered after {event.after}"
            if self.private:
                if self.rank(name) == "member" and self.access.get(name, DENIED) == DENIED:
                    yield f"{self.name}: {name} is a stranger, and entered after {event.after}"
                self._admit(name, first)
                if event.loggedIn:
                    self.access[name] = ALLOWED
                    self.invited.discard(name)
            elif name in self.invited:
                self._deny(name)
