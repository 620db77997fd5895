"""
What the log is told of how a node gets on with the others.

The chat of one node of several: how it opens among the others, tells of them, and leaves.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
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
from tsservices.cluster.orderer import ClusterOrderer
from tsservices.cluster.status import BrokerStatus, StatusChangeLog, describe, updateCounters
from tsservices.common.counters import ClusterCounters
from tsservices.common.logs import audit
from tsservices.server.chat.cluster_join import JoinProcedure
from tsservices.server.chat.cluster_snapshots import SnapshotScheduler
from tsservices.server.chat.service import ChatService

#: Seconds between two looks at what is under way, and at who is silent.
TICK_SECONDS = 0.25


class ClusterLog:
    """Tells the log, and whoever opens and ends the chat."""

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self, node: str, ready: Callable[[], object], broken: Callable[[str], object]
    ) -> None:
        self._node = node
        self._ready = ready
        self._broken = broken

    def ready(self) -> None:
        self._ready()

    def nodeBroken(self, reason: str) -> None:
        self._broken(reason)

    def troubled(self, trouble: ChatError | None) -> None:
        """@param trouble: why nothing gets its place at present; L{None}: that is over."""
        if trouble is None:
            self.log("the others answer again")
        else:
            self._log.error("node {node}: {trouble}", node=self._node, trouble=str(trouble))

    def log(self, text: str) -> None:
        self._log.info("node {node}: {text}", node=self._node, text=text)

    def logError(self, error: Exception) -> None:
        self._log.failure("node {node}", Failure(error), node=self._node)


class MonitoredBroker(Broker, BrokerStatus, Protocol):
    """An engine that also tells how it is."""


class ClusterChatService(ChatService):
    """
    A chat whose order is that of a stream, which other nodes have too.

    People may come when this node has applied all that happened before.

    @ivar node: the name of this node.
    @ivar counters: how it is.
    """

    _log: ClassVar[Logger] = Logger("tsservices")
    counters: ClusterCounters

    def __init__(
        self,
        *args: Any,
        node: str,
        broker: MonitoredBroker,
        where: str,
        path: str,
        clock: IReactorTime,
        seconds: Callable[[], float],
        incarnations: Callable[[], str] = lambda: secrets.token_hex(4),
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.node = node
        self.nodes = self._describeNodes
        self._broker = broker
        self._where = where
        self._path = path
        self._clock = clock
        self._monotonic = seconds
        self._incarnations = incarnations
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
        self._clusterLog = ClusterLog(node, self.ready, self.nodeBroken)
        self._changes = StatusChangeLog(self._clusterLog.log)

    def prepare(self) -> None:
        """
        Find out what this node has of its own, while failure can still be told in one line.

        @raise tsservices.chat.storage.JournalError: it can't be used.
        """
        self._join = JoinProcedure(
            self.node,
            self.storage,
            self._broker,
            self._path,
            self._limits,
            self.operators,
            self.nodeBroken,
        )
        self.notes = [
            *self._join.loaded.notes,
            f"the chat opens when node {self.node} has caught up with the others at {self._where}",
        ]

    def startService(self) -> None:
        """Look for the others."""
        Service.startService(self)
        self.hasher.start()
        assert self._join is not None
        self._join.start(self._incarnations() + self._incarnations(), self._joined)

    def whenReady(self, call: Callable[[], object]) -> None:
        if self.open:
            call()
        else:
            self._waiting.append(call)

    def stopService(self) -> Deferred[None]:
        """Fires when all that was said is kept, and the others know that this node ends."""
        self._ended = True
        self.running = False
        if self._stopping is None:
            self._stopping = Deferred.fromCoroutine(self._leave())
        told: Deferred[None] = Deferred()
        self._stopping.addBoth(_pass, told)
        return told

    async def _leave(self) -> None:
        """End one after another."""
        if self._join is not None:
            self._join.stop()
        if self._orderer is not None:
            await self._within(self._orderer.stop)
        if self._ticker.running:
            self._ticker.stop()
        await self._within(self._broker.stop)
        if self._snapshots is not None:
            self._snapshots.stop()
        await super().stopService()

    def _within(self, begin: Callable[[Callable[[], object]], object]) -> Deferred[None]:
        ended: Deferred[None] = Deferred()

        def end() -> None:
            """Fire, once."""
            if late.active():
                late.cancel()
            if not ended.called:
                ended.callback(None)

        late = self._clock.callLater(STOP_SECONDS, end)
        begin(end)
        return ended

    def _joined(self, stream: StreamState) -> None:
        """Take messages."""
        joining = self._join
        assert joining is not None
        loaded = joining.loaded
        self._loadedPosition, self._storedCheckpoint = loaded.position, loaded.checkpointPosition
        told = len(self.notes)
        self._open(loaded, joining.state)
        for note in self.notes[told:]:
            # The table of the start was before.
            self._log.warn("{note}", note=note)
        self._orderer = ClusterOrderer(
            self.node,
            self._incarnations,
            self._pipeline,
            self._broker,
            self._monotonic,
            self._clusterLog,
            self._limits,
            self.operators,
            self._clock.callLater,
        )
        self._snapshots = SnapshotScheduler(
            self.storage,
            self._broker,
            f"{self._path}.snapshot",
            stream.identity.epoch,
            joining.needsSnapshot,
            self._monotonic,
        )
        self._pipeline.start(self.storage, audit, self._orderer)
        self.stored = self._storedHere
        self.storage.start(self)
        self._ticker.start(TICK_SECONDS, now=False)
        kept = StateDigest.of(loaded.position, loaded.records, loaded.kept)
        self._orderer.start(stream, joining.firstSequence, kept)

    def _tick(self) -> None:
        """Time goes by, whatever goes wrong: a node that does not notice is taken for gone."""
        try:
            self._update()
        except Exception as error:
            self._clusterLog.logError(error)

    def _update(self) -> None:
        """See how things are."""
        orderer, snapshots = self._orderer, self._snapshots
        assert orderer is not None
        assert snapshots is not None
        orderer.tick()
        standing = orderer.status()
        updateCounters(self.counters, standing, self._broker)
        self._changes.update(standing)
        # One is enough.
        first = min((name for name, _, _ in standing.nodes), default="")
        if self.open and first == self.node:
            snapshots.tick(self._storedCheckpoint)

    def _storedHere(self, position: int) -> None:
        self._pipeline.stored(position)
        # What was stored before this run, and is applied again, is not stored again.
        if (
            self._orderer is not None
            and self._loadedPosition < self._orderer.checkpointPosition <= position
        ):
            self._storedCheckpoint = self._orderer.checkpointPosition

    def _describeNodes(self) -> list[str]:
        if self._orderer is None:
            return []
        return describe(self.node, self._orderer.status(), self._broker)

    def ready(self) -> None:
        """This node has caught up with the others."""
        if self._ended:
            return
        self.open = True
        self._log.info("node {node} has caught up, and the chat is open", node=self.node)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each()

    def nodeBroken(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        self._log.critical("node {node} can't go on: {reason}", node=self.node, reason=reason)
        if self._shutDown is not None:
            self._shutDown(f"node {self.node} can't go on: {reason}")


def _pass(outcome: Failure | None, told: Deferred[None]) -> None:
    if outcome is None:
        told.callback(None)
    else:
        told.errback(outcome)
