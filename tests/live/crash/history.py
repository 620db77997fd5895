"""
What is in the rooms of a chat, as a fresh client finds it.
"""

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

#: The answer to a command that is sent behind the wish to enter: what one is told of a room on
#: entering it ends there.
END_OF_ENTRY = "echo is on"

#: The answer to a command that is sent behind the question for the history.
END_OF_HISTORY = "echo is off"


def readHistories(client: socket.socket, nick: str) -> Iterator[tuple[str, RoomHistory]]:
    client.sendall(f"/nick {nick}\n/format json\n".encode())
    with client.makefile("rb") as answers:
        for room in ROOMS:
            client.sendall(f"/join {room}\n/echo on\n/since {room} 0\n/echo off\n".encode())
            entered, newest = _replayed(room, answers, END_OF_ENTRY)
            _, lines = _replayed(room, answers, END_OF_HISTORY)
            assert entered is not None, f"{room} was not entered"
            assert entered.last == len(lines), (
                f"{room}: {entered.last} lines are announced, {len(lines)} are told"
            )
            assert newest == lines[-REPLAYED_LINES:], (
                f"{room}: on entering {len(newest)} lines were told, not the last of {len(lines)}"
            )
            yield room, RoomHistory(lines, entered.topic)


def _replayed(room: str, answers: Iterator[bytes], end: str) -> tuple[Joined | None, list[Message]]:
    deadline = time.monotonic() + READ_SECONDS
    entered: Joined | None = None
    lines: list[Message] = []
    for answer in answers:
        assert time.monotonic() < deadline, f"{room}: {len(lines)} lines in {READ_SECONDS} s"
        for event in parse(answer.rstrip(b"\n")):
            match event:
                case Notice(text) if text == end:
                    return entered, lines
                case Joined():
                    entered = event
                case ReplayedMessage(line):
                    lines.append(line)
                case ReplayStarted(missing=False) | Notice():
                    pass
                case other:
                    raise AssertionError(f"{room}: {other} where the history was asked for")
    raise AssertionError(f"{room}: the connection ended within the history")
