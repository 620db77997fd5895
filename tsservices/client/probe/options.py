"""
What a run of the probe is to do, and its exit statuses.
"""

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
    """
    The hosts to measure, and how.

    @ivar hosts: names, or IPv4 or IPv6 addresses.
    @ivar family: 4 or 6 if only one is wanted, else 0.
    @ivar count: packets to each host; L{None} for no end.
    @ivar interval: seconds between two of them.
    @ivar deadline: seconds until the end; L{None} for none.
    @ivar timeout: seconds until a packet is lost.
    @ivar size: octets of payload; L{None} for the least.
    @ivar tos: type of service, or traffic class, of what is sent.
    @ivar followUp: ask of each reply when it really left.
    @ivar key: of authenticated packets; L{None} for unauthenticated ones.
    @ivar stateful: whether the reflector counts; L{None} if its replies have to show it.
    @ivar precise: be awake before each packet's turn.
    @ivar quiet: print only the summary.
    @ivar dated: begin each line with the time.
    @ivar outstanding: print that a packet has no reply yet before the next is sent.
    @ivar histogram: print a histogram with the summary.
    @ivar plot: the file to draw a picture into.
    @ivar prometheus: the port where Prometheus reads the statistics.
    @ivar thresholds: conditions that must not hold at the end.
    """

    hosts: tuple[str, ...]
    port: int = DEFAULT_PORT + STAMP_OFFSET
    protocol: ProtocolName = "stamp"
    family: int = 0
    count: int | None = None
    interval: float = INTERVAL
    deadline: float | None = None
    timeout: float = TIMEOUT
    size: int | None = None
    tos: int = 0
    followUp: bool = True
    key: bytes | None = None
    stateful: bool | None = None
    precise: bool = False
    format: ReportFormat = "text"
    quiet: bool = False
    dated: bool = False
    outstanding: bool = False
    histogram: bool = False
    plot: str | None = None
    prometheus: int | None = None
    thresholds: list[Threshold] = field(default_factory=list)
