"""Today's code as plain texts, lists and dictionaries; only this module knows its names."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, cast, get_type_hints

from tsservices.chat import errors
from tsservices.chat import notifications as nt
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.nodes import Verdict, sessionOf
from tsservices.chat.outlet import Formatter
from tsservices.chat.records import (
    Account,
    ReadMarker,
    Record,
    Restriction,
    RoomRole,
    StoredPrivateMessage,
)
from tsservices.chat.serialization import _BY_NAME
from tsservices.chat.snapshot import load, save
from tsservices.chat.state import ChatState
from tsservices.cluster.apply import judge
from tsservices.cluster.messages import decode
from tsservices.common.limits import Limits
from tsservices.frontends.formats.json import FORMAT, JSONFormatter, prompt
from tsservices.frontends.formats.text import TextFormatter

#: When everything here takes place: nanoseconds since 1970.
NOON = 1_795_176_600_000_000_000

LIMITS = Limits(roomsFounded=1000)

LOG, BASE = "0a1b2c3d", 1000


def operations() -> dict[str, list[str]]:
    found = {}
    for name, shape in _BY_NAME.items():
        hints = get_type_hints(shape.kind)
        types = [hints[item.name] for item in fields(shape.kind)]
        found[name] = [item.__name__ if isinstance(item, type) else str(item) for item in types]
    return found


def _line(
    kind: str, *texts: str, account: str | None = None, previous: int = NOON
) -> nt.RoomMessages:
    return nt.RoomMessages(
        "lobby", "Lobby", 17, NOON, LOG, 5, 2, kind, "Ann", account, "s1", texts, previous
    )


def samples() -> Iterator[Any]:
    hour = 3_600_000_000_000
    lines = [
        _line("message", "hello", "Grüße 🍵"),
        _line("me", "waves", account="ann"),
        _line("notice", "beep"),
        *(_line("topic", text) for text in ("tea", "")),
        *(
            _line(kind, *texts)
            for kind in ("ban", "mute")
            for texts in (("bob forever",), ("bob 2h why", "eve 1s"))
        ),
        *(_line(kind, "bob", "bob why so") for kind in ("kick", "unban", "unmute", "op", "deop")),
        *(_line(kind, "") for kind in ("private", "public", "deleted")),
        _line("delete", "12"),
        _line("unheard-of", "x"),
    ]
    yield from lines
    yield _line("message", "a new day", previous=NOON - 24 * hour)
    yield nt.HistoryReplay("lobby", "Lobby", lines, None, 40)
    yield nt.HistoryReplay("lobby", "Lobby", [], (1, 16), 16)
    yield nt.HistoryReplay("lobby", "Lobby", lines[:1], (16, 16), 17)
    yield nt.SearchResults(lines, True)
    yield nt.SearchResults([], False)
    for account in ("bob", None):
        yield nt.UserJoined("lobby", "Lobby", "Bob", account)
        yield nt.AccountChanged("Bob", account)
        yield nt.Welcome("Bob", account)
    for why in ("", "tea"):
        yield nt.UserLeft("lobby", "Lobby", "bob", why)
        yield nt.UserQuit("bob", why)
        yield nt.AwayChanged("bob", why)
    yield nt.NickChanged("bob", "rob")
    for kind in ("message", "me", "notice"):
        yield nt.PrivateMessage("Ann", "ann", "ann", "bob", kind, "psst", NOON, f"{LOG}-1-w1")
    yield nt.AwayReply("bob", "tea")
    empty = nt.Topic("lobby", "Lobby", "", "", 0)
    topic = nt.Topic("lobby", "Lobby", "tea", "bob", NOON)
    yield from (empty, topic)
    yield nt.ResumeToken("5f")
    yield nt.Resumed("Ann", "ann", [("Lobby", 17), ("Tee", 3)])
    yield nt.Resumed("Ann", None, [])
    for number in (0, 1, 3):
        yield nt.LoggedIn("Ann", "ann", number)
    yield nt.Invited("lobby", "Lobby", "Bob", "bob")
    yield nt.MarkedRead("lobby", "Lobby", 12)
    yield nt.JoinedRoom("lobby", "Lobby", empty, ["Ann"], 1, 0, None, "Ann")
    for rank, private, read in (
        ("member", False, None),
        ("operator", True, 3),
        ("founder", True, 16),
        ("server", False, 17),
    ):
        replay = nt.HistoryReplay("lobby", "Lobby", lines[:1], None, 17)
        yield nt.JoinedRoom(
            "lobby", "Lobby", topic, ["bob", "Ann"], 5, 17, replay, "Ann", rank, private, read
        )
    yield nt.LeftRoom("lobby", "Lobby")
    yield nt.MessageStored("lobby", "Lobby", 9, 9)
    yield nt.MessageStored("lobby", "Lobby", 9, 11)
    yield nt.RoomList([])
    yield nt.RoomList([("Lobby", 2, "tea"), ("Tee", 1, "")])
    ranks = ("member", "operator", "founder", "server")
    people = [
        nt.Member(f"bob{n}", n % 2 == 0, "tea" * (n % 3), rank) for n, rank in enumerate(ranks)
    ]
    yield nt.MemberList("Lobby", people)
    yield nt.MemberList("", people[:1])
    yield nt.WhoisReply("bob", True, "", ["Lobby"], "~5f")
    yield nt.WhoisReply("bob", False, "tea", [], "")
    for here, when in ((True, 0), (False, 0), (False, NOON)):
        yield nt.SeenReply("bob", here, when)
    yield nt.RestrictionList("lobby", "Lobby", [])
    restrictions = [
        Restriction("lobby", kind, mask, "Bob", "ann", NOON, until, why)
        for kind, mask, until, why in (("ban", "bob", 0, ""), ("mute", "~5f", NOON + hour, "spam"))
    ]
    yield nt.RestrictionList("lobby", "Lobby", restrictions)
    letters = [
        StoredPrivateMessage(f"{LOG}-1-w{n}", NOON, "ann", "bob", "Ann", "Bob", kind, "x")
        for n, kind in enumerate(("message", "me", "notice"))
    ]
    yield nt.Inbox(letters, "Ann", True)
    yield nt.Inbox(letters[:1], "", False)
    yield nt.Inbox([], "", False)
    yield nt.Inbox([], "Ann", False)
    yield nt.CommandList([("nick", "NAME", "be called NAME", "anyone"), ("me", "", "x", "named")])
    yield nt.Notice(["one", "two"], "registered")
    yield nt.ErrorReply(errors.ChatError(errors.NO_PERSON, nick="rob"))
    yield nt.UserLeft("lobby", "Lobby", "bob", "", announced=True)
    yield nt.UnreadLines("lobby", "Lobby", 30, False, 12)


def notifications() -> dict[str, list[str]]:
    forms: dict[str, Formatter] = {
        "json": JSONFormatter(),
        "text": TextFormatter(time.gmtime, True),
        "text of one room": TextFormatter(time.gmtime, False),
    }
    found = {
        name: [form.encode([item]).decode() for item in samples()] for name, form in forms.items()
    }
    found["json"] += [FORMAT.decode(), prompt("password").decode()]
    return found


def _row(record: Any) -> list[Any] | None:
    if record is None:
        return None
    return [getattr(record, item.name) for item in fields(record)]


#: What kinds of records are called in the files.
_RECORDS = {Account: "account", Restriction: "restraint", RoomRole: "standing", ReadMarker: "mark"}


def reload(rows: list[Any]) -> list[str]:
    return save(load(LIMITS, [json.dumps(chunk) for chunk in rows]))


def applied(stream: list[list[Any]]) -> tuple[list[Any], dict[str, list[str]]]:
    state = ChatState(LIMITS)
    found: list[Any] = []
    states: dict[str, list[str]] = {}
    for number, stamp, data in stream:
        data = base64.b64decode(data)
        message = decode(data)
        position = BASE + number
        verdict = judge(state, message, position, stamp)
        result: dict[str, Any] = {"position": position, "is": verdict.name.lower()}
        if verdict is Verdict.TAKEN and message.operations:
            batch = Batch(LOG, position, stamp, message.schema)
            for event in message.operations:
                apply(state, event, sessionOf(state, event.session, message.node), batch)
            batch.freeze()
            records = [
                [_RECORDS[cast(type[Record], key[0])], *key[1:], _row(item)]
                for key, item in batch.records.items()
            ]
            all_ = {
                "said": [_row(item) for item in batch.messages],
                "rooms": [_row(item) for item in batch.roomRecords],
                "kept": records,
                "letters": [_row(item) for item in batch.privateMessages],
                "forgotten": batch.erasedInboxes,
                "deletions": [_row(item) for item in batch.deletions],
                "audits": batch.audits,
            }
            result |= {key: item for key, item in all_.items() if item}
        found.append(json.loads(json.dumps(result)))
        if b'"NodeGone"' in data or number == stream[-1][0]:
            states[str(position)] = save(state)
    return found, states
