"""Tests for L{tsservices.client.chat.ui.files.logs}."""

from __future__ import annotations

import time
from pathlib import Path

from tsservices.client.chat.ui.files.logs import ChatLogs
from tsservices.client.chat.ui.lines import ShownLine
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind
from tsservices.frontends.formats.localtime import LocalTime

TIMES = LocalTime(time.gmtime)


def line(text: str, seq: int = 0) -> ShownLine:
    return ShownLine(1_795_219_200, [("", text)], seq=seq, aside=not seq)


def test_written(tmp_path: Path) -> None:
    complaints: list[str] = []
    room = ChatWindow(WindowKind.ROOM, "Tee", TIMES)
    for _ in range(2):
        # By two runs, the second of which is shown the last lines again.
        logs = ChatLogs(str(tmp_path / "logs"), complaints.append, time.gmtime)
        for seq in (1, 2):
            logs.write(room, line(f"<ann> line {seq}", seq))
    logs.write(ChatWindow(WindowKind.PRIVATE, "bob", TIMES), line("<bob> psst"))
    logs.write(ChatWindow(WindowKind.STATUS, "", TIMES), line("* you are ann"))
    logs.write(ChatWindow(WindowKind.ROOM, "../x", TIMES), line("evil", 1))
    folder = tmp_path / "logs"
    assert sorted(path.name for path in folder.iterdir()) == [
        "#%2e%2e%2fx.log",
        "#tee.log",
        "@bob.log",
    ]
    assert (folder / "#tee.log").read_text() == (
        "1 2026-11-21 00:00:00 <ann> line 1\n2 2026-11-21 00:00:00 <ann> line 2\n"
    )
    assert (folder / "@bob.log").read_text() == "2026-11-21 00:00:00 <bob> psst\n"
    assert (folder / "@bob.log").stat().st_mode & 0o777 == 0o600
    # The history was restored from a copy: numbers begin again.
    logs.restored(room, 1)
    logs.write(room, line("<ann> another", 2))
    assert (folder / "#tee.log").read_text().count("\n") == 3
    assert complaints == []


def test_severalLines(tmp_path: Path) -> None:
    room = ChatWindow(WindowKind.ROOM, "tee", TIMES)
    complaints: list[str] = []
    text = "<eve> one\n99 2026-11-21 00:00:00 <bob> forged"
    for _ in range(2):
        logs = ChatLogs(str(tmp_path), complaints.append, time.gmtime)
        for seq in (1, 2):
            logs.write(room, line(text, seq))
    lines = (tmp_path / "#tee.log").read_text().split("\n")
    assert [line[:2] for line in lines] == ["1 ", "  ", "2 ", "  ", ""]


def test_cannot(tmp_path: Path) -> None:
    complaints: list[str] = []
    (tmp_path / "logs").write_text("")
    logs = ChatLogs(str(tmp_path / "logs"), complaints.append, time.gmtime)
    for seq in (1, 2):
        logs.write(ChatWindow(WindowKind.ROOM, "tee", TIMES), line("x", seq))
    assert len(complaints) == 1
    assert complaints[0].startswith("nothing is logged any more: ")
