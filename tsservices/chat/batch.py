"""
What one turn has brought about: who is to be told what, and what is to be kept.
Pure.

A batch is filled when events are applied, stored by the journal, and then released.
Nothing in it is encoded before, and then only once for each form, not for each member.
"""

from __future__ import annotations

from collections.abc import Iterable

from tsservices.chat.events import TOPIC
from tsservices.chat.happenings import Happening, Said, Stored, Whispered
from tsservices.chat.rooms import Room, RoomRecord
from tsservices.chat.sessions import Form, Session
from tsservices.limits import AUTHORS_IN_A_SLICE, TOLD_AT_ONCE


class Slice:
    """
    What some people are told together, in order.

    @ivar audience: they.
    @ivar happenings: what they are told.
    @ivar authors: the folded names of those among them who said some of it, by the
        ids of their sessions.
    """

    __slots__ = ("_pieces", "audience", "authors", "happenings")

    def __init__(self, audience: tuple[Session, ...]) -> None:
        """
        @param audience: who is told.
        """
        self.audience = audience
        self.happenings: list[Happening] = []
        self.authors: dict[str, str] = {}
        self._pieces: dict[Form, list[bytes]] = {}

    def release(self, last: bool) -> None:
        """
        Tell them.

        @param last: they are told nothing else in this turn.
        """
        authors = self.authors
        speakers = authors.values()
        encoded: dict[Form, bytes] = {}
        current: Form | None = None
        data = b""
        # The hot path: most of an audience is told the same bytes.
        last = last and len(self.audience) <= TOLD_AT_ONCE
        for session in self.audience:
            outlet = session.outlet
            if outlet is None:
                continue
            if session.ident in authors or (
                session.ignores and not session.ignores.isdisjoint(speakers)
            ):
                if own := self._variant(session, outlet.form):
                    outlet.push(own)
                continue
            if outlet.form is not current:
                current = outlet.form
                if current not in encoded:
                    encoded[current] = b"".join(self._encoded(current))
                data = encoded[current]
            if last:
                outlet.pushLast(data)
            else:
                outlet.push(data)

    def _encoded(self, form: Form) -> list[bytes]:
        """
        @param form: how it is written.
        @return: each of the happenings, written once.
        """
        pieces = self._pieces.get(form)
        if pieces is None:
            pieces = self._pieces[form] = [form.encode([each]) for each in self.happenings]
        return pieces

    def _variant(self, session: Session, form: Form) -> bytes:
        """
        @param session: who said some of it, or does not want to hear all of it.
        @param form: how they are told.
        @return: what they are told.
        """
        told: list[bytes] = []
        ident, ignores = session.ident, session.ignores
        for each, piece in zip(self.happenings, self._encoded(form), strict=True):
            if isinstance(each, Said):
                if each.session == ident:
                    if session.acks:
                        stored = Stored(each.room, each.roomName, each.first, each.last)
                        told.append(form.encode([stored]))
                    if not session.echoes and each.kind != TOPIC:
                        continue
                elif ignores and self.authors[each.session] in ignores:
                    continue
            told.append(piece)
        return b"".join(told)


class Answer:
    """
    What one person is told.
    """

    __slots__ = ("happening", "session")

    def __init__(self, session: Session, happening: Happening) -> None:
        """
        @param session: who is told.
        @param happening: what.
        """
        self.session = session
        self.happening = happening

    def release(self, last: bool) -> None:
        """
        Tell them.

        @param last: they are told nothing else in this turn.
        """
        session, happening = self.session, self.happening
        ignored = isinstance(happening, Whispered) and happening.key in session.ignores
        if session.outlet is not None and not ignored:
            session.outlet.push(session.outlet.form.encode([happening]))


class Move:
    """
    That somebody is in more rooms now, or in fewer.
    """

    __slots__ = ("rooms", "session")

    def __init__(self, session: Session) -> None:
        """
        @param session: who.
        """
        self.session = session
        self.rooms = len(session.rooms)

    def release(self, last: bool) -> None:
        """
        Let them hear in the form that suits it.

        @param last: they are told nothing else in this turn.
        """
        if self.session.outlet is not None:
            self.session.outlet.membershipChanged(self.rooms)


