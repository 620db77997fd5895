"""
C{tsservices}, or C{python -m tsservices}: all programs of the suite as subcommands.

The code of a subcommand is imported only when it runs, so that clients and commands to a running
server start without importing the server.
"""

from __future__ import annotations

import sys

from tsservices.common.interrupts import endQuietly

if __name__ == "__main__" or sys.argv[0].endswith("/tsservices"):
    # Before the imports that take long.
    endQuietly()

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tsservices import __version__
from tsservices.common.commandline import (
    PROGRAM,
    WRONG_COMMAND_LINE,
    complaint,
    quietlyInterrupted,
    show,
)


def _serve(words: Sequence[str]) -> None:
    from twisted.scripts.twistd import run

    from tsservices.transport.reactor import hasFastReactor

    reactor = ["--reactor=tsservices"] if hasFastReactor() else []
    sys.argv = [PROGRAM, *reactor, "--nodaemon", "--pidfile=", "tsserver", *words[1:]]
    run()


def _client(words: Sequence[str]) -> None:
    from tsservices.client.__main__ import run

    run(words[1:] if words[0] == "client" else words)


def _admin(words: Sequence[str]) -> None:
    from tsservices.admin.commands import main as command

    command(words)


class Command(NamedTuple):
    """A subcommand."""

    meaning: str
    #: Takes the command line from the subcommand's name on.
    run: Callable[[Sequence[str]], None]


COMMANDS = {
    "serve": Command("start the server", _serve),
    "client": Command("send lines to the timestamp service", _client),
    "chat": Command("talk in the rooms of the chat", _client),
    "probe": Command("measure delay and loss", _client),
    "talk": Command("talk with the operator of a server, or be the operator", _client),
    "backup": Command("copy the chat of a running server to a file", _admin),
    "export": Command("write all lines of a room", _admin),
    "fingerprint": Command("show the fingerprint of the server's TLS key", _admin),
}


def _help() -> str:
    rows = "".join(f"  {word:<13}{command.meaning}\n" for word, command in COMMANDS.items())
    return f"""\
usage: {PROGRAM} COMMAND [arguments]
       {PROGRAM} [options of serve]

{rows}
  --help       this list; {PROGRAM} COMMAND --help has the options of a command
  --version    the version

Without a command the server is started:
  {PROGRAM} --port 21567
"""


def _wrongWord(word: str) -> str:
    # Imported only for a mistyped command.
    from difflib import get_close_matches

    near = get_close_matches(word, COMMANDS, 1)
    return f"there is no command {word!r}" + (f"; do you mean {near[0]}?" if near else "")


def main() -> None:
    """
    Run the command that the first argument names.  Without one, run the server in the foreground
    with the arguments given.

    @raise SystemExit: with the command's status, or 2 if there is no such command.
    """
    words = sys.argv[1:]
    # Messages of a command begin with this name, also under C{python -m}.
    sys.argv[:1] = [PROGRAM]
    if words and words[0] in ("-h", "--help"):
        show(_help(), sys.stdout)
    elif words and words[0] == "--version":
        show(f"{PROGRAM} {__version__}\n", sys.stdout)
    elif not words or words[0].startswith("-"):
        with quietlyInterrupted():
            _serve(["serve", *words])
    elif words[0] in COMMANDS:
        with quietlyInterrupted():
            COMMANDS[words[0]].run(words)
    else:
        show(complaint(PROGRAM, _wrongWord(words[0])), sys.stderr)
        raise SystemExit(WRONG_COMMAND_LINE)


if __name__ == "__main__":
    main()
