"""
The methods to log in on one connection, tried in this order: the token of the previous connection,
the kept account token, the password of the account, names.  Pure; the lines are sent by
L{tsservices.client.chat.resume}.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from tsservices.chat.names import fold

#: The error for a name that is in use, maybe only for a while.
NICK_TAKEN = "nick-taken"

#: The error for the token of a connection that has ended for the server.
NOTHING_TO_RESUME = "nothing-to-resume"

#: Errors for an account token that is permanently invalid: the token or its account was removed.
DEAD_TOKEN = ("wrong-token", "no-account")

#: The error for a wrong password.
WRONG_PASSWORD = "wrong-password"

#: How often the user may type the password of an account.
PASSWORD_TRIES = 3

#: How many other names are tried if the user has not chosen one.
OTHER_NAMES = 20

#: How long to retry the user's previous name: the server may still consider the lost connection
#: open, and the name taken.
OWN_NAME_SECONDS = 30.0

#: The interval of these retries.
RETRY_SECONDS = 2.0

#: How many characters of the previous name a numbered name keeps: the server accepts 32 in all.
_STEM_LENGTH = 24


@dataclass(slots=True)
class LoginOptions:
    """The options of a login: name, account and rooms."""

    nick: str
    #: Whether the user has chosen the name; otherwise it is a default.
    chosen: bool = True
    #: The account to log in to; empty: none.
    account: str = ""
    password: str = field(default="", repr=False)
    #: Names of the rooms to join; a key may follow a name, after a space.
    rooms: list[str] = field(default_factory=lambda: ["lobby"])
    #: Whether the user can be asked for anything missing, at a permanent prompt.
    attended: bool = False
    #: Whether the user can be asked.
    canAsk: bool = False
    #: Whether to send the server marks of what was read.
    marks: bool = False
    #: Whether to keep an account token without asking.
    remember: bool = False
    #: The id of an account token to revoke, after which the client leaves; empty: none.
    revoke: str = ""
    #: The name of this computer.
    device: str = ""


class Method(Enum):
    """A method of the login."""

    RESUME = "resume"
    TOKEN = "token"
    LOGIN = "login"
    NICK = "nick"


class LoginAttempt:
    """
    The sequence of login attempts on one connection.

    @ivar method: the method of the running attempt; L{None}: no attempt is running.
    @ivar retryAt: when to send the next attempt; L{None}: at once.
    """

    def __init__(
        self,
        options: LoginOptions,
        nickBefore: str,
        token: str,
        accountToken: str,
        now: float,
        digits: Callable[[], int],
    ) -> None:
        """
        @param nickBefore: the name on the previous connection; empty: there was none.
        @param token: the token of the previous connection; empty: it had none.
        @param accountToken: the kept token, if it may be sent; empty: none.
        @param now: the time in seconds.
        @param digits: returns a number to append to a name that is taken.
        """
        self._options = options
        self._nickBefore = nickBefore
        self._digits = digits
        self._waitUntil = now + OWN_NAME_SECONDS
        self._otherNames = 0
        self._nothingToResume = False
        self._wrongPasswords = 0
        self._attempts: deque[tuple[Method, str]] = deque()
        if token:
            self._attempts.append((Method.RESUME, token))
        if accountToken:
            self._attempts.append((Method.TOKEN, f"{options.account} {accountToken}"))
        if options.account:
            self._attempts.append((Method.LOGIN, options.account))
        else:
            self._attempts.append((Method.NICK, nickBefore or options.nick))
        self.method: Method | None = None
        self.retryAt: float | None = None

    def next(self) -> str:
        """Return the next line to send; empty: no method is left."""
        self.retryAt = None
        if not self._attempts:
            self.method = None
            return ""
        self.method, argument = self._attempts.popleft()
        # The server accepts a token in place of a password.
        command = Method.LOGIN if self.method is Method.TOKEN else self.method
        return f"/{command.value} {argument}"

    def refused(self, code: str, now: float) -> bool:
        """
        Handle the failure of the running attempt.

        @param code: the code of the error.
        @param now: the time in seconds.
        @return: whether an attempt is left.
        """
        if self.method is Method.NICK:
            self._tryOtherName(code, now)
        elif self.method is Method.RESUME:
            self._nothingToResume = code == NOTHING_TO_RESUME
        return bool(self._attempts)

    def again(self) -> str:
        """Return the line that logs in with another password; empty: no tries are left."""
        self._wrongPasswords += 1
        if self.method is not Method.LOGIN or self._wrongPasswords >= PASSWORD_TRIES:
            return ""
        return f"/{Method.LOGIN.value} {self._options.account}"

    def _tryOtherName(self, code: str, now: float) -> None:
        if self._nickBefore and code == NICK_TAKEN and now < self._waitUntil:
            self._attempts.append((Method.NICK, self._nickBefore))
            self.retryAt = now + RETRY_SECONDS
        elif self._otherNames < OTHER_NAMES and (self._nickBefore or not self._options.chosen):
            self._otherNames += 1
            stem = f"{self._nickBefore[:_STEM_LENGTH]}-" if self._nickBefore else "guest"
            self._attempts.append((Method.NICK, f"{stem}{self._digits()}"))

    def provesEnd(self, nick: str) -> bool:
        """
        Check whether the login with this name proves that the previous connection has ended for
        the server, so that no line sent on it can still be processed.
        """
        if self._nothingToResume or self.method is Method.RESUME:
            return True
        # Connections with an account may share a name; those of guests may not.
        sameNick = bool(self._nickBefore) and fold(nick) == fold(self._nickBefore)
        return self.method is Method.NICK and sameNick
