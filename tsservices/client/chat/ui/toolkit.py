"""Uses of undocumented parts of prompt_toolkit: checked in versions 3.0.50 to 3.0.53."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.utils import _CHAR_SIZES_CACHE

from tsservices.client.chat.ui.rows import SEQUENCE_COLUMNS, units


class Cells(str):
    """
    A text that iterates over whole emoji: prompt_toolkit iterates over the characters of a text and
    would give each part of an emoji a cell of its own.
    """

    def __iter__(self) -> Iterator[str]:
        for unit in units(str(self)):
            if len(unit) > 1:
                # Otherwise prompt_toolkit would add up the widths of the characters.
                _CHAR_SIZES_CACHE[unit] = SEQUENCE_COLUMNS
            yield unit


def resized(application: Application[Any]) -> None:
    """
    Redraw for a new size of the terminal.

    prompt_toolkit's own handler of SIGWINCH does the same, but is not called, because Twisted has
    replaced the wakeup descriptor for signals.
    """
    if application.is_running:
        application._on_resize()
