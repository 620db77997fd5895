"""Tests for L{tsservices.common.commandline}."""

from __future__ import annotations

import os

import pytest

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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_fullDisk(capsys: pytest.CaptureFixture[str]) -> None:
    with open("/dev/full", "w") as stream, pytest.raises(SystemExit) as ended:
        show("x", stream)
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "tsservices: the output cannot be written: No space left on device\n"
    )
