"""Text that came from strangers, made safe to show on a terminal and in a log.  Pure."""

from __future__ import annotations

import codecs
import re

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # directional marks and overrides
    "\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # no width, no glyph
    "\ud800-\udfff]"  # halves of surrogate pairs: no output takes them
)


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def visible(text: str) -> str:
    """
    Write everything that a terminal would obey, or not show, as an escape.

    Emoji, combining marks and the joiner between them stay whole.
    """
    return _UNSAFE.sub(_escape, text)


def logged(text: str) -> str:
    """As L{visible}, for a log, where a line feed would begin a forged entry."""
    text = text.removesuffix("\n").removesuffix("\r")
    return visible(text).replace("\n", "\\n")


def utf8Decoder() -> codecs.IncrementalDecoder:
    """
    A decoder that joins characters which the network has split; what is no UTF-8 becomes
    C{\\xff}.
    """
    return codecs.getincrementaldecoder("utf-8")("backslashreplace")


def splitEnding(data: bytes) -> tuple[bytes, bytes]:
    """The data without the line ending it may have, and that ending."""
    for ending in (b"\r\n", b"\n", b"\r"):
        if data.endswith(ending):
            return data[: -len(ending)], ending
    return data, b""
