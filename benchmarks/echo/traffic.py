"""
The traffic of the Python generator: the requests and expected replies of a socket, TCP and UDP.
"""

from __future__ import annotations

import socket
import struct
import time

from benchmarks.common.histogram import Histogram

# Bytes that a stamp adds: "[", 24 of ctime, "] ".
STAMP = 27
# The most bytes of one receive call.
READ = 256 * 1024
# Nanoseconds until a datagram counts as lost.
LOST_AFTER = 200_000_000


def message(size: int) -> bytes:
    """Make a request: letters with a newline at the end."""
    return bytes(97 + index % 23 for index in range(size - 1)) + b"\n"


class Tally:
    """
    The counters of the measured time; those of C{wrong} and C{closed} are of the whole run.

    @ivar requests: Requests answered.
    @ivar stamps: Stamps in the replies.
    @ivar lost: Datagrams without a reply.
    @ivar wrong: Replies that are not a stamp followed by the request.
    @ivar closed: Connections that the server closed.
    @ivar firstReply: The first stamp as text.
    """

    def __init__(self) -> None:
        self.wrong = 0
        self.closed = 0
        self.firstReply = ""
        self.reset()

    def reset(self) -> None:
        """Begin the measured time."""
        self.requests = self.stamps = self.lost = 0
        self.latencies = Histogram()

    def keepFirst(self, data: bytes) -> None:
        """Keep the stamp of the first reply of the run."""
        if not self.firstReply and len(data) >= STAMP:
            self.firstReply = data[:STAMP].decode("ascii", "replace")


class Stream:
    """One TCP connection with one batch of requests in flight."""

    def __init__(self, connection: socket.socket, batch: bytes, depth: int, tally: Tally) -> None:
        self.socket = connection
        self.batch = batch
        self.depth = depth
        self.tally = tally

    def start(self, now: int) -> None:
        """
        Send the next batch.

        @param now: Nanoseconds, monotonic.
        """
        # The socket may block here, without a deadlock, because the server keeps reading.
        self.got = self.lines = 0
        self.startedAt = now
        self.socket.sendall(self.batch)

    def ready(self) -> bool:
        """Read once; return whether the connection is still open."""
        data = self.socket.recv(READ)
        tally = self.tally
        if not data:
            tally.closed += 1
            return False
        tally.wrong += self.got == 0 and data[:1] != b"["
        tally.keepFirst(data)
        self.got += len(data)
        self.lines += data.count(b"\n")
        # The number of stamps depends on the chunks that the kernel makes of a batch.  Therefore
        # newlines show where it ends, and each stamp adds exactly STAMP bytes.
        if self.lines >= self.depth:
            added = self.got - len(self.batch)
            changed = len(data) == self.got and added == STAMP and data[STAMP:] != self.batch
            if self.lines > self.depth or added < STAMP or added % STAMP or changed:
                tally.wrong += 1
            now = time.monotonic_ns()
            tally.latencies.add(now - self.startedAt)
            tally.requests += self.depth
            tally.stamps += added // STAMP
            self.start(now)
        return True

    def resendLost(self, now: int) -> None:
        """Do nothing, because TCP loses no requests."""


class Datagrams:
    """One UDP socket with a few numbered datagrams in flight."""

    head = struct.Struct("=cHI")

    def __init__(self, connection: socket.socket, request: bytes, depth: int, tally: Tally) -> None:
        self.socket = connection
        self.tail = request[self.head.size :]
        self.tally = tally
        self.numbers = [0] * depth
        self.sentAt = [0] * depth

    def start(self, now: int) -> None:
        """Send the first datagram of each slot."""
        for slot in range(len(self.numbers)):
            self._send(slot, now)

    def _send(self, slot: int, now: int) -> None:
        self.numbers[slot] += 1
        self.sentAt[slot] = now
        self.socket.send(self.head.pack(b"a", slot, self.numbers[slot]) + self.tail)

    def ready(self) -> bool:
        """Read one datagram; return C{True}, because the socket stays open."""
        data = self.socket.recv(READ)
        tally = self.tally
        tally.keepFirst(data)
        if len(data) != STAMP + self.head.size + len(self.tail) or data[:1] != b"[":
            tally.wrong += 1
            return True
        _, slot, number = self.head.unpack_from(data, STAMP)
        if slot >= len(self.numbers) or data[STAMP + self.head.size :] != self.tail:
            tally.wrong += 1
        elif number == self.numbers[slot]:
            # With another number, it is the late reply to a datagram that was counted as lost.
            now = time.monotonic_ns()
            tally.latencies.add(now - self.sentAt[slot])
            tally.requests += 1
            tally.stamps += 1
            self._send(slot, now)
        return True

    def resendLost(self, now: int) -> None:
        """Send the next datagram of each slot that had no reply in time."""
        for slot, sentAt in enumerate(self.sentAt):
            if now - sentAt > LOST_AFTER:
                self.tally.lost += 1
                self._send(slot, now)
