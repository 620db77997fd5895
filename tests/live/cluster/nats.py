"""
The servers of a cluster's engine, by their numbers, for what makes them fail.
"""

from __future__ import annotations

import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.live.support.nats_server import NatsCluster, NatsServer
from tsservices.common.limits import DEFAULT_STREAM


class Servers:
    """
    One server, or several that know each other.  Entered, all are ready; left, all are
    killed.

    @ivar servers: they.
    @ivar url: what a node is told of them.
    """

    def __init__(self, folder: Path, count: int) -> None:
        """
        @param folder: for their files.
        @param count: how many.
        """
        place = folder / "engine"
        place.mkdir()
        self._cluster = NatsCluster(place, count) if count > 1 else None
        if self._cluster is None:
            self._engine: NatsCluster | NatsServer = NatsServer(place / "n1")
            self.servers = [self._engine]
        else:
            self._engine = self._cluster
            self.servers = list(self._cluster.servers.values())
        self.url = ",".join(server.url for server in self.servers)

    def __enter__(self) -> Self:
        """
        @return: this, ready.
        """
        self._engine.__enter__()
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
        self._engine.__exit__()

    def options(self, folder: Path) -> tuple[str, ...]:
        """
        @param folder: for a file.
        @return: options of nodes that are to keep everything on all servers.
        """
        configuration = folder / "node.toml"
        configuration.write_text(f"cluster-replicas = {self.count}\n")
        return "--config", str(configuration)

    @property
    def count(self) -> int:
        """
        @return: how many there are.
        """
        return len(self.servers)

    def leader(self) -> int | None:
        """
        @return: the one that leads the stream; L{None}: none does at present.
        """
        if self._cluster is None:
            return 0
        try:
            return self.servers.index(self._cluster.leader(DEFAULT_STREAM))
        except (AssertionError, KeyError):
            return None

    def kill(self, which: int) -> None:
        """
        @param which: is ended without a word.
        """
        self.servers[which].kill()

    def start(self, which: int) -> None:
        """
        @param which: begins again with what it has left.
        """
        self.servers[which].start(wait=False)

    def freeze(self, which: int) -> None:
        """
        @param which: does nothing until it is thawed.
        """
        self.servers[which].send(signal.SIGSTOP)

    def thaw(self, which: int) -> None:
        """
        @param which: goes on.
        """
        self.servers[which].send(signal.SIGCONT)
