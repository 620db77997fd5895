"""Whether the rules hold after a start: clients try what they may do and what not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.live.crash.loop import closeAll
from tests.live.crash.rules.accounts import REGISTERED, UNREGISTERED
from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.clients import Moderator
from tests.live.crash.rules.database import containsText, openCopy, readTables
from tests.live.crash.rules.log import Entry
from tests.live.crash.rules.oracle import RuleOracle
from tests.live.crash.rules.room import RoomRules
from tests.live.crash.rules.world import FOUNDERS, GUESTS, OWNERS, World
from tests.live.support.server import Address
from tsservices.chat.verbs.inbox import INBOX_PAGE

#: Lines of each room that are searched for, of the deleted ones and of the others.
LINES_CHECKED = 3

#: Account tokens by which somebody tries to log in, the newest.
TOKENS_CHECKED = 10

#: The last bytes of addresses: of permanent clients, of new ones, and of those new one life ago.
FIRST_HOST_BYTE, FIRST_NEW, FIRST_OLD = 11, 31, 41


class RuleChecks:
    """The clients, and the oracle of all lives."""

    def __init__(self, world: World) -> None:
        self.oracle = RuleOracle()
        self.world = world
        self._all: list[Moderator] = []
        for name, founder in FOUNDERS.items():
            self.oracle.addRoom(name, founder)

    def checkDatabase(self, state: Path) -> list[str]:
        logs = [client.log for client in self._all]
        closeAll(self._all)
        self._all = []
        with openCopy(state) as connection:
            tables = readTables(connection, set(self.oracle.rooms))
            violations = list(self.oracle.check(logs, tables))
            for text, expected in self.oracle.storedTexts(10):
                if text and containsText(connection, text) is not expected:
                    violations.append(f"{text} is in the file: {not expected}")
        self.world.existingRooms = set(tables.lines)
        return violations

    def startLife(self, address: Address) -> tuple[list[Moderator], list[str]]:
        world = self.world
        previous, world.life = world.newcomers, world.life + 1
        world.newcomers = [f"neu-{world.life}-{which}" for which in range(2)]
        violations = list(self._checkTokens(address))
        permanent = self._connect(address, (*OWNERS, *GUESTS), FIRST_HOST_BYTE)
        new = self._connect(address, world.newcomers, FIRST_NEW)
        late = self._connect(address, previous, FIRST_OLD)
        violations += self._checkLogins([*permanent, *late])
        for client in (*permanent, *new):
            if not client.log.loggedIn:
                client.ask(Action("nick", target=client.name))
                if client.name in OWNERS:
                    client.ask(Action("register", text=world.newPassword()))
        _waitForAnswers(permanent + new)
        names = world.existingRooms & world.founders.keys()
        rooms = [room for name, room in self.oracle.rooms.items() if name in names]
        violations += self._checkJoins(permanent, rooms)
        violations += self._checkHistory(permanent, rooms)
        violations += self._checkInboxes(permanent)
        self._addRoom()
        closeAll(late)
        # One of them is away, and gets private messages.
        absent = world.random.choice(permanent[2 : len(OWNERS)])
        absent.socket.close()
        return [client for client in (*permanent, *new) if client is not absent], violations

    def _connect(self, address: Address, names: Sequence[str], hostByte: int) -> list[Moderator]:
        first = len(self._all)
        for number, name in enumerate(names, hostByte):
            self._all.append(Moderator(address, name, self.world, number))
        return self._all[first:]

    def _addRoom(self) -> None:
        # The room of the life before is used no more.
        world = self.world
        world.founders = {**FOUNDERS, f"yard-{world.life}": world.random.choice(OWNERS[:3])}
        for name, founder in world.founders.items():
            self.oracle.addRoom(name, founder)

    def _checkTokens(self, address: Address) -> Iterator[str]:
        for text, good in self.oracle.tokens.texts()[-TOKENS_CHECKED:]:
            self.oracle.counts.checks += 1
            self.oracle.counts.tokens += 1
            client = Moderator(address, "token", self.world, FIRST_OLD - 1)
            login = Action("login", target=text)
            client.ask(login, Action("logout"))
            client.waitForAnswers()
            client.socket.close()
            if login.error != ("" if good else "wrong-token"):
                yield f"a token is good: {good}, and {login}"

    def _checkLogins(self, clients: list[Moderator]) -> Iterator[str]:
        accounts = self.oracle.accounts.expected
        waiting = [
            client for client in clients if client.name in accounts and client.name not in GUESTS
        ]
        for client in waiting:
            account = accounts[client.name]
            wrong = account.wrongPassword or self.world.newPassword()
            client.ask(Action("login", target=client.name, text=wrong))
            for password in account.passwords if account.state == REGISTERED else ():
                client.ask(Action("login", target=client.name, text=password))
        _waitForAnswers(waiting)
        for client in waiting:
            account = accounts[client.name]
            _, refused, *logins = client.log.actions
            self.oracle.counts.checks += 1 + len(logins)
            expected = "no-account" if account.state == UNREGISTERED else "wrong-password"
            if refused.error != expected:
                yield f"{client.name}, {account.state}: {refused}, not {expected}"
            right = [action.text for action in logins if action.succeeded]
            if account.state == REGISTERED and len(right) != 1:
                yield f"{client.name} can't log in, or with several passwords: {logins}"
            if right:
                account.passwords, client.password = right, right[0]
                if client.log.unread not in account.unread:
                    yield f"{client.name} has {client.log.unread} unread, not {account.unread}"

    def _checkJoins(self, clients: list[Moderator], rooms: list[RoomRules]) -> Iterator[str]:
        begun = time.time_ns()
        checked: list[tuple[Moderator, RoomRules, list[Action]]] = []
        for client in clients:
            for room in rooms:
                actions = [Action(verb, room.name) for verb in ("join", "message", "bans", "mutes")]
                actions[1].text = self.world.newText()
                client.ask(*actions)
                checked.append((client, room, actions))
        _waitForAnswers(clients)
        for client, room, actions in checked:
            self.oracle.counts.checks += 2
            for violation in self._checkJoin(client, room, actions, (begun, time.time_ns())):
                yield f"{client.name} in {room.name}: {violation}"

    def _checkJoin(
        self, client: Moderator, room: RoomRules, actions: list[Action], times: tuple[int, int]
    ) -> Iterator[str]:
        join, message, *lists = actions
        allowed = {code for now in times for code in room.joinOutcomes(client.name, now)}
        outcome = join.error or "entered"
        if outcome not in allowed:
            yield f"{outcome}, not {allowed}"
        if client.name in OWNERS and outcome != "banned":
            room.recordJoin(client.name, outcome == "entered")
        if outcome != "entered":
            if message.error != "not-in-room":
                yield f"is not in the room, and wrote {message}"
            return
        mute = {room.isRestricted("mute", client.name, now) for now in times}
        if (message.error, mute) in (("", {True}), ("muted", {False})) or (
            message.error not in ("", "muted")
        ):
            yield f"mute is {mute}, and {message}"
        entries = [row for row in client.log.arrivals if isinstance(row, Entry)]
        entry = [row for row in entries if row.room == room.name][-1]
        if (entry.rank, entry.private) != (room.rank(client.name), room.private):
            yield f"{entry} of {room.rank(client.name)}, {room.private}"
        read = self.oracle.accounts.expected[client.name].readMarkers if client.log.loggedIn else {}
        if (entry.read or 0) not in read.get(room.name, {0}):
            yield f"has read up to {entry.read}, not {read}"
        if client.log.loggedIn:
            read[room.name] = {entry.read or 0}
        for kind, listed in zip(("ban", "mute"), lists, strict=True):
            if room.rank(client.name) == "member":
                continue
            restrictions = room.restrictions[kind]
            permanent = {name for name, always in listed.restrictions.items() if always}
            possible = {name for name, until in restrictions.longest.items() if not until}
            if not restrictions.permanent <= permanent <= possible:
                yield f"for ever restricted are {listed.restrictions}, not {restrictions}"
            for name in restrictions.until:
                active = room.isRestricted(kind, name, times[0])
                if active is not None and active is not (name in listed.restrictions):
                    yield f"{kind} of {name} is {active}, listed are {listed.restrictions}"

    def _checkHistory(self, clients: list[Moderator], rooms: list[RoomRules]) -> Iterator[str]:
        checked: list[tuple[Action, int]] = []
        lengths: list[tuple[Action, dict[str, int]]] = []
        for room in rooms:
            [founder] = [client for client in clients if client.name == room.founder]
            if room.name not in founder.log.rooms:
                continue
            since = Action("since", room.name)
            lengths.append((since, founder.log.rooms))
            founder.ask(since)
            messages = [line for line in room.lines if line.kind == "message"]
            for deleted in (True, False):
                lines = [line for line in messages if (line.seq in room.deleted) is deleted]
                for line in lines[-LINES_CHECKED:]:
                    action = Action("search", room.name, f"#{room.name}", line.text)
                    checked.append((action, 0 if deleted else 1))
                    founder.ask(action)
        _waitForAnswers(clients)
        # The last lines before the answer may have come on the way.
        checked += [(action, numbers[action.room]) for action, numbers in lengths]
        for action, count in checked:
            self.oracle.counts.checks += 1
            if action.lines != count or action.error:
                yield f"{action} brought {action.lines} lines, not {count}"

    def _checkInboxes(self, clients: list[Moderator]) -> Iterator[str]:
        stored = self.oracle.accounts.privateMessages
        checked: list[tuple[Action, list[str]]] = []
        for client in clients[: len(OWNERS)]:
            other = self.world.random.choice([name for name in OWNERS if name != client.name])
            both = ((client.name, other), (other, client.name))
            between = [row.ident for row in stored if (row.sender, row.receiver) in both]
            pages = [(Action("inbox", target=other), between[-INBOX_PAGE:])]
            if self.world.random.random() < 0.5:
                received = [row.ident for row in stored if row.receiver == client.name]
                pages.append((Action("inbox"), received[-INBOX_PAGE:]))
            client.ask(*(action for action, _ in pages))
            checked += pages
        _waitForAnswers(clients)
        for action, idents in checked:
            self.oracle.counts.checks += 1
            found = [message["id"] for message in action.privateMessages]
            if found != idents:
                yield f"{action} brought {found}, not {idents}"


def _waitForAnswers(clients: list[Moderator]) -> None:
    for client in clients:
        client.waitForAnswers()
