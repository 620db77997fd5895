"""
Every command block of README.md and docs/*.md does what the page says.

L{tests.support.documents} says how a block is marked, L{tests.live.support.document_site} what is
replaced in it.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.document_site import (
    CLIENT,
    CLIENTS,
    SERVER_SECONDS,
    STEP_SECONDS,
    Running,
    Site,
)
from tests.live.support.server import PYTHON, TROUBLE
from tests.live.support.terminal import Screen
from tests.support.documents import (
    ROOT,
    Block,
    blocks,
    difference,
    filesOf,
    pages,
    pattern,
)

RUN = [
    block
    for block in blocks()
    if block.language in ("sh", "console", "json") and block.comment("not run") is None
]

#: Those with which a test begins.
FIRST = [block for block in RUN if block.comment("continued") is None]

#: Options of programs that are not ours: what they belong to.
FOREIGN = {
    "controller": "irctest",
    "dist": "pytest-xdist",
    "hypothesis-profile": "hypothesis",
    "replicas": "nats",
    "reuse-key": "certbot",
    "standalone": "certbot",
}

#: Programs whose --help is read in one process, as that of a page's command is.
HELPS = """
import contextlib, runpy, sys, warnings
warnings.simplefilter("ignore")
for words in sys.stdin.read().splitlines():
    module, *sys.argv[1:] = words.split()
    with contextlib.suppress(SystemExit):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Get what the blocks of a page share; the parameter is the page."""
    # Its path is short enough for UNIX sockets.
    with tempfile.TemporaryDirectory(prefix="ts-") as folder:
        here = Site(Path(folder), filesOf(request.param))
        try:
            yield here
        finally:
            here.close()


@pytest.mark.parametrize(
    ("site", "block"), [(item.page, item) for item in FIRST], ids=str, indirect=["site"]
)
def test_block(site: Site, block: Block) -> None:
    begin = RUN.index(block)
    run(site, block)
    for further in RUN[begin + 1 :]:
        if further.comment("continued") is None:
            break
        run(site, further)


def run(site: Site, block: Block) -> None:
    if re.search(r"^\$ .*\bnc |\| nc ", block.text, re.MULTILINE) and not shutil.which("nc"):
        pytest.skip("nc is not installed")
    if (text := block.comment("bob")) is not None:
        site.bob().say(text)
    if block.language == "json":
        checkObjects(site, block)
    elif block.servers:
        runServers(site, block)
    elif block.language == "sh":
        command, _ = prepared(site, block.text)
        with Running(f"set -eu\n{command}", site.folder, site.environ(site.folder)) as running:
            status = running.finish()
            assert status == 0, f"{block}: exit status {status}\n{running.output}"
    elif block.comment("screen") is not None:
        runScreen(site, block)
    elif block.typed:
        runTyped(site, block)
    else:
        runConsole(site, block)


def prepared(site: Site, text: str) -> tuple[str, dict[str, str]]:
    """Start what a block needs, and replace what is of a reader's machine."""
    if re.search(rf"{CLIENT}|\b(nc|curl) |tsservices (backup|export)", text):
        site.server()
    return site.local(text, site.folder, own=False)


def documented(line: str, ports: dict[str, str]) -> str:
    """Put the ports of the page in place of those of this machine."""
    return re.sub(r"\b\d{4,5}\b", lambda found: ports.get(found[0], found[0]), line)


def steps(block: Block) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            assert found, f"{block}: no command before {line!r}"
            found[-1][1].append(line)
    assert found, f"{block} is empty"
    return found


def runConsole(site: Site, block: Block) -> None:
    """Run the commands of a block one after the other, and compare what they show."""
    for command, expected in steps(block):
        local, ports = prepared(site, command)
        with Running(local, site.folder, site.environ(site.folder)) as running:
            status = running.finish()
            got = [documented(line, ports) for line in running.lines()]
            if got[-1] == "":
                got.pop()
            wrong = difference(expected, got)
            assert not wrong, f"{block}: $ {command}: {wrong}\n{running.output}"
            assert status == 0, f"{block}: $ {command}: exit status {status}\n{running.output}"


