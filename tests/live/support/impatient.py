"""C{twistd} that looks at counters and limits often, for tests that wait for them."""

from __future__ import annotations

from unittest.mock import patch

from twisted.scripts.twistd import run

from tsservices.admin import metrics as reckoning
from tsservices.transport import timeouts as sweep

#: How old the file of counters may be here, in seconds.
REFRESH_SECONDS = 0.1

#: How often limits of connections are looked at here, in seconds.
SWEEP_SECONDS = 0.25


if __name__ == "__main__":
    with (
        patch.object(reckoning, "REFRESH_SECONDS", REFRESH_SECONDS),
        patch.object(sweep, "SWEEP_SECONDS", SWEEP_SECONDS),
    ):
        run()
