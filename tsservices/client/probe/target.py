"""A measured host: its packets in flight, their timeouts, and their results."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.schedule import NANOSECONDS
from tsservices.client.probe.timers import Timer, Timers
from tsservices.client.probe.wires.base import Clocks, ProbeTransport, Reading, Reply, SendError
from tsservices.stamp.stats.clock_steps import ClockStep
from tsservices.stamp.stats.errors import ErrorReport
from tsservices.stamp.stats.follow_up import FollowUpMatcher
from tsservices.stamp.stats.loss import ReplyKind
from tsservices.stamp.stats.result import (
    MAXIMUM_BASE_CHANGE,
    ProbeResult,
    ProbeState,
    Timestamps,
)
from tsservices.stamp.stats.target import PieceReason, TargetStatistics

#: How often replies are read at most before a packet counts as lost, while more arrive.
MAXIMUM_READS = 64

#: Changes of addresses or connections that are kept; earlier ones are only counted.
MAXIMUM_CHANGES = 16

#: Packets whose times are kept after their result, for late and duplicate replies.
MAXIMUM_PAST = 1024

#: Nanoseconds after which these times are forgotten in any case: with 1,000 hosts at one packet a
#: second they would be half a gigabyte.
MAXIMUM_PAST_TIME = 120 * NANOSECONDS


@dataclass(frozen=True)
class TargetConfig:
    """The host, and the timeout of packets to it."""

    #: As the user wrote it.
    name: str
    #: Its IP address; empty while it is not known.
    address: str
    port: int
    #: Seconds.
    timeout: float
    #: Whether the reflector is stateful; L{None} to find it out from its replies.
    stateful: bool | None = None


class TargetListener(Protocol):
    """The receiver of a target's results."""

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        pass

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        """Called before the next packet is sent, if this one has no reply yet."""

    def idle(self, target: ProbeTarget) -> None:
        """Called when no packet waits for a reply any more, or no result for its follow-up."""

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        pass

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        """Called when packets from now on use other addresses or another connection."""


class SentPacket:
    """The times of a packet that was sent; pending or past."""

    __slots__ = ("kernelSent", "sentAt", "sequence", "stalledTime")

    def __init__(self, sequence: int, sentAt: Reading, stalledTime: int) -> None:
        self.sequence = sequence
        self.sentAt = sentAt
        #: Nanoseconds of stalls before the packet was sent.
        self.stalledTime = stalledTime
        #: T1 by the kernel; L{None} while it is unknown.
        self.kernelSent: int | None = None


