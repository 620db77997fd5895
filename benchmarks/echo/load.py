"""
How the generator is asked, what it answers, and when the answer counts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.common.compile import CHECKOUT, compiled
from benchmarks.echo.cells import Cell

# What a reply begins with: ctime is 24 characters wide, its day padded by a blank.
STAMP_FORM = re.compile(r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] ")
# Seconds beyond the asked ones until the generator counts as stuck.
GENERATOR_LIMIT = 60.0
# Silent connections from one loopback address, well below the usual 28,232 ephemeral ports.
PER_SOURCE = 5000
# Seconds the silent connections stay at most.
HOLD_LIMIT = 240


class LoadError(Exception):
    """The generator failed, or the server did not do the work that was asked for."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """
    What every generator says of the stretch it measured.

    @ivar seconds: Length of it.
    @ivar p50: Median latency in microseconds.
    @ivar p99: The same, 99th percentile.
    @ivar maximum: The same, the longest.
    @ivar cpuSeconds: The generator's own CPU time inside it.
    @ivar utilisation: That as a share of it: 1.0 is a full core.
    @ivar serverCpuSeconds: The server's CPU time inside it, all its threads, or C{None} where one
        process cannot read another's clock.
    @ivar waited: Share of it the generator was ready to run while something else had its core, or
        C{None} where the system does not say.
    @ivar serverWaited: The same of the server.
    @ivar began: Monotonic second at which it began.
    @ivar ended: Monotonic second at which it ended.
    """

    seconds: float
    p50: float
    p99: float
    maximum: float
    cpuSeconds: float
    utilisation: float
    serverCpuSeconds: float | None
    waited: float | None
    serverWaited: float | None
    began: float
    ended: float

    @property
    def serverBusy(self) -> float | None:
        """The server's CPU time as a share of the stretch: 1.0 is a full core."""
        return None if self.serverCpuSeconds is None else self.serverCpuSeconds / self.seconds

    @property
    def worseWait(self) -> float:
        """
        Share of the stretch the worse off of the two sides was ready to run and could not; 0 where
        the system does not say.
        """
        return max(self.waited or 0.0, self.serverWaited or 0.0)

    def serverCpuFor(self, count: int) -> float | None:
        """Microseconds of server CPU for each of C{count} pieces of work."""
        if self.serverCpuSeconds is None or not count:
            return None
        return self.serverCpuSeconds * 1e6 / count


@dataclass(frozen=True)
class LoadSample:
    """
    What one run of one peer under a load gave.

    @ivar cell: Name of the cell.
    @ivar peer: Name of the peer.
    @ivar turn: Number of the round, from 0: only samples of one round are compared.
    @ivar load: The generator's report.
    """

    cell: str
    peer: str
    turn: int
    load: Stretch

    @property
    def waited(self) -> float:
        """Share of the stretch the worse off side could not run though it was ready."""
        return self.load.worseWait


@dataclass(frozen=True, kw_only=True)
class LoadReport(Stretch):
    """
    The generator's JSON line.  Latency is the time from request to reply; of a whole batch when
    pipelined.

    @ivar requests: Requests answered inside the window.
    @ivar requestsPerSecond: That divided by its length.
    @ivar stamps: Stamps received: how many chunks the server made of the requests.
    @ivar lost: Datagrams that had no answer within 0.2 s.
    @ivar wrong: Replies that are not a stamp and the request.
    @ivar closed: Connections the server closed.
    @ivar firstReply: The first stamp of the run.
    """

    requests: int
    requestsPerSecond: float
    stamps: int
    lost: int
    wrong: int
    closed: int
    firstReply: str

    @property
    def serverCpu(self) -> float | None:
        """Microseconds of server CPU for one request."""
        return self.serverCpuFor(self.requests)

    def check(self) -> None:
        """
        Refuse a window in which the server did other work than its peers.

        @raise LoadError: It says what was wrong.
        """
        if not self.requests:
            raise LoadError("no request was answered")
        if self.wrong or self.closed:
            raise LoadError(f"{self.wrong} wrong replies, {self.closed} connections closed")
        if not STAMP_FORM.fullmatch(self.firstReply):
            raise LoadError(f"{self.firstReply!r} is no stamp")


@dataclass(frozen=True)
class Generator:
    """
    The program that makes the load.

    @ivar command: Its command line without options.
    @ivar title: What it is written in.
    """

    command: tuple[str, ...]
    title: str

    def words(self, mode: str, port: int, **options: float) -> list[str]:
        """A command line; an option's underscores become dashes."""
        return [*self.command, "--mode", mode, *spelled(port=port, **options)]

    def run(
        self, cell: Cell, port: int, serverPid: int, seconds: float, warmup: float
    ) -> LoadReport:
        """
        Make the load of one cell and wait for the end of it.

        @raise LoadError: The generator failed, or the replies are not what was asked for.
        """
        line = self.words(
            cell.transport,
            port,
            connections=cell.connections,
            depth=cell.depth,
            size=cell.size,
            seconds=seconds,
            warmup=warmup,
            server_pid=serverPid,
        )
        report = LoadReport(**said(line, seconds + warmup + GENERATOR_LIMIT))
        report.check()
        return report

    @contextmanager
    def holding(self, count: int, port: int) -> Iterator[None]:
        """
        Keep C{count} silent connections open for the body.

        @raise LoadError: They could not all be opened, or the server closed some.
        """
        sources = -(-count // PER_SOURCE) if count > PER_SOURCE else 0
        line = self.words("hold", port, connections=count, seconds=HOLD_LIMIT, sources=sources)
        process = subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise LoadError(f"{count} connections: {process.communicate()[1].strip()}")
            yield
            # The end of its standard input lets it go; what it says then is its verdict.
            said = process.communicate(timeout=GENERATOR_LIMIT)[0]
            closed = json.loads(said)["closed"]
            if closed:
                raise LoadError(f"the server closed {closed} of {count} silent connections")
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def spelled(**options: float | str) -> list[str]:
    """Options of a command line; an underscore becomes a dash."""
    return [
        word
        for name, value in options.items()
        for word in ("--" + name.replace("_", "-"), str(value))
    ]


def said(line: list[str], limit: float) -> dict[str, Any]:
    """
    Run a generator and wait for its JSON line.

    @raise LoadError: It failed; the text is what it wrote to its standard error.
    """
    try:
        done = subprocess.run(
            line, capture_output=True, text=True, timeout=limit, env=_environment(), check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LoadError("the generator did not end") from error
    if done.returncode:
        raise LoadError(f"the generator ended with {done.returncode}: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def generator() -> Generator:
    """The C generator, or the Python one without a compiler."""
    program = compiled("generator.c")
    if program is None:
        return Generator((sys.executable, "-m", "benchmarks.echo.generator"), "Python")
    return Generator((str(program),), "C")


def _environment() -> dict[str, str]:
    """The environment in which the Python generator finds its own package."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT)}
