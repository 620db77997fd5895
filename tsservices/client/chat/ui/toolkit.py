"""
What we lean on of prompt_toolkit that it does not promise: read in versions 3.0.50 to 3.0.53.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.utils import _CHAR_SIZES_CACHE

from tsservices.client.chat.ui.rows import SEQUENCE_COLUMNS, units


class Cells(str):
    """
    A text that is placed on the screen picture by picture: prompt_toolkit goes through the
    characters of a text and gives each a place of its own, also those of one emoji.
    """

    def __iter__(self) -> Iterator[str]:
        for unit in units(str(self)):
            if len(unit) > 1:
                # It would add up what the characters take.
                _CHAR_SIZES_CACHE[unit] = SEQUENCE_COLUMNS
            yield unit


def resized(application: Application[Any]) -> None:
    """
    Draw for another size.

    As its own handler of SIGWINCH does, which is not called: it hangs on a descriptor for signals
    that Twisted has replaced.
    """
    if application.is_running:
        application._on_resize()
