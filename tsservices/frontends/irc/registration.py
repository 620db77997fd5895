"""
The registration of a connection: CAP, PASS, NICK, USER and AUTHENTICATE.  Pure.

Registration is complete when a nick and a user were given, no negotiation of capabilities is open,
and the chat has accepted the name.  Until then the name is only requested: two connections may
request the same, and one of them gets it.
"""

from __future__ import annotations

from tsservices.chat.controller import digest
from tsservices.chat.errors import ChatError
from tsservices.chat.handlers.accounts import checkPlace
from tsservices.chat.names import fold, nameKey
from tsservices.chat.operations import Introduce
from tsservices.chat.records import Account
from tsservices.chat.session import Session
from tsservices.chat.verbs import accounts, talk
from tsservices.chat.verbs.checks import takesSecrets
from tsservices.chat.verbs.tokens import checkToken, proposeLogin
from tsservices.common.tokens import looksLikeToken
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc import errors, numerics, sasl, serverinfo
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.people import UNKNOWN_USER, username

#: Characters of a real name.
REALNAME_LENGTH = 150


class Registration:
    """
    The data that a connection has given for its registration.

    @ivar nick: the requested name.
    @ivar username: the user name.
    @ivar negotiating: whether capabilities are being negotiated.
    @ivar account: the account for which the client has authenticated; L{None}: none.
    @ivar tokenId: the id of the account token used for that; empty: the password was used.
    @ivar busy: whether the chat's answer to the request for the name is awaited.
    """

    def __init__(self) -> None:
        self.nick = ""
        self.username = ""
        self.realname = ""
        self.password = ""
        self.negotiating = False
        self.busy = False
        self.account: Account | None = None
        self.tokenId = ""
        self.mechanism = ""
        self.fragments = sasl.Fragments()
        self.scram: sasl.Scram | None = None
        self.scramAccount: Account | None = None

    @property
    def complete(self) -> bool:
        """Whether the chat can be asked for the name."""
        return bool(self.nick and self.username) and not self.negotiating and not self.busy

    def endExchange(self) -> None:
        """Reset the SASL exchange, after success or failure."""
        self.mechanism = ""
        self.fragments = sasl.Fragments()
        self.scram = self.scramAccount = None


class RegisteringClient(IRCClient):
    """A client with its L{Registration}."""

    registration: Registration

    def registered(self) -> None:
        """Note that the registration is complete."""
        raise NotImplementedError

    async def caughtUp(self) -> None:
        """Wait, but not for long, until earlier proposals of all sessions were delivered."""
        raise NotImplementedError


# The commands.


def cap(client: RegisteringClient, message: Message) -> None:
    """CAP LS, LIST, REQ, END."""
    word = message.param(0).upper()
    registration = client.registration
    entered = client.controller.entered
    if word == "LS":
        version = message.param(1)
        if version.isascii() and version.isdigit() and len(version) < 6:
            client.capVersion = max(client.capVersion, int(version))
        registration.negotiating = registration.negotiating or not entered
        lines = caps.listing(client.capVersion, _hidden(client))
        several = client.capVersion >= 302
        for line in lines[:-1]:
            more = ("*",) if several else ()
            client.send(client.serverLine("CAP", client.nick, "LS", *more, f"{line} ").rstrip())
        client.send(f":{client.server.name} CAP {client.nick} LS :{lines[-1]}")
    elif word == "LIST":
        names = " ".join(sorted(client.capabilities))
        client.send(f":{client.server.name} CAP {client.nick} LIST :{names}")
    elif word == "REQ":
        registration.negotiating = registration.negotiating or not entered
        changed = caps.change(client.capabilities, message.param(1), _hidden(client))
        answer = "NAK" if changed is None else "ACK"
        if changed is not None:
            client.setCapabilities(changed)
        client.send(f":{client.server.name} CAP {client.nick} {answer} :{message.param(1)}")
    elif word == "END":
        registration.negotiating = False
        advance(client)
    else:
        client.numeric(numerics.ERR_INVALIDCAPCMD, message.param(0) or "*")


def _hidden(client: RegisteringClient) -> frozenset[str]:
    # Clients are not asked for a password that would be refused.
    return frozenset() if takesSecrets(client.controller) else caps.SECRETS


