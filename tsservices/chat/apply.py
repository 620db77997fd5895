"""
The only place that changes the state of the chat: the handler of each operation, and its errors.

In a cluster each node applies the same operations in the same order, and nothing compares the
results line by line. So a handler keeps these rules:

  1. It uses the state, the operation, its session, and the stamp and position of the batch. No
     clock, no random numbers, no settings of this node. Otherwise two nodes would decide
     differently about the same ban, and give the same line two ids.
  2. Its decision is final. The proposer has checked the operation, but by an older state: in 50
     runs of a model that checked only before ordering, 21 names had two holders, and 235 lines of
     kicked people were accepted.
  3. It uses nothing that only one node knows: not L{Session.recipient}, which is None on the other
     nodes, not the flags that a session has for its own connection, not which lines are in memory.
  4. It folds no names. Folded names are in the operation: 62 keys differ between Python 3.11 and
     3.13, and nodes of both may be in one cluster.
  5. It iterates over dicts and tuples. It sorts a set first, or makes another set of it: the order
     of a set of strings differs between processes.
  6. It raises L{ChatError} before it changes anything visible, and numbers a line only when it is
     accepted. So a rejected operation has no partial effect, and the numbers of a room have no
     gaps: a client takes a gap for lost lines.
  7. It names sessions and rooms by ids and keys, and looks up nicks now: a nick may have got
     another holder since the operation was proposed.
  8. It writes to no connection. All output goes into the batch, also a private answer, and is sent
     when the batch is stored: no client has seen anything that a crash could undo.

Stored outcomes are never decided again: a restart loads the tables and does not replay.
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
from tsservices.chat.operations import Operation, isNotice
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
        # After a start the time of the last batch is not known.
        if not 0 < state.time < batch.stamp + CLOCK_STEP_NANOSECONDS:
            noteClockSetBack(state, batch)
        state.time = batch.stamp
    try:
        if session.tokenId:
            checkScope(state, type(operation), session)
        HANDLERS[type(operation)](state, operation, session, batch)
    except ChatError as error:
        batch.reply(session, ErrorReply(error, isNotice(operation)))
