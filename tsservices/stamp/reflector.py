"""
The session reflector of RFC 8762: which packets it answers, and what.  Pure: the clock
and addresses come from the caller.

A reflector has no way to see that a packet is an answer: STAMP has no bit for it.  So two of
them, one of which gets a packet with the other's address as its source, answer each
other for ever, unless somebody looks closer.  The guards stand in this order, and each
has its counter in L{tsservices.common.counters.StampCounters}:

  1. C{badSource}: nobody asks from such an address, or asks many at once;
  2. C{badSize}: shorter than a packet (44 bytes, 112 with authentication) or longer than
     is allowed.  The answer is as long as the packet, so nobody gets more than was sent.
     Trusted senders of TWAMP-Light may send 14 bytes, and get 44;
  3. C{forged}: the authentication is wrong;
  4. C{ownFormat}: it looks like an answer, of a reflector or of a text service;
  5. C{overRate}: its source sends too often, trusted or not;
  6. C{replayed}: with authentication, it has come before.

There is no rule about source ports: RFC 8762 lets senders use 862.

Of the extensions of RFC 8972 one is understood, by a stateful reflector without
authentication: L{followup<tsservices.stamp.telemetry>}.  The others come back as they are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from struct import Struct

from tsservices.common import addresses
from tsservices.common.addresses import TrustedNetworks
from tsservices.common.counters import StampCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED, TokenBucket
from tsservices.common.timestamps import NANOSECONDS, SECONDS_1900_TO_1970
from tsservices.stamp.auth import ReplayWindow, check, digest
from tsservices.stamp.loop_guard import TEXT_BEGINS, answers, saysText
from tsservices.stamp.packets import (
    DIGEST_LENGTH,
    DIGEST_OFFSET,
    OPEN_LENGTH,
    SEALED_LENGTH,
    TWAMP_LENGTH,
    PacketError,
)
from tsservices.stamp.telemetry import NOTHING, SOFTWARE, FollowUp, filled, place, wellFormed
from tsservices.stamp.timestamps import LOW_32, toNTP

#: Said where the system does not tell (RFC 5357).
UNKNOWN_TTL = 255

#: The error estimate until somebody knows better: not synchronised, 255 seconds.
LARGEST_ERROR = 0x20FF

#: The one broadcast address that can be told without knowing the networks.
BROADCAST = IPv4Address("255.255.255.255")

#: Nanoseconds from the epoch of NTP to the one of UNIX.
SINCE_1900 = SECONDS_1900_TO_1970 * NANOSECONDS

#: What fits into a time.
LOW_64 = (1 << 64) - 1

#: Is told when an answer has left, in nanoseconds since 1970.
Left = Callable[[int], None]

#: Source address and port, destination, identifier.
SessionKey = tuple[str, int, str | None, int]

_OPEN = Struct(">I10xHI8xI")
_SEALED = Struct(">I12xQHH4xI28xI")
_OPEN_ANSWER = Struct(">IQHHQ14s2xB3x")
_SEALED_ANSWER = Struct(">I12xQHH4xQ8xI12xQH6xB15x")


@dataclass(frozen=True, slots=True)
class ReflectorConfig:
    """
    How a reflector works.

    @ivar key: of authenticated packets, which then are the only ones; L{None} for
        unauthenticated ones.
    @ivar stateful: the reflector counts the packets of each session itself, so that the
        sender can tell which way one was lost; if not, it repeats the sender's numbers.
    """

    key: bytes | None = field(default=None, repr=False)
    stateful: bool = True


@dataclass(slots=True)
class _Source:
    """
    What is known of one address.

    @ivar usable: honest senders may have it.
    @ivar trusted: it is in a trusted network.
    @ivar bucket: what it may still send; of an IPv6 network all addresses share it.
    """

    usable: bool
    trusted: bool
    bucket: TokenBucket


class _Session:
    """
    What is kept of one session.

    @ivar count: packets reflected.
    @ivar heard: when the last one came, in seconds.
    @ivar window: tells packets that come again.
    @ivar departed: number of an answer, and when it left; L{None} before that is known of
        any.
    """

    __slots__ = ("count", "departed", "heard", "window")

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.count = 0
        self.heard = 0.0
        self.window = ReplayWindow()
        self.departed: tuple[int, int] | None = None

    def left(self, number: int, nanoseconds: int) -> None:
        self.departed = number, nanoseconds

    def followUp(self, number: int) -> FollowUp:
        before = number - 1 & LOW_32
        if self.departed is None or self.departed[0] != before:
            return NOTHING
        return FollowUp(before, toNTP(self.departed[1]), SOFTWARE)


class SessionReflector:
    """
    Answers the packets of one place.

    @ivar errorEstimate: how far the clock may be off, 16 bits as packets say it; set by
        who knows.
    """

    def __init__(
        self,
        mode: ReflectorConfig,
        limits: Limits,
        trust: TrustedNetworks,
        counters: StampCounters,
        nanoclock: Callable[[], int],
    ) -> None:
        """@param nanoclock: nanoseconds since 1970, for T3."""
        self.errorEstimate = LARGEST_ERROR
        self._key = mode.key
        self._stateful = mode.stateful
        self._remembering = mode.stateful or mode.key is not None
        self._limits = limits
        self._least = OPEN_LENGTH if mode.key is None else SEALED_LENGTH
        self._most = limits.stampDatagram
        self._idle = limits.stampIdle
        self._trust = trust
        self._counters = counters
        self._nanoclock = nanoclock
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._buckets: OrderedDict[tuple[int, int], TokenBucket] = OrderedDict()
        self._sessions: OrderedDict[SessionKey, _Session] = OrderedDict()

    def reflect(
        self,
        datagram: bytes,
        address: tuple[str, int],
        received: int,
        kernel: bool,
        destination: str | None,
        ttl: int | None,
        now: float,
    ) -> bytes | tuple[bytes, Left] | None:
        """
        What to answer, at once, for it says when, and perhaps whom to tell when it has left; or
        L{None}, and the reason has been counted.

        @param received: T2, in nanoseconds since 1970.
        @param now: the time in seconds, which nobody sets back.
        """
        counters = self._counters
        counters.received += 1
        counters.receivedBytes += len(datagram)
        if not kernel:
            counters.unstamped += 1
        host, port = address
        source = self._sources.get(host) or self._meet(host, now)
        if not (source.usable and port) or destination == "":
            counters.badSource += 1
            return None
        if not self._least <= len(datagram) <= self._most:
            if not (
                source.trusted and self._key is None and TWAMP_LENGTH <= len(datagram) < self._least
            ):
                counters.badSize += 1
                return None
            datagram = datagram.ljust(self._least, b"\0")
        if self._key is None:
            sequence, session, second2, second1 = _OPEN.unpack_from(datagram)
            timestamp = error = 0
        else:
            try:
                check(self._key, datagram)
            except PacketError:
                counters.forged += 1
                return None
            sequence, timestamp, error, session, second2, second1 = _SEALED.unpack_from(datagram)
        # Fields that must be zero are zero in honest packets.  (In 2036 zero is near now.)
        if (second1 and answers(second2, second1, received // NANOSECONDS)) or (
            datagram[0] in TEXT_BEGINS and self._key is None and saysText(datagram)
        ):
            counters.ownFormat += 1
            return None
        bucket = source.bucket
        # All that waits is read in one pass with one time: then there is nothing to refill.
        if bucket.when == now and bucket.tokens >= 1.0:
            bucket.tokens -= 1.0
        elif not bucket.take(now):
            counters.overRate += 1
            return None
        number = sequence
        held: _Session | None = None
        if self._remembering:
            key = host, port, destination, session
            held = self._sessions.get(key)
            if held is None or held.heard != now:
                held = self._heard(key, held, now)
            if self._key is not None and not held.window.admits(sequence, timestamp):
                counters.replayed += 1
                return None
            if self._stateful:
                number = held.count
                held.count = number + 1 & LOW_32
        if ttl is None:
            ttl = UNKNOWN_TTL
        extended = None
        if len(datagram) > OPEN_LENGTH and self._key is None:
            extended = self._extended(datagram[OPEN_LENGTH:], held, number)
        counters.answered += 1
        # As toNTP does, but a call of it costs as much as the rest of the answer.
        t2 = (received + SINCE_1900 << 32) // NANOSECONDS & LOW_64
        # The last that is done, so that T3 is as late as can be.
        t3 = (self._nanoclock() + SINCE_1900 << 32) // NANOSECONDS & LOW_64
        if self._key is None:
            answer = _OPEN_ANSWER.pack(
                number,
                t3,
                self.errorEstimate,
                session,
                t2,
                # Number, T1 and error estimate of the sender stand together in both; the
                # rest is cut off.
                datagram,
                ttl,
            )
            if extended is None:
                return answer
            rest, left = extended
            return answer + rest if left is None else (answer + rest, left)
        answer = _SEALED_ANSWER.pack(
            number,
            t3,
            self.errorEstimate,
            session,
            t2,
            sequence,
            timestamp,
            error,
            ttl,
        )
        return answer + digest(self._key, answer) + datagram[DIGEST_OFFSET + DIGEST_LENGTH :]

    def _extended(
        self, extensions: bytes, session: _Session | None, number: int
    ) -> tuple[bytes, Left | None]:
        begin = place(extensions)
        if begin is None:
            return extensions, None
        if session is None:
            return filled(extensions, begin, NOTHING), None
        told = filled(extensions, begin, session.followUp(number))
        return told, partial(session.left, number) if wellFormed(extensions, begin) else None

    def _meet(self, host: str, now: float) -> _Source:
        limits = self._limits
        try:
            address = addresses.parse(host)
        except ValueError:
            return _Source(False, False, TokenBucket(1, 0, now))
        key = addresses.source(address)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(limits.stampRate, limits.stampBurst, now)
            if len(self._buckets) > PEERS_REMEMBERED:
                self._buckets.popitem(last=False)
        known = _Source(
            usable=not (address.is_multicast or address.is_unspecified or address == BROADCAST),
            trusted=address in self._trust,
            bucket=bucket,
        )
        self._sources[host] = known
        if len(self._sources) > PEERS_REMEMBERED:
            self._sources.popitem(last=False)
        return known

    def _heard(self, key: SessionKey, session: _Session | None, now: float) -> _Session:
        sessions = self._sessions
        if session is None or now - session.heard > self._idle:
            session = sessions[key] = _Session()
            if len(sessions) > self._limits.stampSessions:
                sessions.popitem(last=False)
        session.heard = now
        sessions.move_to_end(key)
        return session
