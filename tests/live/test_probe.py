"""
The measuring client as people run it: processes, sockets, a real server, and a path
that loses, doubles and reorders.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.server import ANSWER_SECONDS, Server, until
from tests.live.support.udp_relay import Path as Way
from tests.live.support.udp_relay import Relay
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.timestamps import toNTP

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells when a packet leaves"
)

#: Of authenticated packets.
KEY = "5a" * 32


@pytest.fixture(scope="module")
def server(sharedFolder: Path) -> Iterator[Server]:
    configuration = sharedFolder / "tsserver.toml"
    configuration.write_text("stamp-rate = 1000000\nstamp-burst = 1000000\n")
    with Server(
        sharedFolder / "server", "--services", "stamp,timestamp", "--config", str(configuration)
    ) as serving:
        yield serving


def command(*arguments: object) -> list[str]:
    words = [str(argument) for argument in arguments]
    return [sys.executable, "-m", "tsservices.client", "probe", *words]


def probe(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60)


@contextlib.contextmanager
def probing(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    read: dict[str, Any] = json.loads(process.stdout.readline())
    return read


def summary(*arguments: object) -> dict[str, Any]:
    done = probe("-q", "--json", *arguments)
    assert (done.stderr, done.returncode) == ("", 0)
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def stampPort(server: Server) -> int:
    return server.address("stamp", "udp").port


def freePort() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def test_text(server: Server) -> None:
    """Header, a line for each reply, and the summary; every stamp is the kernel's."""
    done = probe("-c", 4, "-i", 0.02, "--histogram", "--port", stampPort(server), "127.0.0.1")
    assert (done.stderr, done.returncode) == ("", 0)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("PROBE 127.0.0.1 (127.0.0.1) port ")
    assert [line.split()[:5] for line in lines[1:5]] == [
        ["64", "bytes", "from", "127.0.0.1:", f"seq={number}"] for number in range(4)
    ]
    assert "4 packets transmitted, 4 received, 0% packet loss" in done.stdout
    assert "rtt min/avg/max/mdev = " in done.stdout
    assert "round trips (network), from:" in done.stdout
    if sys.platform.startswith("linux"):
        assert "stamped by the kernel" not in done.stdout


def test_clocks(server: Server) -> None:
    """
    Both ends have one clock here: the offset is 0 within its bound, and the network's
    round trip is no longer than the application's.
    """
    found = summary("-c", 100, "-i", 0.01, "--port", stampPort(server), "127.0.0.1")
    assert abs(found["clock"]["offset_ns"]) <= found["clock"]["bound_ns"]
    assert 0 < found["network_ns"]["p50"] <= found["application_ns"]["p50"]
    assert found["network_ns"]["count"] == 100
    if sys.platform.startswith("linux"):
        assert (found["kernel_sent"], found["kernel_received"]) == (100, 100)
    assert (found["loss"]["lost"], found["loss"]["up"], found["loss"]["down"]) == (0, 0, 0)


def replies(*arguments: object) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    done = probe("--json", *arguments)
    assert (done.stderr, done.returncode) == ("", 0)
    *packets, last = [json.loads(line) for line in done.stdout.splitlines()]
    return packets, last


@linux
def test_follow_up(server: Server) -> None:
    """
    Of each reply but the last it is known when it left: never before T3 in the packet, so that
    the network's round trip is no longer than with that.
    """
    run = ("-c", 50, "-i", 0.005, "--port", stampPort(server), "127.0.0.1")
    *packets, last = replies(*run)[0]
    assert [each["seq"] for each in packets] == list(range(49))
    assert last["follow_up_ns"] is None
    for each in packets:
        assert each["follow_up_ns"] > 0
        assert 0 < each["network_ns"] < each["network_ns"] + each["follow_up_ns"]
        assert each["network_ns"] == each["up_ns"] + each["down_ns"]
        assert each["server_ns"] > each["follow_up_ns"]
    packets, found = replies("--no-follow-up", *run)
    assert {each["follow_up_ns"] for each in packets} == {None}
    assert {each["bytes"] for each in packets} == {44}
    assert (found["followed_up"], found["network_ns"]["count"]) == (0, 50)


