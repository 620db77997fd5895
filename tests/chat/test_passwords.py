"""Tests for L{tsservices.chat.passwords}."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat import errors
from tsservices.chat.passwords import (
    PASSWORD_LONGEST,
    PASSWORD_SHORTEST,
    _keys,
    matches,
    prepare,
    verifier,
)

#: Of most passwords here.
SALT = bytes(range(16))


def why(password: str) -> errors.ErrorCode:
    with pytest.raises(errors.ChatError) as caught:
        verifier(password, SALT, 1)
    return caught.value.code


def test_vector() -> None:
    """The verifier of RFC 7677's example, whose password is too short for L{prepare}."""
    salt = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    stored, server = _keys(prepare("pencil"), salt, 4096)
    first = "n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    authMessage = f"{first},{nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,{nonce}".encode()
    proof = b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac.digest(stored, authMessage, "sha256")
    client = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert hashlib.sha256(client).digest() == stored
    expected = b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert b64encode(hmac.digest(server, authMessage, "sha256")) == expected


def test_formIsThatOfPostgreSQL() -> None:
    stored = (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert matches(stored, "pencil")
    assert not matches(stored, "pen cil")
    own = verifier("pencil box", SALT, 7)
    mechanism, work, keys = own.split("$")
    assert mechanism == "SCRAM-SHA-256"
    assert work == "7:" + b64encode(SALT).decode()
    assert [len(b64decode(item)) for item in keys.split(":")] == [32, 32]


def test_matches() -> None:
    stored = verifier("correct horse", SALT, 10)
    assert matches(stored, "correct horse")
    for wrong in ("", " ", "Correct horse", "x" * 100_000, "correct\0horse"):
        assert not matches(stored, wrong)
    assert verifier("correct horse", SALT, 11) != stored
    assert verifier("correct horse", SALT[::-1], 10) != stored
    assert not matches(stored.replace("$10:", "$11:"), "correct horse")


OUTSIDE = (
    " {}",
    "{} ",
    "\t{}",
    "{}\N{NO-BREAK SPACE}",
    "\N{IDEOGRAPHIC SPACE}{}\N{ZERO WIDTH SPACE}",
)


@pytest.mark.parametrize("form", OUTSIDE)
def test_whiteSpaceOutside(form: str) -> None:
    """It is refused in new passwords; old ones may have it, or have lost it."""
    with pytest.raises(errors.ChatError) as caught:
        verifier(form.format("correct horse"), SALT, 1)
    assert str(caught.value) == "a password has no white space at its beginning or its end"
    assert matches(verifier("correct horse", SALT, 1), form.format("correct horse"))
    stored, server = (b64encode(key).decode() for key in _keys(" correct horse", SALT, 1))
    old = f"SCRAM-SHA-256$1:{b64encode(SALT).decode()}${stored}:{server}"
    assert matches(old, " correct horse")
    assert not matches(old, "correct horse")


def test_halfVerifierMatchesNothing() -> None:
    one, other = (verifier(item, SALT, 5).rpartition(":") for item in ("password", "passwort"))
    assert matches("".join(one), "password")
    assert not matches(one[0] + ":" + other[2], "password")
    assert not matches(other[0] + ":" + one[2], "password")


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256$$",
        *[f"SCRAM-SHA-256${n}:AAAA$AAAA:AAAA" for n in ("0", "-1", "99999999999", "1", "\u0661")],
        *[f"SCRAM-SHA-256$1:{key}${key}:{key}" for key in "A=é"],
        "SCRAM-SHA-1$1:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$1:AAAA$AAAA:AAAA\n",
        "\ud800",
    ],
)
def test_noVerifierMatchesNothing(stored: str) -> None:
    assert matches(stored, "password") is False
    assert matches(stored, "") is False


@given(st.text(st.characters(), max_size=40))
def test_anyText(password: str) -> None:
    assert matches(verifier("correct horse", SALT, 1), password) is False
    try:
        stored = verifier(password, SALT, 1)
    except errors.ChatError:
        return
    assert matches(stored, password)
    assert matches(stored, prepare(password))


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("I\N{SOFT HYPHEN}X", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        (" ~!", " ~!"),
        ("\N{FEMININE ORDINAL INDICATOR}", "a"),
        ("\N{ROMAN NUMERAL NINE}", "IX"),
        ("a\N{NO-BREAK SPACE}b", "a b"),
        ("e\N{COMBINING ACUTE ACCENT}", "é"),
        ("a\N{ZERO WIDTH SPACE}b", "ab"),
        ("\N{PILE OF POO}", "\N{PILE OF POO}"),
    ],
)
def test_rfc4013(typed: str, prepared: str) -> None:
    assert prepare(typed) == prepared


@pytest.mark.parametrize(
    "password",
    [
        "\7aaaaaaaaaa",
        "aaaaaaaaa\0",
        "aaaaaaaa\x7f",
        "aaaaaaaa\x85",
        "aaaaaaaa\t",
        "aaaaaaaa\ue000",
        "aaaaaaaa\ud800",
        "aaaaaaaa\uffff",
        "aaaaaaaa\N{RIGHT-TO-LEFT OVERRIDE}",
        "aaaaaaaa\N{OBJECT REPLACEMENT CHARACTER}",
        "aaaaaaaa\N{LANGUAGE TAG}",
        "\N{ARABIC LETTER ALEF}1aaaaaaa",
        "\N{ARABIC LETTER ALEF}11111111",
    ],
)
def test_forbiddenCharactersAreNotShown(password: str) -> None:
    assert why(password) is errors.PASSWORD_CHARACTER
    with pytest.raises(errors.ChatError) as caught:
        verifier(password, SALT, 1)
    assert "aaa" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_rightToLeft() -> None:
    word = "\N{HEBREW LETTER ALEF}" * PASSWORD_SHORTEST
    assert matches(verifier(word, SALT, 1), word)
    assert why(word + "a") is errors.PASSWORD_CHARACTER


def test_lengthCountsAfterPreparation() -> None:
    assert why("a" * (PASSWORD_SHORTEST - 1)) is errors.PASSWORD_SHORT
    assert why("") is errors.PASSWORD_SHORT
    assert why("a" * (PASSWORD_SHORTEST - 1) + "\N{SOFT HYPHEN}") is errors.PASSWORD_SHORT
    verifier("a" * PASSWORD_SHORTEST, SALT, 1)
    verifier("\N{ROMAN NUMERAL NINE}" * (PASSWORD_SHORTEST // 2), SALT, 1)
    verifier("a" * PASSWORD_LONGEST, SALT, 1)
    assert why("a" * (PASSWORD_LONGEST + 1)) is errors.PASSWORD_LONG
    assert why("\N{SOFT HYPHEN}" * 100_000) is errors.PASSWORD_LONG


def test_lengthFirst() -> None:
    """A long line would keep the reactor for as long as hashing takes."""
    long = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * PASSWORD_LONGEST + "\ue000"
    assert why(long) is errors.PASSWORD_LONG
    assert why("\ue000" * PASSWORD_SHORTEST) is errors.PASSWORD_CHARACTER
