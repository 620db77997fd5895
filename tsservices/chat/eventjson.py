"""
Events as JSON says them.  Pure.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tsservices.chat.accountevents import (
    Drop,
    EmptyInbox,
    Login,
    Logout,
    MarkRead,
    Register,
    Resume,
    SetPassword,
)
from tsservices.chat.events import (
    Delete,
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
from tsservices.chat.roomevents import Invite, Kick, Release, Restrain, SetOperator, SetPrivate

SCHEMA = 1
"""
The version of these events' shapes.
"""

_KINDS: dict[str, type[Event]] = {
    each.__name__: each
    for each in (
        Enter,
        Rename,
        Join,
        Part,
        Quit,
        Say,
        Whisper,
        SetTopic,
        SetAway,
        Resume,
        Register,
        Login,
        Logout,
        SetPassword,
        Drop,
        SetOperator,
        Kick,
        Restrain,
        Release,
        SetPrivate,
        Invite,
        Delete,
        MarkRead,
        EmptyInbox,
    )
}


def asJSON(event: Event) -> dict[str, Any]:
    """
    @param event: any.
    @return: what JSON can say, with the version of its shape.
    """
    return {"v": SCHEMA, "event": type(event).__name__, **asdict(event)}


def fromJSON(said: dict[str, Any]) -> Event:
    """
    @param said: what L{asJSON} gave, after any journey.
    @return: an equal event.
    @raise ValueError: its version or kind is not known here.
    """
    facts = dict(said)
    version, kind = facts.pop("v", None), facts.pop("event", None)
    if version != SCHEMA or kind not in _KINDS:
        raise ValueError(f"an event {kind!r} of version {version!r} is not known")
    if "texts" in facts:
        facts["texts"] = tuple(facts["texts"])
    return _KINDS[kind](**facts)