@linux
def test_follow_up_lost(server: Server) -> None:
    """A reply that is lost costs its own sample and the better T3 of the one before it."""
    up, down = Way(), Way(6, loss=0.2, first=3, until=90)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        run = ("-c", 100, "-i", 0.005, "-W", 0.4, "--port", relay.port, "127.0.0.1")
        packets, found = replies(*run)
    assert down.lost > 5
    answered = {each["seq"] for each in packets if each["state"] == "ok"}
    followed = {each["seq"] for each in packets if each["follow_up_ns"] is not None}
    assert followed == {number for number in answered if number + 1 in answered}
    assert found["followed_up"] == len(followed)
    assert found["network_ns"]["count"] == 100 - down.lost


def copying(bound: socket.socket) -> None:
    """A reflector that knows no extension: it copies them.  It ends when it is shut down."""
    while True:
        datagram, address = bound.recvfrom(1000)
        if not datagram:
            return
        asked, now = SenderPacket.decode(datagram), toNTP(time.time_ns())
        answer = ReflectorPacket(
            asked.sequence,
            now,
            1,
            now,
            asked.sequence,
            asked.timestamp,
            1,
            64,
            extensions=asked.extensions,
        )
        bound.sendto(answer.encode(), address)


@linux
def test_unknown_extension() -> None:
    """
    A reflector that does not know the extension is measured as without it, and nothing waits
    for what will not come.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(30)
        thread = threading.Thread(target=copying, args=(bound,))
        thread.start()
        try:
            port = bound.getsockname()[1]
            packets, found = replies("-c", 5, "-i", 0.02, "--port", port, "127.0.0.1")
        finally:
            bound.sendto(b"", bound.getsockname())
            thread.join()
    assert [(each["state"], each["bytes"]) for each in packets] == [("ok", 64)] * 5
    assert {each["follow_up_ns"] for each in packets} == {None}
    assert (found["followed_up"], found["network_ns"]["count"]) == (0, 5)


@linux
def test_follow_up_stateless(sharedFolder: Path) -> None:
    """A stateless reflector understands the extension and tells nothing: T3 alone counts."""
    options = ("--services", "stamp", "--stamp-stateless")
    with Server(sharedFolder / "stateless", *options) as server:
        run = ("-c", 8, "-i", 0.02, "--port", stampPort(server), "127.0.0.1")
        packets, found = replies(*run)
    assert [each["seq"] for each in packets] == list(range(8))
    assert (found["followed_up"], found["network_ns"]["count"]) == (0, 8)


def test_loss(server: Server) -> None:
    """Losses of the two ways are told apart, to the packet."""
    up, down = Way(1, loss=0.2, first=3, until=180), Way(2, loss=0.1, first=3, until=120)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        found = summary("-c", 200, "-i", 0.005, "-W", 0.4, "--port", relay.port, "127.0.0.1")
    assert up.lost > 20
    assert down.lost > 5
    loss = found["loss"]
    assert (loss["stateful"], loss["up"], loss["down"], loss["undecided"]) == (
        True,
        up.lost,
        down.lost,
        0,
    )
    assert loss["lost"] == up.lost + down.lost
    assert loss["burst_max"] >= 2


def test_doubles(server: Server) -> None:
    """So are doubled datagrams."""
    up, down = Way(3, double=0.2, first=3, until=90), Way(4, double=0.1, first=3, until=90)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        found = summary("-c", 100, "-i", 0.005, "--port", relay.port, "127.0.0.1")["loss"]
    assert up.doubled > 5
    assert down.doubled > 2
    assert (found["duplicates_up"], found["duplicates_down"]) == (up.doubled, down.doubled)
    assert (found["lost"], found["up"], found["down"]) == (0, 0, 0)


@pytest.mark.parametrize("way", ["up", "down"])
def test_reordering(server: Server, way: str) -> None:
    """So are those that were overtaken."""
    ways = {"up": Way(), "down": Way()}
    ways[way] = Way(5, overtaken=0.1, first=5, until=90)
    with Relay(("127.0.0.1", stampPort(server)), ways["up"], ways["down"]) as relay:
        run = ("-c", 100, "-i", 0.01, "--reflector", "stateful", "--port", relay.port)
        found = summary(*run, "127.0.0.1")["loss"]
    assert ways[way].held > 3
    other = "down" if way == "up" else "up"
    assert found["reordered"] >= ways[way].held - 2
    assert found[f"reordered_{way}"] > 0
    if way == "up":
        assert found[f"reordered_{other}"] == 0
    assert found["lost"] == 0


def test_delay(server: Server) -> None:
    """
    A delay of one way is in that way's raw delay, and not in its queueing; what comes
    after its time is late.
    """
    with Relay(("127.0.0.1", stampPort(server)), Way(delay=0.02), Way()) as relay:
        found = summary("-c", 20, "-i", 0.02, "--port", relay.port, "127.0.0.1")
    assert found["up_ns"]["min"] >= 20_000_000 > found["down_ns"]["min"]
    assert found["queueing_up_ns"]["p50"] < 20_000_000
    assert found["clock"]["offset_ns"] <= found["clock"]["bound_ns"]
    with Relay(("127.0.0.1", stampPort(server)), Way(), Way(delay=0.1)) as relay:
        done = probe("-c", 10, "-i", 0.02, "-W", 0.05, "--json", "--port", relay.port, "127.0.0.1")
    states = [json.loads(line).get("state") for line in done.stdout.splitlines()]
    assert states.count("timeout") == 10
    assert "late" in states
    assert "ok" not in states
    assert done.returncode == 1


def test_stateless(sharedFolder: Path) -> None:
    """With a reflector that does not count nobody can know, and nothing is claimed."""
    with Server(sharedFolder / "stateless", "--services", "stamp", "--stamp-stateless") as server:
        up = Way(1, loss=0.3, first=3, until=50)
        with Relay(("127.0.0.1", stampPort(server)), up, Way()) as relay:
            found = summary("-c", 60, "-i", 0.005, "-W", 0.3, "--port", relay.port, "127.0.0.1")[
                "loss"
            ]
    assert found["lost"] == up.lost > 5
    assert (found["stateful"], found["up"], found["down"]) == (None, None, None)


def test_authenticated(sharedFolder: Path) -> None:
    """With the server's key there are replies, with another there are none."""
    key, wrong = sharedFolder / "right.key", sharedFolder / "wrong.key"
    for path, text in ((key, KEY), (wrong, "a5" * 32)):
        path.touch(mode=0o600)
        path.write_text(text)
    with Server(sharedFolder / "sealed", "--services", "stamp", "--stamp-key", str(key)) as server:
        port = stampPort(server)
        found = summary("-c", 3, "-i", 0.02, "--key", key, "--port", port, "127.0.0.1")
        assert (found["wire"], found["received"]) == ("STAMP, authenticated", 3)
        done = probe("-c", 1, "-W", 0.2, "--key", wrong, "--port", port, "127.0.0.1")
    assert done.returncode == 1


