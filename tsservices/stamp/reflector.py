"""
The Session-Reflector of RFC 8762: its checks of packets, and its replies.

The caller owns the socket, and passes addresses, T2 and the time.  The checks are listed in the
order of L{SessionReflector.reflect}, each with its counter in
L{tsservices.common.counters.StampCounters}:

  1. C{badSource}: an address that no real sender has, or that stands for many hosts;
  2. C{badSize}: shorter than a packet, or longer than is allowed.  A reply is as long as its
     packet, so this host cannot be used for amplification.  Trusted senders of TWAMP-Light may
     send 14 octets, and get 44 (RFC 8762, 4.6);
  3. C{forged}: the HMAC is wrong;
  4. C{ownFormat}: the packet is itself a reply (L{tsservices.stamp.loop_guard});
  5. C{overRate}: the source, trusted or not, sends too often.  This ends the loops that check 4
     does not detect: a loop consists of one packet, so dropping that packet ends it;
  6. C{replayed}: with authentication, the packet has been received before.

Source ports are not checked, unlike in other UDP services: RFC 8762 lets senders use 862.

Of the extensions of RFC 8972 two are understood without authentication: L{Follow-Up
Telemetry<tsservices.stamp.telemetry>}, by a stateful reflector, and L{Class of
Service<tsservices.stamp.service_class>}.  The others are returned unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from operator import add
from typing import cast

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.bounded import BoundedDict
from tsservices.common.counters import StampCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED, TokenBucket
from tsservices.common.sources import Source, SourceKey, SourceTable, readSockaddr
from tsservices.common.timestamps import NANOSECONDS, SECONDS_1900_TO_1970
from tsservices.stamp.auth import ReplayWindow, computeHMAC, verify
from tsservices.stamp.columns import ColumnCache, PacketBatch, PacketColumns
from tsservices.stamp.departures import DepartureTimes
from tsservices.stamp.extensions import CLASS_OF_SERVICE, isWellFormed
from tsservices.stamp.loop_guard import TEXT_FIRST_OCTETS, isTextReply, looksReflected
from tsservices.stamp.packets import (
    AUTHENTICATED_LENGTH,
    HMAC_LENGTH,
    HMAC_OFFSET,
    RECEIVED,
    RECEIVED_AUTHENTICATED,
    REFLECTOR_AUTHENTICATED,
    REFLECTOR_COPYING,
    TWAMP_LIGHT_LENGTH,
    UNAUTHENTICATED_LENGTH,
    PacketError,
)
from tsservices.stamp.service_class import fillServiceClass
from tsservices.stamp.telemetry import (
    METHOD_SOFTWARE,
    UNKNOWN_FOLLOW_UP,
    VALUE_LENGTH,
    FollowUp,
    fillFollowUp,
    findFollowUp,
)
from tsservices.stamp.timestamps import LOW_32, LOW_64, toNTP

#: For a packet whose TTL the system does not report (RFC 5357, 4.2.1).
UNKNOWN_TTL = 255

#: The error estimate until a better one is set: not synchronised, 255 seconds.
UNKNOWN_ERROR_ESTIMATE = 0x20FF

#: Nanoseconds from the epoch of NTP to that of UNIX.
NTP_EPOCH = SECONDS_1900_TO_1970 * NANOSECONDS

#: The time of the last packet of a session that is no longer in the table.
FORGOTTEN = float("-inf")

#: Seconds for which a session keeps its place in the table: moving it to the end for each packet
#: would cost as much as the rest.  No server can read so many packets in this time that sessions in
#: use would be dropped from the table.
MOVE_SECONDS = 0.01

#: Called with the time at which a reply left this host, in nanoseconds since 1970.
DepartureCallback = Callable[[int], None]

#: An octet of every packet that has the extension, and of few others.
CLASS_OF_SERVICE_OCTET = bytes([CLASS_OF_SERVICE])

#: The reply; or the reply, the callback for its departure and its type of service, if any.
Answer = bytes | tuple[bytes, DepartureCallback | None, int | None]

#: Source address and port, destination, SSID.
SessionKey = tuple[str, int, str | None, int]

# Bound once: CPython assumes that an imported name before a dot is a module, and uses the slower
# kind of method call: 50 ns, of 1000 for a whole reply.
_unpack = RECEIVED.unpack_from
_unpackAuthenticated = RECEIVED_AUTHENTICATED.unpack_from
_pack = REFLECTOR_COPYING.pack
_packAuthenticated = REFLECTOR_AUTHENTICATED.pack


@dataclass(frozen=True, slots=True)
class ReflectorConfig:
    """The settings of a reflector."""

    #: The key of the HMAC; packets without a valid HMAC are dropped.  L{None}: no authentication.
    key: bytes | None = field(default=None, repr=False)
    #: The reflector counts the packets of each session, so that the sender can distinguish loss on
    #: the way up from loss on the way down; if false, it repeats the sender's numbers.
    stateful: bool = True
    #: The DSCPs that a sender may request for the reply though its packet arrived with another one.
    allowedDSCPs: frozenset[int] = frozenset()


class _Session:
    __slots__ = ("count", "departure", "lastReceived", "moved", "replayWindow")

    def __init__(self) -> None:
        # Packets reflected.
        self.count = 0
        self.lastReceived = 0.0
        # When the session was last moved to the end of the table, as the most recently used one.
        self.moved = FORGOTTEN
        self.replayWindow = ReplayWindow()
        # The number of a reply, and its departure in nanoseconds since 1970.
        self.departure: tuple[int, int] | None = None

    def setDeparture(self, number: int, nanoseconds: int) -> None:
        self.departure = number, nanoseconds

    def followUp(self, number: int) -> FollowUp:
        # Only the departure of the previous reply is reported; that of an older one came too late.
        previous = number - 1 & LOW_32
        if self.departure is None or self.departure[0] != previous:
            return UNKNOWN_FOLLOW_UP
        return FollowUp(previous, toNTP(self.departure[1]), METHOD_SOFTWARE)


class _Sender:
    __slots__ = ("host", "key", "session")

    def __init__(self, key: SessionKey) -> None:
        self.host = key[0]
        self.key = key
        # Looked up again after a long silence, or after the table has dropped it.
        self.session: _Session | None = None


class SessionReflector:
    """
    The reflector of one socket.  Its tables of sources and sessions are bounded, so that forged
    sources cost a bounded amount of memory.

    @ivar errorEstimate: the possible error of the clock, 16 bits as in packets; the caller sets it.
    """

    def __init__(
        self,
        config: ReflectorConfig,
        limits: Limits,
        trust: TrustedNetworks,
        counters: StampCounters,
        nanoclock: Callable[[], int],
    ) -> None:
        """@param nanoclock: nanoseconds since 1970, for T3."""
        self.errorEstimate = UNKNOWN_ERROR_ESTIMATE
        self._key = config.key
        self._stateful = config.stateful
        self._allowedDSCPs = config.allowedDSCPs
        # With authentication a stateless reflector needs sessions too, for their replay windows.
        self._keepsSessions = config.stateful or config.key is not None
        self._limits = limits
        self._minimumLength = UNAUTHENTICATED_LENGTH if config.key is None else AUTHENTICATED_LENGTH
        self._maximumLength = limits.stampDatagram
        self._idleSeconds = limits.stampIdle
        self._counters = counters
        self._nanoclock = nanoclock
        self._departures = DepartureTimes(nanoclock)
        self._columnCache = ColumnCache()
        self._columns: PacketColumns | None = None
        # The senders of batches by address and SSID, and the destination of all their packets.
        self._destination: str | None = None
        self._senders: BoundedDict[bytes, _Sender] = BoundedDict(PEERS_REMEMBERED)
        self._sources = SourceTable(trust)
        self._buckets: BoundedDict[SourceKey, TokenBucket] = BoundedDict(PEERS_REMEMBERED)
        self._sessions: BoundedDict[SessionKey, _Session] = BoundedDict(limits.stampSessions)

    def reflect(
        self,
        datagram: bytes,
        address: tuple[str, int],
        receivedAt: int,
        kernel: bool,
        destination: str | None,
        ttl: int | None,
        now: float,
        tos: int | None = None,
    ) -> Answer | None:
        """
        Return the reply, to be sent at once since it contains T3, with its callback and type of
        service; L{None} if the packet was dropped, which is counted.

        @param receivedAt: T2, in nanoseconds since 1970.
        @param kernel: whether the kernel took T2.
        @param now: monotonic seconds.
        @param tos: the packet's type of service; L{None} if it is unknown, or if the caller cannot
            set that of the reply.
        """
        # One long function: every call costs 50 ns here, and a whole reply costs 1000.
        key = self._key
        length = len(datagram)
        counters = self._counters
        counters.received += 1
        counters.receivedBytes += length
        if not kernel:
            counters.unstamped += 1

        # An empty destination means that the packet was sent to many hosts: broadcast, multicast.
        host, port = address
        source = self._sources.get(host) or self._sources.add(host)
        if not (source.usable and port) or destination == "":
            counters.badSource += 1
            return None

        if not self._minimumLength <= length <= self._maximumLength:
            twampLight = TWAMP_LIGHT_LENGTH <= length < UNAUTHENTICATED_LENGTH
            if not (twampLight and source.trusted and key is None):
                counters.badSize += 1
                return None
            datagram = datagram.ljust(UNAUTHENTICATED_LENGTH, b"\0")

        # The HMAC is checked before anything else in the packet (RFC 8762, 4.4).
        if key is None:
            sequence, ssid, receiveSeconds, senderSeconds = _unpack(datagram)
            timestamp = error = 0
        else:
            try:
                verify(key, datagram)
            except PacketError:
                counters.forged += 1
                return None
            sequence, timestamp, error, ssid, receiveSeconds, senderSeconds = _unpackAuthenticated(
                datagram
            )

        # MBZ octets, zero in valid packets, are never taken for a time: in 2036 the seconds of NTP
        # are near zero too.
        if (senderSeconds and looksReflected(receiveSeconds, senderSeconds, receivedAt)) or (
            datagram[0] in TEXT_FIRST_OCTETS and key is None and isTextReply(datagram)
        ):
            counters.ownFormat += 1
            return None

        # All waiting packets are read in one pass with one time, so usually nothing is refilled.
        bucket = source.bucket or self._fillBucket(source, now)
        if bucket.when == now and bucket.tokens >= 1.0:
            bucket.tokens -= 1.0
        elif not bucket.take(now):
            counters.overRate += 1
            return None

        number = sequence
        session: _Session | None = None
        if self._keepsSessions:
            sessionKey = host, port, destination, ssid
            session = self._sessions.get(sessionKey)
            if session is None or session.lastReceived != now:
                session = self._touchSession(sessionKey, session, now)
            if key is not None and not session.replayWindow.accept(sequence, timestamp):
                counters.replayed += 1
                return None
            if self._stateful:
                number = session.count
                session.count = number + 1 & LOW_32

        extended = None
        if length > UNAUTHENTICATED_LENGTH and key is None:
            extended = self._answerExtensions(
                datagram[UNAUTHENTICATED_LENGTH:], session, number, tos
            )
        if ttl is None:
            ttl = UNKNOWN_TTL
        counters.answered += 1
        # Inlined toNTP: two calls would cost as much as the rest of the reply.
        t2 = (receivedAt + NTP_EPOCH << 32) // NANOSECONDS & LOW_64
        # T3 is computed last: later work would count as delay of the network.
        t3 = (self._nanoclock() + NTP_EPOCH << 32) // NANOSECONDS & LOW_64
        error3 = self.errorEstimate
        if key is None:
            # The field of 14 octets cuts off the rest of the datagram.
            reply = _pack(number, t3, error3, ssid, t2, datagram, ttl)
            if extended is None:
                return reply
            if isinstance(extended, bytes):
                return reply + extended
            extensions, onDeparture, replyTOS = extended
            return reply + extensions, onDeparture, replyTOS
        reply = _packAuthenticated(number, t3, error3, ssid, t2, sequence, timestamp, error, ttl)
        return reply + computeHMAC(key, reply) + datagram[HMAC_OFFSET + HMAC_LENGTH :]

    def reflectAll(
        self,
        batch: PacketBatch,
        second: int,
        nanoseconds: Sequence[int],
        destination: str | None,
        ttls: bytes | None,
        now: float,
    ) -> bool:
        """
        Write the replies to many packets, except T3, which L{depart} writes.

        @param second: the second of every T2, since 1970; the kernel took them.
        @param nanoseconds: the nanoseconds of each T2 within that second.
        @param destination: the destination of all packets.
        @param ttls: of all packets; L{None} if they are unknown.
        @return: false if nothing was done because not all packets are of the usual kind: call
            L{reflect} for each.
        """
        lengths = batch.lengths()
        count = len(lengths)
        if self._key is not None or lengths.count(UNAUTHENTICATED_LENGTH) != count:
            return False
        self._columns = columns = self._columnCache.of(batch, count)
        # Packets that may be replies, or were sent to many hosts, are left to L{reflect}.
        if destination == "" or not columns.cannotBeReplies(batch.firstOctets()):
            return False
        ssids = columns.ssids()
        senders = self._sendersOf(batch.sources(), destination, ssids)
        if senders is None or not self._takeAll([sender.host for sender in senders], now):
            return False
        numbers: list[int] | None = None
        if self._stateful:
            numbers = []
            # Sessions last moved or used before this time have to be updated in the table.
            fresh = now - MOVE_SECONDS
            for sender in senders:
                session = sender.session
                if session is None or session.moved <= fresh or session.lastReceived <= fresh:
                    session = self._sessionOf(sender, now)
                session.lastReceived = now
                number = session.count
                session.count = number + 1 & LOW_32
                numbers.append(number)
        columns.reply(
            numbers,
            ssids,
            self.errorEstimate,
            second,
            nanoseconds,
            bytes([UNKNOWN_TTL]) * count if ttls is None else ttls,
        )
        counters = self._counters
        counters.received += count
        counters.receivedBytes += count * UNAUTHENTICATED_LENGTH
        counters.answered += count
        return True

    def depart(self, first: int, end: int) -> None:
        """Write T3 into some replies of L{reflectAll}, immediately before they are sent."""
        assert self._columns is not None
        self._columns.depart(first, end, *self._departures.take(end - first))
        self._departures.written()

    def departed(self) -> None:
        """Note that these replies have been sent."""
        self._departures.sent()

    def _sendersOf(
        self, sources: Sequence[bytes], destination: str | None, ssids: bytes
    ) -> Sequence[_Sender] | None:
        # None if a packet cannot be answered.
        if destination != self._destination:
            self._destination = destination
            self._senders.clear()
        keys = sources
        parts = [ssids[start : start + 2] for start in range(0, len(ssids), 2)]
        if parts:
            keys = list(map(add, sources, parts))
        known = list(map(self._senders.get, keys))
        if all(known):
            return cast(Sequence[_Sender], known)
        senders = []
        for key, source, ssid in zip_longest(keys, sources, parts, fillvalue=b""):
            sender = self._senders.get(key)
            if sender is None:
                host, port = readSockaddr(source)[:2]
                if not port:
                    return None
                session = host, port, destination, int.from_bytes(ssid, "big")
                sender = self._senders.put(key, _Sender(session))
            senders.append(sender)
        return senders

    def _sessionOf(self, sender: _Sender, now: float) -> _Session:
        session = sender.session
        # A look-up hashes a key of four parts, so it is done only if it is necessary.
        if session is None or now - session.lastReceived > self._idleSeconds:
            session = self._sessions.get(sender.key)
        session = sender.session = self._touchSession(sender.key, session, now)
        return session

    def _takeAll(self, hosts: Sequence[str], now: float) -> bool:
        # Whether all sources are usable and within their rate; if not, no tokens are taken.
        taken: list[tuple[TokenBucket, int]] = []
        for host in set(hosts):
            packets = hosts.count(host)
            source = self._sources.get(host) or self._sources.add(host)
            if source.usable:
                bucket = source.bucket or self._fillBucket(source, now)
                if bucket.take(now, packets):
                    taken.append((bucket, packets))
                    continue
            for each, number in taken:
                each.tokens += number
            return False
        return True

    def _answerExtensions(
        self, extensions: bytes, session: _Session | None, number: int, tos: int | None
    ) -> Answer:
        replyTOS = None
        if tos is not None and CLASS_OF_SERVICE_OCTET in extensions:
            extensions, replyTOS = fillServiceClass(extensions, tos, self._allowedDSCPs)
        offset = findFollowUp(extensions)
        onDeparture = None
        if offset is not None:
            # A stateless reflector has no numbers of its own, so it must leave this empty.
            known = UNKNOWN_FOLLOW_UP if session is None else session.followUp(number)
            # Reading the departure from the kernel costs a system call: only done on request.
            if session is not None and isWellFormed(extensions, offset, VALUE_LENGTH):
                onDeparture = partial(session.setDeparture, number)
            extensions = fillFollowUp(extensions, offset, known)
        if onDeparture is None and replyTOS is None:
            return extensions
        return extensions, onDeparture, replyTOS

    def _fillBucket(self, source: Source, now: float) -> TokenBucket:
        # All addresses of an IPv6 network share one bucket.
        limits = self._limits
        bucket = self._buckets.get(source.key) or self._buckets.put(
            source.key, TokenBucket(limits.stampRate, limits.stampBurst, now)
        )
        source.bucket = bucket
        return bucket

    def _touchSession(self, key: SessionKey, session: _Session | None, now: float) -> _Session:
        sessions = self._sessions
        if session is None and len(sessions) >= self._limits.stampSessions:
            _, forgotten = sessions.popitem(last=False)
            forgotten.lastReceived = FORGOTTEN
        if session is None or now - session.lastReceived > self._idleSeconds:
            session = sessions.put(key, _Session())
        session.lastReceived = now
        if now - session.moved >= MOVE_SECONDS:
            session.moved = now
            sessions.move_to_end(key)
        return session
