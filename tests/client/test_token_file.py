"""Tests for L{tsservices.client.token_file}."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tsservices.client.shared_file import SharedFileError
from tsservices.client.token_file import LOOPBACK, TOKENS, TokenFile, bindingOf
from tsservices.common.tokens import TOKEN_BYTES, newToken, readToken

KEY, OTHER = "aa" * 32, "bb" * 32

ONE, TWO = (newToken(bytes([number]) * TOKEN_BYTES) for number in (1, 2))


def tokenFile(
    folder: Path, host: str = "h", port: int = 7, binding: str = LOOPBACK
) -> tuple[TokenFile, list[str]]:
    complaints: list[str] = []
    tokens = TokenFile(str(folder), host, port, complaints.append, lambda: 1_795_000_000.0)
    tokens.binding = binding
    return tokens, complaints


@pytest.mark.parametrize(
    ("peer", "key", "binding"),
    [
        ("127.0.0.1", "", LOOPBACK),
        ("127.8.9.1", "", LOOPBACK),
        ("::1", "", LOOPBACK),
        ("::ffff:127.0.0.1", "", LOOPBACK),
        ("::FFFF:10.0.0.1", "", ""),
        ("10.0.0.1", "", ""),
        ("fe80::1%lo", "", ""),
        ("localhost", "", ""),
        ("", "", ""),
        ("10.0.0.1", KEY, f"sha256:{KEY}"),
        ("127.0.0.1", KEY, f"sha256:{KEY}"),
    ],
)
def test_binding(peer: str, key: str, binding: str) -> None:
    assert bindingOf(peer, key) == binding


def test_keep(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    tokens, _ = tokenFile(folder)
    assert not tokens.has("ann")
    assert tokens.keep("Ann", ONE) == ""
    assert tokens.find("ann") == tokens.find("ANN") == ONE
    path = folder / TOKENS
    assert path.read_text() == f"h:7 ann loopback {ONE} 2026-11-18T11:06:40Z\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert tokens.keep("ann", TWO) == readToken(ONE).ident
    assert path.read_text().count("\n") == 1
    # Only that one, and only if it is still kept.
    assert tokens.forget("ann", ONE) == ""
    assert tokens.find("ann") == TWO
    assert tokens.forget("ann", TWO) == readToken(TWO).ident
    assert path.read_text() == ""


@pytest.mark.parametrize(
    ("host", "port", "account", "binding"),
    [
        ("i", 7, "ann", LOOPBACK),
        ("h", 8, "ann", LOOPBACK),
        ("h", 7, "bob", LOOPBACK),
        ("h", 7, "ann", ""),
        ("h", 7, "ann", f"sha256:{KEY}"),
    ],
)
def test_others(tmp_path: Path, host: str, port: int, account: str, binding: str) -> None:
    tokenFile(tmp_path)[0].keep("ann", ONE)
    tokens, complaints = tokenFile(tmp_path, host, port, binding)
    assert (tokens.find(account), complaints) == ("", [])


def test_otherKey(tmp_path: Path) -> None:
    tokenFile(tmp_path, binding=f"sha256:{KEY}")[0].keep("ann", ONE)
    for binding in (f"sha256:{OTHER}", LOOPBACK, ""):
        tokens, _ = tokenFile(tmp_path, binding=binding)
        assert (tokens.find("ann"), tokens.has("ann")) == ("", True)


def test_sameServer(tmp_path: Path) -> None:
    tokenFile(tmp_path, "Chat.Example.")[0].keep("ann", ONE)
    assert tokenFile(tmp_path, "chat.example")[0].find("ann") == ONE
    tokenFile(tmp_path, "0:0::1")[0].keep("ann", TWO)
    assert tokenFile(tmp_path, "::1")[0].find("ann") == TWO


def test_declined(tmp_path: Path) -> None:
    tokens, _ = tokenFile(tmp_path)
    tokens.decline("ann")
    assert (tokens.declined("ann"), tokens.has("ann"), tokens.find("ann")) == (True, False, "")
    assert tokens.forget("ann") == ""
    assert not tokens.declined("ann")
    tokens.decline("ann")
    tokens.keep("ann", ONE)
    assert not tokens.declined("ann")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("h:7 ann loopback", "it is not HOST:PORT ACCOUNT KEY TOKEN"),
        (f"h:7 ann sha256:aa {ONE}", "is no fingerprint"),
        (f"h:7 ann loopback {ONE[:-3]}", "its token is not whole"),
    ],
)
def test_badLines(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / TOKENS
    path.write_text(f"# mine\n\n{line}\nh:7 ann loopback {ONE}\n")
    path.chmod(0o600)
    tokens, complaints = tokenFile(tmp_path)
    assert tokens.find("ann") == tokens.find("ann") == ONE
    assert len(complaints) == 1
    assert why in complaints[0]
    assert ONE[15:30] not in complaints[0]
    tokens.forget("ann")
    assert path.read_text() == f"# mine\n\n{line}\n"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_othersMayRead(tmp_path: Path, mode: int) -> None:
    tokenFile(tmp_path)[0].keep("ann", ONE)
    (tmp_path / TOKENS).chmod(mode)
    tokens, complaints = tokenFile(tmp_path)
    assert (tokens.find("ann"), tokens.find("ann")) == ("", "")
    path = tmp_path / TOKENS
    assert complaints == [f"no token is read: others may read {path}: chmod 600 it"]
    with pytest.raises(SharedFileError, match="others may read"):
        tokens.keep("ann", TWO)
    with pytest.raises(SharedFileError, match="others may read"):
        tokens.forget("ann")


@pytest.mark.parametrize(
    ("account", "token"),
    [("ann", ""), ("ann", "never"), ("ann", ONE[:-1]), ("ann", f"{ONE}!"), ("a b", ONE), ("", ONE)],
)
def test_notStored(tmp_path: Path, account: str, token: str) -> None:
    tokens, _ = tokenFile(tmp_path)
    with pytest.raises(ValueError):  # noqa: PT011
        tokens.keep(account, token)
    assert os.listdir(tmp_path) == []


def test_noFolder() -> None:
    complaints: list[str] = []
    tokens = TokenFile(os.devnull, "h", 7, complaints.append)
    assert (tokens.find("ann"), tokens.declined("ann"), complaints) == ("", False, [])
    tokens.binding = LOOPBACK
    with pytest.raises(SharedFileError, match="can't be written"):
        tokens.keep("ann", ONE)


def test_unchanged(tmp_path: Path) -> None:
    # It may be a link to where nobody may write.
    tokenFile(tmp_path)[0].keep("ann", ONE)
    before = os.stat(tmp_path / TOKENS)
    assert tokenFile(tmp_path)[0].forget("bob") == ""
    assert tokenFile(tmp_path)[0].forget("ann", TWO) == ""
    assert os.stat(tmp_path / TOKENS).st_ino == before.st_ino
