"""
Who is told what, when a batch is released.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from tsservices.chat.answers import Invited, Stored
from tsservices.chat.audience import Audience
from tsservices.chat.events import TALK, TOPIC
from tsservices.chat.happenings import Happening, Whispered
from tsservices.chat.refusals import Refused
from tsservices.chat.said import Said
from tsservices.chat.sessions import Form, Session
from tsservices.limits import TOLD_AT_ONCE

IGNORED_KINDS = TALK | {TOPIC}
"""
The kinds of lines that are not told to who ignores who says them.
"""


class Slice:
    """
    What some people are told together, in order.

    @ivar audience: they.
    @ivar happenings: what they are told.
    @ivar authors: the folded names of those among them who said some of it, by the
        ids of their sessions.
    @ivar speakers: the sessions of these.
    """

    __slots__ = ("_pieces", "audience", "authors", "happenings", "speakers")

    def __init__(self, audience: Audience) -> None:
        """
        @param audience: who is told.
        """
        self.audience = audience
        self.happenings: list[Happening] = []
        self.authors: dict[str, str] = {}
        self.speakers: list[Session] = []
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
        audience: Iterable[Session] = self.audience
        last = last and len(self.audience) <= TOLD_AT_ONCE
        if last and self.audience.gathered():
            audience = self._releaseTogether()
        # The hot path: most of an audience is told the same bytes.
        for session in audience:
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

    def _releaseTogether(self) -> list[Session]:
        """
        Tell those who can be sent to at one go.

        @return: those who are still to be told.
        """
        authors, audience = self.authors, self.audience
        rest = [each for each in audience.others if each.ident not in authors]
        rest += self.speakers
        wires = [each.outlet.wire for each in self.speakers if each.outlet is not None]
        without = [each for each in wires if each is not None]
        for form, sessions, broadcast in audience.groups:
            if not broadcast.send(b"".join(self._encoded(form)), without):
                rest += [each for each in sessions if each.ident not in authors]
        return rest

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
        # Lines that tell what was done to the room are for everybody in it.
        for each, piece in zip(self.happenings, self._encoded(form), strict=True):
            if isinstance(each, Said):
                if each.session == ident:
                    if session.acks:
                        stored = Stored(each.room, each.roomName, each.first, each.last)
                        told.append(form.encode([stored]))
                    if not session.echoes and each.kind in TALK:
                        continue
                elif each.kind in IGNORED_KINDS and self.authors[each.session] in ignores:
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
        ignored = isinstance(happening, Whispered | Invited) and happening.key in session.ignores
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


class Dismissal:
    """
    That another connection goes on for somebody's.
    """

    __slots__ = ("session", "why")

    def __init__(self, session: Session, why: Refused) -> None:
        """
        @param session: whose connection is to end.
        @param why: what they are told.
        """
        self.session = session
        self.why = why

    def release(self, last: bool) -> None:
        """
        Tell them.

        @param last: they are told nothing else in this turn.
        """
        if self.session.outlet is not None:
            self.session.outlet.dismissed(self.why)
