"""Tests for L{tsservices.frontends.web.frames}."""

from __future__ import annotations

import pytest

from tests.support.web_clients import TEXT, frames
from tsservices.chat.notifications import Notice, RealnameChanged
from tsservices.frontends.formats.json import JSONFormatter
from tsservices.frontends.web.frames import FrameFormatter, textFrame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_sizes(size: int) -> None:
    assert frames(textFrame(b"x" * size)) == [(TEXT, b"x" * size)]


def test_batch() -> None:
    form = FrameFormatter(JSONFormatter())
    ((opcode, text),) = frames(form.encode([Notice(["a"]), Notice(["b"])]))
    assert opcode == TEXT
    assert text.count(b"\n") == 2


def test_nothingIsNoFrame() -> None:
    form = FrameFormatter(JSONFormatter())
    assert form.encode([RealnameChanged("ann", None, "s", "Ann")]) == b""
