"""
The load generator of the echo benchmark: how it is started, its report, and checks of that.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.common.compile import CompileError, compiled
from benchmarks.common.generators import (
    GENERATOR_LIMIT,
    GeneratorReport,
    LoadError,
    commandOptions,
    environment,
    runGenerator,
)
from benchmarks.echo.cells import Cell

# The beginning of a reply: ctime has 24 characters, with the day padded by a blank.
STAMP_FORM = re.compile(r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] ")
# Silent connections from one loopback address: well below the usual 28,232 ephemeral ports.
CONNECTIONS_PER_SOURCE = 5000
# The most seconds that silent connections stay open.
HOLD_LIMIT = 240


@dataclass(frozen=True, kw_only=True)
class LoadReport(GeneratorReport):
    """
    The generator's JSON line; latency is the time from a request to its reply, or of a whole batch
    if requests are pipelined.

    @ivar requests: Requests answered in the measured time.
    @ivar requestsPerSecond: C{requests} divided by the length of that time.
    @ivar stamps: Stamps received, which is the number of chunks that the server read.
    @ivar lost: Datagrams without an answer within 0.2 s.
    @ivar wrong: Replies that are not a stamp followed by the request.
    @ivar closed: Connections that the server closed.
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
        Check that the server did the same work as its peers.

        @raise LoadError: The replies are missing or wrong.
        """
        if not self.requests:
            raise LoadError("no request was answered")
        if self.wrong or self.closed:
            raise LoadError(f"{self.wrong} wrong replies, {self.closed} connections closed")
        if not STAMP_FORM.fullmatch(self.firstReply):
            raise LoadError(f"{self.firstReply!r} is not a stamp")


@dataclass(frozen=True)
class Generator:
    """
    The program that produces the load.

    @ivar command: Its command line without options.
    @ivar tls: Whether it can speak TLS.
    @ivar title: Its programming language.
    """

    command: tuple[str, ...]
    title: str
    tls: bool = False

    def commandLine(self, mode: str, port: int, **options: float) -> list[str]:
        """Make the command line for a mode, with options as for L{commandOptions}."""
        return [*self.command, "--mode", mode, *commandOptions(port=port, **options)]

    def run(
        self, cell: Cell, port: int, serverPid: int, seconds: float, warmup: float
    ) -> LoadReport:
        """
        Produce the load of one cell.

        @raise LoadError: The generator failed, or the replies are not what the cell requires.
        """
        line = self.commandLine(
            cell.transport,
            port,
            connections=cell.connections,
            depth=cell.depth,
            size=cell.size,
            seconds=seconds,
            warmup=warmup,
            server_pid=serverPid,
            **({"tls": 1} if cell.tls else {}),
        )
        report = LoadReport(**runGenerator(line, seconds + warmup + GENERATOR_LIMIT))
        report.check()
        return report

    @contextmanager
    def holding(self, count: int, port: int) -> Iterator[None]:
        """
        Keep silent connections open in the body.

        @raise LoadError: Not all of them could be opened, or the server closed some.
        """
        sources = 0
        if count > CONNECTIONS_PER_SOURCE:
            sources = math.ceil(count / CONNECTIONS_PER_SOURCE)
        line = self.commandLine(
            "hold", port, connections=count, seconds=HOLD_LIMIT, sources=sources
        )
        process = subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise LoadError(f"{count} connections: {process.communicate()[1].strip()}")
            yield
            # The program prints its JSON line and ends at the end of its standard input.
            output = process.communicate(timeout=GENERATOR_LIMIT)[0]
            closed = json.loads(output)["closed"]
            if closed:
                raise LoadError(f"the server closed {closed} of {count} silent connections")
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def generator(tls: bool, skipped: list[str]) -> Generator:
    """
    Get the C generator, or without a compiler the Python one, which has no TLS.

    @param tls: Whether TLS is wanted, which needs OpenSSL's headers.
    @param skipped: Gets a line if TLS is not available.
    @raise CompileError: The generator without TLS cannot be compiled.
    """
    # First without TLS, so that other errors are not attributed to OpenSSL.
    program = compiled("generator.c")
    if program is None:
        if tls:
            skipped.append("TLS: no C compiler")
        return Generator((sys.executable, "-m", "benchmarks.echo.generator"), "Python")
    if tls:
        try:
            encrypting = compiled("generator.c", "-DWITH_TLS", "-lssl", "-lcrypto")
            return Generator((str(encrypting),), "C", tls=True)
        except CompileError:
            skipped.append("TLS: the C generator needs OpenSSL's headers (libssl-dev)")
    return Generator((str(program),), "C")
