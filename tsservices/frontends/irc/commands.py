"""
The commands of the IRC frontend: one table.  Pure.

A row of L{COMMANDS} is a command's name, how many parameters it needs, its handler, and one line of
help.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from tsservices.chat.errors import ChatError
from tsservices.chat.names import nameKey
from tsservices.chat.operations import Introduce
from tsservices.chat.requests import PendingReply
from tsservices.chat.verbs import accounts, talk
from tsservices.chat.verbs.checks import SHORT_TEXT_LENGTH
from tsservices.frontends.irc import (
    channels,
    errors,
    modes,
    numerics,
    operators,
    queries,
    registration,
    serverinfo,
    talking,
)
from tsservices.frontends.irc.history import chathistory, markers, redaction
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.people import UNKNOWN_USER
from tsservices.frontends.irc.registration import REALNAME_LENGTH, RegisteringClient
from tsservices.frontends.irc.talking import cleanText

#: Returned by a handler that waits; the connection runs it.
Waiting: TypeAlias = Coroutine[PendingReply[Any], None, None]

#: Runs the command of a message.
Handler: TypeAlias = Callable[[Any, Message], "Waiting | None"]


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table."""

    name: str
    #: The number of required parameters.
    needs: int
    run: Handler
    help: str
    #: Whether it may run before the registration is complete.
    early: bool = False
    #: Whether it may run before its author's earlier proposals are decided.
    atOnce: bool = False


def _nick(client: RegisteringClient, message: Message) -> Waiting | None:
    if not message.param(0):
        client.numeric(numerics.ERR_NONICKNAMEGIVEN)
        return None
    if not client.controller.entered:
        registration.nick(client, message)
        return None
    return _rename(client, message.param(0))


async def _rename(client: RegisteringClient, name: str) -> None:
    if name == client.session.nick:
        return
    nameKey(name)
    before = client.server.departure(client.session)
    await talk.changeNick(client.controller, name)
    await client.controller.settled()
    if client.session.nick != before.nick:
        client.server.departed.append(before)


def _setname(client: RegisteringClient, message: Message) -> None:
    realname = cleanText(message.param(0))
    if not realname.strip() or len(realname) > REALNAME_LENGTH:
        client.fail("SETNAME", "INVALID_REALNAME", text="That is no real name")
        return
    client.controller.checkNoToken(realname)
    session = client.session
    try:
        # Members with the capability see a real name at once, like a nick.
        client.state.checkRename(session, "", client.controller.context.wallClock())
    except ChatError as error:
        client.fail("SETNAME", "CANNOT_CHANGE_REALNAME", text=errors.textOf(error))
        return
    user = session.username or UNKNOWN_USER
    client.controller.propose(Introduce(session.ident, user, realname))


async def _register(client: RegisteringClient, message: Message) -> None:
    name, _, secret = message.params[:3]
    session = client.session
    if not client.controller.entered:
        client.fail(
            "REGISTER",
            "COMPLETE_CONNECTION_REQUIRED",
            name,
            text="Complete the registration of the connection first",
        )
        return
    if name not in ("*", session.nick):
        client.fail(
            "REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", name, text="The account is called as the nick"
        )
        return
    if session.account is not None:
        client.fail("REGISTER", "ALREADY_AUTHENTICATED", name, text="You are logged in")
        return
    try:
        await accounts.register(client.controller, secret)
    except ChatError as error:
        code = (
            "UNACCEPTABLE_PASSWORD"
            if error.code.name.startswith("password-")
            else "TEMPORARILY_UNAVAILABLE"
        )
        client.fail("REGISTER", code, name, text=str(error))
        return
    if session.account is not None:
        account = client.directory.accountName(session.account)
        client.send(f":{client.server.name} REGISTER SUCCESS {account} :Account created")
        client.numeric(
            numerics.RPL_LOGGEDIN,
            client.mask,
            account,
            text=f"You are now logged in as {account}",
        )


def _quit(client: RegisteringClient, message: Message) -> None:
    reason = cleanText(message.param(0))[:SHORT_TEXT_LENGTH]
    client.server.remember(client.session) if client.controller.entered else None
    client.send(client.errorLine(f"Quit: {reason}" if reason else "Quit"))
    # The connection may be closed before the command has ended.
    client.endLabel()
    talk.quit(client.controller, reason)


def _pong(client: RegisteringClient, message: Message) -> None:
    """Do nothing."""


