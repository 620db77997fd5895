"""Tests for L{tsservices.transport.epoll.sendring}, with the kernel and with calls that fail."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.send_ring import needsRing
from tsservices.transport.epoll import sendring
from tsservices.transport.epoll.sendring import MOST_BYTES, SendRing, loadSystemCall

ENTER = 426


class Crowd:
    """Some sockets, and their peers."""

    def __init__(self, count: int) -> None:
        pairs = [socket.socketpair() for _ in range(count)]
        self.sockets = [near for near, _ in pairs]
        self.peers = [far for _, far in pairs]
        for each in (*self.sockets, *self.peers):
            each.setblocking(False)
        self.numbers = [near.fileno() for near in self.sockets]

    def received(self) -> list[bytes]:
        return [receive(peer) for peer in self.peers]

    def fill(self, index: int) -> int:
        filled = 0
        while True:
            try:
                filled += self.sockets[index].send(bytes(1 << 16))
            except BlockingIOError:
                return filled

    def close(self) -> None:
        for each in (*self.sockets, *self.peers):
            each.close()


def receive(peer: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            data = peer.recv(1 << 20)
        except BlockingIOError:
            return received
        if not data:
            return received
        received += data


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd(6)
    yield made
    made.close()


@pytest.fixture
def ringOf() -> Iterator[Callable[..., SendRing]]:
    made = []

    def make(**arguments: Any) -> SendRing:
        made.append(SendRing(**arguments))
        return made[-1]

    yield make
    for ring in made:
        ring.close()


class FailingCall:
    """Makes the system call, but for some of the calls that submit: these have an error."""

    def __init__(self, *reasons: int) -> None:
        self.call = loadSystemCall()
        self.reasons = list(reasons)
        self.entered: list[int] = []

    def __call__(self, number: int, *arguments: Any) -> int:
        if number == ENTER:
            self.entered.append(arguments[1])
            reason = self.reasons.pop(0) if self.reasons else 0
            if reason:
                ctypes.set_errno(reason)
                return -1
        return self.call(number, *arguments)


Rings = Callable[..., SendRing]


def sizes(ring: SendRing, numbers: list[int], data: bytes) -> list[int]:
    served, incomplete = ring.send(array("I", numbers), data)
    assert all(0 <= place < served for place in incomplete)
    assert all(0 <= sent < len(data) for sent in incomplete.values())
    return [incomplete.get(place, len(data)) for place in range(served)]


@needsRing
class TestSendRing:
    @pytest.mark.parametrize("entries", [1, 2, 4, 8, 1024])
    def test_send(self, entries: int, crowd: Crowd, ringOf: Rings) -> None:
        """Again and again, so that positions in both queues come round, in one part and several."""
        ring = ringOf(entries=entries)
        for turn in range(40):
            count = turn % 7
            data = b"%d|" % turn
            assert sizes(ring, crowd.numbers[:count], data) == [len(data)] * count
            assert crowd.received() == [data] * count + [b""] * (6 - count)

    def test_positionsWrap(self, crowd: Crowd, ringOf: Rings) -> None:
        """More sends than the kernel's counters of 16 bits would have."""
        ring = ringOf(entries=8)
        for _ in range(70_000 // 6):
            assert sizes(ring, crowd.numbers, b"x") == [1] * 6
            for peer in crowd.peers:
                peer.recv(9)

    def test_full(self, crowd: Crowd, ringOf: Rings) -> None:
        """A full socket gets nothing, and nothing later either."""
        filled = crowd.fill(2)
        assert sizes(ringOf(), crowd.numbers, b"hello") == [5, 5, 0, 5, 5, 5]
        received = crowd.received()
        assert (len(received[2]), received[2].strip(b"\0")) == (filled, b"")
        assert received[3] == b"hello"

    def test_short(self, crowd: Crowd, ringOf: Rings) -> None:
        data = bytes(range(256)) * (1 << 14)
        found = sizes(ringOf(), crowd.numbers[:2], data)
        assert all(0 < size < len(data) for size in found)
        assert crowd.received()[:2] == [data[:size] for size in found]

    def test_gone(self, crowd: Crowd, ringOf: Rings) -> None:
        """Closed sockets, lost peers and files are no reason not to send to the others."""
        ring = ringOf(entries=4)
        crowd.sockets[0].close()
        crowd.peers[1].close()
        crowd.sockets[3].shutdown(socket.SHUT_WR)
        with open(os.devnull, "rb") as file:
            numbers = [*crowd.numbers, file.fileno(), 1 << 30]
            assert sizes(ring, numbers, b"hello") == [0, 0, 5, 0, 5, 5, 0, 0]
        crowd.peers[1] = crowd.peers[2]
        assert receive(crowd.peers[5]) == b"hello"
        assert sizes(ring, crowd.numbers[4:], b"again") == [5, 5]

    def test_numberUsedAgain(self, crowd: Crowd, ringOf: Rings) -> None:
        """The ring keeps no socket: a peer sees the close at once."""
        ring = ringOf()
        sizes(ring, crowd.numbers, b"")
        sizes(ring, crowd.numbers, b"a")
        crowd.sockets[0].close()
        assert (crowd.peers[0].recv(9), crowd.peers[0].recv(9)) == (b"a", b"")

    @pytest.mark.parametrize("count", [0, MOST_BYTES + 1])
    def test_size(self, count: int, crowd: Crowd, ringOf: Rings) -> None:
        class Sized(bytes):
            def __len__(self) -> int:
                return count

        assert sizes(ringOf(), crowd.numbers, Sized(b"x")) == []
        assert crowd.received() == [b""] * 6

    def test_interrupted(self, crowd: Crowd, ringOf: Rings) -> None:
        call = FailingCall(errno.EINTR, errno.EINTR)
        assert sizes(ringOf(call=call), crowd.numbers, b"hello") == [5] * 6
        assert call.entered == [6, 6, 6]
        assert crowd.received() == [b"hello"] * 6

    @pytest.mark.parametrize("reason", [errno.EAGAIN, errno.EBUSY, errno.ENOMEM])
    def test_refused(self, reason: int, crowd: Crowd, ringOf: Rings) -> None:
        """What the kernel has not taken is not sent by the next call either."""
        ring = ringOf(entries=2, call=FailingCall(0, reason))
        assert sizes(ring, crowd.numbers, b"hello") == [5, 5]
        assert crowd.received() == [b"hello"] * 2 + [b""] * 4
        assert sizes(ring, crowd.numbers[2:], b"next") == [4] * 4
        assert crowd.received() == [b""] * 2 + [b"next"] * 4

    def test_invalidEntry(self, crowd: Crowd, ringOf: Rings) -> None:
        """The kernel stops at one: the rest is for the next call."""
        call = FailingCall()
        ring = ringOf(call=call)
        ring._entryWords[2 * 16] = 0xFF
        assert sizes(ring, crowd.numbers, b"hello") == [5, 5, 0, 5, 5, 5]
        assert call.entered == [6, 3]
        assert crowd.received() == [b"hello"] * 2 + [b""] + [b"hello"] * 3

    def test_successIsSilent(self, crowd: Crowd, ringOf: Rings) -> None:
        """There are results only of those that did not get all, and they name these."""
        ring = ringOf(entries=8)
        for turn in range(20):
            before = ring._words[ring._resultTail]
            sizes(ring, crowd.numbers[: 1 + turn % 6], b"hello")
            assert ring._words[ring._resultTail] == before
        crowd.received()
        crowd.fill(4)
        crowd.fill(1)
        assert sizes(ring, crowd.numbers, b"hello") == [5, 0, 5, 5, 0, 5]
        assert ring._words[ring._resultTail] == before + 2

    def test_cutShort(self, crowd: Crowd, ringOf: Rings) -> None:
        """After an exception of a signal the next results are those of the next sends."""
        call = FailingCall()
        ring = ringOf(call=call)
        made = call.call

        def interrupted(*arguments: Any) -> int:
            made(*arguments)
            raise KeyboardInterrupt

        call.call = interrupted
        with pytest.raises(KeyboardInterrupt):
            sizes(ring, crowd.numbers, b"first")
        call.call = made
        assert sizes(ring, crowd.numbers[:2], b"next") == [4, 4]
        assert crowd.received() == [b"firstnext"] * 2 + [b"first"] * 4

    def test_fork(self, crowd: Crowd, ringOf: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
        """A child has the memory of its parent, and no part in its ring."""
        ring = ringOf()
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: 1)
            assert sizes(ring, crowd.numbers, b"child") == []
        assert sizes(ring, crowd.numbers, b"parent") == [6] * 6
        assert crowd.received() == [b"parent"] * 6

    def test_close(self, crowd: Crowd, ringOf: Rings) -> None:
        before = len(os.listdir("/proc/self/fd"))
        ring = ringOf()
        assert not os.get_inheritable(ring._number)
        ring.close()
        ring.close()
        assert len(os.listdir("/proc/self/fd")) == before
        assert sizes(ring, crowd.numbers, b"hello") == []

    @staticmethod
    def reason() -> int | None:
        try:
            SendRing(entries=8)
        except OSError as error:
            return error.errno
        return None

    @pytest.mark.parametrize("free", [0, 1, 2])
    def test_noDescriptors(self, free: int) -> None:
        before = sorted(os.listdir("/proc/self/fd"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The lowest free numbers are used first.
        taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
        top = max(taken) + 1
        for number in taken[len(taken) - free :]:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))
        try:
            # No reference to the exception may stay: its traceback has the memory.
            assert self.reason() == errno.EMFILE
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for number in taken[: len(taken) - free]:
                os.close(number)
        assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("reason", [errno.ENOSYS, errno.EPERM, errno.ENOMEM, errno.EINVAL])
def test_refused(reason: int) -> None:
    def call(*_: Any) -> int:
        ctypes.set_errno(reason)
        return -1

    with pytest.raises(OSError, match="io_uring_setup") as raised:
        SendRing(call=call)
    assert raised.value.errno == reason
    assert ("ulimit" in str(raised.value)) == (reason == errno.ENOMEM)


@needsRing
def test_oldKernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sendring, "_NEEDED", 1 << 31)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="too old"):
        SendRing()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("sys.platform", "darwin"), ("os.uname", lambda: os.uname_result("12345"))],
)
def test_otherSystems(name: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name, value)
    with pytest.raises(OSError, match="not 64-bit Linux"):
        loadSystemCall()


def test_pure() -> None:
    """The trial must not wait until Twisted is imported."""
    script = (
        "import sys, tsservices.transport.epoll.sendtrial\n"
        "assert not {name for name in sys.modules if name.startswith('twisted')}"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
