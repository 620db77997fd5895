"""
The cells and the peers of the STAMP benchmark, and how a sample is taken.
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
from benchmarks.common.servers import TSSERVER, Peer, portsOf, running

#: Senders, each with its own port, and packets in flight of each.
SESSIONS = 16
DEPTH = 4

#: No rate limit: it is per source address, and here all senders have the same.
CONFIGURATION = "stamp-rate = 1000000000\nstamp-burst = 1000000000\n"
KEY = bytes(range(32)).hex()


@dataclass(frozen=True)
class StampCell:
    """
    One kind of load.

    @ivar name: the name in C{--only}.
    @ivar title: the name in tables.
    @ivar size: octets of a packet.
    @ivar followUp: whether packets ask for the departure time of the previous reply (RFC 8972).
    """

    name: str
    title: str
    size: int
    authenticated: bool
    followUp: bool = False


STAMP_CELLS = (
    StampCell("open", "unauthenticated, 44 bytes", 44, False),
    StampCell("sealed", "authenticated, 112 bytes", 112, True),
    StampCell("following", "unauthenticated, 64 bytes, follow-up", 64, False, True),
    StampCell("long", "unauthenticated, 1400 bytes", 1400, False),
)


def stampCommand(*extra: str) -> Callable[[Path, bool], list[str]]:
    """Make the C{command} of a L{Peer}: our server with only STAMP and these options."""

    # Every guard except the rate limit is on, as in normal use.
    def command(state: Path, authenticated: bool) -> list[str]:
        configuration, key = state / "tsserver.toml", state / "key"
        configuration.write_text(CONFIGURATION)
        key.touch(0o600)
        key.write_text(KEY)
        options = ["--services", "stamp", "--port", "0", "--state", str(state)]
        options += ["--config", str(configuration), *extra]
        options += ["--stamp-key", str(key)] if authenticated else []
        return [*TSSERVER, *options]

    return command


def _bare(state: Path, authenticated: bool) -> list[str]:
    program = compiled("reflector.c")
    return [str(program), str(state), *([KEY] if authenticated else [])]


stampPorts = portsOf("stamp")

#: The peers; the flag of their commands means authentication.
STAMP_PEERS = (
    Peer("tsservices", "tsservices", lambda: None, stampCommand(), stampPorts),
    Peer(
        "tsservices-stateless",
        "tsservices --stamp-stateless",
        lambda: None,
        stampCommand("--stamp-stateless"),
        stampPorts,
    ),
    Peer("c", "C reflector", lambda: None if compiler() else "no C compiler", _bare, stampPorts),
)


@dataclass(frozen=True, kw_only=True)
class StampReport(GeneratorReport):
    """
    The generator's JSON line.  Latency is the time from a packet to its reply.

    @ivar packets: packets answered in the measured time.
    @ivar lost: packets without a reply within 0.2 s.
    @ivar wrong: datagrams that are not replies.
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
    """The report of one run of one peer."""

    load: StampReport

    @property
    def summary(self) -> str:
        cpu = "" if self.load.serverCpu is None else f", {self.load.serverCpu:.2f} us"
        return f"{self.load.packetsPerSecond:,.0f}/s{cpu}, waited {self.waited:.0%}"


@dataclass(frozen=True)
class StampBench:
    """
    Takes samples, all with these settings.

    @ivar generator: the program of the senders.
    @ivar cores: the cores of the two sides; L{None}: not pinned.
    @ivar seconds: length of the measured time.
    @ivar warmup: seconds of load before it.
    @ivar retries: the most repetitions of a disturbed sample.
    """

    generator: Path
    cores: Cores | None
    seconds: float
    warmup: float
    retries: int

    def sample(self, cell: StampCell, peer: Peer, turn: int) -> StampSample:
        """
        Start the peer, put the load on it, and stop it.

        @raise ServerError: the peer did not start.
        @raise LoadError: the peer did not do the work.
        """
        return leastDisturbed(lambda: self._once(cell, peer, turn), self.retries)

    def _once(self, cell: StampCell, peer: Peer, turn: int) -> StampSample:
        core = None if self.cores is None else self.cores.server
        with running(peer, cell.authenticated, core) as server:
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
            line += ["--key", KEY] if cell.authenticated else []
            line += ["--following"] if cell.followUp else []
            with pinned(None if self.cores is None else self.cores.generator):
                found = runGenerator(line, self.seconds + self.warmup + GENERATOR_LIMIT)
        report = StampReport(**found)
        if not report.packets:
            raise LoadError(f"no packet was answered; {report.lost} were lost")
        if report.wrong:
            raise LoadError(f"{report.wrong} wrong answers of {report.packets}")
        return StampSample(cell.name, peer.name, turn, report)


def buildSender() -> Path | None:
    """Get the program of the senders, compiled if necessary; L{None} without a compiler."""
    return compiled("sender.c") if sys.platform.startswith("linux") else None
