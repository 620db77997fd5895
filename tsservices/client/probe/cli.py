"""The command line of the probe: C{python -m tsservices.client probe}."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from importlib.util import find_spec

from tsservices import __version__
from tsservices.client.argtypes import hostName, portNumber, seconds
from tsservices.client.probe.options import (
    INTERVAL,
    MAXIMUM_SIZE,
    STAMP_OFFSET,
    TIMEOUT,
    ProbeOptions,
)
from tsservices.common.addresses import DEFAULT_PORT
from tsservices.common.commandline import CommandParser
from tsservices.stamp.auth import KeyFileError, readKey
from tsservices.stamp.packets import AUTHENTICATED_LENGTH, UNAUTHENTICATED_LENGTH
from tsservices.stamp.stats.thresholds import (
    FIGURES_HELP,
    ThresholdError,
    parseThresholds,
)
from tsservices.stamp.telemetry import EXTENSION_LENGTH

PROGRAM = "python -m tsservices.client probe"

#: Seconds.  A faster probe measures itself.
MINIMUM_INTERVAL = 0.0002

#: Packets.  With the shortest interval this takes six years.
MAXIMUM_COUNT = 10**12

#: Octets: the timestamp service answers no longer datagram.
MAXIMUM_TEXT_SIZE = 512

#: Octets that the name and number of a packet need as text.
MINIMUM_TEXT_SIZE = 32

#: Octets of a packet with room for the follow-up; padding behind it needs 4 octets for its header.
FOLLOW_UP_LENGTH = UNAUTHENTICATED_LENGTH + EXTENSION_LENGTH

EPILOG = f"""\
what a line tells (times in milliseconds):
  net    round trip between the kernels' stamps, without the reflector's own
         time.  A reflector that can tells with the next reply when this one
         left; so a packet is told of when the next is answered
  app    round trip as this program saw it: what any program would see
  up     one way to the reflector, raw: with the offset of the two clocks
  down   one way back, the same; negative values are true and shown as they are

signals:
  Ctrl-C (SIGINT) and SIGTERM end the run with the summary;
  Ctrl-\\ (SIGQUIT) prints a line with what is known so far

--fail-if takes conditions with commas between them: FIGURE COMPARISON NUMBER
UNIT, where COMPARISON is one of > >= < <= and FIGURE one of
{FIGURES_HELP}
A figure that is unknown counts as a failure.

exit status:
  0    a reply in time from every HOST
  1    none from some HOST, or from all
  2    the command line is wrong, a name is unknown, no port can be opened,
       or a file cannot be written
  3    with --fail-if: a condition holds for some HOST, or nobody can know

examples:
  {PROGRAM} -c 10 192.0.2.1
  {PROGRAM} -i 0.01 -w 60 -q --histogram HOST1 HOST2
  {PROGRAM} -c 100 -q --fail-if 'loss>1%,p99>50ms' HOST
  {PROGRAM} --json HOST | tee log.jsonl
"""


def packetCount(text: str) -> int:
    """@raise argparse.ArgumentTypeError: it is no number of packets above 0."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 13 else 0
    if not 1 <= number <= MAXIMUM_COUNT:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of packets above 0")
    return number


def packetInterval(text: str) -> float:
    """@raise argparse.ArgumentTypeError: it is no number of seconds, or too small a one."""
    span = seconds(text)
    if span < MINIMUM_INTERVAL:
        raise argparse.ArgumentTypeError(f"an interval is at least {MINIMUM_INTERVAL} s")
    return span


