"""The keyboard input of a terminal."""

from __future__ import annotations

from codecs import lookup
from typing import TextIO

from prompt_toolkit.input.posix_utils import PosixStdinReader
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyPress

CTRL_C = "\x03"

#: The marks that a terminal sends before and after a paste.
PASTE_BEGIN, PASTE_END = "\x1b[200~", "\x1b[201~"


class Keyboard(Vt100Input):
    """
    The keyboard input of a terminal.

    Ctrl-C ends a paste: if the mark after a paste is lost, on a broken line or in a program in
    between, all further keys would otherwise be taken as pasted.
    """

    def __init__(self, terminal: TextIO, text: bool = False) -> None:
        """
        @param text: whether to decode text only, as UTF-8 if the system names no encoding, with
            U+FFFD for invalid bytes.  Otherwise they are decoded to surrogates, as in Python.
        """
        super().__init__(terminal)
        if text:
            encoding = lookup(terminal.encoding).name
            encoding = "utf-8" if encoding == "ascii" else encoding
            self.stdin_reader = PosixStdinReader(terminal.fileno(), "replace", encoding)

    def read_keys(self) -> list[KeyPress]:
        """Read the pressed keys; a paste counts as one."""
        data = self.stdin_reader.read()
        # An undocumented attribute, checked in prompt_toolkit 3.0.50 to 3.0.53.
        if not self.vt100_parser._in_bracketed_paste:
            if PASTE_BEGIN not in data:
                # The mark after a paste that Ctrl-C has ended would be inserted as text.
                data = data.replace(PASTE_END, "")
        elif data == CTRL_C:
            data = PASTE_END
        self.vt100_parser.feed(data)
        keys, self._buffer = self._buffer, []
        return keys
