"""
The state machine of the client.  Pure: it takes received lines, typed lines and the time, and
calls the network and the view.

A connection begins with L{Phase.GREETING}; lines are sent in L{Phase.READY}.  After a lost
connection, the next one first fetches missed lines, and then sends new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from tsservices.chat.errors import COMMAND_HIDDEN, ChatError
from tsservices.chat.notifications import ErrorReply, LoggedIn, Notice, ResumeToken
from tsservices.client.chat.commands import hiddenSecret
from tsservices.client.chat.events import Content, FormatVersion, clean, decode, roomKey
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import ConnectionChange, Network, Tokens, View
from tsservices.client.chat.resume import LoginProgress, SessionResumer
from tsservices.client.chat.sender import SYNC, SYNC_ANSWER, Sender
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.chat.tokens import TokenKeeper
from tsservices.client.chat.transcript import Transcript


class Phase(Enum):
    """The phases of a connection; the values are shown in the status line."""

    AWAY = "not connected"
    GREETING = "connected"
    ENTERING = "entering"
    NAMELESS = "without a name"
    CATCHING_UP = "catching up"
    READY = "online"
    ENDED = "over"


#: The version of the JSON format that this client reads.
VERSION = 1

#: The first lines sent on every connection.
_GREETING = ("/format json", "/echo on", "/help", SYNC)

#: After a silence of this length a sync is sent, as a ping.
SILENCE_SECONDS = 45.0

#: The longest wait for an answer before the connection is considered lost.
PATIENCE_SECONDS = 30.0

#: Seconds before the first attempt to reconnect; each failure doubles them.
FIRST_DELAY = 0.5

#: The longest wait between two attempts, in seconds.
LONGEST_DELAY = 30.0

#: The error that ends a connection whose session another connection has resumed.
TAKEN_OVER = "taken-over"

_NO_PASSWORD = "a password is asked for, and there is no more input"

_PHASES = {
    LoginProgress.TRYING: Phase.ENTERING,
    LoginProgress.NAMELESS: Phase.NAMELESS,
    LoginProgress.ENTERED: Phase.CATCHING_UP,
}


class ClientMachine:
    """
    The client without sockets and terminal.

    @ivar state: the known state of the chat.
    @ivar sender: the sending half.
    @ivar phase: the phase of the connection.
    @ivar hadErrors: whether a line or command of the user was refused.
    """

    def __init__(
        self,
        options: LoginOptions,
        state: ClientState,
        network: Network,
        tokens: Tokens,
        view: View,
        random: Callable[[], float],
    ) -> None:
        """@param random: returns numbers from 0 to 1."""
        self.state = state
        self.sender = Sender(state, network, view)
        self.phase = Phase.AWAY
        self.hadErrors = False
        self._transcript = Transcript(state, self.sender, view)
        self._keeper = TokenKeeper(options, state, self.sender, tokens, view, random)
        self._resumer = SessionResumer(
            options, state, self.sender, network, tokens, self._keeper, view, random
        )
        self._options = options
        self._network = network
        self._view = view
        self._random = random
        self._greeting: list[str] = []
        self._attempts = 0
        self._wasReady = False
        self._heardAt = self._now = 0.0
        self._pinged = False
        self._finishing = False
        self._quitting = False
        self._promptLost = False

    @property
    def asking(self) -> bool:
        """Whether the next typed line may answer a question of the client."""
        return self._keeper.asking

    def connected(self, now: float) -> None:
        """@param now: the time in seconds."""
        self._heardAt = self._now = now
        self._pinged = False
        self._greeting = []
        self.phase = Phase.GREETING
        self._view.connectionChanged(ConnectionChange.CONNECTED)
        for line in _GREETING:
            self._network.send(line)

    def connectionLost(self, reason: str, now: float) -> None:
        """
        Handle a connection that is lost, or could not be made.

        @param now: the time in seconds.
        """
        self._now = now
        if self.phase is Phase.ENDED:
            return
        wasReady = self.phase is Phase.READY
        self.phase = Phase.AWAY
        # A password that is being typed must not be sent to a room.
        self._promptLost = self._promptLost or self.sender.prompted
        if wasReady:
            if self._options.attended and not self._options.password:
                # A user who logged in later can be asked for the password again.
                self._options.account = self.state.account
            self._resumer.connectionLost()
        self.sender.connectionLost()
        self._keeper.connectionLost()
        self._transcript.connectionLost()
        if self._quitting:
            self._leave()
        elif not self._wasReady:
            # The session was never complete, so there is nothing to resume.
            self._leave(reason)
        else:
            if wasReady:
                self._view.connectionChanged(ConnectionChange.LOST, reason)
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0**self._attempts)
            # Limited, because 2.0**1024 overflows.
            self._attempts = min(self._attempts + 1, 16)
            # Many clients lose the same server at once; random delays spread their reconnections.
            self._network.connectIn(delay * (0.5 + self._random()))

    def received(self, line: bytes, now: float) -> None:
        """
        Take a line of the server, without its ending.

        @param now: the time in seconds.
        """
        self._heardAt = self._now = now
        event = decode(line)
        if event is None:
            # Lines before the first JSON object are the greeting.
            if self.phase is Phase.GREETING:
                self._greeting.append(clean(line.decode("utf-8", "backslashreplace")))
            return
        content = event.content
        # Answers to the client's own syncs are never shown, not even to programs.
        if isinstance(content, Notice) and content.lines == SYNC_ANSWER:
            self._syncAnswered()
            return
        # Nor are answers that contain an account token.
        if content is not None and self._keeper.takes(content):
            return
        if isinstance(content, ResumeToken):
            # Not shown, because anyone who sees the token could take the session over.
            self._resumer.keepToken(content.token, self.phase is Phase.READY)
            return
        self._view.received(event)
        if content is None:
            # A newer server may send types that this client does not know, but a program may.
            return
        self.state.apply(content)
        if isinstance(content, ErrorReply) and content.error.code.name == TAKEN_OVER:
            self._leave(str(content.error))
        elif self.phase is Phase.GREETING:
            self._greeted(content)
        elif self.phase in (Phase.ENTERING, Phase.NAMELESS):
            progress = self._resumer.handle(content, now)
            if progress is LoginProgress.REFUSED:
                self._leave(self._resumer.refusal)
            else:
                self.phase = _PHASES[progress]
        elif self.phase in (Phase.CATCHING_UP, Phase.READY):
            if isinstance(content, ErrorReply) and not self.sender.quiet:
                self.hadErrors = True
            self._transcript.handle(content, now, self.phase is Phase.CATCHING_UP)
            self._keeper.noticed(content)
            if isinstance(content, LoggedIn) and self.phase is Phase.READY:
                self._askToKeep()
            self._flush()

    def input(self, text: str, now: float, window: str = "") -> None:
        """
        Take a line that was typed.

        @param now: the time in seconds.
        @param window: the name of the window in which it was typed, as in L{Sender.typed}.
        """
        self._now = now
        words = text.split(None, 1)
        command = words[0].lower() if words else ""
        if self._promptLost:
            self._promptLost = False
            self._view.askSecret("")
            self._view.complain("the connection was lost: what you typed was not sent")
        elif self.sender.prompted:
            self.sender.typed(text)
            self._view.askSecret("")
        elif self._keeper.asking and self._keeper.answer(text):
            self._flush()
        elif hidden := hiddenSecret(text):
            self.hadErrors = True
            self._view.complain(str(ChatError(COMMAND_HIDDEN, command=hidden)))
        elif command == "/quit":
            self._transcript.userActive(now)
            self.quit(words[1] if len(words) > 1 else "")
        elif self.phase is Phase.NAMELESS:
            if words:
                self._network.send(text if command.startswith("/") else f"/nick {text.strip()}")
        else:
            self._transcript.userActive(now)
            self.sender.typed(text, window)
            if self.phase is Phase.READY and self._options.marks:
                self._transcript.markRead(now)
            self._flush()

    def active(self, now: float) -> None:
        """
        Note that the user reads the current room.

        @param now: the time in seconds.
        """
        self._now = now
        self._transcript.userActive(now)
        if self.phase is Phase.READY and self._options.marks and not self.sender.prompted:
            self._transcript.markRead(now)

    def fetchOlder(self, room: ClientRoom, seq: int) -> OutgoingLine:
        """
        Request the lines of a room after a number, to be shown as L{LineOrigin.OLDER}.

        @return: the command; when it is settled, all lines have arrived.
        """
        place = f"{seq}@{room.epoch}" if seq and room.epoch and self.state.tellsEpochs else seq
        return self.sender.sendQuiet(f"/since {room.name} {place}")

    def finish(self) -> None:
        """Note the end of the input: leave when all lines are settled."""
        self._finishing = True
        if self.sender.prompted:
            self._leave(_NO_PASSWORD)
        self._flush()

    def quit(self, why: str = "") -> None:
        """Leave; at the second call at once."""
        if self._quitting or self.phase is not Phase.READY:
            self._quitting = True
            self._leave()
            return
        if self._options.marks:
            self._transcript.markRead(self._now, last=True)
        self._quitting = True
        self.sender.outbox.waiting.append(OutgoingLine(f"/quit {why}".rstrip(), "quit", quiet=True))
        self.sender.flush()

    def fail(self, message: str) -> None:
        """End the client because no connection can be made."""
        self._leave(message)

    def tick(self, now: float) -> None:
        """
        Check timeouts and retries; to be called about once a second.

        @param now: the time in seconds.
        """
        self._now = now
        if self.phase in (Phase.AWAY, Phase.ENDED, Phase.NAMELESS) or self.sender.prompted:
            return
        if self.phase is Phase.ENTERING and self._resumer.tick(now):
            self._heardAt = now
            return
        if self.phase is not Phase.READY or self.sender.outbox.sent:
            # An answer of the server is outstanding.
            silence = SILENCE_SECONDS if self._pinged else 0.0
            if now > self._heardAt + PATIENCE_SECONDS + silence:
                self._network.hangUp()
        elif now > self._heardAt + SILENCE_SECONDS:
            # TCP detects a dead connection only when data is sent, and only after minutes.
            self._pinged = True
            self.sender.sendSync()

    def _syncAnswered(self) -> None:
        self._pinged = False
        if self.phase is Phase.GREETING:
            self.phase = Phase.ENTERING
            self._resumer.begin(self._now)
        elif self.phase is Phase.CATCHING_UP:
            self._caughtUp()
        elif self.phase is Phase.READY:
            self.sender.syncAnswered()
            self._keeper.settled()
            self._flush()

    def _greeted(self, content: Content) -> None:
        if isinstance(content, FormatVersion):
            if content.version != VERSION:
                self._leave("this server speaks another version of the JSON form")
            elif not self._wasReady:
                # The last line asks for a name, which the client sends anyway.
                for line in self._greeting[:-1]:
                    self._view.note(line.removeprefix("* "))
        elif isinstance(content, ErrorReply):
            self._view.notify(content)
        elif isinstance(content, Notice):
            self.state.learnHelp(content)

    def _caughtUp(self) -> None:
        state, sender = self.state, self.sender
        missed = self._transcript.finishCatchUp(self._now)
        self._resumer.caughtUp()
        first = "".join(roomKey(name.split()[0]) for name in self._options.rooms[:1])
        if not self._wasReady and first in state.rooms:
            state.selectRoom(first)
        elif state.current not in state.rooms:
            # The same is true of lines for a room that could not be joined.
            meant = self._wasReady or (first and not self._options.attended)
            state.selectRoom("" if meant else next(reversed(state.rooms), ""))
        sender.selectRoom(state.current)
        sender.connectionReplaced(self._resumer.endedBefore)
        if self._wasReady:
            self._view.connectionChanged(ConnectionChange.RESUMED, missed=missed)
        self._wasReady = True
        self._attempts = 0
        self.phase = Phase.READY
        self._askToKeep()
        self._flush()

    def _askToKeep(self) -> None:
        self._keeper.ready(self._options.canAsk and not (self._finishing or self._quitting))

    def _flush(self) -> None:
        if self.phase is not Phase.READY:
            return
        if self._keeper.failure:
            self.hadErrors = True
            if self._options.revoke:
                self._leave(self._keeper.failure)
                return
        self._transcript.listMembers()
        self.sender.flush()
        if self._finishing and self.sender.prompted:
            self._leave(_NO_PASSWORD)
        elif self._finishing and self.sender.outbox.idle:
            self.quit()

    def _leave(self, message: str = "") -> None:
        # Unsent lines are reported, so that no typed line is lost silently.
        if self.phase is Phase.ENDED:
            return
        self.phase = Phase.ENDED
        self.sender.connectionLost()
        outbox = self.sender.outbox
        waiting = [item for item in outbox.waiting if not item.quiet]
        for item in outbox.doubtful:
            self._view.notSent(item, sure=False)
        for item in waiting:
            self._view.notSent(item, sure=True)
        self._network.ended(1 if message or outbox.doubtful or waiting else 0, message)
