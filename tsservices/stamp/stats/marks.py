"""What the network does to the marks of packets: DSCP and ECN, as sent and as received."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one packet and its reply; L{None} for what is unknown."""

    #: DSCP of the packet, as sent and as it came to the reflector.
    dscpUpSent: int
    dscpUpReceived: int | None = None
    #: DSCP of the reply, as the reflector sent it and as it came here.
    dscpDownSent: int | None = None
    dscpDownReceived: int | None = None
    ecnUpSent: int = 0
    ecnUpReceived: int | None = None
    #: ECN of the reply.  With which one it left nobody says, so 0 (not marked) says nothing.
    ecnDownReceived: int | None = None
    #: The DSCP that was asked for the reply, and whether the reflector was allowed to use it.
    dscpAsked: int = 0
    permitted: bool | None = None


class MarkCounts:
    """
    How often which mark became which.  The marks have few bits, so this is bounded.

    @ivar replies: replies to packets that asked.
    @ivar answered: those of a reflector that knows the extension.
    @ivar refused: replies that do not have the DSCP that was asked for, as a counter of it.
    """

    def __init__(self) -> None:
        self.replies = self.answered = 0
        self.refused: Counter[int] = Counter()
        #: Pairs of sent and received.
        self.dscpUp: Counter[tuple[int, int]] = Counter()
        self.dscpDown: Counter[tuple[int, int]] = Counter()
        self.ecnUp: Counter[tuple[int, int]] = Counter()
        #: Only replies that came marked.
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
