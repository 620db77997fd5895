"""The login on each connection, and the request for missed lines.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from tsservices.chat.notifications import ErrorReply, LoggedIn, Resumed, Welcome
from tsservices.client.chat.events import Content, SecretWanted, roomKey
from tsservices.client.chat.login import (
    DEAD_TOKEN,
    WRONG_PASSWORD,
    LoginAttempt,
    LoginOptions,
    Method,
)
from tsservices.client.chat.ports import Network, Tokens, View
from tsservices.client.chat.sender import SYNC, Sender
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.chat.tokens import TokenKeeper


class LoginProgress(Enum):
    """The progress of the login on a connection."""

    #: An attempt is running.
    TRYING = "trying"

    #: All attempts failed: the user has to give a name.
    NAMELESS = "nameless"

    #: The login succeeded, and missed lines are requested.
    ENTERED = "entered"

    #: All attempts failed, and the user can't be asked.
    REFUSED = "refused"


class SessionResumer:
    """
    Resumes the session on a new connection: the name, the rooms, and the lines missed in them.

    @ivar endedBefore: whether the previous connection has ended for the server too, so that no
        line sent on it can still be processed.
    @ivar refusal: why the login failed, if no attempt is left.
    """

    def __init__(
        self,
        options: LoginOptions,
        state: ClientState,
        sender: Sender,
        network: Network,
        tokens: Tokens,
        keeper: TokenKeeper,
        view: View,
        random: Callable[[], float],
    ) -> None:
        """@param random: returns numbers from 0 to 1."""
        self.endedBefore = False
        self.refusal = ""
        self._tokens = tokens
        self._keeper = keeper
        self._options = options
        self._state = state
        self._sender = sender
        self._network = network
        self._view = view
        self._random = random
        self._wanted = list(options.rooms)
        self._nickBefore = ""
        self._token = self._newToken = ""
        self._attempt: LoginAttempt | None = None
        self._nameless = False
        self._unjoined: set[str] = set()

    def begin(self, now: float) -> None:
        """
        Log in on a new connection.

        @param now: the time in seconds.
        """
        self.endedBefore = self._nameless = False
        self._newToken = self.refusal = ""
        account = self._options.account
        # Revoking a token needs a login with the password.
        storedToken = self._tokens.find(account) if account and not self._options.revoke else ""
        self._keeper.offered = storedToken
        self._attempt = LoginAttempt(
            self._options,
            self._nickBefore,
            self._token,
            storedToken,
            now,
            lambda: 100 + int(self._random() * 899),
        )
        self._network.send(self._attempt.next())

    def keepToken(self, token: str, ready: bool) -> None:
        """
        Take the resume token of this connection.

        @param ready: whether all missed lines have arrived.
        """
        # Until the previous connection is known to have ended, its token is kept: only that token
        # can end it.
        self._newToken = token
        if self.endedBefore or ready:
            self._token = token

    def handle(self, content: Content, now: float) -> LoginProgress:
        """
        Handle content received during the login.

        @param now: the time in seconds.
        """
        attempt = self._attempt
        assert attempt is not None
        self._keeper.noticed(content)
        if isinstance(content, Welcome | Resumed | LoggedIn):
            self.endedBefore = attempt.provesEnd(content.nick)
            if not isinstance(content, Resumed):
                self._view.notify(content)
            self._catchUp(content)
            return LoginProgress.ENTERED
        if isinstance(content, SecretWanted):
            if not self._answerPrompt(attempt, content):
                return LoginProgress.REFUSED
        elif not isinstance(content, ErrorReply) or self._nameless:
            self._view.notify(content)
        elif self._asksAgain(attempt, content):
            # The login command was sent again, and its prompt follows.
            pass
        elif self._refused(attempt, content, now):
            if attempt.retryAt is None:
                self._network.send(attempt.next())
        elif self._options.attended and (
            attempt.method is Method.NICK or not self._options.password
        ):
            self._view.notify(content)
            self._view.note("say another name, or /login")
            self._nameless = True
        else:
            return LoginProgress.REFUSED
        return LoginProgress.NAMELESS if self._nameless else LoginProgress.TRYING

    def _refused(self, attempt: LoginAttempt, error: ErrorReply, now: float) -> bool:
        # Returns whether an attempt is left.
        code = error.error.code.name
        self.refusal = str(error.error)
        if attempt.method is Method.TOKEN:
            token, self._keeper.offered = self._keeper.offered, ""
            if code in DEAD_TOKEN:
                self._keeper.forget(self._options.account, token)
            else:
                self._view.note(f"the kept token is not taken: {self.refusal}")
        return attempt.refused(code, now)

    def _asksAgain(self, attempt: LoginAttempt, error: ErrorReply) -> bool:
        # Returns whether the user is asked for the password again.
        if error.error.code.name != WRONG_PASSWORD:
            return False
        line = attempt.again() if self._options.attended or self._options.canAsk else ""
        if not line:
            return False
        self._options.password = ""
        self._view.notify(error)
        self._network.send(line)
        return True

    def tick(self, now: float) -> bool:
        """
        Send the next attempt if its time has come.

        @param now: the time in seconds.
        @return: whether an attempt was sent, or waits for its time.
        """
        attempt = self._attempt
        if attempt is None or attempt.retryAt is None:
            return False
        if now >= attempt.retryAt:
            self._network.send(attempt.next())
        return True

    def caughtUp(self) -> None:
        """Note that all missed lines have arrived: this is the session to resume later."""
        assert self._attempt is not None
        self._wanted = []
        self._unjoined = set()
        self._nickBefore = self._state.nick
        if self._newToken or self._attempt.method is not Method.RESUME:
            self._token = self._newToken

    def connectionLost(self) -> None:
        """Note the loss of a connection on which all missed lines had arrived."""
        self._nickBefore = self._state.nick

    def _answerPrompt(self, attempt: LoginAttempt, prompt: SecretWanted) -> bool:
        # Returns whether the prompt is, or will be, answered.
        if attempt.method is not Method.LOGIN:
            ask = self._sender.secretAsked()
        elif self._options.password:
            self._network.send(self._options.password)
            ask = False
        elif not (self._options.attended or self._options.canAsk):
            why = (
                self.refusal
                or f"no kept token of {self._options.account} may be sent to this server"
            )
            self.refusal = f"{why}; the password is needed: --password-file or $TSSERVICES_PASSWORD"
            return False
        else:
            # Not secretAsked(): lines that wait to be sent were not typed as a password.
            self._sender.prompted = ask = True
        if ask:
            self._view.askSecret(prompt.text)
        return True

    def _catchUp(self, welcome: Welcome | Resumed | LoggedIn) -> None:
        state, send = self._state, self._network.send
        last: dict[str, int] = {}
        if isinstance(welcome, Resumed):
            for name, number in welcome.rooms:
                last[roomKey(name)] = number
                state.rooms.setdefault(roomKey(name), ClientRoom(name, number, welcome.log))
        else:
            self._unjoined = set(state.rooms)
        for key, room in state.rooms.items():
            room.beginCatchUp()
            room.present = key in last
            if key in last:
                if last[key] < room.last and not state.tellsEpochs:
                    room.restart(last[key])
                room.members.clear()
            elif key in self._unjoined:
                send(room.joinCommand())
            else:
                # The user was removed from the room, or left it elsewhere, meanwhile.
                continue
            send(f"/since {room.name} {room.place if state.tellsEpochs else room.last}")
            send(f"/who {room.name}")
        for name in self._wanted:
            # The name may be followed by the key of the room.
            if roomKey(name.split()[0]) not in state.rooms:
                send(f"/join {name}")
        if state.account and self._nickBefore:
            # Private messages sent to the lost connection may not have arrived.
            send("/inbox")
        if state.away and not isinstance(welcome, Resumed):
            send(f"/away {state.away}")
        if state.current in last:
            self._sender.selectRoom(state.current)
        send(SYNC)
