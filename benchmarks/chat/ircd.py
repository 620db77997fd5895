"""
The two IRC servers to compare with: their configurations, and how they are found ready.

By default both limit floods and the users of one address, and look up names.  All of that is off
here, because only the work of a chat is compared.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

# Debian's folder for programs of the administrator, which may not be on PATH.
SYSTEM_PROGRAMS = "/usr/sbin"
# InspIRCd multiplies the threshold by a thousand; the product has to be below 2 ** 32.
INSPIRCD = """\
<server name="irc.example.net" description="benchmark" network="Benchmark" id="0BM">
<admin name="Nobody" nick="nobody" email="nobody@example.net">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="main" allow="*" timeout="60" pingfreq="1h" hardsendq="1G" softsendq="1G" recvq="1G"
    threshold="4000000" commandrate="1000000000" fakelag="no" localmax="100000" globalmax="100000"
    limit="100000" maxconnwarn="no" resolvehostnames="no" useident="no">
<performance somaxconn="4096" softlimit="100000">
"""
# MaxPenaltyTime 0 removes the pauses after three commands.
NGIRCD = """\
[Global]
Name = irc.example.net
Info = benchmark
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = none
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 20
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
IncludeDir = {folder}
"""


def program(name: str) -> str | None:
    """Find the program of a server; C{None}: it is not installed."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), SYSTEM_PROGRAMS))
    return shutil.which(name, path=path)


def lacksProgram(name: str) -> Callable[[], str | None]:
    """Make a function that says why a peer that needs this program cannot run."""
    return lambda: None if program(name) else f"no program {name}"


def inspircd(state: Path, _flag: bool) -> list[str]:
    """The command line of InspIRCd."""
    configuration = _writeConfiguration(state, INSPIRCD)
    command = [program("inspircd") or "inspircd", "--config", str(configuration)]
    command += ["--nofork", "--nopid", "--nolog"]
    # InspIRCd refuses to start as root without this option.
    return [*command, *(["--runasroot"] if os.geteuid() == 0 else [])]


def ngircd(state: Path, _flag: bool) -> list[str]:
    """The command line of ngIRCd."""
    configuration = _writeConfiguration(state, NGIRCD)
    return [program("ngircd") or "ngircd", "--nodaemon", "--config", str(configuration)]


def accepting(state: Path) -> dict[str, int] | None:
    """Get the configured port as soon as the server accepts connections there."""
    try:
        port = int((state / "port").read_text())
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return None
    return {"tcp": port}


def _writeConfiguration(state: Path, template: str) -> Path:
    # Neither server can choose a port itself, so it gets one that is free now.
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    (state / "port").write_text(str(port))
    folder = state / "included"
    folder.mkdir()
    path = state / "ircd.conf"
    path.write_text(template.format(port=port, folder=folder))
    return path
