"""
What the log is told of how a node gets on with the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from twisted.logger import Logger
from twisted.python.failure import Failure

from tsservices.chat.refusals import Refused


class Reports:
    """
    Tells the log, and whoever opens and ends the chat.

    @see: L{tsservices.cluster.standing.ClusterListener}
    """

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self, node: str, ready: Callable[[], object], broken: Callable[[str], object]
    ) -> None:
        """
        @param node: the name of the node.
        @param ready: is called when it has caught up.
        @param broken: gets one line: it can't go on.
        """
        self._node = node
        self._ready = ready
        self._broken = broken

    def ready(self) -> None:
        """
        @see: L{tsservices.cluster.standing.ClusterListener.ready}
        """
        self._ready()

    def broken(self, reason: str) -> None:
        """
        @param reason: why this node can't go on.
        """
        self._broken(reason)

    def troubled(self, trouble: Refused | None) -> None:
        """
        @param trouble: why nothing gets its place at present; L{None}: that is over.
        """
        if trouble is None:
            self.noted("the others answer again")
        else:
            self._log.error("node {node}: {trouble}", node=self._node, trouble=str(trouble))

    def noted(self, text: str) -> None:
        """
        @param text: for the log.
        """
        self._log.info("node {node}: {text}", node=self._node, text=text)

    def failed(self, error: Exception) -> None:
        """
        @param error: went wrong with somebody.
        """
        self._log.failure("node {node}", Failure(error), node=self._node)
