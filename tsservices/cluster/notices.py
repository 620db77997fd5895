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
ENGINE_TROUBLE_SECONDS = 2.0


class UserNotifier:
    """
    Tells people, and whoever looks after the server.

    @ivar trouble: why nothing gets its place at present.
    @ivar back: when something got its place last, in seconds.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        outbox: PublishQueue,
        seconds: Callable[[], float],
        tell: ClusterListener,
    ) -> None:
        self._pipeline = pipeline
        self._outbox = outbox
        self._seconds = seconds
        self._tell = tell
        self._told: set[str] = set()
        self.trouble: ChatError | None = None
        self.back = seconds()

    def waiting(self) -> list[Session]:
        """Those whose proposals have no place yet, each once."""
        return _people(self._outbox.proposals())

    def refuse(self, proposals: Sequence[Proposal], why: ChatError) -> None:
        try:
            self._pipeline.rejected([each for each in proposals if each[1].ident], why)
        except Exception as error:
            self._tell.failed(error)

    def proposed(self, proposals: Iterable[Proposal]) -> None:
        if self.trouble is not None:
            self._notYet(_people(proposals))

    def returned(self) -> None:
        """Something of this node has got its place."""
        self.back = self._seconds()
        if self.trouble is not None:
            self.trouble = None
            self._told.clear()
            self._tell.troubled(None)

    def tick(self, listening: bool) -> None:
        """Some time has gone by: what has waited for too long is told."""
        self.refuse(self._outbox.expired(self._pipeline.state.sessions), EXPIRED)
        self._push(self._outbox.unknown(), UNKNOWN)
        sent = self._outbox.sent
        if self.trouble is not None or not listening or not sent:
            return
        if self._seconds() - max(self.back, sent[0].since) >= ENGINE_TROUBLE_SECONDS:
            self.trouble = TROUBLE
            self._notYet(self.waiting())
            self._tell.troubled(TROUBLE)

    def _notYet(self, people: Iterable[Session]) -> None:
        new = [each for each in people if each.ident not in self._told]
        self._told.update(each.ident for each in new)
        self._push(new, NOT_YET)

    def _push(self, people: Iterable[Session], words: Notice) -> None:
        for session in people:
            if session.recipient is not None:
                try:
                    session.recipient.write(session.recipient.form.encode([words]))
                except Exception as error:
                    self._tell.failed(error)


def _people(proposals: Iterable[Proposal]) -> list[Session]:
    found = {session.ident: session for _, session in proposals}
    found.pop("", None)
    return list(found.values())
