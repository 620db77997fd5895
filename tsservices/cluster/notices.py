"""
What the people of this node are told of proposals that have no place yet, or get none.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import Notice
from tsservices.chat.pipeline import Pipeline, Proposal
from tsservices.chat.session import Session
from tsservices.cluster.outbox import PublishQueue
from tsservices.cluster.status import EXPIRED, NOT_YET, TROUBLE, UNKNOWN, ClusterListener

#: Seconds without anything coming back after which people are told.
TROUBLE_SECONDS = 2.0


class UserNotifier:
    """
    Tells people, and whoever looks after the server.

    @ivar trouble: why nothing gets its place at present.
    @ivar lastArrival: when something got its place last, in seconds.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        outbox: PublishQueue,
        clock: Callable[[], float],
        listener: ClusterListener,
    ) -> None:
        self._pipeline = pipeline
        self._outbox = outbox
        self._clock = clock
        self._listener = listener
        self._notified: set[str] = set()
        self.trouble: ChatError | None = None
        self.lastArrival = clock()

    def waitingSessions(self) -> list[Session]:
        """Those whose proposals have no place yet, each once."""
        return _sessions(self._outbox.proposals())

    def reject(self, proposals: Sequence[Proposal], why: ChatError) -> None:
        try:
            self._pipeline.rejected([each for each in proposals if each[1].ident], why)
        except Exception as error:
            self._listener.logError(error)

    def submitted(self, proposals: Iterable[Proposal]) -> None:
        if self.trouble is not None:
            self._notifyNotStored(_sessions(proposals))

    def arrived(self) -> None:
        """Something of this node has got its place."""
        self.lastArrival = self._clock()
        if self.trouble is not None:
            self.trouble = None
            self._notified.clear()
            self._listener.troubled(None)

    def tick(self, listening: bool) -> None:
        """Some time has gone by: what has waited for too long is told."""
        self.reject(self._outbox.takeExpired(self._pipeline.state.sessions), EXPIRED)
        self._write(self._outbox.takeUnknown(), UNKNOWN)
        sent = self._outbox.inFlight
        if self.trouble is not None or not listening or not sent:
            return
        if self._clock() - max(self.lastArrival, sent[0].publishedAt) >= TROUBLE_SECONDS:
            self.trouble = TROUBLE
            self._notifyNotStored(self.waitingSessions())
            self._listener.troubled(TROUBLE)

    def _notifyNotStored(self, people: Iterable[Session]) -> None:
        new = [each for each in people if each.ident not in self._notified]
        self._notified.update(each.ident for each in new)
        self._write(new, NOT_YET)

    def _write(self, people: Iterable[Session], words: Notice) -> None:
        for session in people:
            if session.outlet is not None:
                try:
                    session.outlet.write(session.outlet.form.encode([words]))
                except Exception as error:
                    self._listener.logError(error)


def _sessions(proposals: Iterable[Proposal]) -> list[Session]:
    found = {session.ident: session for _, session in proposals}
    found.pop("", None)
    return list(found.values())
