"""
What happens in the rooms, in the order in which it is shown: each line once.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.ports import LineOrigin, View
from tsservices.client.chat.sender import Sender
from tsservices.client.chat.state import ClientRoom, ClientState, roomKey

#: Who has typed nothing for so long may not have read what was shown since.
UNATTENDED_SECONDS = 60.0

#: How often the server is told at most what was read.
MARK_SECONDS = 10.0

#: Refusals of questions about a room that one could not enter, of which that is told.
_NOT_THERE = frozenset({"not-in-room", "no-room"})

#: Types of events that are for the client alone, once one is in.
_UNSHOWN = frozenset({"stored", "token", "format", "entered", "resumed"})


class Transcript:
    """Decides which lines are shown, and as what."""

    def __init__(self, town: ClientState, exchange: Sender, view: View) -> None:
        self._missed = 0
        self._town = town
        self._exchange = exchange
        self._view = view
        self._how = LineOrigin.BEFORE
        self._following = 0
        self._more = False
        self._marked = False
        self._split = False
        self._attendedAt: float | None = None
        self._markedAt: float | None = None
        self._unlisted: list[str] = []

    def handle(self, event: ServerEvent, now: float, catching: bool) -> None:
        """@param now: the time in seconds."""
        tell = self._TELL.get(event.type)
        answer = event.type != "said" and self._exchange.consumes(event)
        if answer or event.type in _UNSHOWN:
            return
        if tell is not None:
            tell(self, event, now, catching)
        else:
            self._view.told(event)

    def userActive(self, now: float) -> None:
        """
        Somebody has typed something: they see what is shown.

        @param now: the time in seconds.
        """
        self._attendedAt = now
        self._marked = False

    def markRead(self, now: float, last: bool = False) -> None:
        """
        Have the server know what was read.

        @param now: the time in seconds.
        """
        town = self._town
        room = town.rooms.get(town.current)
        known = any(row.name == "read" for row in town.commands)
        early = self._markedAt is not None and now < self._markedAt + MARK_SECONDS
        if room is None or not town.account or not known or (early and not last):
            return
        if room.last > (room.read or 0):
            room.read = room.last
            self._markedAt = now
            self._exchange.sendQuiet(f"/read {room.name} {room.last}")

    def lost(self) -> None:
        """The connection is lost."""
        self._following = 0
        self._unlisted = []

    def finishCatchUp(self, now: float) -> int:
        """
        What was missed has come: show what was held back.

        @param now: the time in seconds.
        """
        for key, room in list(self._town.rooms.items()):
            held = room.caughtUp()
            if not room.present:
                self._town.forget(key)
                continue
            for each in held:
                self._show(room, each, LineOrigin.MISSED, now)
        missed, self._missed = self._missed, 0
        return missed

    def listPeople(self) -> None:
        """Ask who is in rooms that have told of a part only."""
        names, self._unlisted = self._unlisted, []
        for name in names:
            self._exchange.sendQuiet(f"/who {name}")

    def _said(self, event: ServerEvent, now: float, catching: bool) -> None:
        room = self._town.room(event)
        before = event.truth("replay")
        if event.truth("found") or (before and (room is None or not room.catching)):
            if before:
                self._markUnread(room, event)
            self._view.said(room, event, self._how if self._following else LineOrigin.BEFORE)
            self._following -= 1
            if self._following == 0:
                self._view.endOfLines(self._how, self._more)
        elif room is None:
            self._view.said(None, event, LineOrigin.NOW)
        else:
            how = LineOrigin.MISSED if room.catching else LineOrigin.NOW
            for each in room.take(event):
                self._show(room, each, how, now)

    def _show(self, room: ClientRoom, event: ServerEvent, how: LineOrigin, now: float) -> None:
        town = self._town
        self._exchange.onMessage(event)
        if not town.isSelf(event.text("nick")):
            if roomKey(room.name) != town.current:
                room.unread += 1
            if how is LineOrigin.MISSED:
                self._missed += 1
            gone = self._attendedAt is not None and now > self._attendedAt + UNATTENDED_SECONDS
            if (how is LineOrigin.MISSED or gone) and not self._marked:
                self._marked = True
                self._view.unread()
        room.spoke(event)
        self._view.said(room, event, how)

    def _markUnread(self, room: ClientRoom | None, event: ServerEvent) -> None:
        if room is None or room.read is None or self._split:
            return
        if event.number("seq") > room.read:
            self._split = True
            self._view.unread()

    def _replay(self, event: ServerEvent, now: float, catching: bool) -> None:
        room = self._town.room(event)
        missing = event.span("missing")
        if room is not None and room.catching:
            # The lines that entering shows may begin later: all that was asked for comes.
            if missing is not None and missing[0] <= room.last + 1 <= missing[1]:
                self._view.missing(room, room.last + 1, missing[1])
                self._exchange.markUncertain(roomKey(room.name))
                for each in room.skip(missing[1]):
                    self._show(room, each, LineOrigin.MISSED, now)
            return
        self._how, self._following, self._more = LineOrigin.BEFORE, event.number("lines"), False
        self._split = False
        if self._following or missing is not None:
            self._view.replayed(event)

    def _found(self, event: ServerEvent, now: float, catching: bool) -> None:
        self._how, self._following = LineOrigin.FOUND, event.number("lines")
        self._more = event.truth("more")
        self._view.replayed(event)
        if not self._following:
            self._view.endOfLines(LineOrigin.FOUND, self._more)

    def _roomEntered(self, event: ServerEvent, now: float, catching: bool) -> None:
        room = self._town.room(event)
        if room is None or room.catching:
            return
        key = roomKey(room.name)
        self._town.selectRoom(key)
        self._exchange.serverRoom = key
        self._view.told(event)
        if event.number("present") > len(room.people):
            self._unlisted.append(room.name)

    def _roomLeft(self, event: ServerEvent, now: float, catching: bool) -> None:
        self._exchange.serverRoom = None
        self._view.told(event)

    def _people(self, event: ServerEvent, now: float, catching: bool) -> None:
        if not catching and not self._exchange.quiet:
            self._view.told(event)

    def _read(self, event: ServerEvent, now: float, catching: bool) -> None:
        room = self._town.room(event)
        if room is not None:
            room.read = event.number("seq")

    def _refused(self, event: ServerEvent, now: float, catching: bool) -> None:
        if catching and event.text("code") in _NOT_THERE:
            return
        if not self._exchange.quiet:
            self._view.told(event)

    def _prompt(self, event: ServerEvent, now: float, catching: bool) -> None:
        if self._exchange.asked():
            self._view.asked(event.text("text"))

    #: What is done with the events that are more than something to be shown, by their types.
    _TELL: ClassVar[dict[str, Callable[[Transcript, ServerEvent, float, bool], None]]] = {
        "said": _said,
        "replay": _replay,
        "found": _found,
        "roomEntered": _roomEntered,
        "roomLeft": _roomLeft,
        "people": _people,
        "read": _read,
        "refused": _refused,
        "prompt": _prompt,
    }
