"""Tests for L{tsservices.admin.commands}: what needs no server."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tsservices.__main__ import main
from tsservices.admin import commands
from tsservices.admin.commands import CONTROL_ANSWER
from tsservices.common.statedir import CONTROL_SOCKET


def answered(*objects: object) -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(item).encode() + b"\n" for item in objects))


def refused(words: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        commands.main(words)
    assert caught.value.code == 1
    out, error = capfd.readouterr()
    assert out == ""
    (line,) = error.splitlines()
    assert line.startswith("tsservices: ")
    return line


@pytest.mark.parametrize("word", [["backup", "copy"], ["export", "lobby"]])
def test_noServer(word: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.chdir(tmp_path)
    line = refused([*word, "--state", str(tmp_path)], capfd)
    assert line == f"tsservices: no server with a chat runs in {tmp_path}"
    assert list(tmp_path.iterdir()) == []
    assert "no server" in refused([*word, "--state", str(tmp_path / "nowhere")], capfd)


def test_longPath(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "too long" in refused(["export", "a", "--state", str(tmp_path / ("x" * 200))], capfd)


def test_fileExists(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "copy").write_text("precious")
    line = refused(["backup", str(tmp_path / "copy"), "--state", str(tmp_path)], capfd)
    assert line == f"tsservices: {tmp_path}/copy is there already"


@pytest.mark.parametrize(
    "words",
    [
        ["backup"],
        ["export"],
        ["export", "lobby", "--since", "x"],
        ["export", "lobby", "--since", "-1"],
        ["export", "lobby", "--format", "xml"],
        ["backup", "a", "b"],
    ],
)
def test_usage(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.main(words)
    assert caught.value.code == 2
    reason, hint = capfd.readouterr().err.splitlines()
    assert reason.startswith(f"tsservices {words[0]}: ")
    assert hint == f"tsservices {words[0]}: see tsservices {words[0]} --help"


@pytest.mark.parametrize("word", commands.WORDS)
def test_help(
    word: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tsservices", word, "--help"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    out = capfd.readouterr().out
    assert f"usage: tsservices {word}" in out
    assert "--state" in out


def test_answerInParts() -> None:
    parts = commands._answers(answered({"text": "a"}, {"alive": True}, {"text": "b"}, {"done": 2}))
    assert list(parts) == ["a", "b"]


def test_refusedBeforeTheCommand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server with too many commands answers and closes at once."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / CONTROL_SOCKET))
        listener.listen()

        class Client(socket.socket):
            def connect(self, path: Any) -> None:
                super().connect(path)
                with listener.accept()[0] as served:
                    served.sendall(b'{"error": "there are 4"}\n')

        monkeypatch.setattr(socket, "socket", Client)
        assert "there are 4" in refused(["export", "a", "--state", str(tmp_path)], capfd)


def test_answerWithoutEnd() -> None:
    for end in (b"", b"x\n", b'{"text":"' + b"x" * CONTROL_ANSWER):
        with pytest.raises(commands.CommandFailed):
            list(commands._answers(io.BytesIO(b'{"text":"a"}\n' + end)))


def test_errorAfterParts() -> None:
    parts = commands._answers(answered({"text": "a"}, {"error": "no disk"}))
    assert next(parts) == "a"
    with pytest.raises(commands.CommandFailed, match="no disk"):
        next(parts)


def test_fingerprint(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cryptography", reason="the extra tls is not installed")
    from datetime import UTC, datetime

    from tsservices.common.certificates import parse, selfSigned

    words = ["fingerprint", "--state", str(tmp_path)]
    assert "a server with --tls makes it" in refused(words, capfd)
    pem = selfSigned("a", datetime.now(UTC))
    (tmp_path / "tls.pem").write_bytes(pem)
    for where in ("--state", str(tmp_path)), ("--certificate", str(tmp_path / "tls.pem")):
        with pytest.raises(SystemExit) as caught:
            commands.main(["fingerprint", *where])
        assert caught.value.code == 0
        assert capfd.readouterr().out == parse(pem).fingerprint + "\n"
    (tmp_path / "tls.pem").write_bytes(b"")
    assert "one private key" in refused(words, capfd)


def test_fingerprintWithoutExtra(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tls.pem").write_bytes(b"")
    for name in ("cryptography", "cryptography.x509"):
        monkeypatch.setitem(sys.modules, name, None)
    line = refused(["fingerprint", "--state", str(tmp_path)], capfd)
    assert "pip install 'tsservices[tls]'" in line
