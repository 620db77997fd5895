"""The marks of packets, DSCP and ECN, as sent and as received after changes by the network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one packet and its reply; unknown values are L{None}."""

    #: DSCP of the packet, as sent, and as received by the reflector.
    dscpUpSent: int
    dscpUpReceived: int | None = None
    #: DSCP of the reply, as sent by the reflector, and as received here.
    dscpDownSent: int | None = None
    dscpDownReceived: int | None = None
    ecnUpSent: int = 0
    ecnUpReceived: int | None = None
    #: ECN of the reply; L{None} also if 0: its ECN when sent is unknown, so 0 shows nothing.
    ecnDownReceived: int | None = None
    #: The DSCP requested for the reply, and whether the reflector was allowed to use it.
    dscpAsked: int = 0
    permitted: bool | None = None


class MarkCounts:
    """
    The numbers of changes of marks.  The marks have few bits, so memory is bounded.

    @ivar replies: replies to packets that requested the marks.
    @ivar answered: those replies that came from a reflector that knows the extension.
    @ivar refused: replies without the requested DSCP, counted by that DSCP.
    """

    def __init__(self) -> None:
        self.replies = self.answered = 0
        self.refused: Counter[int] = Counter()
        #: Pairs of sent and received.
        self.dscpUp: Counter[tuple[int, int]] = Counter()
        self.dscpDown: Counter[tuple[int, int]] = Counter()
        self.ecnUp: Counter[tuple[int, int]] = Counter()
        #: Only replies that arrived with a mark.
        self.ecnDown: Counter[int] = Counter()

    def add(self, marks: Marks) -> None:
        self.replies += 1
        if marks.dscpUpReceived is None:
            return
        self.answered += 1
        self.dscpUp[marks.dscpUpSent, marks.dscpUpReceived] += 1
        if marks.ecnUpReceived is not None:
            self.ecnUp[marks.ecnUpSent, marks.ecnUpReceived] += 1
        if marks.dscpDownSent is not None and marks.dscpDownReceived is not None:
            self.dscpDown[marks.dscpDownSent, marks.dscpDownReceived] += 1
        if marks.ecnDownReceived is not None:
            self.ecnDown[marks.ecnDownReceived] += 1
        if marks.permitted is False:
            self.refused[marks.dscpAsked] += 1
