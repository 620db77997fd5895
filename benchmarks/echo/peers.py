"""
The servers of the echo benchmark: the command line of each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.common.compile import compiled, lacksCompiler
from benchmarks.common.servers import MOST_CONNECTIONS, TWISTD, Peer, lacksModule

# The 4096 byte cells exceed the guard's default of 512.
CONFIGURATION = "max-datagram = 8192\n"


def _tsserver(*extra: str) -> Callable[[Path, bool], list[str]]:
    # Every guard and limit stays on: what is measured is what people run.
    def command(state: Path, lateness: bool) -> list[str]:
        configuration = state / "tsserver.toml"
        configuration.write_text(CONFIGURATION)
        options = ["--services", "timestamp", "--port", "0", "--state", str(state)]
        options += ["--config", str(configuration), "--max-connections", MOST_CONNECTIONS, *extra]
        if lateness:
            return [sys.executable, "-m", "benchmarks.echo.servers.tsservices_lateness", *options]
        return [*TWISTD, "-n", "--pidfile=", "--logfile=/dev/null", "tsserver", *options]

    return command


def _pythonServer(module: str, *extra: str) -> Callable[[Path, bool], list[str]]:
    def command(state: Path, lateness: bool) -> list[str]:
        options = ["--state", str(state), *extra, *(["--lateness"] if lateness else [])]
        return [sys.executable, "-m", f"benchmarks.echo.servers.{module}", *options]

    return command


def _cLoop(state: Path, lateness: bool) -> list[str]:
    return [str(compiled("loop.c")), str(state), *(["lateness"] if lateness else [])]


PEERS = (
    Peer("tsservices", "tsservices", lacksModule("tsservices"), _tsserver()),
    Peer(
        "tsservices-stock",
        "tsservices --no-fast-lane",
        lacksModule("tsservices"),
        _tsserver("--no-fast-lane"),
    ),
    Peer("twisted", "stock Twisted", lacksModule("twisted"), _pythonServer("stock")),
    Peer("asyncio", "asyncio protocols", lambda: None, _pythonServer("aio")),
    Peer("uvloop", "uvloop", lacksModule("uvloop"), _pythonServer("aio", "--uvloop")),
    Peer("c", "C epoll loop", lacksCompiler, _cLoop),
)
