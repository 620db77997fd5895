"""A host that is measured: its packets in flight, their timeouts, and their results."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tsservices.client.probe.schedule import NANOSECONDS
from tsservices.client.probe.wires.base import Clocks, ProbeTransport, Reply, SendError, SendTimes
from tsservices.stamp.stats.follow_up import FollowUpMatcher
from tsservices.stamp.stats.loss import ReplyKind
from tsservices.stamp.stats.result import ProbeResult, ProbeState, Timestamps
from tsservices.stamp.stats.target import TargetStatistics

#: Packets whose times are kept after their result, for late and duplicate replies.
MAXIMUM_PAST = 1024


@dataclass(frozen=True)
class TargetConfig:
    """The host, and when a packet to it is lost."""

    #: As the user wrote it.
    name: str
    #: Its IP address.
    address: str
    port: int
    #: Seconds.
    timeout: float
    #: Whether the reflector counts; L{None} if its replies have to show it.
    stateful: bool | None = None


class TargetListener(Protocol):
    """Gets the results of a target."""

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        pass

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        """The next packet is going to be sent, and this one has no reply yet."""

    def idle(self, target: ProbeTarget) -> None:
        """No packet waits for a reply any more."""


class SentPacket:
    """When a packet was sent; of a pending or a past one."""

    __slots__ = ("kernelSent", "sentAt", "sequence")

    def __init__(self, sequence: int, sentAt: SendTimes) -> None:
        self.sequence = sequence
        self.sentAt = sentAt
        #: T1 by the kernel; L{None} as long as it is unknown.
        self.kernelSent: int | None = None


class ProbeTarget:
    """
    A host that is measured.  It owns its statistics; its memory is bounded.

    A packet is pending until it has a reply, an error, or its time is over; then it is one of the
    past packets.
    """

    def __init__(
        self,
        config: TargetConfig,
        transport: ProbeTransport,
        clock: IReactorTime,
        clocks: Clocks,
        listener: TargetListener,
    ) -> None:
        self.name = config.name
        self.address = config.address
        self.port = config.port
        self.transport = transport
        self.statistics = TargetStatistics(config.stateful)
        self._clock = clock
        self._clocks = clocks
        self._timeout = round(config.timeout * NANOSECONDS)
        self._listener = listener
        self._origin = 0
        self._pending: OrderedDict[int, SentPacket] = OrderedDict()
        self._past: OrderedDict[int, SentPacket] = OrderedDict()
        self._followUps = FollowUpMatcher()
        self._timer: IDelayedCall | None = None

    def start(self, origin: int) -> None:
        """@param origin: the start of the run by the monotonic clock, in nanoseconds."""
        self._origin = origin

    def sendNext(self, lateness: int, skipped: int) -> None:
        """
        Send the next packet.

        @param lateness: nanoseconds since its turn.
        """
        sequence = self.statistics.transmitted
        if sequence - 1 in self._pending:
            self._listener.overdue(self, sequence - 1)
        sentAt = SendTimes(self._clocks.monotonic(), self._clocks.wall())
        # Pending before it is sent: on loopback T1 of the kernel comes from within send.
        packet = self._pending[sequence] = SentPacket(sequence, sentAt)
        self.statistics.addSent(sentAt.monotonic - self._origin, lateness, skipped)
        try:
            packet.sentAt = self.transport.send(sequence)
        except SendError as error:
            self.failed(sequence, error.state, str(error))
        else:
            self._startTimer()

    def replied(self, reply: Reply) -> None:
        kind = self.statistics.classifyReply(reply.sequence, reply.reflectorSequence)
        if kind is ReplyKind.STRAY:
            return
        packet = self._pending.get(reply.sequence)
        state = ProbeState.DUPLICATE
        if kind is ReplyKind.FIRST:
            state = ProbeState.OK if packet is not None else ProbeState.LATE
        result = self._createResult(reply, packet or self._past.get(reply.sequence), state)
        self._settle(reply.sequence, self._followUps.add(result, reply.followUp))

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        packet = self._pending.get(sequence)
        if packet is not None:
            packet.kernelSent = nanoseconds

    def unmatched(self) -> None:
        self.statistics.strays += 1

    def failed(self, sequence: int | None, state: ProbeState, reason: str) -> None:
        if sequence is None and self._pending:
            sequence = next(reversed(self._pending))
        packet = None if sequence is None else self._pending.get(sequence)
        if packet is not None:
            self._fail(packet, state, reason)

    @property
    def hasPending(self) -> bool:
        """Whether any packet may still be answered in time."""
        return bool(self._pending)

    def stop(self) -> None:
        """Report the reply that is held, and wait for no other.  May be called twice."""
        for result in self._followUps.release():
            self._report(result)
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _createResult(
        self, reply: Reply, packet: SentPacket | None, state: ProbeState
    ) -> ProbeResult:
        if packet is None:
            # So late that its times are forgotten.
            return ProbeResult(
                reply.sequence,
                state,
                reply.monotonic - self._origin,
                self._clocks.wall() if reply.received is None else reply.received,
                reflectorSequence=reply.reflectorSequence,
                size=reply.size,
                ttl=reply.ttl,
            )
        sentAt = packet.sentAt
        timestamps = None
        if reply.received is not None:
            timestamps = Timestamps(
                sentAt.wall if packet.kernelSent is None else packet.kernelSent,
                reply.received,
                reply.reflectorReceived,
                reply.reflectorSent,
                ("u" if packet.kernelSent is None else "k") + ("k" if reply.kernel else "u"),
            )
        return ProbeResult(
            reply.sequence,
            state,
            sentAt.monotonic - self._origin,
            sentAt.wall,
            reply.monotonic - sentAt.monotonic,
            timestamps,
            reply.reflectorSequence,
            reply.size,
            reply.ttl,
        )

    def _fail(self, packet: SentPacket, state: ProbeState, reason: str) -> None:
        offset = packet.sentAt.monotonic - self._origin
        result = ProbeResult(packet.sequence, state, offset, packet.sentAt.wall, reason=reason)
        self._settle(packet.sequence, [*self._followUps.failed(packet.sequence), result])

    def _settle(self, sequence: int, results: list[ProbeResult]) -> None:
        packet = self._pending.pop(sequence, None)
        if packet is not None:
            self._past[sequence] = packet
            if len(self._past) > MAXIMUM_PAST:
                self._past.popitem(last=False)
        for result in results:
            self._report(result)
        if packet is not None and not self._pending:
            self._listener.idle(self)

    def _report(self, result: ProbeResult) -> None:
        self.statistics.add(result)
        self._listener.resultReady(self, result)

    def _startTimer(self) -> None:
        # One timer for the oldest packet, not one for each: a new packet never expires first.
        if self._timer is None and self._pending:
            oldest = next(iter(self._pending.values()))
            delay = oldest.sentAt.monotonic + self._timeout - self._clocks.monotonic()
            self._timer = self._clock.callLater(max(0, delay) / NANOSECONDS, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._clocks.monotonic()
        while self._pending:
            oldest = next(iter(self._pending.values()))
            if oldest.sentAt.monotonic + self._timeout > now:
                break
            self._fail(oldest, ProbeState.TIMEOUT, "no answer in time")
        self._startTimer()
