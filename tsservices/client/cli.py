"""
The command lines of the timestamp client and the talk client, and the options parsed from them.
Those of the probe and the chat are in their packages.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tsservices import __version__
from tsservices.client.argtypes import portNumber, repeats, seconds
from tsservices.client.probe.cli import parseProbe
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.server_options import (
    SCHEME,
    TLS_OFFSET,
    ServerName,
    TLSOptions,
    addTLSOptions,
    readServer,
    serverName,
    wantsTLS,
)
from tsservices.common.addresses import DEFAULT_PORT
from tsservices.common.commandline import CommandParser, clientProgram
from tsservices.common.statedir import OPERATOR_SOCKET, defaultStateFolder

EXIT_STATUSES = """\
exit status:
  0    all went well
  1    no connection, a lost connection, a refused line or a missing answer;
       one line on stderr says which
  2    the command line is wrong
  130  interrupted (Ctrl-C)
  143  ended by SIGTERM
"""


#: The address on which a server listens that was started without C{--interface}.
DEFAULT_HOST = "127.0.0.1"

#: The offset of the line service's port from L{DEFAULT_PORT}.
LINE_OFFSET = 1

#: The offset of the talk service's port from L{DEFAULT_PORT}.
TALK_OFFSET = 5

#: Seconds to wait on a stream: long enough for a few retransmissions of TCP, short enough for a
#: person at a prompt.
STREAM_TIMEOUT = 10.0

#: Seconds to wait for the answer to one datagram: more than twice a round trip around the world.
DATAGRAM_TIMEOUT = 2.0

#: How often an unanswered datagram is sent again: three tries in all.
DATAGRAM_RETRIES = 2

Wire = Literal["tcp", "line", "udp"]


@dataclass(frozen=True)
class EchoOptions:
    """The options of the timestamp client, which sends lines and prints the answers."""

    #: A name, an IPv4 or IPv6 address, or with UDP the path of a UNIX socket.
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    #: The form of the service that is used.
    wire: Wire = "tcp"
    #: The longest wait for a connection or an answer, in seconds.
    timeout: float = STREAM_TIMEOUT
    #: How often an unanswered datagram is sent again.
    retries: int = DATAGRAM_RETRIES
    #: L{None}: unencrypted.
    tls: TLSOptions | None = None


@dataclass(frozen=True)
class TalkOptions:
    """The options for talking with the operator of a server."""

    #: A name, or an IPv4 or IPv6 address.
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT + TALK_OFFSET
    #: The longest wait for the connection, and the longest silence after the end of the input, in
    #: seconds.
    timeout: float = STREAM_TIMEOUT
    #: L{None}: unencrypted.
    tls: TLSOptions | None = None


@dataclass(frozen=True)
class OperatorOptions:
    """The options for talking as the operator of a server on this machine."""

    #: The path of the server's UNIX socket for its operator.
    path: str
    #: As for L{TalkOptions}.
    timeout: float = STREAM_TIMEOUT


Command = EchoOptions | TalkOptions | OperatorOptions


def _newParser(program: str, description: str, epilog: str) -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=program,
        description=description,
        epilog=epilog + EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tsservices {__version__}")
    return parser


def _echoParser() -> argparse.ArgumentParser:
    program = clientProgram()
    parser = _newParser(
        program,
        "Send lines to the timestamp service and print the answers.\n"
        "At a terminal each line typed is sent; an empty line or Ctrl-D ends.\n"
        "Otherwise standard input is read to its end and every answer printed.",
        "other commands:\n"
        f"  {clientProgram('chat')} --help    talk in the rooms of the chat\n"
        f"  {clientProgram('talk')} --help    talk with the operator, or be the operator\n"
        f"  {clientProgram('probe')} --help   measure delay and loss\n\n"
        "examples:\n"
        f"  printf 'a\\nb\\n' | {program}\n"
        f"  {program} --udp --timeout 0.5 ::1\n"
        f"  {program} {SCHEME}one.example\n\n",
    )
    parser.add_argument(
        "host",
        metavar="HOST",
        nargs="?",
        type=serverName,
        default=DEFAULT_HOST,
        help="name, IPv4 or IPv6 address of the server (default %(default)s), or with --udp the "
        "path of a UNIX socket for datagrams",
    )
    parser.add_argument(
        "--port",
        metavar="P",
        type=portNumber,
        help=f"port of the service (default {DEFAULT_PORT}, "
        f"with --line {DEFAULT_PORT + LINE_OFFSET}; under TLS {TLS_OFFSET} more)",
    )
    wires = parser.add_mutually_exclusive_group()
    wires.add_argument(
        "--udp",
        dest="wire",
        action="store_const",
        const="udp",
        help="send each line as one datagram; empty lines of piped input are skipped",
    )
    wires.add_argument(
        "--line",
        dest="wire",
        action="store_const",
        const="line",
        help="use the line service, which answers line by line; piped lines are "
        "sent without waiting for each answer",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=seconds,
        help="longest wait for the connection and for an answer, in seconds (default "
        f"{STREAM_TIMEOUT:g}); with --udp for the answer to each try "
        f"(default {DATAGRAM_TIMEOUT:g})",
    )
    parser.add_argument(
        "--retries",
        metavar="N",
        type=repeats,
        help="with --udp: how often a line without an answer is sent again "
        f"(default {DATAGRAM_RETRIES}, which makes {DATAGRAM_RETRIES + 1} tries)",
    )
    addTLSOptions(parser)
    return parser


def _talkParser() -> argparse.ArgumentParser:
    parser = _newParser(
        clientProgram("talk"),
        "Talk with the operator of a server, or as the operator of the server on this\n"
        "machine. Each line typed is sent; what arrives is printed at once; Ctrl-D ends.\n"
        "Piped input is sent to its end, then what still comes is printed until the\n"
        "other side closes or is silent for the time of --timeout.",
        "",
    )
    parser.add_argument(
        "host",
        metavar="HOST",
        nargs="?",
        type=serverName,
        default=ServerName(""),
        help=f"name, IPv4 or IPv6 address of the server (default {DEFAULT_HOST})",
    )
    parser.add_argument(
        "--port",
        metavar="P",
        type=portNumber,
        help=f"port of the talk service (default {DEFAULT_PORT + TALK_OFFSET}; under TLS "
        f"{TLS_OFFSET} more)",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=seconds,
        default=STREAM_TIMEOUT,
        help="longest wait for the connection, and longest silence after the end of "
        f"the input, in seconds (default {STREAM_TIMEOUT:g})",
    )
    parser.add_argument(
        "--operator",
        action="store_true",
        help="attach as the operator, through the server's UNIX socket",
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="with --operator: the state folder of the server (default: the first "
        "entry of $STATE_DIRECTORY, else the user's state folder)",
    )
    addTLSOptions(parser)
    return parser


def _parseEcho(arguments: Sequence[str], stateFolder: Callable[[], str]) -> EchoOptions:
    parser = _echoParser()
    parsed = parser.parse_args(arguments)
    wire: Wire = parsed.wire or "tcp"
    if parsed.host.host in ("talk", "chat", "probe"):
        parser.error(f"the command {parsed.host.host!r} stands before its options")
    if parsed.host.host.startswith("/"):
        if wire != "udp":
            parser.error("a path needs --udp")
        if parsed.port is not None:
            parser.error("a path goes without --port")
        if not sys.platform.startswith("linux"):
            parser.error("UNIX sockets for datagrams are for Linux only")
    if parsed.retries is not None and wire != "udp":
        parser.error("--retries needs --udp")
    if wire == "udp" and wantsTLS(parsed):
        parser.error("--udp goes without TLS, which is for streams")
    offset = LINE_OFFSET if wire == "line" else 0
    server = readServer(parser, parsed, offset, stateFolder)
    return EchoOptions(
        host=server.host,
        port=server.port,
        wire=wire,
        timeout=parsed.timeout or (DATAGRAM_TIMEOUT if wire == "udp" else STREAM_TIMEOUT),
        retries=DATAGRAM_RETRIES if parsed.retries is None else parsed.retries,
        tls=server.tls,
    )


def _parseTalk(
    arguments: Sequence[str], stateFolder: Callable[[], str]
) -> TalkOptions | OperatorOptions:
    parser = _talkParser()
    parsed = parser.parse_args(arguments)
    if parsed.operator:
        if parsed.host.host or parsed.port is not None:
            parser.error("--operator goes without HOST and --port")
        if wantsTLS(parsed):
            parser.error("--operator goes without TLS: the socket is on this machine")
        try:
            folder = parsed.state or stateFolder()
        except ValueError as error:
            parser.error(str(error))
        return OperatorOptions(os.path.join(folder, OPERATOR_SOCKET), parsed.timeout)
    if parsed.state is not None:
        parser.error("--state needs --operator")
    server = readServer(parser, parsed, TALK_OFFSET, stateFolder)
    return TalkOptions(server.host or DEFAULT_HOST, server.port, parsed.timeout, server.tls)


def parseArguments(
    arguments: Sequence[str], stateFolder: Callable[[], str] = defaultStateFolder
) -> Command | ProbeOptions:
    """
    Read the command line.

    @param stateFolder: returns the folder of the known hosts, and of the server's UNIX socket if
        C{--state} is not given.
    @raise SystemExit: with status 2 if the command line is wrong, and with status 0 after help
        or the version was printed.
    """
    if arguments and arguments[0] == "talk":
        return _parseTalk(arguments[1:], stateFolder)
    if arguments and arguments[0] == "probe":
        return parseProbe(arguments[1:])
    return _parseEcho(arguments, stateFolder)
