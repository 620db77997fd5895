"""The nodes of a cluster: real servers, address with a state folder that outlives its process."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path
from typing import Self

from tests.live.support.server import TROUBLE, Address, Server, until

#: The chat may open later; another service shows that the server has started.
OPTIONS = ("--services", "timestamp,chat", "--flood-lines", "0", "--flood-bytes", "0")

#: Seconds within which a node that starts has caught up.
OPEN_SECONDS = 30.0


class Node:
    server: Server

    def __init__(
        self,
        folder: Path,
        name: str,
        cluster: str = "",
        *options: str,
        environ: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self._environ = environ
        self.state = folder / "state"
        self.frozen = False
        self._folder = folder
        self._runs: list[Server] = []
        self._address: Address | None = None
        joined = ("--cluster", cluster, "--node", name) if cluster else ()
        self._options = (*OPTIONS, *joined, *options)
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        run = self._folder / f"run-{len(self._runs) + 1}"
        self._left = self._identity()
        self._address = None
        self.frozen = False
        self.server = Server(run, *self._options, state=self.state, environ=self._environ)
        self._runs.append(self.server)

    @property
    def isRunning(self) -> bool:
        return bool(self._runs) and self.server.runs()

    @property
    def address(self) -> Address | None:
        if not self.isRunning:
            return None
        if self._address is None and self._identity() != self._left:
            # The file is written anew when the chat opens.
            with contextlib.suppress(OSError, ValueError):
                rows = [Address(**row) for row in json.loads(self._ports.read_text())]
                chats = [
                    address for address in rows if (address.offering, address.transport) == _CHAT
                ]
                self._address = chats[0] if chats else None
        return self._address

    def waitUntilOpen(self, seconds: float = OPEN_SECONDS) -> Self:

        def isOpen() -> bool:
            assert self.isRunning, f"{self.name} has ended: {self.output()}"
            return self.address is not None

        until(isOpen, lambda: f"the chat of {self.name}:\n{self.output()}", seconds)
        self.server.ready()
        return self

    def kill(self) -> None:
        self._address = None
        self.frozen = False
        self.server.kill()

    def stop(self) -> None:
        self._address = None
        self.server.stop()

    def restart(self) -> None:
        self.kill()
        self.start()

    def freeze(self) -> None:
        self.frozen = True
        self.server.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.frozen = False
        if self.isRunning:
            self.server.send(signal.SIGCONT)

    def waitForExit(self, seconds: float = OPEN_SECONDS) -> tuple[int, str]:
        status = self.server.process.wait(seconds)
        return status, self.output()

    def output(self) -> str:
        return f"{self.server.logText()}{self.server.complaint()}"[-5000:]

    def troubles(self) -> list[str]:
        found = []
        for run in self._runs:
            for text in (run.logText(), run.complaint()):
                for word in TROUBLE:
                    if (at := text.find(word)) >= 0:
                        found.append(f"{self.name} in {run.folder}: {text[at : at + 2000]}")
        return found

    @property
    def _ports(self) -> Path:
        return self.state / "ports.json"

    def _identity(self) -> tuple[int, int] | None:
        with contextlib.suppress(FileNotFoundError):
            found = self._ports.stat()
            return found.st_ino, found.st_mtime_ns
        return None


_CHAT = ("chat", "tcp")


class Cluster:
    """Several nodes on one broker.  As a context: all are open, then all are killed."""

    def __init__(self, folder: Path, count: int, url: str, *options: str) -> None:
        self._folder = folder
        self._url = url
        self._options = options
        self.nodes: list[Node] = []
        for _ in range(count):
            self.add()

    def add(self) -> Node:
        name = "abcdefgh"[len(self.nodes)]
        node = Node(self._folder / f"node-{name}", name, self._url, *self._options)
        self.nodes.append(node)
        return node

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                node.start()
            for node in self.nodes:
                node.waitUntilOpen()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind: object, *failure: object) -> None:
        self.kill()
        if kind is None:
            troubles = self.troubles()
            assert not troubles, "\n".join(troubles)

    def kill(self) -> None:
        for node in self.nodes:
            if node.isRunning:
                node.kill()

    def troubles(self) -> list[str]:
        return [trouble for node in self.nodes for trouble in node.troubles()]
