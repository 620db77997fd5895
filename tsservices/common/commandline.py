"""
The errors of wrong command lines in all programs of this suite: one line with the reason, and one
that refers to the help.  Pure.
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

#: The command for all programs of the suite.
PROGRAM = "tsservices"

#: The command of the clients if that one is not used.
_CLIENT_MODULE = "python -m tsservices.client"

#: Exit status of clients and commands for a wrong command line, as with argparse.
WRONG_COMMAND_LINE = 2

#: Exit status after Ctrl-C: 128 plus the number of SIGINT, as in shells.
INTERRUPTED = 130


def serverProgram() -> str:
    """Get the name of this server's program, for the beginning of an error."""
    return PROGRAM if _isProgram() else "twistd tsserver"


def serverCommand() -> str:
    """Get the command that takes the options of the server, and shows them by --help."""
    return f"{PROGRAM} serve" if _isProgram() else "twistd tsserver"


def clientProgram(word: str = "") -> str:
    """
    Get the command by which a client was started, for its help and the beginning of an error.

    @param word: the client's; empty: that of timestamp.
    """
    if _isProgram():
        return f"{PROGRAM} {word or 'client'}"
    return f"{_CLIENT_MODULE} {word}".rstrip()


def _isProgram() -> bool:
    return os.path.basename(sys.argv[0]) == PROGRAM


def complaint(program: str, reason: str) -> str:
    """Make the two lines for a wrong command line."""
    # Escaped, because the reason contains words of the command line, which may have line feeds.
    return f"{program}: {logged(reason)}\n{program}: see {program} --help\n"


def show(text: str, stream: TextIO | None) -> None:
    """
    Write the last output of a program.  A closed pipe is no error: C{head} stops reading early.

    @param stream: L{None}: it is closed.
    @raise SystemExit: the text cannot be written for another reason, such as a full disk.
    """
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # The interpreter flushes the stream once more at its end.
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
    Run code that Ctrl-C ends without a traceback, also during imports.

    @raise SystemExit: Ctrl-C was typed.
    """
    raiseAgain()
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


class CommandParser(argparse.ArgumentParser):
    """An argument parser that prints only what is wrong, without the usage."""

    def error(self, message: str) -> NoReturn:
        """@raise SystemExit: always."""
        self.exit(WRONG_COMMAND_LINE, complaint(self.prog, message))

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            show(message, file or sys.stderr)
