"""Tests for L{tsservices.common.tokens}."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.tokens import (
    TOKEN_BYTES,
    TOKEN_LENGTH,
    looksLikeToken,
    newToken,
    readToken,
    tokenIds,
)

TOKEN = newToken(bytes(range(TOKEN_BYTES)))

BYTES = st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES)


@given(BYTES)
def test_newTokens(entropy: bytes) -> None:
    token = newToken(entropy)
    assert len(token) == TOKEN_LENGTH == 51
    # One word to a double click, in one case, without letters that look like others.
    assert token.replace("_", "").isalnum()
    assert not set(token[4:]) & set("ilouABCDEFGHIJKLMNOPQRSTUVWXYZ")
    ident, digest = readToken(token)
    assert token.split("_")[1] == ident
    assert digest == hashlib.sha256(token.encode()).hexdigest()
    assert tokenIds(f"see {token}.") == [ident]
    assert newToken(entropy[::-1]) != token or entropy[::-1] == entropy


@pytest.mark.parametrize(
    "copied",
    [
        f"{TOKEN}\t",
        f" {TOKEN}",
        f'"{TOKEN}"',
        f"<{TOKEN}>",
        f"*   {TOKEN}",
        f"({TOKEN}).",
        f"\ufeff{TOKEN}\u200b\xa0",
    ],
)
def test_copiedAlong(copied: str) -> None:
    assert looksLikeToken(copied)
    assert readToken(copied) == readToken(TOKEN)


@pytest.mark.parametrize(
    "text",
    [
        *(TOKEN[:length] for length in range(4, TOKEN_LENGTH)),
        TOKEN + TOKEN,
        f"{TOKEN} {TOKEN}",
        f"{TOKEN}é",
        TOKEN[:20] + TOKEN[21:] + "0",
        TOKEN[:30] + ("0" if TOKEN[30] != "0" else "1") + TOKEN[31:],
        TOKEN[:4] + TOKEN[4:].upper(),
        f"{TOKEN} bob",
        "tst_\ud800",
    ],
)
def test_notWhole(text: str) -> None:
    assert looksLikeToken(text)
    with pytest.raises(ValueError, match=r"\d+"):
        readToken(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("tst_", 0),
        (TOKEN[:15], 0),
        (TOKEN[:30], 0),
        (TOKEN[:31], 1),
        (TOKEN + TOKEN, 2),
        (f"my token is:{TOKEN}!", 1),
    ],
)
def test_saidAloud(text: str, count: int) -> None:
    assert len(tokenIds(text)) == count
