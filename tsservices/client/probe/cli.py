"""The command line of the probe, converted to its options."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from itertools import chain

from tsservices.client.probe.arguments import probeParser
from tsservices.client.probe.hosts import (
    MAXIMUM_FILE,
    Host,
    HostListError,
    distinctHosts,
    generatedHosts,
    listedHosts,
    readHost,
    repeatsNotice,
)
from tsservices.client.probe.options import (
    LISTING_COUNT,
    MAXIMUM_SIZE,
    METRICS_HOST,
    STAMP_OFFSET,
    ProbeOptions,
    ProtocolName,
)
from tsservices.common.addresses import DEFAULT_PORT
from tsservices.common.commandline import show
from tsservices.common.text import logged
from tsservices.stamp.auth import KeyFileError, readKey
from tsservices.stamp.extensions import HEADER
from tsservices.stamp.packets import AUTHENTICATED_LENGTH, UNAUTHENTICATED_LENGTH
from tsservices.stamp.service_class import EXTENSION_LENGTH as CLASS_OF_SERVICE_LENGTH
from tsservices.stamp.stats.thresholds import ThresholdError, parseThresholds
from tsservices.transport.wildcard import LINUX

#: Octets of the longest datagram that the timestamp service answers.
MAXIMUM_TEXT_SIZE = 512

#: Octets that the name and number of a packet need as text.
MINIMUM_TEXT_SIZE = 32

#: Kinds of pictures that need programs besides matplotlib, which may fail at the end of a run.
FRAGILE_KINDS = frozenset({"pgf"})

#: The file name that stands for standard input.
STANDARD_INPUT = "-"


def _hosts(parsed: argparse.Namespace) -> Iterable[Host]:
    if parsed.generate:
        if parsed.files:
            raise HostListError("-g goes without -f")
        if not parsed.hosts:
            raise HostListError("-g needs a network, or two addresses")
        return generatedHosts(parsed.hosts)
    return chain(map(readHost, parsed.hosts), *map(_hostsOfFile, parsed.files))


def _hostsOfFile(path: str) -> list[Host]:
    standard = path == STANDARD_INPUT
    try:
        # As bytes, so that the error can name the line that is no text.
        with open(0 if standard else path, "rb", closefd=not standard) as file:
            content = file.read(MAXIMUM_FILE + 1)
    except OSError as error:
        raise HostListError(f"-f: {path} cannot be read: {error.strerror}") from None
    return listedHosts(content, "standard input" if standard else path)


def _checkOutput(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> None:
    text = parsed.format == "text"
    if parsed.histogram and not text:
        parser.error("--histogram goes without --json and --csv")
    if parsed.rawCount is not None and not text:
        parser.error("-C goes without --json and --csv, which have the values of each packet")
    for option, used in (
        ("--json and --csv", not text),
        ("--histogram", parsed.histogram),
        ("--report", parsed.report is not None),
        ("-C", parsed.rawCount is not None),
    ):
        if parsed.listing and used:
            parser.error(f"-a and -u print names only: they go without {option}")
    if parsed.bind is not None and parsed.prometheus is None:
        parser.error("--bind needs --prometheus")
    if parsed.prometheus is not None and find_spec("prometheus_client") is None:
        parser.error("--prometheus needs prometheus_client: pip install 'tsservices[http]'")
    if parsed.plot is not None:
        reason = _noPlotReason(parsed.plot)
        if reason:
            parser.error(f"--plot{reason}")


def _noPlotReason(path: str) -> str:
    """Why a picture cannot be drawn, as far as known before the run; empty if it can."""
    if find_spec("matplotlib") is None:
        return " needs matplotlib: pip install 'tsservices[plot]'"
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f": there is no folder for {path}"
    if os.path.isdir(path):
        return f": {path} is a folder"
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        return f": {path} cannot be written"
    # The import takes half a second, which a run with a picture needs in any case.
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError as error:
        return f" cannot use matplotlib: {error}"
    kinds = sorted(FigureCanvasBase.get_supported_filetypes().keys() - FRAGILE_KINDS)
    if os.path.splitext(path)[1][1:].lower() not in kinds:
        return f": {path} does not end with a kind of picture: {', '.join(kinds)}"
    return ""


def _sizes(protocol: ProtocolName, authenticated: bool, marks: bool) -> tuple[int, int]:
    if protocol == "icmp":
        return 0, MAXIMUM_SIZE
    if protocol != "stamp":
        return MINIMUM_TEXT_SIZE, MAXIMUM_TEXT_SIZE
    minimum = AUTHENTICATED_LENGTH if authenticated else UNAUTHENTICATED_LENGTH
    return minimum + CLASS_OF_SERVICE_LENGTH * marks, MAXIMUM_SIZE


def _checkPackets(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> None:
    marks = parsed.cos or parsed.dscpBack is not None
    for option, used in (
        ("--key", parsed.key is not None),
        ("--no-follow-up", not parsed.followUp),
        ("--reflector", parsed.reflector != "auto"),
        ("--cos", marks),
    ):
        if used and parsed.protocol != "stamp":
            parser.error(f"{option} is for STAMP: it goes without --tcp, --udp and --icmp")
    if marks and parsed.key is not None:
        parser.error("--cos goes without --key: authenticated packets have no extensions here")
    if parsed.mtuDiscovery is not None and parsed.protocol == "tcp":
        parser.error("-M goes without --tcp: a connection cuts its packets to fit")
    if parsed.mtuDiscovery is not None and not LINUX:
        parser.error("-M needs Linux")
    if parsed.port is not None and parsed.protocol == "icmp":
        parser.error("--port goes without --icmp: echo requests have no ports")
    minimum, maximum = _sizes(parsed.protocol, parsed.key is not None, marks)
    if parsed.size is not None and not minimum <= parsed.size <= maximum:
        parser.error(f"-s: a packet has {minimum} to {maximum} bytes here, not {parsed.size}")
    if marks and parsed.size is not None and minimum < parsed.size < minimum + HEADER.size:
        # Padding is an extension too, with a header.
        parser.error(f"-s: with --cos it is {minimum}, or {minimum + HEADER.size} and more")


def _port(parsed: argparse.Namespace) -> int:
    if parsed.protocol == "icmp":
        return 0
    port: int = parsed.port or DEFAULT_PORT + STAMP_OFFSET * (parsed.protocol == "stamp")
    return port


def parseProbe(arguments: Sequence[str]) -> ProbeOptions:
    """@raise SystemExit: with 2 if the command line is wrong, with 0 after C{--help}."""
    parser = probeParser()
    # An option may stand between two hosts.
    parsed = parser.parse_intermixed_args(arguments)
    if parsed.tls or any("://" in host for host in parsed.hosts):
        parser.error("the probe measures in clear, without TLS: give HOST alone")
    _checkOutput(parser, parsed)
    _checkPackets(parser, parsed)
    try:
        key = None if parsed.key is None else readKey(parsed.key)
        thresholds = [] if parsed.fail_if is None else parseThresholds(parsed.fail_if)
        hosts, repeated = distinctHosts(_hosts(parsed))
    except KeyFileError as error:
        parser.error(f"--key: {error}")
    except ThresholdError as error:
        parser.error(f"--fail-if: {error}")
    except HostListError as error:
        parser.error(str(error))
    if not hosts:
        parser.error("no HOST is given")
    if repeated:
        show(f"{parser.prog}: {logged(repeatsNotice(repeated))}\n", sys.stderr)
    count = parsed.rawCount or parsed.count
    if parsed.listing and count is None and parsed.deadline is None:
        count = LISTING_COUNT
    return ProbeOptions(
        hosts=tuple(hosts),
        port=_port(parsed),
        protocol=parsed.protocol,
        family=parsed.family or 0,
        count=count,
        interval=parsed.interval,
        deadline=parsed.deadline,
        timeout=parsed.timeout,
        size=parsed.size,
        tos=parsed.tos,
        source=parsed.source,
        resolve=parsed.resolve,
        ttl=parsed.ttl,
        mtuDiscovery=parsed.mtuDiscovery,
        dscpBack=parsed.tos >> 2 if parsed.cos and parsed.dscpBack is None else parsed.dscpBack,
        # A list of hosts needs no exact times, for which each reply would wait for the next one.
        followUp=parsed.followUp and not parsed.listing,
        key=key,
        stateful={"auto": None, "stateful": True, "stateless": False}[parsed.reflector],
        precise=parsed.precise,
        format=parsed.format,
        quiet=parsed.quiet or bool(parsed.listing),
        listing=parsed.listing or "",
        raw=parsed.rawCount is not None,
        report=parsed.report,
        dated=parsed.dated,
        outstanding=parsed.outstanding,
        histogram=parsed.histogram,
        plot=parsed.plot,
        prometheus=parsed.prometheus,
        bind=parsed.bind or METRICS_HOST,
        thresholds=thresholds,
    )
