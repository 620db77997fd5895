"""
C{twistd} with a clock that a test sets: to the time of day it adds the seconds that stand in the
file that C{STEP_FILE} names.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_FILE = Path(os.environ["STEP_FILE"])

_seconds, _nanoseconds = time.time, time.time_ns


def _step() -> float:
    return float(_FILE.read_text())


if __name__ == "__main__":
    # Before Twisted, which takes the function itself.
    time.time = lambda: _seconds() + _step()
    time.time_ns = lambda: _nanoseconds() + int(_step() * 1_000_000_000)
    from twisted.scripts.twistd import run

    run()
