"""
Text that came from strangers, made safe to show on a terminal and in a log; and counted things.
Pure.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

#: What a place with TLS says to a peer that speaks none: for people with C{nc}, and known to the
#: clients.
TLS_ONLY_REASON = "this port speaks TLS only"
TLS_ONLY = f"! {TLS_ONLY_REASON}\n".encode()

#: What some programs put before all other text; it is no part of that.
BYTE_ORDER_MARK = "\ufeff"

#: The slash and the characters that look like it, or like one that leans the other way: the
#: confusables of Unicode, and what keyboards have in its place.
_SLASHES = (
    "/\\\u0337\u0338\u1735\u2041\u2044\u20e5\u20eb\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f6\u29f8"
    "\u29f9\u2cc6\u2f02\u2f03\u3033\u30ce\u31d3\u31d4\u4e36\u4e3f\ufe68\uff0f\uff3c\uff89\U0001d20f"
    "\U0001d23a\U0001f67c\U0001f67d"
)

#: Letters that are shown as nothing.
_UNSEEN_LETTERS = "\u115f\u1160\u3164\uffa0"

#: What may stand before the word of a command: keys of a terminal that were sent as they are, and
#: all but letters and digits.
_BEFORE_WORD = re.compile(
    r"(?:(?:\x1b\[|\x9b)\[?[0-9:;<=>?]*[ -.]*[@-\[\]-~]"  # a key, the mouse, a paste, an answer
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # the answer to a question for a colour
    r"|\x1bO?[ -.]*[0-\[\]-~]"  # a key with Alt, or of the keypad
    rf"|[\W_{re.escape(_SLASHES)}{_UNSEEN_LETTERS}])+"
)

#: Letters that can stand before the word of a command: all others are what they look like.
ODD_LETTERS = frozenset(filter(str.isalnum, _SLASHES + _UNSEEN_LETTERS))

_ANY_SLASH = re.compile(f"[{re.escape(_SLASHES)}]")
_WORD = re.compile(r"\S{1,64}")

_UNSAFE = re.compile(
    "\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"  # a flag, as that of Scotland, is shown
    "|([\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # directional marks and overrides
    "\xad\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # no glyph
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
    "\ud800-\udfff])"  # halves of surrogate pairs: no output takes them
)


def _escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[0]
    number = ord(match[1])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


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


def hiddenCommand(text: str) -> str:
    """
    The word of the command that a line would be without the characters that nobody sees or means
    before it, and with a plain slash: in lower case.  Empty if there is none.
    """
    first = text[:1]
    if first.isalnum() and first not in ODD_LETTERS:
        return ""
    before = _BEFORE_WORD.match(text)
    if before is None or _ANY_SLASH.search(before[0]) is None:
        return ""
    word = _WORD.match(text, before.end())
    if word is None:
        return ""
    folded = unicodedata.normalize("NFKC", word[0]).casefold()
    return "".join(filter(str.isalnum, folded))


def plural(count: int, noun: str) -> str:
    """The count and its noun: C{1 line}, C{2 lines}."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
