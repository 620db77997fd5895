"""The commands of operators of the server: OPER, KILL and WALLOPS.  Pure."""

from __future__ import annotations

from tsservices.chat.errors import ChatError
from tsservices.chat.names import fold
from tsservices.chat.operations import Kill, MessageOperators
from tsservices.chat.verbs import accounts
from tsservices.chat.verbs.checks import SHORT_TEXT_LENGTH
from tsservices.chat.verbs.tokens import proposeLogin
from tsservices.frontends.irc import numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.talking import cleanText


async def oper(client: IRCClient, message: Message) -> None:
    """OPER: log in to an operator's account, with the current nick."""
    name, secret = message.params[:2]
    session, state, controller = client.session, client.state, client.controller
    account = state.accounts.get(fold(name))
    if account is None or account.key not in state.operators:
        client.numeric(numerics.ERR_NOOPERHOST, text="There is no such operator")
        return
    if session.account not in (None, account.key):
        client.numeric(numerics.ERR_NOOPERHOST, text="You are logged in to another account")
        return
    try:
        await accounts.checkPassword(controller, account, secret)
    except ChatError as error:
        client.numeric(numerics.ERR_PASSWDMISMATCH, text=str(error))
        return
    if session.account is None:
        await proposeLogin(controller, account, "", session.nick, session.key)
        if session.account is not None:
            client.sendAccount()
    if state.isServerOperator(session):
        client.numeric(numerics.RPL_YOUREOPER)
        client.send(f":{client.server.name} MODE {client.nick} :+o")


async def kill(client: IRCClient, message: Message) -> None:
    """KILL."""
    if not _checkOperator(client):
        return
    nick, reason = message.param(0), cleanText(message.param(1))[:SHORT_TEXT_LENGTH]
    person = client.directory.find(nick)
    if person is None:
        client.numeric(numerics.ERR_NOSUCHNICK, nick)
        return
    before = client.server.departure(person)
    client.controller.propose(Kill(client.session.ident, nick, fold(nick), reason))
    await client.controller.settled()
    if person.ident not in client.state.sessions:
        client.server.departed.append(before)


def wallops(client: IRCClient, message: Message) -> None:
    """WALLOPS."""
    if _checkOperator(client):
        text = cleanText(message.param(0))
        client.controller.propose(MessageOperators(client.session.ident, text))


def _checkOperator(client: IRCClient) -> bool:
    if client.state.isServerOperator(client.session):
        return True
    client.numeric(numerics.ERR_NOPRIVILEGES)
    return False
