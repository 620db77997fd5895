"""
The load generator for machines without a compiler: options, work and JSON line of C{generator.c}.

It is slower than the servers, so most of its rows have the flag for a busy generator.  A server
that waits for it wakes up for a few requests at a time, so the server's CPU time per request is
too high, especially for fast servers.  Such figures show that everything works; do not quote them.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import struct
import sys
import time
from pathlib import Path

from benchmarks.echo.traffic import Datagrams, Stream, Tally, message

# Nanoseconds between two searches for lost datagrams.
SCAN_EVERY = 50_000_000
# Connections to open before a pause, because small listen queues overflow; the pause in seconds.
CONNECT_BURST = 32
CONNECT_PAUSE = 0.004
LOOPBACK = 0x7F000001


def parser() -> argparse.ArgumentParser:
    """Make the options of C{generator.c}; the CPU clock of process C{--server-pid} is read."""
    options = argparse.ArgumentParser(prog="generator")
    options.add_argument("--mode", choices=("tcp", "udp", "hold"), default="tcp")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, required=True)
    for name in ("connections", "depth"):
        options.add_argument(f"--{name}", type=int, default=1)
    options.add_argument("--size", type=int, default=64)
    options.add_argument("--seconds", type=float, default=1.0)
    options.add_argument("--warmup", type=float, default=0.2)
    options.add_argument("--server-pid", type=int, default=0)
    options.add_argument("--sources", type=int, default=0)
    return options


def connect(options: argparse.Namespace) -> list[socket.socket]:
    """Open all sockets, from C{--sources} loopback addresses in turn; 0 means one."""
    kind = socket.SOCK_DGRAM if options.mode == "udp" else socket.SOCK_STREAM
    opened = []
    for number in range(options.connections):
        if number and number % CONNECT_BURST == 0:
            time.sleep(CONNECT_PAUSE)
        connection = socket.socket(socket.AF_INET, kind)
        connection.settimeout(10)
        if options.sources:
            source = socket.inet_ntoa(struct.pack("!I", LOOPBACK + 1 + number % options.sources))
            # IP_BIND_ADDRESS_NO_PORT (24 on Linux) chooses the port when the destination is known;
            # the socket module of 3.11 has no name for it.
            connection.setsockopt(socket.IPPROTO_IP, 24, 1)
            connection.bind((source, 0))
        connection.connect((options.host, options.port))
        if kind == socket.SOCK_STREAM:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.append(connection)
    return opened


def cpuClock(pid: int) -> int | None:
    """Get the id of the CPU clock of another process; C{None} if there is none."""
    if pid <= 0 or not sys.platform.startswith("linux"):
        return None
    # The value that clock_getcpuclockid computes (CPUCLOCK_SCHED), which Python does not provide.
    return (~pid << 3) | 2


def waitedNanoseconds(pid: int) -> int | None:
    """
    Get the time that the main thread of a process was ready to run while its core was busy; C{None}
    if the system does not report it.
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None


def shareOf(before: int | None, after: int | None, seconds: float) -> float | None:
    """Get the increase of a counter of nanoseconds as a share of C{seconds}."""
    return None if before is None or after is None else (after - before) / 1e9 / seconds


def load(options: argparse.Namespace) -> dict[str, object]:
    """Send the requests and return the values of the JSON line."""
    tally = Tally()
    request = message(options.size)
    selector = selectors.DefaultSelector()
    clients: list[Stream | Datagrams] = []
    for connection in connect(options):
        client = (
            Datagrams(connection, request, options.depth, tally)
            if options.mode == "udp"
            else Stream(connection, request * options.depth, options.depth, tally)
        )
        selector.register(connection, selectors.EVENT_READ, client)
        clients.append(client)
    now = scanned = time.monotonic_ns()
    for client in clients:
        client.start(now)
    clock = cpuClock(options.server_pid)
    began = now + int(options.warmup * 1e9)
    ended: int | None = None
    ownCpu = serverCpu = 0
    ownWait: int | None = None
    serverWait: int | None = None
    while ended is None or now < ended:
        if ended is None and now >= began:
            began, ended = now, now + int(options.seconds * 1e9)
            tally.reset()
            ownCpu = time.process_time_ns()
            serverCpu = 0 if clock is None else time.clock_gettime_ns(clock)
            ownWait, serverWait = (
                waitedNanoseconds(os.getpid()),
                waitedNanoseconds(options.server_pid),
            )
        if now - scanned > SCAN_EVERY:
            scanned = now
            for client in clients:
                client.resendLost(now)
        for key, _ in selector.select(0.02):
            if not key.data.ready():
                selector.unregister(key.fileobj)
        now = time.monotonic_ns()
    if clock is not None:
        serverCpu = time.clock_gettime_ns(clock) - serverCpu
    ownCpu = time.process_time_ns() - ownCpu
    seconds = (now - began) / 1e9
    return {
        "requests": tally.requests,
        "seconds": seconds,
        "requestsPerSecond": tally.requests / seconds,
        "p50": tally.latencies.at(0.5) / 1e3,
        "p99": tally.latencies.at(0.99) / 1e3,
        "maximum": tally.latencies.maximum / 1e3,
        "cpuSeconds": ownCpu / 1e9,
        "utilisation": ownCpu / 1e9 / seconds,
        "serverCpuSeconds": None if clock is None else serverCpu / 1e9,
        "waited": shareOf(ownWait, waitedNanoseconds(os.getpid()), seconds),
        "serverWaited": shareOf(serverWait, waitedNanoseconds(options.server_pid), seconds),
        "stamps": tally.stamps,
        "lost": tally.lost,
        "wrong": tally.wrong,
        "closed": tally.closed,
        "firstReply": tally.firstReply,
        "began": began / 1e9,
        "ended": now / 1e9,
    }


def hold(options: argparse.Namespace) -> dict[str, object]:
    """Keep connections open and silent until standard input ends or the time is over."""
    selector = selectors.DefaultSelector()
    for connection in connect(options):
        selector.register(connection, selectors.EVENT_READ)
    print(json.dumps({"held": options.connections}), flush=True)
    selector.register(sys.stdin, selectors.EVENT_READ)
    limit = time.monotonic() + options.seconds
    closed = 0
    while time.monotonic() < limit:
        for key, _ in selector.select(1):
            if key.fileobj is sys.stdin:
                return {"closed": closed}
            closed += 1
            selector.unregister(key.fileobj)
    return {"closed": closed}


if __name__ == "__main__":
    arguments = parser().parse_args()
    print(json.dumps(hold(arguments) if arguments.mode == "hold" else load(arguments)))
