"""
The processor time of a probe with many hosts, at one packet a second to each.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from statistics import median

from benchmarks.common.generators import LoadError
from benchmarks.common.servers import Peer, Server
from benchmarks.stamp.measure import stampCommand, stampPorts

HOSTS = 1000
FIRST_ADDRESS = IPv4Address("127.1.0.1")

#: The measured part of the run in seconds, without the start and the summary.
BEGIN, END = 5.0, 25.0

#: The goal: the most percent of a core.
MAXIMUM_PERCENT = 25.0

#: The least share of the packets to be sent in time; a machine that is too busy sends fewer.
MINIMUM_SENT = 0.99

#: The reflector on all addresses of this machine, because the hosts are in 127.0.0.0/8.
REFLECTOR = Peer(
    "tsservices",
    "tsservices",
    lambda: None,
    stampCommand("--interface", "0.0.0.0"),
    stampPorts,
)


@dataclass(frozen=True)
class HostsRun:
    """
    One run with many hosts.

    @ivar percent: processor time as percent of a core.
    @ivar sent: the share of the due packets that were sent.
    @ivar lost: packets without a reply.
    """

    percent: float
    sent: float
    lost: int

    @property
    def microseconds(self) -> float:
        """The processor time for each packet in microseconds."""
        return self.percent * 1e4 / (HOSTS * self.sent)


def command(server: Server, times: Path) -> list[str]:
    """Make the command line of a run that writes its processor times to a file."""
    last = FIRST_ADDRESS + HOSTS - 1
    words = [sys.executable, "-m", "benchmarks.probe.timed", str(times), str(BEGIN), str(END)]
    words += ["probe", "-q", "-i", "1", "-w", str(END + 1), "--port", str(server.ports["udp"])]
    return [*words, "-g", str(FIRST_ADDRESS), str(last)]


def readHosts(output: str, times: str) -> HostsRun:
    """
    @param output: the summary of the probe.
    @param times: the file of L{benchmarks.probe.timed}.
    @raise LoadError: times or hosts are missing.
    """
    rows = re.findall(r"^127\.\S+ +(\d+) +(\d+) ", output, re.MULTILINE)
    try:
        begin, end = (float(word) for word in times.split())
    except ValueError as error:
        raise LoadError("the probe ended too early") from error
    if len(rows) != HOSTS:
        raise LoadError(f"{len(rows)} of {HOSTS} hosts are in the summary")
    transmitted = sum(int(sent) for sent, _ in rows)
    lost = transmitted - sum(int(received) for _, received in rows)
    percent = 100 * (end - begin) / (END - BEGIN)
    return HostsRun(percent, transmitted / (HOSTS * (END + 1)), lost)


def middle(runs: Sequence[HostsRun]) -> HostsRun:
    """Get the run with the median share of a core."""
    percent = median(run.percent for run in runs)
    return min(runs, key=lambda run: abs(run.percent - percent))
