"""
A service of another package: installed from the files of docs/your-own-service.md, found by its
entry point, and served like the others.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.live.support.server import ANSWER_SECONDS, TROUBLE, Server
from tests.support.documents import ROOT, filesOf

PAGE = "docs/your-own-service.md"

#: Bounds; building and installing take two seconds.
INSTALL_SECONDS = 120

START_SECONDS = 60

#: Answers to one source at once, and without a pause: the defaults.
BURST = 20

TCP = "shout=tcp:0:interface=127.0.0.1"
UDP = "shout=udp:0:interface=127.0.0.1"


class Venv:
    """
    An environment of its own that has all packages of this one, so that nothing is downloaded.

    What is installed in it cannot be seen by other tests.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        place = folder / "venv"
        venv = [sys.executable, "-m", "venv", "--without-pip", str(place)]
        subprocess.run(venv, check=True, timeout=INSTALL_SECONDS)
        self.python = str(place / "bin" / "python")
        # Not in the current folder (-P), as the installed program does not look there either.
        self.twistd = [self.python, "-P", "-c", "from twisted.scripts.twistd import run; run()"]
        (packages,) = place.glob("lib/python*/site-packages")
        self.packages = packages
        # A line for each folder; the checkout comes first, whatever is installed there.
        paths = [str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        (packages / "tests.pth").write_text("\n".join(dict.fromkeys(paths)) + "\n")

    def install(self, **projects: dict[str, str]) -> None:
        for name, files in projects.items():
            (self.folder / name).mkdir()
            for file, text in files.items():
                (self.folder / name / file).write_text(text)
        # All at once, since each start of pip takes as long as two packages.
        sources = [str(self.folder / name) for name in projects]
        pip = [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet"]
        options = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]
        done = subprocess.run(
            [*pip, *options, *sources], capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def server(self, folder: Path, *options: str, port: str | None = None) -> Server:
        command = [*self.twistd, "-n", "--pidfile=", f"--logfile={folder / 'log'}", "tsserver"]
        return Server(
            folder,
            *options,
            command=command,
            log=folder / "log",
            port=port,
            environ={"PYTHONPATH": ""},
        )

    def fails(self, folder: Path, *options: str) -> str:
        """Start a server that does not start, and get the line that says why."""
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [*self.twistd, "-n", "--pidfile=", "tsserver", *options],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 1, output
        for word in TROUBLE:
            assert word not in output
        # The other line names the help.
        return output.splitlines()[0]


def entry(name: str, value: str, project: str) -> str:
    """The pyproject.toml of a package with one entry point."""
    return (
        filesOf(PAGE)["pyproject.toml"]
        .replace('name = "shout"', f'name = "{project}"')
        .replace('shout = "shout:service"', f'{name} = "{value}"')
    )


@pytest.fixture(scope="module")
def venv(sharedFolder: Path) -> Venv:
    if find_spec("pip") is None or find_spec("hatchling") is None:
        pytest.skip("pip and hatchling are not installed")
    place = Venv(sharedFolder)
    files = filesOf(PAGE)
    place.install(
        shout={name: files[name] for name in ("shout.py", "pyproject.toml")},
        # A package that is broken is no trouble for a server that does not use it.
        broken={
            "broken.py": 'raise RuntimeError("one\\ntwo")\n',
            "pyproject.toml": entry("broken", "broken:service", "broken"),
        },
    )
    return place


def ask(server: Server, *datagrams: bytes) -> list[bytes]:
    with server.connect("shout", "udp", 0.3) as client:
        answers = []
        for datagram in datagrams:
            client.send(datagram)
        try:
            while True:
                answers.append(client.recv(4096))
        except TimeoutError:
            return answers


def test_example() -> None:
    assert len(filesOf(PAGE)["shout.py"].splitlines()) <= 40


def test_served(venv: Venv, folder: Path) -> None:
    options = ["--services", "shout", "--listen", TCP, "--listen", UDP]
    options += ["--listen", f"shout=unix:{folder}/sock"]
    with venv.server(folder / "a", *options) as server:
        assert {(row.offering, row.transport) for row in server.addresses} == {
            ("shout", "tcp"),
            ("shout", "unix"),
            ("shout", "udp"),
        }
        assert server.output().count("what comes goes back in capitals") == 3
        for transport in ("tcp", "unix"):
            with server.connect("shout", transport) as client:
                client.sendall(b"hello")
                assert client.recv(100) == b"HELLO"
        assert ask(server, b"hello") == [b"HELLO"]
        server.stop()
        counters = json.loads((server.state / "counters.json").read_text())
        assert [(item["offering"], item["received"]) for item in counters] == [("shout", 1)] * 3


def test_guards(venv: Venv, folder: Path) -> None:
    with venv.server(
        folder / "a", "--listen", UDP, "--services", "shout,hello", port="0"
    ) as server:
        names = {(row.offering, row.transport) for row in server.addresses}
        assert ("shout", "udp") in names
        place = server.address("shout", "udp")
        # A datagram forged in the name of this server's own hello.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forged:
            try:
                forged.bind(("127.77.0.2", server.address("hello", "udp").port))
            except OSError:
                pytest.skip("this host has one loopback address")
            forged.settimeout(0.3)
            forged.sendto(b"hello", place.pair)
            with pytest.raises(TimeoutError):
                forged.recv(100)
        assert ask(server, b"", b"x" * 513, b"[Fri Nov 20 12:10:00 2026] x") == []
        with server.connect("shout", "udp", 0.3) as other:
            # Another server, which answers each answer.
            other.send(b"hello")
            answers = 0
            try:
                while answers < 10 * BURST:
                    other.send(other.recv(100))
                    answers += 1
            except TimeoutError:
                pass
            # The loop has ended with a drop; one that goes on all the same is muted.
            for _ in range(50):
                other.send(b"HELLO")
        server.stop()
        counters = server.counters("shout", "udp")
        assert BURST <= counters["answered"] <= BURST + 10 * ANSWER_SECONDS
        assert answers <= counters["answered"]
        assert (counters["badSource"], counters["badSize"], counters["ownFormat"]) == (1, 2, 1)
        assert counters["overRate"] >= 1
        assert counters["muted"] > 0


def test_connections(venv: Venv, folder: Path) -> None:
    config = folder / "limits.toml"
    config.write_text("max-connections-per-address = 1\ntrust = []\n")
    options = ["--services", "shout", "--listen", TCP, "--config", str(config)]
    with venv.server(folder / "a", *options) as server:
        with server.connect("shout") as first, server.connect("shout") as second:
            first.sendall(b"hello")
            assert first.recv(100) == b"HELLO"
            assert second.recv(100) == b"! your address has its 1 connection\n"
        server.stop()
        counters = server.counters("shout")
        assert (counters["accepted"], counters["refused"]) == (1, 1)


def test_broken(venv: Venv, folder: Path) -> None:
    expected = (
        "the entry point broken = broken:service of broken 1.0 cannot be loaded: "
        "RuntimeError: one two"
    )
    assert expected in venv.fails(folder, "--services", "broken")
    done = subprocess.run(
        [*venv.twistd, "tsserver", "--help"],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert done.returncode == 0
    assert expected in " ".join(done.stdout.split())
    assert "what comes goes back in capitals" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_load(venv: Venv, folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "counting.py").write_text(filesOf(PAGE)["counting.py"])
    options = ["--load", "counting", "--listen", "counting=tcp:0:interface=127.0.0.1"]
    with venv.server(folder / "a", *options, "--services", "counting") as server:
        for number in (1, 2):
            with server.connect("counting") as client:
                assert client.recv(100) == b"you are client %d\n" % number
