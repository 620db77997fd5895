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
from tsservices.cluster.broker import ENGINE_STOP_SECONDS, Broker, StreamState
from tsservices.cluster.consistency import StateDigest
from tsservices.cluster.orderer import ClusterOrderer
from tsservices.cluster.status import BrokerStatus, StatusChangeLog, count, describe
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

    def broken(self, reason: str) -> None:
        self._broken(reason)

    def troubled(self, trouble: ChatError | None) -> None:
        """@param trouble: why nothing gets its place at present; L{None}: that is over."""
        if trouble is None:
            self.noted("the others answer again")
        else:
            self._log.error("node {node}: {trouble}", node=self._node, trouble=str(trouble))

    def noted(self, text: str) -> None:
        self._log.info("node {node}: {text}", node=self._node, text=text)

    def failed(self, error: Exception) -> None:
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
        engine: MonitoredBroker,
        where: str,
        path: str,
        clock: IReactorTime,
        seconds: Callable[[], float],
        incarnations: Callable[[], str] = lambda: secrets.token_hex(4),
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self.node = node
        self.nodes = self._tellNodes
        self._engine = engine
        self._where = where
        self._path = path
        self._clock = clock
        self._seconds = seconds
        self._incarnations = incarnations
        self._joining: JoinProcedure | None = None
        self._orderer: ClusterOrderer | None = None
        self._snapshots: SnapshotScheduler | None = None
        self._began = self._kept = 0
        self._waiting: list[Callable[[], object]] = []
        self._ticking = LoopingCall(self._tick)
        self._ticking.clock = clock
        self._over = False
        self._left: Deferred[None] | None = None
        self.counters = ClusterCounters()
        self._reports = ClusterLog(node, self.ready, self.broken)
        self._changes = StatusChangeLog(self._reports.noted)

    def prepare(self) -> None:
        """
        Find out what this node has of its own, while failure can still be told in one line.

        @raise tsservices.chat.storage.JournalError: it can't be used.
        """
        self._joining = JoinProcedure(
            self.node,
            self.journal,
            self._engine,
            self._path,
            self._limits,
            self.operators,
            self.broken,
        )
        self.notes = [
            *self._joining.loaded.notes,
            f"the chat opens when node {self.node} has caught up with the others at {self._where}",
        ]

    def startService(self) -> None:
        """Look for the others."""
        Service.startService(self)
        self.hasher.start()
        assert self._joining is not None
        self._joining.begin(self._incarnations() + self._incarnations(), self._joined)

    def whenReady(self, call: Callable[[], object]) -> None:
        if self.open:
            call()
        else:
            self._waiting.append(call)

    def stopService(self) -> Deferred[None]:
        """Fires when all that was said is kept, and the others know that this node ends."""
        self._over = True
        self.running = False
        if self._left is None:
            self._left = Deferred.fromCoroutine(self._leave())
        told: Deferred[None] = Deferred()
        self._left.addBoth(_pass, told)
        return told

    async def _leave(self) -> None:
        """End one after another."""
        if self._joining is not None:
            self._joining.stop()
        if self._orderer is not None:
            await self._within(self._orderer.stop)
        if self._ticking.running:
            self._ticking.stop()
        await self._within(self._engine.stop)
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

        late = self._clock.callLater(ENGINE_STOP_SECONDS, end)
        begin(end)
        return ended

    def _joined(self, stream: StreamState) -> None:
        """Take messages."""
        joining = self._joining
        assert joining is not None
        loaded = joining.loaded
        self._began, self._kept = loaded.position, loaded.checkpointPosition
        told = len(self.notes)
        self._open(loaded, joining.state)
        for note in self.notes[told:]:
            # The table of the start was before.
            self._log.warn("{note}", note=note)
        self._orderer = ClusterOrderer(
            self.node,
            self._incarnations,
            self._pipeline,
            self._engine,
            self._seconds,
            self._reports,
            self._limits,
            self.operators,
            self._clock.callLater,
        )
        self._snapshots = SnapshotScheduler(
            self.journal,
            self._engine,
            f"{self._path}.snapshot",
            stream.founding.epoch,
            joining.unserved,
            self._seconds,
        )
        self._pipeline.start(self.journal, audit, self._orderer)
        self.stored = self._storedHere
        self.journal.start(self)
        self._ticking.start(TICK_SECONDS, now=False)
        kept = StateDigest.of(loaded.position, loaded.rooms, loaded.records)
        self._orderer.begin(stream, joining.number, kept)

    def _tick(self) -> None:
        """Time goes by, whatever goes wrong: a node that does not notice is taken for gone."""
        try:
            self._look()
        except Exception as error:
            self._reports.failed(error)

    def _look(self) -> None:
        """See how things are."""
        orderer, snapshots = self._orderer, self._snapshots
        assert orderer is not None
        assert snapshots is not None
        orderer.tick()
        standing = orderer.standing()
        count(self.counters, standing, self._engine)
        self._changes.look(standing)
        # One is enough.
        first = min((name for name, _, _ in standing.nodes), default="")
        if self.open and first == self.node:
            snapshots.tick(self._kept)

    def _storedHere(self, position: int) -> None:
        self._pipeline.stored(position)
        # What was stored before this run, and is applied again, is not stored again.
        if self._orderer is not None and self._began < self._orderer.saved <= position:
            self._kept = self._orderer.saved

    def _tellNodes(self) -> list[str]:
        if self._orderer is None:
            return []
        return describe(self.node, self._orderer.standing(), self._engine)

    def ready(self) -> None:
        """This node has caught up with the others."""
        if self._over:
            return
        self.open = True
        self._log.info("node {node} has caught up, and the chat is open", node=self.node)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each()

    def broken(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._log.critical("node {node} can't go on: {reason}", node=self.node, reason=reason)
        if self._giveUp is not None:
            self._giveUp(f"node {self.node} can't go on: {reason}")


def _pass(outcome: Failure | None, told: Deferred[None]) -> None:
    if outcome is None:
        told.callback(None)
    else:
        told.errback(outcome)
