"""
Signing in and out without a connection: a session that lasts for one request.  Pure.

A password is checked once.  The browser keeps an account token that was made for it and can be
revoked alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import GUESSED_OFTEN, STOPPING, TOKENS_EACH, ChatError
from tsservices.chat.handlers.tokens import TOKENS_EACH_ACCOUNT
from tsservices.chat.notifications import ErrorReply, NewToken, Notification
from tsservices.chat.operations import TALK_SCOPE, RevokeTokens
from tsservices.chat.outlet import Backlog, BroadcastMember, Formatter
from tsservices.chat.records import Account
from tsservices.chat.requests import PendingReply
from tsservices.chat.session import Session
from tsservices.chat.verbs import accounts, tokens
from tsservices.chat.verbs.checks import checkSecure
from tsservices.common.tokens import looksLikeToken, readToken
from tsservices.frontends.connection import Chat

#: The beginning of the names of tokens that were made for browsers.
BROWSER = "browser-"

#: Characters after that.
_SUFFIX = 8

#: Gets the result: a token, an empty text, or an error.  Returns whether the client was still
#: there to receive it.
Done = Callable[[str | ChatError], bool]

_Request = Callable[[], Coroutine[PendingReply[Any], None, str]]


class _NoFormatter:
    def encode(self, notifications: Sequence[Notification]) -> bytes:
        return b""


class Visit:
    """A session without a reader, for one request."""

    form: Formatter = _NoFormatter()
    broadcastMember: BroadcastMember | None = None

    def __init__(self, chat: Chat, host: str, secure: bool) -> None:
        """@param host: the address that attempts are counted by."""
        self.session = chat.newSession(self, host)
        self.controller = SessionController(chat.context, self.session, self)
        self.controller.secure = secure
        self.controller.refusesInsecure = True
        self._error: ChatError | None = None
        self._token = ""
        self._left = False

    def signIn(self, name: str, secret: str, done: Done) -> None:
        """
        Get a token for a browser.

        @param name: of the account; empty: the account of the token.
        @param secret: the password, or a token.
        """
        self._run(lambda: self._signIn(name, secret), done)

    def signOut(self, token: str, done: Done) -> None:
        """Revoke a token, if it was made for a browser."""
        self._run(lambda: self._signOut(token), done)

    def _run(self, request: _Request, done: Done) -> None:
        async def run() -> None:
            result: str | ChatError = ChatError(STOPPING)
            try:
                result = await request()
            except ChatError as error:
                result = error
            finally:
                if not done(result) and isinstance(result, str) and self._token:
                    # Nobody has received the token, so it is revoked.
                    self._propose(self._token)
                if self._left:
                    self.controller.end()
                else:
                    self.controller.quit("")

        self.controller.start(run)

    async def _signIn(self, name: str, secret: str) -> str:
        controller = self.controller
        checkSecure(controller)
        if looksLikeToken(secret):
            tokens.checkToken(controller, secret, name)
            return secret.strip()
        account = self._account(name)
        controller.checkStored()
        await accounts.checkPassword(controller, account, secret)
        await tokens.proposeLogin(controller, account)
        self._raise()
        await self._makeRoom()
        await tokens.create(controller, BROWSER + controller.context.random()[:_SUFFIX], TALK_SCOPE)
        self._raise()
        return self._token

    def _account(self, name: str) -> Account:
        controller = self.controller
        try:
            return accounts.accountNamed(controller, name)
        except ChatError:
            # Flood control bounds /login, but not these requests: names could be tried for ever.
            context = controller.context
            wait = context.loginLimits.wrongSecret(self.session.cloak, context.monotonic())
            if wait:
                raise ChatError(GUESSED_OFTEN, seconds=math.ceil(wait)) from None
            raise

    async def _makeRoom(self) -> None:
        # Browsers whose cookies were deleted have left their tokens.
        controller = self.controller
        state = controller.context.state
        own = state.tokensOf(self.session.account or "")
        while len(own) >= TOKENS_EACH_ACCOUNT:
            used = {session.tokenId for session in state.sessionsByAccount[own[0].account]}
            left = [
                token for token in own if token.name.startswith(BROWSER) and token.ident not in used
            ]
            if not left:
                raise ChatError(TOKENS_EACH, most=TOKENS_EACH_ACCOUNT)
            oldest = min(left, key=lambda token: (token.used, token.created))
            controller.propose(RevokeTokens(self.session.ident, (oldest.ident,)))
            await controller.settled()
            self._raise()
            own = state.tokensOf(self.session.account or "")

    async def _signOut(self, token: str) -> str:
        controller = self.controller
        _, known = tokens.checkToken(controller, token)
        if not known.name.startswith(BROWSER):
            # Other programs use this token too.
            return ""
        await tokens.loginByToken(controller, token)
        self._raise()
        tokens.revokeOwn(controller)
        await controller.settled()
        return ""

    def _propose(self, token: str) -> None:
        ident = readToken(token).ident
        self.controller.propose(RevokeTokens(self.session.ident, (ident,)))

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    # Called by the chat: the recipient of the session, and its presenter.

    def write(self, data: bytes) -> None:
        """Do nothing: there is no reader."""

    writeLast = writeLater = write

    def follow(self, backlog: Backlog, session: Session) -> bool:
        return False

    def notify(self, notification: Notification) -> None:
        self.show(notification)

    def show(
        self, notification: Notification, onWritable: Callable[[], None] | None = None
    ) -> None:
        if isinstance(notification, ErrorReply) and self._error is None:
            self._error = notification.error
        elif isinstance(notification, NewToken):
            self._token = notification.token
        if onWritable is not None:
            onWritable()

    def idle(self) -> None:
        self.controller.onIdle()

    def disconnect(self, why: ChatError) -> None:
        # The session has left by now, maybe because it has requested to revoke its own token.
        self._left = True

    def roomCountChanged(self, rooms: int) -> None:
        pass

    def blockOutput(self, blocked: bool) -> None:
        pass

    def resumeInput(self) -> None:
        pass

    def setFormat(self, form: str) -> None:
        pass

    def prompt(self, prompt: str) -> None:
        pass

    def closeWhenIdle(self) -> None:
        pass
