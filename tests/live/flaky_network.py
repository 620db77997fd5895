"""
An evening in the chat: two clients on lines that fail all the time.

    python -m tests.live.flaky_network --minutes 20

Both are real processes of the client in its form for programs.  Everything that either
says has to reach both, once and in order.
"""

from __future__ import annotations

import argparse
import json
import random
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.live.support.server import Server
from tests.live.support.tcp_proxy import Proxy

#: Within this everything has arrived when nothing is cut any more.
SETTLE_SECONDS = 60.0


class Talker:
    """One client."""

    def __init__(self, nick: str, port: int) -> None:
        self.nick = nick
        self.said: list[str] = []
        self.seen: dict[int, tuple[str, str]] = {}
        self.own: list[dict[str, Any]] = []
        self.entered = False
        self._rest = b""
        arguments = ["chat", "--json", "--nick", nick, "--room", "evening", "--port", str(port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tsservices.client", *arguments, "--timeout", "30"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._process:
            self._process.kill()

    def say(self, text: str) -> None:
        self.said.append(text)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        self._process.stdin.flush()

    def fileno(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def hear(self) -> None:
        assert self._process.stdout is not None
        data = self._process.stdout.read1(1 << 20)  # type: ignore[attr-defined]
        assert data, f"{self.nick} has ended with status {self._process.wait(10)}"
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event["type"] == "said":
                what = event["nick"], event["text"]
                assert self.seen.setdefault(event["seq"], what) == what
            elif event["type"] == "client":
                self.own.append(event)
            elif event["type"] == "roomEntered":
                self.entered = True

    def leave(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.stdout is not None
        while self._process.stdout.read(1 << 16):
            pass
        return self._process.wait(SETTLE_SECONDS)


def hearAll(talkers: Iterable[Talker], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for each in talkers:
            selector.register(each, selectors.EVENT_READ, each)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                key.data.hear()


def evening(server: Server, seconds: float, seed: int, pace: float = 1.0) -> dict[str, int]:
    chance = random.Random(seed)
    address = server.address("chat").pair
    with (
        Proxy(address) as one,
        Proxy(address) as other,
        Talker("ann", one.port) as ann,
        Talker("bob", other.port) as bob,
    ):
        both = (ann, bob)
        # A client that is cut off before it has a name ends, as it should.
        deadline = time.monotonic() + SETTLE_SECONDS
        while not all(each.entered for each in both):
            assert time.monotonic() < deadline, "somebody has not come"
            hearAll(both, 0.1)
        deadline = time.monotonic() + seconds
        cuts = count = 0
        while time.monotonic() < deadline:
            count += 1
            for each in both:
                if chance.random() < 0.8:
                    # Lines that are alike are the harder ones.
                    each.say(chance.choice(["yes", "no", f"{each.nick} {count}"]))
            hearAll(both, chance.expovariate(8 / pace))
            if chance.random() < 0.125:
                cuts += 1
                proxy = chance.choice((one, other))
                proxy.refuse(chance.random() < 0.2)
                proxy.cut()
                hearAll(both, chance.random() * 0.2)
                proxy.refuse(False)
        total = len(ann.said) + len(bob.said)
        deadline = time.monotonic() + SETTLE_SECONDS
        while min(len(each.seen) for each in both) < total and time.monotonic() < deadline:
            hearAll(both, 0.1)
        for each in both:
            assert sorted(each.seen) == list(range(1, total + 1)), (
                f"{each.nick} has seen {len(each.seen)} of {total} lines"
            )
            assert not [event for event in each.own if event["event"] == "notSent"]
        assert ann.seen == bob.seen
        for each in both:
            told = [text for _, (nick, text) in sorted(ann.seen.items()) if nick == each.nick]
            assert told == each.said, f"what {each.nick} said is not what was heard"
        assert [each.leave() for each in both] == [0, 0]
        return {"lines": total, "cuts": cuts, "connections": one.passed + other.passed}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.live.flaky_network", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="of what is random (default 1)")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="ts-") as folder,
        Server(Path(folder), "--services", "chat") as server,
    ):
        print(evening(server, given.minutes * 60, given.seed))


if __name__ == "__main__":
    main()