class Batch:
    """
    What one turn has brought about.

    @ivar log: the incarnation of the order in which it stands.
    @ivar position: its place there.
    @ivar stamp: when that was: nanoseconds since 1970, UTC.
    @ivar said: the lines to be kept, in order.
    @ivar lines: how many lines that is.
    @ivar records: of the rooms that have changed, as they are after this batch.
    @ivar origins: the sessions whose proposals were decided, once for each.
    """

    def __init__(self, log: str, position: int, stamp: int) -> None:
        """
        @param log: the incarnation of the order.
        @param position: the place in it.
        @param stamp: the time.
        """
        self.log = log
        self.position = position
        self.stamp = stamp
        self.said: list[Said] = []
        self.records: list[RoomRecord] = []
        self.origins: list[Session] = []
        self.lines = 0
        self._deliveries: list[Slice | Answer | Move] = []
        self._open: dict[Room, Slice] = {}
        self._changed: dict[Room, RoomRecord] = {}
        self._emptied: list[Room] = []
        self._last: Room | None = None

    def seal(self) -> None:
        """
        The turn is over: what follows changes the rooms, but not this.
        """
        self._open.clear()
        for room in self._emptied:
            # What is not stored yet could not be read again.
            if not room.members and room.released == room.record.seq:
                room.forget()
        self._changed = {room: room.record.copy() for room in self._changed}
        self.records = list(self._changed.values())

    def keep(self, room: Room, said: Said, author: Session) -> None:
        """
        Tell a room what somebody said in it, and keep that.

        @param room: where.
        @param said: what.
        @param author: who.
        """
        slice = self._slice(room)
        if author.ident not in slice.authors and len(slice.authors) >= AUTHORS_IN_A_SLICE:
            slice = self._begin(room)
        slice.authors[author.ident] = author.key
        slice.happenings.append(said)
        self.said.append(said)
        self.lines += len(said.texts)
        self._changed[room] = room.record

    def tell(self, room: Room, happening: Happening) -> None:
        """
        @param room: whose members are told.
        @param happening: what.
        """
        self._slice(room).happenings.append(happening)

    def tellAll(self, people: Iterable[Session], happening: Happening) -> None:
        """
        Tell people of several rooms, each once.

        @param people: who is told.
        @param happening: what.
        """
        self._open.clear()
        slice = Slice(tuple(people))
        slice.happenings.append(happening)
        self._deliveries.append(slice)

    def answer(self, session: Session, happening: Happening) -> None:
        """
        Tell one person, after all that was told before.

        @param session: who is told.
        @param happening: what.
        """
        for room in session.rooms.values():
            self._open.pop(room, None)
        self._deliveries.append(Answer(session, happening))

    def move(self, session: Session) -> None:
        """
        Somebody is in more rooms now, or in fewer, when all before this has been told.

        @param session: who.
        """
        self._deliveries.append(Move(session))

    def cut(self, room: Room) -> None:
        """
        Who is in a room changes: what follows is for others.

        @param room: that one.
        """
        self._open.pop(room, None)

    def empty(self, room: Room) -> None:
        """
        Nobody is in a room now.  Who enters it in this same turn has asked for its last
        lines already, so they stay at hand until the turn's end.

        @param room: that one.
        """
        self._emptied.append(room)

    def release(self, last: bool = False, errors: list[Exception] | None = None) -> None:
        """
        It is stored: tell everybody.

        @param last: no other batch is released in this turn.
        @param errors: gets what goes wrong, instead of whoever is told next.
        """
        last = last and len(self._deliveries) == 1
        for room, record in self._changed.items():
            room.kept = record
        for delivery in self._deliveries:
            try:
                delivery.release(last)
            except Exception as error:
                if errors is None:
                    raise
                errors.append(error)

    def _slice(self, room: Room) -> Slice:
        """
        @param room: whose members are told.
        @return: what they are told together next.
        """
        if room is not self._last and room.several:
            # Who is in several rooms hears all of them in one order.
            for other in [each for each in self._open if each is not room and each.several]:
                del self._open[other]
        self._last = room
        return self._open.get(room) or self._begin(room)

    def _begin(self, room: Room) -> Slice:
        """
        @param room: whose members are told.
        @return: what they will be told together.
        """
        slice = self._open[room] = Slice(room.audience)
        self._deliveries.append(slice)
        return slice
