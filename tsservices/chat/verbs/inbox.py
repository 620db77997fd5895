"""Verbs about stored private messages: the inbox, deletion.  Pure."""

from __future__ import annotations

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import NO_PRIVATE, NO_PRIVATE_TO, NOT_ALLOWED, ChatError
from tsservices.chat.names import fold
from tsservices.chat.notifications import Inbox
from tsservices.chat.operations import DELETED, READ_SCOPE, ClearUnread, DeletePrivate
from tsservices.chat.records import StoredPrivateMessage
from tsservices.chat.requests import PendingReply

#: Private messages shown at once.
INBOX_PAGE = 50


async def inbox(controller: SessionController, name: str, before: str = "") -> None:
    """
    Show the newest private messages of the session's account.

    @param name: the other side; empty: all.
    @param before: the id of the message before which they are; empty: none.
    @raise ChatError: they can't be read.
    """
    await _showInbox(controller, name, fold(name), before)


async def olderInbox(controller: SessionController) -> None:
    """Show the page before the last one, if there is one."""
    if controller.olderPrivate is not None:
        other, before = controller.olderPrivate
        await _showInbox(controller, other, other, before)


async def _showInbox(controller: SessionController, name: str, other: str, before: str) -> None:
    state = controller.context.state
    account = controller.session.account or ""
    reply: PendingReply[list[StoredPrivateMessage]] = PendingReply()
    # One more than is shown, to know whether there are older ones.
    controller.context.archive.privateMessages(
        account, other, before, INBOX_PAGE + 1, reply, controller.session.ignores
    )
    messages = await reply
    more = len(messages) > INBOX_PAGE
    page = messages[-INBOX_PAGE:]
    controller.olderPrivate = (other, page[0].ident) if more else None
    controller.presenter.show(Inbox(page, name, more))
    if not other and state.scopeOf(controller.session) != READ_SCOPE:
        controller.propose(ClearUnread(controller.session.ident))


async def deletePrivate(controller: SessionController, ident: str, reason: str = "") -> None:
    """
    Delete the words of the session's account in a private message, for both sides.

    @param reason: for IRC clients; it is not stored.
    @raise ChatError: there is no such message of this account, or it has no words.
    """
    reply: PendingReply[list[StoredPrivateMessage]] = PendingReply()
    controller.context.archive.privateMessage(ident, reply)
    account = controller.session.account
    for message in await reply:
        if account in (message.sender, message.receiver) and message.kind != DELETED:
            _proposeDeletion(controller, message, reason)
            return
    raise ChatError(NO_PRIVATE, ident=ident)


async def deleteLastPrivate(controller: SessionController, name: str) -> None:
    """
    Delete the last private message that the session's account has sent to somebody.

    @raise ChatError: there is none.
    """
    account, key = controller.session.account or "", fold(name)
    # By the account, because the person may have another name now.
    holders = controller.context.state.sessionsByNick.get(key)
    other = holders[0].account or key if holders is not None else key
    reply: PendingReply[list[StoredPrivateMessage]] = PendingReply()
    controller.context.archive.privateMessages(account, other, "", INBOX_PAGE, reply)
    for message in reversed(await reply):
        if message.sender == account and message.kind != DELETED:
            _proposeDeletion(controller, message)
            return
    raise ChatError(NO_PRIVATE_TO, name=name, most=INBOX_PAGE)


def _proposeDeletion(
    controller: SessionController, message: StoredPrivateMessage, reason: str = ""
) -> None:
    session = controller.session
    if message.sender != session.account:
        raise ChatError(NOT_ALLOWED, who="the author, logged in,")
    controller.checkStored()
    controller.propose(
        DeletePrivate(
            session.ident, message.ident, message.sender, message.to, message.receiver, reason
        )
    )
