"""The whole program: from the options to the exit status, in this process."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTCP
from twisted.internet.task import LoopingCall

from tsservices.client.connection import ClientError, place
from tsservices.client.probe.connections import HostConnections
from tsservices.client.probe.options import (
    EXIT_ALL_REPLIED,
    EXIT_ERROR,
    EXIT_NO_REPLY,
    EXIT_THRESHOLD,
    ProbeOptions,
)
from tsservices.client.probe.reports.base import Output, Reporter
from tsservices.client.probe.reports.columns import WIDTH
from tsservices.client.probe.reports.json_csv import CSVReport, JSONReport
from tsservices.client.probe.reports.listing import ListingReport, RawReport
from tsservices.client.probe.reports.progress import showProgress
from tsservices.client.probe.reports.text import TextReport
from tsservices.client.probe.session import ProbeSession
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks, systemClocks
from tsservices.client.probe.wires.icmp import checkPingSockets
from tsservices.client.resolve import detachLookups
from tsservices.client.terminal.descriptors import blockingRestored
from tsservices.client.terminal.text import complaint
from tsservices.common.descriptors import raiseDescriptorLimit
from tsservices.stamp.stats.thresholds import Threshold, violations
from tsservices.transport.reactor import installReactor, prepareReactor

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase
    from twisted.internet.protocol import ServerFactory

#: The descriptors of standard output and standard error.
STANDARD_OUTPUTS = (1, 2)

#: Descriptors that are not for hosts: the reactor's, standard streams, resolvers, Prometheus.
DESCRIPTORS_RESERVED = 128


def exitStatus(
    targets: Sequence[ProbeTarget], thresholds: list[Threshold]
) -> tuple[int, list[str]]:
    """Return the exit status, and the conditions of C{--fail-if} that caused it."""
    violated = [
        f"{target.name}: {text}"
        for target in targets
        for text in violations(thresholds, target.statistics)
    ]
    if violated:
        return EXIT_THRESHOLD, violated
    silent = any(not target.statistics.received for target in targets)
    return (EXIT_NO_REPLY if silent else EXIT_ALL_REPLIED), []


def createReporter(options: ProbeOptions, output: Output, clocks: Clocks) -> Reporter:
    """Create the reporter for the requested format."""
    if options.listing:
        return ListingReport(output, options.listing)
    if options.raw:
        return RawReport(output, clocks, options)
    if options.format == "json":
        return JSONReport(output, clocks, options)
    if options.format == "csv":
        return CSVReport(output, clocks, options)
    return TextReport(output, clocks, options)


def progressColumns() -> int:
    """Return the columns of the terminal of standard error."""
    # Not shutil's function: it looks at standard output, and at a variable that never changes.
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH


class ProbeRun:
    """One run; it owns the streams, the targets and the signal handlers of the process."""

    def __init__(
        self,
        reactor: ReactorBase,
        options: ProbeOptions,
        clocks: Clocks,
        randomness: Random | None = None,
    ) -> None:
        self.output = Output(sys.stdout, sys.stderr, self._outputClosed)
        self._reactor = reactor
        self._options = options
        self._clocks = clocks
        self._reporter = createReporter(options, self.output, clocks)
        self._session = ProbeSession(reactor, clocks, options, self._reporter)
        self._connections = HostConnections(
            reactor, clocks, options, self._session, self.output, randomness or SystemRandom()
        )
        self._preparing: Deferred[bool] | None = None
        self._progress: LoopingCall | None = None
        self._metrics: IListeningPort | None = None

    async def run(self) -> int:
        """Measure, report, and return the exit status."""
        # Later, because the reactor installs its own handlers when it starts.
        self._reactor.callWhenRunning(self._handleSignals)
        targets = self._connections.targets
        try:
            if self._options.protocol == "icmp":
                checkPingSockets()
            self._preparing = Deferred.fromCoroutine(self._connections.open())
            if not await self._preparing:
                return await self._abandon()
            self._serveMetrics(targets)
            self._showProgress(targets)
            # Garbage collections during the run can skip the modules, which stay in memory anyway.
            gc.collect()
            gc.freeze()
            await self._session.run(targets)
        except CancelledError:
            return await self._abandon()
        except ClientError as error:
            self.output.error(str(error))
            return await self._abandon()
        finally:
            if self._progress is not None:
                self._progress.stop()
        return await self._finish(targets)

    def _serveMetrics(self, targets: list[ProbeTarget]) -> None:
        if self._options.prometheus is None:
            return
        from tsservices.client.probe.reports.prometheus import metricsSite

        # Twisted's annotations do not declare that a Site is a ServerFactory.
        site = cast("ServerFactory[Any]", metricsSite(targets))
        try:
            self._metrics = IReactorTCP(self._reactor).listenTCP(
                self._options.prometheus, site, interface=self._options.bind
            )
        except CannotListenError as error:
            reason = getattr(error.socketError, "strerror", None) or error.socketError
            raise ClientError(
                f"no metrics at {place(self._options.bind, self._options.prometheus)}: {reason}"
            ) from error

    def _showProgress(self, targets: list[ProbeTarget]) -> None:
        if self._options.quiet and sys.stderr.isatty():
            self._progress = showProgress(self._reactor, self.output, targets, progressColumns)

    async def _abandon(self) -> int:
        await self._connections.close()
        return EXIT_ERROR

    async def _finish(self, targets: list[ProbeTarget]) -> int:
        await self._connections.close()
        if self._metrics is not None:
            await maybeDeferred(self._metrics.stopListening)
        self._reporter.summary(targets)
        drawn = self._draw(targets)
        status, violated = exitStatus(targets, self._options.thresholds)
        for text in violated:
            self.output.error(f"--fail-if: {text}")
        failure = self.output.failure
        if failure is not None:
            self.output.error(f"the output cannot be written: {failure.strerror or failure}")
        return status if drawn and failure is None else EXIT_ERROR

    def _draw(self, targets: list[ProbeTarget]) -> bool:
        path = self._options.plot
        if path is None:
            return True
        from tsservices.client.probe.reports.plot import drawPlot

        try:
            drawPlot(targets, path)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            self.output.error(f"--plot: {path} cannot be written: {reason}")
            return False
        return True

    def _handleSignals(self) -> None:
        # Replaces the reactor's own handlers, which would stop it without a summary.
        def handle(number: int, frame: object) -> None:
            interim = number == signal.SIGQUIT
            self._reactor.callFromThread(self._session.interim if interim else self._stop)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            # A signal that is ignored stays so, for example in a script that measures with "&".
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handle)

    def _stop(self) -> None:
        if self._preparing is not None and not self._preparing.called:
            self._preparing.cancel()
        self._session.finish()

    def _outputClosed(self) -> None:
        self._reactor.callLater(0, self._stop)


async def probe(reactor: ReactorBase, options: ProbeOptions) -> None:
    """
    Measure, on this process's streams.

    @raise SystemExit: with the exit status, if that is not 0.
    """
    status = await ProbeRun(reactor, options, systemClocks()).run()
    if status:
        raise SystemExit(status)


def main(options: ProbeOptions) -> None:
    """@raise SystemExit: at the end, with the exit status."""
    installReactor()
    from twisted.internet import reactor
    from twisted.internet.task import react

    prepareReactor(reactor)
    detachLookups(reactor)
    allowed = raiseDescriptorLimit()
    if allowed is not None and len(options.hosts) > allowed - DESCRIPTORS_RESERVED:
        reason = f"{len(options.hosts)} hosts need as many descriptors: this process may have"
        sys.stderr.write(complaint(f"{reason} {allowed} (ulimit -n)"))
        raise SystemExit(EXIT_ERROR)
    try:
        with blockingRestored():
            # Another program that shares the pipe or terminal may have changed its mode.
            for descriptor in STANDARD_OUTPUTS:
                with suppress(OSError):
                    os.set_blocking(descriptor, True)
            react(probe, (options,))
    finally:
        _discardUnwritten()


def _discardUnwritten() -> None:
    # Python flushes both streams at exit; it would report the error again, and change the status.
    for stream, descriptor in zip((sys.stdout, sys.stderr), STANDARD_OUTPUTS, strict=True):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
