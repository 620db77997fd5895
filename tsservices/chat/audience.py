"""
Those who are told together, most of them at one go.  Pure.

One line in a large room is the same bytes for almost everybody, and what it costs is to look at
each of them.  So those to whom nothing but these bytes matters (they have a clear wire, and
ignore nobody) are looked at once and then sent to by one call, until one of them changes: then
L{Wire.leave<tsservices.chat.wires.Wire.leave>} dissolves it all.
"""

from __future__ import annotations

from typing import NamedTuple

from tsservices.chat.sessions import Form, Session
from tsservices.chat.wires import Broadcast, Wire
from tsservices.limits import TOGETHER_FROM


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

        @return: whether they can be told by L{groups} and L{others}.
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
        """
        They are to be looked at one by one.
        """
        groups, self.groups, self.others = self.groups, (), ()
        self._calm = False
        for group in groups:
            group.broadcast.dissolve()

    def end(self) -> None:
        """
        Others are told from now on.  What these are still told is not worth gathering for.
        """
        self.scatter()
        self._over = True

    def _gather(self) -> None:
        """
        Look at each of them.
        """
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
    """
    @param session: of an audience.
    @return: by what it can be sent to together with others; L{None} if it can't.
    """
    outlet = session.outlet
    if outlet is None or session.ignores:
        return None
    wire = outlet.wire
    return wire if wire is not None and wire.clear else None
