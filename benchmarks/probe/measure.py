"""
The runs of the probe benchmark: with an idle and with a busy reactor, and of irtt and ping.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from benchmarks.chat.cells import CHAT_CELLS
from benchmarks.chat.measure import CROWD_LIMIT, crowd
from benchmarks.common.generators import LoadError, commandOptions
from benchmarks.common.histogram import nearestRank
from benchmarks.common.machine import cpuSeconds
from benchmarks.common.pinning import Cores, pinned
from benchmarks.common.run import Unable
from benchmarks.common.servers import (
    MOST_CONNECTIONS,
    TSSERVER,
    Peer,
    Server,
    ServerError,
    running,
    stop,
)
from benchmarks.probe.hosts import END, REFLECTOR, HostsRun, command, readHosts

#: The room whose messages keep the reactor busy.
BUSY_ROOM = "200m-20w-8s"

#: Seconds of messages before the first packet.
BUSY_MARGIN = 1.5

#: The least share of a core that a server with a busy room uses; without messages it is 1/30.  It
#: never uses a full core: lines of several senders in a large room wait for each other, and the
#: sends are cheap.
BUSY_LOAD = 0.1

#: Seconds beyond the length of a run until a program counts as stuck.
RUN_LIMIT = 30.0

#: The default limits are below the rate of a run.
CONFIGURATION = "stamp-rate = 1000000\nstamp-burst = 1000000\n"

#: Seconds for irtt's server to start; it does not report when it listens.
IRTT_START = 0.5


@dataclass(frozen=True)
class Trips:
    """
    Round trips of one kind.

    @ivar title: the name in tables.
    @ivar lost: packets without a reply.
    """

    title: str
    microseconds: list[float]
    lost: int

    def at(self, percent: float) -> float:
        """A percentile in microseconds, by nearest rank."""
        return nearestRank(self.microseconds, percent / 100)


@dataclass(frozen=True)
class Run:
    """
    The result of one program in one run.

    @ivar name: the name in C{--only}.
    @ivar trips: round trips by kind; all kinds of the probe are of the same packets.
    @ivar timer: the delays of sending in microseconds, by percentile.
    @ivar load: share of a core that the server used; L{None}: it was not measured.
    """

    name: str
    trips: dict[str, Trips]
    timer: dict[str, float] = field(default_factory=dict)
    load: float | None = None


def _command(state: Path, lateness: bool) -> list[str]:
    # Reflector and chat run in one reactor.
    configuration = state / "tsserver.toml"
    configuration.write_text(CONFIGURATION)
    words = [*TSSERVER]
    words += ["--services", "chat,stamp", "--journal", "memory", "--port", "0"]
    words += ["--flood-lines", "0", "--flood-bytes", "0", "--config", str(configuration)]
    return [*words, "--state", str(state), "--max-connections", MOST_CONNECTIONS]


def _ports(state: Path) -> dict[str, int] | None:
    try:
        rows = json.loads((state / "ports.json").read_text())
    except (OSError, ValueError):
        return None
    found = {row["transport"]: row["port"] for row in rows if row["offering"] in ("chat", "stamp")}
    return found if len(found) == 2 else None


OURS = Peer("tsservices", "tsservices", lambda: None, _command, _ports)


@dataclass(frozen=True)
class ProbeBench:
    """
    Makes the runs, all with these settings.

    @ivar cores: the cores of the two sides; L{None}: not pinned.
    @ivar packets: packets of each run.
    @ivar interval: seconds between two packets.
    """

    cores: Cores | None
    packets: int
    interval: float

    @property
    def seconds(self) -> float:
        """The length of a run."""
        return self.packets * self.interval

    def idle(self) -> Run:
        """Run the probe against a reactor without other work."""
        with running(OURS, False, self._serverCore) as server:
            return self._probe("idle", server)

    def precise(self) -> Run:
        """Run the probe with C{--precise} against a reactor without other work."""
        with running(OURS, False, self._serverCore) as server:
            return self._probe("precise", server, "--precise")

    def busy(self) -> Run:
        """
        Run the probe against a reactor that delivers the messages of a busy room.

        @raise Unable: there is no compiler for the generator.
        @raise LoadError: the room was not busy all the time.
        """
        program = crowd()
        if program is None:
            raise Unable("no C compiler: the crowd is written in C")
        with (
            running(OURS, False, self._serverCore) as server,
            self._talking(program, server) as generator,
        ):
            load = ServerLoad(server.process.pid)
            run = self._probe("busy", server)
            share = load.share()
            if generator.poll() is not None:
                raise LoadError(f"the crowd ended before the probe: {_failureText(generator)}")
            _checkBusy(share)
            return replace(run, load=share)

    def irtt(self) -> Run:
        """
        Run irtt, with its server on one core and its client on the other.

        @raise Unable: irtt is not installed.
        @raise ServerError: irtt's server did not start.
        """
        program = _installed("irtt")
        port = _freePort()
        with pinned(self._serverCore):
            server = subprocess.Popen(
                [program, "server", "-b", f"127.0.0.1:{port}", "-i", "0", "-d", "0"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            time.sleep(IRTT_START)
            if server.poll() is not None:
                raise ServerError(f"irtt's server ended: {server.returncode}")
            words = [program, "client", "-i", f"{self.interval * 1e3:g}ms"]
            words += ["-d", f"{self.seconds * 1e3:g}ms", "-Q", "-o", "-", f"127.0.0.1:{port}"]
            found = json.loads(self._output(words))
        finally:
            stop(server)
        rounds = found["round_trips"]
        trips = [packet["delay"]["rtt"] / 1e3 for packet in rounds if "rtt" in packet["delay"]]
        kind = Trips("irtt", trips, len(rounds) - len(trips))
        return Run("irtt", {"rtt": kind})

    def ping(self) -> Run:
        """
        Run ping, whose replies come from the kernel itself.

        @raise Unable: ping is not installed.
        """
        program = _installed("ping")
        words = [program, "-n", "-i", f"{self.interval:g}", "-c", str(self.packets), "127.0.0.1"]
        found = re.findall(r" time=([0-9.]+) ms", self._output(words))
        trips = [float(milliseconds) * 1e3 for milliseconds in found]
        return Run("ping", {"rtt": Trips("ping", trips, self.packets - len(trips))})

    def hosts(self) -> HostsRun:
        """Run the probe with many hosts."""
        with (
            running(REFLECTOR, False, self._serverCore) as server,
            tempfile.TemporaryDirectory() as folder,
        ):
            times = Path(folder) / "times"
            times.touch()
            return readHosts(self._output(command(server, times), END), times.read_text())

    @property
    def _serverCore(self) -> int | None:
        return None if self.cores is None else self.cores.server

    def _output(self, words: Sequence[str], seconds: float | None = None) -> str:
        with pinned(None if self.cores is None else self.cores.generator):
            try:
                limit = (self.seconds if seconds is None else seconds) + RUN_LIMIT
                done = subprocess.run(words, capture_output=True, text=True, timeout=limit)
            except subprocess.TimeoutExpired as error:
                raise LoadError(f"{words[0]} did not end") from error
        if done.returncode:
            raise LoadError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def _probe(self, name: str, server: Server, *options: str) -> Run:
        words = [sys.executable, "-m", "tsservices.client", "probe", "--json", *options]
        words += ["-c", str(self.packets), "-i", str(self.interval)]
        words += ["--port", str(server.ports["udp"]), "127.0.0.1"]
        lines = [json.loads(line) for line in self._output(words).splitlines()]
        return readProbe(name, lines)

    @contextmanager
    def _talking(self, program: Path, server: Server) -> Iterator[subprocess.Popen[bytes]]:
        cell = next(cell for cell in CHAT_CELLS if cell.name == BUSY_ROOM)
        line = commandOptions(
            port=server.ports["tcp"],
            wire="line",
            outstanding=50,
            members=cell.members,
            senders=cell.senders,
            window=cell.window,
            stalled=0,
            fill=0,
            rate=0,
            seconds=self.seconds + RUN_LIMIT,
            warmup=BUSY_MARGIN,
            server_pid=server.process.pid,
        )
        with pinned(None if self.cores is None else self.cores.generator):
            generator = subprocess.Popen(
                [str(program), *line], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        try:
            _whenBusy(server, generator)
            yield generator
        finally:
            generator.kill()
            generator.communicate()


def pooled(rounds: Sequence[Run]) -> Run:
    """Join the rounds of a run; each percentile of delay is a median, the load is the lowest."""
    first = rounds[0]
    trips = {
        kind: Trips(
            found.title,
            [trip for run in rounds for trip in run.trips[kind].microseconds],
            sum(run.trips[kind].lost for run in rounds),
        )
        for kind, found in first.trips.items()
    }
    timer = {name: median(run.timer[name] for run in rounds) for name in first.timer}
    loads = [run.load for run in rounds if run.load is not None]
    return Run(first.name, trips, timer, min(loads, default=None))


def readProbe(name: str, lines: Sequence[dict[str, object]]) -> Run:
    """
    Get the round trips by kind from the probe's JSON.

    @raise LoadError: no reply has kernel times.
    """
    replies = [line for line in lines if line.get("state") == "ok"]
    stamped = [packet for packet in replies if packet.get("clocks") == "kk"]
    if not stamped:
        raise LoadError("no reply with the kernel's stamps")
    lost = sum(line["type"] == "probe" for line in lines) - len(replies)

    def of(title: str, figure: Callable[[dict[str, object]], float]) -> Trips:
        return Trips(title, [figure(packet) / 1e3 for packet in stamped], lost)

    def unfollowed(packet: dict[str, object]) -> float:
        # The follow-up has been subtracted already.
        return _number(packet["network_ns"]) + _number(packet.get("follow_up_ns") or 0)

    timer = next(line["timer_ns"] for line in lines if line["type"] == "summary")
    assert isinstance(timer, dict)
    return Run(
        name,
        {
            "kernel": of("kernel", lambda packet: _number(packet["network_ns"])),
            # With T3 as the reflector wrote it, before the departure of the packet.
            "written": of("kernel, T3 as sent", unfollowed),
            # The same packets without the reflector's time: the round trip on the network as a
            # program without kernel times would measure it.
            "user": of(
                "user space",
                lambda packet: _number(packet["application_ns"]) - _number(packet["server_ns"]),
            ),
            "application": of("application", lambda packet: _number(packet["application_ns"])),
        },
        {percent: _number(timer[percent]) / 1e3 for percent in ("p50", "p95", "p99", "max")},
    )


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise LoadError(f"{value!r} is no number")
    return value


class ServerLoad:
    """The share of a core that a server uses."""

    def __init__(self, pid: int) -> None:
        """@raise LoadError: the system does not report it."""
        self._pid = pid
        self._began = time.monotonic()
        self._before = _cpuSeconds(pid)

    def share(self) -> float:
        """
        Get the share of a core since this object was made.

        @raise LoadError: the system does not report it.
        """
        used = _cpuSeconds(self._pid) - self._before
        return used / (time.monotonic() - self._began)


def _checkBusy(share: float) -> None:
    if share < BUSY_LOAD:
        raise LoadError(f"the room was not busy: the server used {share:.0%} of a core")


def _whenBusy(server: Server, generator: subprocess.Popen[bytes]) -> None:
    # The load of the server shows that the room is full and its members send.
    limit = time.monotonic() + CROWD_LIMIT
    share = 0.0
    while generator.poll() is None and time.monotonic() < limit:
        load = ServerLoad(server.process.pid)
        time.sleep(BUSY_MARGIN / 3)
        share = load.share()
        if share >= BUSY_LOAD:
            return
    if generator.poll() is not None:
        raise LoadError(f"the crowd ended before the room was busy: {_failureText(generator)}")
    _checkBusy(share)


def _failureText(generator: subprocess.Popen[bytes]) -> str:
    _, errors = generator.communicate()
    return errors.decode(errors="replace").strip() or f"status {generator.returncode}"


def _cpuSeconds(pid: int) -> float:
    try:
        return cpuSeconds(pid)
    except OSError as error:
        raise LoadError(f"CPU time of a process: {error}") from error


def _installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise Unable(f"{program} is not installed")
    return found


def _freePort() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
