"""
The probe on the reactor of these tests, with a real server: every transport, every format, how it
is stopped, and a relay that loses, doubles and reorders.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.live.support.server import Server
from tests.live.support.udp_relay import Path as Way
from tests.live.support.udp_relay import Relay
from tests.live.test_probe import freePort, server, stampPort
from tsservices.client.cli import parseArguments
from tsservices.client.connection import ClientError
from tsservices.client.probe import connections, host_connection
from tsservices.client.probe import run as program
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.json_csv import JSONReport
from tsservices.client.probe.run import ProbeRun
from tsservices.client.probe.wires.base import Clocks
from tsservices.client.probe.wires.stamp import StampTransport
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.timestamps import toNTP

__all__ = ["server"]

reactor: Any = installed

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells when a packet leaves"
)

#: Of authenticated packets.
KEY = "5a" * 32

#: Seconds until a test gives up.
WAIT = 60

#: Seconds between two looks for something that a run does at a time of its own.
LOOK = 0.01

#: What is called for a signal, by its number.
Handlers = dict[int, Callable[[int, object], None]]


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    found: Handlers = {}
    monkeypatch.setattr(signal, "signal", found.__setitem__)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    return found


class Nonsense(Protocol):
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"no reply\n" + b"x" * 5000)
        self.transport.loseConnection()


class Page(Protocol):
    """Gets /metrics.  Not by urllib: the reactor under test has to answer it."""

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred()
        self._read = b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"GET /metrics HTTP/1.0\r\n\r\n")

    def dataReceived(self, data: bytes) -> None:
        self._read += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.whole.callback(self._read)


class Probe:
    """Runs the probe on this reactor, as its command line says."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *words: object) -> subprocess.CompletedProcess[str]:
        status = await start(*words)
        return subprocess.CompletedProcess([*map(str, words)], status, *self._capsys.readouterr())

    async def replies(self, *words: object) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        done = await self("--json", *words)
        assert (done.stderr, done.returncode) == ("", 0)
        *packets, summary = [json.loads(line) for line in done.stdout.splitlines()]
        return packets, summary

    async def summary(self, *words: object) -> dict[str, Any]:
        return (await self.replies("-q", *words))[1]


@pytest.fixture
def probe(handlers: Handlers, capsys: pytest.CaptureFixture[str]) -> Probe:
    return Probe(capsys)


def optionsOf(*words: object) -> ProbeOptions:
    options = parseArguments(["probe", *map(str, words)])
    assert isinstance(options, ProbeOptions)
    return options


def start(*words: object) -> Deferred[int]:
    run = ProbeRun(reactor, optionsOf(*words), Clocks())
    return Deferred.fromCoroutine(run.run()).addTimeout(WAIT, reactor)


async def until(happened: Callable[[], object]) -> None:
    deadline = reactor.seconds() + WAIT
    while not happened():
        assert reactor.seconds() < deadline
        await deferLater(reactor, LOOK)


