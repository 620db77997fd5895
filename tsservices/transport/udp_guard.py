"""
Which datagrams are answered.  Pure: time and addresses come from the caller.

A UDP service that answers whatever it gets is a reflector: a forged source makes
it send to a third party, and two of them, each forged to be the other's client,
answer each other for ever (CVE-1999-0103, CVE-2024-2169).  The guards stand in
this order, and each has its counter in L{tsservices.common.counters.DatagramCounters}:

  1. the source is one that honest clients have;
  2. the payload is not what a server like this one writes;
  3. its size is within bounds;
  4. its source does not ask too often.

The first and the second end a loop between servers of ours after one or two
datagrams; the fourth ends one with any other server after its burst.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Set
from dataclasses import dataclass
from ipaddress import IPv4Address

from tsservices.common import addresses
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.counters import DatagramCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED, TokenBucket
from tsservices.common.timestamps import stamped

#: Servers have the ports below this, clients have not.
PRIVILEGED_PORTS = 1024

#: SSDP, NFS, WS-Discovery, mDNS and memcached: well-known reflectors above the privileged ports.
REFLECTOR_PORTS = frozenset({1900, 2049, 3702, 5353, 11211})

#: The one broadcast address that can be told without knowing the networks.
BROADCAST = IPv4Address("255.255.255.255")

#: How the second hello in a loop between two hello services begins.
HELLO_TWICE = b"Hello, Hello, "

#: How all that this suite writes begins: one look tells most others.
OWN_PREFIXES = (b"[", HELLO_TWICE)

#: Answers to one source without a pause, for offerings that trust nobody. A loop whose round trip
#: is long stays below any rate, but it does not pause.
MAX_STREAK = 24

#: What counts as a pause: longer than any round trip.
PAUSE_SECONDS = 2.0

#: Drops in a row by rate after which a source gets nothing for a while.
DROPS_TO_MUTE = 3


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """
    What differs between the offerings.

    @ivar ownFormat: payloads like our own answers are dropped.
    @ivar empty: empty requests are answered.
    @ivar trusting: trusted sources may ask as often as they like.
    """

    ownFormat: bool
    empty: bool
    trusting: bool


#: The offerings that answer datagrams.
GUARDS = {
    "timestamp": GuardPolicy(ownFormat=True, empty=False, trusting=True),
    "hello": GuardPolicy(ownFormat=True, empty=False, trusting=True),
    "echo": GuardPolicy(ownFormat=False, empty=False, trusting=False),
    "daytime": GuardPolicy(ownFormat=False, empty=True, trusting=False),
    "time": GuardPolicy(ownFormat=False, empty=True, trusting=False),
}


class _Allowance(TokenBucket):
    """
    What one source may still ask.

    @ivar drops: drops in a row.
    @ivar streak: answers since the last pause.
    @ivar mutedUntil: the time in seconds until which it gets nothing.
    """

    __slots__ = ("drops", "mutedUntil", "streak")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        super().__init__(rate, burst, now)
        self.drops = 0
        self.streak = 0
        self.mutedUntil = now


@dataclass(frozen=True, slots=True)
class _Known:
    """
    What is known of one address.

    @ivar usable: honest clients may have it.
    @ivar trusted: it is in a trusted network.
    @ivar source: its key among the allowances.
    """

    usable: bool
    trusted: bool
    source: tuple[int, int]


class DatagramGuard:
    """Judges the datagrams of one place."""

    def __init__(
        self,
        policy: GuardPolicy,
        limits: Limits,
        trust: TrustedNetworks,
        closedPorts: Set[int],
        counters: DatagramCounters,
        monotonic: Callable[[], float],
    ) -> None:
        """@param monotonic: the time in seconds."""
        self._row = policy
        self._limits = limits
        self._trust = trust
        self._closedPorts = closedPorts
        self._counters = counters
        self._monotonic = monotonic
        self._least = 0 if policy.empty else 1
        self._most = limits.maxDatagram
        self._ownFormat = policy.ownFormat
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._allowances: OrderedDict[tuple[int, int], _Allowance] = OrderedDict()

    def admits(self, datagram: bytes, host: str, port: int) -> bool:
        """Whether to answer; if not, the reason has been counted."""
        known = self._known.get(host) or self._meet(host)
        if port < PRIVILEGED_PORTS or port in self._closedPorts or not known.usable:
            self._counters.badSource += 1
            return False
        if (
            self._ownFormat
            and datagram.startswith(OWN_PREFIXES)
            and (stamped(datagram) or datagram.startswith(HELLO_TWICE))
        ):
            self._counters.ownFormat += 1
            return False
        if not self._least <= len(datagram) <= self._most:
            self._counters.badSize += 1
            return False
        return known.trusted or self._allows(known.source)

    def _meet(self, host: str) -> _Known:
        try:
            address = addresses.parse(host)
        except ValueError:
            return _Known(usable=False, trusted=False, source=(0, 0))
        known = _Known(
            usable=not (address.is_multicast or address.is_unspecified or address == BROADCAST),
            trusted=self._row.trusting and address in self._trust,
            source=addresses.source(address),
        )
        self._known[host] = known
        if len(self._known) > PEERS_REMEMBERED:
            self._known.popitem(last=False)
        return known

    def _allows(self, source: tuple[int, int]) -> bool:
        now = self._monotonic()
        allowance = self._allowances.get(source)
        if allowance is None:
            allowance = _Allowance(self._limits.udpRate, self._limits.udpBurst, now)
            self._allowances[source] = allowance
            if len(self._allowances) > PEERS_REMEMBERED:
                self._allowances.popitem(last=False)
        else:
            self._allowances.move_to_end(source)
        if now < allowance.mutedUntil:
            self._counters.muted += 1
            return False
        if now - allowance.when >= PAUSE_SECONDS:
            allowance.streak = 0
        endless = allowance.streak >= MAX_STREAK and not self._row.trusting
        if not endless and allowance.take(now):
            allowance.drops = 0
            allowance.streak += 1
            return True
        self._counters.overRate += 1
        allowance.drops += 1
        if endless or allowance.drops >= DROPS_TO_MUTE:
            allowance.drops = allowance.streak = 0
            allowance.mutedUntil = now + self._limits.udpMute
        return False
