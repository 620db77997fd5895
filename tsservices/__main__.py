"""
C{tsservices}, or C{python -m tsservices}: the same server without naming twistd, and
commands to a running one.
"""

from __future__ import annotations

import sys

from tsservices.admin import commands as controlclient
from tsservices.server.options import PROGRAM


def main() -> None:
    """
    Do what the first word asks for; without such a word, run the server in the
    foreground, with this command's arguments.
    """
    if sys.argv[1:2] and sys.argv[1] in controlclient.WORDS:
        controlclient.main(sys.argv[1:])
    # Commands need nothing of this.
    from twisted.scripts.twistd import run

    sys.argv[:1] = [PROGRAM, "--nodaemon", "--pidfile=", "tsserver"]
    run()


if __name__ == "__main__":
    main()
