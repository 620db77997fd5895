"""Today's code as plain texts, lists and dictionaries; only this module knows its names."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, cast, get_type_hints

from tsservices.chat import errors as refusals
from tsservices.chat import notifications as an
from tsservices.chat import notifications as ha
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.nodes import Verdict, sessionOf
from tsservices.chat.notifications import RoomMessages
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
from tsservices.common.counters import (
    ClusterCounters,
    CounterRegistry,
    DatagramCounters,
    StampCounters,
)
from tsservices.common.counters import StreamCounters as Stream
from tsservices.common.limits import LimitError, Limits
from tsservices.frontends.formats.json import FORMAT, JSONFormatter, prompt
from tsservices.frontends.formats.text import TextFormatter
from tsservices.server.options import Options

#: When everything here takes place: nanoseconds since 1970.
NOON = 1_795_176_600_000_000_000

LIMITS = Limits(roomsFounded=1000)

LOG, BASE = "0a1b2c3d", 1000


def operations() -> dict[str, list[str]]:
    found = {}
    for name, shape in _BY_NAME.items():
        hints = get_type_hints(shape.kind)
        types = [hints[each.name] for each in fields(shape.kind)]
        found[name] = [each.__name__ if isinstance(each, type) else str(each) for each in types]
    return found


def options() -> dict[str, Any]:
    bounds = {}
    for key in Limits.fieldNames():
        try:
            Limits.coerce(key, -1)
        except LimitError as reason:
            bounds[key] = [Limits.describe(key)[0], str(reason)]
    given = Options()
    return {
        "parameters": [row[:3] for row in Options.optParameters],
        "flags": [row[:2] for row in Options.optFlags],
        "defaults": {key: given[key] for key in sorted(given)},
        "bounds": bounds,
    }


def counters() -> list[dict[str, object]]:
    ledger = CounterRegistry()
    for kind in (Stream, DatagramCounters, StampCounters, ClusterCounters):
        ledger.add({}, kind())
    return ledger.snapshot()


def errors() -> dict[str, str]:
    found = [each for each in vars(refusals).values() if isinstance(each, refusals.ErrorCode)]
    return {each.name: each.template for each in found}


def _said(kind: str, *texts: str, account: str | None = None, previous: int = NOON) -> RoomMessages:
    return RoomMessages(
        "lobby", "Lobby", 17, NOON, LOG, 5, 2, kind, "Ann", account, "s1", texts, previous
    )


def _notifications() -> Iterator[Any]:
    hour = 3_600_000_000_000
    lines = [
        _said("message", "hello", "Grüße 🍵"),
        _said("me", "waves", account="ann"),
        _said("notice", "beep"),
        *(_said("topic", text) for text in ("tea", "")),
        *(
            _said(kind, *texts)
            for kind in ("ban", "mute")
            for texts in (("bob forever",), ("bob 2h why", "eve 1s"))
        ),
        *(_said(kind, "bob", "bob why so") for kind in ("kick", "unban", "unmute", "op", "deop")),
        *(_said(kind, "") for kind in ("private", "public", "deleted")),
        _said("delete", "12"),
        _said("unheard-of", "x"),
    ]
    yield from lines
    yield _said("message", "a new day", previous=NOON - 24 * hour)
    yield ha.HistoryReplay("lobby", "Lobby", lines, None, 40)
    yield ha.HistoryReplay("lobby", "Lobby", [], (1, 16), 16)
    yield ha.HistoryReplay("lobby", "Lobby", lines[:1], (16, 16), 17)
    yield an.SearchResults(lines, True)
    yield an.SearchResults([], False)
    for account in ("bob", None):
        yield ha.UserJoined("lobby", "Lobby", "Bob", account)
        yield ha.AccountChanged("Bob", account)
        yield an.Welcome("Bob", account)
    for why in ("", "tea"):
        yield ha.UserLeft("lobby", "Lobby", "bob", why)
        yield ha.UserQuit("bob", why)
        yield ha.AwayChanged("bob", why)
    yield ha.NickChanged("bob", "rob")
    for kind in ("message", "me", "notice"):
        yield ha.PrivateMessage("Ann", "ann", "ann", "bob", kind, "psst", NOON, f"{LOG}-1-w1")
    yield ha.AwayReply("bob", "tea")
    empty = ha.Topic("lobby", "Lobby", "", "", 0)
    topic = ha.Topic("lobby", "Lobby", "tea", "bob", NOON)
    yield from (empty, topic)
    yield an.ResumeToken("5f")
    yield an.Resumed("Ann", "ann", [("Lobby", 17), ("Tee", 3)])
    yield an.Resumed("Ann", None, [])
    for number in (0, 1, 3):
        yield an.LoggedIn("Ann", "ann", number)
    yield an.Invited("lobby", "Lobby", "Bob", "bob")
    yield an.MarkedRead("lobby", "Lobby", 12)
    yield an.JoinedRoom("lobby", "Lobby", empty, ["Ann"], 1, 0, None, "Ann")
    for rank, private, read in (
        ("member", False, None),
        ("operator", True, 3),
        ("founder", True, 16),
        ("server", False, 17),
    ):
        replay = ha.HistoryReplay("lobby", "Lobby", lines[:1], None, 17)
        yield an.JoinedRoom(
            "lobby", "Lobby", topic, ["bob", "Ann"], 5, 17, replay, "Ann", rank, private, read
        )
    yield an.LeftRoom("lobby", "Lobby")
    yield an.MessageStored("lobby", "Lobby", 9, 9)
    yield an.MessageStored("lobby", "Lobby", 9, 11)
    yield an.RoomList([])
    yield an.RoomList([("Lobby", 2, "tea"), ("Tee", 1, "")])
    ranks = ("member", "operator", "founder", "server")
    people = [
        an.Member(f"bob{n}", n % 2 == 0, "tea" * (n % 3), rank) for n, rank in enumerate(ranks)
    ]
    yield an.MemberList("Lobby", people)
    yield an.MemberList("", people[:1])
    yield an.WhoisReply("bob", True, "", ["Lobby"], "~5f")
    yield an.WhoisReply("bob", False, "tea", [], "")
    for here, when in ((True, 0), (False, 0), (False, NOON)):
        yield an.SeenReply("bob", here, when)
    yield an.RestrictionList("lobby", "Lobby", [])
    held = [
        Restriction("lobby", kind, mask, "Bob", "ann", NOON, until, why)
        for kind, mask, until, why in (("ban", "bob", 0, ""), ("mute", "~5f", NOON + hour, "spam"))
    ]
    yield an.RestrictionList("lobby", "Lobby", held)
    letters = [
        StoredPrivateMessage(f"{LOG}-1-w{n}", NOON, "ann", "bob", "Ann", "Bob", kind, "x")
        for n, kind in enumerate(("message", "me", "notice"))
    ]
    yield an.Inbox(letters, "Ann", True)
    yield an.Inbox(letters[:1], "", False)
    yield an.Inbox([], "", False)
    yield an.Inbox([], "Ann", False)
    yield an.CommandList([("nick", "NAME", "be called NAME", "anyone"), ("me", "", "x", "named")])
    yield an.Notice(["one", "two"], "registered")
    yield an.ErrorReply(refusals.ChatError(refusals.NO_PERSON, nick="rob"))


def notifications() -> dict[str, list[str]]:
    forms: dict[str, Formatter] = {
        "json": JSONFormatter(),
        "text": TextFormatter(time.gmtime, True),
        "text of one room": TextFormatter(time.gmtime, False),
    }
    found = {
        name: [form.encode([each]).decode() for each in _notifications()]
        for name, form in forms.items()
    }
    found["json"] += [FORMAT.decode(), prompt("password").decode()]
    return found


def _row(record: Any) -> list[Any] | None:
    if record is None:
        return None
    return [getattr(record, each.name) for each in fields(record)]


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
            kept = [
                [_RECORDS[cast(type[Record], key[0])], *key[1:], _row(each)]
                for key, each in batch.records.items()
            ]
            all_ = {
                "said": [_row(each) for each in batch.messages],
                "rooms": [_row(each) for each in batch.roomRecords],
                "kept": kept,
                "letters": [_row(each) for each in batch.privateMessages],
                "forgotten": batch.erasedInboxes,
                "deletions": [_row(each) for each in batch.deletions],
                "audits": batch.audits,
            }
            result |= {key: each for key, each in all_.items() if each}
        found.append(json.loads(json.dumps(result)))
        if b'"NodeGone"' in data or number == stream[-1][0]:
            states[str(position)] = save(state)
    return found, states
