"""
The servers of the chat benchmark: their command lines, and cells that one of them cannot run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path

from benchmarks.chat.cells import ChatCell
from benchmarks.chat.ircd import accepting, inspircd, lacksProgram, ngircd
from benchmarks.common.compile import compiled, lacksCompiler
from benchmarks.common.servers import MOST_CONNECTIONS, TSSERVER, Peer, lacksModule, portsOf


def _ableToAll(cell: ChatCell) -> str | None:
    return None


def _unableNgircd(cell: ChatCell) -> str | None:
    # ngIRCd 26.1 marks the members that are to get a line.  While it disconnects a stalled member,
    # it marks members again for that notice, including the sender of the line.
    if cell.arrivals == inf:
        return "it lets ten wait to be accepted"
    if cell.stalled and cell.senders > 1:
        return "it sends members their own lines while it disconnects stalled members"
    return None


chatPorts = portsOf("chat")


@dataclass(frozen=True)
class ChatPeer(Peer):
    """
    One kind of chat server.

    @ivar wire: Its protocol: C{"line"}, C{"irc"} or C{"web"}.
    @ivar outstanding: Members that join at the same time.
    @ivar unable: Gets the reason why it cannot do what a cell requires, or C{None}.
    """

    ports: Callable[[Path], dict[str, int] | None] = chatPorts
    wire: str = "line"
    outstanding: int = 50
    unable: Callable[[ChatCell], str | None] = _ableToAll


def _tsserver(journal: str, service: str = "chat") -> Callable[[Path, bool], list[str]]:
    # No server of this benchmark limits floods.
    def command(state: Path, _flag: bool) -> list[str]:
        options = ["--services", service, "--journal", journal, "--flood-lines", "0"]
        options += ["--flood-bytes", "0", "--port", "0", "--state", str(state)]
        options += ["--max-connections", MOST_CONNECTIONS]
        return [*TSSERVER, *options]

    return command


def _cLoop(state: Path, _flag: bool) -> list[str]:
    return [str(compiled("fanout.c")), str(state)]


# InspIRCd registers new users together, once a second; ngIRCd has a listen queue of ten.
CHAT_PEERS = (
    ChatPeer("memory", "tsservices", lacksModule("tsservices"), _tsserver("memory")),
    ChatPeer("sqlite", "tsservices, SQLite", lacksModule("tsservices"), _tsserver("sqlite")),
    ChatPeer(
        "inspircd",
        "InspIRCd",
        lacksProgram("inspircd"),
        inspircd,
        accepting,
        wire="irc",
        outstanding=1000,
    ),
    ChatPeer(
        "ngircd",
        "ngIRCd",
        lacksProgram("ngircd"),
        ngircd,
        accepting,
        wire="irc",
        outstanding=8,
        unable=_unableNgircd,
    ),
    ChatPeer(
        "irc",
        "tsservices, IRC",
        lacksModule("tsservices"),
        _tsserver("memory", "irc"),
        portsOf("irc"),
        wire="irc",
    ),
    ChatPeer(
        "web",
        "tsservices, browsers",
        lacksModule("wsproto"),
        _tsserver("memory", "http"),
        portsOf("http"),
        wire="web",
    ),
    ChatPeer("fanout", "C loop", lacksCompiler, _cLoop),
)
