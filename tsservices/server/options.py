"""
The options of C{twistd tsserver}, combined with the configuration file, and their help.
"""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, ClassVar

from twisted.python import usage

from tsservices import __version__
from tsservices.admin.commands import WORDS
from tsservices.common.addresses import LOOPBACK
from tsservices.common.commandline import PROGRAM, complaint, serverCommand, show
from tsservices.common.limits import Limits
from tsservices.common.statedir import LOG_FILE, StateDirectory, defaultStateFolder
from tsservices.common.timestamps import FORMS
from tsservices.server import config
from tsservices.server.catalog import Catalog, CatalogError
from tsservices.server.endpoints import KINDS, haveTLS, needTLS
from tsservices.server.listeners import (
    OFF,
    ListenError,
    ListenSpec,
    checkPlaces,
    parseListen,
    resolveListeners,
    selectServices,
)
from tsservices.server.option_rows import FLAGS, KEYS, OFFERED, limit, parameters
from tsservices.server.registry import BUILTIN, missingExtra
from tsservices.services.api import ServiceSpec
from tsservices.stamp.auth import readKey
from tsservices.stamp.reflector import ReflectorConfig

# Examples of --listen in the help.
_EXAMPLES = (
    "timestamp=udp:8037",
    "hello=unix:/run/hello.sock",
    "echo=tcp:7777:interface=0.0.0.0",
)

# The width of the help without $COLUMNS, and the least width for its tables.
_WIDTH = 80
_LEAST_WIDTH = 60

# Twisted's prefix of an error of a value.
_ENFORCED = "Parameter type enforcement failed: "


def _entry(left: str, text: str, width: int) -> str:
    # One row of a table; its further lines are indented as the text.
    indent = " " * len(left)
    return textwrap.fill(
        text, width, initial_indent=left, subsequent_indent=indent, break_on_hyphens=False
    )


def _serviceLines(modules: list[str], width: int) -> list[str]:
    try:
        rows = list(Catalog(modules).rows())
    except CatalogError as reason:
        # The help has to appear also if a module can't be loaded.
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
        *textwrap.wrap(
            f"The command {PROGRAM} has a reactor of its own, which is faster; the same by twistd: "
            "twistd --reactor=tsservices -n tsserver",
            width,
        ),
        "",
        *textwrap.wrap(f"Endpoints (--listen): {kinds}; for example", width),
        *(f"  {example}" for example in _EXAMPLES),
        "",
        "More keys of the configuration file:",
    ]
    keys = [('chat-operators = ["NAME"]', "accounts that may do anything in the chat")]
    for key, (takes, meaning, _, default) in KEYS.items():
        keys.append((f"{key} = {default if isinstance(default, str | int) else takes}", meaning))
    for key in Limits.fieldNames():
        if key not in OFFERED:
            default, reason = Limits.describe(key)
            keys.append((f"{key} = {default}", reason))
    column = max(len(key) for key, _ in keys)
    lines += [_entry(f"  {key.ljust(column)}  ", meaning, width) for key, meaning in keys]
    return "\n".join(lines)