def password(client: RegisteringClient, message: Message) -> None:
    """PASS: the password of the account that NICK names, or C{ACCOUNT:PASSWORD}."""
    if client.controller.entered:
        client.numeric(numerics.ERR_ALREADYREGISTERED)
    else:
        # Simple clients send a password with a space without a colon before it.
        client.registration.password = " ".join(message.params)


def nick(client: RegisteringClient, message: Message) -> None:
    """NICK, before the registration is complete."""
    name = message.param(0)
    if not name:
        client.numeric(numerics.ERR_NONICKNAMEGIVEN)
        return
    key = nameKey(name)
    holders = client.state.sessionsByNick.get(key, ())
    registration = client.registration
    # Clients send NICK before they log in: another connection of theirs may have the nick.
    later = registration.negotiating or registration.password
    if not later and not _isOwn(holders, registration.account):
        client.numeric(numerics.ERR_NICKNAMEINUSE, name)
        return
    registration.nick = name
    advance(client)


def user(client: RegisteringClient, message: Message) -> None:
    """USER."""
    if client.controller.entered or client.registration.username:
        client.numeric(numerics.ERR_ALREADYREGISTERED)
        return
    realname = message.param(3)
    if not realname.strip():
        client.numeric(numerics.ERR_NEEDMOREPARAMS, "USER")
        return
    name = username(message.param(0))
    if not name and message.param(0).isascii():
        client.numeric(numerics.ERR_INVALIDUSERNAME)
    client.registration.username = name or UNKNOWN_USER
    client.registration.realname = realname[:REALNAME_LENGTH]
    advance(client)


def advance(client: RegisteringClient) -> None:
    """Request the name from the chat, if the data is complete."""
    registration = client.registration
    if registration.complete and not client.controller.entered:
        registration.busy = True
        client.controller.start(lambda: _enter(client))


async def _enter(client: RegisteringClient) -> None:
    registration, controller = client.registration, client.controller
    try:
        if registration.password:
            await _login(client)
            if client.stream.ending or controller.ended:
                return
        name, key = registration.nick, nameKey(registration.nick)
        # Proposed with the name: a client waits for the greeting, and other users need both.
        user = Introduce(client.session.ident, registration.username, registration.realname)
        account = registration.account
        if account is not None:
            _checkFree(client, name, key, account)
            await proposeLogin(controller, account, registration.tokenId, name, key, also=user)
            if not controller.entered:
                # The error was sent already; another name would not help.
                _turnAway(client, "the log-in was refused")
                return
        else:
            await talk.changeNick(controller, name, user)
    except ChatError as error:
        client.command = Message("NICK", [registration.nick])
        errors.tell(client, error)
    registration.busy = False
    if not controller.entered:
        # Another name may be free.
        registration.nick = ""
        return
    if registration.mechanism:
        registration.endExchange()
        client.numeric(numerics.ERR_SASLABORTED)
    client.registered()
    serverinfo.welcome(client)


def _checkFree(client: IRCClient, name: str, key: str, account: Account) -> None:
    # The log-in checks this later, but would silently use the account's name instead.
    state = client.state
    holders = state.sessionsByNick.get(key, ())
    if key != account.key and (key in state.accounts or not _isOwn(holders, account)):
        state.checkNick(client.session, name, key)


def _isOwn(holders: tuple[Session, ...], account: Account | None) -> bool:
    # Whether a name is free, or only held by other connections of that account.
    return all(account is not None and holder.account == account.key for holder in holders)


async def _login(client: RegisteringClient) -> None:
    # By PASS: a password that belongs to no account here is ignored.
    registration = client.registration
    given, registration.password = registration.password, ""
    if not given or registration.account is not None:
        return
    name, colon, secret = given.partition(":")
    if not colon or fold(name) not in client.state.accounts:
        name, secret = registration.nick, given
    if fold(name) not in client.state.accounts and not looksLikeToken(secret):
        return
    try:
        registration.account, registration.tokenId = await _owner(client, name, secret)
    except ChatError as error:
        client.numeric(numerics.ERR_PASSWDMISMATCH, text=str(error))
        _turnAway(client, str(error))


def _turnAway(client: RegisteringClient, why: str) -> None:
    client.send(client.errorLine(why))
    client.controller.end()
    client.closeWhenIdle()


