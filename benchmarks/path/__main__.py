"""
The command: C{python -m benchmarks.path}, the way of one chat line and of one datagram through the
server, as a tree of calls: a map for who reads the code for the first time.  It measures no time.

The server is the real one, as twistd makes it, in this process: fast lane, memory journal, default
limits, loopback sockets on free ports.

  - Five people are in C{lobby}, and are told in text.  After some lines to warm up, the first of
    them says C{hello}, when nothing else waits to be read, written or done.
  - One datagram comes to the timestamp service from a trusted address; another one to a second
    server, which does not trust the loopback addresses.

What is counted
===============

A call is a C{call} event of L{sys.setprofile} for a function that a module of L{PACKAGE} defines:
functions, methods, getters of properties, lambdas, and each resumption of a generator.  Functions
of the interpreter, of the standard library and of Twisted are not calls, though what they call is.
Until Python 3.11 a comprehension is a call too; from 3.12 on it is not, so counts are compared on
3.11 only.

The path begins with the read of the chunk and ends with the last send.  Counted are the calls that
are open when the read is made, once each, and all that begin between it and the last send.  Equal
calls in a row are printed once, as C{x4}, and are counted four times.  What else is called in the
same turn of the reactor, before the read or after the last send, is counted apart and not printed.

Some text is made once a second only.  So each way is traced several times, and the shortest trace
is the one that is shown.
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
PEOPLE = 5
# These and the traced ones are no more than flood control takes at one go by default.
WARMUP_LINES = 4
TRACES = 5
# Seconds for all that is waited for, together.
LIMIT = 15.0
# Seconds for one wait of the reactor: it only has to be more than nothing.
PAUSE = 0.05
# Networks for documentation: nobody asks from there.
NOBODY = "192.0.2.0/24"
READS = frozenset({"read", "recv", "recv_into", "recvfrom", "recvmsg"})
SENDS = frozenset({"write", "send", "sendto", "sendmsg"})
# How many calls a group may have that is printed once when it repeats.
LONGEST_GROUP = 8


class PathError(Exception):
    """The way could not be traced."""


@dataclass
class Call:
    """
    One call, or one read or send, which are leaves.

    @ivar number: Which one it is, in the order in which they began; 0 is no call, but all of them.
    @ivar module: Where its function is defined, below L{PACKAGE}; nothing for a read or send.
    @ivar name: Its function, C{read} or C{send}.
    @ivar inner: What was called from there, in order.
    """

    number: int
    module: str
    name: str
    inner: list[Call] = field(default_factory=list)


@dataclass
class Trace:
    """
    All that one turn of the reactor has called.

    @ivar top: Holds those calls that no other call of L{PACKAGE} holds.
    @ivar calls: How many calls there were.
    @ivar entries: The same with the reads and sends.
    @ivar reads: The numbers of the reads.
    @ivar sends: The numbers of the sends.
    """

    top: Call = field(default_factory=lambda: Call(0, "", ""))
    calls: int = 0
    entries: int = 0
    reads: list[int] = field(default_factory=list)
    sends: list[int] = field(default_factory=list)

    def record(self, turn: Callable[[], None]) -> None:
        """Add what a turn of the reactor calls."""
        running = [self.top]

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
        The calls from the read of the chunk to the last send.

        @raise PathError: There is no read, or no send after it.
        """
        if not self.reads or not self.sends or self.sends[-1] < self.reads[0]:
            raise PathError("no read and send of the server were seen")
        return _between(self.top.inner, self.reads[0], self.sends[-1])


def _nameOf(frame: FrameType) -> str:
    name = frame.f_code.co_qualname.replace(".<locals>", "")
    if name.startswith("__create_fn__."):
        # A method that dataclasses have written says by its first argument whose it is.
        return f"{type(frame.f_locals['self']).__qualname__}.{frame.f_code.co_name}"
    return name


def _io(function: Any) -> str | None:
    # Files have a C{write} too, so the name alone says nothing.
    if getattr(function, "__module__", None) != "posix" and not isinstance(
        getattr(function, "__self__", None), socket.socket
    ):
        return None
    if function.__name__ in READS:
        return "read"
    return "send" if function.__name__ in SENDS else None


