"""The oracle of one room, on its own."""

from __future__ import annotations

import pytest

from tests.live.crash.rules.log import Entry, Line
from tests.live.crash.rules.restrictions import Restrictions
from tests.live.crash.rules.room import RoomRules
from tests.live.crash.rules.timeline import TimelineEvent

#: Nanoseconds.
SECOND = 1_000_000_000

#: When all of this is over.
LATE = 100 * SECOND

INSIDE, OUTSIDE = {"entered"}, {"private-room"}


def room(*rows: tuple[str, str, str], events: tuple[TimelineEvent, ...] = ()) -> RoomRules:
    lines = [
        Line("den", seq, *row, f"log-{seq}-0", seq * SECOND) for seq, row in enumerate(rows, 1)
    ]
    rules = RoomRules("den", "anna")
    assert list(rules.advance(lines, events)) == []
    return rules


def entered(after: int, private: bool, rank: str = "member") -> TimelineEvent:
    entry = Entry("den", "cleo", True, after, private, rank, None)
    return TimelineEvent(after, "enter", "cleo", True, entry)


PRIVATE, PUBLIC = ("private", "anna", ""), ("public", "anna", "")
INVITED, LOGGED_IN = TimelineEvent(1, "invite", "cleo"), TimelineEvent(1, "login", "cleo")


@pytest.mark.parametrize(
    ("rules", "outcomes"),
    [
        (room(PRIVATE), OUTSIDE),
        (room(PRIVATE, events=(INVITED,)), INSIDE),
        (room(PUBLIC, PRIVATE, events=(INVITED,)), OUTSIDE),
        (room(PRIVATE, events=(LOGGED_IN,)), INSIDE),
        (room(PUBLIC, PRIVATE, events=(LOGGED_IN,)), OUTSIDE),
        (room(PRIVATE, events=(LOGGED_IN, entered(1, True))), INSIDE),
        (room(PRIVATE, PUBLIC, PRIVATE, events=(INVITED,)), INSIDE),
        (room(PRIVATE, PUBLIC, PRIVATE, events=(INVITED, entered(2, False))), OUTSIDE),
        (
            room(PRIVATE, PUBLIC, PRIVATE, events=(INVITED, entered(1, True), entered(2, False))),
            INSIDE,
        ),
        (room(PRIVATE, events=(TimelineEvent(1, "stay", "cleo", False),)), OUTSIDE),
        (room(PRIVATE, events=(TimelineEvent(1, "stay", "cleo"),)), INSIDE),
        (room(PRIVATE, ("op", "anna", "cleo"), ("deop", "cleo", "cleo")), INSIDE),
        (room(("op", "anna", "cleo"), PRIVATE), INSIDE),
        (room(("op", "anna", "cleo"), PRIVATE, ("deop", "anna", "cleo")), OUTSIDE),
        (room(PRIVATE, ("kick", "anna", "cleo w"), events=(INVITED,)), OUTSIDE),
        (room(PRIVATE, ("ban", "anna", "cleo 1h w"), events=(INVITED,)), {"banned"}),
        (room(PRIVATE, ("ban", "anna", "cleo 2s w"), events=(INVITED,)), OUTSIDE),
        (room(("ban", "anna", "cleo 2s w")), INSIDE),
        (room(("ban", "anna", "cleo 1h w"), ("ban", "anna", "cleo 2s w")), INSIDE | {"banned"}),
        (room(("ban", "anna", "cleo forever w"), ("unban", "anna", "cleo")), INSIDE),
    ],
)
def test_outcomes(rules: RoomRules, outcomes: set[str]) -> None:
    assert rules.joinOutcomes("cleo", LATE) == outcomes


def test_mayHaveRead() -> None:
    message = ("message", "anna", "w")
    rules = room(
        message,
        PRIVATE,
        message,
        message,
        PUBLIC,
        message,
        events=(TimelineEvent(3, "invite", "cleo"),),
    )
    readable: dict[str, list[int]] = {name: [] for name in ("anna", "cleo", "dora")}
    for name, seqs in readable.items():
        seqs += [seq for seq in range(1, 7) if rules.mayRead(name, seq)]
    assert readable == {"anna": [1, 2, 3, 4, 5, 6], "cleo": [1, 4, 5, 6], "dora": [1, 6]}


def test_restrictions() -> None:
    restrictions = Restrictions()
    restrictions.begin("cleo", "2s", SECOND)
    assert restrictions.isActive("cleo", SECOND)
    assert restrictions.isActive("cleo", 3 * SECOND) is None
    assert restrictions.isActive("cleo", LATE) is False
    restrictions.begin("cleo", "forever", SECOND)
    assert restrictions.permanent == {"cleo"}
    restrictions.begin("cleo", "2s", SECOND)
    assert restrictions.permanent == set()
    assert restrictions.isActive("cleo", LATE) is None
    assert restrictions.end("cleo")
    assert not restrictions.end("cleo")
    assert restrictions.isActive("cleo", SECOND) is False
