"""
People who keep order in the rooms of a chat, or suffer it, while it is killed.  What
they do comes from a seed.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from random import Random

from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.log import FENCE, ClientLog
from tests.live.crash.rules.world import GUESTS, OWNERS, World
from tests.live.support.server import ANSWER_SECONDS, Address

#: Acts after which another may follow at once: none of them changes who or where one is.
_PIPELINED = frozenset({"message", "kick", "ban", "unban", "mute", "unmute", "op", "deop"})

#: What is done in rooms, and how often.
_WEIGHTS = (
    ("message", 10),
    ("ban", 3),
    ("unban", 3),
    ("mute", 3),
    ("unmute", 3),
    ("kick", 1),
    ("op", 3),
    ("deop", 2),
    ("private", 2),
    ("public", 1),
    ("invite", 3),
    ("delete", 4),
)


class Moderator:
    """One of them.  Its socket does not block."""

    def __init__(self, address: Address, name: str, world: World, hostByte: int) -> None:
        self.socket = socket.socket()
        try:
            self.socket.bind((f"127.0.0.{hostByte}", 0))
            self.socket.settimeout(ANSWER_SECONDS)
            self.socket.connect(address.pair)
        except BaseException:
            self.socket.close()
            raise
        self.socket.setblocking(False)
        self.name = name
        self.log = ClientLog(name)
        self.due = 0.0
        self.ended = False
        self.password = ""
        self._world = world
        self._received = b""
        self._unsent = bytearray(f"/format json\n{FENCE}\n".encode())
        self.log.actions.append(Action("format"))

    @property
    def unsent(self) -> bool:
        return bool(self._unsent)

    def ask(self, *actions: Action) -> None:
        for action in actions:
            self.log.actions.append(action)
            self._unsent += f"{action.command}\n{FENCE}\n".encode()
        self.flush()

    def act(self, now: float) -> None:
        """Do the next thing, if its time has come and the last one is over."""
        if now < self.due:
            return
        random = self._world.random
        self.due = now + random.uniform(0.0, 0.02)
        outstanding = self.log.outstanding
        if not outstanding or (
            len(outstanding) < 3 and all(each.verb in _PIPELINED for each in outstanding)
        ):
            self._updatePassword()
            action = self._next(random)
            if not outstanding or action.verb in _PIPELINED:
                self.ask(action)

    def receive(self) -> None:
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.ended = not data
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            if line.startswith(b"{"):
                self.log.receive(json.loads(line))
        if self.log.received:
            self._world.existingRooms.add(self.log.received[-1].line.room)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            del self._unsent[: self.socket.send(self._unsent)]

    def waitForAnswers(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.log.outstanding and not self.ended:
            left = deadline - time.monotonic()
            assert left > 0, f"{self.name} waits for {self.log.outstanding}"
            writers = [self.socket] if self._unsent else []
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
            people = [each for each in (*OWNERS, *GUESTS, *world.newcomers) if each != self.name]
            return Action("whisper", target=random.choice(people), text=world.newText())
        if choice < 0.36:
            return self._actForSelf(random, random.choice(present))
        last = next((action for action in reversed(log.actions) if action.verb == "join"), None)
        if last is None or last.error or last.room not in present:
            # What is done to a room is done to the one turned to last.
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
            actions += [Action("passwd", target=old, text=world.newPassword())] * 2
            actions += [Action("read", room, str(max(1, log.rooms[room])))] * 2
            actions += [Action("inbox"), Action("inbox", target=random.choice(OWNERS))]
            actions += [Action("logout")] if self.name in OWNERS else []
        elif self.name not in GUESTS:
            actions += [Action("register", text=world.newPassword())] * 6
        return random.choice(actions)

    def _moderate(self, random: Random, room: str) -> Action:
        [verb] = random.choices([each[0] for each in _WEIGHTS], [each[1] for each in _WEIGHTS])
        target, span = "", random.choice(("forever", "1h", "2s"))
        if verb == "delete":
            target = str(max(1, self.log.rooms[room] - random.randrange(8)))
        elif verb not in ("message", "private", "public"):
            target = random.choice((*OWNERS[2:], *GUESTS))
        return Action(verb, room, target, self._world.newText(), span)
