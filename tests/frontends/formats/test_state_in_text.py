"""
Tests for the lobby and L{tsservices.frontends.formats.text} together.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.chat_samples import DAY, NOON
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.operations import Enter, Join, Operation, Say, SendPrivate, SetAway
from tsservices.chat.outlet import BroadcastMember, Formatter
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits
from tsservices.frontends.formats.text import TextFormatter


class Ear:
    """Where one person of a test hears."""

    def __init__(self, form: TextFormatter) -> None:
        self.form: Formatter = form
        self.wire: BroadcastMember | None = None
        self.heard = b""

    def write(self, data: bytes) -> None:
        self.heard += data

    writeLast = write

    def idle(self) -> None:
        pass

    def replaced(self, why: ChatError) -> None:
        pass

    def roomCountChanged(self, rooms: int) -> None:
        pass

    def take(self) -> str:
        heard, self.heard = self.heard.decode(), b""
        return heard


class LobbyTests(SynchronousTestCase):
    """What the lobby has happen suits the form."""

    def setUp(self) -> None:
        self.state = ChatState(Limits())
        form = TextFormatter(time.gmtime, False)
        self.position = 0
        self.ears = {nick: Ear(form) for nick in ("ann", "bob")}
        self.sessions = {nick: Session(nick, ear) for nick, ear in self.ears.items()}
        for nick in self.ears:
            self.apply(Enter(nick, nick, nick), Join(nick, "Lobby", "lobby"))
        self.apply(SetAway("bob", "lunch"))
        self.entered = self.ears["bob"].take()
        self.ears["ann"].take()

    def apply(self, *events: Operation, stamp: int = NOON) -> None:
        self.position += 1
        batch = Batch("4f", self.position, stamp)
        for event in events:
            apply(self.state, event, self.sessions[event.session], batch)
        batch.freeze()
        batch.deliver()

    def test_company(self) -> None:
        """Who enters is not listed among the others."""
        self.assertIn("* you are in #Lobby with 1 other: ann\n", self.entered)

    def test_newDay(self) -> None:
        """
        The first line of a new day, and no other, comes after its date, for all who
        hear it.
        """
        self.apply(Say("ann", "lobby", "message", ("a",)))
        self.assertEqual(self.ears["bob"].take(), "[12:10:00] <ann> a\n")
        says = [Say(nick, "lobby", "message", (nick,)) for nick in ("ann", "bob")]
        self.apply(*says, stamp=NOON + DAY)
        self.apply(*says, stamp=NOON + DAY)
        line = "[12:10:00] <{0}> {0}\n".format
        self.assertEqual(self.ears["bob"].take(), "* Saturday 21 November 2026\n" + line("ann") * 2)
        self.assertEqual(self.ears["ann"].take(), line("bob") * 2)

    def test_absent(self) -> None:
        """Who whispers to somebody who is away is told, and nobody else."""
        self.apply(SendPrivate("ann", "bob", "bob", "message", "psst"))
        line = "[12:10:00] <ann -> bob> psst\n"
        self.assertEqual(self.ears["ann"].take(), line + "* bob is away: lunch\n")
        self.assertEqual(self.ears["bob"].take(), line)
        self.apply(SendPrivate("bob", "ann", "ann", "message", "hm"))
        self.assertEqual(self.ears["bob"].take(), "[12:10:00] <bob -> ann> hm\n")
