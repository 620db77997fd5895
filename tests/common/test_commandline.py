"""Tests for L{tsservices.common.commandline}."""

from __future__ import annotations

import os

from tsservices.common.commandline import show


def test_readerHasSeenEnough() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    show("x", stream)
    show("y", stream)
    # What the interpreter does at the end.
    stream.flush()
    stream.close()
    show("x", None)
