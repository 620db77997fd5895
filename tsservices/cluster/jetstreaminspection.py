"""
Whether a stream is still what it was.
"""

from __future__ import annotations

from nats.js.api import StreamInfo

from tsservices.cluster.engine import EngineError
from tsservices.cluster.jetstreamfounding import founding

_SURE = 3
"""
How often something bad has to be seen in a row: engines that begin may know less.
"""

_MISSING = "missing"


class Inspection:
    """
    Compares what is seen of a stream with what was there.

    @ivar reason: why it can't be gone on with; nothing: it can.
    """

    def __init__(self, name: str, known: StreamInfo) -> None:
        """
        @param name: of the stream.
        @param known: as it was found.
        @raise EngineError: it is none of ours.
        """
        self._name = name
        self._epoch = founding(name, known.config.metadata).epoch
        self._created = known.created
        self._strikes: dict[str, int] = {}
        self.reason = ""

    @property
    def bad(self) -> bool:
        """
        @return: whether something bad was seen the last time.
        """
        return bool(self._strikes or self.reason)

    @property
    def goesOn(self) -> bool:
        """
        @return: whether one may ask for messages: also for one that is missing, since only
            so it shows that it is.
        """
        return not self.reason and self._strikes.keys() <= {_MISSING}

    def gone(self) -> None:
        """
        There is no such stream.
        """
        self._strike("gone", True, "was deleted")

    def seen(self, info: StreamInfo, wanted: int, moved: bool) -> None:
        """
        @param info: the stream as it is.
        @param wanted: the number of the message that was wanted when it was asked for.
        @param moved: whether it came meanwhile.
        """
        self._strike("gone", False, "")
        try:
            epoch = founding(self._name, info.config.metadata).epoch
        except EngineError as error:
            self.reason = str(error)
            return
        first, last = info.state.first_seq, info.state.last_seq
        if epoch != self._epoch:
            self._end("was made anew")
        elif info.created != self._created:
            self._end("was restored from a copy")
        self._strike(
            "short",
            last < wanted - 1,
            f"ends at {last}, where {wanted - 1} was there already: it was restored from an"
            " old copy, or lost what it had",
        )
        self._strike(
            "pruned",
            first > wanted and not moved,
            f"begins at {first}, and {wanted} is still needed",
        )

    @staticmethod
    def replaced(name: str, number: int) -> str:
        """
        @param name: of a stream.
        @param number: of a message that was there, and is another one now.
        @return: why it can't be gone on with.
        """
        return (
            f"the stream {name} has another message {number} now: it was restored from an old"
            " copy, or lost what it had"
        )

    def missing(self, number: int | None) -> None:
        """
        @param number: of a message that did not come where it had to, though the stream
            begins before it; L{None}: all came.
        """
        self._strike(_MISSING, number is not None, f"can't give message {number} any more")

    def _strike(self, what: str, isSo: bool, words: str) -> None:
        """
        @param what: something bad.
        @param isSo: whether it is so now.
        @param words: what to say when that was so often enough.
        """
        if not isSo:
            self._strikes.pop(what, None)
            return
        self._strikes[what] = self._strikes.get(what, 0) + 1
        if self._strikes[what] >= _SURE:
            self._end(words)

    def _end(self, words: str) -> None:
        """
        @param words: what the stream does, or what happened to it.
        """
        self.reason = self.reason or f"the stream {self._name} {words}"