class Callers:
    """Who connects to the operator of a page."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def call(self) -> None:
        self._sockets.append(socket.create_connection(("127.0.0.1", self._port), STEP_SECONDS))

    def say(self, text: str) -> None:
        self._sockets[-1].sendall(f"{text}\n".encode())

    def close(self) -> None:
        for item in self._sockets:
            item.close()


def runTyped(site: Site, block: Block) -> None:
    """
    Run a command on a terminal, line by line of the block: type what the reader types, let the
    others say what they say, and wait for everything else.
    """
    ((command, expected),) = steps(block)
    own = "tsserver" in command
    folder = site.newFolder()
    local, ports = site.local(command, folder, own) if own else prepared(site, command)
    environ = site.environ(folder if own else site.folder)
    typed = block.typed
    with ExitStack() as stack:
        if re.search(r"\bbob\b", block.text):
            site.bob()
        running = stack.enter_context(Running(local, site.folder, environ, terminal=True))
        first = int({here: there for there, here in ports.items()}["21567"])
        callers = Callers(first + 5)
        stack.callback(callers.close)
        position, gap = 0, False
        last = ""
        for line in expected:
            if line == "...":
                gap = True
                continue
            if typed and line in (typed[0], f"> {typed[0]}"):
                last = typed.pop(0)
                if line != last:
                    running.wait(lambda: running.lines()[-1] == ">", f"prompt, of {block},")
                running.type(last)
            elif re.match(r"\* \[1\] .* calls", line):
                callers.call()
            elif found := re.fullmatch(r"\[1\] (.*)", line):
                callers.say(found[1])
            elif found := re.fullmatch(r"\[\d\d:\d\d:\d\d\] <~?bob> (.*)", line):
                if last and not last.startswith("/"):
                    site.bob().sees(f"> {last}")
                site.bob().say(found[1])
            wanted = pattern(line)

            def shown(wanted: re.Pattern[str] = wanted, gap: bool = gap) -> bool:
                nonlocal position
                lines = [documented(item, ports) for item in running.lines()]
                # The last line may be a part of one, so it is looked at again.
                candidates = range(position, len(lines) if gap else position + 1)
                at = next((item for item in candidates if wanted.fullmatch(lines[item])), None)
                position = position if at is None else at
                return at is not None

            running.wait(shown, f"{line!r}, of {block},")
            position, gap = position + 1, False
        assert not typed, f"{block} does not show {typed}"
        if own:
            running.send(signal.SIGTERM)
            assert running.finish() == 0, running.output


def runScreen(site: Site, block: Block) -> None:
    """Run a client that draws a full screen, and find the lines of the block on it."""
    ((command, expected),) = steps(block)
    local, _ = prepared(site, command)
    words = shlex.split(local)
    assert words[0] == "tsservices", block
    state = site.newFolder()
    site.bob()
    with Screen("-m", *words, XDG_STATE_HOME=str(state), PYTHONPATH=str(ROOT)) as screen:
        first = 0
        for line in expected:
            if line == "...":
                continue
            if found := re.fullmatch(r"\[\d\d:\d\d:\d\d\] <~?bob> (.*)", line):
                site.bob().say(found[1])
            wanted = pattern(line)
            deadline = time.monotonic() + STEP_SECONDS
            while True:
                # Without the people at the side.
                lines = [row.partition("│")[0].rstrip() for row in screen.lines()]
                numbers = range(first, len(lines))
                at = next((item for item in numbers if wanted.fullmatch(lines[item])), None)
                if at is not None:
                    break
                assert time.monotonic() < deadline, f"{block}: no {line!r}:\n{screen.text()}"
                screen.read(0.1)
            # The prompt and the status stay below what is said next.
            first = at


def runServers(site: Site, block: Block) -> None:
    folder = site.newFolder()
    local, _ = site.local(block.text, folder, own=True)
    jobs = "\n".join(f"{{ {line.rstrip('& ')}; }} &" for line in local.splitlines())
    if "for " in local:
        jobs = local
    cluster = "--cluster" in local

    def places() -> list[Path]:
        return [
            file
            for file in folder.rglob("ports*.json")
            if not cluster or '"chat"' in file.read_text(encoding="utf-8")
        ]

    with Running(f"{jobs}\nwait", folder, site.environ(folder)) as running:
        running.wait(
            lambda: len(places()) == block.servers,
            f"{block.servers} servers, of {block},",
            SERVER_SECONDS,
        )
        running.send(signal.SIGTERM)
        running.finish()
        for word in TROUBLE:
            assert word not in running.output, running.output
    # A server that stops in an orderly way removes its file.
    assert not list(folder.rglob("ports*.json")), running.output


def checkObjects(site: Site, block: Block) -> None:
    """Compare the names in an object of a page with those in an object of the same type."""
    for line in block.text.splitlines():
        shown: dict[str, Any] = json.loads(line)
        real = realObject(site, shown["type"])
        # Only lines from before have it; the page says so.
        real.pop("replay", None)
        assert list(shown) == list(real), f"{block}: a real one is {real}"


def realObject(site: Site, kind: str) -> dict[str, Any]:
    if kind in ("probe", "interim", "summary"):
        command = "tsservices probe --json -c 1 127.0.0.1"
    else:
        command = "echo hello | tsservices chat --json --nick cleo"
        site.bob().say("hello")
    local, _ = prepared(site, command)
    with Running(local, site.folder, site.environ(site.folder)) as running:
        assert running.finish() == 0, running.output
    found: list[dict[str, Any]] = []
    for line in running.lines():
        if line:
            answer: dict[str, Any] = json.loads(line)
            found += [answer, *answer.get("events", [])]
    objects = [item for item in found if item.get("type") == kind]
    assert objects, f"no {kind} in:\n{running.output}"
    return objects[0]


def test_options() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    benchmarks = sorted(set(re.findall(r"-m (benchmarks\.\w+)", "\n".join(texts.values()))))
    commands = [
        *(f"tsservices {word} --help" for word in (*CLIENTS, "backup", "export")),
        *(f"{item} --help" for item in benchmarks),
    ]
    asked = subprocess.run(
        [PYTHON, "-c", HELPS],
        input="\n".join(commands),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=SERVER_SECONDS,
        check=True,
    )
    helps = asked.stdout
    for words in (["--help"], ["tsserver", "--help"]):
        twistd = PYTHON.with_name("twistd")
        helps += subprocess.run(
            [twistd, *words], capture_output=True, text=True, cwd=ROOT, timeout=SERVER_SECONDS
        ).stdout
    known = set(re.findall(r"--([a-z][a-z-]+)", helps)) | set(FOREIGN)
    for page, text in texts.items():
        named = set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", text))
        assert named <= known, f"{page.name}: {named - known}"