class Options(usage.Options):
    """The options and the configuration file, read and checked."""

    optParameters: ClassVar[list[list[Any]]] = parameters()
    optFlags: ClassVar[list[list[Any]]] = FLAGS
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

    #: The services and their endpoints.
    listenSpecs: list[ListenSpec]
    #: All limits.
    limits: Limits
    #: The state folder.
    folder: StateDirectory
    #: The configuration of the STAMP reflector.
    mode: ReflectorConfig
    #: Lines for the operator about default services that are not served here.
    unserved: list[str]
    #: The command-line arguments.
    commandLine: tuple[str, ...] = ()

    def __init__(self) -> None:
        # Options of the command line override the file, also if they name the default.
        self._setByUser: set[str] = set()
        super().__init__()
        # The help of an option with a method is its docstring, with the indents of its lines.
        self.docs = {option: " ".join(text.split()) for option, text in self.docs.items()}
        self["listen"] = []
        self["load"] = []
        self["trust"] = None
        self["chat-operators"] = []
        for key, (_, _, _, default) in KEYS.items():
            self[key] = default
        self._setByUser.clear()

    def __setitem__(self, key: str, value: Any) -> None:
        # usage.Options stores the values of the command line here, and defaults with update.
        self._setByUser.add(key)
        super().__setitem__(key, value)

    def getSynopsis(self) -> str:
        if serverCommand().startswith(PROGRAM):
            return f"Usage: {serverCommand()} [options]"
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
        """@raise usage.UsageError: an argument is not an option."""
        if words:
            # For example in a container whose entry point has options already.
            first = "; a command stands first" if serverCommand().startswith(PROGRAM) else ""
            raise usage.UsageError(f"there are only options here, and {words[0]!r} is none{first}")

    def parseOptions(self, options: Any = None) -> None:
        """
        @raise usage.UsageError: an option is wrong.
        @raise SystemExit: the same under twistd, which would print the whole help.
        """
        self.commandLine = tuple(options or ())
        try:
            super().parseOptions(options)
        except usage.UsageError as reason:
            # Without Twisted's prefix.
            text = str(reason).removeprefix(_ENFORCED)
            if self.parent is None or "nodaemon" not in self.parent:
                # Not twistd, but twist for example, which reports the error itself.
                raise usage.UsageError(text) from reason
            if sys.stderr is not None:
                # It is None where descriptor 2 is closed.
                sys.stderr.write(complaint(serverCommand(), text))
            raise SystemExit(1) from reason

    def postOptions(self) -> None:
        """@raise usage.UsageError: an option or the configuration file is wrong."""
        try:
            self._readFile()
            if self["trust"] is None:
                self["trust"] = list(LOOPBACK)
            self._readPlaces()
            path = self["stamp-key"]
            with self._reading("stamp-key"):
                key = None if path is None else readKey(path)
            try:
                self.folder = StateDirectory(self["state"] or defaultStateFolder())
            except OSError as reason:
                # The path is relative, and the current folder was removed.
                raise config.ConfigError(
                    f"state: the current folder: {reason.strerror}"
                ) from reason
        except ValueError as reason:
            raise usage.UsageError(str(reason)) from reason
        self.mode = ReflectorConfig(
            key, not self["stamp-stateless"], self["stamp-dscp"] or frozenset()
        )
        if self["operator"] is not None:
            self._moveLog()

    def _readFile(self) -> None:
        known: dict[str, config.Coerce] = {
            row[0]: row[4] for row in self.optParameters if row[0] != "config"
        }
        known |= {"listen": config.listens, "load": config.listens, "trust": config.trust}
        known |= {"chat-operators": config.chatOperators}
        known |= {key: row[2] for key, row in KEYS.items()}
        known |= {row[0]: config.flag for row in self.optFlags}
        known |= {key: limit(key) for key in Limits.fieldNames()}
        values: dict[str, Any] = {}
        if self["config"] is not None:
            lists = frozenset(
                {"stamp-dscp", "listen", "load", "trust", "services", "chat-operators", "cluster"}
            )
            lists |= {"http-hosts", "http-proxies", "metrics-from"}
            values = config.load(self["config"], known, lists)
        fieldNames = Limits.fieldNames()
        limits = {key: self[key] for key in OFFERED}
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
        # The error of a value names the file if the value is from there.
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
        sharing = bool(self["reuse-port"]) or self["processes"] > 1
        if self["reuse-port"] and self["processes"] > 1:
            raise ListenError("either --processes or --reuse-port: each lets processes share ports")
        with self._reading("listen"):
            checkPlaces(added, sharing, tls, self["processes"] > 1)
        with self._reading("services"):
            chosen = selectServices(catalog, self["services"], sharing)
            asked = [spec.service for spec in added]
            if self["services"] is not None:
                asked += chosen
            for reason in filter(None, map(missingExtra, asked)):
                raise ListenError(reason)
            # The remaining ones are defaults, which the operator has not asked for.
            self.unserved = [reason for reason in map(missingExtra, chosen) if reason]
            if sharing and self["services"] is None:
                names = [row.name for row in BUILTIN if not row.shareable]
                self.unserved.append(f"not served by several processes: {', '.join(names)}")
            chosen = [service for service in chosen if not missingExtra(service)]
        self.listenSpecs = resolveListeners(
            catalog, chosen, added, self["port"], interface, backlog, tls
        )

    def _moveLog(self) -> None:
        # The operator types on the terminal, and log lines would appear in between.
        parent = self.parent
        if parent is not None and "logfile" in parent and parent["logfile"] in (None, "-"):
            parent["logfile"] = self.folder.path(LOG_FILE)
