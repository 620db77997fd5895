"""Rooms, people and messages as objects of JSON, for the API.  Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tsservices.chat.notifications import Posted, RoomMessages
from tsservices.chat.room import Room
from tsservices.frontends.formats.json import asJSON
from tsservices.frontends.web.api.times import rfc3339

#: An object.
Document = dict[str, object]


def encode(document: Document) -> bytes:
    """Encode a body."""
    return asJSON(document)


def moment(name: str, time: int) -> Document:
    """
    Write a time twice: as a number, and as a text for programs whose numbers have 53 bits.

    @param time: nanoseconds since 1970, UTC; 0: there is none.
    """
    return {name: time, f"{name}Text": rfc3339(time) if time else None}


def messageDocuments(lines: Iterable[RoomMessages]) -> list[Document]:
    """Write lines, one object each."""
    return [
        {
            "room": item.roomName,
            "seq": item.first + offset,
            "id": item.ident(offset),
            **moment("time", item.time + offset),
            "kind": item.kind,
            "nick": item.nick,
            "account": item.account,
            "text": text,
        }
        for item in lines
        for offset, text in enumerate(item.texts)
    ]


def roomDocument(room: Room) -> Document:
    """Write the data of a room, for any user who may see the room."""
    record, stored = room.record, room.storedRecord
    topic: Document | None = None
    if stored.topic:
        topic = {"text": stored.topic, "by": stored.topicBy, **moment("time", stored.topicTime)}
    return {
        "name": record.name,
        "people": len(room.nickCounts),
        "last": stored.seq,
        "topic": topic,
        "private": record.private,
        "modes": record.allModes(),
    }


def postedDocument(posted: Posted) -> Document:
    """Write the answer to a post."""
    return {
        "room": posted.roomName,
        "seq": posted.first,
        "last": posted.first + posted.lines - 1,
        "id": posted.ident,
        **moment("time", posted.time),
    }
