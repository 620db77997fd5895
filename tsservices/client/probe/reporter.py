"""
What everybody can do who tells what happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tsservices.client.probe.target import Target
from tsservices.measure.outcome import Outcome


class Reporter(Protocol):
    """
    Tells what happens, in one form.
    """

    def began(self, targets: Sequence[Target]) -> None:
        """
        @param targets: all of them.
        """

    def happened(self, target: Target, outcome: Outcome) -> None:
        """
        @param target: the one.
        @param outcome: of a packet to it.
        """

    def waited(self, target: Target, sequence: int) -> None:
        """
        @param target: the one.
        @param sequence: of a packet without a reply when the next is sent.
        """

    def interim(self, targets: Sequence[Target]) -> None:
        """
        @param targets: of which to say what is known so far.
        """

    def summary(self, targets: Sequence[Target]) -> None:
        """
        @param targets: of which to say all that is known.
        """
