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

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from struct import Struct

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.bounded import BoundedDict
from tsservices.common.counters import StampCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED, TokenBucket
from tsservices.common.sources import Source, SourceTable
from tsservices.common.timestamps import NANOSECONDS, SECONDS_1900_TO_1970
from tsservices.stamp.auth import ReplayWindow, computeHMAC, verify
from tsservices.stamp.clock import LOW_32, toNTP
from tsservices.stamp.packets import (
    AUTHENTICATED_LENGTH,
    HMAC_LENGTH,
    HMAC_OFFSET,
    TEXT_BEGINS,
    TWAMP_LIGHT_LENGTH,
    UNAUTHENTICATED_LENGTH,
    PacketError,
    answers,
    saysText,
)
from tsservices.stamp.telemetry import (
    METHOD_SOFTWARE,
    UNKNOWN_FOLLOW_UP,
    FollowUp,
    fillFollowUp,
    findFollowUp,
    isWellFormed,
)

#: Said where the system does not tell (RFC 5357).
UNKNOWN_TTL = 255

#: The error estimate until somebody knows better: not synchronised, 255 seconds.
UNKNOWN_ERROR_ESTIMATE = 0x20FF

#: Nanoseconds from the epoch of NTP to the one of UNIX.
NTP_EPOCH = SECONDS_1900_TO_1970 * NANOSECONDS

#: What fits into a time.
LOW_64 = (1 << 64) - 1

#: Is told when an answer has left, in nanoseconds since 1970.
DepartureCallback = Callable[[int], None]

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


class _Session:
    """
    What is kept of one session.

    @ivar count: packets reflected.
    @ivar lastReceived: when the last one came, in seconds.
    @ivar replayWindow: tells packets that come again.
    @ivar departure: number of an answer, and when it left; L{None} before that is known of
        any.
    """

    __slots__ = ("count", "departure", "lastReceived", "replayWindow")

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.count = 0
        self.lastReceived = 0.0
        self.replayWindow = ReplayWindow()
        self.departure: tuple[int, int] | None = None

    def setDeparture(self, number: int, nanoseconds: int) -> None:
        self.departure = number, nanoseconds

    def followUp(self, number: int) -> FollowUp:
        before = number - 1 & LOW_32
        if self.departure is None or self.departure[0] != before:
            return UNKNOWN_FOLLOW_UP
        return FollowUp(before, toNTP(self.departure[1]), METHOD_SOFTWARE)


class SessionReflector:
    """
    Answers the packets of one place.

    @ivar errorEstimate: how far the clock may be off, 16 bits as packets say it; set by
        who knows.
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
        self._keepsSessions = config.stateful or config.key is not None
        self._limits = limits
        self._minimumLength = UNAUTHENTICATED_LENGTH if config.key is None else AUTHENTICATED_LENGTH
        self._maximumLength = limits.stampDatagram
        self._idleSeconds = limits.stampIdle
        self._counters = counters
        self._nanoclock = nanoclock
        self._sources = SourceTable(trust)
        self._buckets: BoundedDict[tuple[int, int], TokenBucket] = BoundedDict(PEERS_REMEMBERED)
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
    ) -> bytes | tuple[bytes, DepartureCallback] | None:
        """
        What to answer, at once, for it says when, and perhaps whom to tell when it has left; or
        L{None}, and the reason has been counted.

        @param receivedAt: T2, in nanoseconds since 1970.
        @param now: the time in seconds, which nobody sets back.
        """
        counters = self._counters
        counters.received += 1
        counters.receivedBytes += len(datagram)
        if not kernel:
            counters.unstamped += 1
        host, port = address
        source = self._sources.get(host) or self._sources.meet(host)
        if not (source.usable and port) or destination == "":
            counters.badSource += 1
            return None
        if not self._minimumLength <= len(datagram) <= self._maximumLength:
            if not (
                source.trusted
                and self._key is None
                and TWAMP_LIGHT_LENGTH <= len(datagram) < self._minimumLength
            ):
                counters.badSize += 1
                return None
            datagram = datagram.ljust(self._minimumLength, b"\0")
        if self._key is None:
            sequence, session, second2, second1 = _OPEN.unpack_from(datagram)
            timestamp = error = 0
        else:
            try:
                verify(self._key, datagram)
            except PacketError:
                counters.forged += 1
                return None
            sequence, timestamp, error, session, second2, second1 = _SEALED.unpack_from(datagram)
        # Fields that must be zero are zero in honest packets.  (In 2036 zero is near now.)
        if (second1 and answers(second2, second1, receivedAt // NANOSECONDS)) or (
            datagram[0] in TEXT_BEGINS and self._key is None and saysText(datagram)
        ):
            counters.ownFormat += 1
            return None
        bucket = source.bucket or self._fill(source, now)
        # All that waits is read in one pass with one time: then there is nothing to refill.
        if bucket.when == now and bucket.tokens >= 1.0:
            bucket.tokens -= 1.0
        elif not bucket.take(now):
            counters.overRate += 1
            return None
        number = sequence
        held: _Session | None = None
        if self._keepsSessions:
            key = host, port, destination, session
            held = self._sessions.get(key)
            if held is None or held.lastReceived != now:
                held = self._touchSession(key, held, now)
            if self._key is not None and not held.replayWindow.accept(sequence, timestamp):
                counters.replayed += 1
                return None
            if self._stateful:
                number = held.count
                held.count = number + 1 & LOW_32
        if ttl is None:
            ttl = UNKNOWN_TTL
        extended = None
        if len(datagram) > UNAUTHENTICATED_LENGTH and self._key is None:
            extended = self._answerExtensions(datagram[UNAUTHENTICATED_LENGTH:], held, number)
        counters.answered += 1
        # As toNTP does, but a call of it costs as much as the rest of the answer.
        t2 = (receivedAt + NTP_EPOCH << 32) // NANOSECONDS & LOW_64
        # The last that is done, so that T3 is as late as can be.
        t3 = (self._nanoclock() + NTP_EPOCH << 32) // NANOSECONDS & LOW_64
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
        return answer + computeHMAC(self._key, answer) + datagram[HMAC_OFFSET + HMAC_LENGTH :]

    def _answerExtensions(
        self, extensions: bytes, session: _Session | None, number: int
    ) -> tuple[bytes, DepartureCallback | None]:
        begin = findFollowUp(extensions)
        if begin is None:
            return extensions, None
        if session is None:
            return fillFollowUp(extensions, begin, UNKNOWN_FOLLOW_UP), None
        told = fillFollowUp(extensions, begin, session.followUp(number))
        return told, partial(session.setDeparture, number) if isWellFormed(
            extensions, begin
        ) else None

    def _fill(self, source: Source, now: float) -> TokenBucket:
        # All addresses of an IPv6 network share one.
        limits = self._limits
        bucket = self._buckets.get(source.key) or self._buckets.put(
            source.key, TokenBucket(limits.stampRate, limits.stampBurst, now)
        )
        source.bucket = bucket
        return bucket

    def _touchSession(self, key: SessionKey, session: _Session | None, now: float) -> _Session:
        sessions = self._sessions
        if session is None or now - session.lastReceived > self._idleSeconds:
            session = sessions.put(key, _Session())
        session.lastReceived = now
        sessions.move_to_end(key)
        return session
