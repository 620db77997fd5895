"""Tests for L{tsservices.common.statedir}."""

from __future__ import annotations

import json
import os
import stat

from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.statedir import StateDirectory, defaultStateFolder


class DefaultTests(SynchronousTestCase):
    def test_systemd(self) -> None:
        self.assertEqual(defaultStateFolder({"STATE_DIRECTORY": "/a:/b"}), "/a")

    def test_userFolder(self) -> None:
        self.assertTrue(defaultStateFolder({}).endswith("tsservices"))


class StateFolderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.name = self.mktemp()
        self.folder = StateDirectory(self.name)

    def test_ownersOnly(self) -> None:
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        self.assertEqual(stat.S_IMODE(os.stat(self.name).st_mode), 0o700)
        self.assertTrue(self.folder.owned)

    def test_secondServer(self) -> None:
        second = StateDirectory(self.name)
        self.folder.create()
        self.folder.lock()
        second.lock()
        self.assertFalse(second.owned)
        self.assertEqual(self.folder.privatePath("ports.json"), self.folder.path("ports.json"))
        self.assertEqual(second.privatePath("ports.json"), second.path(f"ports.{os.getpid()}.json"))
        self.folder.release()
        second.lock()
        self.assertTrue(second.owned)
        second.release()
        second.release()

    def test_givenToOtherUser(self) -> None:
        given: list[tuple[str, int, int]] = []
        self.patch(os, "chown", lambda *arguments: given.append(arguments))
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        self.folder.chown(-1, -1)
        self.assertEqual(given, [])
        self.folder.chown(7, -1)
        self.assertEqual(given, [(self.folder.path(""), 7, -1), (self.folder.path("lock"), 7, -1)])

    def test_cannotBeMade(self) -> None:
        with open(self.name, "w"):
            pass
        self.assertRaises(OSError, self.folder.create)

    def test_writeReplacesWholeFile(self) -> None:
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        path = self.folder.path("x.json")
        for content in ([1], ["ü"]):
            self.folder.write(path, content)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file), content)
        self.assertEqual(sorted(os.listdir(self.name)), ["lock", "x.json"])
        self.folder.remove(path)
        self.folder.remove(path)
        self.assertEqual(os.listdir(self.name), ["lock"])
