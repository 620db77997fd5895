"""
Kills a chat server again and again, while clients talk, and sees that nothing that
anybody was told is lost.

Usage: C{python -m tests.live.crash --kills 50 --seed 1 --seconds 600}.  Every life of
the server begins on the same state folder with what is left of the life before: a fresh
client reads all of the history, L{tests.live.crash.oracle} judges it, then a crowd talks
until the next kill.  Beside the crowd there are clients with accounts who keep order in
rooms of their own: L{tests.live.crash.rules.oracle} judges what the server leaves in its file,
and L{tests.live.crash.rules.checks} tries, after each start, whether all of it is in force.  Exits
with 0 when nothing was wrong, and leaves the folder alone otherwise.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

from tests.live.crash.history import READ_SECONDS, readHistories
from tests.live.crash.loop import closeAll, runUntilKill
from tests.live.crash.oracle import Counts, Life, MessageOracle
from tests.live.crash.rules.checks import RuleChecks
from tests.live.crash.rules.clients import Moderator
from tests.live.crash.rules.oracle import RuleCounts
from tests.live.crash.rules.world import World
from tests.live.crash.writers import connectClients
from tests.live.support.server import STOP_SECONDS, Server
from tsservices.chat.errors import STOPPING, ChatError

#: Of the server: clients here say more than a chat lets one person say.
OPTIONS = ("--services", "chat", "--flood-lines", "0", "--flood-bytes", "0")

#: Seconds from the moment when clients began until the kill.
EARLIEST, LATEST = 0.05, 1.5

#: How often a server is also killed while it starts.
KILLED_STARTING = 0.15

#: When a start is disturbed, it is within this time.
STARTING_SECONDS = 1.0


class Violation(AssertionError):
    """
    The server did not keep what it has to keep.  The argument says what, and how to do
    the same again.
    """


class CrashRun:
    """One run."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        options: Sequence[str] = (),
        number: signal.Signals = signal.SIGKILL,
    ) -> None:
        self._folder = folder
        self._seed = seed
        self._random = Random(seed)
        self._options = (*OPTIONS, *options)
        self._signal = number
        self._oracle = MessageOracle()
        # With chances of their own: what the others do with a seed stays as it was.
        self._checks = RuleChecks(World(Random(seed)))
        self._moderators: list[Moderator] = []
        self._life = 0
        self.kills = 0

    @property
    def counts(self) -> Counts:
        return self._oracle.counts

    @property
    def ruleCounts(self) -> RuleCounts:
        return self._checks.oracle.counts

    def run(
        self, kills: int, seconds: float, report: Callable[[str], object] = lambda line: None
    ) -> None:
        """
        Kill, and oracle what is left, until it is enough; then stop the server in order,
        and oracle for the last time.
        """
        deadline = time.monotonic() + seconds
        life = Life()
        while self.kills < kills and time.monotonic() < deadline:
            if self._random.random() < KILLED_STARTING:
                self._killStarting()
            with self._start() as server:
                found = self._check(server, life)
                life = self._runLife(server)
            self.kills += 1
            self._checkDatabase()
            said = sum(map(len, life.written.values()))
            report(f"kill {self.kills}: {found} lines were there, {said} written since")
        for _ in range(2):
            # Once after the last kill, and once after an orderly stop.
            with self._start() as server:
                self._check(server, life)
            self._checkDatabase()
            life = Life()

    def _start(self) -> Server:
        self._life += 1
        return Server(
            self._folder / f"life-{self._life}", *self._options, state=self._folder / "state"
        )

    def _killStarting(self) -> None:
        server = self._start()
        try:
            server.process.wait(self._random.uniform(0.0, STARTING_SECONDS))
        except subprocess.TimeoutExpired:
            server.untroubled()
            return
        finally:
            server.kill()
        raise Violation(f"it ended while it started: {server.complaint()}\n{self._position()}")

    def _check(self, server: Server, life: Life) -> int:
        with server.connect("chat", seconds=READ_SECONDS) as client:
            try:
                history = dict(readHistories(client, f"proof-{self._life}"))
            except (AssertionError, OSError) as reason:
                raise Violation(f"{reason}\n{self._position()}") from reason
        violations = self._oracle.check(history, life)
        try:
            self._moderators, more = self._checks.startLife(server.address("chat"))
        except (AssertionError, OSError) as reason:
            raise Violation(f"{reason}\n{self._position()}") from reason
        self._raiseViolations(violations + more)
        return self.counts.kept

    def _checkDatabase(self) -> None:
        self._raiseViolations(self._checks.checkDatabase(self._folder / "state"))

    def _raiseViolations(self, violations: list[str]) -> None:
        if violations:
            raise Violation("\n".join([*violations, self._position()]))

    def _position(self) -> str:
        return f"seed {self._seed}, {self.kills} kills, life {self._life} in {self._folder}"

    def _kill(self, server: Server, life: Life) -> None:
        if self._signal == signal.SIGKILL:
            server.kill()
        else:
            life.stopText = str(ChatError(STOPPING))
            server.send(self._signal)

    def _runLife(self, server: Server) -> Life:
        life = Life()
        clients = connectClients(server.address("chat"), self._life, self._random)
        try:
            # Half of the kills come at once after somebody was told something: what is
            # told before it is stored is lost then.
            life.violations += runUntilKill(
                [*clients, *self._moderators],
                self._random.uniform(EARLIEST, LATEST),
                self._random.choice((0.0, 0.1)),
                lambda: self._kill(server, life),
            )
        finally:
            closeAll(clients)
        for client in clients:
            client.report(life)
        try:
            status = server.process.wait(STOP_SECONDS)
            assert status == (-self._signal if self._signal == signal.SIGKILL else 0), status
            server.untroubled()
        except (AssertionError, subprocess.TimeoutExpired) as trouble:
            life.violations.append(f"the end of the server: {trouble}")
        finally:
            server.kill()
        return life


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="crashes", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--signal", default="KILL", choices=("KILL", "TERM", "INT"))
    parser.add_argument("options", nargs="*", help="of the server, after --")
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="ts-crashes-"))
    crashes = CrashRun(folder, asked.seed, asked.options, signal.Signals[f"SIG{asked.signal}"])
    try:
        crashes.run(asked.kills, asked.seconds, print)
    except AssertionError as reason:
        print(reason, file=sys.stderr)
        return 1
    finally:
        counted = {**asdict(crashes.counts), "order": asdict(crashes.ruleCounts)}
        print(json.dumps({"kills": crashes.kills, "seed": asked.seed, **counted}))
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
