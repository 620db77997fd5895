"""
One host that is measured: what has been sent to it, and what became of each packet.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tsservices.client.probe.schedule import NANOSECONDS
from tsservices.client.probe.wires.base import Clocks, ProbeTransport, Reply, SendError, SendTimes
from tsservices.stamp.stats.follow_up import FollowUpMatcher
from tsservices.stamp.stats.loss import ReplyKind
from tsservices.stamp.stats.result import ProbeResult, ProbeState, Timestamps
from tsservices.stamp.stats.target import TargetStatistics

#: Packets of which it is known what became of them, and whose times are kept: for what comes late
#: or twice.
REMEMBERED = 1024


class TargetListener(Protocol):
    """Who wants to know what happens with a target."""

    def happened(self, target: ProbeTarget, outcome: ProbeResult) -> None:
        pass

    def waited(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def settled(self, target: ProbeTarget) -> None:
        pass


class SentPacket:
    """
    One that was sent.

    @ivar sequence: its number.
    @ivar sent: when.
    @ivar stamp: T1 by the kernel.
    """

    __slots__ = ("sent", "sequence", "stamp")

    def __init__(self, sequence: int, sent: SendTimes) -> None:
        self.sequence = sequence
        self.sent = sent
        self.stamp: int | None = None


class ProbeTarget:
    """
    A host that is measured.

    @ivar name: as it was asked for.
    @ivar address: its IP address.
    @ivar port: its port.
    @ivar wire: the way to it.
    @ivar tally: what is known of it.
    """

    def __init__(
        self,
        name: str,
        address: str,
        port: int,
        wire: ProbeTransport,
        tally: TargetStatistics,
        clock: IReactorTime,
        times: Clocks,
        timeout: float,
        watcher: TargetListener,
    ) -> None:
        """@param timeout: seconds until a packet is lost."""
        self.name = name
        self.address = address
        self.port = port
        self.wire = wire
        self.tally = tally
        self._clock = clock
        self._times = times
        self._timeout = round(timeout * NANOSECONDS)
        self._watcher = watcher
        self._origin = 0
        self._pending: OrderedDict[int, SentPacket] = OrderedDict()
        self._past: OrderedDict[int, SentPacket] = OrderedDict()
        self._pairing = FollowUpMatcher()
        self._timer: IDelayedCall | None = None

    def begin(self, origin: int) -> None:
        """@param origin: the start of the run by the monotonic clock."""
        self._origin = origin

    def sendNext(self, lateness: int, skipped: int) -> None:
        """
        Send the next packet.

        @param lateness: nanoseconds since its turn.
        """
        sequence = self.tally.transmitted
        if sequence - 1 in self._pending:
            self._watcher.waited(self, sequence - 1)
        sent = SendTimes(self._times.monotonic(), self._times.wall())
        packet = self._pending[sequence] = SentPacket(sequence, sent)
        self.tally.sent(sent.at - self._origin, lateness, skipped)
        try:
            packet.sent = self.wire.send(sequence)
        except SendError as error:
            self.failed(sequence, error.state, str(error))
        else:
            self._watch()

    def replied(self, reply: Reply) -> None:
        arrival = self.tally.arrival(reply.sequence, reply.counted)
        if arrival is ReplyKind.STRAY:
            return
        packet = self._pending.get(reply.sequence)
        state = ProbeState.DUPLICATE
        if arrival is ReplyKind.FIRST:
            state = ProbeState.OK if packet is not None else ProbeState.LATE
        outcome = self._outcome(reply, packet or self._past.get(reply.sequence), state)
        self._settle(reply.sequence, self._pairing.arrived(outcome, reply.departure))

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        """@param nanoseconds: when, by the kernel, since 1970."""
        packet = self._pending.get(sequence)
        if packet is not None:
            packet.stamp = nanoseconds

    def unmatched(self) -> None:
        """Something came that is no reply."""
        self.tally.strays += 1

    def failed(self, sequence: int | None, state: ProbeState, reason: str) -> None:
        """@param sequence: of a packet that will not be answered; L{None} for the newest."""
        if sequence is None and self._pending:
            sequence = next(reversed(self._pending))
        packet = None if sequence is None else self._pending.get(sequence)
        if packet is not None:
            self._fail(packet, state, reason)

    @property
    def waiting(self) -> bool:
        """Whether any packet may still be answered in time."""
        return bool(self._pending)

    def end(self) -> None:
        """Wait for nothing any more."""
        for outcome in self._pairing.release():
            self._tell(outcome)
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _outcome(self, reply: Reply, packet: SentPacket | None, state: ProbeState) -> ProbeResult:
        if packet is None:
            return ProbeResult(
                reply.sequence,
                state,
                reply.at - self._origin,
                self._times.wall() if reply.received is None else reply.received,
                reflectorSequence=reply.counted,
                size=reply.size,
                ttl=reply.ttl,
            )
        stamps = None
        if reply.received is not None:
            stamps = Timestamps(
                packet.sent.wall if packet.stamp is None else packet.stamp,
                reply.received,
                reply.arrived,
                reply.returned,
                ("u" if packet.stamp is None else "k") + ("k" if reply.kernel else "u"),
            )
        return ProbeResult(
            reply.sequence,
            state,
            packet.sent.at - self._origin,
            packet.sent.wall,
            reply.at - packet.sent.at,
            stamps,
            reply.counted,
            reply.size,
            reply.ttl,
        )

    def _fail(self, packet: SentPacket, state: ProbeState, reason: str) -> None:
        at = packet.sent.at - self._origin
        outcome = ProbeResult(packet.sequence, state, at, packet.sent.wall, reason=reason)
        self._settle(packet.sequence, [*self._pairing.failed(packet.sequence), outcome])

    def _settle(self, sequence: int, outcomes: list[ProbeResult]) -> None:
        """A packet is waited for no longer."""
        packet = self._pending.pop(sequence, None)
        if packet is not None:
            self._past[sequence] = packet
            if len(self._past) > REMEMBERED:
                self._past.popitem(last=False)
        for outcome in outcomes:
            self._tell(outcome)
        if packet is not None and not self._pending:
            self._watcher.settled(self)

    def _tell(self, outcome: ProbeResult) -> None:
        self.tally.take(outcome)
        self._watcher.happened(self, outcome)

    def _watch(self) -> None:
        """Have the timer run for the oldest packet."""
        if self._timer is None and self._pending:
            oldest = next(iter(self._pending.values()))
            delay = oldest.sent.at + self._timeout - self._times.monotonic()
            self._timer = self._clock.callLater(max(0, delay) / NANOSECONDS, self._expire)

    def _expire(self) -> None:
        """Give up packets whose time is over."""
        self._timer = None
        now = self._times.monotonic()
        while self._pending:
            oldest = next(iter(self._pending.values()))
            if oldest.sent.at + self._timeout > now:
                break
            self._fail(oldest, ProbeState.TIMEOUT, "no answer in time")
        self._watch()
