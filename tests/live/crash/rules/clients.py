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

from tests.live.crash.rules.actions import Act
from tests.live.crash.rules.log import FENCE, Diary
from tests.live.crash.rules.world import GUESTS, OWNERS, Town
from tests.live.support.server import ANSWER_SECONDS, Address

#: Acts after which another may follow at once: none of them changes who or where one is.
_TOGETHER = frozenset({"message", "kick", "ban", "unban", "mute", "unmute", "op", "deop"})

#: What is done in rooms, and how often.
_ORDER = (
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


class Citizen:
    """One of them.  Its socket does not block."""

    def __init__(self, address: Address, name: str, town: Town, place: int) -> None:
        self.socket = socket.socket()
        try:
            self.socket.bind((f"127.0.0.{place}", 0))
            self.socket.settimeout(ANSWER_SECONDS)
            self.socket.connect(address.pair)
        except BaseException:
            self.socket.close()
            raise
        self.socket.setblocking(False)
        self.name = name
        self.diary = Diary(name)
        self.due = 0.0
        self.ended = False
        self.password = ""
        self._town = town
        self._received = b""
        self._unsent = bytearray(f"/format json\n{FENCE}\n".encode())
        self.diary.acts.append(Act("format"))

    @property
    def unsent(self) -> bool:
        return bool(self._unsent)

    def ask(self, *acts: Act) -> None:
        for act in acts:
            self.diary.acts.append(act)
            self._unsent += f"{act.command}\n{FENCE}\n".encode()
        self.flush()

    def act(self, now: float) -> None:
        """Do the next thing, if its time has come and the last one is over."""
        if now < self.due:
            return
        random = self._town.random
        self.due = now + random.uniform(0.0, 0.02)
        outstanding = self.diary.outstanding
        if not outstanding or (
            len(outstanding) < 3 and all(each.verb in _TOGETHER for each in outstanding)
        ):
            self._note()
            act = self._next(random)
            if not outstanding or act.verb in _TOGETHER:
                self.ask(act)

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
                self.diary.feed(json.loads(line))
        if self.diary.heard:
            self._town.known.add(self.diary.heard[-1].line.room)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            del self._unsent[: self.socket.send(self._unsent)]

    def settle(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.diary.outstanding and not self.ended:
            left = deadline - time.monotonic()
            assert left > 0, f"{self.name} waits for {self.diary.outstanding}"
            writers = [self.socket] if self._unsent else []
            readable, _, _ = select.select([self.socket], writers, [], left)
            self.flush()
            if readable:
                self.receive()

    def _note(self) -> None:
        for act in self.diary.acts:
            if {"registered", "password"} & set(act.codes):
                self.password = act.text

    def _next(self, random: Random) -> Act:
        town, diary = self._town, self.diary
        rooms = sorted(town.known & set(town.founders))
        present = sorted(set(diary.rooms) & set(rooms))
        if self.name in OWNERS and not diary.lasting:
            return Act("login", target=self.name, text=self.password)
        for room, founder in town.founders.items():
            if founder == self.name and room not in town.known:
                verb = "message" if room in diary.rooms else "join"
                return Act(verb, room, text=town.word())
        if not rooms:
            return Act("rooms")
        choice = random.random()
        if not present or choice < 0.12:
            return Act("join", random.choice(rooms))
        if choice < 0.24:
            people = [each for each in (*OWNERS, *GUESTS, *town.newcomers) if each != self.name]
            return Act("whisper", target=random.choice(people), text=town.word())
        if choice < 0.36:
            return self._alone(random, random.choice(present))
        last = next((act for act in reversed(diary.acts) if act.verb == "join"), None)
        if last is None or last.refused or last.room not in present:
            # What is done to a room is done to the one turned to last.
            return Act("join", random.choice(present))
        return self._order(random, last.room)

    def _alone(self, random: Random, room: str) -> Act:
        town, diary = self._town, self.diary
        acts = [
            Act("since", room),
            Act("search", target="#*", text=f"from:{random.choice(OWNERS)}"),
            Act("part", room),
            Act("bans", room),
        ]
        if diary.lasting:
            old = self.password if random.random() < 0.7 else town.secret()
            acts += [Act("passwd", target=old, text=town.secret())] * 2
            acts += [Act("read", room, str(max(1, diary.rooms[room])))] * 2
            acts += [Act("inbox"), Act("inbox", target=random.choice(OWNERS))]
            acts += [Act("logout")] if self.name in OWNERS else []
        elif self.name not in GUESTS:
            acts += [Act("register", text=town.secret())] * 6
        return random.choice(acts)

    def _order(self, random: Random, room: str) -> Act:
        [verb] = random.choices([each[0] for each in _ORDER], [each[1] for each in _ORDER])
        target, span = "", random.choice(("forever", "1h", "2s"))
        if verb == "delete":
            target = str(max(1, self.diary.rooms[room] - random.randrange(8)))
        elif verb not in ("message", "private", "public"):
            target = random.choice((*OWNERS[2:], *GUESTS))
        return Act(verb, room, target, self._town.word(), span)
