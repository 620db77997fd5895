"""
STAMP: what is measured, who, and one sample of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.compile import compiled, compiler
from benchmarks.common.generators import (
    GENERATOR_LIMIT,
    GeneratorReport,
    LoadError,
    commandOptions,
    runGenerator,
)
from benchmarks.common.pinning import Cores, pinned
from benchmarks.common.samples import LoadSample, leastDisturbed
from benchmarks.common.servers import TWISTD, Peer, portsOf, running

# Senders, each from a port of its own, and packets of each in flight.
SESSIONS = 16
DEPTH = 4
# The rate guard bounds each source, and here all are one.
CONFIGURATION = "stamp-rate = 1000000000\nstamp-burst = 1000000000\n"
KEY = bytes(range(32)).hex()


@dataclass(frozen=True)
class StampCell:
    """
    One kind of load.

    @ivar name: What C{--only} takes.
    @ivar title: The same for a person.
    @ivar size: Bytes of a packet.
    @ivar sealed: Whether packets are authenticated.
    @ivar following: Whether they ask when the answer before left (RFC 8972).
    """

    name: str
    title: str
    size: int
    sealed: bool
    following: bool = False


STAMP_CELLS = (
    StampCell("open", "unauthenticated, 44 bytes", 44, False),
    StampCell("sealed", "authenticated, 112 bytes", 112, True),
    StampCell("following", "unauthenticated, 64 bytes, follow-up", 64, False, True),
    StampCell("long", "unauthenticated, 1400 bytes", 1400, False),
)


def _ours(*extra: str) -> Callable[[Path, bool], list[str]]:
    """The command line of our own server, every guard on."""

    def command(state: Path, sealed: bool) -> list[str]:
        configuration, key = state / "tsserver.toml", state / "key"
        configuration.write_text(CONFIGURATION)
        key.touch(0o600)
        key.write_text(KEY)
        options = ["--services", "stamp", "--port", "0", "--state", str(state)]
        options += ["--config", str(configuration), *extra]
        options += ["--stamp-key", str(key)] if sealed else []
        return [*TWISTD, "-n", "--pidfile=", "--logfile=/dev/null", "tsserver", *options]

    return command


def _bare(state: Path, sealed: bool) -> list[str]:
    """The command line of the C reflector, compiled when need be."""
    program = compiled("reflector.c")
    return [str(program), str(state), *([KEY] if sealed else [])]


stampPorts = portsOf("stamp")

# What the flag of their commands asks for is authentication.
STAMP_PEERS = (
    Peer("tsservices", "tsservices", lambda: None, _ours(), stampPorts),
    Peer(
        "tsservices-stateless",
        "tsservices --stamp-stateless",
        lambda: None,
        _ours("--stamp-stateless"),
        stampPorts,
    ),
    Peer("c", "C reflector", lambda: None if compiler() else "no C compiler", _bare, stampPorts),
)


@dataclass(frozen=True, kw_only=True)
class StampReport(GeneratorReport):
    """
    The generator's JSON line.  Latency is the time from packet to answer.

    @ivar packets: Packets answered inside the window.
    @ivar packetsPerSecond: That divided by its length.
    @ivar lost: Packets that had no answer within 0.2 s.
    @ivar wrong: Answers that are none.
    """

    packets: int
    packetsPerSecond: float
    lost: int
    wrong: int

    @property
    def serverCpu(self) -> float | None:
        """Microseconds of server CPU for one packet."""
        return self.serverCpuFor(self.packets)


class StampSample(LoadSample):
    """What one run of one peer gave."""

    load: StampReport

    @property
    def summary(self) -> str:
        """What a line of progress says."""
        cpu = "" if self.load.serverCpu is None else f", {self.load.serverCpu:.2f} us"
        return f"{self.load.packetsPerSecond:,.0f}/s{cpu}, waited {self.waited:.0%}"


@dataclass(frozen=True)
class StampBench:
    """
    What is the same for all samples of a run.

    @ivar generator: The program of the session senders.
    @ivar cores: Where the two sides run, or C{None} for unpinned.
    @ivar seconds: Length of the measured window.
    @ivar warmup: Seconds of load before it.
    @ivar retries: How often a sample is taken again at most.
    """

    generator: Path
    cores: Cores | None
    seconds: float
    warmup: float
    retries: int

    def sample(self, cell: StampCell, peer: Peer, turn: int) -> StampSample:
        """
        Start the peer, load it, stop it; again when the sample was spoilt.

        @raise ServerError: It did not start.
        @raise LoadError: It did not do the work.
        """
        return leastDisturbed(lambda: self._once(cell, peer, turn), self.retries)

    def _once(self, cell: StampCell, peer: Peer, turn: int) -> StampSample:
        """One fresh server under one load."""
        core = None if self.cores is None else self.cores.server
        with running(peer, cell.sealed, core) as server:
            line = [str(self.generator)]
            line += commandOptions(
                port=server.ports["udp"],
                sessions=SESSIONS,
                depth=DEPTH,
                size=cell.size,
                seconds=self.seconds,
                warmup=self.warmup,
                server_pid=server.process.pid,
            )
            line += ["--key", KEY] if cell.sealed else []
            line += ["--following"] if cell.following else []
            with pinned(None if self.cores is None else self.cores.generator):
                found = runGenerator(line, self.seconds + self.warmup + GENERATOR_LIMIT)
        report = StampReport(**found)
        if not report.packets:
            raise LoadError(f"no packet was answered; {report.lost} were lost")
        if report.wrong:
            raise LoadError(f"{report.wrong} wrong answers of {report.packets}")
        return StampSample(cell.name, peer.name, turn, report)


def sender() -> Path | None:
    """The program of the session senders, compiled now if need be; C{None} without a compiler."""
    return compiled("sender.c") if sys.platform.startswith("linux") else None
