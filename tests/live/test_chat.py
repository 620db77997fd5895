"""The chat over its line protocol: real servers, real sockets."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live.crash.__main__ import CrashRun
from tests.live.support.line_client import LineClient
from tests.live.support.server import ANSWER_SECONDS, START_SECONDS, Server

#: Of servers that let everybody speak as fast as they like.
OPTIONS = ("--services", "chat", "--flood-lines", "0", "--flood-bytes", "0")

LANES: dict[str, list[str]] = {"fast": [], "stock": ["--no-fast-lane"]}

#: Bytes without a line's end.
ENDLESS = 600_000

#: What these may cost the server at most.
CPU_SECONDS = 5.0

#: How often one client enters a room.
JOINS = 1000

#: Clients that enter one room together.
CROWD = 300

#: Within this they have, on a machine that is busy too.
JOIN_SECONDS = 30.0

CLOCK = r"\[\d\d:\d\d:\d\d\]"


@pytest.fixture(scope="module", params=LANES)
def chat(request: pytest.FixtureRequest, sharedFolder: Path) -> Iterator[Server]:
    with Server(sharedFolder / request.param, *OPTIONS, *LANES[request.param]) as server:
        yield server


def _cpuSeconds(server: Server) -> float:
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_two(chat: Server) -> None:
    with LineClient(chat, "ann") as ann, LineClient(chat) as bob:
        ann.until("* you are in #lobby")
        bob.say("bob")
        assert bob.until("* you are in #lobby")[-1] == "* you are in #lobby with 1 other: ann"
        assert ann.until("bob") == ["* bob (guest) joined #lobby"]
        bob.say("hello", "早上好 👍🏽")
        ann.until("<bob> hello")
        [line] = ann.until("早上好")
        assert re.fullmatch(f"{CLOCK} <bob> 早上好 👍🏽", line), line
        ann.say("/me waves")
        [line] = bob.until("waves")
        assert re.fullmatch(rf"{CLOCK} \* ann waves", line), line
        bob.say("/quit see you")
        assert ann.until("bob") == ["* bob is gone (see you)"]
        assert bob.readToEnd() == []


def test_restart(folder: Path) -> None:
    state = folder / "state"
    with (
        Server(folder / "first", *OPTIONS, state=state) as server,
        LineClient(server, "ann", "/ack on", "one", "/topic tea", "two") as ann,
    ):
        ann.until("* stored lobby 3")
    with (
        Server(folder / "second", *OPTIONS, state=state) as server,
        LineClient(server, "bob") as bob,
    ):
        lines = bob.until("--- now ---")
        assert any(line.startswith("* topic of #lobby: tea (set by ann") for line in lines)
        replayed = [re.sub(CLOCK, "", line) for line in lines if "ann> " in line]
        assert replayed == ["|  <ann> one", "|  <ann> two"]
        bob.say("/ack on", "three", "/since 2")
        assert bob.until("* stored")[-1] == "* stored lobby 4"
        assert [line[-3:] for line in bob.until("three") if "> " in line] == ["two", "ree"]


def test_sameState(folder: Path) -> None:
    state = folder / "state"
    with Server(folder / "one", *OPTIONS, state=state) as first:
        second = Server(folder / "two", *OPTIONS, state=state, guest=True)
        try:
            assert second.process.wait(START_SECONDS) == 1
        finally:
            second.kill()
        [line] = (second.complaint() + second.output() + second.logText()).splitlines()
        assert str(state) in line
        assert "another server has the state folder" in line
        third = folder / "three"
        with Server(third, *OPTIONS, "--journal", "memory", state=state, guest=True) as server:
            for serving in (first, server):
                with LineClient(serving, "ann") as ann:
                    ann.until("* you are in #lobby, alone")


@pytest.mark.parametrize("program", ["shutdown", "nc"])
def test_halfClose(chat: Server, program: str) -> None:
    name = f"half-{program}"
    with LineClient(chat, f"/nick {name}-reader", "/join lobby") as reader:
        reader.until("* you are in #lobby")
        if program == "nc":
            nc = shutil.which("nc")
            if nc is None or "OpenBSD" not in subprocess.getoutput(f"{nc} -h"):
                pytest.skip("no nc that closes its sending half is here")
            host, port = chat.address("chat").pair
            lines = subprocess.run(
                f"printf '{name}\\nhello\\n' | {nc} -N {host} {port}",
                shell=True,
                capture_output=True,
                text=True,
                timeout=ANSWER_SECONDS,
                check=True,
            ).stdout.splitlines()
        else:
            with LineClient(chat, name) as client:
                # The last line need not end.
                client.socket.sendall(b"hello")
                client.socket.shutdown(socket.SHUT_WR)
                lines = client.readToEnd()
        assert "* you are in #lobby with " in "\n".join(lines)
        reader.until(f"<{name}> hello")
        reader.say("/history 1")
        assert f"<{name}> hello" in reader.until("--- now ---")[-2]


def test_endless(chat: Server) -> None:
    with LineClient(chat, "/nick endless", "/ack on", "/join endless") as client:
        client.until("* you are the founder of #endless")
        before = _cpuSeconds(chat)
        for _ in range(ENDLESS // 1000):
            client.socket.sendall(b"x" * 1000)
        client.say("", "still here")
        lines = client.until("* stored")
        assert _cpuSeconds(chat) - before < CPU_SECONDS
        refusal = "! a line has at most 4096 bytes: this one was not sent"
        assert lines == [refusal, "* stored endless 1"]


def test_joinsOfOne(chat: Server) -> None:
    with LineClient(chat, "/nick jumper") as jumper, LineClient(chat, "/nick waiter") as waiter:
        waiter.until("* you are waiter")
        begun = time.monotonic()
        jumper.say(*["/join jumps\n/part"] * JOINS)
        waiter.say("/join elsewhere")
        waiter.until("* you are in #elsewhere")
        waited = time.monotonic() - begun
        jumper.say("/rooms")
        lines = jumper.until(" room", JOIN_SECONDS)
        took = time.monotonic() - begun
        assert lines.count("* you are in #jumps, alone") == JOINS
        assert lines.count("* you left #jumps") == JOINS
        assert took < JOIN_SECONDS
        assert waited < took / 2, (waited, took)


def test_joinsOfMany(chat: Server) -> None:
    begun = time.monotonic()
    with ExitStack() as stack:
        crowd = [stack.enter_context(LineClient(chat)) for _ in range(CROWD)]
        for number, client in enumerate(crowd):
            client.say(f"/nick crowd-{number}", "/join crowd")
        joined = []
        for number, client in enumerate(crowd):
            client.until(f"* you are crowd-{number}", JOIN_SECONDS)
            [line] = client.until("* you are in #crowd", JOIN_SECONDS)
            if line.endswith(", alone"):
                joined.append(0)
            else:
                joined.append(int(line.split(" with ")[1].split()[0]))
        assert sorted(joined) == list(range(CROWD))
        crowd[joined.index(CROWD - 1)].say("the last one")
        for position, client in zip(joined, crowd, strict=True):
            if position != CROWD - 1:
                lines = client.until("the last one", JOIN_SECONDS)
                assert (
                    sum(line.endswith(" joined #crowd") for line in lines) == CROWD - 1 - position
                )
        assert time.monotonic() - begun < JOIN_SECONDS


def test_stop(folder: Path) -> None:
    crashes = CrashRun(folder, 3, number=signal.SIGTERM)
    crashes.run(1, ANSWER_SECONDS)
    assert min(crashes.counts.seen, crashes.counts.acknowledged) > 0, crashes.counts
    assert crashes.counts.missing == 0


def test_telnet(chat: Server) -> None:
    with LineClient(chat, "/nick tel-reader", "/join telnet") as reader:
        reader.until("* you are in #telnet")
        with LineClient(chat) as telnet:
            for part in (
                b"\xff\xfb\x18\xff\xfa\x18\x00xterm\xff",
                b"\xf0/nick tel\r",
                b"\0/join telnet\r\n",
                b"h\xff\xf1el\xff",
                b"\xfd\x01lp\x7fo\r\0",
            ):
                telnet.socket.sendall(part)
                reader.say("/rooms")
                # An answer to somebody else: that part was read alone.
                reader.until(" room")
            [*_, line] = reader.until("<tel>")
            assert re.fullmatch(f"{CLOCK} <tel> hello", line), line
            assert not [line for line in telnet.until("#telnet") if line.startswith("!")]


def test_web(chat: Server) -> None:
    body = "web\n/join web\nbuy\n"
    with LineClient(chat, "/nick web-reader", "/join web", "/join lobby") as reader:
        reader.until("* you are in #lobby")
        with LineClient(chat) as page:
            page.say("POST / HTTP/1.1\r", "Host: x\r", f"Content-Length: {len(body)}\r", "\r", body)
            lines = page.readToEnd()
        assert lines[-1].startswith("! this is a chat for people, not a web server")
        reader.say("/msg #web end", "/since web 0")
        assert not [
            line for line in reader.until("end") if "buy" in line or "web (guest) joined" in line
        ]
