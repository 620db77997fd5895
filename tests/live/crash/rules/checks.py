"""
Whether a chat that has just started keeps order as it has to: people log in, and try
what they may do and what they may not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.live.crash.rules.accounts import UNREGISTERED, REGISTERED
from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.clients import Moderator
from tests.live.crash.rules.database import openCopy, readTables, containsText
from tests.live.crash.rules.log import Entry
from tests.live.crash.rules.oracle import RuleOracle
from tests.live.crash.rules.room import RoomRules
from tests.live.crash.rules.world import FOUNDERS, GUESTS, OWNERS, World
from tests.live.support.server import Address
from tsservices.chat.verbs.history import INBOX_PAGE

#: Lines of each room that are looked for, of those deleted and of those not.
LINES_CHECKED = 3

#: The last bytes of the addresses of those who are always here, who are new, and who were new
#: before.
FIRST_HOST_BYTE, FIRST_NEW, FIRST_OLD = 11, 31, 41


class RuleChecks:
    """The people, and what is known of them from one life of the server to the next."""

    def __init__(self, world: World) -> None:
        self.oracle = RuleOracle()
        self.world = world
        self._all: list[Moderator] = []
        for name, founder in FOUNDERS.items():
            self.oracle.addRoom(name, founder)

    def checkDatabase(self, state: Path) -> list[str]:
        diaries = [each.log for each in self._all]
        self.closeAll()
        with openCopy(state) as connection:
            tables = readTables(connection, set(self.oracle.rooms))
            complaints = list(self.oracle.check(diaries, tables))
            for word, wanted in self.oracle.storedTexts(10):
                if word and containsText(connection, word) is not wanted:
                    complaints.append(f"{word} is in the file: {not wanted}")
        self.world.existingRooms = set(tables.lines)
        return complaints

    def closeAll(self) -> None:
        for each in self._all:
            each.socket.close()
        self._all = []

    def startLife(self, address: Address) -> tuple[list[Moderator], list[str]]:
        town = self.world
        old, town.life = town.newcomers, town.life + 1
        town.newcomers = [f"neu-{town.life}-{which}" for which in range(2)]
        always = self._connect(address, (*OWNERS, *GUESTS), FIRST_HOST_BYTE)
        new = self._connect(address, town.newcomers, FIRST_NEW)
        late = self._connect(address, old, FIRST_OLD)
        complaints = list(self._checkLogins([*always, *late]))
        for each in (*always, *new):
            if not each.log.loggedIn:
                each.ask(Action("nick", target=each.name))
                if each.name in OWNERS:
                    each.ask(Action("register", text=town.newPassword()))
        _waitForAnswers(always + new)
        rooms = [room for name, room in self.oracle.rooms.items() if name in town.existingRooms]
        rooms = [room for room in rooms if room.name in town.founders]
        complaints += self._checkJoins(always, rooms)
        complaints += self._checkHistory(always, rooms)
        complaints += self._checkInboxes(always)
        self._addRoom()
        for each in late:
            each.socket.close()
        # One of them is away, and gets private messages.
        sleeper = town.random.choice(always[2 : len(OWNERS)])
        sleeper.socket.close()
        return [each for each in (*always, *new) if each is not sleeper], complaints

    def _connect(
        self, address: Address, names: tuple[str, ...] | list[str], place: int
    ) -> list[Moderator]:
        come = []
        for which, name in enumerate(names):
            citizen = Moderator(address, name, self.world, place + which)
            self._all.append(citizen)
            come.append(citizen)
        return come

    def _addRoom(self) -> None:
        """There is to be one more room, and the last one of this kind goes out of use."""
        town = self.world
        town.founders = {**FOUNDERS, f"yard-{town.life}": town.random.choice(OWNERS[:3])}
        for name, founder in town.founders.items():
            self.oracle.addRoom(name, founder)

    def _checkLogins(self, people: list[Moderator]) -> Iterator[str]:
        owners = self.oracle.accounts.expected
        waiting = [each for each in people if each.name in owners and each.name not in GUESTS]
        for each in waiting:
            owner = owners[each.name]
            wrong = owner.wrongPassword or self.world.newPassword()
            each.ask(Action("login", target=each.name, text=wrong))
            for password in owner.passwords if owner.state == REGISTERED else ():
                each.ask(Action("login", target=each.name, text=password))
        _waitForAnswers(waiting)
        for each in waiting:
            owner = owners[each.name]
            _, wrong_, *tries = each.log.actions
            self.oracle.counts.checks += 1 + len(tries)
            expected = "no-account" if owner.state == UNREGISTERED else "wrong-password"
            if wrong_.error != expected:
                yield f"{each.name}, {owner.state}: {wrong_}, not {expected}"
            right = [act.text for act in tries if act.succeeded]
            if owner.state == REGISTERED and len(right) != 1:
                yield f"{each.name} can't log in, or with several passwords: {tries}"
            if right:
                owner.passwords, each.password = right, right[0]
                if each.log.unread not in owner.unread:
                    yield f"{each.name} has {each.log.unread} unread, not {owner.unread}"

    def _checkJoins(self, people: list[Moderator], rooms: list[RoomRules]) -> Iterator[str]:
        begun = time.time_ns()
        tried: list[tuple[Moderator, RoomRules, list[Action]]] = []
        for each in people:
            for room in rooms:
                acts = [Action(verb, room.name) for verb in ("join", "message", "bans", "mutes")]
                acts[1].text = self.world.newText()
                each.ask(*acts)
                tried.append((each, room, acts))
        _waitForAnswers(people)
        for each, room, acts in tried:
            self.oracle.counts.checks += 2
            for complaint in self._checkJoin(each, room, acts, (begun, time.time_ns())):
                yield f"{each.name} in {room.name}: {complaint}"

    def _checkJoin(
        self, each: Moderator, room: RoomRules, acts: list[Action], times: tuple[int, int]
    ) -> Iterator[str]:
        join, message, *lists = acts
        allowed = {code for now in times for code in room.joinOutcomes(each.name, now)}
        outcome = join.error or "entered"
        if outcome not in allowed:
            yield f"{outcome}, not {allowed}"
        if each.name in OWNERS and outcome != "banned":
            room.recordJoin(each.name, outcome == "entered")
        if outcome != "entered":
            if message.error != "not-in-room":
                yield f"is not there, and said {message}"
            return
        mute = {room.isRestricted("mute", each.name, now) for now in times}
        if (message.error, mute) in (("", {True}), ("muted", {False})) or (
            message.error not in ("", "muted")
        ):
            yield f"mute is {mute}, and {message}"
        arrivals = [one for one in each.log.arrivals if one.room == room.name]
        entry = [one for one in arrivals if isinstance(one, Entry)][-1]
        if (entry.rank, entry.private) != (room.rank(each.name), room.private):
            yield f"{entry} of {room.rank(each.name)}, {room.private}"
        read = self.oracle.accounts.expected[each.name].readMarkers if each.log.loggedIn else {}
        if (entry.read or 0) not in read.get(room.name, {0}):
            yield f"has read up to {entry.read}, not {read}"
        if each.log.loggedIn:
            read[room.name] = {entry.read or 0}
        for kind, listed in zip(("ban", "mute"), lists, strict=True):
            if room.rank(each.name) == "member":
                continue
            held = room.restrictions[kind]
            ever = {name for name, lasts in listed.restrictions.items() if lasts}
            may = {name for name, until in held.longest.items() if not until}
            if not held.permanent <= ever <= may:
                yield f"for ever restrained are {listed.restrictions}, not {held}"
            for name in held.until:
                holds = room.isRestricted(kind, name, times[0])
                if holds is not None and holds is not (name in listed.restrictions):
                    yield f"{kind} of {name} is {holds}, listed are {listed.restrictions}"

    def _checkHistory(self, people: list[Moderator], rooms: list[RoomRules]) -> Iterator[str]:
        tried: list[tuple[Action, int]] = []
        told: list[tuple[Action, dict[str, int]]] = []
        for room in rooms:
            [founder] = [each for each in people if each.name == room.founder]
            if room.name not in founder.log.rooms:
                continue
            since = Action("since", room.name)
            told.append((since, founder.log.rooms))
            founder.ask(since)
            said = [line for line in room.lines if line.kind == "message"]
            for gone in (True, False):
                lines = [line for line in said if (line.seq in room.deleted) is gone]
                for line in lines[-LINES_CHECKED:]:
                    act = Action("search", room.name, f"#{room.name}", line.text)
                    tried.append((act, 0 if gone else 1))
                    founder.ask(act)
        _waitForAnswers(people)
        # The last lines before the answer may have come on the way.
        tried += [(act, numbers[act.room]) for act, numbers in told]
        for act, count in tried:
            self.oracle.counts.checks += 1
            if act.lines != count or act.error:
                yield f"{act} brought {act.lines} lines, not {count}"

    def _checkInboxes(self, people: list[Moderator]) -> Iterator[str]:
        kept = self.oracle.accounts.privateMessages
        tried: list[tuple[Action, list[str]]] = []
        for each in people[: len(OWNERS)]:
            other = self.world.random.choice([name for name in OWNERS if name != each.name])
            ends = ((each.name, other), (other, each.name))
            between = [one.ident for one in kept if (one.sender, one.receiver) in ends]
            tried.append((Action("inbox", target=other), between[-INBOX_PAGE:]))
            each.ask(tried[-1][0])
            if self.world.random.random() < 0.5:
                received = [one.ident for one in kept if one.receiver == each.name]
                tried.append((Action("inbox"), received[-INBOX_PAGE:]))
                each.ask(tried[-1][0])
        _waitForAnswers(people)
        for act, idents in tried:
            self.oracle.counts.checks += 1
            found = [letter["id"] for letter in act.privateMessages]
            if found != idents:
                yield f"{act} brought {found}, not {idents}"


def _waitForAnswers(people: list[Moderator]) -> None:
    for each in people:
        each.waitForAnswers()
