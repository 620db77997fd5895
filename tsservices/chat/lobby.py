"""
The state of the chat, and what each event makes of it.  Pure and deterministic: the
same events in the same order make the same state, on any node and at any time.

What an event may do is decided here and nowhere else.  Who proposed it may have
checked before, but by a state that has changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from tsservices.chat.batch import Batch
from tsservices.chat.events import (
    TOPIC,
    Enter,
    Event,
    Join,
    Part,
    Quit,
    Rename,
    Say,
    SetAway,
    SetTopic,
    Whisper,
)
from tsservices.chat.happenings import (
    Absent,
    AwayChanged,
    Entered,
    Gone,
    Joined,
    Left,
    Refusal,
    Renamed,
    RoomEntered,
    RoomLeft,
    Said,
    Whispered,
)
from tsservices.chat.refusals import (
    NAME_FIRST,
    NICK_TAKEN,
    NO_PERSON,
    NOT_IN_ROOM,
    ROOMS_ALL,
    ROOMS_EACH,
    Refused,
)
from tsservices.chat.rooms import Room, RoomRecord
from tsservices.chat.sessions import Session
from tsservices.limits import NAMES_SHOWN, Limits


class Lobby:
    """
    Everybody and every room.

    @ivar sessions: those that have entered, by id.
    @ivar nicks: the same by folded name: one holder each.
    @ivar rooms: by key.
    """

    def __init__(self, limits: Limits, records: Iterable[RoomRecord] = ()) -> None:
        """
        @param limits: C{maxRooms} and C{roomsEach}.
        @param records: the rooms that were kept.
        """
        self._limits = limits
        self.sessions: dict[str, Session] = {}
        self.nicks: dict[str, Session] = {}
        self.rooms: dict[str, Room] = {record.key: Room(record) for record in records}

    def apply(self, event: Event, session: Session, batch: Batch) -> None:
        """
        Decide, and change the state accordingly.

        @param event: what was proposed.
        @param session: by whom.
        @param batch: of this turn; gets what everybody is to be told.
        """
        try:
            self._APPLY[type(event)](self, event, session, batch)
        except Refused as refused:
            batch.answer(session, Refusal(refused))

    def speaker(self, session: Session, key: str) -> Room:
        """
        @param session: who wants to act in a room.
        @param key: of the room.
        @return: the room.
        @raise Refused: it is not theirs to act there.
        """
        room = session.rooms.get(key)
        if room is None:
            known = self.rooms.get(key)
            raise Refused(NOT_IN_ROOM, room=f"#{known.record.name if known else key}")
        return room

    def person(self, nick: str, key: str) -> Session:
        """
        @param nick: as it was written.
        @param key: the same, folded.
        @return: who is called that.
        @raise Refused: nobody is.
        """
        found = self.nicks.get(key)
        if found is None:
            raise Refused(NO_PERSON, nick=nick)
        return found

    def checkNick(self, session: Session, nick: str, key: str) -> None:
        """
        @param session: who wants a name.
        @param nick: the name.
        @param key: the same, folded.
        @raise Refused: somebody else has it.
        """
        if self.nicks.get(key, session) is not session:
            raise Refused(NICK_TAKEN, nick=nick)

    def checkJoin(self, session: Session, key: str) -> None:
        """
        @param session: who wants to enter a room.
        @param key: of the room.
        @raise Refused: they may not.
        """
        if len(session.rooms) >= self._limits.roomsEach:
            raise Refused(ROOMS_EACH, most=self._limits.roomsEach)
        if key not in self.rooms and len(self.rooms) >= self._limits.maxRooms:
            raise Refused(ROOMS_ALL, most=self._limits.maxRooms)

    def _enter(self, event: Enter, session: Session, batch: Batch) -> None:
        """
        @param event: a name.
        @param session: without one, unless it has said two before it was told of the first.
        @param batch: of this turn.
        """
        if session.ident in self.sessions:
            self._rename(Rename(event.session, event.nick, event.key), session, batch)
            return
        self.checkNick(session, event.nick, event.key)
        session.nick, session.key = event.nick, event.key
        self.sessions[session.ident] = session
        self.nicks[event.key] = session
        batch.answer(session, Entered(event.nick))

    def _rename(self, event: Rename, session: Session, batch: Batch) -> None:
        """
        @param event: another name.
        @param session: who wants it.
        @param batch: of this turn.
        """
        self._checkEntered(session)
        self.checkNick(session, event.nick, event.key)
        old = session.nick
        if old == event.nick:
            return
        del self.nicks[session.key]
        session.nick, session.key = event.nick, event.key
        self.nicks[event.key] = session
        batch.tellAll(self._neighbours(session, True), Renamed(old, event.nick))

    def _join(self, event: Join, session: Session, batch: Batch) -> None:
        """
        @param event: a room.
        @param session: who wants to enter it.
        @param batch: of this turn.
        """
        self._checkEntered(session)
        if event.room in session.rooms:
            return
        self.checkJoin(session, event.room)
        room = self.rooms.get(event.room)
        if room is None:
            room = self.rooms[event.room] = Room(RoomRecord(event.room, event.name))
        record = room.record
        if room.members:
            batch.tell(room, Joined(record.key, record.name, session.nick))
        batch.cut(room)
        room.enter(session)
        batch.move(session)
        some = room.audience[:NAMES_SHOWN]
        batch.answer(
            session,
            RoomEntered(
                record.key,
                record.name,
                room.topic(),
                [each.nick for each in some],
                len(room.members),
                record.seq,
                room.replay(),
                session.nick,
            ),
        )

    def _part(self, event: Part, session: Session, batch: Batch) -> None:
        """
        @param event: a room.
        @param session: who leaves it.
        @param batch: of this turn.
        """
        room = self.speaker(session, event.room)
        record = room.record
        self._leave(session, room, batch)
        batch.tell(room, Left(record.key, record.name, session.nick, event.why))
        batch.answer(session, RoomLeft(record.key, record.name))
        batch.move(session)

    def _quit(self, event: Quit, session: Session, batch: Batch) -> None:
        """
        @param event: why.
        @param session: who leaves.
        @param batch: of this turn.
        """
        if self.sessions.pop(session.ident, None) is None:
            return
        neighbours = self._neighbours(session, False)
        del self.nicks[session.key]
        for room in list(session.rooms.values()):
            self._leave(session, room, batch)
        if neighbours:
            batch.tellAll(neighbours, Gone(session.nick, event.why))

    def _say(self, event: Say, session: Session, batch: Batch) -> None:
        """
        @param event: some lines.
        @param session: who says them.
        @param batch: of this turn.
        """
        room = self.speaker(session, event.room)
        self._keep(room, event.kind, event.texts, session, batch)

    def _whisper(self, event: Whisper, session: Session, batch: Batch) -> None:
        """
        @param event: a line.
        @param session: who says it.
        @param batch: of this turn.
        """
        self._checkEntered(session)
        other = self.person(event.nick, event.key)
        said = Whispered(session.nick, session.key, other.nick, event.kind, event.text, batch.stamp)
        batch.answer(other, said)
        if other is not session:
            batch.answer(session, said)
            if other.away:
                batch.answer(session, Absent(other.nick, other.away))

    def _setTopic(self, event: SetTopic, session: Session, batch: Batch) -> None:
        """
        @param event: what a room is about.
        @param session: who says so.
        @param batch: of this turn.
        """
        room = self.speaker(session, event.room)
        record = room.record
        self._keep(room, TOPIC, (event.text,), session, batch)
        record.topic = event.text
        record.topicBy = session.nick if event.text else ""
        record.topicTime = record.time

    def _setAway(self, event: SetAway, session: Session, batch: Batch) -> None:
        """
        @param event: why somebody is away.
        @param session: who.
        @param batch: of this turn.
        """
        self._checkEntered(session)
        if session.away == event.text:
            return
        session.away = event.text
        batch.tellAll(self._neighbours(session, True), AwayChanged(session.nick, event.text))

    def _keep(
        self, room: Room, kind: str, texts: tuple[str, ...], session: Session, batch: Batch
    ) -> None:
        """
        Number lines, and give them time and id.

        @param room: where they are said.
        @param kind: what they are.
        @param texts: the lines.
        @param session: who says them.
        @param batch: of this turn.
        """
        record = room.record
        said = Said(
            record.key,
            record.name,
            record.seq + 1,
            max(record.time + 1, batch.stamp),
            batch.log,
            batch.position,
            batch.lines,
            kind,
            session.nick,
            session.account,
            session.ident,
            texts,
            record.time,
        )
        record.seq += len(texts)
        record.time = said.time + len(texts) - 1
        room.keep(said)
        batch.keep(room, said, session)

    def _leave(self, session: Session, room: Room, batch: Batch) -> None:
        """
        @param session: who leaves.
        @param room: which room.
        @param batch: of this turn.
        """
        batch.cut(room)
        room.leave(session)
        if not room.members:
            batch.empty(room)
            if not room.record.seq:
                # Nothing was said in it: nobody will miss it.
                del self.rooms[room.record.key]

    def _neighbours(self, session: Session, itself: bool) -> list[Session]:
        """
        @param session: somebody.
        @param itself: whether they are meant too.
        @return: all those who are in a room with them, each once.
        """
        found: dict[str, Session] = {}
        for room in session.rooms.values():
            found.update(room.members)
        found.pop(session.ident, None)
        return ([session] if itself else []) + list(found.values())

    def _checkEntered(self, session: Session) -> None:
        """
        @param session: somebody.
        @raise Refused: who has no name.
        """
        if session.ident not in self.sessions:
            raise Refused(NAME_FIRST)

    _APPLY: ClassVar[dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]]] = {
        Enter: _enter,
        Rename: _rename,
        Join: _join,
        Part: _part,
        Quit: _quit,
        Say: _say,
        Whisper: _whisper,
        SetTopic: _setTopic,
        SetAway: _setAway,
    }
