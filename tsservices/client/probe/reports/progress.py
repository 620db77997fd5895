"""The progress of a quiet run, in one line of a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.reports.columns import clipped
from tsservices.client.probe.reports.text import interimText
from tsservices.client.probe.target import ProbeTarget
from tsservices.common.text import plural

#: Seconds between two updates, and before the first.
PROGRESS_SECONDS = 1.0


def progressText(targets: Sequence[ProbeTarget], columns: int) -> str:
    """Return as much of the progress as fits into a line."""
    if len(targets) == 1:
        text = interimText(targets[0])
    else:
        received = sum(target.statistics.received for target in targets)
        transmitted = sum(target.statistics.transmitted for target in targets)
        text = f"{plural(len(targets), 'host')}: {received}/{plural(transmitted, 'packet')}"
    return clipped(text, max(0, columns - 1))


def showProgress(
    clock: IReactorTime,
    output: Output,
    targets: Sequence[ProbeTarget],
    columns: Callable[[], int],
) -> LoopingCall:
    """
    Show the progress until the returned call is stopped.

    @param columns: returns the columns of the terminal, which may change at any time.
    """
    updates = LoopingCall(lambda: output.progress(progressText(targets, columns())))
    updates.clock = clock
    updates.start(PROGRESS_SECONDS, now=False)
    return updates
