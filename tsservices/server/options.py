"""
The options of C{twistd tsserver}, its help, and how they and the configuration file become one.
"""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from twisted.python import usage

from tsservices import __version__
from tsservices.admin.commands import WORDS
from tsservices.common.addresses import DEFAULT_PORT, LOOPBACK
from tsservices.common.commandline import PROGRAM, complaint, serverProgram, show
from tsservices.common.durations import FOREVER
from tsservices.common.limits import Limits
from tsservices.common.statedir import LOG_FILE, StateDirectory, defaultStateFolder
from tsservices.common.timestamps import FORMS
from tsservices.frontends.irc.server import NETWORK, SERVER_INFO, SERVER_NAME
from tsservices.server import config
from tsservices.server.catalog import Catalog, CatalogError
from tsservices.server.config import REFUSE, TELL
from tsservices.server.endpoints import KINDS, haveTLS, needTLS
from tsservices.server.listeners import (
    BESIDE,
    OFF,
    ONLY,
    TLS_OFFSET,
    ListenError,
    ListenSpec,
    checkPlaces,
    parseListen,
    resolveListeners,
    selectServices,
)
from tsservices.server.registry import BUILTIN
from tsservices.services.api import ServiceSpec
from tsservices.stamp.auth import readKey
from tsservices.stamp.reflector import ReflectorConfig

#: The stream that all nodes of a cluster share.
DEFAULT_STREAM = "tsservices-chat"

#: The limits that are options; the others are keys of the configuration file only.
_OFFERED = ("backlog", "max-connections", "flood-lines", "flood-bytes")

#: Keys of the configuration file about the broker of a cluster and the IRC frontend: what each
#: takes, what it is, what reads it, and its default.
_KEYS: dict[str, tuple[str, str, Callable[[Any], Any], Any]] = {
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
}

# Values of --listen, in the help.
_EXAMPLES = (
    "timestamp=udp:8037",
    "hello=unix:/run/hello.sock",
    "echo=tcp:7777:interface=0.0.0.0",
)

# The width of the help without $COLUMNS, and the least that has room for its tables.
_WIDTH = 80
_LEAST_WIDTH = 60

# What Twisted puts before an error of a value.
_ENFORCED = "Parameter type enforcement failed: "


def _limit(key: str) -> Callable[[Any], int]:
    return lambda value: Limits.coerce(key, value)


def _parameters() -> list[list[Any]]:
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
        ["config", "c", None, "TOML file with the same names, and more limits", str],
    ]
    for key in _OFFERED:
        default, reason = Limits.describe(key)
        rows.append([key, None, default, reason, _limit(key)])
    return rows


def _entry(left: str, text: str, width: int) -> str:
    # One row of a table: what is too long for a line goes on below its beginning.
    indent = " " * len(left)
    return textwrap.fill(
        text, width, initial_indent=left, subsequent_indent=indent, break_on_hyphens=False
    )


def _serviceLines(modules: list[str], width: int) -> list[str]:
    try:
        rows = list(Catalog(modules).rows())
    except CatalogError as reason:
        # Help is what somebody reads who wants to know why nothing works.
        lines = _serviceLines([], width) if modules else []
        return [*lines, _entry("  ", str(reason), width)]
    lines = []
    for name, row in rows:
        if isinstance(row, ServiceSpec):
            where = "  -" if row.offset is None else f"+{row.offset:>2}"
            place, text = f"{where}  {'/'.join(row.transports):<8}", row.summary
        else:
            place, text = "  - ", str(row)
        lines.append(_entry(f"  {name:<15} {place} ", text, width))
    return lines


