"""
Account tokens: requesting one for this computer, saving it, and revoking it when it is no longer
needed.  Pure.

The token is in one answer of the server, which is not shown, and in the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from tsservices.chat.notifications import ErrorReply, LoggedIn, NewToken, Notice
from tsservices.client.chat.events import Content
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import Tokens, View
from tsservices.client.chat.sender import Sender
from tsservices.client.chat.state import ClientState
from tsservices.client.shared_file import SharedFileError

#: The question after a login with the password.
QUESTION = "keep a token on this computer, so that you need no password next time? [y/N]"

#: The error that ends the connections of a revoked token.
TOKEN_REVOKED = "token-revoked"

#: The error for a token that does not exist.
_NO_TOKEN = "no-token"

#: The code of the notice that confirms a revocation.
_REVOKED = "revoked"

#: Errors about the connection, which do not answer a request.
_OF_CONNECTION = (TOKEN_REVOKED, "taken-over")

_NO_WAY = "no token is kept: the connection is not encrypted and leads to another computer"

#: The longest name of a token that the server accepts.
_NAME_LENGTH = 32

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def tokenName(device: str, random: Callable[[], float]) -> str:
    """
    Make a name for a token, by which users recognize the computer that has it.

    @param device: the name of this computer.
    @param random: returns numbers from 0 to 1.
    """
    mark = "".join(_LETTERS[min(int(random() * 32), 31)] for _ in range(4))
    label = device.lower().partition(".")[0]
    label = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in label)
    label = label[: _NAME_LENGTH - len("client--") - len(mark)].strip("-")
    return "-".join(part for part in ("client", label, mark) if part)


class _Purpose(Enum):
    MAKE = "make"
    #: Revoke a token that is not kept anywhere.
    CLEAN = "clean"
    #: Revoke a token because the user asked for it.
    REVOKE = "revoke"


class _Request(NamedTuple):
    purpose: _Purpose
    #: The name of the token, or its id.
    token: str

    def __str__(self) -> str:
        if self.purpose is _Purpose.MAKE:
            return f"/token new {self.token} talk"
        return f"/token revoke {self.token}"


class TokenKeeper:
    """
    Decides when a token is made, kept and revoked.

    @ivar asking: whether the question whether to keep a token is open.
    @ivar offered: the kept token with which a login is tried; empty: none.
    @ivar failure: why the request of the command line has failed; empty: it has not.
    """

    def __init__(
        self,
        options: LoginOptions,
        state: ClientState,
        sender: Sender,
        tokens: Tokens,
        view: View,
        random: Callable[[], float],
    ) -> None:
        """@param random: returns numbers from 0 to 1."""
        self.asking = False
        self.offered = self.failure = ""
        # The token with which the session has logged in.
        self._used = ""
        self._options = options
        self._state = state
        self._sender = sender
        self._tokens = tokens
        self._view = view
        self._random = random
        # Whether a token is to be made, by option or by answer.
        self._wanted = options.remember
        self._asked = False
        self._byPassword = False
        self._requests: deque[_Request] = deque()
        self._request: _Request | None = None
        self._item: OutgoingLine | None = None
        self._account = self._error = ""
        self._isStored = False

    def noticed(self, content: Content) -> None:
        """Watch all content from the server to learn how the session has logged in."""
        if isinstance(content, LoggedIn):
            self._used = self.offered if content.token else ""
            self._byPassword = not content.token
        elif (
            isinstance(content, ErrorReply)
            and content.error.code.name == TOKEN_REVOKED
            and self._used
        ):
            self.forget(self._state.account, self._used)
            self._used = ""

    def forget(self, account: str, token: str) -> None:
        """Remove a token that the server does not accept."""
        try:
            self._tokens.forget(account, token)
        except SharedFileError as error:
            self._view.complain(f"the kept token of {account} is of no use any more, but {error}")
        else:
            self._view.note(f"the kept token of {account} is of no use any more: it is forgotten")

    def ready(self, attended: bool) -> None:
        """
        Start the pending requests: the session is logged in.

        @param attended: whether the user can be asked.
        """
        account = self._state.account
        # A later login may use another token, typed by the user.
        self.offered = ""
        if self._options.revoke and not self._requests and self._request is None:
            self._requests.append(_Request(_Purpose.REVOKE, self._options.revoke))
        elif self._wanted and account:
            self._make(account)
        elif (
            attended
            and not self._asked
            and account
            and self._byPassword
            and self._tokens.binding
            and not self._tokens.find(account)
            and not self._tokens.declined(account)
        ):
            self.asking = self._asked = True
            self._view.note(QUESTION)
        self._next()

    def answer(self, text: str) -> bool:
        """
        Take a line that was typed after the question.

        @return: whether it is an answer; if not, it is a line for the chat.
        """
        self.asking = False
        word = text.strip().lower()
        if word in ("y", "yes"):
            self._wanted = True
            if self._sender.open:
                self.ready(False)
        elif word in ("", "n", "no"):
            try:
                self._tokens.decline(self._state.account)
            except SharedFileError as error:
                self._view.complain(str(error))
            self._view.note("no token is kept, and you are not asked again; --remember keeps one")
        else:
            return False
        return True

    def takes(self, content: Content) -> bool:
        """Take content if it answers the running request; return whether, as it is not shown."""
        if self._request is None or self._sender.unanswered is not self._item:
            return False
        if isinstance(content, NewToken) and self._request.purpose is _Purpose.MAKE:
            self._made(content.token)
        elif isinstance(content, ErrorReply) and content.error.code.name not in _OF_CONNECTION:
            isGone = content.error.code.name == _NO_TOKEN
            self._error = "" if isGone else str(content.error)
        else:
            return isinstance(content, Notice) and content.code == _REVOKED
        return True

    def settled(self) -> None:
        """Finish the running request if the answered sync has settled it."""
        request, outbox = self._request, self._sender.outbox
        if request is None or self._item in outbox.waiting or self._item in outbox.sent:
            return
        self._request = self._item = None
        if request.purpose is _Purpose.MAKE and not self._isStored:
            self._fail(f"no token is kept: {self._error or 'the server has made none'}")
        elif request.purpose is _Purpose.REVOKE and self._error:
            self._fail(f"the token is not revoked at the server: {self._error}")
        elif request.purpose is _Purpose.REVOKE:
            self._view.note("the token is revoked at the server")
        self._next()

    def connectionLost(self) -> None:
        """Repeat or clean up the running request, whose outcome is unknown after the loss."""
        request, self._request, self._item = self._request, None, None
        if request is not None and request.purpose is not _Purpose.MAKE:
            self._requests.appendleft(request)
        elif request is not None and not self._isStored:
            # The token may have been made but not received: revoke it, then make another one.
            self._requests.appendleft(_Request(_Purpose.CLEAN, request.token))
            self._wanted = True

    def _make(self, account: str) -> None:
        self._wanted = False
        if self._tokens.find(account):
            return
        if not self._tokens.binding:
            self._fail(_NO_WAY)
            return
        self._account, self._isStored = account, False
        name = tokenName(self._options.device, self._random)
        self._requests.append(_Request(_Purpose.MAKE, name))

    def _made(self, token: str) -> None:
        assert self._request is not None
        try:
            before = self._tokens.keep(self._account, token)
        except ValueError:
            self._error = "the server has sent something else"
        except SharedFileError as error:
            self._error = str(error)
        else:
            self._isStored = True
            self._view.note(
                f"a token is kept in {self._tokens.path}: you need no password next time, and "
                f"--forget removes it. Its name is {self._request.token}"
            )
            if before:
                self._requests.append(_Request(_Purpose.CLEAN, before))
            return
        self._requests.append(_Request(_Purpose.CLEAN, self._request.token))

    def _next(self) -> None:
        if self._request is None and self._requests:
            self._error = ""
            self._request = self._requests.popleft()
            self._item = self._sender.sendQuiet(str(self._request))

    def _fail(self, text: str) -> None:
        self.failure = text
        self._view.complain(text)
