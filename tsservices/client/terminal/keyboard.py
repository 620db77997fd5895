"""The keys of a terminal."""

from __future__ import annotations

from codecs import lookup
from typing import TextIO

from prompt_toolkit.input.posix_utils import PosixStdinReader
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyPress

CTRL_C = "\x03"

#: What a terminal sends before and behind a paste.
PASTE_BEGIN, PASTE_END = "\x1b[200~", "\x1b[201~"


class Keyboard(Vt100Input):
    """
    The keys of a terminal.

    Ctrl-C ends a paste.  The mark behind one may be lost, on a line that breaks or by a program
    between, and nothing that is typed would have an effect any more.
    """

    def __init__(self, terminal: TextIO, text: bool = False) -> None:
        """
        @param text: whether only text is read: UTF-8 where the system names no encoding, and
            bytes that are none are U+FFFD.  Else they are read as Python does, with surrogates.
        """
        super().__init__(terminal)
        if text:
            encoding = lookup(terminal.encoding).name
            encoding = "utf-8" if encoding == "ascii" else encoding
            self.stdin_reader = PosixStdinReader(terminal.fileno(), "replace", encoding)

    def read_keys(self) -> list[KeyPress]:
        """The keys that were pressed; a paste is one."""
        data = self.stdin_reader.read()
        # Of prompt_toolkit's own, read in versions 3.0.50 to 3.0.53.
        if not self.vt100_parser._in_bracketed_paste:
            if PASTE_BEGIN not in data:
                # Of a paste that was ended so: it would be typed as text.
                data = data.replace(PASTE_END, "")
        elif data == CTRL_C:
            data = PASTE_END
        self.vt100_parser.feed(data)
        keys, self._buffer = self._buffer, []
        return keys
