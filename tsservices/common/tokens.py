"""
Account tokens as text: C{tst_}, a public id, a secret, and a checksum.  Pure.

A double click selects a whole token, and it has no letters that look alike.  Only its id and its
digest are stored.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

#: The prefix of every token.
TOKEN_SIGN = "tst_"

# Crockford's Base32 alphabet, without I, L, O and U.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"

_ID_LETTERS = 10

# 160 bits.
_SECRET_LETTERS = 32

# 20 bits: of a million tokens with a wrong letter one passes the check, and is then not found.
_SUM_LETTERS = 4

#: The number of characters of a token.
TOKEN_LENGTH = len(TOKEN_SIGN) + _ID_LETTERS + 1 + _SECRET_LETTERS + _SUM_LETTERS

#: The number of random bytes for a token: its id and its secret.
TOKEN_BYTES = 32

_TOKEN = re.compile(
    rf"{TOKEN_SIGN}([{_LETTERS}]{{{_ID_LETTERS}}})_[{_LETTERS}]{{{_SECRET_LETTERS + _SUM_LETTERS}}}"
)

# A token, perhaps truncated, of which at least half of the secret is there.
_SHOWN = re.compile(rf"{TOKEN_SIGN}([{_LETTERS}]{{{_ID_LETTERS}}})_[{_LETTERS}]{{16}}")

# Characters that are copied along with a token: white space, quotes, the star before it, and
# invisible characters.
_COPIED_ALONG = re.compile(r"\W+")


class Token(NamedTuple):
    """The facts about a token that may be stored."""

    ident: str
    #: SHA-256 of the text, in hexadecimal.
    digest: str


def looksLikeToken(text: str) -> bool:
    """Whether a text is meant as a token, and not as a password, even if truncated or wrong."""
    return _COPIED_ALONG.sub("", text).startswith(TOKEN_SIGN)


def newToken(entropy: bytes) -> str:
    """
    Make the text of a new token.

    @param entropy: L{TOKEN_BYTES} random bytes.
    """
    number = int.from_bytes(entropy[:TOKEN_BYTES], "big")
    letters = _letters(number, _ID_LETTERS + _SECRET_LETTERS)
    text = f"{TOKEN_SIGN}{letters[:_ID_LETTERS]}_{letters[_ID_LETTERS:]}"
    return text + _checksum(text)


def readToken(text: str) -> Token:
    """
    Read a token, without characters that were copied along.

    @raise ValueError: it is no complete token; the argument is the number of its characters.
    """
    token = _COPIED_ALONG.sub("", text)
    found = tokenIn(token)
    if found is None or _checksum(token[:-_SUM_LETTERS]) != token[-_SUM_LETTERS:]:
        raise ValueError(len(token))
    return found


def tokenIn(text: str) -> Token | None:
    """
    Read an exact token without a check of its checksum, which is most of the work of L{readToken}:
    a wrong letter shows when the token is looked up.

    @return: L{None}: the text is no token.
    """
    match = _TOKEN.fullmatch(text)
    return None if match is None else Token(match[1], hashlib.sha256(text.encode()).hexdigest())


def tokenIds(text: str) -> list[str]:
    """Get the ids of the tokens in a text, complete or with at least half of their secret."""
    return _SHOWN.findall(text)


def _checksum(text: str) -> str:
    return _letters(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big"), _SUM_LETTERS)


def _letters(number: int, count: int) -> str:
    letters = []
    for _ in range(count):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    return "".join(letters)
