"""A chat in memory with a listener of the line frontend, for tests of another frontend."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.chat import SlowStorage
from tests.support.hasher import ImmediateHasher
from tests.support.services import startChat
from tsservices.common.limits import Limits
from tsservices.frontends.line.protocol import LineChatFactory
from tsservices.testing import ManualClock, MemoryServer


class FrontendCase(SynchronousTestCase):
    #: Without flood control, unless a test is about it.
    limits = Limits(floodLines=0, floodBytes=0)

    def setUp(self) -> None:
        self.clock = ManualClock()
        self.streams = MemoryServer(self.limits, clock=self.clock).streams
        self.storage = SlowStorage()
        self.hasher = ImmediateHasher()
        self.chat = startChat(
            self.limits,
            self.clock.nanoseconds,
            lambda job: self.clock.callLater(0, job),
            self.storage,
            self.hasher,
        )
        self.lines = LineChatFactory(self.streams, self.chat)
