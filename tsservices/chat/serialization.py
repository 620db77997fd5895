"""
Events as rows that JSON can say: the name of the kind, then its fields in their order.
Pure.

The rows are what nodes tell each other, many times a second: names of fields would be
most of them, and looking each field up most of the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import product
from operator import attrgetter
from types import UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from tsservices.chat.operations import (
    ClearUnread,
    DeleteMessage,
    DropAccount,
    Enter,
    Invite,
    Join,
    Kick,
    LiftRestriction,
    Login,
    Logout,
    MarkRead,
    NodeDown,
    NodeUp,
    Operation,
    Part,
    Quit,
    ReattachSession,
    Register,
    Rename,
    Restrict,
    Resume,
    Say,
    SendPrivate,
    SetAway,
    SetOperator,
    SetPassword,
    SetPrivate,
    SetTopic,
)

#: The version of these events' shapes: another one for every kind and every field that is new,
#: since who does not know them must not go on as if nothing had been said.
SCHEMA = 1

# Neither names nor places of values follow the classes by themselves: nodes of other versions
# and streams of last week know them.  Classes and fields may be called otherwise at any time,
# but a field that moves is another message.
_KINDS: dict[str, type[Operation]] = {
    "Enter": Enter,
    "Rename": Rename,
    "Join": Join,
    "Part": Part,
    "Quit": Quit,
    "Say": Say,
    "Whisper": SendPrivate,
    "SetTopic": SetTopic,
    "SetAway": SetAway,
    "Resume": Resume,
    "Register": Register,
    "Login": Login,
    "Logout": Logout,
    "SetPassword": SetPassword,
    "Drop": DropAccount,
    "SetOperator": SetOperator,
    "Kick": Kick,
    "Restrain": Restrict,
    "Release": LiftRestriction,
    "SetPrivate": SetPrivate,
    "Invite": Invite,
    "Delete": DeleteMessage,
    "MarkRead": MarkRead,
    "EmptyInbox": ClearUnread,
    "NodeUp": NodeUp,
    "NodeGone": NodeDown,
    "Return": ReattachSession,
}

_Read = Callable[[Any], tuple[Any, ...]]


class _Format(NamedTuple):
    """
    How one kind of event is written.

    @ivar kind: which.
    @ivar name: what rows call it.
    @ivar values: takes the values of its fields out of an event.
    @ivar types: those that the values of a row may have, each combination of them.
    @ivar tuples: the places of tuples among the values, and what reads each.
    """

    kind: type[Operation]
    name: str
    values: Callable[[Operation], tuple[Any, ...]]
    types: frozenset[tuple[type, ...]]
    tuples: tuple[tuple[int, _Read], ...]


def _tupleReader(element: Any) -> _Read:
    if get_origin(element) is tuple:
        parts = get_args(element)

        def rows(values: Sequence[Any]) -> tuple[Any, ...]:
            for value in values:
                if type(value) not in (list, tuple) or tuple(map(type, value)) != parts:
                    raise ValueError(f"{value!r} is no {element}")
            return tuple(map(tuple, values))

        return rows
    only = {element}

    def plain(values: Sequence[Any]) -> tuple[Any, ...]:
        if not only.issuperset(map(type, values)):
            raise ValueError(f"not all of these are {element.__name__}: {values!r}")
        return tuple(values)

    return plain


def _formatOf(name: str, kind: type[Operation]) -> _Format:
    hints = get_type_hints(kind)
    attributes = [field.name for field in fields(kind)]
    types: list[tuple[type, ...]] = []
    tuples: list[tuple[int, _Read]] = []
    for place, attribute in enumerate(attributes):
        hint = hints[attribute]
        if get_origin(hint) is tuple:
            tuples.append((place, _tupleReader(get_args(hint)[0])))
            types.append((list, tuple))
        else:
            types.append(get_args(hint) if isinstance(hint, UnionType) else (hint,))
    get = attrgetter(*attributes)
    single = len(attributes) == 1
    return _Format(
        kind,
        name,
        (lambda event: (get(event),)) if single else get,
        frozenset(product(*types)),
        tuple(tuples),
    )


_BY_NAME = {name: _formatOf(name, kind) for name, kind in _KINDS.items()}
_BY_KIND = {shape.kind: shape for shape in _BY_NAME.values()}


def asRow(event: Operation) -> list[Any]:
    """What JSON can say."""
    shape = _BY_KIND[type(event)]
    return [shape.name, *shape.values(event)]


def fromRow(row: object) -> Operation:
    """
    An equal event.

    @raise ValueError: its kind is not known here, or has other fields.
    """
    if not isinstance(row, list) or not row or type(row[0]) is not str:
        raise ValueError(f"this is no event: {row!r}")
    shape = _BY_NAME.get(row[0])
    if shape is None:
        raise ValueError(f"an event {row[0]!r} is not known")
    values = row[1:]
    if tuple(map(type, values)) not in shape.types:
        raise ValueError(f"these are not the fields of {row[0]}: {values!r}")
    for place, read in shape.tuples:
        values[place] = read(values[place])
    return shape.kind(*values)
