"""C{python -m tsservices.client}."""

from __future__ import annotations

from tsservices.common.interrupts import endQuietly

if __name__ == "__main__":
    # Before anything is imported that takes time.
    endQuietly()

import sys
from collections.abc import Sequence

from tsservices.common.commandline import quietlyInterrupted


def run(words: Sequence[str]) -> None:
    """
    Run the client that a command line names.

    @raise SystemExit: always, with the exit status.
    """
    if words and words[0] == "chat":
        # Its prompt stands before Twisted is imported, which the others need at once.
        from tsservices.client.chat.startup import main as chat

        chat(words[1:])
    else:
        if words and words[0] == "probe":
            # It handles the signal itself, as soon as it runs.
            endQuietly()
        from tsservices.client.program import main

        main(words)


if __name__ == "__main__":
    with quietlyInterrupted():
        run(sys.argv[1:])
