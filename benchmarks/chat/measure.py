"""
One sample of the chat benchmark: one cell on one fresh server.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path

from benchmarks.chat.cells import ChatCell
from benchmarks.chat.peers import ChatPeer
from benchmarks.common.compile import compiled
from benchmarks.common.generators import (
    GeneratorReport,
    LoadError,
    commandOptions,
    runGenerator,
)
from benchmarks.common.pinning import pinned
from benchmarks.common.run import Unable
from benchmarks.common.samples import Conditions, LoadSample, leastDisturbed, progress
from benchmarks.common.servers import Server, running

# Seconds beyond the measured time until the generator counts as stuck: it may take 60 to fill a
# room, and 10 to detect a lost line.
CROWD_LIMIT = 110.0


@dataclass(frozen=True, kw_only=True)
class ChatReport(GeneratorReport):
    """
    The generator's JSON line; latency is the time from sending a window to its last delivery.

    @ivar deliveries: Lines received by members that read, without the senders of these lines.
    @ivar deliveriesPerSecond: C{deliveries} divided by the length of the measured time.
    @ivar windows: Windows that every reading member received.
    @ivar cutOff: Stalled members whose connection the server closed; C{None} if the system does
        not report it.
    @ivar joinSeconds: Time to fill the room and to wait for the last notices, with 0.4 s of silence
        at the end.
    @ivar joinCpuSeconds: CPU time of the server in C{joinSeconds}, or C{None}.
    """

    deliveries: int
    deliveriesPerSecond: float
    windows: int
    cutOff: int | None
    joinSeconds: float
    joinCpuSeconds: float | None

    @property
    def serverCpu(self) -> float | None:
        """Microseconds of server CPU for one delivery."""
        return self.serverCpuFor(self.deliveries)

    def check(self) -> None:
        """
        Check that there is a latency.

        @raise LoadError: No window was complete.
        """
        if not self.windows:
            raise LoadError("no window was complete: a longer time is needed")


class ChatSample(LoadSample):
    """A sample of the chat benchmark."""

    load: ChatReport

    @property
    def summary(self) -> str:
        return progress(self.load.deliveriesPerSecond, self)


@dataclass(frozen=True)
class ChatBench:
    """
    Takes the samples of the chat benchmark.

    @ivar generator: The program that produces the load.
    @ivar conditions: The conditions of all samples of a run.
    """

    generator: Path
    conditions: Conditions

    def sample(self, cell: ChatCell, peer: ChatPeer, turn: int) -> ChatSample:
        reason = peer.unable(cell)
        if reason is not None:
            raise Unable(reason)

        def measure() -> ChatSample:
            with running(peer, False, self.conditions.serverCore) as server:
                report = self._load(cell, peer, server)
            return ChatSample(cell.name, peer.name, turn, report)

        return leastDisturbed(measure, self.conditions.retries)

    def _load(self, cell: ChatCell, peer: ChatPeer, server: Server) -> ChatReport:
        seconds = self.conditions.seconds * cell.lengthFactor
        options = commandOptions(
            port=server.ports["tcp"],
            wire=peer.wire,
            outstanding=cell.members if cell.arrivals == inf else peer.outstanding,
            arrivals=0 if cell.arrivals == inf else cell.arrivals,
            members=cell.members,
            senders=cell.senders,
            window=cell.window,
            stalled=cell.stalled,
            fill=cell.fill,
            rate=cell.rate,
            seconds=seconds,
            warmup=self.conditions.warmup,
            server_pid=server.process.pid,
        )
        limit = seconds + self.conditions.warmup + CROWD_LIMIT
        with pinned(self.conditions.generatorCore):
            report = ChatReport(**runGenerator([str(self.generator), *options], limit))
        report.check()
        return report


def crowd() -> Path | None:
    """
    Get the generator's program; C{None} without a compiler.

    @raise CompileError: The compiler failed.
    """
    # There is no generator in Python, which would be too slow to fill a room of 1000.
    return compiled("crowd.c")
