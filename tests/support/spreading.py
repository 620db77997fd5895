"""
The order in which several processes run the tests (C{-n} with C{--dist worksteal}).

Live tests mostly wait and the others compute, so each process gets a mixture of both.  Each process
ends with short tests, which other processes can take over.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

#: A folder whose modules share a browser, so that one process runs all of them.
_SHARED = "web"

#: Seconds that live modules, or that folder, take; others take about L{_USUAL}.
_SECONDS = {
    "test_documents": 32,
    "test_start_stop": 22,
    _SHARED: 16,
    "test_own_service": 14,
    "test_probe_in_process": 13,
    "test_jetstream": 12,
    "test_backpressure": 11,
    "test_probe": 10,
    "test_process": 9,
    "test_tutorials": 8,
    "test_cluster": 7,
    "test_client_tls": 1,
    "test_deploy": 0,
    "test_oracle": 0,
    "test_packaging": 1,
    "test_stamp": 1,
    "test_tls": 1,
    "test_web": 1,
}
_USUAL = 5


def spread(items: Sequence[pytest.Item], count: int) -> list[pytest.Item]:
    modules = [list(some) for _, some in groupby(items, _place)]
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
        # The last gap is the end of the process's tests: it has no long tests.
        gap = -(-len(mine) // (len(part) + 1))
        for module in part:
            ordered += [*module, *mine[:gap]]
            mine = mine[gap:]
        ordered += mine
    return ordered + others


def _place(item: pytest.Item) -> Path:
    folder = item.path.parent
    return folder if folder.parts[-2:] == ("live", _SHARED) else item.path


def _seconds(module: Sequence[pytest.Item]) -> int:
    return _SECONDS.get(_place(module[0]).stem, _USUAL)
