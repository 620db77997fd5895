"""
The nodes of a cluster, each a real server in a process of its own on a state folder that
outlives it.
"""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.live.support.server import TROUBLE, Address, Server, until

OPTIONS = ("--services", "timestamp,chat", "--flood-lines", "0", "--flood-bytes", "0")
"""
Of every node: one more service than the chat, since that one may come later.
"""

OPEN_SECONDS = 30.0
"""
Within this a node that starts has caught up with the others.
"""


class Node:
    """
    One of them.

    @ivar name: in the cluster.
    @ivar state: its state folder.
    @ivar server: its newest life.
    @ivar frozen: whether it is stopped for now.
    """

    server: Server

    def __init__(
        self,
        folder: Path,
        name: str,
        cluster: str = "",
        *options: str,
        environ: dict[str, str] | None = None,
    ) -> None:
        """
        @param folder: for all of its files.
        @param name: in the cluster.
        @param cluster: the addresses of the engine; nothing: it is alone.
        @param options: beside L{OPTIONS}.
        @param environ: variables beside those of the tests.
        """
        self.name = name
        self._environ = environ
        self.state = folder / "state"
        self.frozen = False
        self._folder = folder
        self._lives: list[Server] = []
        self._address: Address | None = None
        joined = ("--cluster", cluster, "--node", name) if cluster else ()
        self._options = (*OPTIONS, *joined, *options)
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """
        Begin a life; L{address} is there when it has caught up.
        """
        life = self._folder / f"life-{len(self._lives) + 1}"
        self._left = self._identity()
        self._address = None
        self.frozen = False
        self.server = Server(life, *self._options, state=self.state, environ=self._environ)
        self._lives.append(self.server)

    @property
    def runs(self) -> bool:
        """
        @return: whether its process is there, frozen or not.
        """
        return bool(self._lives) and self.server.runs()

    @property
    def address(self) -> Address | None:
        """
        @return: of its chat, once it is open.
        """
        if not self.runs:
            return None
        if self._address is None and self._identity() != self._left:
            # It is written anew when the chat opens.
            with contextlib.suppress(OSError, ValueError):
                rows = [Address(**row) for row in json.loads(self._ports.read_text())]
                chats = [each for each in rows if (each.offering, each.transport) == _CHAT]
                self._address = chats[0] if chats else None
        return self._address

    def opened(self, seconds: float = OPEN_SECONDS) -> Self:
        """
        Wait until the chat is open.

        @param seconds: to wait.
        @return: this.
        """

        def isOpen() -> bool:
            assert self.runs, f"{self.name} has ended: {self.said()}"
            return self.address is not None

        until(isOpen, lambda: f"the chat of {self.name}:\n{self.said()}", seconds)
        self.server.ready()
        return self

    def kill(self) -> None:
        """
        End it, without a word.
        """
        self._address = None
        self.frozen = False
        self.server.kill()

    def stop(self) -> None:
        """
        Ask it to stop, and see that it does, in order.
        """
        self._address = None
        self.server.stop()

    def restart(self) -> None:
        """
        End it, without a word, and begin again with what it has left.
        """
        self.kill()
        self.start()

    def freeze(self) -> None:
        """
        Let it do nothing, until L{thaw}.
        """
        self.frozen = True
        self.server.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """
        Let it go on.
        """
        self.frozen = False
        if self.runs:
            self.server.send(signal.SIGCONT)

    def ended(self, seconds: float = OPEN_SECONDS) -> tuple[int, str]:
        """
        Wait until it ends by itself.

        @param seconds: to wait.
        @return: its exit status, and what it said.
        """
        status = self.server.process.wait(seconds)
        return status, self.said()

    def said(self) -> str:
        """
        @return: the log and the standard error of its newest life.
        """
        return f"{self.server.logText()}{self.server.complaint()}"[-5000:]

    def troubles(self) -> list[str]:
        """
        @return: what the logs of all of its lives tell of trouble.
        """
        found = []
        for life in self._lives:
            for text in (life.logText(), life.complaint()):
                for word in TROUBLE:
                    if (at := text.find(word)) >= 0:
                        found.append(f"{self.name} in {life.folder}: {text[at : at + 2000]}")
        return found

    @property
    def _ports(self) -> Path:
        """
        @return: where it says what listens where.
        """
        return self.state / "ports.json"

    def _identity(self) -> tuple[int, int] | None:
        """
        @return: what differs when that file is written anew.
        """
        with contextlib.suppress(FileNotFoundError):
            found = self._ports.stat()
            return found.st_ino, found.st_mtime_ns
        return None


_CHAT = ("chat", "tcp")


class Cluster:
    """
    Several nodes on one engine.  Entered, all of them are open; left, all are killed.

    @ivar nodes: they, in the order of their names.
    """

    def __init__(self, folder: Path, count: int, url: str, *options: str) -> None:
        """
        @param folder: for everything.
        @param count: how many nodes there are.
        @param url: the addresses of the engine; nothing: the only node is alone.
        @param options: of each node, beside L{OPTIONS}.
        """
        self._folder = folder
        self._url = url
        self._options = options
        self.nodes: list[Node] = []
        for _ in range(count):
            self.add()

    def add(self) -> Node:
        """
        @return: one more node, not started.
        """
        name = "abcdefgh"[len(self.nodes)]
        node = Node(self._folder / f"node-{name}", name, self._url, *self._options)
        self.nodes.append(node)
        return node

    def __enter__(self) -> Self:
        """
        @return: this, open.
        """
        try:
            for node in self.nodes:
                node.start()
            for node in self.nodes:
                node.opened()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """
        @param kind: of what went wrong in the test, if something did.
        @param error: what went wrong.
        @param trace: where.
        """
        self.kill()
        if kind is None:
            troubles = self.troubles()
            assert not troubles, "\n".join(troubles)

    def kill(self) -> None:
        """
        End all that run, without a word.
        """
        for node in self.nodes:
            if node.runs:
                node.kill()

    def troubles(self) -> list[str]:
        """
        @return: what the logs of all nodes tell of trouble.
        """
        return [trouble for node in self.nodes for trouble in node.troubles()]
