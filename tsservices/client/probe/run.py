"""
The exit status of a run.

One run: all targets at once, from the first packet to the last reply.

From a command to an exit status, in this process.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import CancelledError, Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorPluggableNameResolver,
    IReactorTCP,
)
from twisted.internet.task import LoopingCall

from tsservices.client.connection import ClientError
from tsservices.client.probe.options import (
    ALL_REPLIED,
    CONDITION_HELD,
    SOME_SILENT,
    TROUBLE,
    ProbeOptions,
)
from tsservices.client.probe.reports.base import Output, Reporter
from tsservices.client.probe.reports.json_csv import CSVReport, JSONReport
from tsservices.client.probe.reports.progress import showProgress
from tsservices.client.probe.reports.text import TextReport
from tsservices.client.probe.session import ProbeSession
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks, ProbeTransport
from tsservices.client.probe.wires.stamp import StampTransport
from tsservices.client.probe.wires.text_tcp import TCPTextTransport
from tsservices.client.probe.wires.text_udp import UDPTextTransport
from tsservices.client.resolve import resolve
from tsservices.stamp.stats.target import TargetStatistics
from tsservices.stamp.stats.thresholds import Threshold, violations

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase
    from twisted.internet.protocol import ServerFactory


def verdict(targets: Sequence[ProbeTarget], conditions: list[Threshold]) -> tuple[int, list[str]]:
    """The exit status, and what to say about it."""
    said = [
        f"{target.name}: {each}"
        for target in targets
        for each in violations(conditions, target.tally)
    ]
    if said:
        return CONDITION_HELD, said
    silent = any(not target.tally.received for target in targets)
    return (SOME_SILENT if silent else ALL_REPLIED), []


def reporterFor(command: ProbeOptions, output: Output, times: Clocks) -> Reporter:
    """What tells it in the form that is wanted."""
    if command.form == "json":
        return JSONReport(output, times, command.quiet)
    if command.form == "csv":
        return CSVReport(output, command.quiet)
    return TextReport(
        output,
        times,
        command.interval,
        command.timeout,
        command.quiet,
        command.dated,
        command.outstanding,
        command.histogram,
    )


def wireTo(
    address: str, reactor: ReactorBase, times: Clocks, command: ProbeOptions, session: int
) -> ProbeTransport:
    """The way to it."""
    if command.wire == "stamp":
        return StampTransport(
            reactor,
            times,
            address,
            command.port,
            command.size,
            command.tos,
            command.key,
            command.followUp,
        )
    kind = TCPTextTransport if command.wire == "tcp" else UDPTextTransport
    return kind(reactor, times, address, command.port, session, command.size, command.tos)


async def addressOf(reactor: ReactorBase, host: str, port: int, family: int) -> str:
    """
    Its first address of that family.

    @raise ClientError: there is none.
    """
    resolver = IReactorPluggableNameResolver(reactor).nameResolver
    for address, _ in await resolve(resolver, host, port):
        if not family or (":" in address) == (family == 6):
            return address
    raise ClientError(f"{host} has no IPv{family} address")


class ProbeRun:
    """
    One run of the client.

    @ivar output: the streams of the process.
    """

    def __init__(self, reactor: ReactorBase, command: ProbeOptions, times: Clocks) -> None:
        self.output = Output(sys.stdout, sys.stderr, self._unread)
        self._reactor = reactor
        self._command = command
        self._times = times
        self._reporter = reporterFor(command, self.output, times)
        self._session = ProbeSession(reactor, times, command, self._reporter)
        self._preparing: Deferred[list[ProbeTarget]] | None = None
        self._stopped = False
        self._progress: LoopingCall | None = None
        self._metrics: IListeningPort | None = None

    async def go(self) -> int:
        """The exit status."""
        self._reactor.callWhenRunning(self._takeSignals)
        targets: list[ProbeTarget] = []
        try:
            self._preparing = Deferred.fromCoroutine(self._prepare())
            targets = await self._preparing
            self._serveMetrics(targets)
            self._showProgress(targets)
            # What there is now will stay, and need not be looked through each time.
            gc.collect()
            gc.freeze()
            await self._session.run(targets)
        except CancelledError:
            return TROUBLE
        except ClientError as error:
            self.output.complain(str(error))
            return TROUBLE
        finally:
            if self._progress is not None:
                self._progress.stop()
        return await self._conclude(targets)

    async def _prepare(self) -> list[ProbeTarget]:
        command = self._command
        session = random.SystemRandom().getrandbits(32)
        targets = []
        for host in command.hosts:
            address = await addressOf(self._reactor, host, command.port, command.family)
            wire = wireTo(address, self._reactor, self._times, command, session)
            tally = TargetStatistics(command.stateful)
            targets.append(
                ProbeTarget(
                    host,
                    address,
                    command.port,
                    wire,
                    tally,
                    self._reactor,
                    self._times,
                    command.timeout,
                    self._session,
                )
            )
        opening = []
        for target in targets:
            try:
                opening.append(target.wire.open(target))
            except (CannotListenError, OSError) as error:
                reason = error.socketError if isinstance(error, CannotListenError) else error
                raise ClientError(f"no socket for {target.address}: {reason}") from error
        await gatherResults(opening)
        return targets

    def _serveMetrics(self, targets: list[ProbeTarget]) -> None:
        if self._command.prometheus is None:
            return
        from tsservices.client.probe.reports.prometheus import metricsSite

        # Twisted's own annotations do not make a Site the factory that it is.
        site = cast("ServerFactory[Any]", metricsSite(targets))
        try:
            self._metrics = IReactorTCP(self._reactor).listenTCP(
                self._command.prometheus, site, interface="127.0.0.1"
            )
        except CannotListenError as error:
            raise ClientError(
                f"no metrics on port {self._command.prometheus}: {error.socketError}"
            ) from error

    def _showProgress(self, targets: list[ProbeTarget]) -> None:
        if self._command.quiet and sys.stderr.isatty():
            columns = shutil.get_terminal_size().columns
            self._progress = showProgress(self._reactor, self.output, targets, columns)

    async def _conclude(self, targets: list[ProbeTarget]) -> int:
        for target in targets:
            await target.wire.close()
        if self._metrics is not None:
            await maybeDeferred(self._metrics.stopListening)
        self._reporter.summary(targets)
        if self._command.plot is not None:
            from tsservices.client.probe.reports.plot import draw

            try:
                draw(targets, self._command.plot)
            except (OSError, ValueError) as error:
                self.output.complain(f"{self._command.plot}: {error}")
                return TROUBLE
        status, said = verdict(targets, self._command.conditions)
        for each in said:
            self.output.complain(f"--fail-if: {each}")
        return status

    def _takeSignals(self) -> None:
        """Take signals over from the reactor, which would just stop."""

        def soon(number: int, frame: object) -> None:
            quit = number == getattr(signal, "SIGQUIT", None)
            self._reactor.callFromThread(self._session.interim if quit else self._stop)

        for name in ("SIGINT", "SIGTERM", "SIGQUIT"):
            with suppress(AttributeError):
                signal.signal(getattr(signal, name), soon)

    def _stop(self) -> None:
        """End the run; before it has begun, give it up."""
        self._stopped = True
        if self._preparing is not None and not self._preparing.called:
            self._preparing.cancel()
        self._session.finish()

    def _unread(self) -> None:
        """Nobody reads the output any more."""
        # Python would complain at its end that it cannot flush.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        self._reactor.callLater(0, self._stop)


async def probe(reactor: ReactorBase, command: ProbeOptions) -> None:
    """
    Measure, on this process's streams.

    @raise SystemExit: with the exit status, when that is not 0.
    """
    status = await ProbeRun(reactor, command, Clocks()).go()
    if status:
        raise SystemExit(status)


def main(command: ProbeOptions) -> None:
    """
    Run the reactor until all is measured.

    @raise SystemExit: always, with the exit status.
    """
    from twisted.internet.task import react

    react(probe, (command,))
