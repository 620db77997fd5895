"""
The servers of the echo benchmark: the command line of each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common.compile import compiled, lacksCompiler
from benchmarks.common.servers import (
    MOST_CONNECTIONS,
    TSSERVER,
    TSSERVER_ON_TWISTED,
    Peer,
    lacksModule,
)
from tsservices.common.certificates import selfSigned

# The cells of 4096 bytes exceed the guard's default of 512.
CONFIGURATION = "max-datagram = 8192\n"


def _tsserver(
    *extra: str, program: tuple[str, ...] = TSSERVER
) -> Callable[[Path, bool], list[str]]:
    # Every guard and limit stays on, as in normal use.
    def command(state: Path, lateness: bool) -> list[str]:
        configuration = state / "tsserver.toml"
        configuration.write_text(CONFIGURATION)
        options = ["--services", "timestamp", "--port", "0", "--state", str(state)]
        options += ["--config", str(configuration), "--max-connections", MOST_CONNECTIONS, *extra]
        if lateness:
            module = "benchmarks.echo.servers.tsservices_lateness"
            reactor = "tsservices" if program is TSSERVER else "default"
            return [sys.executable, "-m", module, reactor, *options]
        return [*program, *options]

    return command


def _pythonServer(module: str, *extra: str) -> Callable[[Path, bool], list[str]]:
    def command(state: Path, lateness: bool) -> list[str]:
        options = ["--state", str(state), *extra, *(["--lateness"] if lateness else [])]
        return [sys.executable, "-m", f"benchmarks.echo.servers.{module}", *options]

    return command


def _encryptingServer(module: str, *extra: str) -> Callable[[Path, bool], list[str]]:
    # A certificate of the same kind as our server makes for itself.
    def command(state: Path, lateness: bool) -> list[str]:
        certificate = state / "tls.pem"
        certificate.write_bytes(selfSigned("localhost", datetime.now(UTC)))
        return _pythonServer(module, "--certificate", str(certificate), *extra)(state, lateness)

    return command


def _cLoop(state: Path, lateness: bool) -> list[str]:
    return [str(compiled("loop.c")), str(state), *(["lateness"] if lateness else [])]


def _lacksOneOf(*modules: str) -> Callable[[], str | None]:
    return lambda: next((why for module in modules if (why := lacksModule(module)())), None)


_OURS = lacksModule("tsservices")
_FAST_NETWORK = _lacksOneOf("uvloop", "aiofastnet")

PEERS = (
    Peer("tsservices", "tsservices", _OURS, _tsserver()),
    Peer(
        "tsservices-stock",
        "tsservices --no-fast-lane",
        _OURS,
        _tsserver("--no-fast-lane", program=TSSERVER_ON_TWISTED),
    ),
    Peer(
        "tsservices-set",
        "tsservices on Twisted's reactor",
        _OURS,
        _tsserver(program=TSSERVER_ON_TWISTED),
    ),
    Peer("twisted", "stock Twisted", lacksModule("twisted"), _pythonServer("stock")),
    Peer("asyncio", "asyncio protocols", lambda: None, _pythonServer("aio")),
    Peer("uvloop", "uvloop", lacksModule("uvloop"), _pythonServer("aio", "--loop", "uvloop")),
    Peer("rloop", "rloop", lacksModule("rloop"), _pythonServer("aio", "--loop", "rloop")),
    Peer(
        "aiofastnet",
        "aiofastnet on uvloop",
        _FAST_NETWORK,
        _pythonServer("aio", "--loop", "uvloop", "--aiofastnet"),
    ),
    Peer("c", "C epoll loop", lacksCompiler, _cLoop),
)

_TLS = (
    Peer("tsservices", "tsservices", lacksModule("OpenSSL"), _tsserver("--tls", "only")),
    Peer(
        "tsservices-stock",
        "tsservices --no-fast-lane",
        lacksModule("OpenSSL"),
        _tsserver("--no-fast-lane", "--tls", "only", program=TSSERVER_ON_TWISTED),
    ),
    Peer("twisted", "stock Twisted", lacksModule("OpenSSL"), _encryptingServer("stock")),
    Peer("asyncio", "asyncio protocols", lacksModule("cryptography"), _encryptingServer("aio")),
    Peer(
        "uvloop",
        "uvloop",
        _lacksOneOf("uvloop", "cryptography"),
        _encryptingServer("aio", "--loop", "uvloop"),
    ),
    # No rloop: version 0.5 raises for a server with an SSLContext.
    Peer(
        "aiofastnet",
        "aiofastnet on uvloop",
        _lacksOneOf("uvloop", "aiofastnet", "cryptography"),
        _encryptingServer("aio", "--loop", "uvloop", "--aiofastnet"),
    ),
)

#: The servers started with TLS, by the names of the peers without TLS.
TLS_PEERS = {peer.name: peer for peer in _TLS}
