"""
The decision which datagrams are answered.  Pure: time and addresses come from the caller.

A UDP service that answers every datagram is a reflector: with a forged source it sends to a third
party, and after one forged datagram two such services answer each other for ever (CVE-1999-0103,
CVE-2024-2169).  The checks are made in this order, and each has its counter in
L{tsservices.common.counters.DatagramCounters}:

  1. the source is one that an honest client can have;
  2. the payload does not look like an answer of this suite;
  3. its size is within bounds;
  4. its source does not send too often.

Checks 1 and 2 end a loop between two servers of this project after one or two datagrams; check 4
ends a loop with any other server after its burst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from typing import Protocol as Interface

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.bounded import BoundedDict
from tsservices.common.counters import DROPS, DatagramCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED, TokenBucket
from tsservices.common.sources import PathTable, Source, SourceKey, SourceTable, readSockaddr
from tsservices.common.timestamps import stamped

#: Ports below this are those of servers: a datagram from one is an answer of a server, or forged.
PRIVILEGED_PORTS = 1024

#: SSDP, NFS, WS-Discovery, mDNS and memcached: well-known reflectors above the privileged ports.
REFLECTOR_PORTS = frozenset({1900, 2049, 3702, 5353, 11211})

#: The first bytes of the second hello in a loop between two hello services.
HELLO_TWICE = b"Hello, Hello, "

#: The first bytes of all answers of this suite.  Nearly all requests pass one C{startswith} of
#: these; only the others are checked more closely.
OWN_PREFIXES = (b"[", HELLO_TWICE)

_OWN_FIRST_OCTETS = tuple(prefix[:1] for prefix in OWN_PREFIXES)

#: The most answers to one source without a pause, for services that trust no network.  A loop with
#: a long round trip stays below any rate, but never pauses.
MAX_STREAK = 24

#: Seconds of silence that count as a pause: longer than any round trip.
PAUSE_SECONDS = 2.0

#: The number of datagrams dropped in a row for their rate after which a source is muted.
DROPS_TO_MUTE = 3


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """The rules of the guard of one service.  The defaults are the strictest."""

    #: Whether payloads that look like answers of this suite are dropped.
    ownFormat: bool = True
    #: Whether empty requests are answered.
    empty: bool = False
    #: Whether sources in trusted networks have no rate limit.
    trusting: bool = False


class _Allowance(TokenBucket):
    """
    The rate limit of one source.

    @ivar drops: the number of datagrams dropped in a row.
    @ivar streak: the number of answers since the last pause.
    @ivar mutedUntil: the monotonic time in seconds until which the source gets no answer.
    """

    __slots__ = ("drops", "mutedUntil", "streak")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        super().__init__(rate, burst, now)
        self.drops = 0
        self.streak = 0
        self.mutedUntil = now


class Guard(Interface):
    """The guard of one port, which decides which datagrams are answered."""

    def admits(self, datagram: bytes, host: str, port: int) -> bool:
        """Decide whether to answer a datagram."""
        ...

    def admitsAll(
        self, lengths: Sequence[int], firstOctets: bytes, addresses: Sequence[bytes]
    ) -> bool:
        """
        Check whether it is certain, without a look at each datagram, that L{admits} would admit all
        of a batch.  If false, call L{admits} for each.

        @param firstOctets: of each datagram; undefined for an empty one.
        @param addresses: the source of each, for L{readSockaddr}.
        """
        ...


class DatagramGuard:
    """A L{Guard} that counts the datagrams it drops."""

    def __init__(
        self,
        policy: GuardPolicy,
        limits: Limits,
        trust: TrustedNetworks,
        closedPorts: Set[int],
        counters: DatagramCounters,
        monotonic: Callable[[], float],
        paths: PathTable | None = None,
    ) -> None:
        """
        @param monotonic: the time in seconds.
        @param paths: the table of sources for a UNIX socket.
        """
        self._policy = policy
        self._limits = limits
        self._closedPorts = closedPorts
        self._counters = counters
        self._monotonic = monotonic
        self._minSize = 0 if policy.empty else 1
        self._maxSize = limits.maxDatagram
        self._ownFormat = policy.ownFormat
        self._lowestPort = PRIVILEGED_PORTS
        self._sources = SourceTable(trust if policy.trusting else TrustedNetworks(()))
        if paths is not None:
            # All paths have the port 0.
            self._lowestPort = 0
            self._sources = paths
        self._allowances: BoundedDict[SourceKey, _Allowance] = BoundedDict(PEERS_REMEMBERED)
        # Whether all datagrams from an address pass checks 1 and 4.
        self._unchecked: BoundedDict[bytes, bool] = BoundedDict(PEERS_REMEMBERED)
        self._portsClosed = 0

    def admits(self, datagram: bytes, host: str, port: int) -> bool:
        """Decide whether to answer; if not, the reason is counted."""
        # A host is parsed once, and not again while the table remembers it.
        source = self._sources.get(host) or self._sources.add(host)
        if not self._isHonest(source, port):
            self._counters.badSource += 1
            return False
        if (
            self._ownFormat
            and datagram.startswith(OWN_PREFIXES)
            and (stamped(datagram) or datagram.startswith(HELLO_TWICE))
        ):
            self._counters.ownFormat += 1
            return False
        if not self._minSize <= len(datagram) <= self._maxSize:
            self._counters.badSize += 1
            return False
        return source.trusted or self._allows(source.key)

    def admitsAll(
        self, lengths: Sequence[int], firstOctets: bytes, addresses: Sequence[bytes]
    ) -> bool:
        """As in L{Guard}.  Only batches from trusted sources are admitted as a whole."""
        if not self._policy.trusting:
            return False
        if len(self._closedPorts) != self._portsClosed:
            # The server has bound more ports since the last batch.
            self._portsClosed = len(self._closedPorts)
            self._unchecked.clear()
        # All work for single datagrams is in C: it costs 60 ns for each of 64, where `admits` costs
        # 250.
        if not all(map(self._unchecked.get, addresses)):
            known = self._unchecked
            if not all(known[raw] if raw in known else self._addSource(raw) for raw in addresses):
                return False
        if self._ownFormat and any(octet in firstOctets for octet in _OWN_FIRST_OCTETS):
            return False
        size = lengths[0]
        if lengths.count(size) == len(lengths):
            # Nearly always.  The search for the minimum and the maximum is a third of the time.
            return self._minSize <= size <= self._maxSize
        return self._minSize <= min(lengths) and max(lengths) <= self._maxSize

    def _addSource(self, raw: bytes) -> bool:
        host, port = readSockaddr(raw)[:2]
        source = self._sources.get(host) or self._sources.add(host)
        return self._unchecked.put(raw, source.trusted and self._isHonest(source, port))

    def _isHonest(self, source: Source, port: int) -> bool:
        return port >= self._lowestPort and port not in self._closedPorts and source.usable

    def _allows(self, source: SourceKey) -> bool:
        now = self._monotonic()
        allowance = self._allowances.get(source)
        if allowance is None:
            allowance = _Allowance(self._limits.udpRate, self._limits.udpBurst, now)
            self._allowances.put(source, allowance)
        else:
            # The source unused for longest is forgotten first: a source that sends all the time
            # must keep its count of drops, even during a flood of forged sources.
            self._allowances.move_to_end(source)
        if now < allowance.mutedUntil:
            self._counters.muted += 1
            return False
        if now - allowance.when >= PAUSE_SECONDS:
            allowance.streak = 0
        looping = allowance.streak >= MAX_STREAK and not self._policy.trusting
        if not looping and allowance.take(now):
            allowance.drops = 0
            allowance.streak += 1
            return True
        self._counters.overRate += 1
        allowance.drops += 1
        if looping or allowance.drops >= DROPS_TO_MUTE:
            allowance.drops = allowance.streak = 0
            allowance.mutedUntil = now + self._limits.udpMute
        return False


class DropObserver:
    """An observer that detects drops of datagrams by the counters, and reports each datagram."""

    def __init__(
        self, counters: DatagramCounters, report: Callable[[str, int, str | None], object]
    ) -> None:
        """@param report: takes host, port, and the counter of the drop; L{None}: no drop."""
        self._counters = counters
        self._names = [name for name in DROPS if hasattr(counters, name)]
        self._read: Callable[[Any], tuple[int, ...]] = attrgetter(*self._names)
        self._report = report

    def begin(self) -> tuple[int, ...]:
        """Get the argument for L{end}: the counters before the datagram is processed."""
        return self._read(self._counters)

    def end(self, before: tuple[int, ...], host: str, port: int) -> None:
        now = self._read(self._counters)
        drops = [name for name, old, new in zip(self._names, before, now, strict=True) if old < new]
        self._report(host, port, drops[0] if drops else None)


class ObservedGuard:
    """A L{DatagramGuard} whose decisions are reported."""

    def __init__(self, guard: DatagramGuard, observer: DropObserver) -> None:
        self._guard = guard
        self._observer = observer

    def admits(self, datagram: bytes, host: str, port: int) -> bool:
        """As L{DatagramGuard.admits}."""
        before = self._observer.begin()
        admitted = self._guard.admits(datagram, host, port)
        self._observer.end(before, host, port)
        return admitted

    def admitsAll(
        self, lengths: Sequence[int], firstOctets: bytes, addresses: Sequence[bytes]
    ) -> bool:
        """As in L{Guard}.  Always false, so that each datagram is reported."""
        return False
