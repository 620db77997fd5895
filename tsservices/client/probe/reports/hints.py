"""Hints at the cause, when packets are lost in a way that has a well-known cause."""

from __future__ import annotations

from collections.abc import Iterator

from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.target import ProbeTarget
from tsservices.common.limits import Limits
from tsservices.stamp.stats.target import TargetStatistics

#: Packets without a reply after which hints are given.
SILENT_PACKETS = 3

#: Octets of a packet that is not too long for any network.
SMALL_SIZE = 1200

#: The default limits of a server.
USUAL = Limits()


def hintTexts(target: ProbeTarget, options: ProbeOptions) -> list[str]:
    """Return hints, which are not certain: each has an observation and its possible cause."""
    statistics = target.statistics
    hints = _ofLoss if statistics.received else _ofSilence
    return list(hints(target, statistics, options))


def _ofSilence(
    target: ProbeTarget, statistics: TargetStatistics, options: ProbeOptions
) -> Iterator[str]:
    if statistics.strays:
        if options.key is not None:
            yield (
                "what came back does not fit to this key; the server may have another one, or none"
            )
        elif options.protocol == "icmp":
            yield "what came back is no reply to these packets, or is from another address"
        else:
            yield (
                "what came back is no reply to these packets: "
                "another service may listen at this port"
            )
        return
    if statistics.timeouts < SILENT_PACKETS or statistics.lost > statistics.timeouts:
        # Too few packets, or errors show the cause.
        return
    if statistics.late:
        yield f"replies came later than {options.timeout:g} s: a longer -W counts them"
        return
    size = target.transport.size
    if options.protocol == "stamp" and size > USUAL.stampDatagram:
        yield (
            f"nothing came back for packets of {size} bytes; a server of this suite answers up to "
            f"{USUAL.stampDatagram} if it is not told otherwise: try a smaller -s"
        )
    elif size > SMALL_SIZE:
        yield f"nothing came back for packets of {size} bytes: try a smaller -s"
    if options.protocol == "stamp":
        key = "--key" if options.key is None else "another key, or none"
        yield f"a server that wants {key} is as silent as a host that is down, or a firewall"


def _ofLoss(
    target: ProbeTarget, statistics: TargetStatistics, options: ProbeOptions
) -> Iterator[str]:
    if not statistics.timeouts:
        return
    rate = 1 / options.interval
    limit, burst = USUAL.stampRate, USUAL.stampBurst
    if options.protocol == "udp":
        limit, burst = USUAL.udpRate, USUAL.udpBurst
    # If more replies arrived than the limit allows, the server has another limit, or none.
    allowed = burst + 1.1 * limit * statistics.duration / 1e9
    guarded = options.protocol in ("stamp", "udp")
    if guarded and rate > limit and burst / 2 <= statistics.received <= allowed:
        yield (
            f"{rate:g} packets a second were sent; a server of this suite answers {limit} a "
            f"second to one source, after {burst} at once, if it is not told otherwise"
        )
        return
    passing = statistics.lossBursts.pattern.passing
    if passing is not None:
        way = " on the way there" if _isUp(statistics) else ""
        yield (
            f"regular loss{way}, about {passing * rate:.3g} packets a second pass: "
            "perhaps a rate limit"
        )


def _isUp(statistics: TargetStatistics) -> bool:
    up, down = statistics.lostUp, statistics.lostDown
    return up is not None and down is not None and up > 9 * down
