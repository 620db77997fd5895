"""The generator of the chat benchmark notices a server that does not do its work."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from twisted.internet import reactor as installed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.utils import getProcessOutputAndValue
from twisted.protocols.basic import LineOnlyReceiver

from benchmarks.chat.measure import crowd
from benchmarks.common.compile import compiler

reactor: Any = installed

#: Seconds until a test gives up.
WAIT = 30

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler")

#: What a member gets when another says something.
Deliver = Callable[["Member", bytes], list[bytes]]


class Member(LineOnlyReceiver):
    """A connection to a server that may lose, double or cut lines."""

    delimiter = b"\n"
    transport: Any

    def __init__(self, room: list[Member], deliver: Deliver) -> None:
        self.room = room
        self.deliver = deliver
        self.nick = b""
        self.count = 0
        self.last = b""

    def lineReceived(self, line: bytes) -> None:
        if not self.nick:
            self.nick = line
            self.sendLine(b"* Welcome, " + line)
            self.room.append(self)
            return
        for member in list(self.room):
            if member is not self:
                member.count += 1
                for part in member.deliver(member, b"[12:10:05] <" + self.nick + b"> " + line):
                    member.sendLine(part)
                member.last = line


def faithful(member: Member, line: bytes) -> list[bytes]:
    return [line]


def closing(member: Member, line: bytes) -> list[bytes]:
    if member.count == 50:
        member.transport.loseConnection()
    return [line]


@asynccontextmanager
async def serving(deliver: Deliver) -> AsyncIterator[int]:
    room: list[Member] = []
    factory = Factory.forProtocol(lambda: Member(room, deliver))
    factory.noisy = False
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    try:
        yield port.getHost().port
    finally:
        for member in room:
            member.transport.abortConnection()
        await port.stopListening()


async def crowded(deliver: Deliver, *options: str) -> tuple[str, str, int]:
    program = crowd()
    async with serving(deliver) as port:
        words = ["--port", str(port), "--members", "10", "--seconds", "0.3"]
        words += ["--server-pid", str(os.getpid()), *options]
        ended = getProcessOutputAndValue(str(program), words)
        ended.addTimeout(WAIT, reactor)
        out, err, status = await ended
    return out.decode(), err.decode(), status


async def test_faithful() -> None:
    out, err, status = await crowded(faithful, "--window", "4", "--senders", "2")
    assert (err, status) == ("", 0)
    report = json.loads(out)
    assert report["windows"] > 0
    # At either end of the stretch one window of each sender is under way.
    assert abs(report["deliveries"] - report["windows"] * 4 * 9) <= 2 * 4 * 9


@pytest.mark.parametrize(
    ("deliver", "complaint"),
    [
        (lambda member, line: [line] * (1 + (member.count == 50)), "doubled"),
        (lambda member, line: [] if member.count == 50 else [line], "lost"),
        (lambda member, line: [line[:-1] if member.count == 50 else line], "not whole"),
    ],
)
async def test_unfaithful(deliver: Deliver, complaint: str) -> None:
    out, err, status = await crowded(deliver, "--rate", "400")
    assert status == 1
    assert out == ""
    assert complaint in err


async def test_closing() -> None:
    _, err, status = await crowded(closing)
    assert status == 1
    assert "closed the connection of member" in err


async def test_stalled() -> None:

    def full(member: Member, line: bytes) -> list[bytes]:
        if member.nick == b"nick3" and member.count > 100:
            member.transport.abortConnection()
            member.room.remove(member)
        return [line]

    out, err, status = await crowded(full, "--stalled", "1", "--fill", "20000")
    assert (err, status) == ("", 0)
    report = json.loads(out)
    assert report["cutOff"] == 1
    assert report["windows"] > 0
