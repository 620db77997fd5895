"""What a run of the probe is to do, and its exit statuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tsservices.common.addresses import DEFAULT_PORT
from tsservices.stamp.stats.thresholds import Threshold

#: How far the STAMP reflector's port lies above L{DEFAULT_PORT}.
STAMP_OFFSET = 9

#: Seconds between two packets to one target, as ping has it.
INTERVAL = 1.0

#: Seconds until a packet without a reply is lost: twice the way around the world.
TIMEOUT = 1.0

#: Octets of payload that a datagram can have.
MAXIMUM_SIZE = 65_507

#: A reply from every target.
EXIT_ALL_REPLIED = 0

#: No reply at all from one target or from all.
EXIT_NO_REPLY = 1

#: The command line is wrong, a name is unknown, or a file cannot be written.
EXIT_ERROR = 2

#: A condition of C{--fail-if} holds, or is unknown.
EXIT_THRESHOLD = 3

#: What is sent: STAMP packets, or text to the timestamp service.
ProtocolName = Literal["stamp", "udp", "tcp"]

#: The form of the report.
ReportFormat = Literal["text", "json", "csv"]


@dataclass(frozen=True)
class ProbeOptions:
    """The hosts to measure, and how; times are in seconds."""

    #: Names, or IPv4 or IPv6 addresses.
    hosts: tuple[str, ...]
    port: int = DEFAULT_PORT + STAMP_OFFSET
    protocol: ProtocolName = "stamp"
    #: 4 or 6 if only one is wanted, else 0.
    family: int = 0
    #: Packets to each host; L{None} for no end.
    count: int | None = None
    interval: float = INTERVAL
    #: The end of the run; L{None} for none.
    deadline: float | None = None
    timeout: float = TIMEOUT
    #: Octets of payload; L{None} for the usual.
    size: int | None = None
    #: Type of service, or traffic class.
    tos: int = 0
    #: Ask of each reply when it really left.
    followUp: bool = True
    #: Of authenticated packets; L{None} for unauthenticated ones.
    key: bytes | None = None
    #: Whether the reflector counts; L{None} if its replies have to show it.
    stateful: bool | None = None
    #: Be awake before each packet's turn.
    precise: bool = False
    format: ReportFormat = "text"
    #: Print only the summary.
    quiet: bool = False
    #: Begin each line with the time.
    dated: bool = False
    #: Print that a packet has no reply yet before the next is sent.
    outstanding: bool = False
    #: Print a histogram with the summary.
    histogram: bool = False
    #: The file to draw a picture into.
    plot: str | None = None
    #: The port where Prometheus reads the statistics.
    prometheus: int | None = None
    #: Conditions that must not hold at the end.
    thresholds: list[Threshold] = field(default_factory=list)
