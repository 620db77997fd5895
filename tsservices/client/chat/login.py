"""
How one comes in: by the token of the connection before, by an account, or by a name.
Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tsservices.chat.names import fold

#: The refusal of a name that somebody has, maybe only for a while.
NICK_TAKEN = "nick-taken"

#: The refusal of a token of a connection that has ended.
NOTHING_TO_RESUME = "nothing-to-resume"

#: Names that are tried for somebody who has not chosen one.
GUESTS = 20

#: How long one's own name is waited for: the server may take the connection that was lost for one
#: that lives, and the name for taken.
GHOST_SECONDS = 30.0

#: How often it is asked for meanwhile.
RETRY_SECONDS = 2.0


@dataclass(slots=True)
class LoginOptions:
    """
    What was asked for on the command line.

    @ivar nick: the name.
    @ivar chosen: whether somebody has chosen it; else it is only likely.
    @ivar account: to log in to, if any.
    @ivar password: of the account.
    @ivar rooms: names of the rooms to join.
    @ivar attended: somebody can be asked.
    @ivar marks: the server is to know what was read.
    """

    nick: str
    chosen: bool = True
    account: str = ""
    password: str = field(default="", repr=False)
    rooms: list[str] = field(default_factory=lambda: ["lobby"])
    attended: bool = False
    marks: bool = False


class LoginAttempt:
    """
    One attempt after the other to come in, on one connection.

    @ivar way: C{resume}, C{login} or C{nick}: the attempt under way; nothing: none.
    @ivar retryAt: when to ask for a name again, if not now.
    """

    def __init__(
        self,
        wish: LoginOptions,
        before: str,
        token: str,
        now: float,
        digits: Callable[[], int],
    ) -> None:
        """@param now: the time in seconds."""
        self._wish = wish
        self._before = before
        self._digits = digits
        self._until = now + GHOST_SECONDS
        self._guests = 0
        self._gone = False
        self._nick = ""
        self._ways: deque[tuple[str, str]] = deque()
        if token:
            self._ways.append(("resume", f"/resume {token}"))
        if wish.account:
            self._ways.append(("login", f"/login {wish.account}"))
        else:
            self._ways.append(("nick", before or wish.nick))
        self.way = ""
        self.retryAt: float | None = None

    def next(self) -> str:
        """What to send next; nothing when there is nothing left to try."""
        self.retryAt = None
        if not self._ways:
            self.way = ""
            return ""
        self.way, line = self._ways.popleft()
        if self.way == "nick":
            self._nick = line
            line = f"/nick {line}"
        return line

    def refused(self, code: str, now: float) -> bool:
        """
        The attempt has failed.

        @param now: the time in seconds.
        """
        if self.way == "nick":
            self._otherName(code, now)
        elif self.way == "resume":
            self._gone = code == NOTHING_TO_RESUME
        return bool(self._ways)

    def _otherName(self, code: str, now: float) -> None:
        if self._before and code == NICK_TAKEN and now < self._until:
            self._ways.append(("nick", self._before))
            self.retryAt = now + RETRY_SECONDS
        elif self._guests < GUESTS and (self._before or not self._wish.chosen):
            self._guests += 1
            stem = f"{self._before[:24]}-" if self._before else "guest"
            self._ways.append(("nick", f"{stem}{self._digits()}"))

    def same(self, nick: str) -> bool:
        """
        Whether the connection before has ended for the server too: nothing that was sent by it
        comes later.
        """
        if self._gone or self.way == "resume":
            return True
        # Connections that are logged in may share a name; those of guests do not.
        return self.way == "nick" and bool(self._before) and fold(nick) == fold(self._before)