@pytest.mark.usefixtures("handlers")
async def test_stamp(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    status = await start(
        "-c", 5, "-i", 0.01, "-s", 200, "-Q", 8, "--json", "--port", stampPort(server), "127.0.0.1"
    )
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert status == 0
    assert [line["bytes"] for line in lines[:-1]] == [200] * 5
    if sys.platform.startswith("linux"):
        assert {line["clocks"] for line in lines[:-1]} == {"kk"}


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("wire", ["stamp", "udp", "tcp"])
async def test_refused(wire: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [] if wire == "stamp" else [f"--{wire}"]
    assert await start("-c", 3, "-i", 0.02, *words, "--port", freePort(), "127.0.0.1") == 1
    out = capsys.readouterr().out
    assert [f"seq={number} connection refused" in out for number in range(3)] == [True] * 3


@pytest.mark.usefixtures("handlers")
async def test_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """A TCP connection that is closed costs the packets on it; the next packet opens another."""
    listening = reactor.listenTCP(0, Factory.forProtocol(Nonsense), interface="127.0.0.1")
    port = listening.getHost().port
    done = start("-c", 6, "-i", 0.05, "-W", 0.3, "--tcp", "--json", "--port", port, "127.0.0.1")
    assert await done == 1
    await listening.stopListening()
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    states = {line.get("state") for line in lines[:-1]}
    assert "unreachable" in states
    assert any("closed by the server" in (line.get("reason") or "") for line in lines[:-1])
    assert lines[-1]["strays"] >= 2


async def test_signals(
    server: Server, handlers: Handlers, capsys: pytest.CaptureFixture[str]
) -> None:
    done = start("-i", 0.01, "--port", stampPort(server), "127.0.0.1")
    await until(lambda: "seq=3" in capsys.readouterr().out)
    handlers[signal.SIGQUIT](signal.SIGQUIT, None)
    await until(lambda: "min/p50/p99/max" in capsys.readouterr().err)
    handlers[signal.SIGINT](signal.SIGINT, None)
    assert await done == 0
    out, errors = capsys.readouterr()
    assert (out.count("probe statistics"), errors) == (1, "")


async def test_interruptedEarly(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:

    async def never(*_: object) -> list[str]:
        await Deferred()
        return []

    monkeypatch.setattr(connections, "resolveAddresses", never)
    done = start("host.example")
    handlers[signal.SIGTERM](signal.SIGTERM, None)
    assert await done == 2


@pytest.mark.usefixtures("handlers")
async def test_files(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    if find_spec("matplotlib") is None:
        pytest.skip("the extra plot is not installed")
    run = ("-c", 2, "-i", 0.01, "--csv", "--port", stampPort(server), "127.0.0.1", "--plot")
    assert await start(*run, "a.png") == 0
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.count("\n") == 3
    done = start(*run, "b.png")
    # Between the check before the run and the end of it.
    Path("b.png").mkdir()
    assert await done == 2
    assert "tsservices: --plot: b.png cannot be written: Is a dir" in capsys.readouterr().err


async def test_metrics(
    server: Server, handlers: Handlers, capsys: pytest.CaptureFixture[str]
) -> None:
    if find_spec("prometheus_client") is None:
        pytest.skip("the extra http is not installed")
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        words = ("--prometheus", port, "--port", stampPort(server), "127.0.0.1")
        assert await start("-c", 1, *words) == 2
        errors = capsys.readouterr().err
        assert f"no metrics at 127.0.0.1 port {port}: Address already in use" in errors
    done = start("-i", 0.01, *words)
    await until(lambda: "seq=0" in capsys.readouterr().out)
    page = Page()
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), page)
    assert b"tsservices_probe_received_total" in await page.whole.addTimeout(WAIT, reactor)
    handlers[signal.SIGINT](signal.SIGINT, None)
    assert await done == 0


@pytest.mark.usefixtures("handlers")
async def test_trouble(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert await start("-c", 1, "name.invalid") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert await start("-6", "127.0.0.1") == 2
    assert capsys.readouterr().err == "tsservices: 127.0.0.1 has no IPv6 address\n"
    with pytest.raises(SystemExit) as ended:
        await program.probe(reactor, optionsOf("-4", "::1"))
    assert ended.value.code == 2

    def fail(*_: object) -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(StampTransport, "open", fail)
    assert await start("::1") == 2
    assert "no way to ::1: Address family not supported" in capsys.readouterr().err


async def test_clocks(server: Server, probe: Probe) -> None:
    """Both ends have one clock here: the offset is 0 within its bound."""
    result = await probe.summary("-c", 100, "-i", 0.01, "--port", stampPort(server), "127.0.0.1")
    assert abs(result["clock"]["offset_ns"]) <= result["clock"]["bound_ns"]
    assert 0 < result["network_ns"]["p50"] <= result["application_ns"]["p50"]
    assert result["network_ns"]["count"] == 100
    if sys.platform.startswith("linux"):
        assert (result["kernel_sent"], result["kernel_received"]) == (100, 100)
    assert (result["loss"]["lost"], result["loss"]["up"], result["loss"]["down"]) == (0, 0, 0)


@linux
async def test_followUp(server: Server, probe: Probe) -> None:
    """Of all replies it is known when they left: never before T3 in the packet."""
    run = ("-c", 50, "-i", 0.005, "--port", stampPort(server), "127.0.0.1")
    packets, result = await probe.replies(*run)
    assert [packet["seq"] for packet in packets] == list(range(50))
    assert (result["transmitted"], result["followed_up"], result["strays"]) == (50, 50, 0)
    assert (result["network_ns"]["count"], result["last_left_out"]) == (50, False)
    for packet in packets:
        assert packet["follow_up_ns"] > 0
        assert 0 < packet["network_ns"] < packet["network_ns"] + packet["follow_up_ns"]
        assert packet["network_ns"] == packet["up_ns"] + packet["down_ns"]
        assert packet["server_ns"] > packet["follow_up_ns"]
    packets, result = await probe.replies("--no-follow-up", *run)
    assert {packet["follow_up_ns"] for packet in packets} == {None}
    assert {packet["bytes"] for packet in packets} == {44}
    assert (result["followed_up"], result["network_ns"]["count"]) == (0, 50)


@linux
async def test_followUpLost(server: Server, probe: Probe) -> None:
    """A lost reply costs its own sample, and the better T3 of the one before it."""
    up, down = Way(), Way(6, loss=0.2, first=3, until=90)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        run = ("-c", 100, "-i", 0.005, "-W", 0.4, "--port", relay.port, "127.0.0.1")
        packets, result = await probe.replies(*run)
    assert down.lost > 5
    answered = {packet["seq"] for packet in packets if packet["state"] == "ok"}
    followed = {packet["seq"] for packet in packets if packet["follow_up_ns"] is not None}
    assert followed == {number for number in answered if number + 1 in answered or number == 99}
    assert result["followed_up"] == len(followed)
    assert result["network_ns"]["count"] == 100 - down.lost


def copying(bound: socket.socket, clock: Callable[[int], int] = lambda _: time.time_ns()) -> None:
    """
    A reflector that knows no extension: it copies them.  It ends when it is shut down.  Its clock
    is asked with the number of packets that came before.
    """
    for count in itertools.count():
        datagram, address = bound.recvfrom(1000)
        if not datagram:
            return
        asked, now = SenderPacket.decode(datagram), toNTP(clock(count))
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


@contextlib.contextmanager
def reflecting(*clock: Callable[[int], int]) -> Iterator[int]:
    """The port of such a reflector, in a thread."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(30)
        thread = threading.Thread(target=copying, args=(bound, *clock))
        thread.start()
        try:
            yield bound.getsockname()[1]
        finally:
            bound.sendto(b"", bound.getsockname())
            thread.join()


async def test_steppedClock(probe: Probe) -> None:
    """Of the reflector, in the middle of the run."""

    def stepped(count: int) -> int:
        return time.time_ns() + 10_000_000_000 * (count >= 20)

    run = ("-c", 40, "-i", 0.01, "--fail-if", "loss>0,queue.up.max>5s,queue.down.max>5s,max>5s")
    with reflecting(stepped) as port:
        result = await probe.summary(*run, "--port", port, "127.0.0.1")
    steps = result["clock_steps"]
    assert (steps["reflector"], steps["this_host"]) == (1, 0)
    (step,) = steps["last"]
    assert abs(step["step_ns"] - 10_000_000_000) <= step["step_bound_ns"]
    assert result["network_ns"]["count"] == result["queueing_up_ns"]["count"] == 40
    assert result["up_ns"]["count"] == 20
    assert abs(result["clock"]["offset_ns"] - 10_000_000_000) <= result["clock"]["bound_ns"]


@linux
async def test_unknownExtension(probe: Probe) -> None:
    """Results do not wait for a time that will not come."""
    with reflecting() as port:
        packets, result = await probe.replies("-c", 5, "-i", 0.02, "--port", port, "127.0.0.1")
    assert [(packet["state"], packet["bytes"]) for packet in packets] == [("ok", 64)] * 5
    assert {packet["follow_up_ns"] for packet in packets} == {None}
    assert (result["followed_up"], result["network_ns"]["count"]) == (0, 5)


async def test_loss(server: Server, probe: Probe) -> None:
    """By direction, to the packet."""
    up, down = Way(1, loss=0.2, first=3, until=180), Way(2, loss=0.1, first=3, until=120)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        result = await probe.summary(
            "-c", 200, "-i", 0.005, "-W", 0.4, "--port", relay.port, "127.0.0.1"
        )
    assert up.lost > 20
    assert down.lost > 5
    loss = result["loss"]
    assert (loss["stateful"], loss["up"], loss["down"], loss["undecided"]) == (
        True,
        up.lost,
        down.lost,
        0,
    )
    assert loss["lost"] == up.lost + down.lost
    assert loss["burst_max"] >= 2


async def test_duplicates(server: Server, probe: Probe) -> None:
    up, down = Way(3, double=0.2, first=3, until=90), Way(4, double=0.1, first=3, until=90)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        result = (await probe.summary("-c", 100, "-i", 0.005, "--port", relay.port, "127.0.0.1"))[
            "loss"
        ]
    assert up.doubled > 5
    assert down.doubled > 2
    assert (result["duplicates_up"], result["duplicates_down"]) == (up.doubled, down.doubled)
    assert (result["lost"], result["up"], result["down"]) == (0, 0, 0)


@pytest.mark.parametrize("way", ["up", "down"])
async def test_reordering(server: Server, way: str, probe: Probe) -> None:
    ways = {"up": Way(), "down": Way()}
    # Ten others follow in that time, and at least one of them on a busy machine.
    ways[way] = Way(5, overtaken=0.1, extraDelay=0.1, first=5, until=90)
    with Relay(("127.0.0.1", stampPort(server)), ways["up"], ways["down"]) as relay:
        run = ("-c", 100, "-i", 0.01, "--reflector", "stateful", "--port", relay.port)
        result = (await probe.summary(*run, "127.0.0.1"))["loss"]
    assert ways[way].delayed > 3
    other = "down" if way == "up" else "up"
    assert result["reordered"] >= ways[way].delayed - 2
    assert result[f"reordered_{way}"] > 0
    if way == "up":
        assert result[f"reordered_{other}"] == 0
    assert result["lost"] == 0


async def test_delay(server: Server, probe: Probe) -> None:
    """The delay of one direction is in its raw delay, but not in its queueing."""
    with Relay(("127.0.0.1", stampPort(server)), Way(delay=0.02), Way()) as relay:
        result = await probe.summary("-c", 20, "-i", 0.02, "--port", relay.port, "127.0.0.1")
    assert result["up_ns"]["min"] >= 20_000_000 > result["down_ns"]["min"]
    assert result["queueing_up_ns"]["p50"] < 20_000_000
    assert result["clock"]["offset_ns"] <= result["clock"]["bound_ns"]
    with Relay(("127.0.0.1", stampPort(server)), Way(), Way(delay=0.1)) as relay:
        done = await probe(
            "-c", 10, "-i", 0.02, "-W", 0.05, "--json", "--port", relay.port, "127.0.0.1"
        )
    states = [json.loads(line).get("state") for line in done.stdout.splitlines()]
    assert states.count("timeout") == 10
    assert "late" in states
    assert "ok" not in states
    assert done.returncode == 1


@linux
async def test_serviceClass(server: Server, sharedFolder: Path, probe: Probe) -> None:
    """By itself a server uses only the DSCP of the packet; the network here changes none."""
    asking = ("-c", 3, "-i", 0.01, "-Q", "0xb9", "--cos-back", "AF41", "--port")
    packets, result = await probe.replies(*asking, stampPort(server), "127.0.0.1")
    assert {packet["dscp_permitted"] for packet in packets} == {0}
    assert result["cos"]["refused"] == [{"asked": 34, "count": 3}]
    allowing = ("--services", "stamp", "--interface", "::", "--stamp-dscp", "AF41")
    with Server(sharedFolder / "allowing", *allowing) as second:
        for host in ("127.0.0.1", "::1"):
            packets, result = await probe.replies(*asking, stampPort(second), host)
            assert result["cos"] == {
                "replies": 3,
                "answered": 3,
                "dscp_up": [{"sent": 46, "received": 46, "count": 3}],
                "dscp_down": [{"sent": 34, "received": 34, "count": 3}],
                "ecn_up": [{"sent": 1, "received": 1, "count": 3}],
                "ecn_down": [],
                "refused": [],
            }
            assert packets[0]["follow_up_ns"] is not None


async def test_stateless(sharedFolder: Path, probe: Probe) -> None:
    """A stateless reflector can tell no direction, and must not fill the follow-up telemetry."""
    with Server(sharedFolder / "stateless", "--services", "stamp", "--stamp-stateless") as server:
        up = Way(1, loss=0.3, first=3, until=50)
        with Relay(("127.0.0.1", stampPort(server)), up, Way()) as relay:
            run = ("-c", 60, "-i", 0.005, "-W", 0.3, "--port", relay.port, "127.0.0.1")
            packets, result = await probe.replies(*run)
    loss = result["loss"]
    assert loss["lost"] == up.lost > 5
    assert (loss["stateful"], loss["up"], loss["down"]) == (None, None, None)
    assert {packet["follow_up_ns"] for packet in packets} == {None}
    assert (result["followed_up"], result["network_ns"]["count"]) == (0, 60 - up.lost)


async def test_authenticated(sharedFolder: Path, probe: Probe) -> None:
    key, wrong = sharedFolder / "right.key", sharedFolder / "wrong.key"
    for path, text in ((key, KEY), (wrong, "a5" * 32)):
        path.touch(mode=0o600)
        path.write_text(text)
    with Server(sharedFolder / "sealed", "--services", "stamp", "--stamp-key", str(key)) as server:
        port = stampPort(server)
        result = await probe.summary("-c", 3, "-i", 0.02, "--key", key, "--port", port, "127.0.0.1")
        assert (result["wire"], result["received"]) == ("STAMP, authenticated", 3)
        done = await probe("-c", 1, "-W", 0.2, "--key", wrong, "--port", port, "127.0.0.1")
    assert done.returncode == 1


async def test_many(server: Server, probe: Probe) -> None:
    port = stampPort(server)
    done = await probe(
        "-c", 2, "-i", 0.05, "-W", 0.2, "-q", "--port", port, "127.0.0.1", "127.0.0.9"
    )
    assert done.returncode == 1
    assert "\n127.0.0.1   2   2    0% " in done.stdout
    assert "\n127.0.0.9   2   0  100%     -" in done.stdout
    assert "\n2 packets transmitted, 0 received, +2 errors" in done.stdout


async def test_listings(server: Server, probe: Probe) -> None:
    run = ("-i", 0.05, "-W", 0.2, "--port", stampPort(server), "127.0.0.1", "127.0.0.9")
    done = await probe("-a", "-c", 2, *run)
    assert (done.stdout, done.returncode) == ("127.0.0.1\n", 1)
    done = await probe("-u", "-c", 2, *run)
    assert (done.stdout, done.returncode) == ("127.0.0.9\n", 1)
    done = await probe("-q", "-C", 2, *run)
    assert re.fullmatch(r"127\.0\.0\.1 : \d+\.\d{3} \d+\.\d{3}\n127\.0\.0\.9 : - -\n", done.stdout)


async def test_reports(server: Server, probe: Probe) -> None:
    run = ("-i", 0.01, "-w", 0.5, "-q", "--port", stampPort(server), "127.0.0.1", "--report", 0.2)
    lines = [json.loads(line) for line in (await probe("--json", *run)).stdout.splitlines()]
    assert [line["type"] for line in lines] == ["interim", "interim", "summary"]
    first, second, _ = lines
    received = [line["since_last"]["received"] for line in (first, second)]
    assert second["received"] == sum(received)
    assert min(received) > 0
    assert (await probe(*run)).stdout.count("  last 0.") == 2


@pytest.mark.parametrize("wire", ["udp", "tcp"])
async def test_textServices(server: Server, wire: str, probe: Probe) -> None:
    port = server.address("timestamp", wire).port
    result = await probe.summary("-c", 5, "-i", 0.02, f"--{wire}", "--port", port, "127.0.0.1")
    assert result["received"] == result["application_ns"]["count"] == 5
    assert result["server_ns"]["count"] == 0
    if sys.platform.startswith("linux"):
        assert result["network_ns"]["count"] == (5 if wire == "udp" else 0)
        if wire == "tcp":
            assert 0 < result["tcp"]["min_rtt_ns"] <= result["application_ns"]["max"]
    if wire == "tcp" and sys.platform.startswith("linux"):
        done = await probe("-c", 1, "--tcp", "-Q", 8, "--port", port, "127.0.0.1")
        assert "TCP's own account: rtt " in done.stdout


async def test_conditions(server: Server, probe: Probe) -> None:
    port = stampPort(server)
    run = ("-c", 3, "-i", 0.02, "-q", "--port", port, "127.0.0.1", "--fail-if")
    done = await probe(*run, "loss>0,p99>10s")
    assert (done.stderr, done.returncode) == ("", 0)
    done = await probe(*run, "loss>0,min<10s")
    assert done.stderr == "tsservices: --fail-if: 127.0.0.1: min<10s\n"
    assert done.returncode == 3


async def test_ipv6(sharedFolder: Path, probe: Probe) -> None:
    with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as tried:
        try:
            tried.bind(("::1", 0))
        except OSError:
            pytest.skip("this system has no IPv6")
    with Server(sharedFolder / "six", "--services", "stamp", "--interface", "::1") as server:
        result = await probe.summary(
            "-c", 3, "-i", 0.02, "-Q", "0xb8", "--port", stampPort(server), "::1"
        )
    assert result["received"] == 3


async def test_twoRunsThroughOnePortOfNAT(server: Server, probe: Probe) -> None:
    """Each is a session of its own to the reflector, which sees one address for both."""
    up, down = Way(seed=1, loss=0.2), Way(seed=2, loss=0.2)
    with Relay(("127.0.0.1", stampPort(server)), up, down) as relay:
        for _ in range(2):
            lost = up.lost + down.lost
            words = ("-c", 40, "-i", 0.005, "-W", 0.2, "--no-follow-up", "127.0.0.1")
            summary = await probe.summary("--port", relay.port, *words)
            loss = summary["loss"]
            assert loss["lost"] == up.lost + down.lost - lost
            assert loss["up"] + loss["down"] + loss["undecided"] == loss["lost"] > 0
            assert summary["strays"] == 0


@linux
async def test_source(server: Server, probe: Probe) -> None:
    for wire, service in (("--udp", "timestamp"), ("--tcp", "timestamp"), ("-q", "stamp")):
        kind = "tcp" if wire == "--tcp" else "udp"
        words = (wire, "-c", 1, "--port", server.address(service, kind).port, "127.0.0.1")
        for source in ("127.0.0.5", "lo"):
            await probe.replies("-I", source, *words)
        done = await probe("-I", "192.0.2.1", *words)
        assert done.returncode == 2
        assert done.stderr == (
            "tsservices: no way to 127.0.0.1: 192.0.2.1 is no address of this host\n"
        )


async def test_unknownNames(server: Server, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are measured; when none is known, there is nothing to do."""
    lookups: Counter[str] = Counter()

    async def resolve(reactor: object, options: object, host: str) -> list[str]:
        lookups[host] += 1
        if host == "late.invalid" and lookups[host] > 1:
            return ["127.0.0.1"]
        if host.endswith(".invalid"):
            raise ClientError(f"{host} is unknown")
        return [host]

    monkeypatch.setattr(connections, "resolveAddresses", resolve)
    monkeypatch.setattr(host_connection, "FIRST_RETRY", 0.02)
    words = ("-c", 5, "-i", 0.02, "--port", stampPort(server))
    done = await probe("-q", *words, "127.0.0.1", "one.invalid")
    assert (done.stderr, done.returncode) == ("tsservices: one.invalid is unknown\n", 1)
    assert "5 packets transmitted, 5 received" in done.stdout
    assert "--- one.invalid probe statistics ---\n0 packets transmitted" in done.stdout
    done = await probe(*words, "one.invalid", "two.invalid")
    assert (done.stdout, done.returncode) == ("", 2)
    assert len(done.stderr.splitlines()) == 2
    assert await start(*words, "127.0.0.1", "late.invalid") == 0


async def test_silentNameServer(
    server: Server, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(reactor: object, options: object, host: str) -> list[str]:
        if host == "slow.example":
            await Deferred()
        return [host]

    monkeypatch.setattr(connections, "resolveAddresses", resolve)
    monkeypatch.setattr(connections, "START_SECONDS", 0.05)
    done = await probe(
        "-qc", 2, "-i", 0.01, "--port", stampPort(server), "slow.example", "127.0.0.1"
    )
    assert done.returncode == 1
    assert "2 packets transmitted, 2 received" in done.stdout


@linux
async def test_nameMoves(server: Server, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures by direction go on, though the reflector counts anew."""
    addresses = ["127.0.0.1"]
    report = JSONReport.resultReady

    def resultReady(reporter: JSONReport, *result: Any) -> None:
        report(reporter, *result)
        addresses[:] = ["127.0.0.2"]

    async def resolve(reactor: object, options: object, host: str) -> list[str]:
        return addresses.copy()

    monkeypatch.setattr(JSONReport, "resultReady", resultReady)
    monkeypatch.setattr(connections, "resolveAddresses", resolve)
    port = stampPort(server)
    with Relay(("127.0.0.1", port), Way(), Way(), port, "127.0.0.2"):
        words = ("--resolve", 0.1, "-c", 20, "-i", 0.02, "--port", port, "host.example")
        lines, summary = await probe.replies(*words)
    (change,) = (line for line in lines if line["type"] == "change")
    assert (change["to"], change["to_was"]) == ("127.0.0.2", "127.0.0.1")
    packets = [line for line in lines if line["type"] == "probe"]
    assert {line["state"] for line in packets} == {"ok"}
    assert {line["address"] for line in packets} == {"127.0.0.1", "127.0.0.2"}
    assert summary["address"] == "127.0.0.2"
    assert (summary["loss"]["up"], summary["loss"]["down"]) == (0, 0)