def packetSize(text: str) -> int:
    """@raise argparse.ArgumentTypeError: no datagram has so many octets."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else -1
    if not 0 <= number <= MAXIMUM_SIZE:
        raise argparse.ArgumentTypeError(f"{text!r} is no size from 0 to {MAXIMUM_SIZE}")
    return number


def typeOfService(text: str) -> int:
    """@raise argparse.ArgumentTypeError: it is no number of 8 bits."""
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 255:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 255, or 0x00 to 0xff")
    return number


def probeParser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=PROGRAM,
        description="Measure the way to one host or to many: round trip by the kernels' clocks,\n"
        "and as programs see it, one-way delays, jitter, loss by direction, clock offset.\n"
        "Speaks STAMP (RFC 8762) with the server's reflector or any other.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tsservices {__version__}")
    parser.add_argument(
        "hosts",
        metavar="HOST",
        nargs="+",
        type=hostName,
        help="name, IPv4 or IPv6 address; all are measured at once",
    )
    # Not an unknown option: who gives it should read why.
    parser.add_argument("--tls", action="store_true", help=argparse.SUPPRESS)
    _addPacketOptions(parser)
    _addOutputOptions(parser)
    return parser


def _addPacketOptions(parser: argparse.ArgumentParser) -> None:
    packets = parser.add_argument_group("packets")
    packets.add_argument(
        "-c", dest="count", metavar="N", type=packetCount, help="stop after N packets"
    )
    packets.add_argument(
        "-i",
        dest="interval",
        metavar="S",
        type=packetInterval,
        default=INTERVAL,
        help=f"seconds between packets (default {INTERVAL:g}, least {MINIMUM_INTERVAL})",
    )
    packets.add_argument(
        "-w", dest="deadline", metavar="S", type=seconds, help="stop after S seconds"
    )
    packets.add_argument(
        "-W",
        dest="timeout",
        metavar="S",
        type=seconds,
        default=TIMEOUT,
        help=f"seconds until a packet without a reply is lost (default {TIMEOUT:g})",
    )
    packets.add_argument(
        "-s",
        dest="size",
        metavar="BYTES",
        type=packetSize,
        help=f"payload of each packet (STAMP: {UNAUTHENTICATED_LENGTH}, with --key "
        f"{AUTHENTICATED_LENGTH}, or more; room for the follow-up is in {FOLLOW_UP_LENGTH}, the "
        f"default, and from {FOLLOW_UP_LENGTH + 4} on)",
    )
    packets.add_argument(
        "-Q",
        dest="tos",
        metavar="TOS",
        type=typeOfService,
        default=0,
        help="type of service or traffic class: DSCP and ECN bits (like 0xb8)",
    )
    families = packets.add_mutually_exclusive_group()
    families.add_argument(
        "-4", dest="family", action="store_const", const=4, default=0, help="IPv4 only"
    )
    families.add_argument("-6", dest="family", action="store_const", const=6, help="IPv6 only")
    packets.add_argument(
        "--port",
        metavar="P",
        type=portNumber,
        help=f"port of the service (default {DEFAULT_PORT + STAMP_OFFSET}, with --tcp and --udp "
        f"{DEFAULT_PORT}; other STAMP reflectors have 862)",
    )
    protocols = packets.add_mutually_exclusive_group()
    protocols.add_argument(
        "--tcp",
        dest="protocol",
        action="store_const",
        const="tcp",
        default="stamp",
        help="send lines to the timestamp service over one TCP connection",
    )
    protocols.add_argument(
        "--udp",
        dest="protocol",
        action="store_const",
        const="udp",
        help="send datagrams to the timestamp service",
    )
    packets.add_argument(
        "--key", metavar="FILE", help="authenticate packets with the key in FILE (mode 0600)"
    )
    packets.add_argument(
        "--no-follow-up",
        dest="followUp",
        action="store_false",
        help="do not ask of each reply when it really left, which the next reply tells: a packet "
        "is then told of as soon as it is answered",
    )
    packets.add_argument(
        "--reflector",
        choices=("auto", "stateful", "stateless"),
        default="auto",
        help="whether the reflector counts what it gets, which tells loss up from loss down; "
        "auto believes it when it shows (default)",
    )
    packets.add_argument(
        "--precise",
        action="store_true",
        help="be awake before each packet's turn and spin: costs CPU, sends within microseconds",
    )


def _addOutputOptions(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("output")
    output.add_argument("-q", dest="quiet", action="store_true", help="only the summary")
    output.add_argument(
        "-D", dest="dated", action="store_true", help="begin each line with the Unix time"
    )
    output.add_argument(
        "-O",
        dest="outstanding",
        action="store_true",
        help="tell of a packet without a reply before the next is sent",
    )
    formats = output.add_mutually_exclusive_group()
    formats.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="json",
        default="text",
        help="one JSON object a line: probe, interim, summary; integer nanoseconds",
    )
    formats.add_argument(
        "--csv", dest="format", action="store_const", const="csv", help="one line for each packet"
    )
    output.add_argument(
        "--histogram", action="store_true", help="a histogram of round trips in the summary"
    )
    output.add_argument(
        "--plot", metavar="FILE.png", help="draw the run into FILE.png (needs tsservices[plot])"
    )
    output.add_argument(
        "--prometheus",
        metavar="PORT",
        type=portNumber,
        help="serve /metrics on 127.0.0.1 port PORT while it runs (needs tsservices[http])",
    )
    output.add_argument(
        "--fail-if", metavar="CONDITIONS", help="exit with 3 when one holds at the end, see below"
    )


def _sizes(stamp: bool, authenticated: bool) -> tuple[int, int]:
    if not stamp:
        return MINIMUM_TEXT_SIZE, MAXIMUM_TEXT_SIZE
    return AUTHENTICATED_LENGTH if authenticated else UNAUTHENTICATED_LENGTH, MAXIMUM_SIZE


def parseProbe(arguments: Sequence[str]) -> ProbeOptions:
    """@raise SystemExit: with 2 if the command line is wrong, with 0 after C{--help}."""
    parser = probeParser()
    parsed = parser.parse_args(arguments)
    if parsed.tls or any("://" in host for host in parsed.hosts):
        parser.error("the probe measures in clear, without TLS: give HOST alone")
    stamp = parsed.protocol == "stamp"
    for option, used in (
        ("--key", parsed.key is not None),
        ("--no-follow-up", not parsed.followUp),
        ("--reflector", parsed.reflector != "auto"),
    ):
        if used and not stamp:
            parser.error(f"{option} is for STAMP: it goes without --tcp and --udp")
    minimum, maximum = _sizes(stamp, parsed.key is not None)
    if parsed.size is not None and not minimum <= parsed.size <= maximum:
        parser.error(f"-s: a packet has {minimum} to {maximum} bytes here, not {parsed.size}")
    if parsed.histogram and parsed.format != "text":
        parser.error("--histogram goes without --json and --csv")
    if parsed.plot is not None:
        if find_spec("matplotlib") is None:
            parser.error("--plot needs matplotlib: pip install 'tsservices[plot]'")
        if not os.path.isdir(os.path.dirname(parsed.plot) or "."):
            parser.error(f"--plot: there is no folder for {parsed.plot}")
    if parsed.prometheus is not None and find_spec("prometheus_client") is None:
        parser.error("--prometheus needs prometheus_client: pip install 'tsservices[http]'")
    try:
        key = None if parsed.key is None else readKey(parsed.key)
        thresholds = [] if parsed.fail_if is None else parseThresholds(parsed.fail_if)
    except KeyFileError as error:
        parser.error(f"--key: {error}")
    except ThresholdError as error:
        parser.error(f"--fail-if: {error}")
    return ProbeOptions(
        hosts=tuple(parsed.hosts),
        port=parsed.port or DEFAULT_PORT + (STAMP_OFFSET if stamp else 0),
        protocol=parsed.protocol,
        family=parsed.family or 0,
        count=parsed.count,
        interval=parsed.interval,
        deadline=parsed.deadline,
        timeout=parsed.timeout,
        size=parsed.size,
        tos=parsed.tos,
        followUp=parsed.followUp,
        key=key,
        stateful={"auto": None, "stateful": True, "stateless": False}[parsed.reflector],
        precise=parsed.precise,
        format=parsed.format,
        quiet=parsed.quiet,
        dated=parsed.dated,
        outstanding=parsed.outstanding,
        histogram=parsed.histogram,
        plot=parsed.plot,
        prometheus=parsed.prometheus,
        thresholds=thresholds,
    )
