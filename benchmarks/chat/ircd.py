"""
Two IRC servers in C++ and C as peers of the chat: their configurations, and when they listen.

Both come with limits against floods, lookups of names, and few users for one address.  All of that
is off here, so what is compared is the work of a chat.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

# Where Debian has what only an administrator starts.
SYSTEM_PROGRAMS = "/usr/sbin"
# Its threshold is counted in thousands and must stay below 2 ** 32 then.
INSPIRCD = """\
<server name="irc.example.net" description="benchmark" network="Benchmark" id="0BM">
<admin name="Nobody" nick="nobody" email="nobody@example.net">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="main" allow="*" timeout="60" pingfreq="1h" hardsendq="1G" softsendq="1G" recvq="1G"
    threshold="4000000" commandrate="1000000000" fakelag="no" localmax="100000" globalmax="100000"
    limit="100000" maxconnwarn="no" resolvehostnames="no" useident="no">
<performance somaxconn="4096" softlimit="100000">
"""
# MaxPenaltyTime 0 takes away the pauses after three commands.
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
    """The path of a server's program, or C{None} when it is not installed."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), SYSTEM_PROGRAMS))
    return shutil.which(name, path=path)


def lacks(name: str) -> Callable[[], str | None]:
    """Why a peer that needs this program cannot run."""
    return lambda: None if program(name) else f"no program {name}"


def inspircd(state: Path, lateness: bool) -> list[str]:
    """The command line of InspIRCd.  It starts as root only when told that this is meant."""
    configuration = _configured(state, INSPIRCD)
    words = [program("inspircd") or "inspircd", "--config", str(configuration)]
    words += ["--nofork", "--nopid", "--nolog"]
    return [*words, *(["--runasroot"] if os.geteuid() == 0 else [])]


def ngircd(state: Path, lateness: bool) -> list[str]:
    """The command line of ngIRCd."""
    configuration = _configured(state, NGIRCD)
    return [program("ngircd") or "ngircd", "--nodaemon", "--config", str(configuration)]


def accepting(state: Path) -> dict[str, int] | None:
    """The port that was configured, as soon as somebody accepts connections there."""
    try:
        port = int((state / "port").read_text())
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return None
    return {"tcp": port}


def _configured(state: Path, form: str) -> Path:
    """
    Write the configuration of a server on a port that is free now; neither can choose one itself.
    """
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    (state / "port").write_text(str(port))
    folder = state / "included"
    folder.mkdir()
    path = state / "ircd.conf"
    path.write_text(form.format(port=port, folder=folder))
    return path
