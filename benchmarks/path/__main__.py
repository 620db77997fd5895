"""
The command: C{python -m benchmarks.path}.

It prints the path of one chat line and of one datagram through the server as a tree of calls: a map
for people who read the code for the first time.  It measures no time.

The server is the real one, as twistd makes it, in this process: fast lane, storage in memory,
default limits, loopback sockets on free ports.

  - Five members are in C{lobby}, with the text format.  After some lines to warm up, the first one
    sends C{hello}, when nothing else is to be read, written or done.
  - One datagram comes to the timestamp service from a trusted address, and another one to a second
    server, which does not trust the loopback addresses.

What is counted
===============

A call is a C{call} event of L{sys.setprofile} for a function that a module of L{PACKAGE} defines:
functions, methods, getters of properties, lambdas, and each time that a generator continues.
Functions of the interpreter, the standard library and Twisted do not count, but the functions of
L{PACKAGE} that they call do.  Up to Python 3.11 a comprehension is a call too, from 3.12 on it is
not, so compare counts on 3.11 only.

The path begins with the read of the chunk and ends with the last send.  It has the calls that are
open when the read happens, and all calls that begin between the read and the last send.  Equal
calls in a row are printed once, with C{x4}, and are counted four times.  Other calls in the same
turn of the reactor, before the read or after the last send, are counted separately and not printed.

Some text is made only once a second.  So each path is traced several times, and the shortest trace
is printed.
"""

from __future__ import annotations

import argparse
import io
import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from twisted.internet import epollreactor

from tsservices.server.plugin import Options, makeService

# The package whose calls are counted.
PACKAGE = "tsservices"
# Members of the room, with the author.
MEMBERS = 5
# Lines before the traced ones; together they are no more than flood control allows at once.
WARMUP_LINES = 4
# How often each path is traced.
TRACES = 5
# Seconds for all waits of the command together.
LIMIT = 15.0
# Seconds of one wait of the reactor, at most.
PAUSE = 0.05
# The only trusted network of the second server: one for documentation, so no datagram is from it.
OTHER_NETWORK = "192.0.2.0/24"
READS = frozenset({"read", "recv", "recv_into", "recvfrom", "recvmsg"})
SENDS = frozenset({"write", "send", "sendto", "sendmsg"})
# Calls of a group at most that is printed once when it repeats.
LONGEST_GROUP = 8


class PathError(Exception):
    """A path could not be traced."""


@dataclass
class Call:
    """
    One call, or one read or send, which has no calls inside.

    @ivar number: Its place in the order of the beginnings, from 1; 0 for the root of all calls.
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
    All calls of one turn of the reactor.

    @ivar root: Has the outermost calls inside.
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
        """Add the calls of a turn of the reactor."""
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
        The calls from the first read to the last send.

        @raise PathError: There is no read, or no send after it.
        """
        if not self.reads or not self.sends or self.sends[-1] < self.reads[0]:
            raise PathError("no read with a send after it")
        return _between(self.root.inner, self.reads[0], self.sends[-1])


def _nameOf(frame: FrameType) -> str:
    name = frame.f_code.co_qualname.replace(".<locals>", "")
    if name.startswith("__create_fn__."):
        # The class of a method that dataclasses have made is known by its first argument only.
        return f"{type(frame.f_locals['self']).__qualname__}.{frame.f_code.co_name}"
    return name


def _io(function: Any) -> str | None:
    # The name alone is not enough, as files have a write() too.
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
        # A call that began before the read belongs to the path when the read is inside it.
        containsFirst = bool(inner) and inner[0].number <= first
        if first <= call.number <= last or containsFirst:
            selected.append(Call(call.number, call.module, call.name, inner))
    return selected


def flattened(calls: list[Call]) -> list[Call]:
    """All calls of a tree, without reads and sends."""
    flat = []
    for call in calls:
        if call.module:
            flat.append(call)
        flat += flattened(call.inner)
    return flat


def lines(calls: list[Call], depth: int = 0) -> list[str]:
    """Calls as a printed tree, in which repeated calls stand once."""
    written = []
    blocks = [_block(call, depth) for call in calls]
    groups = [_block(call, depth + 1) for call in calls]
    start = 0
    while start < len(blocks):
        size, times = _repeated(blocks, start)
        if times > 1 and size > 1:
            written.append(f"{'  ' * depth}x{times}:")
            for block in groups[start : start + size]:
                written += block
        else:
            head, *inner = blocks[start]
            written += [head + (f"  x{times}" if times > 1 else ""), *inner]
        start += size * times
    return written