def _between(calls: list[Call], first: int, last: int) -> list[Call]:
    kept = []
    for call in calls:
        inner = _between(call.inner, first, last)
        holds = bool(inner) and inner[0].number <= first
        if first <= call.number <= last or holds:
            kept.append(Call(call.number, call.module, call.name, inner))
    return kept


def flattened(calls: list[Call]) -> list[Call]:
    """Calls and all that they hold, without reads and sends."""
    found = []
    for call in calls:
        if call.module:
            found.append(call)
        found += flattened(call.inner)
    return found


def lines(calls: list[Call], depth: int = 0) -> list[str]:
    """Calls as a tree, with those that repeat written once."""
    written = []
    blocks = [_block(call, depth) for call in calls]
    groups = [_block(call, depth + 1) for call in calls]
    place = 0
    while place < len(blocks):
        size, times = _repeated(blocks, place)
        if times > 1 and size > 1:
            written.append(f"{'  ' * depth}x{times}:")
            for block in groups[place : place + size]:
                written += block
        else:
            head, *inner = blocks[place]
            written += [head + (f"  x{times}" if times > 1 else ""), *inner]
        place += size * times
    return written


def _block(call: Call, depth: int) -> list[str]:
    name = f"{call.module}:{call.name}" if call.module else f"-> {call.name}"
    return ["  " * depth + name, *lines(call.inner, depth + 1)]


def _repeated(blocks: list[list[str]], place: int) -> tuple[int, int]:
    # Of the groups that begin here the one that saves most; one of size 1 is a repeated call.
    best, saved = (1, 1), 0
    for size in range(1, LONGEST_GROUP + 1):
        group = blocks[place : place + size]
        times = 1
        while blocks[place + size * times : place + size * (times + 1)] == group:
            times += 1
        if size * (times - 1) > saved:
            best, saved = (size, times), size * (times - 1)
    return best


