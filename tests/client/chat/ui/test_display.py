"""Tests for L{tsservices.client.chat.ui.display}."""

from __future__ import annotations

import pytest

from tests.support.client import FakeConsole
from tsservices.client.chat.ui.display import PlainDisplay


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet(quiet: bool) -> None:
    console = FakeConsole()
    display = PlainDisplay(console, quiet=quiet)
    display.show([("", "* you are ann")], False)
    display.ask("password: ")
    display.show([("refusal", "! not sent: a")], False)
    display.ask("")
    if quiet:
        assert (console.written, console.complaints) == (b"", ["not sent: a"])
    else:
        expected = b"* you are ann\n* password: \n! not sent: a\n"
        assert (console.written, console.complaints) == (expected, [])