def test_refused(server: Server) -> None:
    """
    Each refusal is told of its packet, and when somebody listens again, replies come:
    the port has survived.
    """
    port = freePort()
    with probing("-i", 0.02, "--json", "--port", port, "127.0.0.1") as process:
        first = [told(process) for _ in range(5)]
        assert [(each["seq"], each["state"]) for each in first] == [
            (number, "refused") for number in range(5)
        ]
        with Relay(("127.0.0.1", stampPort(server)), Way(), Way(), port):
            until(lambda: told(process)["state"] == "ok", "a reply")
        until(lambda: told(process)["state"] == "refused", "refusals again")
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=ANSWER_SECONDS)
    last = json.loads(out.splitlines()[-1])
    assert last["type"] == "summary"
    assert last["loss"]["refused"] >= 6
    assert (errors, process.returncode) == ("", 0)


def test_signals(server: Server) -> None:
    """SIGQUIT prints a line, SIGINT ends with the summary and status 0."""
    with probing("-i", 0.02, "--port", stampPort(server), "127.0.0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(4):
            process.stdout.readline()
        process.send_signal(signal.SIGQUIT)
        assert "% loss, min/p50/p99/max = " in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=ANSWER_SECONDS)
    assert "--- 127.0.0.1 probe statistics ---" in out
    assert (errors, process.returncode) == ("", 0)


