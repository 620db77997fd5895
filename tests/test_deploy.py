"""What C{deploy} and C{docs/cluster.md} ask of the server is what it takes."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tsservices.cluster.broker import STOP_SECONDS
from tsservices.cluster.messages import MESSAGE_BYTES
from tsservices.common.limits import Limits
from tsservices.server.option_rows import DEFAULT_STREAM
from tsservices.server.options import Options
from tsservices.server.password_hasher import HASHING_STOP_SECONDS
from tsservices.server.plugin import DESCRIPTORS_RESERVED
from tsservices.storage.sqlite.config import JOURNAL_STOP_SECONDS

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"

#: What there is about clusters, but for leaving one.
CLUSTER = {
    "cluster",
    "node",
    "cluster-replicas",
    "cluster-stream",
    "cluster-ca",
    "cluster-certificate",
    "cluster-key",
    "cluster-credentials",
    "cluster-nkey-file",
    "cluster-token-file",
    "cluster-user-file",
}

#: Options of other programs in the examples: of docker compose, and of nats.
ELSEWHERE = {"build", "data", "name", "replicas", "server", "trace"}


def known() -> set[str]:
    found = {row[0] for row in (*Options.optParameters, *Options.optFlags)}
    keys = set(re.findall(r"^  ([a-z-]+) = ", Options().getUsage(), re.MULTILINE))
    return found | keys | {"listen", "trust", "help"}


def read(name: str) -> Options:
    found = Options()
    found.parseOptions(["--config", str(DEPLOY / name)])
    return found


def unit(name: str) -> configparser.RawConfigParser:
    # Keys may stand there several times, comments only on lines of their own.
    found = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
    found.optionxform = str  # type: ignore[method-assign,assignment]
    found.read_string((DEPLOY / "systemd" / name).read_text(encoding="utf-8"))
    return found


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", text))


class DeployTests(SynchronousTestCase):
    def test_cluster(self) -> None:
        named = {item for item in known() if item.startswith(("cluster", "node"))}
        self.assertEqual(named, CLUSTER)
        self.assertIn("leave-cluster", known())

    def test_keys(self) -> None:
        for name in ("tsservices.toml", "compose.toml"):
            text = (DEPLOY / name).read_text(encoding="utf-8")
            found = tomllib.loads(text)
            taken = read(name)
            for key in CLUSTER & found.keys() - {"cluster"}:
                self.assertEqual(taken[key], found[key])
            self.assertEqual(taken["cluster"], found["cluster"])
            self.assertTrue(
                all(item.service.name in found["services"] for item in taken.listenSpecs)
            )
            commented = set(re.findall(r"^# ([a-z-]+) = ", text, re.MULTILINE))
            self.assertEqual(commented - known(), set())

    def test_options(self) -> None:
        taken = known()
        entry = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").partition("ENTRYPOINT")[2]
        compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
        nodes = "\n".join(re.findall(r"command: (.*--config.*)", compose))
        start = (DEPLOY / "systemd" / "tsservices.service").read_text(encoding="utf-8")
        for text in (entry, nodes, start):
            self.assertEqual(options(text) - taken, set())
            self.assertTrue(options(text))

    def test_unit(self) -> None:
        service = unit("tsservices.service")["Service"]
        words = shlex.split(service["ExecStart"])
        self.assertEqual(words[0], "/opt/tsservices/bin/tsservices")
        longest = Limits().stopLimit + JOURNAL_STOP_SECONDS
        longest += HASHING_STOP_SECONDS + STOP_SECONDS
        self.assertGreater(float(service["TimeoutStopSec"]), longest)
        bound = Limits().maxConnections + DESCRIPTORS_RESERVED
        self.assertGreater(int(service["LimitNOFILE"]), bound)
        for key in ("DynamicUser", "NoNewPrivileges", "PrivateTmp"):
            self.assertEqual(service[key], "yes")
        self.assertEqual(service["ProtectSystem"], "strict")
        self.assertEqual(service["Restart"], "on-failure")

    def test_engine(self) -> None:
        for name in ("nats.conf", "compose.conf"):
            text = (DEPLOY / "nats" / name).read_text(encoding="utf-8")
            self.assertIn("\n  sync_interval: always\n", text)
            self.assertIn("\nmax_payload: 1MB\n", text)
            self.assertIn('include "nodes.conf"', text)
        self.assertGreater(1_000_000, MESSAGE_BYTES)

    def test_stream(self) -> None:
        rights = (DEPLOY / "nats" / "nodes.conf").read_text(encoding="utf-8")
        subjects = re.findall(r'^ +"(.+)"$', rights, re.MULTILINE)
        for name in ("tsservices.toml", "compose.toml"):
            stream = read(name)["cluster-stream"]
            self.assertEqual(stream, DEFAULT_STREAM)
            self.assertIn(stream, subjects)
            for subject in set(subjects) - {stream, "$JS.API.STREAM.NAMES"}:
                words = subject.removesuffix(".>").split(".")
                self.assertIn(words[-1], {stream, f"OBJ_{stream}"})
        self.assertNotIn("DELETE", rights)

    def test_document(self) -> None:
        text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
        self.assertEqual(options(text) - known() - ELSEWHERE, set())
        named = set(re.findall(r"`(cluster-[a-z-]+)", text))
        self.assertEqual(named - CLUSTER, set())
        self.assertIn(f"`{DEFAULT_STREAM}`", text)
        for item in CLUSTER:
            self.assertTrue(f"`{item}`" in text or f"--{item}" in text, item)
