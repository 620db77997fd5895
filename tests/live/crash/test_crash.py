"""
A chat server that is killed keeps all that anybody has received.

The long form is C{python -m tests.live.crash --kills 50}.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.live.crash.__main__ import CrashRun
from tests.support.examples import tried

#: How often the server is killed.
KILLS = tried(12)

#: After these no new life of the server begins.
SECONDS = 20.0

#: At least so many lines must have been sent and stored, or nothing was tested.
LINES = 50


@pytest.mark.parametrize("seed", [int(os.environ.get("TSSERVICES_CRASH_SEED", "1"))])
def test_killed(folder: Path, seed: int) -> None:
    crashes = CrashRun(folder, seed)
    crashes.run(KILLS, SECONDS)
    counts = crashes.counts
    assert crashes.kills > 1
    assert min(counts.seen, counts.stored) > LINES, counts
    # Half of the writers ask for acknowledgements.
    assert counts.acknowledged > counts.stored / 4, counts
    assert counts.missing == 0, counts
    rules = crashes.ruleCounts
    assert min(rules.succeeded, rules.errors, rules.lines, rules.checks) > LINES, rules
    # Whether a kill also leaves a request without its answer is chance, with as few kills as here.
    assert min(rules.deleted, rules.privateMessages, rules.tokens) > 0, rules
