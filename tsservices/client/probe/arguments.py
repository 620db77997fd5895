"""The command-line options of the probe, and its help."""

from __future__ import annotations

import argparse

from tsservices import __version__
from tsservices.client.argtypes import portNumber, seconds
from tsservices.client.probe.argument_types import (
    MINIMUM_INTERVAL,
    dscp,
    localAddress,
    packetCount,
    packetInterval,
    packetSize,
    packetSource,
    rawCount,
    resolveInterval,
    timeToLive,
    typeOfService,
)
from tsservices.client.probe.options import (
    INTERVAL,
    LISTING_COUNT,
    METRICS_HOST,
    RESOLVE,
    STAMP_OFFSET,
    TIMEOUT,
)
from tsservices.client.probe.source import ANYWHERE
from tsservices.common.addresses import DEFAULT_PORT
from tsservices.common.commandline import CommandParser, clientProgram
from tsservices.stamp.packets import AUTHENTICATED_LENGTH, UNAUTHENTICATED_LENGTH
from tsservices.stamp.stats.thresholds import FIGURES_HELP
from tsservices.stamp.telemetry import EXTENSION_LENGTH

#: Octets of a packet with room for the follow-up; padding after it needs 4 octets for its header.
FOLLOW_UP_LENGTH = UNAUTHENTICATED_LENGTH + EXTENSION_LENGTH

EPILOG = f"""\
what a line tells (times in milliseconds):
  net    round trip between the kernels' stamps, without the reflector's own
         time.  Most reflectors say in the next reply when this one left, so a
         line is printed when the next packet is answered.  After the last
         packet one more is sent for that, which is in no count
  app    round trip as this program saw it: what any program would see
  up     one way to the reflector, raw: with the offset of the two clocks
  down   one way back, the same; negative values are true and shown as they are

signals:
  Ctrl-C (SIGINT) and SIGTERM end the run with the summary, after up to 100 ms
  for the follow-up of the last packet; a second one ends it at once;
  Ctrl-\\ (SIGQUIT) prints a line with what is known so far

--fail-if takes conditions with commas between them: FIGURE COMPARISON NUMBER
UNIT, where COMPARISON is one of > >= < <= and FIGURE one of
{FIGURES_HELP}
A figure that is unknown counts as a failure.

exit status:
  0    a reply in time from every HOST
  1    none from some HOST, or from all; a HOST whose name is unknown, or to
       which there is no way, is tried again until the end
  2    the command line is wrong, no HOST at all can be measured, or the
       output or a file cannot be written
  3    with --fail-if: a condition holds for some HOST, or nobody can know
"""

#: The arguments of the program in the examples of the help.
EXAMPLES = (
    "-c 10 192.0.2.1",
    "-i 0.01 -w 60 -q HOST1 HOST2 HOST3",
    "-a -g 192.0.2.0/24",
    "-c 100 -q --fail-if 'loss>1%,p99>50ms' HOST",
    "--json HOST | tee log.jsonl",
    "--icmp -M do -s 1472 HOST",
    "-Q 0xb8 --cos HOST",
)


