"""Tests for L{tsservices.frontends.formats.sentences}."""

from __future__ import annotations

import pytest

from tests.support.chat_samples import roomMessages
from tsservices.chat import operations as events
from tsservices.frontends.formats.sentences import _ACTIONS, actionText, durationText

#: All that can be done.
KINDS = (
    *(events.TOPIC, events.KICK, events.BAN, events.UNBAN, events.MUTE, events.UNMUTE),
    *(events.OPERATOR, events.NO_OPERATOR, events.PRIVATE, events.PUBLIC, events.DELETE),
    events.MODE,
)


@pytest.mark.parametrize(
    ("kind", "text", "alone", "withRoom"),
    [
        (events.TOPIC, "tea", "ann changed the topic of #Lobby to: tea", None),
        (events.TOPIC, "", "ann removed the topic of #Lobby", None),
        (events.KICK, "bob", "ann kicked bob", "ann kicked bob from #Lobby"),
        (events.KICK, "bob a b", "ann kicked bob: a b", "ann kicked bob from #Lobby: a b"),
        (
            events.BAN,
            "bob 2h spam and more",
            "ann banned bob for 2 hours: spam and more",
            "ann banned bob from #Lobby for 2 hours: spam and more",
        ),
        (
            events.BAN,
            "~5f forever",
            "ann banned ~5f for ever",
            "ann banned ~5f from #Lobby for ever",
        ),
        (events.UNBAN, "bob", "ann unbanned bob", "ann unbanned bob from #Lobby"),
        (events.MUTE, "bob 1d", "ann muted bob for 1 day", "ann muted bob in #Lobby for 1 day"),
        (events.UNMUTE, "bob", "ann unmuted bob", "ann unmuted bob in #Lobby"),
        (events.OPERATOR, "bob", "ann made bob an operator", "ann made bob an operator of #Lobby"),
        (
            events.NO_OPERATOR,
            "bob",
            "ann made bob a plain member",
            "ann made bob a plain member of #Lobby",
        ),
        (events.PRIVATE, "", "#Lobby is by invitation only now (ann)", None),
        (events.PUBLIC, "", "#Lobby is open to everybody now (ann)", None),
        (events.DELETE, "17", "ann deleted line 17", "ann deleted line 17 of #Lobby"),
        (
            events.MODE,
            "+v-n bob",
            "ann changed modes: +v-n bob",
            "ann changed modes of #Lobby: +v-n bob",
        ),
        ("dance", "wild", "ann did dance: wild", "ann did dance in #Lobby: wild"),
    ],
)
def test_sentences(kind: str, text: str, alone: str, withRoom: str | None) -> None:
    assert actionText(roomMessages(text, kind=kind), False) == [alone]
    assert actionText(roomMessages(text, kind=kind), True) == [withRoom or alone]


def test_allActionsHaveSentences() -> None:
    assert set(_ACTIONS) == set(KINDS)


def test_severalActions() -> None:
    lines = actionText(roomMessages("1", "2", kind=events.DELETE), False)
    assert lines == ["ann deleted line 1", "ann deleted line 2"]


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        ("30s", "for 30 seconds"),
        ("1m", "for 1 minute"),
        ("2h", "for 2 hours"),
        ("7d", "for 7 days"),
        ("1w", "for 1 week"),
        ("forever", "for ever"),
        ("", "for ever"),
    ],
)
def test_durations(duration: str, words: str) -> None:
    assert durationText(duration) == words
