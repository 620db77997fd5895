"""
Two clients of the chat on connections that fail all the time.

    python -m tests.live.flaky_network --minutes 20

They are real processes of the client in its form for programs.  Everything that either
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
from typing import Any, Self

from tests.live.support.server import Server
from tests.live.support.tcp_proxy import Proxy

#: Within this everything has arrived when nothing is cut any more.
SETTLE_SECONDS = 60.0


class ChatProcess:
    """One client."""

    def __init__(self, nick: str, port: int) -> None:
        self.nick = nick
        self.said: list[str] = []
        self.heard: dict[int, tuple[str, str]] = {}
        self.own: list[dict[str, Any]] = []
        self.joined = False
        self._unfinished = b""
        arguments = ["chat", "--json", "--nick", nick, "--room", "evening", "--port", str(port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tsservices.client", *arguments, "--timeout", "30"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
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

    def read(self) -> None:
        assert self._process.stdout is not None
        data = self._process.stdout.read1(1 << 20)  # type: ignore[attr-defined]
        assert data, f"{self.nick} has ended with status {self._process.wait(10)}"
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event["type"] == "said":
                message = event["nick"], event["text"]
                assert self.heard.setdefault(event["seq"], message) == message
            elif event["type"] == "client":
                self.own.append(event)
            elif event["type"] == "roomEntered":
                self.joined = True

    def leave(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.stdout is not None
        while self._process.stdout.read(1 << 16):
            pass
        return self._process.wait(SETTLE_SECONDS)


def readAll(clients: Iterable[ChatProcess], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ, client)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                key.data.read()


def run(server: Server, seconds: float, seed: int, pace: float = 1.0) -> dict[str, int]:
    """
    Let two clients talk, and check what they have heard.

    @param pace: eighths of it, in seconds, pass between two lines on average.
    """
    chance = random.Random(seed)
    address = server.address("chat").pair
    with (
        Proxy(address) as annsProxy,
        Proxy(address) as bobsProxy,
        ChatProcess("ann", annsProxy.port) as ann,
        ChatProcess("bob", bobsProxy.port) as bob,
    ):
        proxies, clients = (annsProxy, bobsProxy), (ann, bob)
        # A client that is cut off before it has a name ends, as it should.
        deadline = time.monotonic() + SETTLE_SECONDS
        while not all(client.joined for client in clients):
            assert time.monotonic() < deadline, "a client has not joined"
            readAll(clients, 0.1)
        deadline = time.monotonic() + seconds
        cuts = count = 0
        while time.monotonic() < deadline:
            count += 1
            for client in clients:
                if chance.random() < 0.8:
                    # Lines that are alike are the harder ones.
                    client.say(chance.choice(["yes", "no", f"{client.nick} {count}"]))
            readAll(clients, chance.expovariate(8 / pace))
            if chance.random() < 0.125:
                cuts += 1
                proxy = chance.choice(proxies)
                proxy.refuse(chance.random() < 0.2)
                proxy.cut()
                readAll(clients, chance.random() * 0.2)
                proxy.refuse(False)
        total = len(ann.said) + len(bob.said)
        deadline = time.monotonic() + SETTLE_SECONDS
        while min(len(client.heard) for client in clients) < total:
            if time.monotonic() > deadline:
                break
            readAll(clients, 0.1)
        for client in clients:
            assert sorted(client.heard) == list(range(1, total + 1)), (
                f"{client.nick} has heard {len(client.heard)} of {total} lines"
            )
            assert not [event for event in client.own if event["event"] == "notSent"]
            heard = [text for _, (nick, text) in sorted(ann.heard.items()) if nick == client.nick]
            assert heard == client.said, f"what {client.nick} said is not what was heard"
        assert ann.heard == bob.heard
        assert [client.leave() for client in clients] == [0, 0]
        connections = sum(proxy.passed for proxy in proxies)
        return {"lines": total, "cuts": cuts, "connections": connections}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.live.flaky_network", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="of what is random (default 1)")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="ts-") as folder,
        Server(Path(folder), "--services", "chat") as server,
    ):
        print(run(server, given.minutes * 60, given.seed))


if __name__ == "__main__":
    main()
