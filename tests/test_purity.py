"""
What is pure stays pure: it can be imported where Twisted can't.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tsservices import chat, cluster
from tsservices import stamp as measure
from tsservices import storage as journal

PURE = (
    *(each.name for each in pkgutil.walk_packages(chat.__path__, "tsservices.chat.")),
    *(
        each.name
        for each in pkgutil.iter_modules(cluster.__path__, "tsservices.cluster.")
        if each.name != "tsservices.cluster.nats.broker"
    ),
    *(each.name for each in pkgutil.iter_modules(journal.__path__, "tsservices.storage.")),
    *(each.name for each in pkgutil.iter_modules(measure.__path__, "tsservices.stamp.")),
    "tsservices.common.addresses",
    "tsservices.client.chat.cli",
    "tsservices.client.chat.ui.completion",
    "tsservices.client.chat.ui.history",
    "tsservices.client.chat.machine",
    "tsservices.client.chat.json_view",
    "tsservices.client.chat.text_view",
    "tsservices.client.chat.ui.status",
    "tsservices.common.counters",
    "tsservices.frontends.line.telnet",
    "tsservices.frontends.formats.sentences",
    "tsservices.frontends.connection",
    "tsservices.frontends.flood",
    "tsservices.frontends.line.commands",
    "tsservices.frontends.line.connection",
    "tsservices.frontends.line.input",
    "tsservices.frontends.line.parsing",
    "tsservices.frontends.sendqueue",
    "tsservices.frontends.formats.json",
    "tsservices.frontends.formats.json",
    "tsservices.frontends.formats.localtime",
    "tsservices.frontends.formats.sentences",
    "tsservices.frontends.line.telnet",
    "tsservices.frontends.formats.text",
    "tsservices.frontends.formats.sentences",
    "tsservices.frontends.formats.sentences",
    "tsservices.common.limits",
    "tsservices.common.lines",
    "tsservices.services.talk.commands",
    "tsservices.services.talk.switchboard",
    "tsservices.common.timestamps",
    "tsservices.common.text",
    "tsservices.common.ratelimit",
    "tsservices.transport.admission",
    "tsservices.transport.udp_guard",
)

PROGRAM = """
import importlib, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("twisted", "zope"):
            raise ImportError(name + " was imported")
sys.meta_path.insert(0, Refuse())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


class PurityTests(SynchronousTestCase):
    def importing(self, *names: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, timeout=30
        )

    def test_pure(self) -> None:
        """They import neither Twisted nor zope."""
        self.assertEqual(self.importing(*PURE).stderr, "")

    def test_impure(self) -> None:
        """The test would notice one that does."""
        self.assertIn("twisted", self.importing("tsservices.transport.stream").stderr)
