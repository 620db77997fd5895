"""Actions of operators of the server: ending sessions of others, and messages among themselves."""

from __future__ import annotations

from tsservices.chat.batch import Batch
from tsservices.chat.errors import KILLED, NO_PERSON, NOT_ALLOWED, ChatError
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.membership import quitChat
from tsservices.chat.notifications import OperatorMessage
from tsservices.chat.operations import Kill, MessageOperators
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def _kill(state: ChatState, operation: Kill, session: Session, batch: Batch) -> None:
    _checkServerOperator(state, session)
    targets = state.sessionsByNick.get(operation.key)
    if targets is None:
        raise ChatError(NO_PERSON, nick=operation.name)
    reason = f": {operation.reason}" if operation.reason else ""
    batch.audit("kill", session, target=operation.key, why=operation.reason)
    for target in targets:
        # Before the session leaves, because afterwards nothing is sent to it.
        batch.disconnect(target, ChatError(KILLED, by=session.nick, why=reason))
        quitChat(state, target, f"killed by {session.nick}{reason}", batch)


def _messageOperators(
    state: ChatState, operation: MessageOperators, session: Session, batch: Batch
) -> None:
    _checkServerOperator(state, session)
    message = OperatorMessage(session.nick, session.account, session.origin, operation.text)
    for other in state.sessions.values():
        # C{wantsWallops} is known only on the session's own node; it affects only output here.
        if other.wantsWallops or state.isServerOperator(other):
            batch.reply(other, message)


def _checkServerOperator(state: ChatState, session: Session) -> None:
    if not state.isServerOperator(session):
        raise ChatError(NOT_ALLOWED, who="operators of the server")


HANDLERS: Handlers = {
    Kill: _kill,
    MessageOperators: _messageOperators,
}
