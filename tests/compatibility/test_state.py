"""A database that an older server left behind opens, and shows everybody what it showed."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.compatibility.files import FILES, read
from tests.live.support.server import ANSWER_SECONDS, START_SECONDS, Server

#: Everybody's password.
SECRET = "correct horse battery"

OPTIONS = 'chat-operators = ["Root"]\nflood-lines = 0\nflood-bytes = 0\nkeep = "forever"\n'

#: What somebody types into the client of the chat.
TYPED = (
    *("/who", "/history 3", "/inbox", "hello", "/me waves", "/search hello", "/nope", "/away x"),
    *("/away", "/rooms", "/whois ann", "/seen bob", "/ban", "/mute", "/msg bob hi", "/topic"),
    *("/topic new", "/nick Anna", "/who", "/op bob", "/private off", "/private on", "/invite bob"),
    *("/ban cat 2h", "/kick bob", "/delete 2", "/help me", "/part", "/read tee 5", "/ack on"),
)

#: Is answered when all before it is done and stored.
FENCE, FENCE_ANSWER = "/help quit", "/quit [WHY]: leave"

# Which lines are of the same day is another thing each time.
_DAY = re.compile(r"(\| )?\* [A-Z][a-z]+day \d+ [A-Z][a-z]+ \d{4}")

_CHANGING = (
    (r"\d\d:\d\d:\d\d", "CLOCK"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "MINUTE"),
    (r"~[a-z2-7]{12}", "~CLOAK"),
    (r"\d+ bytes waited", "N bytes waited"),
)


def plain(value: Any, since: int) -> Any:
    """Name what is another one each time; times from before C{since} are in the database."""
    if isinstance(value, dict):
        found = {key: plain(inner, since) for key, inner in value.items()}
        named = {"token": "SECRET", "epoch": "EPOCH"}
        return found | {key: word for key, word in named.items() if key in found}
    if isinstance(value, list):
        return [plain(inner, since) for inner in value]
    if isinstance(value, int) and value > since:
        return "TIME"
    if isinstance(value, str):
        return re.sub(r"~[a-z2-7]{12}", "~CLOAK", value)
    return value


def plainText(lines: Sequence[str]) -> list[str]:
    found = []
    for line in lines:
        if not _DAY.fullmatch(line):
            for pattern, word in _CHANGING:
                line = re.sub(pattern, word, line)
            found.append(line)
    return found


class Person:
    """Somebody with a socket, who notes what they say and hear."""

    def __init__(self, server: Server, since: int) -> None:
        self._socket = socket.create_connection(server.address("chat").pair, ANSWER_SECONDS)
        self._stream = self._socket.makefile("rb")
        self._since = since
        self.notes: list[Any] = []

    def say(self, *lines: str) -> None:
        self.notes += [f"> {line}" for line in lines]
        self._send(*lines, FENCE)
        for line in self._stream:
            self._note(line)
            if FENCE_ANSWER in line.decode():
                break
        else:
            raise AssertionError(f"the end after {self.notes[-5:]}")
        self.notes.pop()

    def quit(self) -> list[Any]:
        self.notes.append("> /quit ")
        self._send("/quit ")
        for line in self._stream:
            self._note(line)
        self._stream.close()
        self._socket.close()
        return self.notes

    def _send(self, *lines: str) -> None:
        self._socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def _note(self, line: bytes) -> None:
        text = line.decode().rstrip("\r\n")
        if text.startswith("{"):
            self.notes.append(plain(json.loads(text), self._since))
        else:
            self.notes += plainText([text])


def visit(server: Server, since: int) -> dict[str, list[Any]]:
    people = {name: Person(server, since) for name in ("ann", "bob", "zoe", "cat", "root", "new")}
    ann, bob, zoe, cat, root, new = people.values()
    for person in (ann, bob, zoe):
        person.say("/format json")
    ann.say(f"/login Ann {SECRET} wrong", f"/login Ann {SECRET}", "/join tee", "/since 0")
    ann.say("/inbox", "/inbox bob", "/who", "/read", "/search café №3", "/search", "/seen bob")
    bob.say(f"/login bob {SECRET}", f"/login bob {SECRET} 2", "/join tee", "/history 3")
    bob.say("/join garden", "/since 0", "/ban", "/mute", "/search from:eve", "/inbox", "/inbox +")
    zoe.say(f"/login Zoë {SECRET}", "/inbox", "/join garden", "still muted?", "/unban eve")
    zoe.say("/ban", "/mute", "/search 早上好", "/rooms")
    cat.say("/nick cat", "/join garden", "/join tee", "/join secret", "/join lobby", "/since 0")
    root.say(f"/login root {SECRET}", "/join secret", "/since 0", "/join garden", "/whois cat")
    new.say("/nick gone", f"/register {SECRET}", "/rooms", "/seen Zoë")
    found = {name: person.quit() for name, person in people.items()}
    for form in ("text", "json"):
        export = ("tsservices", "export", "--state", str(server.state), "--format", form, "Garden")
        lines = run(export)
        if form == "json":
            lines = [plain(json.loads(line), since) for line in lines[:-1]] + lines[-1:]
        found[f"export in {form}"] = lines
    port = str(server.address("chat").port)
    client = ("tsservices.client", "chat", "--show", "--port", port)
    more = ("--account", "Ann", "--room", "tee", "--room", "garden", "--state", str(server.state))
    found["client"] = run((*client, *more), "".join(f"{line}\n" for line in TYPED))
    return found


def run(words: Sequence[str], typed: str = "") -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        input=typed,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "TZ": "UTC", "TSSERVICES_PASSWORD": SECRET},
        timeout=START_SECONDS,
        check=False,
    )
    lines = f"{done.stderr}{done.stdout}".splitlines()
    return [*plainText(lines), f"[exit status {done.returncode}]"]


def test_oldDatabaseOpens(tmp_path: Path) -> None:
    state, config = tmp_path / "state", tmp_path / "config.toml"
    state.mkdir(mode=0o700)
    config.write_text(OPTIONS)
    packed = (FILES / "state" / "chat.sqlite.gz").read_bytes()
    (state / "chat.sqlite").write_bytes(gzip.decompress(packed))
    options = ("--config", str(config))
    with Server(tmp_path, *options, state=state, environ={"TZ": "UTC"}) as server:
        found = visit(server, read("about.json")["over"])
    for name, notes in read("left.json").items():
        assert found[name] == notes, name
