"""The settings of a run of the probe, and its exit statuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tsservices.client.probe.source import ANYWHERE, Source
from tsservices.common.addresses import DEFAULT_PORT
from tsservices.stamp.stats.thresholds import Threshold

#: Added to L{DEFAULT_PORT} for the port of the STAMP reflector.
STAMP_OFFSET = 9

#: Seconds between two packets to one target, as in ping.
INTERVAL = 1.0

#: Seconds until a packet without a reply is lost: enough for twice the way around the world.
TIMEOUT = 1.0

#: Seconds until a name is looked up again: for a thousand names, three queries per second.
RESOLVE = 300.0

#: The largest payload of a datagram, in octets.
MAXIMUM_SIZE = 65_507

#: Packets to a host that does not answer, when only names are printed.
LISTING_COUNT = 4

#: The address where Prometheus reads the statistics.
METRICS_HOST = "127.0.0.1"

#: A reply from every target.
EXIT_ALL_REPLIED = 0

#: No reply at all from one target or from all.
EXIT_NO_REPLY = 1

#: The command line is wrong, a name is unknown, or the output or a file cannot be written.
EXIT_ERROR = 2

#: A condition of C{--fail-if} holds, or is unknown.
EXIT_THRESHOLD = 3

#: What is sent: STAMP packets, text to the timestamp service, or echo requests.
ProtocolName = Literal["stamp", "udp", "tcp", "icmp"]

#: The treatment of packets longer than the path MTU: never fragment them (this host does not send
#: packets longer than the known path MTU); let routers fragment; fragment here, and discover the
#: path MTU.
MTUDiscovery = Literal["do", "dont", "want"]

#: The form of the report.
ReportFormat = Literal["text", "json", "csv"]

#: The hosts whose names are the whole report; empty for a report of all hosts.
Listing = Literal["", "alive", "unreachable"]


@dataclass(frozen=True)
class ProbeOptions:
    """The hosts to measure, and how; times are in seconds."""

    #: Names, or IPv4 or IPv6 addresses.
    hosts: tuple[str, ...]
    port: int = DEFAULT_PORT + STAMP_OFFSET
    protocol: ProtocolName = "stamp"
    #: 4 or 6 for one address family only, otherwise 0.
    family: int = 0
    #: Packets to each host; L{None} for no end.
    count: int | None = None
    interval: float = INTERVAL
    #: The end of the run; L{None} for none.
    deadline: float | None = None
    timeout: float = TIMEOUT
    #: Octets of payload; L{None} for the default.
    size: int | None = None
    #: Type of service, or traffic class.
    tos: int = 0
    #: The address or interface from which packets leave this host.
    source: Source = ANYWHERE
    #: Seconds between two look-ups of a name; 0 for one look-up only.
    resolve: float = RESOLVE
    #: Time to live, or hop limit; L{None} for the system's.
    ttl: int | None = None
    #: The treatment of packets that are too long for the path; L{None} for the system's default.
    mtuDiscovery: MTUDiscovery | None = None
    #: The DSCP to request for replies; L{None} to request nothing about DSCP and ECN.
    dscpBack: int | None = None
    #: Request the real departure time of each reply.
    followUp: bool = True
    #: The key of authenticated packets; L{None} for unauthenticated ones.
    key: bytes | None = None
    #: Whether the reflector is stateful; L{None} to find it out from its replies.
    stateful: bool | None = None
    #: Wake up before the scheduled time of each packet.
    precise: bool = False
    format: ReportFormat = "text"
    #: Print only the summary.
    quiet: bool = False
    listing: Listing = ""
    #: The summary is the round trip of each packet.
    raw: bool = False
    #: The time between two interim reports; L{None} for none.
    report: float | None = None
    #: Begin each line with the time.
    dated: bool = False
    #: Print if a packet has no reply yet when the next one is sent.
    outstanding: bool = False
    #: Print a histogram with the summary.
    histogram: bool = False
    #: The file to draw a picture into.
    plot: str | None = None
    #: The port where Prometheus reads the statistics.
    prometheus: int | None = None
    bind: str = METRICS_HOST
    #: Conditions that must not hold at the end.
    thresholds: list[Threshold] = field(default_factory=list)
