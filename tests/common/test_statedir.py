"""
Tests for L{tsservices.common.statedir}.
"""

from __future__ import annotations

import json
import os
import stat

from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.statedir import StateDirectory, defaultStateFolder


class DefaultTests(SynchronousTestCase):
    def test_systemd(self) -> None:
        """systemd names the folder, or several, of which the first is ours."""
        self.assertEqual(defaultStateFolder({"STATE_DIRECTORY": "/a:/b"}), "/a")

    def test_user(self) -> None:
        """Otherwise it is a folder of the user's."""
        self.assertTrue(defaultStateFolder({}).endswith("tsservices"))


class StateFolderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.name = self.mktemp()
        self.folder = StateDirectory(self.name)

    def test_made(self) -> None:
        """It is made for its owner only."""
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        self.assertEqual(stat.S_IMODE(os.stat(self.name).st_mode), 0o700)
        self.assertTrue(self.folder.owned)

    def test_one(self) -> None:
        """
        A second server does not own it, and has a file of its own, until the
        first has gone.
        """
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

    def test_given(self) -> None:
        """A server that becomes another user gives it what is there."""
        given: list[tuple[str, int, int]] = []
        self.patch(os, "chown", lambda *arguments: given.append(arguments))
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        self.folder.chown(-1, -1)
        self.assertEqual(given, [])
        self.folder.chown(7, -1)
        self.assertEqual(given, [(self.folder.path(""), 7, -1), (self.folder.path("lock"), 7, -1)])

    def test_cantBeMade(self) -> None:
        """A file in the way is an error."""
        with open(self.name, "w"):
            pass
        self.assertRaises(OSError, self.folder.create)

    def test_write(self) -> None:
        """Files are replaced whole, and nothing is left beside them."""
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
