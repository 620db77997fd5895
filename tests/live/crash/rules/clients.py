"""Clients that moderate rooms of the server to be killed, as a seed says."""

from __future__ import annotations

import json
import select
import socket
import time
from random import Random

from tests.live.crash.loop import Client
from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.log import FENCE, ClientLog
from tests.live.crash.rules.world import GUESTS, OWNERS, World
from tests.live.support.server import ANSWER_SECONDS, Address

#: Acts after which another may follow at once: none of them changes who or where one is.
_PIPELINED = frozenset({"message", "kick", "ban", "unban", "mute", "unmute", "op", "deop"})

#: What is done in rooms, and how often.
_WEIGHTS = {
    **{"message": 10, "ban": 3, "unban": 3, "mute": 3, "unmute": 3, "kick": 1},
    **{"op": 3, "deop": 2, "private": 2, "public": 1, "invite": 3, "delete": 4},
}


class Moderator(Client):
    """Somebody who moderates rooms, or is moderated, and keeps a log of it."""

    def __init__(self, address: Address, name: str, world: World, hostByte: int) -> None:
        host = f"127.0.0.{hostByte}"
        super().__init__(name, socket.create_connection(address.pair, ANSWER_SECONDS, (host, 0)))
        self.log = ClientLog(name)
        self.password = ""
        self._world = world
        self.ask(Action("format", target="json"))

    def ask(self, *actions: Action) -> None:
        for action in actions:
            self.log.actions.append(action)
            self.unsent += f"{action.command}\n{FENCE}\n".encode()
        self.flush()

    def act(self, now: float) -> None:
        if now < self.due:
            return
        random = self._world.random
        self.due = now + random.uniform(0.0, 0.02)
        outstanding = self.log.outstanding
        pipelined = all(action.verb in _PIPELINED for action in outstanding)
        if not outstanding or (len(outstanding) < 3 and pipelined):
            self._updatePassword()
            action = self._next(random)
            if not outstanding or action.verb in _PIPELINED:
                self.ask(action)

    def receiveLine(self, line: bytes) -> None:
        if line.startswith(b"{"):
            self.log.receive(json.loads(line))
            if self.log.received:
                self._world.existingRooms.add(self.log.received[-1].line.room)

    def waitForAnswers(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.log.outstanding and not self.ended:
            left = deadline - time.monotonic()
            assert left > 0, f"{self.name} waits for {self.log.outstanding}"
            writers = [self.socket] if self.unsent else []
            readable, _, _ = select.select([self.socket], writers, [], left)
            self.flush()
            if readable:
                self.receive()

    def _updatePassword(self) -> None:
        for action in self.log.actions:
            if {"registered", "password"} & set(action.codes):
                self.password = action.text

    def _next(self, random: Random) -> Action:
        world, log = self._world, self.log
        rooms = sorted(world.existingRooms & set(world.founders))
        present = sorted(set(log.rooms) & set(rooms))
        if self.name in OWNERS and not log.loggedIn:
            return Action("login", target=self.name, text=self.password)
        for room, founder in world.founders.items():
            if founder == self.name and room not in world.existingRooms:
                verb = "message" if room in log.rooms else "join"
                return Action(verb, room, text=world.newText())
        if not rooms:
            return Action("rooms")
        choice = random.random()
        if not present or choice < 0.12:
            return Action("join", random.choice(rooms))
        if choice < 0.24:
            names = [name for name in (*OWNERS, *GUESTS, *world.newcomers) if name != self.name]
            return Action("whisper", target=random.choice(names), text=world.newText())
        if choice < 0.36:
            return self._actForSelf(random, random.choice(present))
        last = next((action for action in reversed(log.actions) if action.verb == "join"), None)
        if last is None or last.error or last.room not in present:
            # A command that names no room is for the room that was joined last.
            return Action("join", random.choice(present))
        return self._moderate(random, last.room)

    def _actForSelf(self, random: Random, room: str) -> Action:
        world, log = self._world, self.log
        actions = [
            Action("since", room),
            Action("search", target="#*", text=f"from:{random.choice(OWNERS)}"),
            Action("part", room),
            Action("bans", room),
        ]
        if log.loggedIn:
            old = self.password if random.random() < 0.7 else world.newPassword()
            revoke = random.choice(("keep", "revoke"))
            password = world.newPassword()
            actions += [Action("passwd", target=old, text=password, duration=revoke)] * 2
            actions += [Action("token", target=world.newTokenName())] * 2
            actions += [Action("revoke", target=name) for name in log.tokens[-1:]]
            actions += [Action("read", room, str(max(1, log.rooms[room])))] * 2
            actions += [Action("inbox"), Action("inbox", target=random.choice(OWNERS))]
            actions += [Action("logout")] if self.name in OWNERS else []
        elif self.name not in GUESTS:
            actions += [Action("register", text=world.newPassword())] * 6
        return random.choice(actions)

    def _moderate(self, random: Random, room: str) -> Action:
        [verb] = random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        target, duration = "", random.choice(("forever", "1h", "2s"))
        if verb == "delete":
            target = str(max(1, self.log.rooms[room] - random.randrange(8)))
        elif verb not in ("message", "private", "public"):
            target = random.choice((*OWNERS[2:], *GUESTS))
        return Action(verb, room, target, self._world.newText(), duration)
