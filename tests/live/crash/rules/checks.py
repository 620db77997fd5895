"""
Whether a chat that has just started keeps order as it has to: people log in, and try
what they may do and what they may not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.live.crash.rules.accounts import NOBODY, OWNED
from tests.live.crash.rules.actions import Act
from tests.live.crash.rules.clients import Citizen
from tests.live.crash.rules.database import copied, read, stands
from tests.live.crash.rules.log import Entry
from tests.live.crash.rules.oracle import Judge
from tests.live.crash.rules.room import RoomOrder
from tests.live.crash.rules.world import FOUNDERS, GUESTS, OWNERS, Town
from tests.live.support.server import Address
from tsservices.chat.verbs.history import INBOX_PAGE

#: Lines of each room that are looked for, of those deleted and of those not.
PROBED = 3

#: The last bytes of the addresses of those who are always here, who are new, and who were new
#: before.
FIRST_PLACE, FIRST_NEW, FIRST_OLD = 11, 31, 41


class Trial:
    """The people, and what is known of them from one life of the server to the next."""

    def __init__(self, town: Town) -> None:
        self.judge = Judge()
        self.town = town
        self._all: list[Citizen] = []
        for name, founder in FOUNDERS.items():
            self.judge.found(name, founder)

    def end(self, state: Path) -> list[str]:
        diaries = [each.diary for each in self._all]
        self.disperse()
        with copied(state) as connection:
            tables = read(connection, set(self.judge.rooms))
            complaints = list(self.judge.judge(diaries, tables))
            for word, wanted in self.judge.secrets(10):
                if word and stands(connection, word) is not wanted:
                    complaints.append(f"{word} is in the file: {not wanted}")
        self.town.known = set(tables.lines)
        return complaints

    def disperse(self) -> None:
        for each in self._all:
            each.socket.close()
        self._all = []

    def begin(self, address: Address) -> tuple[list[Citizen], list[str]]:
        town = self.town
        old, town.life = town.newcomers, town.life + 1
        town.newcomers = [f"neu-{town.life}-{which}" for which in range(2)]
        always = self._come(address, (*OWNERS, *GUESTS), FIRST_PLACE)
        new = self._come(address, town.newcomers, FIRST_NEW)
        late = self._come(address, old, FIRST_OLD)
        complaints = list(self._logIn([*always, *late]))
        for each in (*always, *new):
            if not each.diary.lasting:
                each.ask(Act("nick", target=each.name))
                if each.name in OWNERS:
                    each.ask(Act("register", text=town.secret()))
        _settle(always + new)
        rooms = [room for name, room in self.judge.rooms.items() if name in town.known]
        rooms = [room for room in rooms if room.name in town.founders]
        complaints += self._enter(always, rooms)
        complaints += self._look(always, rooms)
        complaints += self._letters(always)
        self._found()
        for each in late:
            each.socket.close()
        # One of them is away, and gets private messages.
        sleeper = town.random.choice(always[2 : len(OWNERS)])
        sleeper.socket.close()
        return [each for each in (*always, *new) if each is not sleeper], complaints

    def _come(
        self, address: Address, names: tuple[str, ...] | list[str], place: int
    ) -> list[Citizen]:
        come = []
        for which, name in enumerate(names):
            citizen = Citizen(address, name, self.town, place + which)
            self._all.append(citizen)
            come.append(citizen)
        return come

    def _found(self) -> None:
        """There is to be one more room, and the last one of this kind goes out of use."""
        town = self.town
        town.founders = {**FOUNDERS, f"yard-{town.life}": town.random.choice(OWNERS[:3])}
        for name, founder in town.founders.items():
            self.judge.found(name, founder)

    def _logIn(self, people: list[Citizen]) -> Iterator[str]:
        owners = self.judge.ledger.owners
        waiting = [each for each in people if each.name in owners and each.name not in GUESTS]
        for each in waiting:
            owner = owners[each.name]
            wrong = owner.wrong or self.town.secret()
            each.ask(Act("login", target=each.name, text=wrong))
            for password in owner.passwords if owner.state == OWNED else ():
                each.ask(Act("login", target=each.name, text=password))
        _settle(waiting)
        for each in waiting:
            owner = owners[each.name]
            _, wrong_, *tries = each.diary.acts
            self.judge.deeds.tries += 1 + len(tries)
            expected = "no-account" if owner.state == NOBODY else "wrong-password"
            if wrong_.refused != expected:
                yield f"{each.name}, {owner.state}: {wrong_}, not {expected}"
            right = [act.text for act in tries if act.done]
            if owner.state == OWNED and len(right) != 1:
                yield f"{each.name} can't log in, or with several passwords: {tries}"
            if right:
                owner.passwords, each.password = right, right[0]
                if each.diary.unread not in owner.unread:
                    yield f"{each.name} has {each.diary.unread} unread, not {owner.unread}"

    def _enter(self, people: list[Citizen], rooms: list[RoomOrder]) -> Iterator[str]:
        begun = time.time_ns()
        tried: list[tuple[Citizen, RoomOrder, list[Act]]] = []
        for each in people:
            for room in rooms:
                acts = [Act(verb, room.name) for verb in ("join", "message", "bans", "mutes")]
                acts[1].text = self.town.word()
                each.ask(*acts)
                tried.append((each, room, acts))
        _settle(people)
        for each, room, acts in tried:
            self.judge.deeds.tries += 2
            for complaint in self._tried(each, room, acts, (begun, time.time_ns())):
                yield f"{each.name} in {room.name}: {complaint}"

    def _tried(
        self, each: Citizen, room: RoomOrder, acts: list[Act], times: tuple[int, int]
    ) -> Iterator[str]:
        join, message, *lists = acts
        allowed = {code for now in times for code in room.outcomes(each.name, now)}
        outcome = join.refused or "entered"
        if outcome not in allowed:
            yield f"{outcome}, not {allowed}"
        if each.name in OWNERS and outcome != "banned":
            room.learn(each.name, outcome == "entered")
        if outcome != "entered":
            if message.refused != "not-in-room":
                yield f"is not there, and said {message}"
            return
        mute = {room.restrained("mute", each.name, now) for now in times}
        if (message.refused, mute) in (("", {True}), ("muted", {False})) or (
            message.refused not in ("", "muted")
        ):
            yield f"mute is {mute}, and {message}"
        arrivals = [one for one in each.diary.arrivals if one.room == room.name]
        entry = [one for one in arrivals if isinstance(one, Entry)][-1]
        if (entry.rank, entry.private) != (room.rank(each.name), room.private):
            yield f"{entry} of {room.rank(each.name)}, {room.private}"
        read = self.judge.ledger.owners[each.name].read if each.diary.lasting else {}
        if (entry.read or 0) not in read.get(room.name, {0}):
            yield f"has read up to {entry.read}, not {read}"
        if each.diary.lasting:
            read[room.name] = {entry.read or 0}
        for kind, listed in zip(("ban", "mute"), lists, strict=True):
            if room.rank(each.name) == "member":
                continue
            held = room.restraints[kind]
            ever = {name for name, lasts in listed.restraints.items() if lasts}
            may = {name for name, until in held.longest.items() if not until}
            if not held.lasting <= ever <= may:
                yield f"for ever restrained are {listed.restraints}, not {held}"
            for name in held.until:
                holds = room.restrained(kind, name, times[0])
                if holds is not None and holds is not (name in listed.restraints):
                    yield f"{kind} of {name} is {holds}, listed are {listed.restraints}"

    def _look(self, people: list[Citizen], rooms: list[RoomOrder]) -> Iterator[str]:
        tried: list[tuple[Act, int]] = []
        told: list[tuple[Act, dict[str, int]]] = []
        for room in rooms:
            [founder] = [each for each in people if each.name == room.founder]
            if room.name not in founder.diary.rooms:
                continue
            since = Act("since", room.name)
            told.append((since, founder.diary.rooms))
            founder.ask(since)
            said = [line for line in room.lines if line.kind == "message"]
            for gone in (True, False):
                lines = [line for line in said if (line.seq in room.deleted) is gone]
                for line in lines[-PROBED:]:
                    act = Act("search", room.name, f"#{room.name}", line.text)
                    tried.append((act, 0 if gone else 1))
                    founder.ask(act)
        _settle(people)
        # The last lines before the answer may have come on the way.
        tried += [(act, numbers[act.room]) for act, numbers in told]
        for act, count in tried:
            self.judge.deeds.tries += 1
            if act.lines != count or act.refused:
                yield f"{act} brought {act.lines} lines, not {count}"

    def _letters(self, people: list[Citizen]) -> Iterator[str]:
        kept = self.judge.ledger.letters
        tried: list[tuple[Act, list[str]]] = []
        for each in people[: len(OWNERS)]:
            other = self.town.random.choice([name for name in OWNERS if name != each.name])
            ends = ((each.name, other), (other, each.name))
            between = [one.ident for one in kept if (one.sender, one.receiver) in ends]
            tried.append((Act("inbox", target=other), between[-INBOX_PAGE:]))
            each.ask(tried[-1][0])
            if self.town.random.random() < 0.5:
                received = [one.ident for one in kept if one.receiver == each.name]
                tried.append((Act("inbox"), received[-INBOX_PAGE:]))
                each.ask(tried[-1][0])
        _settle(people)
        for act, idents in tried:
            self.judge.deeds.tries += 1
            found = [letter["id"] for letter in act.letters]
            if found != idents:
                yield f"{act} brought {found}, not {idents}"


def _settle(people: list[Citizen]) -> None:
    for each in people:
        each.settle()
