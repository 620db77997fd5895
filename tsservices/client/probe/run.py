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
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import CancelledError, Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
)
from twisted.internet.task import LoopingCall

from tsservices.client.connection import ClientError
from tsservices.client.probe.cli import (
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
from tsservices.client.probe.schedule import NANOSECONDS, Schedule
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks, ProbeTransport
from tsservices.client.probe.wires.stamp import StampTransport
from tsservices.client.probe.wires.text_tcp import TCPTextTransport
from tsservices.client.probe.wires.text_udp import UDPTextTransport
from tsservices.client.resolve import resolve
from tsservices.stamp.stats.result import ProbeResult
from tsservices.stamp.stats.summary import TargetStatistics
from tsservices.stamp.stats.thresholds import Threshold, violations

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase
    from twisted.internet.protocol import ServerFactory


def exitStatus(
    targets: Sequence[ProbeTarget], thresholds: list[Threshold]
) -> tuple[int, list[str]]:
    """The exit status, and what to say about it."""
    said = [
        f"{target.name}: {each}"
        for target in targets
        for each in violations(thresholds, target.statistics)
    ]
    if said:
        return CONDITION_HELD, said
    silent = any(not target.statistics.received for target in targets)
    return (SOME_SILENT if silent else ALL_REPLIED), []


#: Nanoseconds from the start of a run to its first packet: the reactor settles.
LEAD = 5_000_000


class ProbeSession:
    """
    Sends by the plan, and ends when everything is known or nobody wants to wait.

    @ivar targets: all of them.
    """

    def __init__(
        self, clock: IReactorTime, times: Clocks, command: ProbeOptions, reporter: Reporter
    ) -> None:
        self.targets: Sequence[ProbeTarget] = ()
        self._clock = clock
        self._times = times
        self._command = command
        self._reporter = reporter
        self._schedules: dict[ProbeTarget, Schedule] = {}
        self._sending: set[ProbeTarget] = set()
        self._deadline: IDelayedCall | None = None
        self._done: Deferred[None] = Deferred()

    def run(self, targets: Sequence[ProbeTarget]) -> Deferred[None]:
        """Fires at the end."""
        self.targets = targets
        if self._done.called:
            return self._done
        self._reporter.started(targets)
        interval = round(self._command.interval * NANOSECONDS)
        origin = self._times.monotonic() + LEAD
        self._sending = set(targets)
        for number, target in enumerate(targets):
            target.start(origin)
            schedule = self._schedules[target] = Schedule(
                self._clock,
                self._times.monotonic,
                interval,
                partial(self._fire, target),
                self._command.precise,
            )
            # Spread, so that no target's packet waits for another's.
            schedule.start(origin + number * interval // len(targets))
        if self._command.deadline is not None:
            self._deadline = self._clock.callLater(self._command.deadline, self.finish)
        return self._done

    def finish(self) -> None:
        """End the run now.  Doing it twice does no harm."""
        for schedule in self._schedules.values():
            schedule.stop()
        for target in self.targets:
            target.stop()
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if not self._done.called:
            self._done.callback(None)

    def interim(self) -> None:
        """Tell what is known so far."""
        self._reporter.interim(self.targets)

    def resultReady(self, target: ProbeTarget, outcome: ProbeResult) -> None:
        if not self._done.called:
            self._reporter.resultReady(target, outcome)

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        self._reporter.overdue(target, sequence)

    def idle(self, target: ProbeTarget) -> None:
        if not self._sending and not any(each.hasPending for each in self.targets):
            self.finish()

    def _fire(self, target: ProbeTarget, lateness: int, skipped: int) -> bool:
        count = self._command.count
        last = count is not None and target.statistics.transmitted + 1 >= count
        if last:
            self._sending.discard(target)
        target.sendNext(lateness, skipped)
        return not last


def createReporter(options: ProbeOptions, output: Output, clocks: Clocks) -> Reporter:
    """What tells it in the form that is wanted."""
    if options.form == "json":
        return JSONReport(output, clocks, options.quiet)
    if options.form == "csv":
        return CSVReport(output, options.quiet)
    return TextReport(
        output,
        clocks,
        options.interval,
        options.timeout,
        options.quiet,
        options.dated,
        options.outstanding,
        options.histogram,
    )


def createTransport(
    address: str, reactor: ReactorBase, clocks: Clocks, options: ProbeOptions, session: int
) -> ProbeTransport:
    """The way to it."""
    if options.wire == "stamp":
        return StampTransport(
            reactor,
            clocks,
            address,
            options.port,
            options.size,
            options.tos,
            options.key,
            options.followUp,
        )
    kind = TCPTextTransport if options.wire == "tcp" else UDPTextTransport
    return kind(reactor, clocks, address, options.port, session, options.size, options.tos)


async def resolveAddress(reactor: ReactorBase, host: str, port: int, family: int) -> str:
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

    def __init__(self, reactor: ReactorBase, options: ProbeOptions, clocks: Clocks) -> None:
        self.output = Output(sys.stdout, sys.stderr, self._outputClosed)
        self._reactor = reactor
        self._options = options
        self._clocks = clocks
        self._reporter = createReporter(options, self.output, clocks)
        self._session = ProbeSession(reactor, clocks, options, self._reporter)
        self._preparing: Deferred[list[ProbeTarget]] | None = None
        self._stopped = False
        self._progress: LoopingCall | None = None
        self._metrics: IListeningPort | None = None

    async def run(self) -> int:
        """The exit status."""
        self._reactor.callWhenRunning(self._handleSignals)
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
            self.output.error(str(error))
            return TROUBLE
        finally:
            if self._progress is not None:
                self._progress.stop()
        return await self._finish(targets)

    async def _prepare(self) -> list[ProbeTarget]:
        command = self._options
        session = random.SystemRandom().getrandbits(32)
        targets = []
        for host in command.hosts:
            address = await resolveAddress(self._reactor, host, command.port, command.family)
            wire = createTransport(address, self._reactor, self._clocks, command, session)
            tally = TargetStatistics(command.stateful)
            targets.append(
                ProbeTarget(
                    host,
                    address,
                    command.port,
                    wire,
                    tally,
                    self._reactor,
                    self._clocks,
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
        if self._options.prometheus is None:
            return
        from tsservices.client.probe.reports.prometheus import metricsSite

        # Twisted's own annotations do not make a Site the factory that it is.
        site = cast("ServerFactory[Any]", metricsSite(targets))
        try:
            self._metrics = IReactorTCP(self._reactor).listenTCP(
                self._options.prometheus, site, interface="127.0.0.1"
            )
        except CannotListenError as error:
            raise ClientError(
                f"no metrics on port {self._options.prometheus}: {error.socketError}"
            ) from error

    def _showProgress(self, targets: list[ProbeTarget]) -> None:
        if self._options.quiet and sys.stderr.isatty():
            columns = shutil.get_terminal_size().columns
            self._progress = showProgress(self._reactor, self.output, targets, columns)

    async def _finish(self, targets: list[ProbeTarget]) -> int:
        for target in targets:
            await target.transport.close()
        if self._metrics is not None:
            await maybeDeferred(self._metrics.stopListening)
        self._reporter.summary(targets)
        if self._options.plot is not None:
            from tsservices.client.probe.reports.plot import drawPlot

            try:
                drawPlot(targets, self._options.plot)
            except (OSError, ValueError) as error:
                self.output.error(f"{self._options.plot}: {error}")
                return TROUBLE
        status, said = exitStatus(targets, self._options.conditions)
        for each in said:
            self.output.error(f"--fail-if: {each}")
        return status

    def _handleSignals(self) -> None:
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

    def _outputClosed(self) -> None:
        """Nobody reads the output any more."""
        # Python would complain at its end that it cannot flush.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        self._reactor.callLater(0, self._stop)


async def probe(reactor: ReactorBase, options: ProbeOptions) -> None:
    """
    Measure, on this process's streams.

    @raise SystemExit: with the exit status, when that is not 0.
    """
    status = await ProbeRun(reactor, options, Clocks()).run()
    if status:
        raise SystemExit(status)


def main(options: ProbeOptions) -> None:
    """
    Run the reactor until all is measured.

    @raise SystemExit: always, with the exit status.
    """
    from twisted.internet.task import react

    react(probe, (options,))
