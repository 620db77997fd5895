"""
How late a loop's own timers run, recorded inside the server, and where its sockets are, told to the
benchmark.  Needs no event loop of any kind.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

# Seconds between two ticks.
PERIOD = 0.010
# Ticks that are kept: an hour of them.
MOST = 360_000


class LatenessRecord:
    """
    The ticks of one periodic timer, each armed again when it ran.

    @ivar ticks: Pairs of the monotonic second a tick ran at and the seconds it was late.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """@param now: The monotonic clock in seconds: the generator's window is told in it."""
        self.ticks: list[tuple[float, float]] = []
        self._now = now
        self._due = 0.0

    def arm(self) -> float:
        """
        The next tick is due one period from now.

        @return: The delay to ask the loop for, in seconds.
        """
        self._due = self._now() + PERIOD
        return PERIOD

    def fired(self) -> None:
        """The tick ran.  One that ran early (loops round to milliseconds) counts as 0 late."""
        now = self._now()
        if len(self.ticks) < MOST:
            self.ticks.append((now, max(0.0, now - self._due)))

    def write(self, state: Path) -> None:
        """Leave the ticks in C{lateness.json} for the benchmark to read after the stop."""
        (state / "lateness.json").write_text(json.dumps(self.ticks))


def writePorts(state: Path, tcpPort: int, udpPort: int) -> None:
    """Tell the benchmark where the two sockets are, in the form of C{tsserver}."""
    rows = [
        {"offering": "timestamp", "transport": transport, "host": "127.0.0.1", "port": port}
        for transport, port in (("tcp", tcpPort), ("udp", udpPort))
    ]
    draft = state / "ports.draft"
    draft.write_text(json.dumps(rows))
    draft.replace(state / "ports.json")
