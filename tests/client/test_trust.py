"""Tests for L{tsservices.client.trust}."""

from __future__ import annotations

import pytest

from tsservices.client.trust import (
    Accept,
    Ask,
    ChainError,
    Decision,
    KnownServer,
    Pin,
    Refuse,
    ShownIdentity,
    TrustBasis,
    TrustOptions,
    answered,
    chainDoubt,
    decide,
    nameDoubt,
    parseFingerprint,
)

KEY, OTHER, WHOLE = "aa" * 32, "bb" * 32, "cc" * 32

DOUBT = "it signed its certificate itself"

CA = TrustOptions(authorities="ca.pem")
SAME = TrustOptions(fingerprint=KEY)
DIFFERENT = TrustOptions(fingerprint=OTHER)

KEEP = Accept(None)
AUTHORITY, ASKED, OPTION = (Accept(Pin(KEY, basis)) for basis in TrustBasis)


def pinned(key: str, basis: str) -> Pin:
    return Pin(key, TrustBasis(basis), 3)


#: Whether an authority vouches, what is known, the options; what follows without and with a
#: person.  A text: it is refused in words with that in them.
TABLE: list[tuple[bool, Pin | None, TrustOptions, Accept | str, Accept | str]] = [
    # Nothing is known.
    (True, None, TrustOptions(), AUTHORITY, AUTHORITY),
    (False, None, TrustOptions(), f"add: --tls-fingerprint sha256:{KEY}", "ask"),
    # A renewed certificate, with another key or the same one.
    (True, pinned(OTHER, "authority"), TrustOptions(), AUTHORITY, AUTHORITY),
    (True, pinned(KEY, "authority"), TrustOptions(), KEEP, KEEP),
    (True, pinned(KEY, "asked"), TrustOptions(), AUTHORITY, AUTHORITY),
    (True, pinned(OTHER, "asked"), TrustOptions(), AUTHORITY, AUTHORITY),
    # Never less than an authority again, whatever the key.
    (False, pinned(KEY, "authority"), TrustOptions(), "remove line 3 of", "Somebody may stand"),
    (False, pinned(OTHER, "authority"), TrustOptions(), "vouched for h port 7 before", DOUBT),
    # The known key, whatever is wrong with its certificate.
    (False, pinned(KEY, "asked"), TrustOptions(), KEEP, KEEP),
    (False, pinned(KEY, "option"), TrustOptions(), KEEP, KEEP),
    # Another one.
    (False, pinned(OTHER, "asked"), TrustOptions(), "another key than before", "line 3 of /k"),
    (False, pinned(OTHER, "option"), TrustOptions(), f"It was sha256:{OTHER}, it is", KEY),
    # By the option.
    (False, None, SAME, OPTION, OPTION),
    (True, None, SAME, AUTHORITY, AUTHORITY),
    (False, pinned(OTHER, "asked"), SAME, OPTION, OPTION),
    (False, pinned(KEY, "asked"), SAME, KEEP, KEEP),
    (False, pinned(OTHER, "authority"), SAME, KEEP, KEEP),
    (False, None, DIFFERENT, f"Wanted: sha256:{OTHER}, shown: sha256:{KEY}", "Somebody may"),
    (True, None, DIFFERENT, "another key than that of --tls-fingerprint", "a new key"),
    (False, pinned(KEY, "asked"), DIFFERENT, "Wanted", "Wanted"),
    (False, None, TrustOptions(fingerprint=WHOLE), "of the whole certificate", KEY),
    # By authorities of one's own: nothing else counts.
    (True, None, CA, AUTHORITY, AUTHORITY),
    (False, None, CA, DOUBT, DOUBT),
    (False, pinned(KEY, "asked"), CA, "(--tls-ca)", "h port 7 is not trusted"),
]


def check(decision: Decision, wanted: Accept | str) -> None:
    if wanted == "ask":
        assert isinstance(decision, Ask)
        assert f"sha256:{KEY}" in decision.question
        assert DOUBT in decision.question
    elif isinstance(wanted, str):
        assert isinstance(decision, Refuse)
        assert wanted in decision.text
        assert "\n" not in decision.text
    else:
        assert decision == wanted


@pytest.mark.parametrize(("vouched", "pin", "options", "alone", "attended"), TABLE)
def test_decide(
    vouched: bool,
    pin: Pin | None,
    options: TrustOptions,
    alone: Accept | str,
    attended: Accept | str,
) -> None:
    shown = ShownIdentity("h port 7", KEY, WHOLE, "" if vouched else DOUBT)
    known = KnownServer("/known_hosts", pin)
    check(decide(shown, known, options, attended=False), alone)
    check(decide(shown, known, options, attended=True), attended)


def test_unreadableFile() -> None:
    known = KnownServer("/known_hosts", failure="/known_hosts can't be read: why")
    shown = ShownIdentity("h port 7", KEY, WHOLE, DOUBT)
    # Nothing that is written there may be missed.
    check(decide(shown, known, TrustOptions(), True), "can't be read: why")
    check(decide(shown, known, SAME, True), OPTION)
    check(decide(ShownIdentity("h", KEY), known, TrustOptions(), False), AUTHORITY)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ("yes", ASKED),
        (" YES \r", ASKED),
        (f"SHA256:{KEY.upper()}", ASKED),
        ("", "the answer was no"),
        ("no", "the answer was no"),
        (OTHER, "another key than that of the answer"),
        (WHOLE, "the answer is that of the whole certificate"),
    ],
)
def test_answers(answer: str, wanted: Accept | str) -> None:
    check(answered(answer, ShownIdentity("h port 7", KEY, WHOLE, DOUBT)), wanted)


@pytest.mark.parametrize("answer", ["y", "hello", "/nick ann", "aa", "sha256:"])
def test_noAnswer(answer: str) -> None:
    # What was typed before the question stood is no yes.
    assert isinstance(answered(answer, ShownIdentity("h", KEY)), Ask)


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"SHA2-256(stdin)= {KEY}",
        f"sha256:{KEY}",
        f" SHA256:{KEY.upper()}\n",
        "sha256:" + ":".join(["AA"] * 32),
    ],
)
def test_fingerprints(text: str) -> None:
    assert parseFingerprint(text) == KEY


@pytest.mark.parametrize("text", ["", "sha256:", KEY[:-1], KEY + "a", "g" * 64, "sha1:" + KEY[:40]])
def test_noFingerprints(text: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        parseFingerprint(text)


def test_doubts() -> None:
    assert chainDoubt([]) == ""
    errors = [ChainError(number, depth) for number, depth in ((20, 0), (21, 0), (10, 0), (10, 1))]
    assert chainDoubt(errors) == (
        "its authority is not among those known here and its certificate has expired "
        "and the certificate of its authority has expired"
    )
    assert "OpenSSL's error 12345" in chainDoubt([ChainError(12345, 0)])
    assert nameDoubt("h", ["a", "::1"]) == "its certificate is for a, ::1, not for h"
    assert nameDoubt("h", []) == "its certificate names no host, and so not h"
    assert "is for a\\n\\x1b[2J, not" in nameDoubt("h", ["a\n\x1b[2J"])
    assert "e and 2 more, not" in nameDoubt("h", "abcdefg")
