"""
SASL (IRCv3 3.1 and 3.2): PLAIN (RFC 4616) and SCRAM-SHA-256 (RFC 5802), as a state machine that
gets the client's messages.  Pure.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from dataclasses import dataclass

from tsservices.chat.names import fold
from tsservices.chat.passwords import parseVerifier

#: Characters of one AUTHENTICATE; a line of this length is followed by another one.
CHUNK = 400

#: Characters of all lines together: two names and the longest password that an operator can
#: allow, in any script.
LONGEST = 16 * CHUNK


class SASLError(Exception):
    """Data from a client is not a valid message of the mechanism."""


class SASLTooLong(SASLError):
    """A line is longer than a fragment may be."""


class Fragments:
    """Joins data that is sent in several lines."""

    def __init__(self) -> None:
        self._joined = ""

    def add(self, text: str) -> bytes | None:
        """
        Add a line; return the decoded data, or L{None} while more follows.

        @raise SASLError: the data is not base64, or too long.
        """
        if len(text) > CHUNK:
            raise SASLTooLong
        if text != "+":
            self._joined += text
        if len(self._joined) > LONGEST:
            raise SASLError("this is too long for two names and a password")
        if len(text) == CHUNK:
            return None
        joined, self._joined = self._joined, ""
        try:
            return b64decode(joined, validate=True)
        except ValueError:
            raise SASLError("this is no base64") from None


def fragments(data: bytes) -> list[str]:
    """Divide a challenge into lines of AUTHENTICATE."""
    if not data:
        return ["+"]
    text = b64encode(data).decode("ascii")
    parts = [text[begin : begin + CHUNK] for begin in range(0, len(text), CHUNK)]
    return [*parts, "+"] if len(parts[-1]) == CHUNK else parts


def plain(data: bytes) -> tuple[str, str]:
    """
    Parse the account and the password of PLAIN.

    @raise SASLError: the data is invalid, or the client asks to act for another account.
    """
    parts = data.split(b"\0")
    if len(parts) != 3:
        raise SASLError("three parts are wanted")
    try:
        authorize, account, password = (part.decode() for part in parts)
    except UnicodeDecodeError:
        raise SASLError("this is no UTF-8") from None
    if not account or not password:
        raise SASLError("a name and a password are wanted")
    if authorize and fold(authorize) != fold(account):
        raise SASLError("nobody may act for somebody else")
    return account, password


@dataclass(slots=True)
class _Secrets:
    salt: str
    iterations: int
    storedKey: bytes
    serverKey: bytes


class Scram:
    """
    The server's side of SCRAM-SHA-256.

    @ivar account: the name that the client gives in its first message.
    """

    def __init__(self, nonce: str) -> None:
        """@param nonce: a text that can't be guessed."""
        self.account = ""
        self._nonce = nonce
        self._clientFirst = self._serverFirst = ""
        self._bound = b""
        self._secrets: _Secrets | None = None

    def first(self, data: bytes) -> None:
        """
        Read the client's first message.

        @raise SASLError: the message is invalid.
        """
        text = _text(data)
        flag, _, rest = text.partition(",")
        authorize, _, bare = rest.partition(",")
        if flag not in ("n", "y"):
            raise SASLError("there is no channel binding here")
        fields = _fields(bare)
        self.account = fields.get("n", "").replace("=2C", ",").replace("=3D", "=")
        nonce = fields.get("r", "")
        if not self.account or not nonce or "m" in fields:
            raise SASLError("this is no first message")
        if authorize not in ("", f"a={fields['n']}"):
            raise SASLError("nobody may act for somebody else")
        self._bound = f"{flag},{authorize},".encode()
        self._clientFirst = bare
        self._nonce = nonce + self._nonce

    def challenge(self, verifier: str) -> bytes:
        """
        Make the server's first message.

        @param verifier: of the account, as L{tsservices.chat.passwords} writes it.
        @raise SASLError: the account has none.
        """
        parsed = parseVerifier(verifier)
        if parsed is None:
            raise SASLError("there is no such account")
        iterations, salt, stored, server = parsed
        encoded = b64encode(salt).decode("ascii")
        self._secrets = _Secrets(encoded, iterations, stored, server)
        self._serverFirst = f"r={self._nonce},s={encoded},i={iterations}"
        return self._serverFirst.encode()

    def final(self, data: bytes) -> bytes:
        """
        Check the client's last message, and make the server's.

        @raise SASLError: the password is wrong, or the message is of another exchange.
        """
        secrets = self._secrets
        if secrets is None:
            raise SASLError("this is not its turn")
        text = _text(data)
        without, _, proof = text.rpartition(",p=")
        fields = _fields(without)
        try:
            clientProof = b64decode(proof, validate=True)
            bound = b64decode(fields.get("c", ""), validate=True)
        except ValueError:
            raise SASLError("this is no base64") from None
        message = f"{self._clientFirst},{self._serverFirst},{without}".encode()
        signature = hmac.digest(secrets.storedKey, message, "sha256")
        if len(clientProof) != len(signature):
            raise SASLError("this is no proof")
        key = bytes(a ^ b for a, b in zip(clientProof, signature, strict=True))
        right = hmac.compare_digest(hashlib.sha256(key).digest(), secrets.storedKey)
        if not right or fields.get("r") != self._nonce or bound != self._bound:
            raise SASLError("this is not the password")
        server = hmac.digest(secrets.serverKey, message, "sha256")
        return b"v=" + b64encode(server)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise SASLError("this is no UTF-8") from None


def _fields(text: str) -> dict[str, str]:
    return {part[:1]: part[2:] for part in text.split(",") if part[1:2] == "="}
