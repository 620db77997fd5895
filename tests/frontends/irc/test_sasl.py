"""Tests for L{tsservices.frontends.irc.sasl}."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat.passwords import verifier
from tsservices.frontends.irc.sasl import Fragments, SASLError, Scram, fragments, plain

PASSWORD = "correct horse"
VERIFIER = verifier(PASSWORD, b"salt" * 4, 10)


def exchange(password: str, bound: bytes = b"n,,", nonce: str = "") -> tuple[Scram, bytes, bytes]:
    """The server, what its last message is, and what it should be."""
    server = Scram("theirs")
    server.first(b"n,,n=ann,r=ours")
    first = server.challenge(VERIFIER).decode()
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt" * 4, 10)
    key = hmac.digest(salted, b"Client Key", "sha256")
    last = f"c={b64encode(bound).decode()},r={nonce or 'ourstheirs'}"
    message = f"n=ann,r=ours,{first},{last}".encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    final = server.final(f"{last},p={b64encode(proof).decode()}".encode())
    serverKey = hmac.digest(salted, b"Server Key", "sha256")
    return server, final, b"v=" + b64encode(hmac.digest(serverKey, message, "sha256"))


def test_scram() -> None:
    server, final, wanted = exchange(PASSWORD)
    assert server.account == "ann"
    assert final == wanted


def test_scramRefuses() -> None:
    for arguments in (("wrong",), (PASSWORD, b"y,,"), (PASSWORD, b"n,,", "ours")):
        with pytest.raises(SASLError):
            exchange(*arguments)


@pytest.mark.parametrize(
    "first", [b"", b"p=x,,n=a,r=b", b"n,a=bob,n=a,r=b", b"n,,n=a", b"n,,m=x,n=a,r=b", b"\xff"]
)
def test_firstMessages(first: bytes) -> None:
    with pytest.raises(SASLError):
        Scram("x").first(first)


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_anyMessages(messages: list[bytes]) -> None:
    server = Scram("x")
    for step in (server.first, lambda data: server.challenge(VERIFIER), server.final):
        if messages:
            try:
                step(messages.pop(0))
            except SASLError:
                return


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\0ann\0pw", ("ann", "pw")),
        (b"ann\0ann\0pw", ("ann", "pw")),
        (b"bob\0ann\0pw", None),
        (b"\0ann\0", None),
        (b"\0\0pw", None),
        (b"ann\0pw", None),
        (b"\0ann\0p\0w", None),
        (b"\0ann\0\xff", None),
    ],
)
def test_plain(data: bytes, found: tuple[str, str] | None) -> None:
    if found is not None:
        assert plain(data) == found
        return
    with pytest.raises(SASLError):
        plain(data)


@given(st.binary(max_size=900))
def test_fragments(data: bytes) -> None:
    parts, joined = fragments(data), Fragments()
    assert all(len(part) <= 400 for part in parts)
    *before, last = parts
    assert [joined.add(part) for part in before] == [None] * len(before)
    assert joined.add(last) == data


def test_noBase64() -> None:
    with pytest.raises(SASLError):
        Fragments().add("!")
