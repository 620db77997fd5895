"""
C{tsservices backup} and C{tsservices export}: the clients of L{tsservices.admin.control}.
C{tsservices fingerprint} reads the certificate without connecting to the server.

Blocking sockets without Twisted, because a command does one thing and needs no reactor.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NoReturn, TextIO

from tsservices.common import certificates
from tsservices.common.certificates import CertificateError
from tsservices.common.commandline import PROGRAM, CommandParser
from tsservices.common.statedir import CERTIFICATE_FILE, CONTROL_SOCKET, defaultStateFolder

#: The most bytes of a line of the server's answer: a page of the longest messages, all escaped.
CONTROL_ANSWER = 16_777_216

#: Seconds without any line from the server, also C{alive}, after which the command fails.
CONTROL_SILENT_SECONDS = 30.0

#: The subcommands of this module.
WORDS = ("backup", "export", "fingerprint")


class CommandFailed(Exception):
    """A command failed.  The argument is one line that says why."""


def main(arguments: Sequence[str]) -> NoReturn:
    """@raise SystemExit: always, with the exit status."""
    options, surplus = _parser().parse_known_args(arguments)
    if surplus:
        # Not left to the main parser, because the error has to name this command's help.
        options.parser.error(f"unrecognized arguments: {' '.join(surplus)}")
    try:
        if options.word == "backup":
            backup(options.state, options.file)
        elif options.word == "fingerprint":
            print(fingerprint(options.state, options.certificate))
        else:
            export(options.state, options.room, options.since, options.format, options.output)
    except CommandFailed as reason:
        print(f"{PROGRAM}: {reason}", file=sys.stderr)
        raise SystemExit(1) from None
    except BrokenPipeError:
        # For example, the user has left the pager.  Python flushes standard output once more at
        # the exit, and would print the same error then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as reason:
        print(f"{PROGRAM}: {reason.strerror or reason}", file=sys.stderr)
        raise SystemExit(1) from None
    raise SystemExit(0)


def backup(folder: str, file: str) -> None:
    """
    Make the server copy its chat.

    @raise CommandFailed: the copy failed.
    """
    path = os.path.abspath(file)
    if os.path.lexists(path):
        raise CommandFailed(f"{path} is there already")
    for _ in _command(folder, {"command": "backup", "path": path}):
        pass
    print(f"copied to {path}")


def export(folder: str, room: str, since: int, form: str, file: str | None) -> None:
    """
    Write the messages of a room.

    @param since: the number of the last message to leave out.
    @param form: C{text} or C{json}.
    @param file: a new file; L{None}: the standard output.
    @raise CommandFailed: the export failed, or is not complete.
    """
    command = {"command": "export", "room": room, "since": since, "format": form}
    with ExitStack() as stack:
        output: TextIO | None = None
        for text in _command(folder, command):
            if output is None:
                # Opened with the first page, so that a failed command leaves no empty file.
                output = stack.enter_context(_open(file))
            output.write(text)
        if output is None and file is not None:
            stack.enter_context(_open(file))
        if output is not None:
            output.flush()


def fingerprint(folder: str, path: str | None) -> str:
    """
    Get the fingerprint of the TLS key of a server, which need not run.

    @param path: the value of C{--certificate}; L{None}: the server has made its own.
    @raise CommandFailed: there is no such key.
    """
    if path is None:
        path = os.path.join(os.path.abspath(folder), CERTIFICATE_FILE)
        if not os.path.lexists(path):
            raise CommandFailed(f"there is no {path}: a server with --tls makes it when it starts")
    try:
        return certificates.load(path).fingerprint
    except ImportError:
        raise CommandFailed("this needs the extra tls: pip install 'tsservices[tls]'") from None
    except CertificateError as reason:
        raise CommandFailed(str(reason)) from reason


def _open(file: str | None) -> TextIO:
    descriptor = sys.stdout.fileno()
    try:
        if file is not None:
            # Other users of this machine must not read a private room.
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise CommandFailed(f"{file} is there already") from None
    except OSError as reason:
        raise CommandFailed(f"{file}: {reason.strerror}") from reason
    return open(
        descriptor, "w", encoding="utf-8", errors="replace", newline="", closefd=file is not None
    )


def _command(folder: str, command: dict[str, object]) -> Iterator[str]:
    path = os.path.join(os.path.abspath(folder), CONTROL_SOCKET)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONTROL_SILENT_SECONDS)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            raise CommandFailed(f"no server with a chat runs in {os.path.dirname(path)}") from None
        except OSError as reason:
            raise CommandFailed(f"{path}: {reason.strerror or reason}") from reason
        try:
            # A server that has refused already has closed the connection; its answer is there.
            with suppress(ConnectionError):
                connection.sendall(json.dumps(command).encode("ascii") + b"\n")
            with connection.makefile("rb") as answers:
                yield from _answers(answers)
        except TimeoutError:
            raise CommandFailed("the server does not answer") from None
        except ConnectionError:
            raise CommandFailed("the server has hung up") from None


def _answers(answers: Any) -> Iterator[str]:
    while line := answers.readline(CONTROL_ANSWER):
        try:
            answer = json.loads(line)
        except ValueError:
            break
        if "error" in answer:
            raise CommandFailed(answer["error"])
        if "done" in answer:
            return
        if "text" in answer:
            yield answer["text"]
    raise CommandFailed("the server has hung up")


def _number(text: str) -> int:
    # At most 18 digits, because SQLite's integers are below 2**63.
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a line")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(PROGRAM, description="Commands to a running server.")
    try:
        folder = defaultStateFolder()
    except ValueError:
        folder = None
    state = CommandParser(add_help=False)
    state.add_argument(
        "--state",
        metavar="DIR",
        default=folder,
        required=folder is None,
        help="folder of all that the server keeps [default: %(default)s]",
    )
    subcommands = parser.add_subparsers(dest="word", required=True)
    copying = subcommands.add_parser(
        "backup",
        parents=[state],
        help="copy the chat to a file, while it goes on",
        description="Copy all that the chat has kept to a new file, while it goes on.",
    )
    copying.set_defaults(parser=copying)
    copying.add_argument("file", metavar="FILE", help="the new file")
    exporting = subcommands.add_parser(
        "export",
        parents=[state],
        help="write all lines of a room",
        description="Write all lines of a room, the oldest first.",
    )
    exporting.set_defaults(parser=exporting)
    exporting.add_argument("room", metavar="ROOM", help="its name")
    exporting.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="for people, or for programs: one object on each line [default: %(default)s]",
    )
    exporting.add_argument(
        "--since", metavar="SEQ", type=_number, default=0, help="only lines after this number"
    )
    exporting.add_argument(
        "-o", "--output", metavar="FILE", help="a new file [default: the standard output]"
    )
    showing = subcommands.add_parser(
        "fingerprint",
        parents=[state],
        help="show the fingerprint of the key of TLS",
        description="Show the SHA-256 fingerprint of the public key that clients of TLS see.",
    )
    showing.add_argument(
        "--certificate",
        metavar="PATH",
        help="as the server has it [default: the one that it has made]",
    )
    return parser
