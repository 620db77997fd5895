"""Rings for tests, where the kernel has them."""

from __future__ import annotations

import pytest

from tsservices.transport.epoll.sendring import SendRing


def whyNoRing() -> str:
    """Why there can be no ring in this process; empty if there can."""
    try:
        SendRing(entries=1).close()
    except OSError as error:
        return str(error)
    return ""


NO_RING = whyNoRing()
needsRing = pytest.mark.skipif(bool(NO_RING), reason=f"no io_uring: {NO_RING}")
