"""Tests for L{tsservices.common.statedir}."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.statedir import StateDirectory, defaultStateFolder


class DefaultTests(SynchronousTestCase):
    def test_systemd(self) -> None:
        self.assertEqual(defaultStateFolder({"STATE_DIRECTORY": "/a:/b"}), "/a")

    def test_noHome(self) -> None:
        """A folder that is called "~" is not made."""

        def unknown(user: int) -> None:
            raise KeyError(user)

        for name in ("HOME", "XDG_STATE_HOME"):
            self.patch(os, "environ", {key: os.environ[key] for key in os.environ if key != name})
        self.patch(pwd, "getpwuid", unknown)
        with pytest.raises(ValueError, match="--state"):
            defaultStateFolder({})

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
        # A number does not tell two processes apart that are in two containers.
        third = StateDirectory(self.name)
        path = third.path(f"ports.{os.getpid()}-2.json")
        self.assertEqual(third.privatePath("ports.json"), path)
        third.write(path, [])
        third.release()
        self.folder.release()
        second.lock()
        self.assertTrue(second.owned)
        second.release()
        second.release()
        self.assertEqual(os.listdir(self.name), ["lock"])

    def test_leftovers(self) -> None:
        """What is left of the dead goes; a process is dead if it holds no lock."""
        dead, living = StateDirectory(self.name), StateDirectory(self.name)
        living.create()
        number = os.getpid()
        living.write(living.privatePath("ports.json"), [])
        files = [
            *("ports.json", "ports.json.new", "ports.json.7.new", "node.json.7.new"),
            *("ports.1.json", "counters.1.json", "counters.1.json.new", "server.1.lock"),
            *("ports.7-2.json", "server.8.lock"),
        ]
        others = ["counters.json", "node.json", "chat.sqlite", "ports.txt", "operator.sock"]
        for name in (*files, *others):
            with open(dead.path(name), "w"):
                pass
        with socket.socket(socket.AF_UNIX) as listening:
            # A path relative to the folder: those of sockets are short.
            here = os.getcwd()
            os.chdir(self.name)
            self.addCleanup(os.chdir, here)
            listening.bind("control.sock")
        os.chdir(here)
        dead.sweep()
        left = [
            *others,
            "control.sock",
            *files[:4],
            f"ports.{number}.json",
            f"server.{number}.lock",
        ]
        self.assertEqual(sorted(os.listdir(self.name)), sorted(left))
        self.folder.lock()
        living.sweep()
        self.assertIn("control.sock", os.listdir(self.name))
        self.folder.release()
        living.sweep()
        left = [*others, "lock", f"ports.{number}.json", f"server.{number}.lock"]
        self.assertEqual(sorted(os.listdir(self.name)), sorted(left))
        living.release()
        self.assertEqual(sorted(os.listdir(self.name)), sorted([*others, "lock"]))

    def test_givenToOtherUser(self) -> None:
        """Files of this user only: neither what a link names, nor what has another name too."""
        given: list[object] = []
        self.patch(os, "fchown", lambda number, *ids: given.append(ids))
        self.patch(os, "chown", lambda path, *ids: given.append((os.readlink(path)[-5:], *ids)))
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        self.assertEqual(self.folder.giveTo(-1, -1), [])
        self.assertEqual(given, [])
        for victim in ("secret", "other"):
            with open(f"{self.name}-{victim}", "w"):
                pass
        os.symlink(os.path.abspath(f"{self.name}-secret"), self.folder.path("counters.json"))
        os.link(f"{self.name}-other", self.folder.path("chat.sqlite"))
        os.mkdir(self.folder.path("folder"))
        self.assertEqual(
            sorted(self.folder.giveTo(7, -1)), ["chat.sqlite", "counters.json", "folder"]
        )
        self.assertEqual(given, [(7, -1), ("/lock", 7, -1)])

    def test_linksAreNotFollowed(self) -> None:
        with open(f"{self.name}-secret", "w") as file:
            file.write("secret")
        target = os.path.abspath(f"{self.name}-secret")
        self.folder.create()
        self.addCleanup(self.folder.release)
        for name in ("lock", "x.json", f"x.json.{os.getpid()}.new", "log"):
            os.symlink(target, self.folder.path(name))
        error = self.assertRaises(OSError, self.folder.lock)
        self.assertIn("lock is a link", str(error))
        self.folder.write(self.folder.path("x.json"), [1])
        self.assertTrue(stat.S_ISREG(os.lstat(self.folder.path("x.json")).st_mode))
        self.assertRaises(OSError, self.folder.checkOwn, [self.folder.path("log")])
        # Elsewhere a link is the operator's own.
        os.symlink(target, f"{target}-link")
        self.folder.checkOwn([f"{target}-link", self.folder.path("nothing")])
        with open(target) as file:
            self.assertEqual(file.read(), "secret")

    def test_folderIsALink(self) -> None:
        """It may be one of root or of this user, and of nobody else."""
        os.mkdir(f"{self.name}-real")
        os.symlink(os.path.abspath(f"{self.name}-real"), self.name)
        self.folder.create()
        self.folder.lock()
        self.folder.release()
        self.assertEqual(os.listdir(f"{self.name}-real"), ["lock"])
        real = os.lstat(self.name)
        self.patch(os, "lstat", lambda path: os.stat_result([*real[:4], 12_345, *real[5:]]))
        self.assertIn("another user", str(self.assertRaises(OSError, self.folder.create)))

    def test_replacedFolder(self) -> None:
        """A folder of that name that came later is another one, and another server's."""
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        os.rename(self.name, f"{self.name}-old")
        os.mkdir(self.name)
        with open(self.folder.path("x.json"), "w"):
            pass
        self.folder.write(self.folder.path("x.json"), [1])
        self.folder.remove(self.folder.path("x.json"))
        self.assertEqual(os.listdir(self.name), ["x.json"])

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
