"""
The options of a server and the keys of its configuration file, as tables of names, help texts,
the functions that read the values, and defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.common.addresses import DEFAULT_PORT
from tsservices.common.durations import FOREVER
from tsservices.common.limits import Limits
from tsservices.common.timestamps import FORMS
from tsservices.frontends.irc.server import NETWORK, SERVER_INFO, SERVER_NAME
from tsservices.server import config
from tsservices.server.config import REFUSE, TELL
from tsservices.server.listeners import BESIDE, OFF, ONLY, TLS_OFFSET

#: The stream that all nodes of a cluster share.
DEFAULT_STREAM = "tsservices-chat"

#: The limits that are options; the others are keys of the configuration file only.
OFFERED = ("backlog", "max-connections", "flood-lines", "flood-bytes")

#: Keys of the configuration file only, for the broker of a cluster and the frontends: kind of
#: value, help text, the function that reads it, and default.
KEYS: dict[str, tuple[str, str, Callable[[Any], Any], Any]] = {
    "cluster-user-file": ("PATH", "file with NAME:PASSWORD for the engine", config.text, None),
    "cluster-credentials": ("PATH", "or a .creds file", config.text, None),
    "cluster-nkey-file": ("PATH", "or the seed of an nkey", config.text, None),
    "cluster-token-file": ("PATH", "or a token", config.text, None),
    "cluster-ca": ("PATH", "certificates of who signs for the servers", config.text, None),
    "cluster-certificate": ("PATH", "of this node, if they want one", config.text, None),
    "cluster-key": ("PATH", "its key", config.text, None),
    "cluster-stream": (
        "NAME",
        "of the stream, and before the subject",
        config.stream,
        DEFAULT_STREAM,
    ),
    "cluster-replicas": ("N", "servers that keep it, if this node makes it", config.replicas, 1),
    "irc-name": ("NAME", "of the server, for programs of IRC", config.ircName, SERVER_NAME),
    "irc-info": ("TEXT", "what it says of itself there", config.ircInfo, SERVER_INFO),
    "irc-network": ("NAME", "of the network, for the same", config.ircName, NETWORK),
    "http-origin": ("URL", "of the page, if a proxy is before it", config.httpOrigin, None),
    "http-hosts": ("NAMES", "by which browsers may call this server", config.httpHosts, ()),
    "http-proxies": (
        "NETWORKS",
        "of proxies that say for whom they ask; unix: those at UNIX sockets",
        config.httpProxies,
        ((), False),
    ),
    "metrics-from": (
        "NETWORKS",
        "that may see /metrics without a token, beside this machine",
        config.metricsFrom,
        (),
    ),
}

#: The options that take no value.
FLAGS: list[list[Any]] = [
    [
        "reuse-port",
        None,
        "share the ports with other processes started like this; not for talk and chat",
    ],
    [
        "stamp-stateless",
        None,
        "let STAMP repeat the sender's numbers and keep none of its own",
    ],
    ["leave-cluster", None, "have what was a node's chat go on alone, for good"],
    ["no-fast-lane", None, "serve by Twisted's own transports"],
    ["no-io-uring", None, "send to the members of large rooms one by one"],
    ["log-connections", None, "log who comes and goes, and why datagrams are dropped"],
]


def limit(key: str) -> Callable[[Any], int]:
    """Make the function that reads the value of a limit."""
    return lambda value: Limits.coerce(key, value)


def parameters() -> list[list[Any]]:
    """List the options with a value: name, letter, default, help, and function that reads it."""
    rows: list[list[Any]] = [
        [
            "port",
            "p",
            DEFAULT_PORT,
            "place of the first service, the others follow; 0: each gets a free one",
            config.port,
        ],
        [
            "interface",
            "i",
            "127.0.0.1",
            "address to listen on; 0.0.0.0 or :: opens it",
            config.interface,
        ],
        [
            "services",
            None,
            None,
            "which to serve, by name, with commas between [default: all that have a place below]",
            config.services,
        ],
        [
            "state",
            None,
            None,
            "folder of all that is kept [default: $STATE_DIRECTORY, or the user's state folder]",
            config.text,
        ],
        ["stamp", None, "ctime", f"form of the timestamp: {', '.join(FORMS)}", config.stamp],
        ["operator", None, None, "put the operator of this name on the terminal", config.operator],
        [
            "journal",
            None,
            "sqlite",
            f"where the chat is kept: {', '.join(config.JOURNALS)}",
            config.journal,
        ],
        [
            "keep",
            None,
            None,
            f"how long its lines are kept, like 12h, 90d or 52w [default: {FOREVER}]",
            config.keep,
        ],
        [
            "cluster",
            None,
            None,
            "one chat with other nodes, through the NATS servers at nats://HOST:PORT[,...]",
            config.cluster,
        ],
        [
            "node",
            None,
            None,
            "name of this node, which no other one has [default: one is made up, and kept]",
            config.node,
        ],
        [
            "stamp-key",
            None,
            None,
            "file with the key of STAMP, in hexadecimal; unauthenticated packets are dropped then",
            config.text,
        ],
        [
            "stamp-dscp",
            None,
            None,
            f"DSCPs that STAMP sets on its answers if asked to, like EF,AF41,8, or "
            f"{config.ANY_DSCP} [default: {config.SAME_DSCP}, only the one of the packet]",
            config.dscps,
        ],
        [
            "tls",
            None,
            OFF,
            f"{OFF}, {BESIDE} (with TLS too, {TLS_OFFSET} ports on), or {ONLY} (no TCP in clear)",
            config.tls,
        ],
        [
            "certificate",
            None,
            None,
            "PEM file with key and certificates, or certbot's folder [default: one is made]",
            config.text,
        ],
        [
            "plain-login",
            None,
            TELL,
            f"who logs in to the chat without TLS over a network: {TELL} them, or {REFUSE}",
            config.plainLogin,
        ],
        [
            "processes",
            None,
            1,
            "how many share the work; more than one are not for talk, chat, irc and http",
            config.processes,
        ],
        ["config", "c", None, "TOML file with the same names, and more limits", str],
    ]
    for key in OFFERED:
        default, reason = Limits.describe(key)
        rows.append([key, None, default, reason, limit(key)])
    return rows