class Timer:
    """Bounds all that is waited for: the command has to end by itself."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def check(self, what: str) -> None:
        """
        Say that something is still waited for.

        @raise PathError: For too long.
        """
        if time.monotonic() > self._end:
            raise PathError(f"waited too long for {what}")


class Server:
    """One server in this process, whose reactor is turned by hand."""

    def __init__(self, reactor: Any, timer: Timer, folder: Path, *options: str) -> None:
        self._reactor = reactor
        self._timer = timer
        asked = Options()
        asked.parseOptions(
            ["--port", "0", "--state", str(folder), "--journal", "memory", *options],
        )
        self._service: Any = makeService(asked, reactor, io.StringIO())
        self._service.startService()
        rows = json.loads((folder / "ports.json").read_text())
        self.ports = {(row["offering"], row["transport"]): row["port"] for row in rows}

    def turnUntil(self, done: Callable[[], bool], what: str, trace: Trace | None = None) -> None:
        """
        Turn the reactor until something is so.

        @param trace: Gets what the turns call; L{None}: nobody wants to know.
        @raise PathError: It takes too long.
        """
        while not done():
            self._timer.check(what)
            if trace is None:
                self._reactor.iterate(PAUSE)
            else:
                trace.record(lambda: self._reactor.iterate(PAUSE))

    def settle(self) -> None:
        """Let all be done that is due."""
        for _ in range(3):
            self._reactor.iterate(0)

    def stop(self) -> None:
        """Stop it."""
        ended: list[object] = []
        self._service.stopService().addBoth(ended.append)
        self.turnUntil(lambda: bool(ended), "the end of the server")


class Member:
    """The other end of a chat connection, whose owner is in the lobby."""

    def __init__(self, server: Server, name: str) -> None:
        self.heard = b""
        self._socket = socket.create_connection(("127.0.0.1", server.ports["chat", "tcp"]))
        self._socket.setblocking(False)
        self.say(name)
        # The greeting does not name the room.
        server.turnUntil(lambda: self.hears(b"#lobby"), "the lobby")
        server.settle()

    def say(self, text: str) -> None:
        """Send one line."""
        self._socket.sendall(text.encode() + b"\n")

    def hears(self, text: bytes) -> bool:
        """Whether that has come, at any time since L{forget}."""
        try:
            while data := self._socket.recv(65536):
                self.heard += data
        except BlockingIOError:
            pass
        return text in self.heard

    def forget(self) -> None:
        """Read what there is, and keep none of it."""
        self.hears(b"")
        self.heard = b""

    def close(self) -> None:
        """Leave."""
        self._socket.close()


def shortest(traces: list[Trace]) -> Trace:
    """The trace whose path has the fewest calls."""
    return min(traces, key=lambda trace: len(flattened(trace.path())))


def traceLine(server: Server) -> Trace:
    """
    One line, said to four others.

    @raise PathError: They do not hear it.
    """
    members = [Member(server, f"member{number}") for number in range(PEOPLE)]
    author, *others = members

    def heard() -> bool:
        return all(member.hears(b"> hello\n") for member in others)

    traces = []
    try:
        for number in range(WARMUP_LINES + TRACES):
            server.settle()
            for member in members:
                member.forget()
            trace = Trace()
            author.say("hello")
            server.turnUntil(heard, "the line", trace if number >= WARMUP_LINES else None)
            if number >= WARMUP_LINES:
                if len(trace.sends) < len(others):
                    # A send made by other C code, as map() does, is no event: the path would end
                    # too early.
                    raise PathError(f"{len(others)} sends made, {len(trace.sends)} of them seen")
                traces.append(trace)
    finally:
        for member in members:
            member.close()
        server.settle()
    return shortest(traces)


def traceDatagram(server: Server) -> Trace:
    """
    One datagram, and its answer.

    @raise PathError: None comes.
    """
    answers: list[bytes] = []

    def answered() -> bool:
        try:
            answers.append(peer.recv(65536))
        except BlockingIOError:
            return False
        return answers[-1].endswith(b"] hello")

    traces = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.setblocking(False)
        peer.connect(("127.0.0.1", server.ports["timestamp", "udp"]))
        # The first one makes the server know the address.
        for number in range(1 + TRACES):
            server.settle()
            trace = Trace()
            peer.send(b"hello")
            server.turnUntil(answered, "the answer", trace)
            if number:
                traces.append(trace)
    return shortest(traces)


def counts(trace: Trace) -> dict[str, int]:
    """What there is to count."""
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
    Both ways, by what the JSON calls them.

    @raise PathError: One could not be traced.
    """
    timer = Timer(LIMIT)
    # One of its own: this one is never run, and the real one is nobody's to install here.
    reactor: Any = epollreactor.EPollReactor()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        usual, untrusting = Path(folder, "usual"), Path(folder, "untrusting")
        server = Server(reactor, timer, usual, "--services", "timestamp,chat")
        try:
            found["line"] = traceLine(server)
            found["trusted datagram"] = traceDatagram(server)
        finally:
            server.stop()
        server = Server(reactor, timer, untrusting, "--services", "timestamp", "--trust", NOBODY)
        try:
            found["untrusted datagram"] = traceDatagram(server)
        finally:
            server.stop()
    return found


TITLES = {
    "line": f"One line of the chat, said to {PEOPLE - 1} others",
    "trusted datagram": "One datagram from a trusted address to the timestamp service",
    "untrusted datagram": "One datagram from an untrusted address to the timestamp service",
}


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.path",
        description="The way of one chat line and of one datagram through the server.",
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


def exceeded(found: dict[str, dict[str, int]], bounds: Sequence[int]) -> list[str]:
    """What is more than it should be, in words."""
    calls, modules, datagram = bounds
    checks = [
        ("line", "calls", calls),
        ("line", "modules", modules),
        ("trusted datagram", "calls", datagram),
        ("untrusted datagram", "calls", datagram),
    ]
    return [
        f"{way}: {found[way][what]} {what}, at most {most} wanted"
        for way, what, most in checks
        if found[way][what] > most
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Trace, and print."""
    options = parser().parse_args(arguments)
    try:
        traces = traced()
        found = {way: counts(trace) for way, trace in traces.items()}
    except PathError as error:
        print(f"path: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        print(f"Modules are below {PACKAGE}; each is followed by its function.")
        for way, trace in traces.items():
            numbers = found[way]
            print(
                f"\n{TITLES[way]}: {numbers['calls']} calls in {numbers['modules']} modules,"
                f" sends: {numbers['sends']}"
                f" (calls of the same turn before and after: {numbers['outside']})\n"
            )
            print("\n".join(lines(trace.path(), 1)))
    failures = [] if options.check is None else exceeded(found, options.check)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
