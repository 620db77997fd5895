"""
Untrusted text made safe for terminals and logs; and plurals.  Pure.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

#: The line that a TLS listener sends to a peer without TLS: for users of C{nc}, and recognised by
#: the clients.
TLS_ONLY_REASON = "this port speaks TLS only"
TLS_ONLY = f"! {TLS_ONLY_REASON}\n".encode()

#: Some programs put this character before a text, of which it is no part.
BYTE_ORDER_MARK = "\ufeff"

#: Slash, backslash and the characters that look like them: Unicode's confusables, and the
#: characters that keyboards of some languages have in their place.
_SLASHES = (
    "/\\\u0337\u0338\u1735\u2041\u2044\u20e5\u20eb\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f6\u29f8"
    "\u29f9\u2cc6\u2f02\u2f03\u3033\u30ce\u31d3\u31d4\u4e36\u4e3f\ufe68\uff0f\uff3c\uff89\U0001d20f"
    "\U0001d23a\U0001f67c\U0001f67d"
)

#: Letters that are invisible.
_UNSEEN_LETTERS = "\u115f\u1160\u3164\uffa0"

#: What may precede the word of a command: escape sequences of a terminal's keys, and all characters
#: except letters and digits.
_BEFORE_WORD = re.compile(
    r"(?:(?:\x1b\[|\x9b)\[?[0-9:;<=>?]*[ -.]*[@-\[\]-~]"  # a key, the mouse, a paste, an answer
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # the answer to a query for a colour
    r"|\x1bO?[ -.]*[0-\[\]-~]"  # a key with Alt, or of the keypad
    rf"|[\W_{re.escape(_SLASHES)}{_UNSEEN_LETTERS}])+"
)

#: Letters that are invisible or look like a slash: they may precede the word of a command.
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
    Replace control characters and invisible characters by escapes.

    Emoji, combining marks and the joiner between them are not changed.
    """
    return _UNSAFE.sub(_escape, text)


def logged(text: str) -> str:
    """Do the same as L{visible} for a log, where a line feed would begin a forged entry."""
    text = text.removesuffix("\n").removesuffix("\r")
    return visible(text).replace("\n", "\\n")


def utf8Decoder() -> codecs.IncrementalDecoder:
    """
    Make a decoder that joins characters which the network has split, and turns bytes that are no
    UTF-8 into C{\\xff}.
    """
    return codecs.getincrementaldecoder("utf-8")("backslashreplace")


def splitEnding(data: bytes) -> tuple[bytes, bytes]:
    """Split the line ending, if there is one, from data."""
    for ending in (b"\r\n", b"\n", b"\r"):
        if data.endswith(ending):
            return data[: -len(ending)], ending
    return data, b""


def hiddenCommand(text: str) -> str:
    """
    Find a command that is hidden by invisible or accidental characters before it, or by a character
    that looks like a slash.

    @return: its word, in lower case; empty if there is none.
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
    """Format a count and its noun: C{1 line}, C{2 lines}."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
