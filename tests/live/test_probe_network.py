"""
The probe beside a router, in network namespaces of its own: who says that a packet did not arrive,
and echo requests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import which
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux has namespaces"
)

#: This host, 10.9.1.2, is beside a router, 10.9.1.1; behind that is another host, 10.9.2.2, on a
#: link with an MTU of 1400.  The router knows two networks that it must not forward to.
NETWORK = """
mount -t tmpfs none /run && mkdir /run/netns
ip netns add router && ip netns add host
for n in router host; do
  ip -n $n link set lo up
  ip netns exec $n sysctl -q -w net.ipv6.conf.default.accept_dad=0
done
sysctl -q -w net.ipv6.conf.default.accept_dad=0
ip link set lo up
ip link add near type veth peer name out netns router
ip link add far netns host mtu 1400 type veth peer name in netns router mtu 1400
ip address add 10.9.1.2/24 dev near && ip address add fd09:1::2/64 dev near nodad
ip -n router address add 10.9.1.1/24 dev out && ip -n router address add fd09:1::1/64 dev out nodad
ip -n router address add 10.9.2.1/24 dev in && ip -n router address add fd09:2::1/64 dev in nodad
ip -n host address add 10.9.2.2/24 dev far && ip -n host address add fd09:2::2/64 dev far nodad
ip link set near up && ip -n router link set out up
ip -n router link set in up && ip -n host link set far up
ip route add default via 10.9.1.1 && ip route add default via fd09:1::1
ip -n host route add default via 10.9.2.1 && ip -n host route add default via fd09:2::1
ip -n router route add prohibit 10.9.3.0/24 && ip -n router route add unreachable 10.9.4.0/24
ip netns exec router sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip netns exec router sysctl -q -w net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
ip netns exec host sysctl -q -w net.ipv4.icmp_ratelimit=0
sysctl -q -w net.ipv4.ping_group_range='0 0'
"""

#: Twice a second at most the kernel notices that a link is up.
READY = """
until ip -n router -6 address show dev out scope link | grep -q fe80; do sleep 0.05; done
echo ready
read line
"""

PROBE = (sys.executable, "-m", "tsservices.client", "probe", "-W", "2", "-i", "0.05")


class Network:
    """Namespaces that are there as long as a process waits in them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["unshare", "-rnm", "sh", "-e", "-c", NETWORK + READY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> bool:
        assert self._process.stdout is not None
        return self._process.stdout.readline() == "ready\n"

    def close(self) -> str:
        """What was said on standard error."""
        return self._process.communicate("\n", timeout=10)[1]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", "-t", str(self._process.pid), "-U", "-n", "-m"]
        return subprocess.run(
            [*inside, "--preserve-credentials", *command],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=Path(__file__).parents[2],
        )

    def probe(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(*PROBE, *arguments)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    if which("unshare") is None or which("nsenter") is None:
        pytest.skip("there is no unshare")
    found = Network()
    ready = found.ready()
    if ready:
        yield found
    reason = found.close()
    if not ready:
        pytest.skip(f"this system gives no namespaces: {reason}")


def records(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def errors(summary: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (error["by"], error["from"], error["reason"], error["count"]) for error in summary["errors"]
    ]


def test_echo(network: Network) -> None:
    hosts = ("10.9.2.2", "fd09:2::2", "10.9.3.1", "10.9.4.1")
    done = network.probe("--icmp", "--json", "-c", "2", *hosts)
    assert done.returncode == 1
    lines = records(done)
    for host in hosts[:2]:
        replies = [line for line in lines if line["type"] == "probe" and line["host"] == host]
        assert [line["seq"] for line in replies] == [0, 1]
        assert {(line["state"], line["ttl"], line["port"]) for line in replies} == {
            ("ok", 63, None)
        }
        # The first may wait for a neighbour, before it leaves.
        assert replies[-1]["clocks"] == "kk"
        assert {line["up_ns"] for line in replies} == {None}
    summaries = {line["host"]: line for line in lines if line["type"] == "summary"}
    assert errors(summaries["10.9.3.1"]) == [
        ("router", "10.9.1.1", "administratively prohibited", 2)
    ]
    assert errors(summaries["10.9.4.1"]) == [("router", "10.9.1.1", "host unreachable", 2)]


@pytest.mark.parametrize("wire", [("--icmp",), ()])
def test_timeToLive(network: Network, wire: tuple[str, ...]) -> None:
    done = network.probe(*wire, "--json", "-c", "1", "-t", "1", "10.9.2.2", "fd09:2::2")
    summaries = [line for line in records(done) if line["type"] == "summary"]
    assert [errors(summary) for summary in summaries] == [
        [("router", "10.9.1.1", "time to live exceeded in transit", 1)],
        [("router", "fd09:1::1", "hop limit exceeded in transit", 1)],
    ]


def test_pathMTU(network: Network) -> None:
    done = network.probe("--icmp", "-M", "do", "-s", "1440", "-c", "3", "10.9.2.2", "fd09:2::2")
    assert done.returncode == 1
    for text in (
        "(a router) for 10.9.2.2: seq=0 fragmentation needed, MTU 1400 (largest -s 1372)",
        "from this host for 10.9.2.2: seq=2 too long for one packet, MTU 1400 (largest -s 1372)",
        "from this host for fd09:2::2: seq=2 too long for one packet, MTU 1400 (largest -s 1352)",
        "from fd09:1::1 (a router) for fd09:2::2: seq=0 packet too big, MTU 1400 (largest -s 1352)",
        "path MTU 1400, 1500 at the start: the largest -s without fragments is 1372",
    ):
        assert text in done.stdout
    network.run("ip", "route", "flush", "cache")
    done = network.probe("--icmp", "-M", "do", "-s", "1372", "-c", "3", "-q", "10.9.2.2")
    assert "3 received" in done.stdout
    assert "path MTU 1500 or less: packets had 1400 bytes" in done.stdout
    done = network.probe("--icmp", "-M", "want", "-s", "1440", "-c", "3", "-q", "10.9.2.2")
    assert "2 received" in done.stdout


def test_noRoute(network: Network) -> None:
    """This host says so itself, in mid-run."""
    # When the probe has opened its socket, and has perhaps sent something.
    lose = """
    (until [ $(wc -l < /proc/net/icmp) -gt 1 ]; do sleep 0.05; done
     sleep 0.1; ip route del default via 10.9.1.1) > /dev/null 2>&1 & exec "$@"
    """
    done = network.run("sh", "-c", lose, "sh", *PROBE, "--icmp", "--json", "-c", "12", "10.9.2.2")
    network.run("ip", "route", "add", "default", "via", "10.9.1.1")
    ((by, address, reason, count),) = errors(records(done)[-1])
    assert (by, address, reason) == ("self", None, "network is unreachable")
    assert 0 < count <= 12


def test_noPermission(network: Network) -> None:
    """The setting of a new network allows nobody."""
    done = network.run("unshare", "-n", *PROBE, "--icmp", "127.0.0.1", "nosuch.invalid")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "net.ipv4.ping_group_range" in done.stderr