def test_unread(server: Server) -> None:
    """When nobody reads the output on, it ends quietly."""
    with probing("-i", 0.02, "--port", stampPort(server), "127.0.0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        process.wait(ANSWER_SECONDS)
        assert process.stderr.read() == ""


def test_many(server: Server) -> None:
    """Several hosts at once: the status tells that one is silent."""
    port = stampPort(server)
    done = probe("-c", 2, "-i", 0.05, "-W", 0.2, "-q", "--port", port, "127.0.0.1", "127.0.0.9")
    assert done.returncode == 1
    assert "127.0.0.1: 2 packets transmitted, 2 received" in done.stdout
    assert "127.0.0.9: 2 packets transmitted, 0 received, +2 errors" in done.stdout


@pytest.mark.parametrize("wire", ["udp", "tcp"])
def test_text_services(server: Server, wire: str) -> None:
    """The text services are measured too, each by the clocks there are."""
    port = server.address("timestamp", wire).port
    found = summary("-c", 5, "-i", 0.02, f"--{wire}", "--port", port, "127.0.0.1")
    assert found["received"] == found["application_ns"]["count"] == 5
    assert found["server_ns"]["count"] == 0
    if sys.platform.startswith("linux"):
        assert found["network_ns"]["count"] == (5 if wire == "udp" else 0)
        if wire == "tcp":
            assert 0 < found["tcp"]["min_rtt_ns"] <= found["application_ns"]["max"]
    done = probe("-c", 2, "-i", 0.02, f"--{wire}", "--port", freePort(), "127.0.0.1")
    assert done.stdout.count("connection refused") == 2
    assert done.returncode == 1


def test_conditions(server: Server) -> None:
    """A condition that holds is told, with a status of its own."""
    port = stampPort(server)
    run = ("-c", 3, "-i", 0.02, "-q", "--port", port, "127.0.0.1", "--fail-if")
    done = probe(*run, "loss>0,p99>10s")
    assert (done.stderr, done.returncode) == ("", 0)
    done = probe(*run, "loss>0,min<10s")
    assert done.stderr == "tsservices: --fail-if: 127.0.0.1: min<10s\n"
    assert done.returncode == 3


def test_trouble() -> None:
    """An unknown name, or a family that a host does not have, is one line and status 2."""
    done = probe("-c", 1, "name.invalid")
    assert done.stderr.count("\n") == 1
    assert (done.stdout, done.returncode) == ("", 2)
    done = probe("-c", 1, "-6", "127.0.0.1")
    assert done.stderr == "tsservices: 127.0.0.1 has no IPv6 address\n"
    assert done.returncode == 2


def test_six(sharedFolder: Path) -> None:
    """IPv6, with a traffic class."""
    with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as tried:
        try:
            tried.bind(("::1", 0))
        except OSError:
            pytest.skip("this system has no IPv6")
    with Server(sharedFolder / "six", "--services", "stamp", "--interface", "::1") as server:
        found = summary("-c", 3, "-i", 0.02, "-Q", "0xb8", "--port", stampPort(server), "::1")
    assert found["received"] == 3


def test_metrics(server: Server) -> None:
    """Prometheus can read the figures while it runs."""
    if find_spec("prometheus_client") is None:
        pytest.skip("the extra http is not installed")
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    arguments = ("-i", 0.02, "--prometheus", port, "--port", stampPort(server), "127.0.0.1")
    with probing(*arguments) as process:
        assert process.stdout is not None
        for _ in range(4):
            process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            text = page.read().decode()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=ANSWER_SECONDS)
    assert 'tsservices_probe_received_total{address="127.0.0.1",host="127.0.0.1"}' in text
    assert process.returncode == 0


def test_precise(server: Server) -> None:
    """A precise run sends closer to the plan than the reactor's timer can."""
    run = ("-c", 100, "-i", 0.01, "--port", stampPort(server), "127.0.0.1")
    assert summary("--precise", *run)["timer_ns"]["p50"] < summary(*run)["timer_ns"]["p50"]


def test_closed_streams(server: Server) -> None:
    """It runs without standard input, as a service does."""
    port = stampPort(server)
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command("-c", 1, "--port", port, "127.0.0.1")],
        capture_output=True,
        timeout=30,
        env=os.environ,
    )
    assert (done.stderr, done.returncode) == (b"", 0)
