"""
What is pure stays pure: it can be imported where Twisted can't.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tsservices import chat, cluster, journal, measure

PURE = (
    *(each.name for each in pkgutil.iter_modules(chat.__path__, "tsservices.chat.")),
    *(
        each.name
        for each in pkgutil.iter_modules(cluster.__path__, "tsservices.cluster.")
        if each.name != "tsservices.cluster.jetstream"
    ),
    *(each.name for each in pkgutil.iter_modules(journal.__path__, "tsservices.journal.")),
    *(each.name for each in pkgutil.iter_modules(measure.__path__, "tsservices.measure.")),
    "tsservices.addresses",
    "tsservices.client.chat.arguments",
    "tsservices.client.chat.completion",
    "tsservices.client.chat.history",
    "tsservices.client.chat.link",
    "tsservices.client.chat.rawview",
    "tsservices.client.chat.rendering",
    "tsservices.client.chat.status",
    "tsservices.counters",
    "tsservices.doors.asking",
    "tsservices.doors.deeds",
    "tsservices.doors.flood",
    "tsservices.doors.intake",
    "tsservices.doors.jsonfields",
    "tsservices.doors.jsonform",
    "tsservices.doors.localtime",
    "tsservices.doors.phrases",
    "tsservices.doors.telnet",
    "tsservices.doors.textform",
    "tsservices.doors.textlists",
    "tsservices.doors.textpeople",
    "tsservices.limits",
    "tsservices.lines",
    "tsservices.services.commands",
    "tsservices.services.switchboard",
    "tsservices.stamps",
    "tsservices.text",
    "tsservices.throttle",
    "tsservices.transport.admission",
    "tsservices.transport.guards",
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
    """
    Tests for the modules that hold decisions.
    """

    def importing(self, *names: str) -> subprocess.CompletedProcess[str]:
        """
        @param names: of modules.
        @return: how importing them without Twisted ended.
        """
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, timeout=30
        )

    def test_pure(self) -> None:
        """
        They import neither Twisted nor zope.
        """
        self.assertEqual(self.importing(*PURE).stderr, "")

    def test_impure(self) -> None:
        """
        The test would notice one that does.
        """
        self.assertIn("twisted", self.importing("tsservices.transport.stream").stderr)
