"""All statistics of one target, in bounded memory for any number of packets."""

from __future__ import annotations

from enum import Enum

from tsservices.stamp.stats.clock_offset import ClockFilter, ClockSample
from tsservices.stamp.stats.clock_steps import ClockStep, ClockStepDetector, ClockSteps
from tsservices.stamp.stats.delay import Jitter, QueueingDelay, Timeline
from tsservices.stamp.stats.distribution import Distribution
from tsservices.stamp.stats.errors import ErrorCounts
from tsservices.stamp.stats.loss import DirectionalLoss, LossBursts, ReplyKind
from tsservices.stamp.stats.marks import MarkCounts
from tsservices.stamp.stats.result import Delays, ProbeResult, ProbeState
from tsservices.stamp.stats.stalls import Stalls


class PieceReason(Enum):
    """Why figures that depend on the reflector's clock or counter are started again."""

    #: One of the two clocks was set.
    CLOCK = "clock"
    #: Packets leave from another address, port or session, so the reflector counts them from 0.
    SESSION = "session"
    #: Packets go to another address: perhaps to another reflector, with another clock.
    REFLECTOR = "reflector"


class TargetStatistics:
    """
    The statistics of one target.

    Figures that contain the offset of the clocks, or the reflector's counter, are taken in pieces:
    see L{beginPiece}.  Raw one-way delays and the offset are those of the last piece; queueing,
    jitter and losses are measured within each piece and then summed up.

    A packet is lost if no reply arrived in time.  A later reply is counted as late, and the packet
    stays lost: an application does not wait for ever either.
    """

    def __init__(self, stateful: bool | None = None) -> None:
        """@param stateful: whether the reflector is; L{None} to find it out from its replies."""
        #: Packets, by their results.
        self.transmitted = 0
        self.received = 0
        self.late = 0
        self.timeouts = 0
        self.refused = 0
        self.unreachable = 0
        #: Packets that were not sent because this program had no time to send them.
        self.skipped = 0
        #: Replies to packets that were never sent, or are no longer remembered.
        self.strays = 0
        #: Nanoseconds since the start of the run: the first packet, and the last packet or reply.
        self.firstSent: int | None = None
        self.lastEvent = 0
        #: Round trips by T1 and T4 without the reflector's own time, and as this program measured.
        self.network = Distribution()
        self.application = Distribution()
        #: How long the reflector kept the packets.
        self.server = Distribution()
        #: Raw one-way delays of this piece, which contain the offset of the clocks.
        self.up = Distribution(relative=True)
        self.down = Distribution(relative=True)
        self.jitter = Jitter()
        self.jitterUp = Jitter()
        self.jitterDown = Jitter()
        self.clock = ClockFilter()
        self.queueingUp = QueueingDelay(self._skew)
        self.queueingDown = QueueingDelay(lambda: -self._skew())
        self.directions = DirectionalLoss(stateful)
        self.lossBursts = LossBursts()
        #: Nanoseconds from the scheduled time of a packet to its sending.
        self.lateness = Distribution()
        self.timeline = Timeline()
        #: Replies whose T1, and whose T4, the kernel took.
        self.kernelSent = 0
        self.kernelReceived = 0
        #: Replies whose departure time is known.
        self.followedUp = 0
        #: Replies with contradictory timestamps, only counted as round trips of the application.
        self.contradicted = 0
        #: Whether the figures of the network leave out the last reply: its departure is unknown.
        self.lastLeftOut = False
        self.stalls = Stalls()
        #: The errors of packets that did not arrive, also of packets that were already lost.
        self.errors = ErrorCounts()
        self.marks = MarkCounts()
        #: How often a new piece began, by the reason.
        self.pieces = dict.fromkeys(PieceReason, 0)
        self.steps = ClockSteps()
        self._stepDetector = ClockStepDetector()
        # Packets before this number belong to an earlier piece.
        self._pieceStart = 0
        self._pieceIsEmpty = True
        # Errors that do not show where the packet was lost, as a lost connection.
        self._unexplained = 0
        # When the newest packet with a result was sent, in nanoseconds since the start of the run.
        self._newest = -1

    def beginPiece(self, reason: PieceReason) -> None:
        """
        Begin a new piece of the figures by direction, with the next packet that is sent.

        To be called when the reflector will count from 0, or when another host may answer.  Steps
        of clocks are detected without it.
        """
        self._beginPiece(reason, self.transmitted)
        self.directions.beginSession(self.transmitted)
        self.jitter.beginPiece()
        if reason is PieceReason.REFLECTOR:
            self._stepDetector.forgetReflector()

    def _beginPiece(self, reason: PieceReason, first: int) -> None:
        self.pieces[reason] += 1
        self._pieceStart = first
        self._pieceIsEmpty = True
        # Before the clock's own piece ends: they need its skew.
        self.queueingUp.beginPiece()
        self.queueingDown.beginPiece()
        self.clock.beginPiece(sameClock=reason is not PieceReason.REFLECTOR)
        self.jitterUp.beginPiece()
        self.jitterDown.beginPiece()

    @property
    def clockNoise(self) -> int:
        """Nanoseconds by which the reflector's clock jumps back and forth; 0 without jumps."""
        return self._stepDetector.noise

    @property
    def piece(self) -> int:
        """The number of this piece, from 0."""
        return sum(self.pieces.values())

    def addSent(self, time: int, lateness: int, skipped: int, stalled: bool = False) -> None:
        """
        Count a packet that was sent.

        @param time: nanoseconds since the start of the run.
        @param lateness: nanoseconds since its scheduled time.
        @param skipped: packets that were not sent before it.
        @param stalled: whether packets are late or skipped because this program did not run.
        """
        if self.firstSent is None:
            self.firstSent = time
        if time > self.lastEvent:
            self.lastEvent = time
        self.transmitted += 1
        self.skipped += skipped
        if stalled:
            self.stalls.skipped += skipped
        else:
            self.lateness.add(lateness)

    def classifyReply(self, sequence: int, reflectorSequence: int | None) -> ReplyKind:
        """Count a reply before its result is known, since the result depends on the kind."""
        if not 0 <= sequence < self.transmitted:
            self.strays += 1
            return ReplyKind.STRAY
        kind = self.directions.add(sequence, reflectorSequence)
        self.strays += kind is ReplyKind.STRAY
        return kind

    def add(self, result: ProbeResult, last: bool = False) -> list[ClockStep]:
        """
        Count a result, and return the steps of clocks that it shows.

        @param last: whether no more replies follow.
        """
        state = result.state
        steps = self._addBases(result) if state is not ProbeState.DUPLICATE else []
        if state is ProbeState.OK:
            self.received += 1
            self._countTimestamps(result)
            # The others have their real departure; only this one would contain the delay after T3.
            if last and self.followedUp and result.followUpDelay is None:
                self.lastLeftOut = True
                self._addApplication(result)
            else:
                steps += self._addReply(result)
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
            self._unexplained += result.error is None
            self.errors.add(result.reason, result.error)
        if state not in (ProbeState.LATE, ProbeState.DUPLICATE):
            self.lossBursts.add(result.sequence, state is not ProbeState.OK)
            if state is not ProbeState.OK:
                self.timeline.add(result.sentOffset, None)
        event = result.sentOffset + (result.application or 0)
        if event > self.lastEvent:
            self.lastEvent = event
        if result.sentOffset > self._newest:
            self._newest = result.sentOffset
        for step in steps:
            self.steps.add(step)
        return steps

    def _addBases(self, result: ProbeResult) -> list[ClockStep]:
        # An older packet says nothing about the present state.
        if result.sentOffset < self._newest:
            return []
        steps = []
        # Without a step between packet and reply, one of the two is enough.
        for base in (result.sentBase, result.receivedBase)[: 1 + result.clockSet]:
            step = None
            if base is not None:
                step = self._stepDetector.observeBase(result.sentOffset, base)
            if step is not None:
                steps.append(step)
                self._beginPiece(PieceReason.CLOCK, result.sequence)
        return steps

    def _addReply(self, result: ProbeResult) -> list[ClockStep]:
        delays = result.delays
        time, sequence = result.sentOffset, result.sequence
        application = self._addApplication(result)
        self.contradicted += delays.network is None and result.timestamps is not None
        self.network.add(delays.network)
        self.server.add(delays.server)
        roundTrip = delays.network
        if not self.network.count:
            roundTrip = application
        elif self.network.count == 1:
            # A round trip of the application and one of the network have no meaningful difference.
            self.jitter.beginPiece()
        if roundTrip is not None:
            self.jitter.add(sequence, roundTrip)
            self.timeline.add(time, roundTrip)
        if result.marks is not None:
            self.marks.add(result.marks)
        if delays.offset is None or delays.network is None or sequence < self._pieceStart:
            return []
        sample = ClockSample(time, delays.offset, delays.network)
        times = result.timestamps
        assert times is not None
        reflectorTimes = (times.reflectorReceived or 0, times.reflectorSent or 0)
        step = self._stepDetector.observe(sample, result.sentBase, reflectorTimes)
        if step is not None:
            self._beginPiece(PieceReason.CLOCK, sequence)
        self._addOneWay(sample, sequence, delays, self.clockNoise)
        return [] if step is None else [step]

    def _countTimestamps(self, result: ProbeResult) -> None:
        if result.timestamps is not None:
            self.kernelSent += result.timestamps.clocks[:1] == "k"
            self.kernelReceived += result.timestamps.clocks[1:] == "k"
            self.followedUp += result.followUpDelay is not None

    def _addApplication(self, result: ProbeResult) -> int | None:
        if result.stalled:
            # The measured time includes the stall.
            self.stalls.unmeasured += 1
            return None
        self.application.add(result.application)
        return result.application

    def _addOneWay(self, sample: ClockSample, sequence: int, delays: Delays, noise: int) -> None:
        if self._pieceIsEmpty:
            # Raw delays with different offsets have no common minimum.  Those of the last piece are
            # kept until the new piece has some.
            self._pieceIsEmpty = False
            self.up, self.down = Distribution(relative=True), Distribution(relative=True)
        time, roundTrip = sample.time, sample.delay
        self.up.add(delays.up)
        self.down.add(delays.down)
        if noise:
            sample = sample._replace(delay=roundTrip + 2 * noise)
        # The clock first: queueing delays need the skew.
        self.clock.add(sample)
        if noise > roundTrip:
            # The jumps of the clock are larger than the delay to be measured.
            return
        self.jitterUp.add(sequence, delays.up)
        self.jitterDown.add(sequence, delays.down)
        self.queueingUp.add(time, delays.up, roundTrip)
        self.queueingDown.add(time, delays.down, roundTrip)

    def _skew(self) -> float:
        # Removing a skew that is only noise would add an error to the delays.
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
        """Packets without a reply in time, for any reason."""
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
    def _isLossUnexplained(self) -> bool:
        return self.timeouts > self.late or self._unexplained > 0

    @property
    def lostUp(self) -> int | None:
        """Packets that did not reach the reflector; L{None} if the direction is unknown."""
        return self.directions.lostUp if self._isLossUnexplained else 0

    @property
    def lostDown(self) -> int | None:
        """Packets whose reply did not arrive; L{None} if the direction is unknown."""
        return self.directions.lostDown if self._isLossUnexplained else 0

    @property
    def undecided(self) -> int | None:
        """
        Packets lost after the last reply, so that their direction is unknown; L{None} if the
        directions cannot be distinguished at all.
        """
        up, down = self.lostUp, self.lostDown
        if up is None or down is None:
            return None
        return max(0, self.timeouts - self.late - up - down)

    @property
    def roundTrip(self) -> Distribution:
        """The network's round trips if there are any, otherwise the application's."""
        return self.network if self.network.count else self.application
