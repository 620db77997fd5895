"""
C{tsservices}, or C{python -m tsservices}: the server without naming twistd, and commands to a
running one.
"""

from __future__ import annotations

import sys

from tsservices.admin import commands
from tsservices.common.commandline import PROGRAM


def main() -> None:
    """
    Run the command that the first argument names; without one, run the server in the foreground,
    with this command's arguments.
    """
    if sys.argv[1:2] and sys.argv[1] in commands.WORDS:
        commands.main(sys.argv[1:])
    # Not above: commands need nothing of it.
    from twisted.scripts.twistd import run

    sys.argv[:1] = [PROGRAM, "--nodaemon", "--pidfile=", "tsserver"]
    run()


if __name__ == "__main__":
    main()
