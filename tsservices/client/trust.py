"""
The decision whether to trust a TLS server.  Pure: L{tsservices.client.tls} gathers the evidence
and carries out the decision.

The rules, in this order:

  1. C{--tls-ca} is given: the authorities in that file must vouch for the server, and nothing else
     counts.
  2. C{--tls-fingerprint} is given: the key must have this fingerprint, and nothing else counts.
  3. The system's authorities vouch for the server: it is accepted, even with a new key.
  4. They vouched for it before, but not now: it is refused.  Otherwise a man in the middle would
     only need a self-made certificate.
  5. The key is the known one: the server is accepted, even if its certificate has expired.
  6. The key differs from the known one: the server is refused.
  7. The server is unknown: the user is asked; if nobody can be asked, it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from tsservices.common.text import logged

#: The prefix of a fingerprint's hexadecimal digits.
_ALGORITHM = "sha256:"

#: How many characters of a name in a certificate are shown: DNS names have at most 253.
_NAME_LENGTH = 253

_DIGEST = re.compile("[0-9a-f]{64}")

#: Descriptions of certificate errors, by OpenSSL's error numbers (C{x509_vfy.h}).
_DOUBTS = {
    2: "its authority is not among those known here",
    7: "a signature in its certificate is wrong",
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "it signed its certificate itself",
    19: "its authority is not among those known here",
    20: "its authority is not among those known here",
    21: "its authority is not among those known here",
    24: "its certificate is signed by one that may not sign",
    26: "its certificate is not for servers",
    66: "the key in its certificate is too short",
    67: "the key of its authority is too short",
    68: "its certificate is signed by a method that is no longer safe",
    79: "its certificate is signed by one that may not sign",
}


class ChainError(NamedTuple):
    """An error in a chain of certificates."""

    #: OpenSSL's error number.
    number: int
    #: The position of the certificate in the chain: 0 is that of the server.
    depth: int


class TrustBasis(Enum):
    """The reason why a key is trusted, as written in the file of known hosts."""

    AUTHORITY = "authority"
    ASKED = "asked"
    OPTION = "option"


@dataclass(frozen=True)
class Pin:
    """The saved key of a server."""

    #: The SHA-256 of the public key, in hexadecimal digits.
    key: str
    basis: TrustBasis
    #: The number of its line in the file; 0: not in the file.
    line: int = 0


@dataclass(frozen=True)
class KnownServer:
    """The saved knowledge about a server."""

    #: The path of the file of known hosts.
    path: str
    pin: Pin | None = None
    #: Why the file can't be read; empty: it was read.
    failure: str = ""


@dataclass(frozen=True)
class ShownIdentity:
    """The identity that a server has shown in the handshake."""

    #: The name of the server in messages.
    server: str
    #: The SHA-256 of its public key, in hexadecimal digits.
    key: str
    #: The SHA-256 of its whole certificate, which some tools print.
    certificate: str = ""
    #: Why no authority vouches for the server under this name; empty: one does.
    doubt: str = ""


@dataclass(frozen=True)
class TrustOptions:
    """The options about which servers to trust."""

    #: The path of a file with the only authorities to trust; empty: not given.
    authorities: str = ""
    #: The fingerprint of the only key to trust, in hexadecimal digits; empty: not given.
    fingerprint: str = ""


@dataclass(frozen=True)
class Accept:
    """The decision to accept the server."""

    #: The key to save; L{None}: the saved one stays.
    pin: Pin | None


@dataclass(frozen=True)
class Ask:
    """The decision to ask the user."""

    question: str


@dataclass(frozen=True)
class Refuse:
    """The decision to refuse the server; the text says why, and what the user can do."""

    text: str


Decision = Accept | Ask | Refuse


def parseFingerprint(text: str) -> str:
    """
    Extract the hexadecimal digits of a fingerprint, as this or another tool prints it.

    @raise ValueError: the text is no fingerprint; the message describes the format.
    """
    # openssl writes "SHA2-256(stdin)= " before the digits.
    digits = text.rpartition("=")[2].strip().lower().removeprefix(_ALGORITHM).replace(":", "")
    if not _DIGEST.fullmatch(digits):
        raise ValueError(f"{text!r} is no fingerprint: {_ALGORITHM} and 64 hexadecimal digits")
    return digits


def fingerprint(key: str) -> str:
    """Format a fingerprint for messages and files."""
    return f"{_ALGORITHM}{key}"


def chainDoubt(errors: Iterable[ChainError]) -> str:
    """Describe the errors in a chain of certificates; empty: there are none."""
    words: dict[str, None] = {}
    for number, depth in errors:
        doubt = _DOUBTS.get(number, f"its certificate is not valid (OpenSSL's error {number})")
        if depth:
            doubt = doubt.replace("its certificate", "the certificate of its authority")
        words[doubt] = None
    return " and ".join(words)


def nameDoubt(host: str, names: Iterable[str]) -> str:
    """
    Describe that a valid certificate is not for the requested host.

    @param names: the names and addresses in the certificate.
    """
    # The names are untrusted: the maker of the certificate chose them.
    listed = [logged(name[:_NAME_LENGTH]) for name in names]
    if not listed:
        return f"its certificate names no host, and so not {host}"
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return f"its certificate is for {', '.join(listed[:5])}{more}, not for {host}"


def decide(
    shown: ShownIdentity, known: KnownServer, options: TrustOptions, attended: bool
) -> Decision:
    """
    Decide whether to trust a server.

    @param attended: whether a user can be asked.
    """
    server, pin = shown.server, known.pin
    if options.authorities:
        if shown.doubt:
            return Refuse(f"{server} is not trusted: {shown.doubt} (--tls-ca)")
        return Accept(_remembered(shown, pin, TrustBasis.AUTHORITY))
    if options.fingerprint:
        if shown.key != options.fingerprint:
            return Refuse(_otherFingerprint(shown, options.fingerprint))
        basis = TrustBasis.OPTION if shown.doubt else TrustBasis.AUTHORITY
        if shown.doubt and pin is not None and pin.basis is TrustBasis.AUTHORITY:
            # The option counts for this run only: the saved basis stays L{TrustBasis.AUTHORITY}.
            return Accept(None)
        return Accept(_remembered(shown, pin, basis))
    if not shown.doubt:
        return Accept(_remembered(shown, pin, TrustBasis.AUTHORITY))
    if known.failure:
        return Refuse(f"{server} is not trusted: {shown.doubt}, and {known.failure}")
    if pin is None:
        if attended:
            return Ask(_question(shown))
        return Refuse(
            f"{server} is not known, and no authority vouches for it: {shown.doubt}. If this is "
            f"its key, add: --tls-fingerprint {fingerprint(shown.key)}"
        )
    if pin.basis is TrustBasis.AUTHORITY:
        return Refuse(
            f"an authority vouched for {server} before, and does no longer: {shown.doubt}. "
            "Somebody may stand in between, or its certificate was not renewed, or --tls-ca is "
            f"missing. If its key is right, add: --tls-fingerprint {fingerprint(shown.key)}"
            + _removal(" (to forget the authority, {})", known)
        )
    if pin.key == shown.key:
        return Accept(None)
    return Refuse(
        f"{server} has another key than before. Somebody may stand in between and read "
        "everything, or the server was set up anew: ask who runs it. It was "
        f"{fingerprint(pin.key)}, it is {fingerprint(shown.key)}. To accept the new one, add: "
        f"--tls-fingerprint {fingerprint(shown.key)}" + _removal(" (or {}, to be asked)", known)
    )


def _removal(words: str, known: KnownServer) -> str:
    # A key that is known in this run only is not in the file.
    if known.pin is None or not known.pin.line:
        return ""
    return words.format(f"remove line {known.pin.line} of {known.path}")


def _remembered(shown: ShownIdentity, pin: Pin | None, basis: TrustBasis) -> Pin | None:
    if pin is not None and pin.key == shown.key and basis is not TrustBasis.AUTHORITY:
        # The key is saved already, on an equal or better basis.
        return None
    if pin is not None and (pin.key, pin.basis) == (shown.key, basis):
        return None
    return Pin(shown.key, basis)


def _otherFingerprint(shown: ShownIdentity, wanted: str) -> str:
    if wanted == shown.certificate:
        return (
            "--tls-fingerprint is that of the whole certificate, and that of its public key is "
            f"needed. If the certificate is right, that is {fingerprint(shown.key)}"
        )
    return (
        f"{shown.server} has another key than that of --tls-fingerprint. Somebody may stand in "
        f"between, or the server has a new key. Wanted: {fingerprint(wanted)}, shown: "
        f"{fingerprint(shown.key)}"
    )


def _question(shown: ShownIdentity) -> str:
    return (
        f"{shown.server} is not known yet, and no authority vouches for it:\n"
        f"{shown.doubt}.\n"
        "The fingerprint of its key is\n"
        f"  {fingerprint(shown.key)}\n"
        "Compare it with what the server shows at its start, or whoever runs it.\n"
        f"{ANSWERS}\n"
    )


#: The question with its possible answers.
ANSWERS = "Is it right? yes, no, or paste the fingerprint to have it compared (no):"


def answered(answer: str, shown: ShownIdentity) -> Decision:
    """Return the decision that follows from the user's answer."""
    word = answer.strip().lower()
    if word == "yes":
        return Accept(Pin(shown.key, TrustBasis.ASKED))
    if word in ("", "n", "no"):
        return Refuse(f"{shown.server} is not trusted: the answer was no")
    try:
        given = parseFingerprint(word)
    except ValueError:
        return Ask(f"That is no answer. {ANSWERS}\n")
    if given == shown.key:
        return Accept(Pin(shown.key, TrustBasis.ASKED))
    return Refuse(_otherFingerprint(shown, given).replace("--tls-fingerprint", "the answer"))
