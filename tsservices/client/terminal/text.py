"""Text that is safe on a terminal, and error messages."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Mapping
from importlib.util import find_spec

from tsservices.common.text import visible


class TerminalText:
    """An incremental decoder of bytes to text without terminal control characters."""

    def __init__(self) -> None:
        # Without translation of newlines, this decoder still holds back a CR at the end of a chunk,
        # so that a CRLF is never split.
        self._decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8")("backslashreplace"), translate=False
        )

    def show(self, data: bytes, final: bool = False) -> str:
        """
        Decode the next bytes.

        @param data: the bytes; a character may be cut at either end.
        @param final: whether no bytes follow.
        """
        return visible(self._decoder.decode(data, final).replace("\r\n", "\n"))


def editingPossible(environment: Mapping[str, str], isTerminal: Callable[[int], bool]) -> bool:
    """Check whether the prompt can have line editing and history."""
    return (
        find_spec("prompt_toolkit") is not None
        and environment.get("TERM", "").lower() not in ("", "dumb", "unknown")
        and isTerminal(0)
        and isTerminal(1)
    )


def complaint(message: str) -> str:
    """Format an error message as a line for standard error."""
    return f"tsservices: {visible(message)}\n"
