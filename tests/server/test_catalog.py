"""Tests for L{tsservices.server.catalog}."""

from __future__ import annotations

import os
import sys
from importlib import metadata

from twisted.trial.unittest import SynchronousTestCase

from tsservices.server.catalog import GROUP, Catalog, CatalogError
from tsservices.server.registry import BUILTIN
from tsservices.services.api import ServiceSpec, StreamProtocol

#: What the entry points of these tests point to.
mine = ServiceSpec("mine", "my own service", StreamProtocol)

MINE = f"{__name__}:mine"


class CatalogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))
        self.asked: list[str] = []

    def install(self, **points: str) -> None:
        found = [metadata.EntryPoint(name, value, GROUP) for name, value in points.items()]
        self.patch(metadata, "entry_points", lambda group: found)

    def refused(self, *modules: str, name: str = "") -> str:
        def do() -> None:
            Catalog(modules).get(name)

        error: Exception = self.assertRaises(CatalogError, do)
        self.assertNotIn("\n", str(error))
        return str(error)

    def write(self, name: str, text: str) -> None:
        with open(f"{name}.py", "w", encoding="utf-8") as file:
            file.write(text)
        self.addCleanup(sys.modules.pop, name, None)

    def test_builtinServices(self) -> None:
        self.install()
        self.assertEqual(Catalog().names, [row.name for row in BUILTIN])
        self.assertIs(Catalog().get("ack"), BUILTIN[3])

    def test_entryPoint(self) -> None:
        self.install(mine=MINE)
        found = Catalog()
        self.assertEqual(found.names[-1], "mine")
        self.assertIs(found.get("mine"), mine)
        self.assertIs(found.get("mine"), mine)

    def test_lazyImport(self) -> None:
        self.write("counted_import", "import sys\nsys.counted = 1\n")
        self.install(counted="counted_import:service", mine=MINE)
        Catalog().get("mine")
        self.assertNotIn("counted_import", sys.modules)

    def test_packageRaises(self) -> None:
        for text in (
            "raise RuntimeError('a\\nb')",
            "import nothing_like_it",
            "def",
            "raise SystemExit",
        ):
            self.write("broken_import", text)
            self.install(broken="broken_import:service")
            self.assertIn("broken", Catalog().names)
            sys.path.append(os.getcwd())
            message = self.refused(name="broken")
            self.assertIn("entry point broken = broken_import:service cannot be loaded: ", message)

    def test_notAService(self) -> None:
        self.install(mine=f"{__name__}:MINE", yours=MINE)
        self.assertIn("is no ServiceSpec, but str", self.refused(name="mine"))
        self.assertIn("its service has another name, mine", self.refused(name="yours"))

    def test_unknownName(self) -> None:
        self.install(broken="broken_import:service")
        message = self.refused(name="nope")
        self.assertTrue(message.startswith("there is no service 'nope'; there are timestamp, "))
        self.assertTrue(message.endswith(", time, broken"))

    def test_moduleOfCurrentFolder(self) -> None:
        self.write("loose", f"from {__name__} import mine as service\n")
        self.write("json", "raise AssertionError")
        sys.modules.pop("json")
        self.install()
        self.assertIs(Catalog(["loose"]).get("mine"), mine)
        self.assertIs(Catalog([f"{__name__}:mine"]).get("mine"), mine)
        self.assertEqual(sys.path[-1], os.getcwd())
        self.assertIn("has no attribute 'service'", self.refused("json"))

    def test_badModule(self) -> None:
        self.install()
        self.assertIn(
            "--load nothing_at_all cannot be loaded: Module", self.refused("nothing_at_all")
        )
        for text in ("", "a b", "./loose.py", "loose:", "loose:a b", ":x"):
            self.assertIn("load takes MODULE or MODULE:NAME, not ", self.refused(text))

    def test_duplicateName(self) -> None:
        self.install(ack=MINE)
        self.assertIn(
            "there are two services ack: of tsservices itself, and of the entry point ack",
            self.refused(name="hello"),
        )
        self.install(mine=MINE)
        module = f"{__name__}:mine"
        self.assertIn(f"mine: of --load {module}, and of the entry", self.refused(module))
        self.install()
        self.assertIn("there are two services mine", self.refused(module, module))
        found = [metadata.EntryPoint("mine", MINE, GROUP)] * 2
        self.patch(metadata, "entry_points", lambda group: found)
        self.assertIn("there are two services mine", self.refused())

    def test_errorInTable(self) -> None:
        self.install(broken="nothing_at_all:service", mine=MINE)
        rows = dict(Catalog().rows())
        self.assertIs(rows["mine"], mine)
        self.assertIsInstance(rows["broken"], CatalogError)
