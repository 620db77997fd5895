"""The oracle of rules finds what is wrong, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.database import PrivateMessage
from tests.live.crash.rules.log import ClientLog
from tests.live.crash.rules.room import RoomRules
from tests.model.order import (
    LINES,
    SECOND,
    Sample,
    ask,
    entered,
    errorEvent,
    makeLine,
    messageEvent,
    notice,
)


def test_nothingWrong() -> None:
    oracle, violations = Sample().check()
    assert violations == []
    room, accounts = oracle.rooms["den"], oracle.accounts.expected
    late = 100 * SECOND
    assert room.joinOutcomes("emil", late) == {"banned"}
    assert room.joinOutcomes("anna", late) == room.joinOutcomes("bert", late) == {"entered"}
    assert room.joinOutcomes("cleo", late) == {"private-room"}
    assert room.isRestricted("mute", "gast", 4 * SECOND + 1)
    assert room.isRestricted("mute", "gast", 6 * SECOND) is None
    assert not room.isRestricted("mute", "gast", late)
    assert accounts["bert"].passwords == ["bert-1", "bert-2"]
    assert accounts["cleo"].wrongPassword == "cleo-2"
    assert (accounts["cleo"].unread, accounts["bert"].readMarkers) == ({1}, {"den": {6}})
    assert dict(oracle.storedTexts(1)) == {"w1": False, "w4": True}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda life: life.put(1, kind="message", text="w1"), " should be Line("),
        (lambda life: life.put(6, kind="deleted", text=""), " should be Line("),
        (lambda life: life.put(3, text="emil forever w9"), "was refused this, or has"),
        (lambda life: life.tables.lines["den"].pop(), "found None"),
        (lambda life: life.tables.lines["den"].pop(2), "where 3 should be"),
        (lambda life: life.put(6, ident="other"), "received"),
        (lambda life: life.put(6, nick="dan"), "no client wrote"),
        (lambda life: life.add("kick", "cleo", "bert w6"), "was refused this"),
        (lambda life: life.act("cleo", "kick", "bert", "w7"), "cleo, a member, did this"),
        (lambda life: life.act("emil", "message", text="w7"), "emil is banned, and did this"),
        (lambda life: life.act("bert", "unban", "cleo"), "cleo is not restricted"),
        (lambda life: life.act("bert", "delete", "5"), "5 can't be deleted"),
        (lambda life: life.act("cleo", "delete", "6"), "cleo deleted a line"),
        (lambda life: ask(life.logs["anna"], Action("message", "den", text="w8")), "is not there"),
        (lambda life: life.receive("cleo", entered("cleo", 7, True)), "is a stranger, and ent"),
        (lambda life: life.receive("cleo", entered("cleo", 7)), "Entry"),
        (lambda life: life.receive("emil", entered("emil", 3)), "is banned, and entered"),
        (
            lambda life: life.receive("cleo", messageEvent(makeLine(6, *LINES[5]), found=True)),
            "cleo is a stranger, and received",
        ),
        (
            lambda life: life.receive("bert", messageEvent(makeLine(9, "message", "anna", "w9"))),
            "after 7",
        ),
        (
            lambda life: life.receive("bert", messageEvent(makeLine(1, *LINES[0]), replay=True)),
            "which is deleted",
        ),
        (lambda life: life.logs["bert"].actions.clear(), "has asked for nothing"),
        (lambda life: life.tables.accounts.discard("bert"), "bert is registered"),
        (lambda life: life.tables.accounts.add("gast"), "gast is unregistered"),
        (lambda life: life.tables.accounts.add("dan"), "nobody has registered dan"),
        (lambda life: life.tables.privateMessages.clear(), "found None"),
        (lambda life: life.store(life.tables.privateMessages[0]), "have the same id"),
        (lambda life: life.store(PrivateMessage("x", "cleo", "anna", "w9")), "asked for was"),
        (lambda life: life.tables.unread.update(cleo=0), "0 private messages wait for cleo"),
        (lambda life: life.tables.unread.update(anna=1), "1 private messages wait for anna"),
    ],
)
def test_wrong(change: Callable[[Sample], object], words: str) -> None:
    sample = Sample()
    change(sample)
    if words == "has asked for nothing":
        sample.logs["bert"].receive(errorEvent("not-allowed"))
    _, violations = sample.check()
    assert any(words in violation for violation in violations), violations


def test_muted() -> None:
    room = RoomRules("den", "anna")
    lines = [
        makeLine(1, "mute", "anna", "cleo 2s w1"),
        makeLine(2, "message", "cleo", "w2"),
        makeLine(9, "message", "cleo", "w3"),
        makeLine(10, "mute", "anna", "cleo forever"),
        makeLine(11, "deleted", "cleo", ""),
    ]
    lines[1] = lines[1]._replace(time=SECOND + 1)
    violations = list(room.advance(lines, []))
    assert [violation.partition(",")[0] for violation in violations] == [
        "den 2: cleo is mute",
        "den 11: cleo is mute",
    ]


def test_invitations() -> None:
    sample = Sample()
    ask(sample.logs["anna"], Action("invite", "den", "cleo"), notice("invited"))
    sample.logs["cleo"].receive(entered("cleo", 7, True))
    oracle, violations = sample.check()
    assert violations == []
    room = oracle.rooms["den"]
    late = 100 * SECOND
    assert room.joinOutcomes("cleo", late) == {"entered"}
    assert not room.mayRead("cleo", 6)
    assert room.mayRead("cleo", 8)
    assert list(room.advance([makeLine(8, "kick", "anna", "cleo w7")], [])) == []
    assert room.joinOutcomes("cleo", late) == {"private-room"}
    unanswered = ClientLog("anna")
    unanswered.actions.append(Action("invite", "den", "cleo"))
    room.applyUnanswered(unanswered, [])
    assert room.joinOutcomes("cleo", late) == {"entered", "private-room"}
    room.recordJoin("cleo", False)
    assert room.joinOutcomes("cleo", late) == {"private-room"}
    assert list(room.advance([makeLine(9, "public", "anna", "")], [])) == []
    assert room.joinOutcomes("cleo", late) == {"entered"}


@pytest.mark.parametrize("registered", [True, False])
def test_registeredAndBack(registered: bool) -> None:
    """A guest who registers in a private room may leave and join before its next line."""
    sample = Sample()
    fritz = sample.logs["fritz"] = ClientLog("fritz")
    fritz.receive(entered("fritz", 4))
    for line in sample.tables.lines["den"][4:]:
        fritz.receive(messageEvent(line))
    if registered:
        ask(fritz, Action("register", text="fritz-1"), notice("registered"))
        sample.tables.accounts.add("fritz")
    fritz.receive({"type": "roomLeft", "room": "den"})
    fritz.receive(entered("fritz", 7, True))
    _, violations = sample.check()
    stranger = "fritz is a stranger, and entered after 7"
    assert any(stranger in violation for violation in violations) is not registered
    assert registered is (violations == [])


def test_invitedAndKilled() -> None:
    """Somebody may join by an invitation whose answer was lost in the kill."""
    sample = Sample()
    ask(sample.logs["anna"], Action("invite", "den", "cleo"), settled=False)
    sample.logs["cleo"].receive(entered("cleo", 7, True))
    assert sample.check()[1] == []


def test_leftAndBack() -> None:
    sample = Sample()
    bert = sample.logs["bert"]
    bert.receive({"type": "roomLeft", "room": "den"})
    bert.receive(entered("bert", 7, True, "operator"))
    lines = sample.tables.lines["den"]
    for line in (makeLine(8, "deop", "anna", "bert"), makeLine(9, "public", "anna", "")):
        lines.append(line)
        bert.receive(messageEvent(line))
        sample.logs["anna"].receive(messageEvent(line))
    sample.logs["anna"].actions += [Action("deop", "den", "bert"), Action("public", "den")]
    sample.add("private", "anna", "", Action("private", "den"))
    bert.receive(messageEvent(lines[-1]))
    bert.receive({"type": "roomLeft", "room": "den"})
    bert.receive(entered("bert", 10, True))
    _, violations = sample.check()
    assert violations == []
