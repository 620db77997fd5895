"""
Posts: a program's request becomes a proposal, and its outcome the answer.  Pure.

Each post has its own session, which joins nothing: it represents the program in the order, and gets
the outcome.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.chat.controller import ChatContext
from tsservices.chat.errors import TOKEN_SAID, ChatError
from tsservices.chat.handlers.posts import (
    becomeVisitor,
    checkReceipt,
    roomToPostIn,
)
from tsservices.chat.handlers.tokens import checkScope
from tsservices.chat.names import roomKey
from tsservices.chat.notifications import ErrorReply, Notification, Posted
from tsservices.chat.operations import Post
from tsservices.chat.outlet import Backlog, BroadcastMember, Formatter
from tsservices.chat.records import Account, AccountToken
from tsservices.chat.session import Session
from tsservices.common.tokens import TOKEN_SIGN, tokenIds
from tsservices.frontends.formats.json import JSONFormatter
from tsservices.frontends.web.api.bodies import PostBody

_FORM = JSONFormatter()

#: Seconds until a program gets the answer that the outcome of its post is not known: while the disk
#: is full, there is none.  A cluster that has lost its leader needs 5 to 8.
OUTCOME_SECONDS = 10.0


class PostOutcome:
    """
    The recipient of the session of a post: gets its outcome.

    @ivar done: called once with the outcome.
    """

    form: Formatter = _FORM
    broadcastMember: BroadcastMember | None = None

    __slots__ = ("done",)

    def __init__(self, done: Callable[[Posted | ChatError], None] | None) -> None:
        self.done = done

    def notify(self, notification: Notification) -> None:
        if isinstance(notification, Posted):
            self._finish(notification)
        elif isinstance(notification, ErrorReply):
            self._finish(notification.error)
        # The others are for people: that it is not known yet whether something is stored.

    def _finish(self, outcome: Posted | ChatError) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(outcome)

    def write(self, data: bytes) -> None:
        pass

    writeLast = writeLater = write

    def follow(self, backlog: Backlog, session: Session) -> bool:
        return False

    def idle(self) -> None:
        pass

    def disconnect(self, why: ChatError) -> None:
        self._finish(why)

    def roomCountChanged(self, rooms: int) -> None:
        pass


class WaitingPosts:
    """
    The timeout of posts without an outcome.

    One timer serves all: each post is answered in about a millisecond, and a separate timer would
    be made and cancelled for it.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        callLater: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._monotonic = monotonic
        self._callLater = callLater
        self._isTimed = False
        # In the order of their deadlines: all have the same timeout.
        self._waiting: dict[PostOutcome, tuple[float, Callable[[], None]]] = {}

    def add(self, outcome: PostOutcome, late: Callable[[], None]) -> None:
        """@param late: called in place of C{outcome.done} if that is not called in time."""
        self._waiting[outcome] = (self._monotonic() + OUTCOME_SECONDS, late)
        if not self._isTimed:
            self._isTimed = True
            self._callLater(OUTCOME_SECONDS, self._expire)

    def discard(self, outcome: PostOutcome) -> None:
        """Stop waiting: the outcome is known, or nobody waits for it."""
        self._waiting.pop(outcome, None)

    def _expire(self) -> None:
        self._isTimed = False
        now = self._monotonic()
        for outcome, (end, late) in list(self._waiting.items()):
            if end > now:
                self._isTimed = True
                self._callLater(end - now, self._expire)
                break
            del self._waiting[outcome]
            outcome.done = None
            late()


def post(
    context: ChatContext,
    session: Session,
    owner: tuple[Account, AccountToken],
    room: str,
    body: PostBody,
    requestKey: str,
) -> None:
    """
    Propose a post; the recipient of its session gets the outcome.

    @param session: a new session, for this post alone.
    @param owner: the owner of the token, and the token, which was checked.
    @param room: the name.
    @param requestKey: from C{Idempotency-Key}; empty: none.
    @raise ChatError: the post can't be done.
    """
    account, token = owner
    state, now = context.state, context.courtesyTime()
    key = roomKey(room)[1]
    becomeVisitor(
        state, session, account.key, token.ident, now, context.pipeline.deliveredPosition + 1
    )
    checkScope(state, Post, session)
    # Before receipts are checked: a post that could not be stored has one too, and each repetition
    # would wait behind it.
    if context.store.trouble is not None:
        raise context.store.trouble.with_traceback(None)
    digest = ""
    receipt = None
    if requestKey:
        digest = body.digest(key)
        receipt = state.receipts.get(account.key, requestKey, context.wallClock())
    if receipt is not None:
        checkReceipt(receipt, digest)
    else:
        roomToPostIn(state, session, key, now)
        for text in body.texts:
            if TOKEN_SIGN in text and any(ident in state.accountTokens for ident in tokenIds(text)):
                raise ChatError(TOKEN_SAID)
    # Also if there is a receipt, which may be of a batch that is not stored yet.
    context.pipeline.propose(
        Post(
            session.ident,
            account.key,
            token.ident,
            session.cloak,
            key,
            body.kind,
            body.texts,
            requestKey,
            digest,
        ),
        session,
    )
