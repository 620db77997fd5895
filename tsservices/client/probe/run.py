"""The whole program: from the options to the exit status, in this process."""

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
    EXIT_ALL_REPLIED,
    EXIT_ERROR,
    EXIT_NO_REPLY,
    EXIT_THRESHOLD,
    ProbeOptions,
)
from tsservices.client.probe.reports.base import Output, Reporter
from tsservices.client.probe.reports.json_csv import CSVReport, JSONReport
from tsservices.client.probe.reports.progress import showProgress
from tsservices.client.probe.reports.text import TextReport
from tsservices.client.probe.session import ProbeSession
from tsservices.client.probe.target import ProbeTarget, TargetConfig
from tsservices.client.probe.wires.base import Clocks, ProbeTransport, TransportConfig
from tsservices.client.probe.wires.stamp import StampTransport
from tsservices.client.probe.wires.text_tcp import TCPTextTransport
from tsservices.client.probe.wires.text_udp import UDPTextTransport
from tsservices.client.resolve import resolve
from tsservices.stamp.stats.thresholds import Threshold, violations
from tsservices.transport.reactor import prepareReactor

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase
    from twisted.internet.protocol import ServerFactory


def exitStatus(
    targets: Sequence[ProbeTarget], thresholds: list[Threshold]
) -> tuple[int, list[str]]:
    """The exit status, and the conditions that made it so."""
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
    """The reporter of the format that is asked for."""
    if options.format == "json":
        return JSONReport(output, clocks, options.quiet)
    if options.format == "csv":
        return CSVReport(output, options.quiet)
    return TextReport(output, clocks, options)


def createTransport(
    address: str, reactor: ReactorBase, clocks: Clocks, options: ProbeOptions, session: int
) -> ProbeTransport:
    """
    The transport of the protocol that is asked for.

    @param session: a number of 32 bits that is in all texts of this run.
    """
    config = TransportConfig(address, options.port, options.size, options.tos)
    if options.protocol == "stamp":
        return StampTransport(reactor, clocks, config, options.key, options.followUp)
    textTransport = TCPTextTransport if options.protocol == "tcp" else UDPTextTransport
    return textTransport(reactor, clocks, config, session)


async def resolveAddress(reactor: ReactorBase, host: str, port: int, family: int) -> str:
    """
    The first address of the host in that family, 4 or 6; 0 for any.

    @raise ClientError: there is none.
    """
    resolver = IReactorPluggableNameResolver(reactor).nameResolver
    for address, _ in await resolve(resolver, host, port):
        if not family or (":" in address) == (family == 6):
            return address
    raise ClientError(f"{host} has no IPv{family} address")


class ProbeRun:
    """One run; it owns the streams, the targets and the signal handlers of the process."""

    def __init__(self, reactor: ReactorBase, options: ProbeOptions, clocks: Clocks) -> None:
        self.output = Output(sys.stdout, sys.stderr, self._outputClosed)
        self._reactor = reactor
        self._options = options
        self._clocks = clocks
        self._reporter = createReporter(options, self.output, clocks)
        self._session = ProbeSession(reactor, clocks, options, self._reporter)
        self._preparing: Deferred[list[ProbeTarget]] | None = None
        self._progress: LoopingCall | None = None
        self._metrics: IListeningPort | None = None

    async def run(self) -> int:
        """Measure, report, and return the exit status."""
        # Not now: the reactor installs its own handlers when it starts.
        self._reactor.callWhenRunning(self._handleSignals)
        targets: list[ProbeTarget] = []
        try:
            self._preparing = Deferred.fromCoroutine(self._prepare())
            targets = await self._preparing
            self._serveMetrics(targets)
            self._showProgress(targets)
            # Collections during the run need not look at the modules, which stay anyway.
            gc.collect()
            gc.freeze()
            await self._session.run(targets)
        except CancelledError:
            return EXIT_ERROR
        except ClientError as error:
            self.output.error(str(error))
            return EXIT_ERROR
        finally:
            if self._progress is not None:
                self._progress.stop()
        return await self._finish(targets)

    async def _prepare(self) -> list[ProbeTarget]:
        options = self._options
        session = random.SystemRandom().getrandbits(32)
        targets = []
        for host in options.hosts:
            address = await resolveAddress(self._reactor, host, options.port, options.family)
            transport = createTransport(address, self._reactor, self._clocks, options, session)
            config = TargetConfig(host, address, options.port, options.timeout, options.stateful)
            targets.append(
                ProbeTarget(config, transport, self._reactor, self._clocks, self._session)
            )
        opening = []
        for target in targets:
            try:
                opening.append(target.transport.open(target))
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
                return EXIT_ERROR
        status, violated = exitStatus(targets, self._options.thresholds)
        for text in violated:
            self.output.error(f"--fail-if: {text}")
        return status

    def _handleSignals(self) -> None:
        # In place of the reactor's own, which would stop it without a summary.
        def handle(number: int, frame: object) -> None:
            interim = number == signal.SIGQUIT
            self._reactor.callFromThread(self._session.interim if interim else self._stop)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            # Whoever has it ignored does not want it, as a script does that measures with "&".
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handle)

    def _stop(self) -> None:
        if self._preparing is not None and not self._preparing.called:
            self._preparing.cancel()
        self._session.finish()

    def _outputClosed(self) -> None:
        # Python flushes standard output at its end, and would complain that it is closed.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        self._reactor.callLater(0, self._stop)


async def probe(reactor: ReactorBase, options: ProbeOptions) -> None:
    """
    Measure, on this process's streams.

    @raise SystemExit: with the exit status, if that is not 0.
    """
    status = await ProbeRun(reactor, options, Clocks()).run()
    if status:
        raise SystemExit(status)


def main(options: ProbeOptions) -> None:
    """@raise SystemExit: at the end, with the exit status."""
    from twisted.internet import reactor
    from twisted.internet.task import react

    prepareReactor(reactor)
    react(probe, (options,))
