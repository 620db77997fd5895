"""
Kills a chat server again and again while clients talk, and checks that nothing is lost.

Usage: C{python -m tests.live.crash --kills 50 --seed 1 --seconds 600}.  Every life of the server
begins with the state folder of the life before.  L{tests.live.crash.oracle} compares what clients
wrote and received with the history that a fresh client reads.  L{tests.live.crash.rules} does so
for accounts, private messages and the rights in rooms.  Then clients talk until the next kill.
Exits with 0 if nothing was wrong, and else leaves the folder for a look at it.
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

#: Of the server: clients here write more than the flood limits allow.
OPTIONS = ("--services", "chat", "--flood-lines", "0", "--flood-bytes", "0")

#: Seconds from the first action of a client to the kill.
EARLIEST, LATEST = 0.05, 1.5

#: How often a server is also killed while it starts.
KILLED_STARTING = 0.15

#: When a start is disturbed, it is within this time.
STARTING_SECONDS = 1.0


class Violation(AssertionError):
    """What the server got wrong, with all that is needed to do the run again."""


class CrashRun:
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
        # A random source of its own: what other clients do with a seed does not depend on it.
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
        """Kill and check until it is enough, then stop in order and check for the last time."""
        deadline = time.monotonic() + seconds
        life = Life()
        while self.kills < kills and time.monotonic() < deadline:
            if self._random.random() < KILLED_STARTING:
                self._killStarting()
            with self._start() as server:
                lineCount = self._check(server, life)
                life = self._runLife(server)
            self.kills += 1
            self._checkDatabase()
            written = sum(map(len, life.written.values()))
            report(f"kill {self.kills}: {lineCount} lines were there, {written} written since")
        for _ in range(2):
            # Once after the last kill, and once after an orderly stop.
            with self._start() as server:
                self._check(server, life)
            self._checkDatabase()
            life = Life()

    def _start(self, asUsers: bool = False) -> Server:
        self._life += 1
        return Server(
            self._folder / f"life-{self._life}",
            *self._options,
            state=self._folder / "state",
            asUsers=asUsers,
        )

    def _killStarting(self) -> None:
        server = self._start(asUsers=True)
        try:
            server.process.wait(self._random.uniform(0.0, STARTING_SECONDS))
        except subprocess.TimeoutExpired:
            server.untroubled()
            return
        finally:
            server.kill()
        raise Violation(f"it ended while it started: {server.complaint()}\n{self._position()}")

    def _check(self, server: Server, life: Life) -> int:
        try:
            with server.connect("chat", seconds=READ_SECONDS) as client:
                history = dict(readHistories(client, f"proof-{self._life}"))
            violations = self._oracle.check(history, life)
            self._moderators, more = self._checks.startLife(server.address("chat"))
        except (AssertionError, OSError) as reason:
            raise Violation(f"{reason}\n{self._position()}") from reason
        self._raiseViolations(violations + more)
        return self.counts.stored

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
            # Half of the kills come right after a client has received something: what is sent
            # before it is stored is lost then.
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
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="ts-crashes-"))
    number = signal.Signals[f"SIG{options.signal}"]
    crashes = CrashRun(folder, options.seed, options.options, number)
    try:
        crashes.run(options.kills, options.seconds, print)
    except AssertionError as reason:
        print(reason, file=sys.stderr)
        return 1
    finally:
        counts = {**asdict(crashes.counts), "order": asdict(crashes.ruleCounts)}
        print(json.dumps({"kills": crashes.kills, "seed": options.seed, **counts}))
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