class ProbeTarget:
    """
    A measured host.  It owns its statistics; its memory is bounded.

    A packet is pending until it has a reply, an error or a timeout; after that it is a past packet.
    """

    def __init__(
        self,
        config: TargetConfig,
        transport: ProbeTransport,
        timers: Timers,
        clocks: Clocks,
        listener: TargetListener,
    ) -> None:
        self.name = config.name
        self.address = config.address
        self.port = config.port
        self.transport = transport
        self.statistics = TargetStatistics(config.stateful)
        #: The latest changes of addresses, and the number of all; how often the connection was
        #: opened again.
        self.changes: deque[TargetChange] = deque(maxlen=MAXIMUM_CHANGES)
        self.changeCount = self.reconnectCount = 0
        self._timers = timers
        self._clocks = clocks
        self._timeout = round(config.timeout * NANOSECONDS)
        self._stateful = config.stateful
        self._listener = listener
        self._origin = 0
        self._pending: OrderedDict[int, SentPacket] = OrderedDict()
        self._past: OrderedDict[int, SentPacket] = OrderedDict()
        self._followUps = FollowUpMatcher()
        # Packets before this number are of an earlier session.
        self._sessionStart = 0
        self._timer: Timer | None = None
        self._stalledTime: Callable[[Reading], int] = lambda now: 0
        # Replies so far; how many there were at the last check of L{_expire}; how many checks.
        self._replies = 0
        self._repliesSeen: int | None = None
        self._reads = 0
        # The number of the packet that is only sent for the follow-up of the last reply.
        self._extra: int | None = None
        self._overflowed = 0

    def start(self, origin: int, stalledTime: Callable[[Reading], int] = lambda now: 0) -> None:
        """
        @param origin: the start of the run by the monotonic clock, in nanoseconds.
        @param stalledTime: returns the nanoseconds in which this program did not run until now.
        """
        self._origin = origin
        self._stalledTime = stalledTime

    def beginPiece(self, reason: PieceReason) -> None:
        """
        Begin a new piece of the figures by direction, with the next packet.

        To be called when packets have another source, destination or session.
        """
        for result in self._followUps.release():
            self._report(result)
        # The reflector's numbers start from 0 again.
        self._followUps = FollowUpMatcher()
        self._sessionStart = self.statistics.transmitted
        self.statistics.beginPiece(reason)

    def sendNext(
        self, lateness: int, skipped: int, stalled: bool = False, now: Reading | None = None
    ) -> None:
        """
        Send the next packet.

        @param lateness: nanoseconds since its scheduled time.
        @param skipped: packets that were not sent before it.
        @param stalled: whether packets are late or skipped because this program did not run.
        @param now: a reading of the clocks, if there is one.
        """
        sequence = self.statistics.transmitted
        if sequence - 1 in self._pending:
            self._listener.overdue(self, sequence - 1)
        sentAt = now or self._clocks.read()
        # Pending before it is sent: on loopback the kernel's T1 arrives while send still runs.
        packet = self._pending[sequence] = SentPacket(sequence, sentAt, self._stalledTime(sentAt))
        self.statistics.addSent(sentAt.monotonic - self._origin, lateness, skipped, stalled)
        try:
            packet.sentAt = self.transport.send(sequence)
        except SendError as error:
            self.failed(sequence, error.state, str(error), error.error)
        else:
            self._startTimer()

    def replied(self, reply: Reply) -> None:
        if reply.sequence == self._extra:
            for result in self._followUps.finish(reply.reflectorSequence, reply.followUp):
                self._report(result, last=True)
            self._listener.idle(self)
            return
        kind = self.statistics.classifyReply(reply.sequence, reply.reflectorSequence)
        if kind is ReplyKind.STRAY:
            return
        self._replies += 1
        now = self._clocks.read()
        packet = self._pending.get(reply.sequence)
        if packet is not None and self._elapsed(reply, packet, now) > self._timeout:
            # It arrived too late, before this program had time to count the packet as lost.
            self._fail(packet, ProbeState.TIMEOUT, "no answer in time")
            packet = None
        state = ProbeState.DUPLICATE
        if kind is ReplyKind.FIRST:
            state = ProbeState.OK if packet is not None else ProbeState.LATE
        packet = packet or self._past.get(reply.sequence)
        result = self._createResult(reply, packet, state, now)
        results = [result]
        if reply.sequence >= self._sessionStart:
            # In another session the follow-up would be about a reply with another number.
            results = self._followUps.add(result, reply.followUp)
        self._settle(reply.sequence, results)

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        packet = self._pending.get(sequence)
        if packet is not None:
            packet.kernelSent = nanoseconds

    def move(self, transport: ProbeTransport, change: TargetChange, news: bool = True) -> None:
        """
        Send by another transport from now on.

        The caller owns the former one, whose replies still count.

        @param news: whether to report the change; false at the start of a run.
        """
        self.checkOverflow()
        self._overflowed = 0
        if self.address:
            another = self.address != change.address
            self.beginPiece(PieceReason.REFLECTOR if another else PieceReason.SESSION)
        self.transport = transport
        self.address = change.address
        if news:
            self.changeCount += 1
            self.changes.append(change)
            self._listener.changed(self, change)

    def addressOf(self, sequence: int) -> str:
        """Return the address that a packet was sent to."""
        address = self.address
        for change in reversed(self.changes):
            if sequence >= change.sequence:
                break
            address = change.formerAddress
        return address

    def reconnected(self, reason: str) -> None:
        self.reconnectCount += 1
        change = TargetChange(
            self.statistics.transmitted,
            self._clocks.wall(),
            self.address,
            self.address,
            reason=reason,
        )
        self._listener.changed(self, change)

    def unmatched(self) -> None:
        self.statistics.strays += 1

    def failed(
        self,
        sequence: int | None,
        state: ProbeState,
        reason: str,
        error: ErrorReport | None = None,
    ) -> None:
        if sequence is None and self._pending:
            sequence = next(reversed(self._pending))
        packet = None if sequence is None else self._pending.get(sequence)
        if packet is not None:
            self._fail(packet, state, reason, error)
        elif error is not None and sequence in self._past:
            # Too late to change the packet's result: for example, ARP gives up after 3 seconds.
            self.statistics.errors.add(reason, error)

    @property
    def hasPending(self) -> bool:
        """Whether any packet may still be answered in time."""
        return bool(self._pending)

    def requestFollowUp(self) -> bool:
        """
        Send one more packet, if a held reply needs it; return whether it was sent.

        The packet is not counted, and its loss is not reported.  On its reply
        L{idle<TargetListener.idle>} is called.
        """
        if self._extra is not None or self._stateful is False or not self._followUps.wantsNext:
            return False
        self._extra = self.statistics.transmitted
        try:
            self.transport.send(self._extra)
        except SendError:
            return False
        return True

    @property
    def awaitsFollowUp(self) -> bool:
        """Whether a reply is held, and the packet for its follow-up is under way."""
        return self._extra is not None and self._followUps.wantsNext

    def checkOverflow(self) -> None:
        """Count the datagrams that this host has dropped."""
        overflowed = self.transport.overflowed()
        # A new socket counts from 0 again.
        self.statistics.stalls.overflowed += max(0, overflowed - self._overflowed)
        self._overflowed = overflowed

    def stop(self) -> None:
        """Report the held reply, and wait for no other.  May be called twice."""
        self.checkOverflow()
        for result in self._followUps.release():
            self._report(result, last=True)
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _elapsed(self, reply: Reply, packet: SentPacket, now: Reading) -> int:
        # By the kernel's times, since this program may have been stopped when the reply arrived.
        application = reply.monotonic - packet.sentAt.monotonic
        clockSet = abs(now.base - packet.sentAt.base) > MAXIMUM_BASE_CHANGE
        if reply.received is None or not reply.kernel or clockSet:
            return application - (self._stalledTime(now) - packet.stalledTime)
        sent = packet.sentAt.wall if packet.kernelSent is None else packet.kernelSent
        return min(application, reply.received - sent)

    def _createResult(
        self, reply: Reply, packet: SentPacket | None, state: ProbeState, now: Reading
    ) -> ProbeResult:
        if packet is None:
            # The reply is so late that the times of its packet are forgotten.
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
            sentBase=sentAt.base,
            receivedBase=now.base,
            stalled=self._stalledTime(now) > packet.stalledTime,
            marks=reply.marks,
        )

    def _fail(
        self,
        packet: SentPacket,
        state: ProbeState,
        reason: str,
        error: ErrorReport | None = None,
    ) -> None:
        offset = packet.sentAt.monotonic - self._origin
        result = ProbeResult(
            packet.sequence,
            state,
            offset,
            packet.sentAt.wall,
            reason=reason,
            sentBase=packet.sentAt.base,
            error=error,
        )
        self._settle(packet.sequence, [*self._followUps.failed(packet.sequence), result])

    def _settle(self, sequence: int, results: list[ProbeResult]) -> None:
        packet = self._pending.pop(sequence, None)
        if packet is not None:
            self._past[sequence] = packet
            self._forgetPast(packet.sentAt.monotonic - MAXIMUM_PAST_TIME)
        for result in results:
            self._report(result)
        if packet is not None and not self._pending:
            self._listener.idle(self)

    def _forgetPast(self, before: int) -> None:
        past = self._past
        while len(past) > MAXIMUM_PAST or next(iter(past.values())).sentAt.monotonic < before:
            past.popitem(last=False)

    def _report(self, result: ProbeResult, last: bool = False) -> None:
        for step in self.statistics.add(result, last):
            self._listener.clockStepped(self, step)
        self._listener.resultReady(self, result)

    def _startTimer(self) -> None:
        # One timer for the oldest packet, not one for each: a new packet never expires first.
        if self._timer is None and self._pending:
            oldest = next(iter(self._pending.values()))
            delay = oldest.sentAt.monotonic + self._timeout - self._clocks.monotonic()
            self._timer = self._timers.callLater(max(0, delay) / NANOSECONDS, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._clocks.monotonic()
        if self._isExpired(now) and self._mayHaveReplies():
            self._timer = self._timers.callLater(0, self._expire)
            return
        self._repliesSeen, self._reads = None, 0
        while self._isExpired(now):
            oldest = next(iter(self._pending.values()))
            self._fail(oldest, ProbeState.TIMEOUT, "no answer in time")
        self._startTimer()

    def _isExpired(self, now: int) -> bool:
        if not self._pending:
            return False
        oldest = next(iter(self._pending.values()))
        return oldest.sentAt.monotonic + self._timeout <= now

    def _mayHaveReplies(self) -> bool:
        # When this program was stopped, replies wait in the socket, and this timer fires first,
        # before they are read.  So the reactor reads first, until no more replies are found.
        if self._repliesSeen == self._replies or self._reads == MAXIMUM_READS:
            return False
        self._repliesSeen = self._replies
        self._reads += 1
        return True
