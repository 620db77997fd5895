"""The chat of one node of a cluster: how it joins, reports on the other nodes, and leaves."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from tsservices.chat.errors import ChatError
from tsservices.cluster.broker import STOP_SECONDS, Broker, StreamState
from tsservices.cluster.consistency import StateDigest
from tsservices.cluster.node import NodeConfig
from tsservices.cluster.orderer import ClusterOrderer
from tsservices.cluster.status import BrokerStatus, StatusChangeLog, describe, updateCounters
from tsservices.common.counters import ClusterCounters
from tsservices.common.logs import audit
from tsservices.server.chat.cluster_join import JoinProcedure
from tsservices.server.chat.cluster_snapshots import SnapshotScheduler
from tsservices.server.chat.service import ChatService, StorageMonitor

#: Seconds between two ticks, which find late messages and silent nodes.
TICK_SECONDS = 0.25


class ClusterLog:
    """Logs the events of a node in its cluster."""

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self,
        node: str,
        ready: Callable[[], object],
        nodeBroken: Callable[[str], object],
        troubled: Callable[[ChatError | None], object],
    ) -> None:
        """
        @param ready: is called when the node has caught up.
        @param nodeBroken: gets the reason why the node can't go on.
        @param troubled: gets the reason why messages can't be ordered now; L{None}: they can again.
        """
        self._node = node
        self._ready = ready
        self._nodeBroken = nodeBroken
        self._troubled = troubled

    def ready(self) -> None:
        self._ready()

    def nodeBroken(self, reason: str) -> None:
        self._nodeBroken(reason)

    def troubled(self, trouble: ChatError | None) -> None:
        self._troubled(trouble)
        if trouble is None:
            self.log("the others answer again")
        else:
            self._log.error("node {node}: {trouble}", node=self._node, trouble=str(trouble))

    def log(self, text: str) -> None:
        self._log.info("node {node}: {text}", node=self._node, text=text)

    def logError(self, error: Exception) -> None:
        self._log.failure("node {node}", Failure(error), node=self._node)


class MonitoredBroker(Broker, BrokerStatus, Protocol):
    """A broker that also reports its status."""


@dataclass(frozen=True, slots=True)
class ClusterServiceConfig:
    #: The name of this node.
    node: str
    #: The addresses of the broker, as shown to the operator.
    where: str
    path: str
    #: Makes an id that no other start of any node has.
    makeIncarnation: Callable[[], str] = lambda: secrets.token_hex(4)


class ClusterChatService(ChatService):
    """
    A chat whose messages are ordered by a stream that all nodes of the cluster share.

    Users can join when this node has applied all earlier messages.
    """

    _log: ClassVar[Logger] = Logger("tsservices")
    counters: ClusterCounters

    def __init__(
        self,
        *args: Any,
        cluster: ClusterServiceConfig,
        broker: MonitoredBroker,
        clock: IReactorTime,
    ) -> None:
        """@param args: the arguments of L{ChatService}."""
        super().__init__(*args)
        limits, operators = self._config.limits, self._config.operators
        self.node = cluster.node
        self.nodes = self._describeNodes
        self._cluster = cluster
        self._nodeConfig = NodeConfig(cluster.node, cluster.makeIncarnation, limits, operators)
        self._broker = broker
        self._clock = clock
        self._join: JoinProcedure | None = None
        self._orderer: ClusterOrderer | None = None
        self._snapshots: SnapshotScheduler | None = None
        self._loadedPosition = self._storedCheckpoint = 0
        self._waiting: list[Callable[[], object]] = []
        self._ticker = LoopingCall(self._tick)
        self._ticker.clock = clock
        self._ended = False
        self._stopping: Deferred[None] | None = None
        self.counters = ClusterCounters()
        self._clusterLog = ClusterLog(
            self.node,
            self.ready,
            self.nodeBroken,
            lambda trouble: setattr(self, "trouble", trouble),
        )
        self._changes = StatusChangeLog(self._clusterLog.log)

    def prepare(self) -> None:
        """
        Load the state of this node, while a failure can still be shown in one line.

        @raise tsservices.chat.storage.StorageError: the database can't be used.
        """
        self._join = JoinProcedure(
            self._nodeConfig, self.storage, self._broker, self._cluster.path, self.nodeBroken
        )
        self.notes = [
            *self._join.loaded.notes,
            f"the chat opens when node {self.node} has caught up with the others at"
            f" {self._cluster.where}",
        ]

    def startService(self) -> None:
        # Not ChatService's, because the storage starts only when the join has chosen its database.
        Service.startService(self)
        self.hasher.start()
        assert self._join is not None
        # Twice as long as an incarnation, because an epoch must be unique among all streams ever.
        epoch = self._cluster.makeIncarnation() + self._cluster.makeIncarnation()
        self._join.start(epoch, self._joined)

    def whenReady(self, call: Callable[[], object]) -> None:
        if self.open:
            call()
        else:
            self._waiting.append(call)

    def stopService(self) -> Deferred[None]:
        """Stop; fires when everything is stored, and the other nodes know that this one ends."""
        self._ended = True
        self.running = False
        if self._stopping is None:
            self._stopping = Deferred.fromCoroutine(self._stop())
        # twistd may stop a service twice: each call needs a Deferred of its own.
        stopped: Deferred[None] = Deferred()
        self._stopping.addBoth(_passOn, stopped)
        return stopped

    async def _stop(self) -> None:
        # The goodbye needs the broker, and its effects have to be stored, so storage stops last.
        if self._join is not None:
            self._join.stop()
        if self._orderer is not None:
            # Waiting messages are sent before the goodbye.
            self._pipeline.stop()
            await self._within(self._orderer.stop)
        if self._ticker.running:
            self._ticker.stop()
        await self._within(self._broker.stop)
        if self._snapshots is not None:
            self._snapshots.stop()
        await super().stopService()

    def _within(self, begin: Callable[[Callable[[], object]], object]) -> Deferred[None]:
        # A broker that does not answer must not keep the server from ending.
        ended: Deferred[None] = Deferred()

        def end() -> None:
            if late.active():
                late.cancel()
            if not ended.called:
                ended.callback(None)

        late = self._clock.callLater(STOP_SECONDS, end)
        begin(end)
        return ended

    def _joined(self, stream: StreamState) -> None:
        join = self._join
        assert join is not None
        loaded = join.loaded
        self._loadedPosition, self._storedCheckpoint = loaded.position, loaded.checkpointPosition
        written = len(self.notes)
        self._open(loaded, join.state)
        for note in self.notes[written:]:
            # Earlier notes were shown with the table at the start of the server.
            self._log.warn("{note}", note=note)
        self._orderer = ClusterOrderer(
            self._nodeConfig,
            self._pipeline,
            self._broker,
            self._clusterLog,
            self._monotonic,
            self._clock.callLater,
        )
        self._snapshots = SnapshotScheduler(
            self.storage,
            self._broker,
            f"{self._cluster.path}.snapshot",
            stream.identity.epoch,
            join.needsSnapshot,
            self._monotonic,
        )
        self._pipeline.start(self.storage, audit, self._orderer)
        monitor = StorageMonitor(self._pipeline, self._shutDown)
        monitor.stored = self._stored
        self.storage.start(monitor)
        # Not now, because the orderer has not started.
        self._ticker.start(TICK_SECONDS, now=False)
        digest = StateDigest.of(loaded.position, loaded.rooms, loaded.records)
        self._orderer.start(stream, join.firstSequence, digest)

    def _tick(self) -> None:
        # A LoopingCall ends at an exception; the other nodes remove a node that does not tick.
        try:
            self._update()
        except Exception as error:
            self._clusterLog.logError(error)

    def _update(self) -> None:
        orderer, snapshots = self._orderer, self._snapshots
        assert orderer is not None
        assert snapshots is not None
        orderer.tick()
        # The counters are copied here, not for each of thousands of messages a second.
        status = orderer.status()
        updateCounters(self.counters, status, self._broker)
        self._changes.update(status)
        # Only the first node makes snapshots.
        first = min((name for name, _, _ in status.nodes), default="")
        if self.open and first == self.node:
            snapshots.tick(self._storedCheckpoint)

    def _stored(self, position: int) -> None:
        self._pipeline.stored(position)
        # Messages stored before this run are applied again; a checkpoint among them is not stored.
        if self._orderer is not None:
            checkpoint = self._orderer.checkpointPosition
            if self._loadedPosition < checkpoint <= position:
                self._storedCheckpoint = checkpoint

    def _describeNodes(self) -> list[str]:
        if self._orderer is None:
            return []
        return describe(self.node, self._orderer.status(), self._broker)

    def ready(self) -> None:
        """Open the chat: this node has caught up with the others."""
        if self._ended:
            return
        self.open = True
        self._log.info("node {node} has caught up, and the chat is open", node=self.node)
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def nodeBroken(self, reason: str) -> None:
        """End the server, because this node can't go on."""
        if self._ended:
            return
        self._ended = True
        self._log.critical("node {node} can't go on: {reason}", node=self.node, reason=reason)
        if self._shutDown is not None:
            self._shutDown(f"node {self.node} can't go on: {reason}")


def _passOn(outcome: Failure | None, stopped: Deferred[None]) -> None:
    if outcome is None:
        stopped.callback(None)
    else:
        stopped.errback(outcome)
