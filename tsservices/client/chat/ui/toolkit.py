"""Uses of undocumented parts of prompt_toolkit: checked in versions 3.0.50 to 3.0.53."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
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
            # Empty cells keep the count of characters, by which the cursor is placed.
            yield from [""] * (len(unit) - 1)


class WholeEmoji(Processor):
    """The display of the typed text with whole emoji."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        return Transformation([(style, Cells(text)) for style, text, *_ in fragments])


def resized(application: Application[Any]) -> None:
    """
    Redraw for a new size of the terminal.

    prompt_toolkit's own handler of SIGWINCH does the same, but is not called, because Twisted has
    replaced the wakeup descriptor for signals.
    """
    if application.is_running:
        application._on_resize()


def resumed(application: Application[Any]) -> None:
    """Take the terminal back after the process was stopped, because a shell has used it."""
    if application.is_running and not application._running_in_terminal:
        # Never left: at the end, prompt_toolkit restores the modes from before its start.
        application.input.raw_mode().__enter__()
        # A terminal that closes also continues the process; prompt_toolkit notices that it closed.
        with suppress(OSError):
            application.renderer.erase()
        application.invalidate()


def ignoreAccepting(bindings: KeyBindings) -> None:
    """Ignore the keys, other than Enter, by which prompt_toolkit ends the input."""
    for keys in (("c-o",), ("escape", "#")):
        bindings.add(*keys)(lambda event: None)


def isPasted(event: KeyPressEvent) -> bool:
    """Check whether more text arrived with a key, as in a paste without brackets."""
    queue = event.app.key_processor.input_queue
    return sum(1 for press in queue if press.data.isprintable() and press.data) > 1


def isIndent(event: KeyPressEvent) -> bool:
    """Check whether a tab was pasted: no word is before it to be completed, and text follows."""
    before = event.current_buffer.document.char_before_cursor
    return isPasted(event) and not before.strip()
