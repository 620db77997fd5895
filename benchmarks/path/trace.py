"""The trace of the calls in one iteration of the reactor."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

# The package whose calls are counted.
PACKAGE = "tsservices"
READS = frozenset({"read", "recv", "recv_into", "recvfrom", "recvmsg"})
SENDS = frozenset({"write", "send", "sendto", "sendmsg"})


class PathError(Exception):
    """A path could not be traced."""


@dataclass
class Call:
    """
    One call, or one read or send, which has no inner calls.

    @ivar number: Its number in the order of the starts, from 1; 0 for the root of all calls.
    @ivar module: The module that defines its function, below L{PACKAGE}; empty for a read or send.
    @ivar name: The name of its function, C{read} or C{send}.
    @ivar inner: The calls inside it, in order.
    """

    number: int
    module: str
    name: str
    inner: list[Call] = field(default_factory=list)


@dataclass
class Trace:
    """
    All calls of one iteration of the reactor.

    @ivar root: Has the outermost calls as inner calls.
    @ivar calls: Number of calls.
    @ivar entries: Number of calls, reads and sends.
    @ivar reads: The numbers of the reads.
    @ivar sends: The numbers of the sends.
    """

    root: Call = field(default_factory=lambda: Call(0, "", ""))
    calls: int = 0
    entries: int = 0
    reads: list[int] = field(default_factory=list)
    sends: list[int] = field(default_factory=list)

    def record(self, turn: Callable[[], None]) -> None:
        """Run an iteration of the reactor, and add its calls."""
        running = [self.root]

        def profile(frame: FrameType, event: str, argument: Any) -> None:
            module: str = frame.f_globals.get("__name__", "")
            if not module.startswith(f"{PACKAGE}."):
                return
            if event == "call":
                self.calls += 1
                running.append(
                    self._add(running[-1], module.removeprefix(f"{PACKAGE}."), _nameOf(frame))
                )
            elif event == "return":
                running.pop()
            # A read or send is a function of C, so it gets no event "call".
            elif event == "c_call" and (kind := _io(argument)) is not None:
                leaf = self._add(running[-1], "", kind)
                (self.reads if kind == "read" else self.sends).append(leaf.number)

        sys.setprofile(profile)
        try:
            turn()
        finally:
            sys.setprofile(None)

    def _add(self, outer: Call, module: str, name: str) -> Call:
        self.entries += 1
        call = Call(self.entries, module, name)
        outer.inner.append(call)
        return call

    def path(self) -> list[Call]:
        """
        Get the calls from the first read to the last send.

        @raise PathError: There is no read, or no send after it.
        """
        if not self.reads or not self.sends or self.sends[-1] < self.reads[0]:
            raise PathError("no read with a send after it")
        return _between(self.root.inner, self.reads[0], self.sends[-1])


def _nameOf(frame: FrameType) -> str:
    name = frame.f_code.co_qualname.replace(".<locals>", "")
    if name.startswith("__create_fn__."):
        # For a method made by dataclasses, only its first argument shows the class.
        return f"{type(frame.f_locals['self']).__qualname__}.{frame.f_code.co_name}"
    return name


def _io(function: Any) -> str | None:
    # The name alone is not enough, because files have a write() too.
    if getattr(function, "__module__", None) != "posix" and not isinstance(
        getattr(function, "__self__", None), socket.socket
    ):
        return None
    if function.__name__ in READS:
        return "read"
    return "send" if function.__name__ in SENDS else None


def _between(calls: list[Call], first: int, last: int) -> list[Call]:
    selected = []
    for call in calls:
        inner = _between(call.inner, first, last)
        # Of the calls that began before the read, only the one that reads belongs to the path.
        reads = bool(inner) and inner[0].number == first
        if reads or first <= call.number <= last:
            selected.append(Call(call.number, call.module, call.name, inner))
        else:
            selected += inner
    return selected


def flattened(calls: list[Call]) -> list[Call]:
    """List all calls of a tree, without reads and sends."""
    flat = []
    for call in calls:
        if call.module:
            flat.append(call)
        flat += flattened(call.inner)
    return flat


def counts(trace: Trace) -> dict[str, int]:
    """Get the counts of a trace."""
    path = trace.path()
    calls = flattened(path)
    return {
        "calls": len(calls),
        "modules": len({call.module for call in calls}),
        "sends": len(trace.sends),
        "outside": trace.calls - len(calls),
    }
