"""
A program that tests whether a L{SendRing} works on this machine, and from how many sockets on it is
faster than C{os.write} for each.

It is a process of its own, because a filter of system calls may kill the process that tries.  It
prints one line: a number, or the reason why no ring is used.  Pure.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from tsservices.common.descriptors import raiseDescriptorLimit
from tsservices.transport.epoll.sendring import SendRing

#: Numbers of sockets that are tried.
SIZES = (96, 128, 192, 256, 512, 1024)

#: The number of sends by each method; the methods take turns.
TURNS = 11

#: The share of the time of C{os.write} below which the ring counts as faster.
FASTER = 0.97

#: The number of bytes read before each turn, because in a server the memory of the ring and of the
#: sockets is not in the processor's cache when a line arrives.
CACHE_BYTES = 4 * 1024 * 1024

#: Bytes of the length of a usual chat line.
LINE = b"x" * 80

#: More bytes than a socket takes at once; most of them are never read.
LONG = 32 * 1024 * 1024

#: The number of descriptors that are needed besides the sockets.
SPARE_DESCRIPTORS = 64

#: Seconds after which the program ends by itself.
LIMIT = 10


def socketPairs(stack: ExitStack, count: int) -> list[tuple[socket.socket, socket.socket]]:
    """
    Make connections over loopback.

    @return: both ends of each.
    @raise OSError: there are no more descriptors, or there is no loopback.
    """
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    pairs = []
    for _ in range(count):
        near = stack.enter_context(socket.create_connection(listening.getsockname()))
        near.setblocking(False)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pairs.append((near, stack.enter_context(listening.accept()[0])))
    return pairs


def check(ring: SendRing) -> None:
    """
    Check the behaviour that differs between kernels.

    @raise OSError: the kernel sends to a full socket later, a closed socket affects others, or a
        partial send does not return the number of bytes.
    """
    with ExitStack() as stack:
        (full, slow), (good, peer), (short, reader) = socketPairs(stack, 3)
        filled = 0
        with suppress(BlockingIOError):
            while True:
                filled += full.send(bytes(65536))
        closed = os.open(os.devnull, os.O_RDONLY)
        os.close(closed)
        descriptors = array("I", [full.fileno(), closed, good.fileno()])
        sent = ring.send(descriptors, LINE)
        if sent != (3, {0: 0, 1: 0}) or peer.recv(len(LINE)) != LINE:
            raise OSError(f"io_uring has sent {sent}")
        if received(slow, filled) > filled:
            raise OSError("io_uring sends to a full socket later")
        served, parts = ring.send(array("I", [short.fileno()]), bytes(LONG))
        part = parts.get(0, LONG)
        if served != 1 or not part or received(reader, part) != part:
            raise OSError("io_uring hides how much it has sent")


def received(sock: socket.socket, expected: int) -> int:
    """
    Count the bytes that arrive.

    @param expected: the number of bytes to wait for.
    @raise OSError: they do not arrive.
    """
    count = 0
    sock.settimeout(1)
    while count < expected:
        count += len(sock.recv(1 << 16))
    sock.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            count += len(sock.recv(1 << 16))
    return count


def measured(
    ways: Sequence[Callable[[], object]], clock: Callable[[], float] = time.thread_time
) -> list[float]:
    """Measure functions, which take turns; return the lower quartile of the times of each."""
    cache = bytearray(CACHE_BYTES)
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(TURNS):
        for way, taken in zip(ways, times, strict=True):
            cache.find(1)
            began = clock()
            way()
            taken.append(clock() - began)
    return [sorted(taken)[TURNS // 4] for taken in times]


def smallest(ring: SendRing, sizes: Sequence[int]) -> int | None:
    """
    Find the number of sockets from which on the ring is faster; L{None}: it never is.

    @raise OSError: there are not enough descriptors.
    """
    found = None
    with ExitStack() as stack:
        numbers = array("I", [near.fileno() for near, _ in socketPairs(stack, max(sizes))])
        for size in sorted(sizes, reverse=True):
            part = numbers[:size]

            def writes(part: array[int] = part) -> None:
                for number in part:
                    os.write(number, LINE)

            def sends(part: array[int] = part) -> None:
                if ring.send(part, LINE) != (len(part), {}):
                    raise OSError("io_uring sends not to all")

            byWrites, byRing = measured((writes, sends))
            if byRing > FASTER * byWrites:
                break
            found = size
    return found


def trial(descriptors: int | None) -> str:
    """
    Run the trial, and return the line to print.

    @param descriptors: the limit of descriptors of this process; L{None}: there is none.
    """
    sizes = [
        size for size in SIZES if descriptors is None or 2 * size + SPARE_DESCRIPTORS <= descriptors
    ]
    if not sizes:
        return f"too few descriptors to try it: {descriptors}"
    try:
        ring = SendRing()
        check(ring)
        found = smallest(ring, sizes)
    except OSError as error:
        return error.strerror or str(error)
    return str(found or "it is no faster here")


def main() -> None:
    """Print the line."""
    signal.alarm(LIMIT)
    print(trial(raiseDescriptorLimit()))


if __name__ == "__main__":
    main()
