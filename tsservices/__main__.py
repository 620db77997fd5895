"""
C{tsservices}, or C{python -m tsservices}: the same server without naming twistd.
"""

from __future__ import annotations

import sys

from twisted.scripts.twistd import run

from tsservices.options import PROGRAM


def main() -> None:
    """
    Run the server in the foreground, with this command's arguments.
    """
    sys.argv[:1] = [PROGRAM, "--nodaemon", "--pidfile=", "tsserver"]
    run()


if __name__ == "__main__":
    main()
