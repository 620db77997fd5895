"""
Code shared by the servers in Python: options, the stamp, and the files that the benchmark reads.

It imports no event loop, so servers on any loop can use it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

# Seconds between two ticks.
PERIOD = 0.010
# The most ticks to record: those of an hour.
MOST_TICKS = 360_000


class Stamp:
    """
    The text in front of each reply, made once a second as in our server.

    @cvar text: The text of this second.
    """

    text = b""

    @classmethod
    def refresh(cls) -> None:
        """Make the text of this second."""
        cls.text = f"[{time.ctime()}] ".encode()


def serverParser() -> argparse.ArgumentParser:
    """Make the parser for the options that the benchmark gives to each server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--lateness", action="store_true")
    parser.add_argument("--certificate", type=Path, help="listen with TLS; key and certificate")
    return parser


class LatenessRecord:
    """
    The ticks of one periodic timer, which is armed again after each tick.

    @ivar ticks: Pairs of the monotonic second of a tick and its delay in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        @param clock: The monotonic clock in seconds, which the generator uses too.
        """
        self.ticks: list[tuple[float, float]] = []
        self._clock = clock
        self._due = 0.0

    def arm(self) -> float:
        """
        Expect the next tick one period from now.

        @return: The delay for the loop's timer in seconds.
        """
        self._due = self._clock() + PERIOD
        return PERIOD

    def fired(self) -> None:
        """Record the tick that runs now."""
        now = self._clock()
        if len(self.ticks) < MOST_TICKS:
            # Loops round delays to milliseconds, so a tick can be early; then its delay is 0.
            self.ticks.append((now, max(0.0, now - self._due)))

    def write(self, state: Path) -> None:
        """Write the ticks to C{lateness.json}, which the benchmark reads after the stop."""
        (state / "lateness.json").write_text(json.dumps(self.ticks))


def writePorts(state: Path, tcpPort: int, udpPort: int) -> None:
    """Write C{ports.json} in the form of C{tsserver}."""
    rows = [
        {"offering": "timestamp", "transport": transport, "host": "127.0.0.1", "port": port}
        for transport, port in (("tcp", tcpPort), ("udp", udpPort))
    ]
    # Renamed when complete, because the benchmark reads it as soon as it exists.
    draft = state / "ports.draft"
    draft.write_text(json.dumps(rows))
    draft.replace(state / "ports.json")
