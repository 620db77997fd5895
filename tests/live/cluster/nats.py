"""The servers of the broker, by their numbers, for the faults."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Self

from tests.live.support.nats_server import NatsCluster, NatsServer
from tsservices.server.option_rows import DEFAULT_STREAM


class BrokerServers:
    """
    One server, or several that know each other.  As a context: all are ready, then all are killed.
    """

    def __init__(self, folder: Path, count: int) -> None:
        folder = folder / "broker"
        folder.mkdir()
        self._cluster = NatsCluster(folder, count) if count > 1 else None
        if self._cluster is None:
            self._context: NatsCluster | NatsServer = NatsServer(folder / "n1")
            self.servers = [self._context]
        else:
            self._context = self._cluster
            self.servers = list(self._cluster.servers.values())
        self.url = ",".join(server.url for server in self.servers)

    def __enter__(self) -> Self:
        self._context.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        self._context.__exit__()

    def options(self, folder: Path) -> tuple[str, ...]:
        configuration = folder / "node.toml"
        configuration.write_text(f"cluster-replicas = {self.count}\n")
        return "--config", str(configuration)

    @property
    def count(self) -> int:
        return len(self.servers)

    def leader(self) -> int | None:
        if self._cluster is None:
            return 0
        try:
            return self.servers.index(self._cluster.leader(DEFAULT_STREAM))
        except (AssertionError, KeyError):
            return None

    def kill(self, which: int) -> None:
        self.servers[which].kill()

    def start(self, which: int) -> None:
        self.servers[which].start(wait=False)

    def freeze(self, which: int) -> None:
        self.servers[which].send(signal.SIGSTOP)

    def thaw(self, which: int) -> None:
        self.servers[which].send(signal.SIGCONT)
