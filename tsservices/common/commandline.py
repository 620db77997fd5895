"""
What all programs of this suite say about a wrong command line: one line with the reason, and one
that names the help.  Pure.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

from tsservices.common.interrupts import raiseAgain
from tsservices.common.text import logged

#: The command that has all programs of the suite.
PROGRAM = "tsservices"

#: The clients without it.
_CLIENT_MODULE = "python -m tsservices.client"

#: Exit status of clients and commands for a wrong command line, as argparse has it.
WRONG_COMMAND_LINE = 2

#: Exit status after Ctrl-C: 128 and the number of SIGINT, as shells have it.
INTERRUPTED = 130


def serverProgram() -> str:
    """What the operator has typed to start this server, as it stands before an error."""
    return PROGRAM if _isProgram() else "twistd tsserver"


def serverCommand() -> str:
    """What has the options of the server, and shows them by --help."""
    return f"{PROGRAM} serve" if _isProgram() else "twistd tsserver"


def clientProgram(word: str = "") -> str:
    """
    What somebody has typed to start a client, as it stands in its help and before an error.

    @param word: the client's; empty: that of timestamp.
    """
    if _isProgram():
        return f"{PROGRAM} {word or 'client'}"
    return f"{_CLIENT_MODULE} {word}".rstrip()


def _isProgram() -> bool:
    return os.path.basename(sys.argv[0]) == PROGRAM


def complaint(program: str, reason: str) -> str:
    """The two lines for a wrong command line."""
    # The reason has words of the command line in it: a line feed there would make a third line.
    return f"{program}: {logged(reason)}\n{program}: see {program} --help\n"


def show(text: str, stream: TextIO | None) -> None:
    """
    Write a text that a program ends with.  Whoever has read enough of it (C{head}) may be gone.

    @param stream: L{None}: it is closed.
    @raise SystemExit: it cannot be written for another reason, as a full disk.
    """
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # The interpreter flushes it once more at its end.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        if isinstance(error, BrokenPipeError):
            return
        if stream is not sys.stderr:
            show(f"{PROGRAM}: the output cannot be written: {error.strerror}\n", sys.stderr)
        raise SystemExit(WRONG_COMMAND_LINE) from None


@contextmanager
def quietlyInterrupted() -> Iterator[None]:
    """
    Run what Ctrl-C ends without a traceback, also while it is still being imported.

    @raise SystemExit: it was typed.
    """
    raiseAgain()
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


class CommandParser(argparse.ArgumentParser):
    """An argument parser that says what is wrong, and not how all options are written."""

    def error(self, message: str) -> NoReturn:
        """@raise SystemExit: always."""
        self.exit(WRONG_COMMAND_LINE, complaint(self.prog, message))

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            show(message, file or sys.stderr)
