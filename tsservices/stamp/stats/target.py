"""All that is known of one target after any number of packets, in bounded memory."""

from __future__ import annotations

from tsservices.stamp.stats.clock_offset import ClockFilter, ClockSample
from tsservices.stamp.stats.delay import Jitter, QueueingDelay, Timeline
from tsservices.stamp.stats.distribution import Distribution
from tsservices.stamp.stats.loss import DirectionalLoss, LossBursts, ReplyKind
from tsservices.stamp.stats.result import ProbeResult, ProbeState


class TargetStatistics:
    """
    The statistics of one target.

    A packet is lost if no reply came in time.  A reply that comes after that is counted as
    late, and the packet stays lost: an application does not wait for ever either.
    """

    def __init__(self, stateful: bool | None = None) -> None:
        """@param stateful: whether the reflector counts; L{None} if its replies have to show it."""
        #: Packets, by what became of them.
        self.transmitted = 0
        self.received = 0
        self.late = 0
        self.timeouts = 0
        self.refused = 0
        self.unreachable = 0
        #: Packets that were not sent because this program had no time for them.
        self.skipped = 0
        #: Replies to packets that were never sent, or are forgotten.
        self.strays = 0
        #: Nanoseconds since the start of the run: the first packet, and the last packet or reply.
        self.firstSent: int | None = None
        self.lastEvent = 0
        #: Round trips by T1 and T4 without the reflector's own time, and as this program saw them.
        self.network = Distribution()
        self.application = Distribution()
        #: How long the reflector had the packets.
        self.server = Distribution()
        #: Raw one-way delays, which contain the offset of the clocks.
        self.up = Distribution()
        self.down = Distribution()
        self.jitter = Jitter()
        self.jitterUp = Jitter()
        self.jitterDown = Jitter()
        self.clock = ClockFilter()
        self.queueingUp = QueueingDelay(self._skew)
        self.queueingDown = QueueingDelay(lambda: -self._skew())
        self.directions = DirectionalLoss(stateful)
        self.lossBursts = LossBursts()
        #: Nanoseconds from a packet's turn to its sending.
        self.lateness = Distribution()
        self.timeline = Timeline()
        #: Replies with T1, and with T4, of the kernel.
        self.kernelSent = 0
        self.kernelReceived = 0
        #: Replies of which it is known when they left.
        self.followedUp = 0

    def addSent(self, time: int, lateness: int, skipped: int) -> None:
        """
        Count a packet.

        @param time: nanoseconds since the start of the run.
        @param lateness: nanoseconds since its turn.
        @param skipped: packets that were not sent before it.
        """
        if self.firstSent is None:
            self.firstSent = time
        self.lastEvent = max(self.lastEvent, time)
        self.transmitted += 1
        self.skipped += skipped
        self.lateness.add(lateness)

    def classifyReply(self, sequence: int, reflectorSequence: int | None) -> ReplyKind:
        """Count a reply before its result is known: the kind decides what its result is."""
        if not 0 <= sequence < self.transmitted:
            self.strays += 1
            return ReplyKind.STRAY
        kind = self.directions.add(sequence, reflectorSequence)
        self.strays += kind is ReplyKind.STRAY
        return kind

    def add(self, result: ProbeResult) -> None:
        state = result.state
        if state is ProbeState.OK:
            self.received += 1
            self._addReply(result)
        elif state is ProbeState.LATE:
            self.late += 1
        elif state is ProbeState.TIMEOUT:
            self.timeouts += 1
        elif state is ProbeState.REFUSED:
            self.refused += 1
        elif state is ProbeState.UNREACHABLE:
            self.unreachable += 1
        if state in (ProbeState.REFUSED, ProbeState.UNREACHABLE):
            self.directions.addError(result.sequence)
        if state not in (ProbeState.LATE, ProbeState.DUPLICATE):
            self.lossBursts.add(result.sequence, state is not ProbeState.OK)
            if state is not ProbeState.OK:
                self.timeline.add(result.sentOffset, None)
        self.lastEvent = max(self.lastEvent, result.sentOffset + (result.application or 0))

    def _addReply(self, result: ProbeResult) -> None:
        delays = result.delays
        time, sequence = result.sentOffset, result.sequence
        self.network.add(delays.network)
        self.application.add(result.application)
        self.server.add(delays.server)
        self.up.add(delays.up)
        self.down.add(delays.down)
        roundTrip = result.application if delays.network is None else delays.network
        self.jitter.add(sequence, roundTrip)
        self.jitterUp.add(sequence, delays.up)
        self.jitterDown.add(sequence, delays.down)
        self.timeline.add(time, roundTrip)
        # The clock first: queueing delays need the skew.
        if delays.offset is not None and delays.network is not None:
            self.clock.add(ClockSample(time, delays.offset, delays.network))
        self.queueingUp.add(time, delays.up)
        self.queueingDown.add(time, delays.down)
        if result.timestamps is not None:
            self.kernelSent += result.timestamps.clocks[:1] == "k"
            self.kernelReceived += result.timestamps.clocks[1:] == "k"
            self.followedUp += result.followUpDelay is not None

    def _skew(self) -> float:
        # Skew that is no more than noise would add to the delays what it means to take off.
        skew = self.clock.skew()
        return skew.ppm / 1e6 if skew is not None and skew.significant else 0.0

    @property
    def duration(self) -> int:
        """Nanoseconds from the first packet to the last event."""
        return 0 if self.firstSent is None else self.lastEvent - self.firstSent

    @property
    def settled(self) -> int:
        """Packets whose result is known."""
        return self.received + self.lost

    @property
    def lost(self) -> int:
        """Packets without a reply in time, for whatever reason."""
        return self.timeouts + self.refused + self.unreachable

    @property
    def outstanding(self) -> int:
        """Packets that may still be answered in time."""
        return self.transmitted - self.settled

    @property
    def lossPercent(self) -> float | None:
        """L{None} before any packet is settled."""
        return 100 * self.lost / self.settled if self.settled else None

    @property
    def lostUp(self) -> int | None:
        """Packets that did not reach the reflector; L{None} if nobody can know."""
        return 0 if self.timeouts <= self.late else self.directions.lostUp

    @property
    def lostDown(self) -> int | None:
        """Packets whose reply did not arrive; L{None} if nobody can know."""
        return 0 if self.timeouts <= self.late else self.directions.lostDown

    @property
    def undecided(self) -> int | None:
        """
        Packets lost after the last reply, which would show the direction; L{None} if the directions
        cannot be told apart at all.
        """
        up, down = self.lostUp, self.lostDown
        if up is None or down is None:
            return None
        return max(0, self.timeouts - self.late - up - down)

    @property
    def roundTrip(self) -> Distribution:
        """The round trips of the best clock: the network's, else the application's."""
        return self.network if self.network.count else self.application
