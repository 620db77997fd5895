"""All that is known of one target after any number of packets, in bounded memory."""

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
    """Why figures that depend on the reflector's clock or counter begin anew."""

    #: One of the two clocks was set.
    CLOCK = "clock"
    #: The reflector counts anew for packets from here: from another address, port or session.
    SESSION = "session"
    #: Packets go to another address: perhaps to another reflector, with another clock.
    REFLECTOR = "reflector"


class TargetStatistics:
    """
    The statistics of one target.

    What contains the offset of the clocks, or the reflector's counter, is taken in pieces: see
    L{beginPiece}.  Raw one-way delays and the offset are those of the last piece; queueing, jitter
    and losses are taken within each piece and then summed up.

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
        #: Nanoseconds from a packet's turn to its sending.
        self.lateness = Distribution()
        self.timeline = Timeline()
        #: Replies with T1, and with T4, of the kernel.
        self.kernelSent = 0
        self.kernelReceived = 0
        #: Replies of which it is known when they left.
        self.followedUp = 0
        #: Replies whose times contradict each other, so that only the application knows of them.
        self.contradicted = 0
        #: The last reply is in no figure of the network, since nothing says when it left.
        self.lastLeftOut = False
        self.stalls = Stalls()
        #: Who said what of packets that did not arrive; also of those that were lost already.
        self.errors = ErrorCounts()
        self.marks = MarkCounts()
        #: How often a new piece began, by the reason.
        self.pieces = dict.fromkeys(PieceReason, 0)
        self.steps = ClockSteps()
        self._stepDetector = ClockStepDetector()
        # Packets before it belong to an earlier piece.
        self._pieceStart = 0
        self._pieceIsEmpty = True
        # Errors of which nobody says where the packet was, as when a connection is lost.
        self._unexplained = 0
        # Nanoseconds since the start of the run: the newest packet of which there is a result.
        self._newest = -1

    def beginPiece(self, reason: PieceReason) -> None:
        """
        The next packet that is sent begins a new piece of what is known by direction.

        To be called when the reflector will count packets anew, or when another host may answer.
        Steps of clocks are found without it.
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
        # Before the clock, whose skew they need.
        self.queueingUp.beginPiece()
        self.queueingDown.beginPiece()
        self.clock.beginPiece(sameClock=reason is not PieceReason.REFLECTOR)
        self.jitterUp.beginPiece()
        self.jitterDown.beginPiece()

    @property
    def clockNoise(self) -> int:
        """Nanoseconds by which the reflector's clock jumps to and fro; 0 if it does not."""
        return self._stepDetector.noise

    @property
    def piece(self) -> int:
        """The number of this piece, from 0."""
        return sum(self.pieces.values())

    def addSent(self, time: int, lateness: int, skipped: int, stalled: bool = False) -> None:
        """
        Count a packet.

        @param time: nanoseconds since the start of the run.
        @param lateness: nanoseconds since its turn.
        @param skipped: packets that were not sent before it.
        @param stalled: it is late, and others were not sent, because this program did not run.
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
        """Count a reply before its result is known: the kind decides what its result is."""
        if not 0 <= sequence < self.transmitted:
            self.strays += 1
            return ReplyKind.STRAY
        kind = self.directions.add(sequence, reflectorSequence)
        self.strays += kind is ReplyKind.STRAY
        return kind

    def add(self, result: ProbeResult, last: bool = False) -> list[ClockStep]:
        """
        The steps of clocks that this result shows.

        @param last: no reply comes after it.
        """
        state = result.state
        steps = self._addBases(result) if state is not ProbeState.DUPLICATE else []
        if state is ProbeState.OK:
            self.received += 1
            self._countTimestamps(result)
            # Among others with a follow-up, it alone would have the time from T3 to the wire.
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
        # An older packet knows nothing of now.
        if result.sentOffset < self._newest:
            return []
        steps = []
        # Without a step in between, one of them says all.
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
            # Round trips of the application and of the network have no difference in common.
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
            # The stall is in it.
            self.stalls.unmeasured += 1
            return None
        self.application.add(result.application)
        return result.application

    def _addOneWay(self, sample: ClockSample, sequence: int, delays: Delays, noise: int) -> None:
        if self._pieceIsEmpty:
            # Raw delays of two offsets have no common minimum.  Those of the last piece stay until
            # the new one has some.
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
            # One clock jumps by more than there is to measure.
            return
        self.jitterUp.add(sequence, delays.up)
        self.jitterDown.add(sequence, delays.down)
        self.queueingUp.add(time, delays.up, roundTrip)
        self.queueingDown.add(time, delays.down, roundTrip)

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
    def _isLossUnexplained(self) -> bool:
        return self.timeouts > self.late or self._unexplained > 0

    @property
    def lostUp(self) -> int | None:
        """Packets that did not reach the reflector; L{None} if nobody can know."""
        return self.directions.lostUp if self._isLossUnexplained else 0

    @property
    def lostDown(self) -> int | None:
        """Packets whose reply did not arrive; L{None} if nobody can know."""
        return self.directions.lostDown if self._isLossUnexplained else 0

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
