"""
Options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tsservices.common.addresses import DEFAULT_PORT
from tsservices.stamp.stats.thresholds import (
    Threshold,
)

#: How far the STAMP reflector's port lies above L{DEFAULT_PORT}.
STAMP_OFFSET = 9


#: Seconds between two packets to one target, as ping has it.
INTERVAL = 1.0


#: Seconds until a packet without a reply is lost: twice the way around the world.
TIMEOUT = 1.0


#: Bytes of payload that a datagram can have.
LARGEST_SIZE = 65_507


#: Exit status: a reply from every target.
ALL_REPLIED = 0


#: Exit status: no reply at all from one target or from all.
SOME_SILENT = 1


#: Exit status: the command line is wrong, a name is unknown, a file cannot be written.
TROUBLE = 2


#: Exit status: a condition of C{--fail-if} holds, or nobody can know.
CONDITION_HELD = 3


#: What is sent: STAMP packets, or text to the timestamp service.
ProbeWire = Literal["stamp", "udp", "tcp"]


#: How it is told.
Form = Literal["text", "json", "csv"]


@dataclass(frozen=True)
class ProbeOptions:
    """
    Measure the way to some hosts.

    @ivar hosts: names, or IPv4 or IPv6 addresses.
    @ivar port: of the service at each of them.
    @ivar wire: what is sent.
    @ivar family: 4 or 6 when only one is wanted, else 0.
    @ivar count: packets to each; L{None} for no end.
    @ivar interval: seconds between two of them.
    @ivar deadline: seconds until the end; L{None} for none.
    @ivar timeout: seconds until a packet is lost.
    @ivar size: bytes of payload; L{None} for the least.
    @ivar tos: the type of service, or traffic class, of what is sent.
    @ivar followUp: whether to ask of each reply when it has really left.
    @ivar key: the key of authenticated packets; L{None} for open ones.
    @ivar stateful: whether the reflector counts; L{None} when its replies must tell.
    @ivar precise: whether to be awake before each packet's turn.
    @ivar form: how it is told.
    @ivar quiet: whether only the summary is wanted.
    @ivar dated: whether lines begin with the time.
    @ivar outstanding: whether to tell of a packet without a reply before the next.
    @ivar histogram: whether the summary has a histogram.
    @ivar plot: the file to draw a picture into.
    @ivar prometheus: the port on which the figures can be read.
    @ivar conditions: none of which should hold at the end.
    """

    hosts: tuple[str, ...]
    port: int = DEFAULT_PORT + STAMP_OFFSET
    wire: ProbeWire = "stamp"
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
    form: Form = "text"
    quiet: bool = False
    dated: bool = False
    outstanding: bool = False
    histogram: bool = False
    plot: str | None = None
    prometheus: int | None = None
    conditions: list[Threshold] = field(default_factory=list)
