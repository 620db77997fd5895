"""
What is tried to log in on one connection, in this order: the token of the connection
before, the account token that is kept, the password of the account, names.  Pure;
L{tsservices.client.chat.resume} sends it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from tsservices.chat.names import fold

#: The error of a name that somebody has, maybe only for a while.
NICK_TAKEN = "nick-taken"

#: The error of a token of a connection that has ended.
NOTHING_TO_RESUME = "nothing-to-resume"

#: Errors of an account token that will never be taken: it was revoked, or its account is gone.
DEAD_TOKEN = ("wrong-token", "no-account")

#: The error of a wrong password.
WRONG_PASSWORD = "wrong-password"

#: How often a person may type the password of an account: fingers slip.
PASSWORD_TRIES = 3

#: Names that are tried for somebody who has not chosen one.
OTHER_NAMES = 20

#: How long one's own name is waited for: the server may take the connection that was lost for one
#: that lives, and the name for taken.
OWN_NAME_SECONDS = 30.0

#: How often it is asked for meanwhile.
RETRY_SECONDS = 2.0

#: Characters of the name before that a name with a number begins with: the server takes 32 in all.
_STEM_LENGTH = 24


@dataclass(slots=True)
class LoginOptions:
    """As whom to log in, and where to."""

    nick: str
    #: Whether somebody has chosen the name; else it is only likely.
    chosen: bool = True
    #: To log in to; empty: to none.
    account: str = ""
    password: str = field(default="", repr=False)
    #: Names of the rooms to join; the key may follow a name, after a space.
    rooms: list[str] = field(default_factory=lambda: ["lobby"])
    #: Somebody can be asked for all that is missing, at a prompt that stays.
    attended: bool = False
    #: Somebody can be asked.
    canAsk: bool = False
    #: The server is to know what was read.
    marks: bool = False
    #: An account token is to be kept, without a question.
    remember: bool = False
    #: The id of an account token to have revoked, and nothing else; empty: none.
    revoke: str = ""
    #: The name of this computer.
    device: str = ""


class Method(Enum):
    """How one logs in."""

    RESUME = "resume"
    TOKEN = "token"
    LOGIN = "login"
    NICK = "nick"


class LoginAttempt:
    """
    One attempt after the other to log in, on one connection.

    @ivar method: that of the attempt under way; L{None}: there is none.
    @ivar retryAt: when to ask for a name again; L{None}: at once.
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
        @param nickBefore: the name on the connection before; empty: there was none.
        @param token: of the connection before; empty: it had none.
        @param accountToken: the one that is kept and may be sent; empty: none.
        @param now: the time in seconds.
        @param digits: gives a number to make a name of one's own of another one.
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
        """The next line to send; empty if no method is left."""
        self.retryAt = None
        if not self._attempts:
            self.method = None
            return ""
        self.method, argument = self._attempts.popleft()
        # The server takes a token where it takes a password.
        command = Method.LOGIN if self.method is Method.TOKEN else self.method
        return f"/{command.value} {argument}"

    def refused(self, code: str, now: float) -> bool:
        """
        The attempt under way has failed.

        @param code: that of the error.
        @param now: the time in seconds.
        @return: whether there is something left to try.
        """
        if self.method is Method.NICK:
            self._tryOtherName(code, now)
        elif self.method is Method.RESUME:
            self._nothingToResume = code == NOTHING_TO_RESUME
        return bool(self._attempts)

    def again(self) -> str:
        """The line that logs in by another password; empty: it was wrong often enough."""
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
        Whether having come in under this name proves that the connection before has ended for
        the server too: nothing that was sent by it comes later.
        """
        if self._nothingToResume or self.method is Method.RESUME:
            return True
        # Connections that are logged in may share a name; those of guests do not.
        sameNick = bool(self._nickBefore) and fold(nick) == fold(self._nickBefore)
        return self.method is Method.NICK and sameNick
