"""
The order in which several processes run the tests (C{-n} with C{--dist worksteal}).

Live tests mostly wait and the others compute: each process has some of both at any time.  Each ends
with short tests, of which other processes can take some.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pytest

#: Seconds that a live module takes; every other one takes about L{_USUAL}.
_SECONDS = {
    "test_jetstream": 41,
    "test_cluster": 34,
    "test_documents": 30,
    "test_probe_in_process": 18,
    "test_backpressure": 16,
    "test_jetstream_founding": 16,
    "test_start_stop": 16,
    "test_deploy": 0,
    "test_crowd": 4,
    "test_bad_input": 5,
    "test_probe": 5,
}
_USUAL = 9


def spread(items: Sequence[pytest.Item], count: int) -> list[pytest.Item]:
    modules = [list(some) for _, some in groupby(items, lambda item: item.path)]
    live = [some for some in modules if "live" in some[0].path.parts]
    others = [item for some in modules if "live" not in some[0].path.parts for item in some]
    parts: list[list[list[pytest.Item]]] = [[] for _ in range(count)]
    for module in sorted(live, key=_seconds, reverse=True):
        min(parts, key=lambda part: sum(map(_seconds, part))).append(module)
    ordered: list[pytest.Item] = []
    for number, part in enumerate(parts):
        size = len(items) // count + (number >= count - len(items) % count)
        room = max(0, size - sum(map(len, part)))
        mine, others = others[:room], others[room:]
        # The last of the gaps is the end: it stays free of tests that are long.
        gap = -(-len(mine) // (len(part) + 1))
        for module in part:
            ordered += [*module, *mine[:gap]]
            mine = mine[gap:]
        ordered += mine
    return ordered + others


def _seconds(module: Sequence[pytest.Item]) -> int:
    return _SECONDS.get(module[0].path.stem, _USUAL)
