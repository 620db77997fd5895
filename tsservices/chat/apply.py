"""
What each operation does to the state of the chat: the only place that changes it.  Pure and
deterministic: the same operations in the same order make the same state, on any node and at any
time.

Who proposed an operation may have checked it before, but by a state that has changed since.  The
handlers of this table decide for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.handlers import (
    accounts,
    identity,
    membership,
    messages,
    moderation,
    nodes,
    restrictions,
)
from tsservices.chat.notifications import ErrorReply
from tsservices.chat.operations import Operation
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: The handler of each operation.
HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    **identity.HANDLERS,
    **membership.HANDLERS,
    **messages.HANDLERS,
    **accounts.HANDLERS,
    **moderation.HANDLERS,
    **restrictions.HANDLERS,
    **nodes.HANDLERS,
}


def apply(state: ChatState, operation: Operation, session: Session, batch: Batch) -> None:
    """Decide, and change the state; a rejection goes to the session that proposed it."""
    try:
        HANDLERS[type(operation)](state, operation, session, batch)
    except ChatError as refused:
        batch.reply(session, ErrorReply(refused))
