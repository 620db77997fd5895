"""
What all programs of this suite say about a wrong command line: one line with the reason, and one
that names the help.  Pure.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

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


class CommandParser(argparse.ArgumentParser):
    """An argument parser that says what is wrong, and not how all options are written."""

    def error(self, message: str) -> NoReturn:
        """@raise SystemExit: always."""
        self.exit(WRONG_COMMAND_LINE, complaint(self.prog, message))
