"""Commands to a running server: export and backup."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.support.line_client import LineClient
from tests.live.support.server import ANSWER_SECONDS, Server

#: Of the server.
OPTIONS = ("--services", "chat", "--flood-lines", "0", "--flood-bytes", "0")

#: Lines in its room: several pages.
LINES = 1000


@pytest.fixture(scope="module")
def chat(sharedFolder: Path) -> Iterator[Server]:
    with Server(sharedFolder, *OPTIONS) as server:
        with LineClient(server, "ann", "/ack on") as ann:
            ann.say(*(f"line {number}" for number in range(1, LINES + 1)))
            ann.until(f"* stored lobby {LINES}")
        yield server


def command(
    server: Server,
    *words: str,
    program: tuple[str, ...] = (sys.executable, "-m", "tsservices"),
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*program, *words, "--state", str(server.state)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        timeout=3 * ANSWER_SECONDS,
    )


def test_export(chat: Server, tmp_path: Path) -> None:
    done = command(chat, "export", "lobby", "--since", "2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == LINES - 1
    assert lines[0].startswith("* ")
    assert lines[1].endswith("<ann> line 3")
    file = tmp_path / "lobby.json"
    done = command(chat, "export", "#lobby", "--format", "json", "-o", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["seq"] for row in found] == list(range(1, LINES + 1))
    assert file.stat().st_mode & 0o777 == 0o600
    done = command(chat, "export", "lobby", "-o", str(file))
    assert done.returncode == 1
    assert done.stderr == f"tsservices: {file} is there already\n"


def test_readerClosesPipe(chat: Server) -> None:
    done = command(
        chat,
        "export",
        "lobby",
        program=("sh", "-c", '"$@" | head -n 1', "sh", sys.executable, "-m", "tsservices"),
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_backup(chat: Server, tmp_path: Path) -> None:
    # A relative path is one of the folder where the command is given.
    done = command(chat, "backup", "copy", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"copied to {tmp_path}/copy\n"
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    done = command(chat, "backup", str(tmp_path / "copy"))
    assert done.returncode == 1
    assert "is there already" in done.stderr
