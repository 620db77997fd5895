"""C{twistd} that looks at counters and limits often, for tests that wait for them."""

from __future__ import annotations

from unittest.mock import patch

from twisted.scripts import twistd

from tsservices.admin import metrics
from tsservices.transport import timeouts

#: How old the file of counters may be here, in seconds.
REFRESH_SECONDS = 0.1

#: How often limits of connections are looked at here, in seconds.
SWEEP_SECONDS = 0.25


def run() -> None:
    with (
        patch.object(metrics, "REFRESH_SECONDS", REFRESH_SECONDS),
        patch.object(timeouts, "SWEEP_SECONDS", SWEEP_SECONDS),
    ):
        twistd.run()


if __name__ == "__main__":
    run()
