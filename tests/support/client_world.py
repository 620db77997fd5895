"""
The client's state machine beside a server in memory, joined by connections that can be
cut anywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.support.fakechat import FakeChat, FakeSession, RecordingView
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.ports import View
from tsservices.client.chat.state import ClientState


class World:
    """
    One client and its server.

    @ivar now: the time in seconds.
    """

    def __init__(
        self,
        modern: bool = True,
        wish: LoginOptions | None = None,
        view: View | None = None,
        town: ClientState | None = None,
        random: float = 0.5,
    ) -> None:
        self.chat = FakeChat(modern)
        self.view = RecordingView()
        self.session: FakeSession | None = None
        self.ghosts: list[FakeSession] = []
        self.now = 0.0
        self.sent: list[str] = []
        self.over: list[tuple[int, str]] = []
        self.delays: list[float] = []
        wish = wish or LoginOptions("ann", rooms=["lobby", "den"])
        self.link = ClientMachine(
            wish, town or ClientState(), self, view or self.view, lambda: random
        )

    def send(self, line: str) -> None:
        assert "\n" not in line
        self.sent.append(line)
        if self.session is not None:
            self.session.came.append(line)

    def hangUp(self) -> None:
        self.cut(0)

    def connectIn(self, seconds: float) -> None:
        self.delays.append(seconds)

    def ended(self, status: int, message: str = "") -> None:
        self.over.append((status, message))

    def connect(self) -> None:
        assert self.session is None
        self.session = FakeSession(self.chat)
        self.link.connected(self.now)

    def cut(self, reaching: int) -> None:
        session = self.session
        if session is None:
            return
        self.session = None
        while len(session.came) > reaching:
            session.came.pop()
        session.cut = True
        self.ghosts.append(session)
        self.link.lost("cut", self.now)

    def deliver(self, most: int = 1_000_000) -> None:
        session = self.session
        while session is not None and session is self.session and session.told and most:
            most -= 1
            self.link.received(session.told.popleft(), self.now)
        if session is not None and session is self.session and session.ended and not session.told:
            self.cut(0)

    def settle(self, until: Callable[[], bool] = lambda: False) -> None:
        for _ in range(10_000):
            if until():
                return
            session = self.session
            if session is None or not (session.came or session.told):
                return
            session.serve(1)
            self.deliver(1)
        raise AssertionError("it does not come to rest")

    def restore(self) -> None:
        for _ in range(60):
            if self.over:
                return
            if self.session is None:
                self.connect()
            self.settle()
            for each in self.ghosts:
                each.serve()
            if self.link.phase is Phase.READY:
                self.settle()
                return
            self.now += 2.0
            self.link.tick(self.now)
        raise AssertionError(f"it stays {self.link.phase}")

    def phase(self) -> Phase:
        return self.link.phase

    def said(self, room: str) -> list[str]:
        return [text for nick, _, text in self.chat.rooms[room].lines if nick.startswith("ann")]
