"""
Passwords, as SCRAM-SHA-256 keeps them (RFC 5802, 7677).  Pure.

A verifier is one line of text, in the form that other servers write too::

    SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>

Neither the password nor what a client of SCRAM proves its knowledge with can be had from
it, so the same verifier will do for doors where the password itself is never sent.

Passwords are prepared by SASLprep (RFC 4013), so that it does not matter how a keyboard
has put the same letters together.  Characters that Unicode 3.2 did not know stay as they
are: RFC 4013 would have them refused, and every emoji among them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import stringprep
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Protocol
from unicodedata import ucd_3_2_0

from tsservices.chat.errors import PASSWORD_CHARACTER, PASSWORD_LONG, PASSWORD_SHORT, ChatError

#: Characters of a password, once it is prepared: the least that NIST SP 800-63B allows for.
PASSWORD_SHORTEST = 8

#: Characters of a password: more than any password safe makes, and no work to prepare.
PASSWORD_LONGEST = 200


#: What verifiers begin with.
MECHANISM = "SCRAM-SHA-256"

#: Bytes of a salt: so many that no two are the same.
SALT_BYTES = 16

_VERIFIER = re.compile(
    MECHANISM + r"\$([1-9][0-9]{0,6}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)"
)

#: Characters that are looked at: preparing makes less of them, but hardly that much less.
_UNPREPARED = 4 * PASSWORD_LONGEST

#: What no password has: its name, and what tells it.
_FORBIDDEN: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("control characters", stringprep.in_table_c21_c22),
    ("characters for private use", stringprep.in_table_c3),
    (
        "characters that are none",
        lambda it: stringprep.in_table_c4(it) or stringprep.in_table_c5(it),
    ),
    ("replacement characters", stringprep.in_table_c6),
    ("ideographic descriptions", stringprep.in_table_c7),
    ("signs that turn the direction of writing", stringprep.in_table_c8),
    ("language tags", stringprep.in_table_c9),
)


class PasswordHasher(Protocol):
    """Who does the work of passwords, which takes a while, and may have too much of it."""

    def derive(self, password: str, then: Callable[[str | ChatError], object]) -> None:
        """
        Make a verifier.

        @raise Refused: it can't be a password, or there is too much to do.
        """
        ...

    def check(
        self, verifier: str, password: str, then: Callable[[bool | ChatError], object]
    ) -> None:
        """
        Compare a password with a verifier.

        @raise Refused: there is too much to do.
        """
        ...


def verifier(password: str, salt: bytes, iterations: int) -> str:
    """
    What can be kept of it.

    @param salt: random bytes, L{SALT_BYTES} of them.
    @raise Refused: it can't be a password.
    """
    stored, server = _keys(checked(password), salt, iterations)
    return f"{MECHANISM}${iterations}:{_written(salt)}${_written(stored)}:{_written(server)}"


def matches(verifier: str, password: str) -> bool:
    """Whether it is that password; what can't be a verifier or a password is not."""
    found = _VERIFIER.fullmatch(verifier)
    try:
        prepared = prepare(password)
        if found is None:
            return False
        salt, kept, server = (b64decode(each, validate=True) for each in found.groups()[1:])
    except (ChatError, ValueError):
        return False
    stored, ours = _keys(prepared, salt, int(found[1]))
    # Both are compared, whatever the first has brought.
    return hmac.compare_digest(stored, kept) & hmac.compare_digest(ours, server)


def checked(password: str) -> str:
    """
    The same, prepared.

    @raise Refused: it can't be one.
    """
    prepared = prepare(password)
    if len(prepared) < PASSWORD_SHORTEST:
        raise ChatError(PASSWORD_SHORT, least=PASSWORD_SHORTEST)
    if len(prepared) > PASSWORD_LONGEST:
        raise ChatError(PASSWORD_LONG, most=PASSWORD_LONGEST)
    return prepared


def prepare(password: str) -> str:
    """
    The same for all ways in which the same letters can be put together.

    @raise Refused: something in it is in no password.
    """
    if len(password) > _UNPREPARED:
        raise ChatError(PASSWORD_LONG, most=PASSWORD_LONGEST)
    if password.isascii() and password.isprintable():
        # Most are, and who hashes them has the interpreter's lock for so much less long.
        return password
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each
        for each in password
        if not stringprep.in_table_b1(each)
    )
    # The oldest tables: they are the same in every version of Python.
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    if len(prepared) > PASSWORD_LONGEST:
        # One character may have become eighteen: each costs several looks, and people wait.
        raise ChatError(PASSWORD_LONG, most=PASSWORD_LONGEST)
    for character in prepared:
        for what, forbidden in _FORBIDDEN:
            if forbidden(character):
                raise ChatError(PASSWORD_CHARACTER, what=what)
    _checkDirections(prepared)
    return prepared


def _checkDirections(prepared: str) -> None:
    leftward = [stringprep.in_table_d1(each) for each in prepared]
    if any(leftward) and not (
        leftward[0] and leftward[-1] and not any(map(stringprep.in_table_d2, prepared))
    ):
        raise ChatError(PASSWORD_CHARACTER, what="letters that run both ways")


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def _written(data: bytes) -> str:
    return b64encode(data).decode("ascii")
