"""
One sample of the chat benchmark: one room on one fresh server.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.chat.cells import ChatCell
from benchmarks.chat.peers import ChatPeer
from benchmarks.common.compile import compiled
from benchmarks.common.pinning import Cores, pinned
from benchmarks.common.run import Unable
from benchmarks.echo.load import LoadError, LoadSample, Stretch, said, spelled
from benchmarks.echo.measure import leastDisturbed
from benchmarks.echo.peers import Server, running

# Seconds beyond the asked ones until the generator counts as stuck; it may take 60 to fill a room
# and 10 to learn that something was lost.
CROWD_LIMIT = 110.0


@dataclass(frozen=True, kw_only=True)
class ChatReport(Stretch):
    """
    The generator's JSON line.  Latency is the time from the sending of a window to its last
    delivery.

    @ivar deliveries: Lines received by members other than their sender, of those who read.
    @ivar deliveriesPerSecond: That divided by the length of the stretch.
    @ivar windows: Windows that everybody got.
    @ivar cutOff: Members, of those who never read, whose connection the server closed, or C{None}
        where the system does not say.
    @ivar joinSeconds: What it took to fill the room and to have it settle, 0.4 of them in silence.
    """

    deliveries: int
    deliveriesPerSecond: float
    windows: int
    cutOff: int | None
    joinSeconds: float

    @property
    def serverCpu(self) -> float | None:
        """Microseconds of server CPU for one delivery."""
        return self.serverCpuFor(self.deliveries)

    def check(self) -> None:
        """
        Refuse a stretch without a complete window: it has no latency.

        @raise LoadError: It says so.
        """
        if not self.windows:
            raise LoadError("no window was complete: a longer stretch is needed")


class ChatSample(LoadSample):
    """What one run of one peer gave."""

    load: ChatReport

    @property
    def summary(self) -> str:
        """What a line of progress says."""
        cpu = "" if self.load.serverCpu is None else f", {self.load.serverCpu:.2f} us"
        return f"{self.load.deliveriesPerSecond:,.0f}/s{cpu}"


@dataclass(frozen=True)
class ChatBench:
    """
    What is the same for all samples of a run.

    @ivar crowd: The generator's program.
    @ivar cores: Where the two sides run, or C{None} for unpinned.
    @ivar seconds: Length of the measured stretch.
    @ivar warmup: Seconds of load before it, at least.
    @ivar retries: How often a sample is taken again at most.
    """

    crowd: Path
    cores: Cores | None
    seconds: float
    warmup: float
    retries: int

    def sample(self, cell: ChatCell, peer: ChatPeer, turn: int) -> ChatSample:
        """
        Start the peer, load it, stop it; again when the sample was spoilt.

        @raise ServerError: It did not start.
        @raise LoadError: It did not do the work.
        @raise Unable: It is known that it cannot.
        """
        reason = peer.unable(cell)
        if reason is not None:
            raise Unable(reason)

        def once() -> ChatSample:
            with running(peer, False, None if self.cores is None else self.cores.server) as server:
                report = self._load(cell, peer, server)
            return ChatSample(cell.name, peer.name, turn, report)

        return leastDisturbed(once, self.retries)

    def _load(self, cell: ChatCell, peer: ChatPeer, server: Server) -> ChatReport:
        """Run the generator on its core."""
        seconds = self.seconds * cell.stretch
        line = spelled(
            port=server.ports["tcp"],
            wire=peer.wire,
            outstanding=peer.outstanding,
            members=cell.members,
            senders=cell.senders,
            window=cell.window,
            stalled=cell.stalled,
            fill=cell.fill,
            rate=cell.rate,
            seconds=seconds,
            warmup=self.warmup,
            server_pid=server.process.pid,
        )
        with pinned(None if self.cores is None else self.cores.generator):
            found = said([str(self.crowd), *line], seconds + self.warmup + CROWD_LIMIT)
        report = ChatReport(**found)
        report.check()
        return report


def crowd() -> Path | None:
    """
    The generator's program; C{None} without a compiler, as nothing slower fills a room of 1000.

    @raise CompileError: The compiler failed.
    """
    return compiled("crowd.c")
