"""
The traffic of the Python generator: what one TCP connection and one UDP socket send and expect.
"""

from __future__ import annotations

import socket
import struct
import time

from benchmarks.common.histogram import Histogram

# Bytes a stamp adds: "[", 24 of ctime, "] ".
STAMP = 27
# Bytes one receive call may take.
READ = 256 * 1024
# Nanoseconds until a datagram counts as lost.
LOST_AFTER = 200_000_000


def message(size: int) -> bytes:
    """One request: letters, and a newline at its end."""
    return bytes(97 + index % 23 for index in range(size - 1)) + b"\n"


class Tally:
    """
    What one run has counted since its window began.

    @ivar requests: Requests answered.
    @ivar stamps: Stamps in the answers.
    @ivar lost: Datagrams without an answer.
    @ivar wrong: Answers that are not what was asked for; never reset.
    @ivar closed: Connections the server closed; never reset.
    @ivar firstReply: The first stamp as text.
    """

    def __init__(self) -> None:
        self.wrong = 0
        self.closed = 0
        self.firstReply = ""
        self.reset()

    def reset(self) -> None:
        """Begin the window."""
        self.requests = self.stamps = self.lost = 0
        self.latencies = Histogram()

    def keepFirst(self, data: bytes) -> None:
        """Keep the first stamp of the run."""
        if not self.firstReply and len(data) >= STAMP:
            self.firstReply = data[:STAMP].decode("ascii", "replace")


class Stream:
    """One TCP connection with one batch of requests on its way."""

    def __init__(self, connection: socket.socket, batch: bytes, depth: int, tally: Tally) -> None:
        self.socket = connection
        self.batch = batch
        self.depth = depth
        self.tally = tally

    def start(self, now: int) -> None:
        """
        Send the next batch.  The socket blocks while sending: the server reads all the time.

        @param now: Nanoseconds, monotonic.
        """
        self.got = self.lines = 0
        self.startedAt = now
        self.socket.sendall(self.batch)

    def ready(self) -> bool:
        """Read once; true while the connection lives."""
        data = self.socket.recv(READ)
        tally = self.tally
        if not data:
            tally.closed += 1
            return False
        tally.wrong += self.got == 0 and data[:1] != b"["
        tally.keepFirst(data)
        self.got += len(data)
        self.lines += data.count(b"\n")
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
        """Nothing is lost on a stream."""


class Datagrams:
    """One UDP socket with a few numbered datagrams on their way."""

    head = struct.Struct("=cHI")

    def __init__(self, connection: socket.socket, request: bytes, depth: int, tally: Tally) -> None:
        self.socket = connection
        self.tail = request[self.head.size :]
        self.tally = tally
        self.numbers = [0] * depth
        self.sentAt = [0] * depth

    def start(self, now: int) -> None:
        """Send all of them."""
        for which in range(len(self.numbers)):
            self._send(which, now)

    def _send(self, which: int, now: int) -> None:
        """Send the next datagram of one slot."""
        self.numbers[which] += 1
        self.sentAt[which] = now
        self.socket.send(self.head.pack(b"a", which, self.numbers[which]) + self.tail)

    def ready(self) -> bool:
        """Read one datagram; always true."""
        data = self.socket.recv(READ)
        tally = self.tally
        tally.keepFirst(data)
        if len(data) != STAMP + self.head.size + len(self.tail) or data[:1] != b"[":
            tally.wrong += 1
            return True
        _, which, number = self.head.unpack_from(data, STAMP)
        if which >= len(self.numbers) or data[STAMP + self.head.size :] != self.tail:
            tally.wrong += 1
        elif number == self.numbers[which]:
            now = time.monotonic_ns()
            tally.latencies.add(now - self.sentAt[which])
            tally.requests += 1
            tally.stamps += 1
            self._send(which, now)
        return True

    def resendLost(self, now: int) -> None:
        """Send again what had no answer in time."""
        for which, sentAt in enumerate(self.sentAt):
            if now - sentAt > LOST_AFTER:
                self.tally.lost += 1
                self._send(which, now)
