"""
Who is measured by the chat benchmark.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chat.cells import ChatCell
from benchmarks.chat.ircd import accepting, inspircd, lacks, ngircd
from benchmarks.common.compile import compiled, compiler
from benchmarks.echo.peers import MOST_CONNECTIONS, TWISTD, Peer, portsOf

chatPorts = portsOf("chat")


def _doesAll(cell: ChatCell) -> str | None:
    """A peer that can do what every cell asks for."""
    return None


def _mixesUp(cell: ChatCell) -> str | None:
    """
    What ngIRCd 26.1 does while it disconnects somebody who does not read: the members it has marked
    for the line under way are marked again for the news of that, the line's sender among them.
    """
    if cell.stalled and cell.senders > 1:
        return "it sends members their own lines while it cuts off who never reads"
    return None


@dataclass(frozen=True)
class ChatPeer(Peer):
    """
    One kind of chat server.

    @ivar wire: How one speaks to it: C{"line"} or C{"irc"}.
    @ivar outstanding: Members that come in at once.
    @ivar unable: Why it cannot do what a cell asks for, or C{None}.
    """

    ports: Callable[[Path], dict[str, int] | None] = chatPorts
    wire: str = "line"
    outstanding: int = 50
    unable: Callable[[ChatCell], str | None] = _doesAll


def _ours(journal: str) -> Callable[[Path, bool], list[str]]:
    """The command line of our own server, without its bounds on floods."""

    def command(state: Path, lateness: bool) -> list[str]:
        words = [*TWISTD, "-n", "--pidfile=", "--logfile=/dev/null", "tsserver"]
        words += ["--services", "chat", "--journal", journal, "--flood-lines", "0"]
        words += ["--flood-bytes", "0", "--port", "0", "--state", str(state)]
        return [*words, "--max-connections", MOST_CONNECTIONS]

    return command


def _lacksChat() -> str | None:
    """Why our own server cannot run."""
    if not importlib.util.find_spec("tsservices"):
        return "no module tsservices"
    from tsservices.server.registry import BY_NAME

    return None if "chat" in BY_NAME else "tsservices has no chat"


def _fanout(state: Path, lateness: bool) -> list[str]:
    """The command line of the C loop, compiled when need be."""
    return [str(compiled("fanout.c")), str(state)]


# InspIRCd registers once a second all who have come; ngIRCd lets ten wait to be accepted.
CHAT_PEERS = (
    ChatPeer("memory", "tsservices", _lacksChat, _ours("memory")),
    ChatPeer("sqlite", "tsservices, SQLite journal", _lacksChat, _ours("sqlite")),
    ChatPeer(
        "inspircd",
        "InspIRCd",
        lacks("inspircd"),
        inspircd,
        accepting,
        wire="irc",
        outstanding=1000,
    ),
    ChatPeer(
        "ngircd",
        "ngIRCd",
        lacks("ngircd"),
        ngircd,
        accepting,
        wire="irc",
        outstanding=8,
        unable=_mixesUp,
    ),
    ChatPeer("fanout", "C loop", lambda: None if compiler() else "no C compiler", _fanout),
)
