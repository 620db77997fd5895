"""
The command: C{python -m benchmarks.path}.

Prints the path of one chat line and of one datagram through the server as a tree of calls, as a
guide for new readers of the code.  It measures no time.

The server is a real one, made as for twistd, in this process: fast lane, storage in memory, default
limits, loopback sockets on free ports.

  - Five members are in C{lobby}, with the text format.  After some lines to warm up, the first one
    sends C{hello}, when nothing else is to be read, written or done.
  - One datagram arrives at the timestamp service from a trusted address, and another one at a
    second server, which does not trust the loopback addresses.

What is counted
===============

A call is a C{call} event of L{sys.setprofile} for a function that a module of L{PACKAGE} defines:
functions, methods, getters of properties, lambdas, and each resumption of a generator.  Functions
of the interpreter, the standard library and Twisted do not count, but the functions of L{PACKAGE}
that they call do.  Up to Python 3.11 a comprehension is also a call, from 3.12 on it is not, so
compare counts on 3.11 only.

The path begins with the read of the chunk and ends with the last send.  It has the calls that are
running at the read, and all calls that begin between the read and the last send.  Equal calls in a
row are printed once, with C{x4}, and are counted four times.  Other calls in the same iteration of
the reactor, before the read or after the last send, are counted separately and not printed.

Some text is made only once a second.  Therefore each path is traced several times, and the shortest
trace is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks.path.scenarios import MEMBERS, traced
from benchmarks.path.trace import PACKAGE, PathError, counts
from benchmarks.path.tree import lines

TITLES = {
    "line": f"One line of the chat, sent to {MEMBERS - 1} others",
    "trusted datagram": "One datagram from a trusted address to the timestamp service",
    "untrusted datagram": "One datagram from an untrusted address to the timestamp service",
}


def parser() -> argparse.ArgumentParser:
    """Make the parser for the options."""
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
    Make a message for each count above its limit.

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
