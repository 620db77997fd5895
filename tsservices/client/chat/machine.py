"""
How far a connection has come.  Pure.

The state machine of the client: what comes, and what time it is, in; what to send and
what to show, out.  Pure.

A connection begins with L{Phase.GREETING}; lines are sent in L{Phase.READY}.  When it is
lost, the next one brings what was missed before anything new is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from tsservices.client.chat.events import ServerEvent, clean, decode
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import Network, View
from tsservices.client.chat.resume import LoginProgress, SessionResumer
from tsservices.client.chat.sender import FENCE, FENCED, Sender
from tsservices.client.chat.state import ClientState, roomKey
from tsservices.client.chat.transcript import Transcript


class Phase(Enum):
    """How far a connection has come."""

    AWAY = "not connected"
    GREETING = "connected"
    ENTERING = "entering"
    NAMELESS = "without a name"
    CATCHING = "catching up"
    READY = "online"
    ENDED = "over"


#: Of the meaning of what servers write, as this client reads it.
VERSION = 1

#: After so long without a word the server is asked for one.
SILENCE_SECONDS = 45.0

#: Within this it answers, or the connection is taken for lost.
PATIENCE_SECONDS = 30.0

#: Seconds before the first attempt to connect again, and before the later ones.
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0

#: The refusal with which a connection ends that another one goes on for.
TAKEN_OVER = "taken-over"


_PHASES = {
    LoginProgress.TRYING: Phase.ENTERING,
    LoginProgress.NAMELESS: Phase.NAMELESS,
    LoginProgress.INSIDE: Phase.CATCHING,
}


class ClientMachine:
    """
    The client without its sockets and its terminal.

    @ivar town: what is known.
    @ivar exchange: the sending half.
    @ivar phase: how far the connection has come.
    @ivar refusals: whether anything was refused.
    @ivar wasReady: whether one was in before.
    """

    def __init__(
        self,
        wish: LoginOptions,
        town: ClientState,
        outlet: Network,
        view: View,
        random: Callable[[], float],
    ) -> None:
        self.town = town
        self.exchange = Sender(town, outlet, view)
        self.phase = Phase.AWAY
        self.refusals = False
        self.wasReady = False
        self._story = Transcript(town, self.exchange, view)
        self._arrival = SessionResumer(wish, town, self.exchange, outlet, view, random)
        self._wish = wish
        self._outlet = outlet
        self._view = view
        self._random = random
        self._greeting: list[str] = []
        self._tries = 0
        self._heard = self._now = 0.0
        self._pinged = False
        self._finishing = False
        self._quitting = False
        self._unasked = False

    def connected(self, now: float) -> None:
        """@param now: the time in seconds."""
        self._heard = self._now = now
        self._pinged = False
        self._greeting = []
        self.phase = Phase.GREETING
        self._view.connection("connected")
        for line in ("/format json", "/echo on", "/help", FENCE):
            self._outlet.send(line)

    def lost(self, reason: str, now: float) -> None:
        """@param now: the time in seconds."""
        self._now = now
        if self.phase is Phase.ENDED:
            return
        was, self.phase = self.phase, Phase.AWAY
        # Who is just typing a password must not say it to everybody.
        self._unasked = self._unasked or self.exchange.prompted
        if was is Phase.READY:
            if self._wish.attended and not self._wish.password:
                # Whoever has logged in since can say the password again.
                self._wish.account = self.town.account
            self._arrival.lost()
        self.exchange.lost()
        self._story.lost()
        if self._quitting:
            self._leave()
        elif not self.wasReady:
            # There is nothing yet that would be worth coming back for.
            self._leave(reason)
        else:
            if was is Phase.READY:
                self._view.connection("lost", reason)
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0**self._tries)
            self._tries = min(self._tries + 1, 16)
            # Many clients lose the same server at the same time, and come back at others.
            self._outlet.connectIn(delay * (0.5 + self._random()))

    def received(self, line: bytes, now: float) -> None:
        """@param now: the time in seconds."""
        self._heard = self._now = now
        event = decode(line)
        if event is None:
            if self.phase is Phase.GREETING:
                self._greeting.append(clean(line.decode("utf-8", "backslashreplace")))
            return
        if event.type == "notice" and event.texts("lines") == FENCED:
            self._fenced()
            return
        self._view.raw(event)
        self.town.apply(event)
        if event.type == "token":
            self._arrival.keepToken(event.secret("token"), self.phase is Phase.READY)
        elif event.type == "refused" and event.text("code") == TAKEN_OVER:
            self._leave(event.text("text"))
        elif self.phase is Phase.GREETING:
            self._greeted(event)
        elif self.phase in (Phase.ENTERING, Phase.NAMELESS):
            progress = self._arrival.happened(event, now)
            if progress is LoginProgress.REFUSED:
                self._leave(event.text("text"))
            else:
                self.phase = _PHASES[progress]
        elif self.phase in (Phase.CATCHING, Phase.READY):
            if event.type == "refused" and not self.exchange.quiet:
                self.refusals = True
            self._story.handle(event, now, self.phase is Phase.CATCHING)
            self._pump()

    def input(self, text: str, now: float) -> None:
        """@param now: the time in seconds."""
        self._now = now
        words = text.split(None, 1)
        word = words[0].lower() if words else ""
        if self._unasked:
            self._unasked = False
            self._view.asked("")
            self._view.complain("the connection was lost: what you typed was not sent")
        elif self.exchange.prompted:
            self.exchange.typed(text)
            self._view.asked("")
        elif word == "/quit":
            self.quit(words[1] if len(words) > 1 else "")
        elif self.phase is Phase.NAMELESS:
            if words:
                self._outlet.send(text if word.startswith("/") else f"/nick {text.strip()}")
        else:
            self._story.userActive(now)
            self.exchange.typed(text)
            if self.phase is Phase.READY and self._wish.marks:
                self._story.markRead(now)
            self._pump()

    def finish(self) -> None:
        """Nothing more will be typed: leave when all is said."""
        self._finishing = True
        self._pump()

    def quit(self, why: str = "") -> None:
        """Leave; at once when it is asked for twice."""
        if self._quitting or self.phase is not Phase.READY:
            self._quitting = True
            self._leave()
            return
        if self._wish.marks:
            self._story.markRead(self._now, last=True)
        self._quitting = True
        self.exchange.outbox.waiting.append(
            OutgoingLine(f"/quit {why}".rstrip(), "quit", quiet=True)
        )
        self.exchange.flush()

    def fail(self, message: str) -> None:
        """There will be no connection any more."""
        self._leave(message)

    def tick(self, now: float) -> None:
        """@param now: the time in seconds; this is called about once a second."""
        self._now = now
        if self.phase in (Phase.AWAY, Phase.ENDED, Phase.NAMELESS) or self.exchange.prompted:
            return
        if self.phase is Phase.ENTERING and self._arrival.tick(now):
            self._heard = now
            return
        ready = self.phase is Phase.READY
        if not ready or self.exchange.outbox.sent:
            if now > self._heard + PATIENCE_SECONDS + (SILENCE_SECONDS if self._pinged else 0.0):
                self._outlet.hangUp()
        elif now > self._heard + SILENCE_SECONDS:
            self._pinged = True
            self.exchange.sendBarrier()

    def _fenced(self) -> None:
        """A fence is answered."""
        self._pinged = False
        if self.phase is Phase.GREETING:
            self.phase = Phase.ENTERING
            self._arrival.begin(self._now)
        elif self.phase is Phase.CATCHING:
            self._caughtUp()
        elif self.phase is Phase.READY:
            self.exchange.fenced()
            self._pump()

    def _greeted(self, event: ServerEvent) -> None:
        if event.type == "format":
            if event.number("version") != VERSION:
                self._leave("this server speaks another version of the JSON form")
            elif not self.wasReady:
                # The last line says what one is to do, which is being done.
                for line in self._greeting[:-1]:
                    self._view.note(line.removeprefix("* "))
        elif event.type == "refused":
            self._view.told(event)
        elif event.type == "notice":
            self.town.learnHelp(event)

    def _caughtUp(self) -> None:
        """All that was missed has come."""
        town, exchange = self.town, self.exchange
        missed = self._story.finishCatchUp(self._now)
        self._arrival.inside()
        if town.current not in town.rooms:
            town.selectRoom(next(reversed(town.rooms), ""))
        if not self.wasReady and roomKey(self._wish.rooms[0]) in town.rooms:
            town.selectRoom(roomKey(self._wish.rooms[0]))
        exchange.selectRoom(town.current)
        exchange.reopened(self._arrival.replaced)
        if self.wasReady:
            self._view.connection("resumed", missed=missed)
        self.wasReady = True
        self._tries = 0
        self.phase = Phase.READY
        self._pump()

    def _pump(self) -> None:
        """Send what can be sent, and leave if nothing is left to be said."""
        if self.phase is not Phase.READY:
            return
        self._story.listPeople()
        self.exchange.flush()
        if self._finishing and self.exchange.prompted:
            self._leave("a password is asked for, and there is no more input")
        elif self._finishing and self.exchange.outbox.idle:
            self.quit()

    def _leave(self, message: str = "") -> None:
        """Be gone.  Nothing that was typed is silently lost."""
        if self.phase is Phase.ENDED:
            return
        self.phase = Phase.ENDED
        self.exchange.lost()
        outbox = self.exchange.outbox
        waiting = [each for each in outbox.waiting if not each.quiet]
        for item in outbox.doubtful:
            self._view.notSent(item, sure=False)
        for item in waiting:
            self._view.notSent(item, sure=True)
        self._outlet.ended(1 if message or outbox.doubtful or waiting else 0, message)