def _block(call: Call, depth: int) -> list[str]:
    name = f"{call.module}:{call.name}" if call.module else f"-> {call.name}"
    return ["  " * depth + name, *lines(call.inner, depth + 1)]


def _repeated(blocks: list[list[str]], start: int) -> tuple[int, int]:
    # Of the groups that begin at start, the one that saves most lines; 1 is a single call.
    best, saved = (1, 1), 0
    for size in range(1, LONGEST_GROUP + 1):
        group = blocks[start : start + size]
        times = 1
        while blocks[start + size * times : start + size * (times + 1)] == group:
            times += 1
        if size * (times - 1) > saved:
            best, saved = (size, times), size * (times - 1)
    return best


class Deadline:
    """Limits all waits together, so that the command ends by itself."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def check(self, awaited: str) -> None:
        """
        Check that the time is not over.

        @param awaited: What is awaited, for the text of the error.
        @raise PathError: It is over.
        """
        if time.monotonic() > self._end:
            raise PathError(f"waited too long for {awaited}")


class Server:
    """A server in this process, whose reactor runs only inside the methods."""

    def __init__(self, reactor: Any, deadline: Deadline, folder: Path, *options: str) -> None:
        self._reactor = reactor
        self._deadline = deadline
        parsed = Options()
        parsed.parseOptions(
            ["--port", "0", "--state", str(folder), "--journal", "memory", *options],
        )
        self._service: Any = makeService(parsed, reactor, io.StringIO())
        self._service.startService()
        rows = json.loads((folder / "ports.json").read_text())
        self.ports = {(row["offering"], row["transport"]): row["port"] for row in rows}

    def turnUntil(self, done: Callable[[], bool], awaited: str, trace: Trace | None = None) -> None:
        """
        Run turns of the reactor until C{done} returns true.

        @param awaited: What is awaited, for the text of an error.
        @param trace: Gets the calls of the turns; C{None} to trace nothing.
        @raise PathError: It takes too long.
        """
        while not done():
            self._deadline.check(awaited)
            if trace is None:
                self._reactor.iterate(PAUSE)
            else:
                trace.record(lambda: self._reactor.iterate(PAUSE))

    def settle(self) -> None:
        """Run what is due now."""
        for _ in range(3):
            self._reactor.iterate(0)

    def stop(self) -> None:
        """Stop the server."""
        ended: list[object] = []
        self._service.stopService().addBoth(ended.append)
        self.turnUntil(lambda: bool(ended), "the end of the server")


class Member:
    """A client of the chat, which is in the room lobby."""

    def __init__(self, server: Server, name: str) -> None:
        self.received = b""
        self._socket = socket.create_connection(("127.0.0.1", server.ports["chat", "tcp"]))
        self._socket.setblocking(False)
        self.send(name)
        # The greeting does not name the room, so its name means that the member is in it.
        server.turnUntil(lambda: self.hasReceived(b"#lobby"), "the lobby")
        server.settle()

    def send(self, text: str) -> None:
        """Send one line."""
        self._socket.sendall(text.encode() + b"\n")

    def hasReceived(self, text: bytes) -> bool:
        """Receive, and return whether this text came since the last L{forget}."""
        try:
            while data := self._socket.recv(65536):
                self.received += data
        except BlockingIOError:
            pass
        return text in self.received

    def forget(self) -> None:
        """Receive, and forget everything received."""
        self.hasReceived(b"")
        self.received = b""

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def shortest(traces: list[Trace]) -> Trace:
    """The trace whose path has the fewest calls."""
    return min(traces, key=lambda trace: len(flattened(trace.path())))


def traceLine(server: Server) -> Trace:
    """
    The path of one line to four other members.

    @raise PathError: They do not receive it.
    """
    members = [Member(server, f"member{number}") for number in range(MEMBERS)]
    author, *recipients = members

    def delivered() -> bool:
        return all(member.hasReceived(b"> hello\n") for member in recipients)

    traces = []
    try:
        for number in range(WARMUP_LINES + TRACES):
            server.settle()
            for member in members:
                member.forget()
            trace = Trace()
            author.send("hello")
            server.turnUntil(delivered, "the line", trace if number >= WARMUP_LINES else None)
            if number >= WARMUP_LINES:
                if len(trace.sends) < len(recipients):
                    # A send that other C code makes, as map() does, is no event.  The path
                    # would end too early.
                    raise PathError(
                        f"{len(recipients)} sends made, {len(trace.sends)} of them seen"
                    )
                traces.append(trace)
    finally:
        for member in members:
            member.close()
        server.settle()
    return shortest(traces)


def traceDatagram(server: Server) -> Trace:
    """
    The path of one datagram to its reply.

    @raise PathError: There is no reply.
    """

    def replied() -> bool:
        try:
            return client.recv(65536).endswith(b"] hello")
        except BlockingIOError:
            return False

    traces = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(("127.0.0.1", server.ports["timestamp", "udp"]))
        # Not the first one: with that the server learns the address.
        for number in range(1 + TRACES):
            server.settle()
            trace = Trace()
            client.send(b"hello")
            server.turnUntil(replied, "the reply", trace)
            if number:
                traces.append(trace)
    return shortest(traces)


def counts(trace: Trace) -> dict[str, int]:
    """The counts of a trace."""
    path = trace.path()
    calls = flattened(path)
    return {
        "calls": len(calls),
        "modules": len({call.module for call in calls}),
        "sends": len(trace.sends),
        "outside": trace.calls - len(calls),
    }


def traced() -> dict[str, Trace]:
    """
    The traces of all paths, by their names in the JSON.

    @raise PathError: One could not be traced.
    """
    deadline = Deadline(LIMIT)
    # Not the global reactor: this one never runs, and importing a module must install none.
    reactor: Any = epollreactor.EPollReactor()
    traces = {}
    with tempfile.TemporaryDirectory() as folder:
        usual, untrusting = Path(folder, "usual"), Path(folder, "untrusting")
        server = Server(reactor, deadline, usual, "--services", "timestamp,chat")
        try:
            traces["line"] = traceLine(server)
            traces["trusted datagram"] = traceDatagram(server)
        finally:
            server.stop()
        server = Server(
            reactor, deadline, untrusting, "--services", "timestamp", "--trust", OTHER_NETWORK
        )
        try:
            traces["untrusted datagram"] = traceDatagram(server)
        finally:
            server.stop()
    return traces


TITLES = {
    "line": f"One line of the chat, sent to {MEMBERS - 1} others",
    "trusted datagram": "One datagram from a trusted address to the timestamp service",
    "untrusted datagram": "One datagram from an untrusted address to the timestamp service",
}


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.path",
        description="Print the path of one chat line and of one datagram through the server.",
    )
    options.add_argument("--json", action="store_true", help="print the counts only, as JSON")
    options.add_argument(
        "--check",
        nargs=3,
        type=int,
        metavar=("LINE_CALLS", "MODULES", "DATAGRAM_CALLS"),
        help="exit with 1 when the line has more calls or modules, or a datagram more calls",
    )
    return options


def exceeded(counted: dict[str, dict[str, int]], limits: Sequence[int]) -> list[str]:
    """
    A text for each count above its limit.

    @param limits: Calls and modules of a line, and calls of a datagram.
    """
    calls, modules, datagram = limits
    checks = [
        ("line", "calls", calls),
        ("line", "modules", modules),
        ("trusted datagram", "calls", datagram),
        ("untrusted datagram", "calls", datagram),
    ]
    return [
        f"{path}: {counted[path][kind]} {kind}, at most {limit} wanted"
        for path, kind, limit in checks
        if counted[path][kind] > limit
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = parser().parse_args(arguments)
    try:
        traces = traced()
        counted = {path: counts(trace) for path, trace in traces.items()}
    except PathError as error:
        print(f"path: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(counted, indent=1))
    else:
        print(f"Each line is MODULE:FUNCTION; modules are below {PACKAGE}.")
        for path, trace in traces.items():
            numbers = counted[path]
            print(
                f"\n{TITLES[path]}: {numbers['calls']} calls in {numbers['modules']} modules,"
                f" sends: {numbers['sends']}"
                f" (calls of the same turn before and after: {numbers['outside']})\n"
            )
            print("\n".join(lines(trace.path(), 1)))
    failures = [] if options.check is None else exceeded(counted, options.check)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
