"""
Operations as rows of JSON, in the form that nodes send: the name of the kind, then its fields in
order.

Nodes send many rows a second. Field names would be most of the bytes, and looking up each field
most of the work. So a row is checked as a whole, by one look-up of the types of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import product
from operator import attrgetter
from types import UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from tsservices.chat.operations import (
    SCHEMA,
    ClearUnread,
    CreateToken,
    DeleteMessage,
    DeletePrivate,
    DropAccount,
    Enter,
    Ignore,
    Introduce,
    Invite,
    Join,
    Kick,
    Kill,
    LiftRestriction,
    Login,
    Logout,
    MarkRead,
    MarkTime,
    MessageOperators,
    NodeDown,
    NodeUp,
    Operation,
    Part,
    Post,
    Quit,
    ReattachSession,
    Register,
    Rename,
    Restrict,
    Resume,
    RevokeTokens,
    Say,
    SendPassing,
    SendPrivate,
    SetAway,
    SetModes,
    SetOperator,
    SetPassword,
    SetPrivate,
    SetTopic,
)

# Stored streams contain these names and the order of the fields.  Classes and fields may be renamed
# at any time, but moving a field changes the format: new fields are added at the end, with a
# default.
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
    "Ignore": Ignore,
    "NewToken": CreateToken,
    "RevokeTokens": RevokeTokens,
    "SetModes": SetModes,
    "Introduce": Introduce,
    "SendPassing": SendPassing,
    "Kill": Kill,
    "MarkTime": MarkTime,
    "TellOperators": MessageOperators,
    "DeletePrivate": DeletePrivate,
    "Post": Post,
}

#: The number of fields in rows of version 1, for kinds that got more later; 0: the kind is newer.
_FIRST_FIELDS: dict[str, int] = {
    "Delete": 4,
    "Ignore": 0,
    "Join": 3,
    "SetModes": 0,
    "Login": 5,
    "SetPassword": 4,
    "Return": 10,
    "NewToken": 0,
    "RevokeTokens": 0,
    "Say": 4,
    "Whisper": 5,
    "Introduce": 0,
    "SendPassing": 0,
    "Kill": 0,
    "MarkTime": 0,
    "TellOperators": 0,
    "NodeUp": 9,
    "DeletePrivate": 0,
    "Post": 0,
}

_Read = Callable[[Any], tuple[Any, ...]]


class _Layout(NamedTuple):
    """The layout of the rows of one kind."""

    kind: type[Operation]
    #: The name of the kind in rows.
    name: str
    #: Returns the values of the fields of an operation.
    values: Callable[[Operation], tuple[Any, ...]]
    #: All combinations of types that the values of a row may have.
    types: frozenset[tuple[type, ...]]
    #: The same for rows of the first version.
    firstTypes: frozenset[tuple[type, ...]]
    #: The indexes of tuples among the values, and the function that reads each.
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


def _layoutOf(name: str, kind: type[Operation]) -> _Layout:
    hints = get_type_hints(kind)
    attributes = [field.name for field in fields(kind)]
    types: list[tuple[type, ...]] = []
    tuples: list[tuple[int, _Read]] = []
    for index, attribute in enumerate(attributes):
        hint = hints[attribute]
        if get_origin(hint) is tuple:
            tuples.append((index, _tupleReader(get_args(hint)[0])))
            types.append((list, tuple))
        else:
            types.append(get_args(hint) if isinstance(hint, UnionType) else (hint,))
    get = attrgetter(*attributes)
    single = len(attributes) == 1
    first = _FIRST_FIELDS.get(name, len(attributes))
    return _Layout(
        kind,
        name,
        (lambda operation: (get(operation),)) if single else get,
        frozenset(product(*types)),
        frozenset(product(*types[:first]) if first else ()),
        tuple(tuples),
    )


_BY_NAME = {name: _layoutOf(name, kind) for name, kind in _KINDS.items()}
_BY_KIND = {item.kind: item for item in _BY_NAME.values()}


def asRow(operation: Operation) -> list[Any]:
    layout = _BY_KIND[type(operation)]
    return [layout.name, *layout.values(operation)]


def fromRow(row: object, schema: int = SCHEMA) -> Operation:
    """
    The operation of a row.

    @param schema: the version in which it was written.
    @raise ValueError: its kind is unknown, or has other fields.
    """
    if not isinstance(row, list) or not row or type(row[0]) is not str:
        raise ValueError(f"this is no event: {row!r}")
    layout = _BY_NAME.get(row[0])
    if layout is None:
        raise ValueError(f"an event {row[0]!r} is not known")
    values = row[1:]
    types = layout.types if schema == SCHEMA else layout.firstTypes
    if tuple(map(type, values)) not in types:
        raise ValueError(f"these are not the fields of {row[0]}: {values!r}")
    for index, read in layout.tuples:
        values[index] = read(values[index])
    return layout.kind(*values)
