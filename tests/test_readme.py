"""README.md and docs have every service, command, limit and counter."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.addresses import DEFAULT_PORT
from tsservices.common.counters import (
    ClusterCounters,
    DatagramCounters,
    StampCounters,
    StreamCounters,
    WebCounters,
)
from tsservices.common.limits import Limits
from tsservices.frontends.slash.commands import COMMANDS as CHAT_COMMANDS
from tsservices.server.options import Options
from tsservices.server.registry import BUILTIN
from tsservices.services.talk.commands import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVICES = (ROOT / "docs" / "services.md").read_text(encoding="utf-8")
CHAT = (ROOT / "docs" / "chat.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


class ReadmeTests(SynchronousTestCase):
    def test_table(self) -> None:
        rows = []
        for service in BUILTIN:
            over = ", ".join(service.transports).upper()
            port = "by `--listen`" if service.offset is None else DEFAULT_PORT + service.offset
            rows.append(f"| {service.name} | {over} | {port} | {service.summary} |")
        self.assertIn("\n".join(rows), README)

    def test_commands(self) -> None:
        for heading, words in (
            ("Run", "twistd -n --pidfile= tsserver --port 21567"),
            ("Test", "pytest"),
        ):
            section = README.partition(f"## {heading}\n")[2].partition("\n## ")[0]
            (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
            self.assertEqual(block.count("\n"), 1)
            self.assertIn(words, block)

    def test_limits(self) -> None:
        keys = set(re.findall(r"^([a-z-]+) = ", OPERATING, re.MULTILINE))
        known = set(Limits.fieldNames()) | {row[0] for row in Options.optParameters}
        self.assertEqual(keys - known - {"listen", "trust", "chat-operators"}, set())
        self.assertTrue(keys)

    def test_counters(self) -> None:
        for counters in (
            StreamCounters,
            WebCounters,
            DatagramCounters,
            StampCounters,
            ClusterCounters,
        ):
            for name in counters.__dataclass_fields__:
                self.assertIn(f"`{name}`", OPERATING + SERVICES)

    def test_commandsOfTheChat(self) -> None:
        rows = []
        for command in CHAT_COMMANDS.values():
            synopsis = command.synopsis.replace("|", "\\|")
            rows.append(f"| `{synopsis}` | {command.help} |")
        self.assertIn("\n".join(rows), CHAT)

    def test_commandsOfTheOperator(self) -> None:
        for command in COMMANDS.values():
            self.assertIn(f"`{command.usage}`", SERVICES)
