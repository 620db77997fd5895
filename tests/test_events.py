"""
Tests for L{tsservices.chat.events}.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat.eventjson import SCHEMA, asJSON, fromJSON
from tsservices.chat.events import Event, Quit, Say
from tsservices.chat.lobby import APPLY

EVENTS = st.one_of([st.builds(kind) for kind in APPLY])
"""
Any event that something comes of.
"""


@given(EVENTS)
def test_journey(event: Event) -> None:
    """
    An event that went through JSON is the same event.
    """
    said = json.loads(json.dumps(asJSON(event)))
    assert fromJSON(said) == event
    assert said["v"] == SCHEMA


def test_notChanged() -> None:
    """
    Reading leaves what is read as it was.
    """
    said = asJSON(Say("s", "r", "message", ("a", "b")))
    assert fromJSON(said) == fromJSON(said)


@pytest.mark.parametrize("facts", [{"v": SCHEMA + 1}, {"v": None}, {"event": "Sing"}, {"event": 1}])
def test_unknown(facts: dict[str, object]) -> None:
    """
    What a later server proposes is not guessed at.
    """
    with pytest.raises(ValueError, match="not known"):
        fromJSON({**asJSON(Quit("s", "")), **facts})
    with pytest.raises(ValueError, match="not known"):
        fromJSON({})
