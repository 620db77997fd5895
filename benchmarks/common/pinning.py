"""
Which core the server gets and which the generator.
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
    @ivar server: Number of the server's core.
    @ivar generator: Number of the generator's.
    """

    server: int
    generator: int


def chooseCores(available: set[int], siblings: dict[int, set[int]]) -> Cores | None:
    """
    Two cores, not two threads of one core when that can be had.

    @return: C{None} when there is only one: then nothing is pinned.
    """
    if len(available) < 2:
        return None
    # The first core is where interrupts and other programs tend to be.
    server = max(available)
    others = available - {server}
    apart = others - siblings.get(server, set())
    return Cores(server, min(apart or others))


def cores() -> Cores | None:
    """The choice for this machine; C{None} also where a process cannot be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    available = os.sched_getaffinity(0)
    return chooseCores(available, {core: _siblings(core) for core in available})


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """
    What is started in the body runs on C{core}, its threads too, as both inherit the mask.

    @param core: A core's number, or C{None} for no pinning.
    """
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _siblings(core: int) -> set[int]:
    """
    The threads of the physical core that C{core} is one of; empty when the system does not say.
    """
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    try:
        text = path.read_text()
    except OSError:
        return set()
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found
