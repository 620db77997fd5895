"""Tests for L{tsservices.client.known_hosts}."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tsservices.client.known_hosts import KNOWN_HOSTS, KnownHosts
from tsservices.client.shared_file import SharedFileError
from tsservices.client.trust import Pin, TrustBasis

KEY, OTHER = "aa" * 32, "bb" * 32

NOW = 1_795_000_000.0


def written(folder: Path, text: str | bytes) -> tuple[KnownHosts, list[str]]:
    (folder / KNOWN_HOSTS).write_bytes(text.encode() if isinstance(text, str) else text)
    complaints: list[str] = []
    return KnownHosts(str(folder), complaints.append), complaints


def content(folder: Path) -> bytes:
    return (folder / KNOWN_HOSTS).read_bytes()


def test_keep(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    hosts = KnownHosts(str(folder), pytest.fail)
    assert hosts.find("h:7").pin is None
    hosts.keep("h:7", Pin(KEY, TrustBasis.ASKED), NOW)
    hosts.keep("[::1]:8", Pin(OTHER, TrustBasis.AUTHORITY), NOW)
    assert hosts.find("h:7").pin == Pin(KEY, TrustBasis.ASKED, 1)
    assert hosts.find("[::1]:8").pin == Pin(OTHER, TrustBasis.AUTHORITY, 2)
    assert (
        content(folder).splitlines()[0].decode() == f"h:7 sha256:{KEY} asked 2026-11-18T11:06:40Z"
    )
    for path, mode in ((folder, 0o700), (folder / KNOWN_HOSTS, 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_replace(tmp_path: Path) -> None:
    others = f"# mine\n\nb:7 sha256:{KEY}\nbroken line\n".encode() + b"\xff\xfe\n"
    hosts, _ = written(tmp_path, b"a:7 sha256:" + KEY.encode() + b"\n" + others)
    hosts.keep("a:7", Pin(OTHER, TrustBasis.OPTION), NOW)
    # Comments, and what is not understood, stay byte by byte.
    assert content(tmp_path).startswith(others)
    assert content(tmp_path).count(b"\n") == 6
    assert hosts.find("a:7").pin == Pin(OTHER, TrustBasis.OPTION, 6)
    assert os.listdir(tmp_path).count(f"{KNOWN_HOSTS}.new") == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"h:7 sha256:{KEY}", 1),
        (f"\ufeffh:7 SHA256:{KEY.upper()} asked yesterday by me\r\n", 1),
        (f"H:7\t{':'.join(['aa'] * 32)}\n", 1),
        (f"h:7 sha256:{OTHER} authority x\nh:7 sha256:{KEY} asked\n", 2),
    ],
)
def test_edited(tmp_path: Path, text: str, line: int) -> None:
    hosts, complaints = written(tmp_path, text)
    assert hosts.find("h:7").pin == Pin(KEY, TrustBasis.ASKED, line)
    assert complaints == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"h sha256:{KEY}", "it does not begin with HOST:PORT"),
        (f"h:x sha256:{KEY}", "it does not begin with HOST:PORT"),
        ("h:7", "it has no fingerprint"),
        (f"h:7 sha256:{KEY[:-1]}", "is no fingerprint"),
        (f"h:7 sha256:{KEY} trusted", "'trusted' is none of authority, asked, option"),
    ],
)
def test_badLines(tmp_path: Path, line: str, why: str) -> None:
    hosts, complaints = written(tmp_path, f"# first\n{line}\ni:7 sha256:{KEY}\n")
    assert hosts.find("h:7").pin is None
    assert hosts.find("i:7").pin == Pin(KEY, TrustBasis.ASKED, 3)
    (complaint,) = complaints
    assert f"{KNOWN_HOSTS} line 2 is ignored: " in complaint
    assert why in complaint


def test_concurrentClients(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from tsservices.client.known_hosts import KnownHosts\n"
        "from tsservices.client.trust import Pin, TrustBasis\n"
        "hosts = KnownHosts(sys.argv[1], print)\n"
        "for port in range(40):\n"
        "    pin = Pin('aa' * 32, TrustBasis.ASKED)\n"
        "    hosts.keep(f'{sys.argv[2]}:{port}', pin, 0.0)\n"
    )
    commands = [[sys.executable, "-c", code, str(tmp_path), name] for name in ("a", "b", "c")]
    running = [subprocess.Popen(command) for command in commands]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(set(content(tmp_path).splitlines())) == 120


def test_symbolicLink(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    target = tmp_path / "dotfiles" / "hosts"
    (tmp_path / KNOWN_HOSTS).symlink_to(target)
    KnownHosts(str(tmp_path), pytest.fail).keep("h:7", Pin(KEY, TrustBasis.ASKED), NOW)
    assert target.read_text().startswith("h:7 ")
    assert (tmp_path / KNOWN_HOSTS).is_symlink()


def test_failures(tmp_path: Path) -> None:
    (tmp_path / KNOWN_HOSTS).mkdir()
    hosts = KnownHosts(str(tmp_path), pytest.fail)
    assert "known_hosts can't be read: Is a directory" in hosts.find("h:7").failure
    with pytest.raises(SharedFileError, match="can't be read"):
        hosts.keep("h:7", Pin(KEY, TrustBasis.ASKED), NOW)
    (tmp_path / "file").touch()
    hosts = KnownHosts(str(tmp_path / "file"), pytest.fail)
    assert "Not a directory" in hosts.find("h:7").failure
    with pytest.raises(SharedFileError, match="can't be written"):
        hosts.keep("h:7", Pin(KEY, TrustBasis.ASKED), NOW)
