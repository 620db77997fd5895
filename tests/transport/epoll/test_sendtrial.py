"""Tests for L{tsservices.transport.epoll.sendtrial}."""

from __future__ import annotations

import errno
import os
import platform
import signal
import socket
import subprocess
import sys
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import Any, cast

import pytest

from tests.support.send_ring import needsRing
from tsservices.transport.epoll import sendtrial
from tsservices.transport.epoll.sendring import SendRing
from tsservices.transport.epoll.sendtrial import (
    LINE,
    SIZES,
    SPARE_DESCRIPTORS,
    TURNS,
    check,
    measured,
    smallest,
    socketPairs,
    trial,
)

#: A program that lets a filter of the kernel answer io_uring_setup with the action given, and is
#: then the trial.
FILTERED = """\
import ctypes, struct, sys
from tsservices.transport.epoll import sendtrial
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 425), (6, 0, 0, int(sys.argv[1])), (6, 0, 0, 0x7fff0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in code))
header = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(program))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, header, 0, 0):
    sys.exit(77)
sendtrial.main()
"""
KILL, REFUSE = 0x80000000, 0x00050000 | errno.EPERM


class WritingRing:
    """Stands for a ring; it writes."""

    def __init__(self, wrong: str = "") -> None:
        self.wrong = wrong

    def send(self, descriptors: array[int], data: bytes) -> tuple[int, dict[int, int]]:
        incomplete = {}
        for place, number in enumerate(descriptors):
            try:
                sent = os.write(number, data)
            except OSError:
                sent = len(data) if self.wrong == "blocking" else 0
            if sent < len(data):
                incomplete[place] = 0 if self.wrong == "hiding" else sent
        if self.wrong == "nothing":
            return 0, {}
        return len(descriptors), incomplete


def asRing(ring: WritingRing) -> SendRing:
    return cast("SendRing", ring)


def test_check() -> None:
    check(asRing(WritingRing()))
    for wrong, reason in [("nothing", "has sent"), ("blocking", "has sent"), ("hiding", "hides")]:
        with pytest.raises(OSError, match=reason):
            check(asRing(WritingRing(wrong)))


@needsRing
def test_checkLater() -> None:
    """A kernel that sends to a full socket when there is room is found out."""
    ring = SendRing()

    def without(self: Any, descriptors: array[int], data: bytes) -> tuple[int, dict[int, int]]:
        # As an old kernel might do it: a second send as soon as there is room.
        full = socket.socket(fileno=os.dup(descriptors[0]))
        later.append((full, data))
        return SendRing.send(ring, descriptors, data)

    later: list[tuple[socket.socket, bytes]] = []

    class LateRing(WritingRing):
        send = without

    made = sendtrial.socketPairs

    def pairs(stack: ExitStack, number: int) -> Any:
        found: list[Any] = made(stack, number)
        near, far = found[0]

        class Reading:
            def recv(self, size: int) -> bytes:
                data: bytes = far.recv(size)
                for full, late in later:
                    full.setblocking(True)
                    full.send(late)
                    full.close()
                later.clear()
                return data

            def __getattr__(self, name: str) -> Any:
                return getattr(far, name)

        found[0] = (near, Reading())
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sendtrial, "socketPairs", pairs)
        with pytest.raises(OSError, match="later"):
            check(asRing(LateRing()))
    ring.close()


def test_measured() -> None:
    """The lower quartile, each by turns."""
    ticks = count()
    called: list[str] = []

    def way(name: str, length: int) -> Callable[[], None]:
        def run() -> None:
            called.append(name)
            for _ in range(length):
                next(ticks)

        return run

    assert measured([way("a", 4), way("b", 9)], lambda: float(next(ticks))) == [5, 10]
    assert called == ["a", "b"] * TURNS


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ([(2.0, 1.0)] * 3, 2),
        ([(2.0, 1.0), (2.0, 1.0), (2.0, 2.0)], 4),
        ([(2.0, 1.0), (1.0, 2.0), (2.0, 1.0)], 8),
        ([(2.0, 1.99)], None),
    ],
)
def test_smallest(
    times: list[tuple[float, float]], found: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with the first number, from above, with which the ring is not faster."""
    left = iter(times)

    def timed(ways: list[Callable[[], object]]) -> tuple[float, float]:
        for way in ways:
            way()
        return next(left)

    monkeypatch.setattr(sendtrial, "measured", timed)
    assert smallest(asRing(WritingRing()), [2, 4, 8]) == found


def test_notToAll() -> None:
    with pytest.raises(OSError, match="not to all"):
        smallest(asRing(WritingRing("nothing")), [2])


def test_pairs() -> None:
    with ExitStack() as stack:
        (near, far), _ = socketPairs(stack, 2)
        near.send(LINE)
        assert far.recv(1000) == LINE
    assert near.fileno() == -1


@needsRing
def test_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sendtrial, "measured", lambda ways: (2.0, 1.0))
    monkeypatch.setattr(sendtrial, "SIZES", (2, 4))
    assert trial(None) == trial(SPARE_DESCRIPTORS + 4) == "2"
    monkeypatch.setattr(sendtrial, "measured", lambda ways: (1.0, 2.0))
    assert trial(1000) == "it is no faster here"
    assert trial(SPARE_DESCRIPTORS + 3) == f"too few descriptors to try it: {SPARE_DESCRIPTORS + 3}"


def test_noRing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> SendRing:
        raise OSError(errno.ENOSYS, "io_uring_setup: none")

    monkeypatch.setattr(sendtrial, "SendRing", refused)
    assert trial(None) == "io_uring_setup: none"


def filtered(action: int) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", FILTERED, str(action)], capture_output=True, text=True, timeout=30
    )
    if done.returncode == 77:
        pytest.skip("no filters of system calls here")
    return done


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() not in ("x86_64", "aarch64"),
    reason="only there the numbers are known to be right",
)
class TestFilter:
    @needsRing
    def test_kills(self) -> None:
        done = filtered(KILL)
        assert (done.returncode, done.stdout) == (-signal.SIGSYS, "")

    def test_refuses(self) -> None:
        done = filtered(REFUSE)
        assert (done.returncode, done.stdout) == (
            0,
            "io_uring_setup: Operation not permitted\n",
        ), done.stderr


@needsRing
def test_program() -> None:
    """The real one, as the server starts it."""
    done = subprocess.run(
        [sys.executable, "-m", sendtrial.__name__], capture_output=True, text=True, timeout=30
    )
    assert done.stdout.strip() in (*map(str, SIZES), "it is no faster here"), done.stderr
