"""
The fast and the stock transport cannot be told apart by random scripts over real sockets.

The scripts run in a process of their own, because they turn a reactor by hand.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.examples import tried
from tests.support.send_ring import needsRing
from tsservices.transport.epoll.set import available

#: How many scripts are compared if there is time.
EXAMPLES = tried(70)

#: After what time no more are compared.
SECONDS = 8

#: How long, in seconds, it may take with finding a shortest script.
LIMIT = 20


@pytest.mark.skipif(not available(), reason="this platform has no epoll")
@pytest.mark.parametrize(
    ("reactor", "sends"),
    [
        ("epollreactor", "writes"),
        pytest.param("epollreactor", "ring", marks=needsRing),
        ("mainloop", "writes"),
        pytest.param("mainloop", "ring", marks=needsRing),
    ],
)
def test_randomScripts(reactor: str, sends: str, tmp_path: Path) -> None:
    """Both give the same bytes, the same callbacks and the same end for every script."""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("random_scripts.py")),
            str(EXAMPLES),
            os.environ.get("TSSERVICES_SCRIPT_SEED", "1"),
            str(SECONDS),
            reactor,
            sends,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    assert "ConnectionDone" in done.stdout, done.stdout
