"""
The hash of passwords, and how they are checked: SCRAM-SHA-256 (RFC 5802, 7677).  Pure.

A verifier is one line of text, in the form that other servers use too (PostgreSQL's)::

    SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>

Neither the password nor the client key of SCRAM can be derived from it, so the same verifier can
serve frontends where the password itself is never sent.

Passwords are prepared by SASLprep (RFC 4013), so that different compositions of the same letters
match.  Characters unknown to Unicode 3.2 are kept, although RFC 4013 would refuse them, because
every emoji is among them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import stringprep
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from unicodedata import ucd_3_2_0

from tsservices.chat.errors import (
    PASSWORD_CHARACTER,
    PASSWORD_LONG,
    PASSWORD_SHORT,
    PASSWORD_TOKEN,
    ChatError,
)
from tsservices.common.tokens import TOKEN_SIGN, looksLikeToken

#: Minimum length of a prepared password, in characters: that of NIST SP 800-63B.
PASSWORD_SHORTEST = 8

#: Maximum length of a prepared password, in characters: more than any password manager makes.
PASSWORD_LONGEST = 200

#: The beginning of verifiers.
MECHANISM = "SCRAM-SHA-256"

#: Bytes of a salt: random, and so many that no two are the same.
SALT_BYTES = 16

_VERIFIER = re.compile(
    MECHANISM + r"\$([1-9][0-9]{0,6}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)"
)

#: Maximum length of any password, whatever the server allows; also the most characters that are
#: prepared for a comparison.
PASSWORD_BOUND = 1000


@dataclass(frozen=True, slots=True)
class PasswordBounds:
    """The limits for the characters of a new password, prepared."""

    shortest: int = PASSWORD_SHORTEST
    longest: int = PASSWORD_LONGEST


#: Characters forbidden in passwords: their name, and a function that finds them.
_FORBIDDEN: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("control characters", stringprep.in_table_c21_c22),
    ("characters for private use", stringprep.in_table_c3),
    (
        "characters that are none",
        lambda character: stringprep.in_table_c4(character) or stringprep.in_table_c5(character),
    ),
    ("replacement characters", stringprep.in_table_c6),
    ("ideographic descriptions", stringprep.in_table_c7),
    ("signs that turn the direction of writing", stringprep.in_table_c8),
    ("language tags", stringprep.in_table_c9),
)


class PasswordHasher(Protocol):
    """PORT to the hasher of passwords: each takes milliseconds of a core, in order."""

    def derive(self, password: str, onResult: Callable[[str | ChatError], object]) -> None:
        """
        Make a verifier.

        @raise ChatError: it is no valid password, or too many wait.
        """
        ...

    def check(
        self, verifier: str, password: str, onResult: Callable[[bool | ChatError], object]
    ) -> None:
        """
        Compare a password with a verifier.

        @raise ChatError: too many wait.
        """
        ...


#: The bounds of a server without others.
DEFAULT_BOUNDS = PasswordBounds()


def verifier(
    password: str, salt: bytes, iterations: int, bounds: PasswordBounds = DEFAULT_BOUNDS
) -> str:
    """
    The text to store for a password.

    @param salt: random bytes, L{SALT_BYTES} of them.
    @raise ChatError: it is no valid password.
    """
    stored, server = _keys(checked(password, bounds), salt, iterations)
    return f"{MECHANISM}${iterations}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def parseVerifier(verifier: str) -> tuple[int, bytes, bytes, bytes] | None:
    """
    The rounds, the salt, StoredKey and ServerKey of a verifier; L{None} if the text is no verifier.
    """
    match = _VERIFIER.fullmatch(verifier)
    if match is None:
        return None
    try:
        salt, storedKey, serverKey = (b64decode(part, validate=True) for part in match.groups()[1:])
    except ValueError:
        return None
    return int(match[1]), salt, storedKey, serverKey


def matches(verifier: str, password: str) -> bool:
    """
    Whether it is that password, as it was typed or without outer white space; false too if the text
    is no verifier, or the password not valid.
    """
    parsed = parseVerifier(verifier)
    if parsed is None:
        return False
    iterations, salt, storedKey, serverKey = parsed
    for prepared in _candidates(password):
        derivedStored, derivedServer = _keys(prepared, salt, iterations)
        # Both are compared, in constant time, whatever the result of the first comparison is.
        if hmac.compare_digest(derivedStored, storedKey) & hmac.compare_digest(
            derivedServer, serverKey
        ):
            return True
    return False


def _candidates(password: str) -> list[str]:
    # As it was typed, and without outer white space: passwords with it were set, and lost it on the
    # way through commands.
    candidates: dict[str, None] = {}
    for typed in (password, password.strip()):
        try:
            prepared = prepare(typed)
        except ChatError:
            continue
        candidates[prepared if typed is password else prepared.strip()] = None
    candidates.pop("", None)
    return list(candidates)


def checked(password: str, bounds: PasswordBounds = DEFAULT_BOUNDS) -> str:
    """
    A new password, prepared.

    @raise ChatError: it is not valid.
    """
    if looksLikeToken(password):
        raise ChatError(PASSWORD_TOKEN, sign=TOKEN_SIGN)
    outside = ChatError(PASSWORD_CHARACTER, what="white space at its beginning or its end")
    if password != password.strip():
        # It is invisible, and the argument of a command has none.
        raise outside
    prepared = prepare(password, bounds.longest)
    if prepared != prepared.strip():
        raise outside
    if len(prepared) < bounds.shortest:
        raise ChatError(PASSWORD_SHORT, least=bounds.shortest)
    if len(prepared) > bounds.longest:
        raise ChatError(PASSWORD_LONG, most=bounds.longest)
    return prepared


def prepare(password: str, longest: int = PASSWORD_BOUND) -> str:
    """
    A password by SASLprep: one text for all compositions of the same letters.

    @raise ChatError: it has a forbidden character, or is too long.
    """
    # Preparing removes characters, but hardly so many.
    if len(password) > 4 * longest:
        raise ChatError(PASSWORD_LONG, most=longest)
    if password.isascii() and password.isprintable():
        # The usual case. The hasher's thread prepares, and holds the interpreter's lock meanwhile.
        return password
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    # The tables of Unicode 3.2, as the RFC demands: they are the same in every version of Python,
    # so a password stays valid after an upgrade of Python.
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    if len(prepared) > longest:
        # One character may have become eighteen, and each is looked up in nine tables below.
        raise ChatError(PASSWORD_LONG, most=longest)
    for character in prepared:
        for what, forbidden in _FORBIDDEN:
            if forbidden(character):
                raise ChatError(PASSWORD_CHARACTER, what=what)
    _checkDirections(prepared)
    return prepared


def _checkDirections(prepared: str) -> None:
    # RFC 3454, section 6: a text with right-to-left letters begins and ends with one, and has no
    # left-to-right letters.
    leftward = [stringprep.in_table_d1(character) for character in prepared]
    if any(leftward) and not (
        leftward[0] and leftward[-1] and not any(map(stringprep.in_table_d2, prepared))
    ):
        raise ChatError(PASSWORD_CHARACTER, what="letters that run both ways")


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    # StoredKey is a hash of the client's key: a thief of the file can't log in by SCRAM with it.
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
