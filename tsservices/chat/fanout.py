"""
Who is told what, when a batch is released.  Pure.

Those who are told together, most of them at one go.  Pure.

One line in a large room is the same bytes for almost everybody, and what it costs is to look at
each of them.  So those to whom nothing but these bytes matters (they have a clear wire, and
ignore nobody) are looked at once and then sent to by one call, until one of them changes: then
L{Wire.leave<tsservices.chat.outlet.Wire.leave>} dissolves it all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tsservices.chat.errors import Refused
from tsservices.chat.notifications import Happening, Invited, Said, Stored, Whispered
from tsservices.chat.operations import TALK, TOPIC
from tsservices.chat.outlet import Broadcast, Wire
from tsservices.chat.session import Form, Session
from tsservices.common.limits import TOGETHER_FROM, TOLD_AT_ONCE

#: The kinds of lines that are not told to who ignores who says them.
IGNORED_KINDS = TALK | {TOPIC}


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
        self.audience = audience
        self.happenings: list[Happening] = []
        self.authors: dict[str, str] = {}
        self.speakers: list[Session] = []
        self._pieces: dict[Form, list[bytes]] = {}

    def release(self, last: bool) -> None:
        """Tell them."""
        authors = self.authors
        speakers = authors.values()
        encoded: dict[Form, bytes] = {}
        current: Form | None = None
        data = b""
        audience: Iterable[Session] = self.audience
        last = last and len(self.audience) <= TOLD_AT_ONCE
        # For a few it is not worth it, and not worth the question.
        if last and len(self.audience) >= TOGETHER_FROM and self.audience.gathered():
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
        """Tell those who can be sent to at one go."""
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
        pieces = self._pieces.get(form)
        if pieces is None:
            happenings = self.happenings
            pieces = self._pieces[form] = (
                [form.encode(happenings)]
                if len(happenings) == 1
                else [form.encode([each]) for each in happenings]
            )
        return pieces

    def _variant(self, session: Session, form: Form) -> bytes:
        told: list[bytes] = []
        ident, ignores = session.ident, session.ignores
        # Most are told nothing here, their own line being all there is.  Then nothing is to be
        # encoded: it may be that nobody else hears in this form.
        pieces: list[bytes] | None = None
        # Lines that tell what was done to the room are for everybody in it.
        for place, each in enumerate(self.happenings):
            if isinstance(each, Said):
                if each.session == ident:
                    if session.acks:
                        stored = Stored(each.room, each.roomName, each.first, each.last)
                        told.append(form.encode([stored]))
                    if not session.echoes and each.kind in TALK:
                        continue
                elif each.kind in IGNORED_KINDS and self.authors[each.session] in ignores:
                    continue
            if pieces is None:
                pieces = self._encoded(form)
            told.append(pieces[place])
        return b"".join(told)


class Answer:
    """What one person is told."""

    __slots__ = ("happening", "session")

    def __init__(self, session: Session, happening: Happening) -> None:
        self.session = session
        self.happening = happening

    def release(self, last: bool) -> None:
        """Tell them."""
        session, happening = self.session, self.happening
        ignored = isinstance(happening, Whispered | Invited) and happening.key in session.ignores
        if session.outlet is not None and not ignored:
            session.outlet.push(session.outlet.form.encode([happening]))


class Move:
    """That somebody is in more rooms now, or in fewer."""

    __slots__ = ("rooms", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rooms = len(session.rooms)

    def release(self, last: bool) -> None:
        """Let them hear in the form that suits it."""
        if self.session.outlet is not None:
            self.session.outlet.membershipChanged(self.rooms)


class Dismissal:
    """That another connection goes on for somebody's."""

    __slots__ = ("session", "why")

    def __init__(self, session: Session, why: Refused) -> None:
        self.session = session
        self.why = why

    def release(self, last: bool) -> None:
        """Tell them."""
        if self.session.outlet is not None:
            self.session.outlet.dismissed(self.why)


class Group(NamedTuple):
    """
    Some of an audience who hear in the same form.

    @ivar form: that one.
    @ivar sessions: they.
    @ivar broadcast: sends to them.
    """

    form: Form
    sessions: list[Session]
    broadcast: Broadcast


class Audience(tuple[Session, ...]):
    """
    Those who are told together.

    @ivar groups: those who are sent to at one go, when L{gathered} says so.
    @ivar others: the rest.
    """

    groups: tuple[Group, ...] = ()
    others: tuple[Session, ...] = ()
    _calm = False
    _over = False

    def gathered(self) -> bool:
        """
        To be asked each time they are told something.  Nobody is gathered for what may be told
        only once, nor again after each of many changes.
        """
        if self.groups:
            for group in self.groups:
                if not group.broadcast.valid:
                    break
            else:
                for session in self.others:
                    if _wire(session) is not None:
                        break
                else:
                    return True
            self.scatter()
            return False
        if len(self) < TOGETHER_FROM or self._over:
            return False
        if not self._calm:
            self._calm = True
            return False
        self._gather()
        return bool(self.groups)

    def scatter(self) -> None:
        """They are to be looked at one by one."""
        groups, self.groups, self.others = self.groups, (), ()
        self._calm = False
        for group in groups:
            group.broadcast.dissolve()

    def end(self) -> None:
        """Others are told from now on.  What these are still told is not worth gathering for."""
        self.scatter()
        self._over = True

    def _gather(self) -> None:
        """Look at each of them."""
        found: dict[Form, tuple[list[Session], list[Wire]]] = {}
        others: list[Session] = []
        for session in self:
            wire = _wire(session)
            if wire is None or session.outlet is None:
                others.append(session)
            else:
                sessions, wires = found.setdefault(session.outlet.form, ([], []))
                sessions.append(session)
                wires.append(wire)
        self.others = tuple(others)
        self.groups = tuple(
            [
                Group(form, sessions, wires[0].together(wires))
                for form, (sessions, wires) in found.items()
            ]
        )


def _wire(session: Session) -> Wire | None:
    outlet = session.outlet
    if outlet is None or session.ignores:
        return None
    wire = outlet.wire
    return wire if wire is not None and wire.clear else None
