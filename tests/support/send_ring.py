"""The test mark for tests that need io_uring."""

from __future__ import annotations

import pytest

from tsservices.transport.epoll.sendring import SendRing


def whyNoRing() -> str:
    """Return why this process can't make a ring; empty if it can."""
    try:
        SendRing(entries=1).close()
    except OSError as error:
        return str(error)
    return ""


NO_RING = whyNoRing()
needsRing = pytest.mark.skipif(bool(NO_RING), reason=f"no io_uring: {NO_RING}")
