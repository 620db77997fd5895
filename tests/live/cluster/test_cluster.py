"""
One chat on several nodes: real servers and brokers, and what becomes of users when some of them
fail.

The long form is C{python -m tests.live.cluster}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.cluster.__main__ import crash
from tests.live.cluster.faults import REMOVED_SECONDS
from tests.live.cluster.nats import BrokerServers
from tests.live.cluster.nodes import OPEN_SECONDS, Cluster, Node
from tests.live.support.line_client import LineClient
from tests.live.support.nats_server import NatsServer, freePorts
from tests.live.support.server import START_SECONDS, until
from tests.support.examples import onlyThorough

CLOCK = re.compile(r"\[\d\d:\d\d:\d\d\] ")

#: Seconds within which all is well again after a server of the broker was killed and came back.
RECOVERY_SECONDS = 20.0

#: Seconds of the short form of the long test.
FAULTS_SECONDS = 10.0


@contextmanager
def _cluster(folder: Path, nodes: int, servers: int = 1) -> Iterator[tuple[Cluster, BrokerServers]]:
    with BrokerServers(folder, servers) as broker:
        options = broker.options(folder)
        with Cluster(folder, nodes, broker.url, *options) as cluster:
            yield cluster, broker


@pytest.fixture(scope="module")
def pair(sharedFolder: Path) -> Iterator[tuple[Node, Node]]:
    with _cluster(sharedFolder, 2) as (cluster, _):
        first, second = cluster.nodes
        yield first, second


def _messages(lines: list[str]) -> list[str]:
    return [CLOCK.sub("", line).removeprefix("| ") for line in lines if CLOCK.search(line)]


def _ask(node: Node, asked: str) -> list[str]:
    with LineClient(node.server, "/nick observer", asked, "/echo on") as observer:
        lines = observer.until("echo is on")
        observer.say("/quit")
        observer.readToEnd()
        return lines


def _isGone(node: Node, name: str, room: str = "lobby") -> bool:
    return not any(name in line for line in _ask(node, f"/who {room}"))


def test_talkBetweenNodes(pair: tuple[Node, Node]) -> None:
    a, b = pair
    with LineClient(a.server, "ann", "/join tea") as ann, LineClient(b.server, "bob") as bob:
        ann.until("you are in #tea")
        bob.say("/join tea")
        assert bob.until("you are in #tea")[-1] == "* you are in #tea with 1 other: ann"
        ann.until("bob (guest) joined #tea")
        ann.say("/ack on", "one", "two")
        ann.until("* stored tea 2")
        bob.until("<ann> two")
        bob.say("/ack on", "three")
        assert bob.until("* stored")[-1] == "* stored tea 3"
        assert _messages(ann.until("three")) == ["#tea <bob> three"]
        bob.say("/who tea", "/whois ann", "/history 3")
        history = ["#tea 1 <ann> one", "#tea 2 <ann> two", "#tea 3 <bob> three"]
        assert _messages(bob.until("three")) == history
        bob.say("/quit see you")
        ann.until("* bob is gone (see you)")


def test_accountsAndBansHoldOnAllNodes(pair: tuple[Node, Node]) -> None:
    a, b = pair
    with LineClient(a.server, "/nick fay", "/register a long secret", "/join den") as fay:
        fay.until("you are in #den")
        with LineClient(b.server, "/nick gus", "/join den") as gus:
            gus.until("you are in #den")
            fay.say("/kick gus enough")
            assert "enough" in gus.until("kicked")[-1]
            gus.say("/join den")
            gus.until("you are in #den")
            fay.say("/ban gus 1h")
            gus.until("banned")
            gus.say("/join den")
            gus.until("! you are banned from #den")
        with LineClient(b.server, "/login fay a long secret", "/join den", "/ban") as again:
            again.until("gus")


def test_resumeAtAnotherNode(pair: tuple[Node, Node]) -> None:
    a, b = pair
    with LineClient(a.server, "/format json", "/nick hal", "/join hall") as hal:
        [token] = re.findall('"token":"([^"]+)"', "".join(hal.until('"token":')))
        hal.until('"roomEntered"')
        with LineClient(b.server, "/format json", f"/resume {token}", "back") as again:
            lines = again.until('"resumed"')
            assert '"nick":"hal"' in lines[-1]
            assert '"room":"hall"' in lines[-1]
            hal.until('"taken-over"')
            again.say("/echo on", "more")
            again.until('"more"')


@onlyThorough()
def test_nodeKilled(folder: Path) -> None:
    with _cluster(folder, 2) as (cluster, _):
        a, b = cluster.nodes
        with LineClient(a.server, "ann", "/ack on", "one") as ann, LineClient(b.server) as bob:
            ann.until("* stored lobby 1")
            bob.say("bob")
            bob.until("one")
            ann.until("bob (guest) joined")
            bob.say("/ack on", "two")
            bob.until("* stored lobby 2")
            b.kill()
            ann.until("bob is gone", REMOVED_SECONDS)
            assert _isGone(a, "bob")
            ann.say("three")
            ann.until("* stored lobby 3")
        b.start()
        b.waitUntilOpen()
        with LineClient(b.server, "bob") as bob:
            assert _messages(bob.until("--- now ---")) == ["<ann> one", "<bob> two", "<ann> three"]


def test_restartedAtOnce(folder: Path) -> None:
    with _cluster(folder, 2) as (cluster, _):
        a, b = cluster.nodes
        with LineClient(a.server, "ann") as ann, LineClient(b.server) as bob:
            ann.until("you are in #lobby")
            bob.say("bob")
            bob.until("you are in #lobby")
            ann.until("bob (guest) joined")
            b.restart()
            b.waitUntilOpen()
            ann.until("bob is gone")
            with LineClient(b.server, "bob") as again:
                again.until("* you are in #lobby with 1 other: ann")
            a.stop()
            with LineClient(b.server, "cat") as cat:
                cat.until("* you are in #lobby, alone")
            b.stop()


def test_brokerKilled(folder: Path) -> None:
    with _cluster(folder, 2) as (cluster, broker):
        a, b = cluster.nodes
        with (
            LineClient(a.server, "ann", "/ack on", "one") as ann,
            LineClient(b.server, "bob") as bob,
        ):
            ann.until("* stored lobby 1")
            bob.until("one")
            broker.kill(0)
            ann.say("two")
            ann.until("not stored yet")
            broker.start(0)
            ann.until("* stored lobby 2", RECOVERY_SECONDS)
            assert _messages(bob.until("two"))[-1:] == ["<ann> two"]
            bob.say("three")
            ann.until("three")
            ann.say("/history 3")
            history = ["#lobby 1 <ann> one", "#lobby 2 <ann> two", "#lobby 3 <bob> three"]
            assert _messages(ann.until("three")) == history


def _reason(node: Node) -> str:
    status, text = node.waitForExit()
    assert status == 1, text
    assert not node.troubles()
    [line] = node.server.complaint().splitlines()
    return line


def test_sameName(folder: Path) -> None:
    with _cluster(folder, 1) as (cluster, broker):
        [first] = cluster.nodes
        second = Node(folder / "second", "a", broker.url)
        try:
            second.start()
            assert "name" in _reason(first)
            second.waitUntilOpen()
            with LineClient(second.server, "ann") as ann:
                ann.until("* you are in #lobby, alone")
            assert not second.troubles()
        finally:
            second.kill()


def test_newNodeHasTheHistory(folder: Path) -> None:
    with _cluster(folder, 2) as (cluster, _):
        a, b = cluster.nodes
        with LineClient(a.server, "/nick ann", "/register a long secret", "/join lobby") as ann:
            ann.until("you are in #lobby")
            ann.say("/ack on", "/topic tea", *[f"line {number}" for number in range(50)])
            ann.until("* stored lobby 51")
            late = cluster.add()
            late.start()
            late.waitUntilOpen()
            with LineClient(late.server, "cat", "/since lobby 0", "/whois ann", "/who") as cat:
                lines = cat.until("line 49")
                assert any("topic of #lobby: tea" in line for line in lines)
                cat.until("line 49")
                ann.say("hello")
                cat.until("<ann> hello")
            with LineClient(late.server, "/login ann a long secret") as again:
                again.until("you are ann, logged in")
        histories = []
        for node in (a, b, late):
            # Each has another name: a node may not have heard yet that the one before is gone.
            nick = f"/nick eve-{node.name}"
            with LineClient(node.server, "/format json", nick, "/join lobby") as eve:
                eve.until('"roomEntered"')
                eve.say("/since lobby 0", "/echo on")
                heard = eve.until("echo is on")
                lines = [line for line in heard if '"type":"said"' in line]
                # What entering has told before is the end of the same.
                histories.append(lines[-52:])
                eve.say("/quit")
                eve.readToEnd()
        assert len(histories[0]) == 52
        assert histories[0] == histories[1] == histories[2]


def test_singleServerFoundsCluster(folder: Path) -> None:
    nodes = [Node(folder / "first", "a")]
    try:
        nodes[0].start()
        nodes[0].waitUntilOpen()
        with LineClient(nodes[0].server, "ann", "/ack on", "hello") as ann:
            ann.until("* stored lobby 1")
        nodes[0].stop()
        with NatsServer(folder / "broker") as broker:
            nodes += [Node(folder / where, name, broker.url) for where, name in _FOUNDERS]
            nodes[1].start()
            nodes[1].waitUntilOpen()
            until(lambda: "a snapshot for other nodes was made" in nodes[1].output(), "a snapshot")
            nodes[2].start()
            nodes[2].waitUntilOpen()
            with LineClient(nodes[2].server, "bob") as bob:
                bob.until("<ann> hello")
            for node in nodes[:0:-1]:
                node.stop()
        assert not any(node.troubles() for node in nodes)
    finally:
        for node in nodes:
            if node.isRunning:
                node.kill()


_FOUNDERS = (("first", "a"), ("second", "b"))


def test_waitsForTheBroker(folder: Path) -> None:
    ports = freePorts(3)
    broker = NatsServer(folder / "broker", ports=ports)
    node = Node(folder / "node", "a", broker.url)
    try:
        node.start()
        node.server.ready()
        assert node.server.address("timestamp")
        assert node.address is None
        assert node.server.runs()
        until(lambda: f"the engine: {broker.url}: " in node.output(), "why it waits")
        with broker:
            node.waitUntilOpen()
            with LineClient(node.server, "ann", "/ack on", "hello") as ann:
                ann.until("* stored lobby 1")
            node.stop()
        assert not node.troubles()
    finally:
        node.kill()


def test_stopsWhileItWaits(folder: Path) -> None:
    node = Node(folder / "node", "a", f"nats://127.0.0.1:{freePorts(1)[0]}")
    try:
        node.start()
        node.server.ready()
        node.stop()
    finally:
        node.kill()


def test_rejectedByTheBroker(folder: Path) -> None:
    extra = "authorization { user: somebody, password: other }"
    with NatsServer(folder / "broker", extra=extra) as broker:
        node = Node(folder / "node", "a", broker.url)
        try:
            node.start()
            until(
                lambda: re.search("(?i)authori|password|credential", node.output()),
                lambda: f"a word of the password:\n{node.output()}",
                OPEN_SECONDS,
            )
            assert node.address is None
            assert not node.troubles()
        finally:
            node.kill()


def test_withoutExtra(folder: Path) -> None:
    missing = folder / "missing"
    missing.mkdir()
    (missing / "nats.py").write_text("raise ModuleNotFoundError(\"No module named 'nats'\")\n")
    environ = {"PYTHONPATH": f"{missing}:{Path(__file__).parents[3]}"}
    node = Node(folder / "node", "a", "nats://127.0.0.1:4222", environ=environ)
    try:
        node.start()
        status, text = node.waitForExit(START_SECONDS)
        assert status == 1, text
        [line] = text.splitlines()
        assert "pip install" in line
        assert "tsservices[cluster]" in line
    finally:
        node.kill()


@onlyThorough()
def test_faults(folder: Path) -> None:
    found = crash(folder, 2, 1, faults=2, seed=1, seconds=FAULTS_SECONDS)
    assert found["acknowledged"]
