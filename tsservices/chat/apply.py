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
from tsservices.chat.errors import Refused
from tsservices.chat.handlers import (
    accounts,
    identity,
    membership,
    messages,
    moderation,
    nodes,
    restrictions,
)
from tsservices.chat.notifications import Refusal
from tsservices.chat.operations import Event
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby

#: The handler of each operation.
APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    **identity.APPLY,
    **membership.APPLY,
    **messages.APPLY,
    **accounts.APPLY,
    **moderation.APPLY,
    **restrictions.APPLY,
    **nodes.APPLY,
}


def apply(lobby: Lobby, event: Event, session: Session, batch: Batch) -> None:
    """Decide, and change the state; a rejection goes to the session that proposed it."""
    try:
        APPLY[type(event)](lobby, event, session, batch)
    except Refused as refused:
        batch.answer(session, Refusal(refused))