def probeParser() -> argparse.ArgumentParser:
    program = clientProgram("probe")
    examples = "".join(f"  {program} {example}\n" for example in EXAMPLES)
    parser = CommandParser(
        prog=program,
        usage=f"{program} [options] HOST...\n       {program} [options] -g NETWORK/LENGTH...\n"
        f"       {program} [options] -f FILE",
        description="Measure the way to one host or to many: round trip by the kernels' clocks,\n"
        "and as programs see it, one-way delays, jitter, loss by direction, clock offset.\n"
        "Speaks STAMP (RFC 8762) with the server's reflector or any other.",
        epilog=f"{EPILOG}\nexamples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    # Accepted only so that its error can explain why the probe has no TLS.
    parser.add_argument("--tls", action="store_true", help=argparse.SUPPRESS)
    for add in (_addHosts, _addPackets, _addProtocol, _addOutput, _addResults):
        add(parser)
    return parser


def _addHosts(parser: argparse.ArgumentParser) -> None:
    hosts = parser.add_argument_group("hosts")
    hosts.add_argument(
        "hosts",
        metavar="HOST",
        nargs="*",
        help="name, IPv4 or IPv6 address; all are measured at once",
    )
    hosts.add_argument(
        "-f",
        dest="files",
        metavar="FILE",
        action="append",
        default=[],
        help="hosts of FILE too, one in each line, # begins a comment; - is standard input",
    )
    hosts.add_argument(
        "-g",
        dest="generate",
        action="store_true",
        help="each HOST is a network, like 192.0.2.0/24: measure all its hosts; or two addresses: "
        "measure all from the first to the second",
    )
    families = hosts.add_mutually_exclusive_group()
    families.add_argument(
        "-4", dest="family", action="store_const", const=4, default=0, help="IPv4 only"
    )
    families.add_argument("-6", dest="family", action="store_const", const=6, help="IPv6 only")
    hosts.add_argument(
        "--port",
        metavar="P",
        type=portNumber,
        help=f"port of the service (default {DEFAULT_PORT + STAMP_OFFSET}, with --tcp and --udp "
        f"{DEFAULT_PORT}; other STAMP reflectors have 862)",
    )


def _addPackets(parser: argparse.ArgumentParser) -> None:
    packets = parser.add_argument_group("packets")
    counts = packets.add_mutually_exclusive_group()
    counts.add_argument(
        "-c", dest="count", metavar="N", type=packetCount, help="stop after N packets to each host"
    )
    counts.add_argument(
        "-C",
        dest="rawCount",
        metavar="N",
        type=rawCount,
        help="as -c; the summary is one line for each host, with the round trip of each packet "
        "in milliseconds, or - if it was lost",
    )
    packets.add_argument(
        "-i",
        dest="interval",
        metavar="S",
        type=packetInterval,
        default=INTERVAL,
        help="seconds between packets to one host "
        f"(default {INTERVAL:g}, at least {MINIMUM_INTERVAL})",
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
    packets.add_argument(
        "-I",
        dest="source",
        metavar="ADDRESS|INTERFACE",
        type=packetSource,
        default=ANYWHERE,
        help="send from this address, or through this interface, of this host",
    )
    packets.add_argument(
        "--resolve",
        metavar="S",
        type=resolveInterval,
        default=RESOLVE,
        help="look names up again every S seconds, and when packets are lost; an address that the "
        f"name still has is kept (default {RESOLVE:g}; 0: look up once)",
    )
    packets.add_argument(
        "-t",
        dest="ttl",
        metavar="TTL",
        type=timeToLive,
        help="time to live, or hop limit: the router where it ends is named",
    )
    packets.add_argument(
        "-M",
        dest="mtuDiscovery",
        choices=("do", "dont", "want"),
        help="what becomes of packets that are too long for the path: do forbids fragments, and "
        "names the largest -s; want has this host fragment; dont lets routers do it",
    )
    packets.add_argument(
        "--cos",
        action="store_true",
        help="show DSCP and ECN as sent and as received, each way (RFC 8972, 4.4)",
    )
    packets.add_argument(
        "--cos-back",
        dest="dscpBack",
        metavar="DSCP",
        type=dscp,
        help="--cos, and ask for replies with this DSCP, like 46 or EF (default: that of -Q)",
    )
    packets.add_argument(
        "--precise",
        action="store_true",
        help="be awake before each packet's turn and spin: costs CPU, sends within microseconds",
    )


def _addProtocol(parser: argparse.ArgumentParser) -> None:
    protocol = parser.add_argument_group("protocol (STAMP if none is given)")
    protocols = protocol.add_mutually_exclusive_group()
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
    protocols.add_argument(
        "--icmp",
        dest="protocol",
        action="store_const",
        const="icmp",
        help="send echo requests as ping does, to hosts that have no reflector",
    )
    protocol.add_argument(
        "--key", metavar="FILE", help="authenticate packets with the key in FILE (mode 0600)"
    )
    protocol.add_argument(
        "--no-follow-up",
        dest="followUp",
        action="store_false",
        help="do not ask when each reply really left, which the next reply says: the line of a "
        "packet is then printed as soon as it is answered",
    )
    protocol.add_argument(
        "--reflector",
        choices=("auto", "stateful", "stateless"),
        default="auto",
        help="whether the reflector counts what it gets, which tells loss up from loss down; "
        "auto believes it when it shows (default)",
    )


def _addOutput(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("output")
    output.add_argument(
        "-q",
        dest="quiet",
        action="store_true",
        help="only the summary; of several hosts: a line for each, and the worst in full",
    )
    listings = output.add_mutually_exclusive_group()
    for option, listing, which in (
        ("-a", "alive", "that answer, each as soon as it does"),
        ("-u", "unreachable", "that do not answer, at the end"),
    ):
        listings.add_argument(
            option,
            dest="listing",
            action="store_const",
            const=listing,
            help=f"print only the names of hosts {which}; a host is asked until it answers, "
            f"{LISTING_COUNT} times if -c and -w do not say otherwise",
        )
    output.add_argument(
        "-D", dest="dated", action="store_true", help="begin each line with the Unix time"
    )
    output.add_argument(
        "-O",
        dest="outstanding",
        action="store_true",
        help="print a line for a packet without a reply before the next is sent",
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
        "--report",
        metavar="S",
        type=seconds,
        help="every S seconds, print the statistics since the start and since the last report",
    )
    output.add_argument(
        "--histogram", action="store_true", help="a histogram of round trips in the summary"
    )
    output.add_argument("-h", "--help", action="help", help="show this help")
    output.add_argument(
        "--version",
        action="version",
        version=f"tsservices {__version__}",
        help="show the version",
    )


def _addResults(parser: argparse.ArgumentParser) -> None:
    results = parser.add_argument_group("for other programs")
    results.add_argument(
        "--fail-if", metavar="CONDITIONS", help="exit with 3 when one holds at the end, see below"
    )
    results.add_argument(
        "--plot", metavar="FILE.png", help="draw the run into FILE.png (needs tsservices[plot])"
    )
    results.add_argument(
        "--prometheus",
        metavar="PORT",
        type=portNumber,
        help="serve /metrics on this port while it runs (needs tsservices[http])",
    )
    results.add_argument(
        "--bind",
        metavar="ADDRESS",
        type=localAddress,
        help=f"with --prometheus: the address to serve on (default {METRICS_HOST})",
    )
