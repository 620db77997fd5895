"""A real server and its users, by what is public: command line, files and sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

#: Seconds to wait for anything.
PATIENCE = 15.0

#: Is answered when all before it is done, stored and told.
FENCE = "/help quit"

_FENCED = "/quit [WHY]: leave"

_MINUTE = r"\d{4}-\d\d-\d\d \d\d:\d\d"

# Which lines are of the same day is another thing each time.
_DAY = re.compile(r"(\| )?\* [A-Z][a-z]+day \d+ [A-Z][a-z]+ \d{4}")

_TEXT = (
    (r"\d\d:\d\d:\d\d", "CLOCK"),
    (_MINUTE, "MINUTE"),
    (r"~[a-z2-7]{12}", "~CLOAK"),
    (r"\d+ bytes waited", "N bytes waited"),
)


def plain(value: Any, since: int = 0) -> Any:
    if isinstance(value, dict):
        found = {key: plain(each, since) for key, each in value.items()}
        changing = {"token": "SECRET", "verifier": "SECRET", "port": "PORT"}
        return found | {key: each for key, each in changing.items() if key in found}
    if isinstance(value, list | tuple):
        return [plain(each, since) for each in value]
    if isinstance(value, int) and value > max(since, 10**15):
        return "TIME"
    if isinstance(value, str):
        if not since:
            value = re.sub(r"\b[0-9a-f]{8}-\d+-(w?)\d+\b", r"LOG-N-\1N", value)
            value = re.sub(_MINUTE, "MINUTE", value)
        value = re.sub(r"~[a-z2-7]{12}", "~CLOAK", value)
    return value


def plainText(lines: Iterable[str]) -> list[str]:
    found = []
    for line in lines:
        if not _DAY.fullmatch(line):
            for pattern, instead in _TEXT:
                line = re.sub(pattern, instead, line)
            found.append(line)
    return found


class Server:
    def __init__(self, state: Path, *options: str) -> None:
        self.state = state
        self.log = ""
        self._ports = state / "ports.json"
        self._ports.unlink(missing_ok=True)
        words = ("--port", "0", "--state", str(state), *options)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tsservices", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TZ": "UTC"},
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + PATIENCE
        while not self._ports.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise AssertionError(f"it does not serve: {self._process.communicate()[0]!r}")
            time.sleep(0.01)
        self.ports: list[dict[str, Any]] = json.loads(self._ports.read_text("utf-8"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self.log = self._process.communicate(timeout=PATIENCE)[0].decode()
        finally:
            self._process.kill()
        if kind is None:
            assert self._process.returncode == 0, self.log
            assert "Traceback" not in self.log, self.log

    @property
    def port(self) -> int:
        (port,) = [each["port"] for each in self.ports if each["offering"] == "chat"]
        assert isinstance(port, int)
        return port


class Person:
    def __init__(self, server: Server, json: bool, since: int = 0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self._read = self._socket.makefile("rb")
        self._since = since
        self.notes: list[Any] = []
        self.token = ""
        if json:
            self.do("/format json")

    def do(self, *lines: str, secrets: tuple[str, ...] = ()) -> None:
        self.notes += [f"> {re.sub('(?<=/resume )[^ ]{22}$', 'SECRET', line)}" for line in lines]
        self._send(*lines)
        for secret in secrets:
            self._until('"prompt"')
            self._send(secret)
        self._send(FENCE)
        self._until(_FENCED)
        self.notes.pop()

    def end(self) -> list[Any]:
        for line in self._read:
            self._note(line)
        self._read.close()
        self._socket.close()
        return self.notes

    def quit(self, why: str = "") -> list[Any]:
        self.notes.append(f"> /quit {why}")
        self._send(f"/quit {why}")
        return self.end()

    def _send(self, *lines: str) -> None:
        self._socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def _until(self, words: str) -> None:
        while True:
            line = self._read.readline()
            assert line, f"the end instead of {words!r} after {self.notes[-5:]}"
            self._note(line)
            if words in line.decode():
                return

    def _note(self, line: bytes) -> None:
        text = line.decode().rstrip("\r\n")
        if text.startswith("{"):
            told = json.loads(text)
            self.token = told.get("token", self.token)
            self.notes.append(plain(told, self._since))
        else:
            self.notes += plainText([text])
