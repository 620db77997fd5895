"""
The one place that changes the state of the chat: the handler of each operation, and its errors.

In a cluster each node applies the same operations in the same order, and nobody compares the
results line by line. So a handler keeps these rules:

  1. It uses the state, the operation, its session, and the stamp and position of the batch. No
     clock, no random numbers, no settings of this node. Otherwise two nodes would decide
     differently about the same ban, and give the same line two ids.
  2. It decides for good. Whoever proposed the operation has checked it, but by an older state: in
     50 runs of a toy that checked before ordering only, 21 names had two holders, and 235 lines of
     people who had been kicked got through.
  3. It uses nothing that only one node knows: not L{Session.recipient}, which is None on the other
     nodes, not the flags that a session has for its own connection, not which lines are still in
     memory.
  4. It folds no names. Folded names travel in the operation: 62 keys differ between Python 3.11 and
     3.13, and nodes of both may be in one cluster.
  5. It iterates over dicts and tuples. It sorts a set before, or makes another set of it: the order
     of a set of strings is another one in each process.
  6. It raises L{ChatError} before it changes anything that people see, and numbers a line only when
     the line is sure. So an operation that is rejected leaves no half of itself behind, and the
     numbers of a room have no gaps: a reader takes a gap for lost lines.
  7. It names sessions and rooms by ids and keys, and looks up nicks now. A nick may have another
     holder than when the operation was proposed.
  8. It writes to nobody. What it sends goes into the batch, also a private answer, and leaves when
     the batch is stored: what a crash would take back has never been seen.

Stored outcomes are never decided again. A restart loads the tables and does not replay.
"""

from __future__ import annotations

from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.handlers import (
    Handlers,
    accounts,
    identity,
    ignoring,
    membership,
    messages,
    moderation,
    modes,
    nodes,
    oversight,
    posts,
    private_messages,
    restrictions,
    tokens,
)
from tsservices.chat.handlers.messages import CLOCK_STEP_NANOSECONDS
from tsservices.chat.handlers.restrictions import noteClockSetBack
from tsservices.chat.handlers.tokens import checkScope
from tsservices.chat.notifications import ErrorReply
from tsservices.chat.operations import Operation
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: The handler of each operation.
HANDLERS: Handlers = {
    **identity.HANDLERS,
    **membership.HANDLERS,
    **messages.HANDLERS,
    **accounts.HANDLERS,
    **moderation.HANDLERS,
    **modes.HANDLERS,
    **restrictions.HANDLERS,
    **nodes.HANDLERS,
    **ignoring.HANDLERS,
    **tokens.HANDLERS,
    **oversight.HANDLERS,
    **private_messages.HANDLERS,
    **posts.HANDLERS,
}


def apply(state: ChatState, operation: Operation, session: Session, batch: Batch) -> None:
    """Apply an operation; if it is rejected, its session gets the error in the same batch."""
    if batch.stamp != state.time and batch.schema > 1:
        # After a start it is not known what the clock was before.
        if not 0 < state.time < batch.stamp + CLOCK_STEP_NANOSECONDS:
            noteClockSetBack(state, batch)
        state.time = batch.stamp
    try:
        if session.tokenId:
            checkScope(state, type(operation), session)
        HANDLERS[type(operation)](state, operation, session, batch)
    except ChatError as error:
        batch.reply(session, ErrorReply(error))
