"""
The exit status of a run.
"""

from __future__ import annotations

from collections.abc import Sequence

from tsservices.client.probe.command import ALL_REPLIED, CONDITION_HELD, SOME_SILENT
from tsservices.client.probe.target import Target
from tsservices.measure.conditions import Condition, violations


def verdict(targets: Sequence[Target], conditions: list[Condition]) -> tuple[int, list[str]]:
    """
    @param targets: that were measured.
    @param conditions: none of which should hold.
    @return: the exit status, and what to say about it.
    """
    said = [
        f"{target.name}: {each}"
        for target in targets
        for each in violations(conditions, target.tally)
    ]
    if said:
        return CONDITION_HELD, said
    silent = any(not target.tally.received for target in targets)
    return (SOME_SILENT if silent else ALL_REPLIED), []
