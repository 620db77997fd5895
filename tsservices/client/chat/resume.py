"""
Coming in, for the first time or again, and asking for what was missed.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from tsservices.chat.names import ROOM_SIGN
from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.login import LoginAttempt, LoginOptions
from tsservices.client.chat.ports import Network, View
from tsservices.client.chat.sender import FENCE, Sender
from tsservices.client.chat.state import ClientRoom, ClientState, roomKey


class LoginProgress(Enum):
    """How far one has come."""

    TRYING = 1
    NAMELESS = 2
    INSIDE = 3
    REFUSED = 4


class SessionResumer:
    """
    One's ways in.

    @ivar replaced: the connection before this one has ended for the server too: nothing
        that was sent by it comes later.
    """

    def __init__(
        self,
        wish: LoginOptions,
        town: ClientState,
        exchange: Sender,
        outlet: Network,
        view: View,
        random: Callable[[], float],
    ) -> None:
        self.replaced = False
        self._wish = wish
        self._town = town
        self._exchange = exchange
        self._outlet = outlet
        self._view = view
        self._random = random
        self._wanted = list(wish.rooms)
        self._before = ""
        self._token = self._newToken = ""
        self._entering: LoginAttempt | None = None
        self._nameless = False
        self._unjoined: set[str] = set()

    def begin(self, now: float) -> None:
        """
        The server is ready to be told who comes.

        @param now: the time in seconds.
        """
        self.replaced = self._nameless = False
        self._newToken = ""
        self._entering = LoginAttempt(
            self._wish, self._before, self._token, now, lambda: 100 + int(self._random() * 899)
        )
        self._outlet.send(self._entering.next())

    def keepToken(self, token: str, ready: bool) -> None:
        # While it is not known that the connection before has ended, its own token is the
        # one that can end it.
        self._newToken = token
        if self.replaced or ready:
            self._token = token

    def happened(self, event: ServerEvent, now: float) -> LoginProgress:
        """
        How far one has come.

        @param now: the time in seconds.
        """
        entering = self._entering
        assert entering is not None
        if event.type in ("entered", "resumed", "loggedIn"):
            self.replaced = entering.same(event.text("nick"))
            self._view.told(event)
            self._catchUp(event)
            return LoginProgress.INSIDE
        if event.type == "prompt":
            if entering.way != "login":
                asked = self._exchange.asked()
            elif self._wish.password:
                self._outlet.send(self._wish.password)
                asked = False
            else:
                # What waits to be said was not typed as an answer to this.
                self._exchange.prompted = asked = True
            if asked:
                self._view.asked(event.text("text"))
        elif event.type != "refused" or self._nameless:
            self._view.told(event)
        elif entering.refused(event.text("code"), now):
            if entering.retryAt is None:
                self._outlet.send(entering.next())
        elif self._wish.attended and (entering.way == "nick" or not self._wish.password):
            self._view.told(event)
            self._view.note("say another name, or /login")
            self._nameless = True
        else:
            return LoginProgress.REFUSED
        return LoginProgress.NAMELESS if self._nameless else LoginProgress.TRYING

    def tick(self, now: float) -> bool:
        """
        Whether something will be tried again at its time.

        @param now: the time in seconds.
        """
        entering = self._entering
        if entering is None or entering.retryAt is None:
            return False
        if now >= entering.retryAt:
            self._outlet.send(entering.next())
        return True

    def inside(self) -> None:
        """All that was missed has come."""
        assert self._entering is not None
        self._wanted = []
        self._unjoined = set()
        self._before = self._town.nick
        if self._newToken or self._entering.way != "resume":
            self._token = self._newToken

    def lost(self) -> None:
        """The connection is lost, on which one was in and had all that was missed."""
        self._before = self._town.nick

    def _catchUp(self, event: ServerEvent) -> None:
        """Enter the rooms, and ask for what was missed."""
        town, send = self._town, self._outlet.send
        here = {roomKey(each.text("room")): each for each in event.each("rooms")}
        for key, each in here.items():
            town.rooms.setdefault(key, ClientRoom(each.text("room"), each.number("last")))
        if event.type != "resumed":
            self._unjoined = set(town.rooms)
        for key, room in town.rooms.items():
            room.catchUp()
            room.present = key in here
            if key in here:
                if here[key].number("last") < room.last:
                    room.restart(here[key].number("last"))
                room.people.clear()
            elif key in self._unjoined:
                send(f"/join {room.name}")
            else:
                # Somebody has seen to that meanwhile.
                self._view.note(f"you are no longer in {ROOM_SIGN}{room.name}")
                continue
            send(f"/since {room.name} {room.last}")
            send(f"/who {room.name}")
        for name in self._wanted:
            if roomKey(name) not in town.rooms:
                send(f"/join {name}")
        if town.current in here:
            self._exchange.selectRoom(town.current)
        send(FENCE)
