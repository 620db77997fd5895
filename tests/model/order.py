"""A faultless run of a chat as its clients saw it, for tests of the oracle of room rules."""

from __future__ import annotations

from typing import Any

from tests.live.crash.rules.actions import Act
from tests.live.crash.rules.database import Letter, Tables
from tests.live.crash.rules.log import FENCED, Diary, Line
from tests.live.crash.rules.oracle import Judge

#: In nanoseconds.
SECOND = 1_000_000_000

LINES = (
    ("message", "anna", "w1"),
    ("op", "anna", "bert"),
    ("ban", "bert", "emil forever w2"),
    ("mute", "bert", "gast 2s w3"),
    ("private", "anna", ""),
    ("message", "bert", "w4"),
    ("delete", "bert", "1"),
)


def makeLine(seq: int, kind: str, nick: str, text: str) -> Line:
    return Line("den", seq, kind, nick, text, f"log-{seq}-0", seq * SECOND)


def said(line: Line, **changes: object) -> dict[str, Any]:
    fields = line._asdict()
    return {"type": "said", "id": fields.pop("ident"), **fields, **changes}


def entered(nick: str, seq: int, private: bool = False, rank: str = "member") -> dict[str, Any]:
    return {
        "type": "roomEntered",
        "room": "den",
        "nick": nick,
        "joinedSeq": seq,
        "private": private,
        "rank": rank,
        "read": None,
    }


def ask(diary: Diary, act: Act, *answers: dict[str, Any], settled: bool = True) -> Act:
    diary.acts.append(act)
    for answer in answers:
        diary.feed(answer)
    if settled:
        diary.feed({"type": "notice", "lines": FENCED, "code": ""})
    return act


def notice(code: str) -> dict[str, Any]:
    return {"type": "notice", "lines": ["words"], "code": code}


def refused(code: str) -> dict[str, Any]:
    return {"type": "refused", "code": code, "text": "no"}


class Sample:
    """A run without faults; tests put one in."""

    def __init__(self) -> None:
        self.diaries = {name: Diary(name) for name in ("anna", "bert", "cleo", "emil", "gast")}
        anna, bert, cleo = [self.diaries[name] for name in ("anna", "bert", "cleo")]
        for diary in (anna, bert, cleo):
            ask(diary, Act("register", text=f"{diary.name}-1"), notice("registered"))
        lines = [makeLine(seq, *row) for seq, row in enumerate(LINES, 1)]
        ask(anna, Act("join", "den"), entered("anna", 0, rank="founder"))
        ask(bert, Act("join", "den"), entered("bert", 1))
        verbs = {
            "w1": Act("message", "den", text="w1"),
            "bert": Act("op", "den", "bert"),
            "emil forever w2": Act("ban", "den", "emil", "w2"),
            "gast 2s w3": Act("mute", "den", "gast", "w3", "2s"),
            "": Act("private", "den"),
            "w4": Act("message", "den", text="w4"),
            "1": Act("delete", "den", "1"),
        }
        for line in lines:
            anna.feed(said(line))
            if line.seq > 1:
                bert.feed(said(line))
            ask(self.diaries[line.nick], verbs[line.text])
        ask(anna, Act("invite", "den", "dora"), notice("invited"))
        whispered = {
            "type": "whispered",
            "nick": "anna",
            "account": "anna",
            "to": "cleo",
            "text": "w5",
            "id": "log-9-w1",
        }
        ask(anna, Act("whisper", target="cleo", text="w5"), whispered, notice("kept"))
        ask(bert, Act("read", "den", "6"), {"type": "read", "room": "den", "seq": 6})
        ask(cleo, Act("kick", "den", "bert", "w6"), refused("not-allowed"))
        ask(cleo, Act("passwd", target="cleo-0", text="cleo-2"), refused("wrong-password"))
        ask(bert, Act("passwd", target="bert-1", text="bert-2"), settled=False)
        stored = [
            line._replace(kind="deleted", text="") if line.seq == 1 else line for line in lines
        ]
        self.tables = Tables(
            {"den": stored},
            {"anna", "bert", "cleo"},
            {"anna": 0, "bert": 0, "cleo": 1},
            [Letter("log-9-w1", "anna", "cleo", "w5")],
        )

    def add(self, kind: str, nick: str, text: str, act: Act | None = None) -> None:
        lines = self.tables.lines["den"]
        lines.append(makeLine(len(lines) + 1, kind, nick, text))
        if act is not None:
            self.diaries[nick].acts.append(act)

    def put(self, seq: int, **changes: object) -> None:
        lines = self.tables.lines["den"]
        lines[seq - 1] = lines[seq - 1]._replace(**changes)  # type: ignore[arg-type]

    def judge(self) -> tuple[Judge, list[str]]:
        judge = Judge()
        judge.found("den", "anna")
        return judge, list(judge.judge(list(self.diaries.values()), self.tables))
