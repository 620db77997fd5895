"""
Target.
"""

from __future__ import annotations

from tsservices.stamp.stats.clock_offset import ClockFilter, ClockSample
from tsservices.stamp.stats.delay import Jitter, QueueingDelay, Timeline
from tsservices.stamp.stats.distribution import Distribution
from tsservices.stamp.stats.loss import DirectionalLoss, LossBursts, ReplyKind
from tsservices.stamp.stats.result import ProbeResult, ProbeState


class TargetStatistics:
    """
    The account of one target.

    A packet is lost when no reply came in time.  What comes after that is counted as
    late, and the packet stays lost: who waits for a reply does not wait for ever.

    @ivar transmitted: packets sent.
    @ivar skipped: packets that were not sent because this program had no time when
        their turn was.
    @ivar received: packets with a reply in time.
    @ivar late: packets whose reply came later.
    @ivar timeouts: packets without a reply in time.
    @ivar refused: packets of which the other host said that nobody listens there.
    @ivar unreachable: packets of which the network said that there is no way.
    @ivar strays: replies that belong to nothing that is remembered.
    @ivar began: when the first packet was sent, in nanoseconds since the start.
    @ivar ended: when the last thing happened, the same.
    @ivar network: round trips between the kernels, without the reflector's own time.
    @ivar application: round trips as this program saw them.
    @ivar server: what the reflector took.
    @ivar up: raw one-way delays to the reflector, which contain the offset.
    @ivar down: raw one-way delays from the reflector, which contain the offset.
    @ivar jitter: of the round trips.
    @ivar jitterUp: of the way up.
    @ivar jitterDown: of the way down.
    @ivar queueUp: delays above the minimum of the way up.
    @ivar queueDown: the same of the way down.
    @ivar clock: offset and skew.
    @ivar directions: what happened on which way.
    @ivar runs: of lost packets.
    @ivar timer: how late packets were sent, against the plan.
    @ivar timeline: round trips by time.
    @ivar kernelSent: replies with T1 stamped by the kernel.
    @ivar kernelReceived: replies with T4 stamped by the kernel.
    @ivar followed: replies of which the reflector told when they left.
    """

    def __init__(self, stateful: bool | None = None) -> None:
        """@param stateful: whether the reflector counts; L{None} when its replies must tell."""
        self.transmitted = 0
        self.skipped = 0
        self.received = 0
        self.late = 0
        self.timeouts = 0
        self.refused = 0
        self.unreachable = 0
        self.strays = 0
        self.began: int | None = None
        self.ended = 0
        self.network = Distribution()
        self.application = Distribution()
        self.server = Distribution()
        self.up = Distribution()
        self.down = Distribution()
        self.jitter = Jitter()
        self.jitterUp = Jitter()
        self.jitterDown = Jitter()
        self.clock = ClockFilter()
        self.queueUp = QueueingDelay(self._skew)
        self.queueDown = QueueingDelay(lambda: -self._skew())
        self.directions = DirectionalLoss(stateful)
        self.runs = LossBursts()
        self.timer = Distribution()
        self.timeline = Timeline()
        self.kernelSent = 0
        self.kernelReceived = 0
        self.followed = 0

    def sent(self, at: int, lateness: int, skipped: int) -> None:
        """@param at: when a packet was sent, in nanoseconds since the start."""
        if self.began is None:
            self.began = at
        self.ended = max(self.ended, at)
        self.transmitted += 1
        self.skipped += skipped
        self.timer.add(lateness)

    def arrival(self, sequence: int, counted: int | None) -> ReplyKind:
        """What the reply is beside those before it."""
        if not 0 <= sequence < self.transmitted:
            self.strays += 1
            return ReplyKind.STRAY
        arrival = self.directions.add(sequence, counted)
        self.strays += arrival is ReplyKind.STRAY
        return arrival

    def take(self, outcome: ProbeResult) -> None:
        state = outcome.state
        if state is ProbeState.OK:
            self.received += 1
            self._measure(outcome)
        elif state is ProbeState.LATE:
            self.late += 1
        elif state is ProbeState.TIMEOUT:
            self.timeouts += 1
        elif state is ProbeState.REFUSED:
            self.refused += 1
        elif state is ProbeState.UNREACHABLE:
            self.unreachable += 1
        if state in (ProbeState.REFUSED, ProbeState.UNREACHABLE):
            self.directions.refused(outcome.sequence)
        if state not in (ProbeState.LATE, ProbeState.DUPLICATE):
            self.runs.settle(outcome.sequence, state is not ProbeState.OK)
            if state is not ProbeState.OK:
                self.timeline.add(outcome.sentOffset, None)
        self.ended = max(self.ended, outcome.sentOffset + (outcome.application or 0))

    def _measure(self, outcome: ProbeResult) -> None:
        times = outcome.timing
        at, sequence = outcome.sentOffset, outcome.sequence
        self.network.add(times.network)
        self.application.add(outcome.application)
        self.server.add(times.server)
        self.up.add(times.up)
        self.down.add(times.down)
        trip = outcome.application if times.network is None else times.network
        self.jitter.add(sequence, trip)
        self.jitterUp.add(sequence, times.up)
        self.jitterDown.add(sequence, times.down)
        self.timeline.add(at, trip)
        if times.offset is not None and times.network is not None:
            self.clock.add(ClockSample(at, times.offset, times.network))
        self.queueUp.add(at, times.up)
        self.queueDown.add(at, times.down)
        if outcome.stamps is not None:
            self.kernelSent += outcome.stamps.clocks[:1] == "k"
            self.kernelReceived += outcome.stamps.clocks[1:] == "k"
            self.followed += outcome.followUp is not None

    def _skew(self) -> float:
        skew = self.clock.skew()
        return skew.ppm / 1e6 if skew is not None and skew.significant else 0.0

    @property
    def settled(self) -> int:
        """Packets of which it is known what became of them."""
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
        """Lost packets of a hundred; L{None} before any is settled."""
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
        Packets lost on a way that nobody can know, because nothing came after them; L{None} if
        the ways cannot be told apart at all.
        """
        up, down = self.lostUp, self.lostDown
        if up is None or down is None:
            return None
        return max(0, self.timeouts - self.late - up - down)

    @property
    def trip(self) -> Distribution:
        """The round trips of the best clock there is: the network's, else the application's."""
        return self.network if self.network.count else self.application
