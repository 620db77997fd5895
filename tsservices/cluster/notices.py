"""
Notices to this node's users about proposals that wait for a place in the stream or get none.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import Notice
from tsservices.chat.pipeline import Pipeline, Proposal
from tsservices.chat.session import Session
from tsservices.cluster.outbox import PublishQueue
from tsservices.cluster.status import EXPIRED, NOT_YET, TROUBLE, UNKNOWN, ClusterListener

#: Seconds without a message coming back after which waiting users get a notice.
TROUBLE_SECONDS = 2.0


class UserNotifier:
    """
    Notifies users whose lines wait, each once per problem, and rejects expired proposals.

    @ivar trouble: why proposals get no place now; L{None}: they get one.
    @ivar lastArrival: when a message of this node last got its place, in seconds.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        queue: PublishQueue,
        clock: Callable[[], float],
        listener: ClusterListener,
    ) -> None:
        self._pipeline = pipeline
        self._queue = queue
        self._clock = clock
        self._listener = listener
        self._notified: set[str] = set()
        self.trouble: ChatError | None = None
        self.lastArrival = clock()

    def reject(self, proposals: Sequence[Proposal], reason: ChatError) -> None:
        # A session without an id is the node itself, which gets no notice.
        proposals = [proposal for proposal in proposals if proposal[1].ident]
        try:
            self._pipeline.rejected(proposals, reason)
        except Exception as error:
            self._listener.logError(error)

    def submitted(self, proposals: Iterable[Proposal]) -> None:
        if self.trouble is not None:
            self._notifyNotStored(_sessions(proposals))

    def arrived(self) -> None:
        """Note that a message of this node has got its place."""
        self.lastArrival = self._clock()
        if self.trouble is not None:
            self.trouble = None
            self._notified.clear()
            self._listener.troubled(None)

    def tick(self, listening: bool) -> None:
        """@param listening: false while this node has paused the reading of the stream."""
        self.reject(self._queue.takeExpired(self._pipeline.state.sessions), EXPIRED)
        self._write(self._queue.takeUnknown(), UNKNOWN)
        inFlight = self._queue.inFlight
        if self.trouble is not None or not listening or not inFlight:
            return
        if self._clock() - max(self.lastArrival, inFlight[0].publishedAt) >= TROUBLE_SECONDS:
            self.trouble = TROUBLE
            self._notifyNotStored(_sessions(self._queue.proposals()))
            self._listener.troubled(TROUBLE)

    def _notifyNotStored(self, sessions: Iterable[Session]) -> None:
        new = [session for session in sessions if session.ident not in self._notified]
        self._notified.update(session.ident for session in new)
        self._write(new, NOT_YET)

    def _write(self, sessions: Iterable[Session], notice: Notice) -> None:
        for session in sessions:
            if session.recipient is not None:
                try:
                    session.recipient.notify(notice)
                except Exception as error:
                    # After an error on one connection the others still get their notice.
                    self._listener.logError(error)


def _sessions(proposals: Iterable[Proposal]) -> list[Session]:
    sessions = {session.ident: session for _, session in proposals}
    sessions.pop("", None)
    return list(sessions.values())
