"""REDACT: the deletion of a message's text (draft/message-redaction).  Pure."""

from __future__ import annotations

from tsservices.chat.errors import NO_LINE, NO_PRIVATE, NO_WORDS, ChatError
from tsservices.chat.names import fold
from tsservices.chat.notifications import PrivateMessage
from tsservices.chat.operations import DeletePrivate
from tsservices.chat.records import StoredPrivateMessage
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import Room
from tsservices.chat.verbs import deletion, inbox
from tsservices.chat.verbs.checks import SHORT_TEXT_LENGTH
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.history.places import HistoryError, Reference, findPlace
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.people import isChannel
from tsservices.frontends.irc.talking import cleanText

_UNKNOWN = frozenset({NO_LINE, NO_WORDS, NO_PRIVATE})


async def redact(client: IRCClient, message: Message) -> None:
    """REDACT."""
    target, ident = message.params[:2]
    reason = cleanText(message.param(2))[:SHORT_TEXT_LENGTH]
    try:
        if not ident:
            raise HistoryError("UNKNOWN_MSGID", text="There is no such message")
        if isChannel(target):
            room = client.directory.room(target)
            if room is None or room.record.key not in client.session.rooms:
                text = "You can't delete anything there"
                client.fail("REDACT", "INVALID_TARGET", target, text=text)
                return
            await _inRoom(client, room, ident, reason)
        else:
            await _private(client, target, ident, reason)
    except HistoryError:
        client.fail("REDACT", "UNKNOWN_MSGID", target, ident, text="There is no such message")
    except ChatError as error:
        code = "UNKNOWN_MSGID" if error.code in _UNKNOWN else "REDACT_FORBIDDEN"
        client.fail("REDACT", code, target, ident, text=str(error))


async def _inRoom(client: IRCClient, room: Room, ident: str, reason: str) -> None:
    seq, _ = await findPlace(client, room, Reference(ident=ident))
    await deletion.delete(client.controller, room, seq, reason)
    await client.controller.settled()


async def _private(client: IRCClient, target: str, ident: str, reason: str) -> None:
    # The target is checked: a client that names another one shows the message elsewhere.
    controller, session, key = client.controller, client.session, fold(target)
    for message in client.passing or ():
        if message.deliveryIdent == ident and key in _sides(message.nick, message.to):
            if message.origin != session.origin and (
                message.account is None or message.account != session.account
            ):
                text = "only its author may do that"
                client.fail("REDACT", "REDACT_FORBIDDEN", target, ident, text=text)
                return
            _proposePassing(client, message, reason)
            await controller.settled()
            return
    reply: PendingReply[list[StoredPrivateMessage]] = PendingReply()
    controller.context.archive.privateMessage(ident, reply)
    holder = client.directory.find(target)
    meant = {key, "" if holder is None else holder.account}
    sides = {key for item in await reply for key in (item.sender, item.receiver)}
    if not sides & meant:
        raise ChatError(NO_PRIVATE, ident=ident)
    await inbox.deletePrivate(controller, ident, reason)
    await controller.settled()


def _sides(*names: str) -> set[str]:
    return {fold(name) for name in names}


def _proposePassing(client: IRCClient, message: PrivateMessage, reason: str) -> None:
    ident, to = message.deliveryIdent, message.to
    client.controller.propose(
        DeletePrivate(client.session.ident, ident, None, to, fold(to), reason)
    )