def _moreHelp(modules: list[str], width: int) -> str:
    lines = ["Services (--services, --listen), and where they are from --port on:"]
    lines += _serviceLines(modules, width)
    commands = f" and {PROGRAM} ".join(WORDS)
    kinds = ", ".join(KINDS)
    lines += [
        "",
        *textwrap.wrap(f"To a running server (each with --help): {PROGRAM} {commands}", width),
        "",
        *textwrap.wrap(f"Endpoints (--listen): {kinds}; for example", width),
        *(f"  {example}" for example in _EXAMPLES),
        "",
        "More keys of the configuration file:",
    ]
    keys = [('chat-operators = ["NAME"]', "accounts that may do anything in the chat")]
    for key, (takes, meaning, _, default) in _KEYS.items():
        keys.append((f"{key} = {takes if default is None else default}", meaning))
    for key in Limits.fieldNames():
        if key not in _OFFERED:
            default, reason = Limits.describe(key)
            keys.append((f"{key} = {default}", reason))
    column = max(len(key) for key, _ in keys)
    lines += [_entry(f"  {key.ljust(column)}  ", meaning, width) for key, meaning in keys]
    return "\n".join(lines)


class Options(usage.Options):
    """The options and the configuration file, read and checked."""

    optParameters: ClassVar[list[list[Any]]] = _parameters()
    optFlags: ClassVar[list[list[Any]]] = [
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
        ["log-connections", None, "log who comes and goes, and why datagrams are dropped"],
    ]
    compData: ClassVar[Any] = usage.Completions(
        optActions={
            "services": usage.CompleteList([row.name for row in BUILTIN]),
            "journal": usage.CompleteList(list(config.JOURNALS)),
            "stamp": usage.CompleteList(list(FORMS)),
            "state": usage.CompleteDirs(),
            "config": usage.CompleteFiles("*.toml"),
            "stamp-key": usage.CompleteFiles(),
            "tls": usage.CompleteList(list(config.TLS)),
            "certificate": usage.CompleteFiles(),
            "plain-login": usage.CompleteList(list(config.PLAIN_LOGINS)),
        }
    )

    longdesc: ClassVar[str] = ""

    #: Which service listens where.
    listenSpecs: list[ListenSpec]
    #: All limits.
    limits: Limits
    #: The state folder.
    folder: StateDirectory
    #: How STAMP is reflected.
    mode: ReflectorConfig

    def __init__(self) -> None:
        # What the command line names wins over the file, also where it names the default.
        self._setByUser: set[str] = set()
        super().__init__()
        # The help of what has a method is its docstring, with the indents of its lines.
        self.docs = {option: " ".join(text.split()) for option, text in self.docs.items()}
        self["listen"] = []
        self["load"] = []
        self["trust"] = None
        self["chat-operators"] = []
        for key, (_, _, _, default) in _KEYS.items():
            self[key] = default
        self._setByUser.clear()

    def __setitem__(self, key: str, value: Any) -> None:
        # usage.Options stores here what the command line names; defaults it stores with update.
        self._setByUser.add(key)
        super().__setitem__(key, value)

    def getSynopsis(self) -> str:
        if serverProgram() == PROGRAM:
            return f"Usage: {PROGRAM} [options]"
        synopsis: str = super().getSynopsis()
        return synopsis

    def getUsage(self, width: int | None = None) -> str:
        columns = os.environ.get("COLUMNS", "")
        wanted = width or (int(columns) if columns.isdecimal() else _WIDTH)
        wanted = max(wanted, _LEAST_WIDTH)
        return f"{super().getUsage(wanted)}\n{_moreHelp(self.get('load', []), wanted)}\n"

    def opt_listen(self, value: str) -> None:
        """
        NAME=ENDPOINT: serve it there; the first for a name and transport replaces its
        default place, later ones add
        """
        self["listen"] = [*self["listen"], value]

    def opt_load(self, value: str) -> None:
        """MODULE: a service of your own to be had by its name; may be given again"""
        self["load"] = [*self["load"], value]

    def opt_trust(self, value: str) -> None:
        """
        CIDR: no bounds on UDP rate and connections per address for this network; may be
        given again; none: for nobody [default: loopback]
        """
        try:
            self["trust"] = [*(self["trust"] or []), *config.trust(value)]
        except ValueError as reason:
            raise usage.UsageError(str(reason)) from reason

    def opt_help(self) -> None:
        """Print this help and exit."""
        show(f"{self}\n", sys.stdout)
        raise SystemExit(0)

    opt_h = opt_help

    def opt_version(self) -> None:
        """Print the version and exit."""
        print(f"tsservices {__version__}")
        raise SystemExit(0)

    def parseArgs(self, *words: str) -> None:
        """@raise usage.UsageError: there is a word that is no option."""
        if words:
            raise usage.UsageError(
                f"there is no command {words[0]!r}; there are {' and '.join(WORDS)}"
                if serverProgram() == PROGRAM
                else f"there are only options here, and {words[0]!r} is none"
            )

    def parseOptions(self, options: Any = None) -> None:
        """
        @raise usage.UsageError: something is wrong.
        @raise SystemExit: the same under twistd, which would print all of the help.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as reason:
            # Without the words that Twisted puts before ours.
            text = str(reason).removeprefix(_ENFORCED)
            if self.parent is None or "nodaemon" not in self.parent:
                # Not twistd (twist, say): it has words of its own.
                raise usage.UsageError(text) from reason
            if sys.stderr is not None:
                # It is None where descriptor 2 is closed.
                sys.stderr.write(complaint(serverProgram(), text))
            raise SystemExit(1) from reason

    def postOptions(self) -> None:
        """@raise usage.UsageError: the file is wrong, or something in it or in the options."""
        try:
            self._readFile()
            if self["trust"] is None:
                self["trust"] = list(LOOPBACK)
            self._readPlaces()
            path = self["stamp-key"]
            with self._reading("stamp-key"):
                key = None if path is None else readKey(path)
            self.folder = StateDirectory(self["state"] or defaultStateFolder())
        except ValueError as reason:
            raise usage.UsageError(str(reason)) from reason
        self.mode = ReflectorConfig(key, not self["stamp-stateless"])
        if self["operator"] is not None:
            self._moveLog()

    def _readFile(self) -> None:
        known: dict[str, config.Coerce] = {
            row[0]: row[4] for row in self.optParameters if row[0] != "config"
        }
        known |= {"listen": config.listens, "load": config.listens, "trust": config.trust}
        known |= {"chat-operators": config.chatOperators}
        known |= {key: row[2] for key, row in _KEYS.items()}
        known |= {row[0]: config.flag for row in self.optFlags}
        known |= {key: _limit(key) for key in Limits.fieldNames()}
        values: dict[str, Any] = {}
        if self["config"] is not None:
            lists = frozenset({"listen", "load", "trust", "services", "chat-operators", "cluster"})
            values = config.load(self["config"], known, lists)
        fieldNames = Limits.fieldNames()
        limits = {key: self[key] for key in _OFFERED}
        for key, value in values.items():
            if key in self._setByUser:
                continue
            if key in fieldNames:
                limits[key] = value
            else:
                super().__setitem__(key, value)
        self.limits = Limits(**{fieldNames[key]: value for key, value in limits.items()})

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        # What is wrong with a value names the file if it is from there.
        try:
            yield
        except ValueError as reason:
            if key in self._setByUser or self["config"] is None:
                raise config.ConfigError(f"{key}: {reason}") from reason
            raise config.ConfigError(config.inFile(self["config"], key, reason)) from reason

    def _readPlaces(self) -> None:
        interface, backlog, tls = self["interface"], self.limits.backlog, self["tls"]
        if tls != OFF and not haveTLS():
            raise ListenError(needTLS(f"--tls {tls}"))
        with self._reading("load"):
            catalog = Catalog(self["load"])
        with self._reading("listen"):
            added = [parseListen(catalog, text, interface, backlog) for text in self["listen"]]
        sharing = bool(self["reuse-port"])
        with self._reading("listen"):
            checkPlaces(added, sharing, tls)
        with self._reading("services"):
            chosen = selectServices(catalog, self["services"], sharing)
        self.listenSpecs = resolveListeners(
            catalog, chosen, added, self["port"], interface, backlog, tls
        )

    def _moveLog(self) -> None:
        # The operator has the terminal: the log would run into what is typed.
        parent = self.parent
        if parent is not None and "logfile" in parent and parent["logfile"] in (None, "-"):
            parent["logfile"] = self.folder.path(LOG_FILE)
