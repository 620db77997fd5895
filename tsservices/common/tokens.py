"""
Account tokens as text: C{tst_}, a public id, a secret, and a checksum. Pure.

A token is one word to a double click, and has no letters that look like others. All that is kept
of it is its id and its digest.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

#: What every token begins with.
TOKEN_SIGN = "tst_"

# Crockford's, without I, L, O and U.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"

_ID_LETTERS = 10

# 160 bits.
_SECRET_LETTERS = 32

# 20 bits: of a million tokens with a wrong letter one is taken for whole, and then not found.
_SUM_LETTERS = 4

#: Characters of a token.
TOKEN_LENGTH = len(TOKEN_SIGN) + _ID_LETTERS + 1 + _SECRET_LETTERS + _SUM_LETTERS

#: Random bytes of a token: for its id, and for its secret.
TOKEN_BYTES = 32

_TOKEN = re.compile(
    rf"{TOKEN_SIGN}([{_LETTERS}]{{{_ID_LETTERS}}})_[{_LETTERS}]{{{_SECRET_LETTERS + _SUM_LETTERS}}}"
)

# A token that was cut is more than its id if half of the secret is there.
_SHOWN = re.compile(rf"{TOKEN_SIGN}([{_LETTERS}]{{{_ID_LETTERS}}})_[{_LETTERS}]{{16}}")

# What is copied along with a token: white space, quotes, the star before it, and characters that
# nobody sees.
_COPIED_ALONG = re.compile(r"\W+")


class Token(NamedTuple):
    """What there is to know of the text of a token."""

    ident: str
    #: SHA-256 of the text, in hexadecimal.
    digest: str


def looksLikeToken(text: str) -> bool:
    """Whether that is meant to be a token, and no password; it may be cut, or have a typo."""
    return _COPIED_ALONG.sub("", text).startswith(TOKEN_SIGN)


def newToken(entropy: bytes) -> str:
    """
    The text of a token.

    @param entropy: L{TOKEN_BYTES} random bytes.
    """
    number = int.from_bytes(entropy[:TOKEN_BYTES], "big")
    letters = _letters(number, _ID_LETTERS + _SECRET_LETTERS)
    text = f"{TOKEN_SIGN}{letters[:_ID_LETTERS]}_{letters[_ID_LETTERS:]}"
    return text + _checksum(text)


def readToken(text: str) -> Token:
    """
    Read a token, as it was copied.

    @raise ValueError: it is not whole; the argument is how many characters it has.
    """
    token = _COPIED_ALONG.sub("", text)
    found = tokenIn(token)
    if found is None or _checksum(token[:-_SUM_LETTERS]) != token[-_SUM_LETTERS:]:
        raise ValueError(len(token))
    return found


def tokenIn(text: str) -> Token | None:
    """
    Read a token that nothing was copied along with, and which may have a wrong letter: the checksum
    is most of the work of L{readToken}, and one that is known has no wrong letter.

    @return: L{None}: it is none.
    """
    match = _TOKEN.fullmatch(text)
    return None if match is None else Token(match[1], hashlib.sha256(text.encode()).hexdigest())


def tokenIds(text: str) -> list[str]:
    """The ids of the tokens in a text: whole, or so much of them that they are no secret."""
    return _SHOWN.findall(text)


def _checksum(text: str) -> str:
    return _letters(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big"), _SUM_LETTERS)


def _letters(number: int, count: int) -> str:
    letters = []
    for _ in range(count):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    return "".join(letters)
