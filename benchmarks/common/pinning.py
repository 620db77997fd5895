"""
Pinning: the cores of the server and of the generator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cores:
    """
    The numbers of two cores.

    @ivar server: The core of the server.
    @ivar generator: The core of the generator.
    """

    server: int
    generator: int


def chooseCores(available: set[int], siblings: dict[int, set[int]]) -> Cores | None:
    """
    Choose two cores; two threads of one physical core only if there is no other.

    @param siblings: The threads of the physical core of each core.
    @return: C{None} if there is only one core: then nothing is pinned.
    """
    if len(available) < 2:
        return None
    # Not the first core, where most interrupts and other programs run.
    server = max(available)
    candidates = available - {server}
    separate = candidates - siblings.get(server, set())
    return Cores(server, min(separate or candidates))


def cores() -> Cores | None:
    """Choose the cores on this machine; C{None} if nothing can be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    available = os.sched_getaffinity(0)
    return chooseCores(available, {core: _siblings(core) for core in available})


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """
    Pin the processes that the body starts to C{core}, with all their threads.

    @param core: The number of a core, or C{None} for no pinning.
    """
    if core is None:
        yield
        return
    # Children inherit the mask of the thread that starts them, and pass it on to their threads.
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _siblings(core: int) -> set[int]:
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    try:
        text = path.read_text()
    except OSError:
        return set()
    threads: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        threads.update(range(int(first), int(last or first) + 1))
    return threads
