"""C{python -m tsservices.client}."""

from __future__ import annotations

from tsservices.common.interrupts import endQuietly

if __name__ == "__main__":
    # Called before the slow imports, during which Ctrl-C may already be typed.
    endQuietly()

import sys
from collections.abc import Sequence

from tsservices.common.commandline import quietlyInterrupted


def run(words: Sequence[str]) -> None:
    """
    Run the client named on the command line.

    @raise SystemExit: always, with the exit status.
    """
    if words and words[0] == "chat":
        # The chat shows its prompt before it imports Twisted; the other clients import it at once.
        from tsservices.client.chat.startup import main as chat

        chat(words[1:])
    else:
        if words and words[0] == "probe":
            # The probe installs its own handler of the signal when it runs.
            endQuietly()
        from tsservices.client.program import main

        main(words)


if __name__ == "__main__":
    with quietlyInterrupted():
        run(sys.argv[1:])