async def _owner(client: RegisteringClient, name: str, secret: str) -> tuple[Account, str]:
    # The account that a password or a token belongs to, and the id of the token.
    if looksLikeToken(secret):
        isAccount = fold(name) in client.state.accounts
        account, token = checkToken(client.controller, secret, name if isAccount else "")
        return account, token.ident
    account = accounts.accountNamed(client.controller, name)
    await accounts.checkPassword(client.controller, account, secret)
    return account, ""


async def authenticate(client: RegisteringClient, message: Message) -> None:
    """AUTHENTICATE."""
    registration, word = client.registration, message.param(0)
    if caps.SASL not in client.capabilities:
        registration.endExchange()
        why = "CAP REQ sasl comes first"
        if not takesSecrets(client.controller):
            why = "this server takes no password over a connection that is not encrypted"
        client.numeric(numerics.ERR_SASLFAIL, text=why)
    elif word == "*":
        registration.endExchange()
        client.numeric(numerics.ERR_SASLABORTED)
    elif not registration.mechanism:
        _begin(client, word.upper())
    else:
        try:
            data = registration.fragments.add(word)
            if data is not None:
                await _exchange(client, data)
        except sasl.SASLTooLong:
            registration.endExchange()
            client.numeric(numerics.ERR_SASLTOOLONG)
        except sasl.SASLError as error:
            _failed(client, str(error))
        except ChatError as error:
            _failed(client, str(error))


def _begin(client: RegisteringClient, mechanism: str) -> None:
    registration = client.registration
    if mechanism not in caps.MECHANISMS:
        client.numeric(numerics.RPL_SASLMECHS, ",".join(caps.MECHANISMS))
        client.numeric(numerics.ERR_SASLFAIL)
        return
    registration.mechanism = mechanism
    if mechanism != "PLAIN":
        # A nonce is public: it must reveal nothing about other secrets made the same way.
        registration.scram = sasl.Scram(digest(client.controller.context.random())[:32])
    client.send("AUTHENTICATE +")


def _failed(client: RegisteringClient, why: str) -> None:
    client.registration.endExchange()
    client.numeric(numerics.ERR_SASLFAIL, text=f"SASL authentication failed: {why}")


async def _exchange(client: RegisteringClient, data: bytes) -> None:
    registration, controller = client.registration, client.controller
    scram = registration.scram
    if scram is None:
        name, secret = sasl.plain(data)
        await _succeeded(client, *await _owner(client, name, secret))
    elif registration.scramAccount is not None:
        account = registration.scramAccount
        if data == b"" and registration.mechanism == "DONE":
            await _succeeded(client, account)
            return
        await accounts.beginGuess(controller, account)
        try:
            final = scram.final(data)
        except sasl.SASLError:
            accounts.guessed(controller, account, False)
            raise
        accounts.guessed(controller, account, True)
        registration.mechanism = "DONE"
        _challenge(client, final)
    else:
        scram.first(data)
        account = accounts.accountNamed(controller, scram.account)
        _challenge(client, scram.challenge(account.verifier))
        registration.scramAccount = account


def _challenge(client: IRCClient, data: bytes) -> None:
    for part in sasl.fragments(data):
        client.send(f"AUTHENTICATE {part}")


async def _succeeded(client: RegisteringClient, account: Account, tokenId: str = "") -> None:
    registration, session, controller = client.registration, client.session, client.controller
    registration.endExchange()
    if account.key != session.account:
        # The log-in checks this too, but only after the name.
        checkPlace(client.state, account, tokenId)
    if controller.entered:
        # A client that is logged in changes the account, or authenticates again.
        refused, before = client.refused, session.account
        await proposeLogin(controller, account, tokenId, session.nick, session.key, True)
        if client.refused > refused or session.account != account.key:
            raise sasl.SASLError("the log-in was refused")
        if account.key != before:
            client.sendAccount()
    else:
        registration.account, registration.tokenId = account, tokenId
        mask = f"{registration.nick or '*'}!{registration.username or '*'}@*"
        text = f"You are now logged in as {account.name}"
        client.numeric(numerics.RPL_LOGGEDIN, mask, account.name, text=text)
    client.numeric(numerics.RPL_SASLSUCCESS)