async def _ping(client: RegisteringClient, message: Message) -> None:
    if not message.params:
        client.numeric(numerics.ERR_NEEDMOREPARAMS, "PING")
        return
    await client.caughtUp()
    client.send(f":{client.server.name} PONG {client.server.name} :{message.param(0)}")


def _help(client: RegisteringClient, message: Message) -> None:
    subject = message.param(0) or "*"
    if subject == "*":
        lines = ["The commands, HELP COMMAND tells more:"]
        names = sorted(COMMANDS)
        lines += [" ".join(names[first : first + 10]) for first in range(0, len(names), 10)]
    elif (command := COMMANDS.get(subject.upper())) is not None:
        lines = [f"{command.name}: {command.help}"]
    else:
        client.numeric(numerics.ERR_HELPNOTFOUND, subject)
        return
    client.numeric(numerics.RPL_HELPSTART, subject, text=lines[0])
    for line in lines[1:]:
        client.numeric(numerics.RPL_HELPTXT, subject, text=line)
    client.numeric(numerics.RPL_ENDOFHELP, subject)


_ROWS = (
    Command("CAP", 1, registration.cap, "negotiate capabilities", early=True),
    Command("PASS", 1, registration.password, "the password of your account", early=True),
    Command("NICK", 0, _nick, "have a name", early=True),
    Command("USER", 4, registration.user, "say who you are", early=True),
    Command("AUTHENTICATE", 1, registration.authenticate, "log in by SASL", early=True),
    Command("REGISTER", 3, _register, "make your name yours: * * PASSWORD", early=True),
    Command("PING", 0, _ping, "ask whether the server is there", early=True),
    Command("PONG", 0, _pong, "answer a PING", early=True),
    Command("QUIT", 0, _quit, "leave", early=True),
    Command("ERROR", 0, _pong, "is ignored", early=True),
    Command("JOIN", 1, channels.join, "enter channels: #a,#b; 0 leaves all"),
    Command("PART", 1, channels.part, "leave channels"),
    Command("TOPIC", 1, channels.topic, "show or set what a channel is about"),
    Command("NAMES", 0, channels.names, "who is in a channel"),
    Command("LIST", 0, channels.listRooms, "which channels there are"),
    Command("KICK", 2, channels.kick, "have somebody leave a channel"),
    Command("INVITE", 0, channels.invite, "let somebody into a channel"),
    Command("MODE", 1, modes.mode, "show or change modes"),
    Command("PRIVMSG", 0, talking.privmsg, "say something", atOnce=True),
    Command("NOTICE", 0, talking.notice, "say something that no program answers", atOnce=True),
    Command("TAGMSG", 1, talking.tagmsg, "send tags alone", atOnce=True),
    Command("BATCH", 1, talking.batch, "begin or end a message of several lines", atOnce=True),
    Command("AWAY", 0, talking.away, "say that you are away, or back"),
    Command("WHO", 0, queries.who, "who is in a channel, or is called like a mask"),
    Command("WHOIS", 0, queries.whois, "what there is to know of somebody"),
    Command("WHOWAS", 0, queries.whowas, "the same of somebody who has left"),
    Command("USERHOST", 1, queries.userhost, "who some people are"),
    Command("ISON", 1, queries.ison, "which of some people are here"),
    Command("MONITOR", 1, queries.monitor, "be told when some people come or go"),
    Command("MARKREAD", 0, markers.markread, "say up to when you have read something"),
    Command("MOTD", 0, serverinfo.motd, "the message of the day"),
    Command("LUSERS", 0, serverinfo.lusers, "how many people are here"),
    Command("LINKS", 0, serverinfo.links, "which servers there are"),
    Command("HELP", 0, _help, "this"),
    Command("HELPOP", 0, _help, "this too"),
    Command("VERSION", 0, serverinfo.version, "what the server is"),
    Command("TIME", 0, serverinfo.currentTime, "what time it is"),
    Command("ADMIN", 0, serverinfo.admin, "who looks after the server"),
    Command("INFO", 0, serverinfo.info, "more of the server"),
    Command("OPER", 2, operators.oper, "log in as an operator of the server"),
    Command("KILL", 1, operators.kill, "end somebody's connections"),
    Command("WALLOPS", 1, operators.wallops, "tell the operators something"),
    Command("SETNAME", 1, _setname, "have another real name"),
    Command("CHATHISTORY", 1, chathistory.chathistory, "what was said before"),
    Command("REDACT", 2, redaction.redact, "delete the words of a message"),
)

#: The commands by name.
COMMANDS = {row.name: row for row in _ROWS}
