"""A correct history of a chat, for tests of the oracle that checks the order in its rooms."""

from __future__ import annotations

from typing import Any

from tests.live.crash.rules.actions import Action
from tests.live.crash.rules.database import PrivateMessage, Tables
from tests.live.crash.rules.log import FENCE_ANSWER, ClientLog, Line
from tests.live.crash.rules.oracle import RuleOracle

#: Nanoseconds.
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


def messageEvent(it: Line, **others: object) -> dict[str, Any]:
    events = it._asdict()
    return {"type": "said", "id": events.pop("ident"), **events, **others}


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


def ask(log: ClientLog, action: Action, *answers: dict[str, Any], settled: bool = True) -> Action:
    log.actions.append(action)
    for events in answers:
        log.receive(events)
    if settled:
        log.receive({"type": "notice", "lines": FENCE_ANSWER, "code": ""})
    return action


def notice(code: str) -> dict[str, Any]:
    return {"type": "notice", "lines": ["words"], "code": code}


def errorEvent(code: str) -> dict[str, Any]:
    return {"type": "refused", "code": code, "text": "no"}


class Sample:
    """A correct history, into which tests put errors."""

    def __init__(self) -> None:
        self.logs = {name: ClientLog(name) for name in ("anna", "bert", "cleo", "emil", "gast")}
        anna, bert, cleo = [self.logs[name] for name in ("anna", "bert", "cleo")]
        for log in (anna, bert, cleo):
            ask(log, Action("register", text=f"{log.name}-1"), notice("registered"))
        lines = [makeLine(seq, *row) for seq, row in enumerate(LINES, 1)]
        ask(anna, Action("join", "den"), entered("anna", 0, rank="founder"))
        ask(bert, Action("join", "den"), entered("bert", 1))
        verbs = {
            "w1": Action("message", "den", text="w1"),
            "bert": Action("op", "den", "bert"),
            "emil forever w2": Action("ban", "den", "emil", "w2"),
            "gast 2s w3": Action("mute", "den", "gast", "w3", "2s"),
            "": Action("private", "den"),
            "w4": Action("message", "den", text="w4"),
            "1": Action("delete", "den", "1"),
        }
        for line in lines:
            anna.receive(messageEvent(line))
            if line.seq > 1:
                bert.receive(messageEvent(line))
            ask(self.logs[line.nick], verbs[line.text])
        ask(anna, Action("invite", "den", "dora"), notice("invited"))
        whispered = {
            "type": "whispered",
            "nick": "anna",
            "account": "anna",
            "to": "cleo",
            "text": "w5",
            "id": "log-9-w1",
        }
        ask(anna, Action("whisper", target="cleo", text="w5"), whispered, notice("kept"))
        ask(bert, Action("read", "den", "6"), {"type": "read", "room": "den", "seq": 6})
        ask(cleo, Action("kick", "den", "bert", "w6"), errorEvent("not-allowed"))
        ask(cleo, Action("passwd", target="cleo-0", text="cleo-2"), errorEvent("wrong-password"))
        ask(bert, Action("passwd", target="bert-1", text="bert-2"), settled=False)
        rows = [line._replace(kind="deleted", text="") if line.seq == 1 else line for line in lines]
        self.tables = Tables(
            {"den": rows},
            {"anna", "bert", "cleo"},
            {"anna": 0, "bert": 0, "cleo": 1},
            [PrivateMessage("log-9-w1", "anna", "cleo", "w5")],
        )

    def add(self, kind: str, nick: str, text: str, action: Action | None = None) -> None:
        lines = self.tables.lines["den"]
        lines.append(makeLine(len(lines) + 1, kind, nick, text))
        if action is not None:
            self.logs[nick].actions.append(action)

    def act(self, nick: str, verb: str, target: str = "", text: str = "") -> None:
        action = Action(verb, "den", target, text)
        self.add(verb, nick, action.lineText, action)

    def receive(self, name: str, event: dict[str, Any]) -> None:
        self.logs[name].receive(event)

    def store(self, message: PrivateMessage) -> None:
        self.tables.privateMessages.append(message)

    def put(self, seq: int, **others: object) -> None:
        lines = self.tables.lines["den"]
        lines[seq - 1] = lines[seq - 1]._replace(**others)  # type: ignore[arg-type]

    def check(self) -> tuple[RuleOracle, list[str]]:
        oracle = RuleOracle()
        oracle.addRoom("den", "anna")
        return oracle, list(oracle.check(list(self.logs.values()), self.tables))
