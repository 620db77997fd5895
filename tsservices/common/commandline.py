"""
What all programs of this suite say about a wrong command line: one line with the reason, and one
that names the help.  Pure.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, NoReturn, TextIO

from tsservices.common.text import logged

#: The command that starts a server, or gives a command to a running one.
PROGRAM = "tsservices"

#: Exit status of clients and commands for a wrong command line, as argparse has it.
WRONG_COMMAND_LINE = 2


def serverProgram() -> str:
    """What the operator has typed to start this server, as it stands before an error."""
    return PROGRAM if os.path.basename(sys.argv[0]) == PROGRAM else "twistd tsserver"


def complaint(program: str, reason: str) -> str:
    """The two lines for a wrong command line."""
    # The reason has words of the command line in it: a line feed there would make a third line.
    return f"{program}: {logged(reason)}\n{program}: see {program} --help\n"


def show(text: str, stream: TextIO | None) -> None:
    """
    Write a text that a program ends with.  Whoever has read enough of it (C{head}) may be gone.

    @param stream: L{None}: it is closed.
    """
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # The interpreter flushes it once more at its end.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


class CommandParser(argparse.ArgumentParser):
    """An argument parser that says what is wrong, and not how all options are written."""

    def error(self, message: str) -> NoReturn:
        """@raise SystemExit: always."""
        self.exit(WRONG_COMMAND_LINE, complaint(self.prog, message))

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            show(message, file or sys.stderr)
