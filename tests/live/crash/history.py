"""Reads the history of all rooms as a fresh client, and how it begins on joining."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from tests.live.crash.listeners import ROOMS
from tests.live.crash.oracle import RoomHistory
from tests.live.crash.wire import Joined, Message, Notice, ReplayedMessage, ReplayStarted, parse
from tsservices.chat.room import REPLAYED_LINES

#: Within this the history of a room is read.
READ_SECONDS = 60.0

#: The answer to the command behind the join: there ends what is received on joining.
END_OF_JOIN = "echo is on"

#: The answer to the command behind the question for the history.
END_OF_HISTORY = "echo is off"


def readHistories(client: socket.socket, nick: str) -> Iterator[tuple[str, RoomHistory]]:
    client.sendall(f"/nick {nick}\n/format json\n".encode())
    with client.makefile("rb") as answers:
        for room in ROOMS:
            client.sendall(f"/join {room}\n/echo on\n/since {room} 0\n/echo off\n".encode())
            joined, newest = _readReplay(room, answers, END_OF_JOIN)
            _, lines = _readReplay(room, answers, END_OF_HISTORY)
            assert joined is not None, f"{room} was not joined"
            assert joined.last == len(lines), (
                f"{room}: {joined.last} lines are announced, {len(lines)} are replayed"
            )
            assert newest == lines[-REPLAYED_LINES:], (
                f"{room}: joining replayed {len(newest)} lines, not the last {REPLAYED_LINES}"
            )
            yield room, RoomHistory(lines, joined.topic)


def _readReplay(
    room: str, answers: Iterator[bytes], end: str
) -> tuple[Joined | None, list[Message]]:
    deadline = time.monotonic() + READ_SECONDS
    joined: Joined | None = None
    lines: list[Message] = []
    for answer in answers:
        assert time.monotonic() < deadline, f"{room}: {len(lines)} lines in {READ_SECONDS} s"
        for event in parse(answer.rstrip(b"\n")):
            match event:
                case Notice(text) if text == end:
                    return joined, lines
                case Joined():
                    joined = event
                case ReplayedMessage(line):
                    lines.append(line)
                case ReplayStarted(missing=False) | Notice():
                    pass
                case other:
                    raise AssertionError(f"{room}: {other} where the history was asked for")
    raise AssertionError(f"{room}: the connection ended within the history")
