"""What a person sees: text that is safe on a terminal, and complaints."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Mapping
from importlib.util import find_spec

from tsservices.common.text import visible


class TerminalText:
    """Turns bytes, however they are cut, into text that cannot do anything to a terminal."""

    def __init__(self) -> None:
        # Though it translates no newlines it holds a CR at the end of a chunk
        # back, so the two halves of a CRLF are always seen together.
        self._decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8")("backslashreplace"), translate=False
        )

    def show(self, data: bytes, final: bool = False) -> str:
        """
        Take the next bytes.

        @param data: the bytes; a character may be cut at either end.
        @param final: whether no bytes follow.
        """
        return visible(self._decoder.decode(data, final).replace("\r\n", "\n"))


def editingPossible(environment: Mapping[str, str], isTerminal: Callable[[int], bool]) -> bool:
    """Whether the prompt can have line editing and history."""
    return (
        find_spec("prompt_toolkit") is not None
        and environment.get("TERM", "").lower() not in ("", "dumb", "unknown")
        and isTerminal(0)
        and isTerminal(1)
    )


def complaint(message: str) -> str:
    """The line for standard error."""
    return f"tsservices: {visible(message)}\n"
