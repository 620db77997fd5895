"""Tests for L{tsservices.server.plugin} and the services it puts together."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import signal
import socket
from collections.abc import Callable
from typing import Any

from twisted.application.service import IServiceMaker, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from tests.support.logs import gather
from tsservices.admin import commands
from tsservices.admin.metrics import REFRESH_SECONDS, CountersFile
from tsservices.chat.controller import PlainLogin
from tsservices.common.counters import CounterRegistry, DatagramCounters
from tsservices.common.statedir import StateDirectory
from tsservices.server import listeners, options, registry
from tsservices.server import plugin as tap
from tsservices.server.log import logPlace
from tsservices.server.options import Options
from tsservices.server.plugin import makeService
from tsservices.server.privileges import becomingUser, checkPIDFile, pidFile
from tsservices.server.shutdown import OrderedMultiService, SignalService
from tsservices.services.talk.operator import OperatorService
from tsservices.services.talk.switchboard import Switchboard


class MakeServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.state = os.path.abspath(self.mktemp())
        self.terminal: Any = io.StringIO()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)

    def options(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(["--port", "0", "--state", self.state, *words])
        return options

    def make(self, *words: str) -> MultiService:
        options = self.options(*words)
        server = makeService(options, MemoryReactorClock(), self.terminal)
        assert isinstance(server, MultiService)
        for listener in self.listening(server).listeners:
            self.addCleanup(listener.port.stopListening)
        control: Any = server.getServiceNamed("control")
        for port in (*self.seat(server)._binder.ports, *control._binder.ports):
            self.addCleanup(port.stopListening)
        self.addCleanup(options.folder.release)
        return server

    def startError(self, *words: str) -> str:
        return str(
            self.assertRaises(
                SystemExit, makeService, self.options(*words), MemoryReactorClock(), self.terminal
            )
        )

    def listening(self, server: MultiService) -> Any:
        return server.getServiceNamed("listeners")

    def seat(self, server: MultiService) -> Any:
        return server.getServiceNamed("operator")

    def test_plugin(self) -> None:
        (maker,) = [item for item in getPlugins(IServiceMaker) if item.tapname == "tsserver"]
        self.assertIs(maker.options, Options)
        self.assertIs(maker.makeService, makeService)

    def test_table(self) -> None:
        server = self.make()
        lines = self.terminal.getvalue().splitlines()
        self.assertEqual(lines[0].split(), ["service", "over", "address", "what", "it", "is"])
        for line, listener in zip(lines[1:], self.listening(server).listeners, strict=False):
            self.assertIn(listener.spec.service.name, line)
            self.assertIn(listener.address, line)
            self.assertIn(listener.spec.service.summary, line)
        self.assertEqual(lines[14], f"log: this terminal; state: {self.state}")
        self.assertIn("chat.sqlite holds 0 rooms", lines[15])

    def test_tls(self) -> None:
        server = self.make("--tls", "only", "--services", "hello,chat,stamp")
        text = self.terminal.getvalue()
        fingerprint = commands.fingerprint(self.state, None)
        self.assertIn(f"TLS: {self.state}/tls.pem, until ", text)
        self.assertIn(fingerprint, text)
        self.assertIn("TLS: there is none for UDP, so in clear stay hello, stamp", text)
        rows = [listener.asJSON() for listener in self.listening(server).listeners]
        self.assertEqual(
            [(row["offering"], row["transport"], row.get("tls")) for row in rows],
            [
                ("hello", "tcp", True),
                ("hello", "udp", None),
                ("chat", "tcp", True),
                ("stamp", "udp", None),
            ],
        )
        chat: Any = server.getServiceNamed("chat")
        self.assertEqual(chat.context.plainLogin, PlainLogin(False, rows[2]["port"]))
        certificate: Any = server.getServiceNamed("certificate")
        self.assertEqual(certificate.step, 60)

    def test_portForBrowsers(self) -> None:
        server = self.make("--services", "chat,http")
        rows = [listener.asJSON() for listener in self.listening(server).listeners]
        chat: Any = server.getServiceNamed("chat")
        self.assertEqual(chat.context.webPort, rows[1]["port"])

    def test_missingExtra(self) -> None:
        self.patch(registry, "EXTRAS", {"http": ("nothing_like_this",)})
        server = self.make()
        chat: Any = server.getServiceNamed("chat")
        self.assertIsNone(chat.context.webPort)
        self.assertIn("http needs the extra http: pip install", self.terminal.getvalue())

    def test_wrongCertificate(self) -> None:
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("nothing")
        words = ("--tls", "beside", "--certificate", path)
        self.assertIn("one private key is needed", self.startError(*words))
        self.make("--services", "hello", "--certificate", path)
        self.assertIn("--certificate is not used", self.terminal.getvalue())

    def test_tlsWithoutItsExtra(self) -> None:
        self.patch(options, "haveTLS", lambda: False)
        error = self.assertRaises(usage.UsageError, self.options, "--tls", "only")
        self.assertIn("pip install 'tsservices[tls]'", str(error))
        for words in (("--tls", "on"), ("--plain-login", "allow")):
            error = self.assertRaises(usage.UsageError, self.options, *words)
            self.assertIn("there are", str(error))

    def test_tableCannotBeWritten(self) -> None:
        def refuse(text: str) -> int:
            raise OSError("no space left on device")

        self.patch(self.terminal, "write", refuse)
        self.make()

    def test_terminalWithoutUTF8(self) -> None:
        written = io.BytesIO()
        self.state = os.path.abspath(self.mktemp()) + "é"
        self.terminal = io.TextIOWrapper(written, encoding="ascii")
        self.make()
        self.assertIn(b"\\xe9", written.getvalue())

    def test_stateFolderOfOtherUser(self) -> None:
        options = self.options()
        self.assertEqual(becomingUser(options), (-1, -1))
        options.parent = usage.Options()
        options.parent["uid"] = 7
        self.assertEqual(becomingUser(options), (7, -1))

    def test_pidFileThatCantBeWritten(self) -> None:
        """twistd would print a traceback, after the table and with the sockets bound."""
        options = self.options()
        options.parent = usage.Options()
        for path in ("", "here.pid", options.folder.path("twistd.pid"), os.devnull):
            options.parent["pidfile"] = path
            checkPIDFile(options)
        options.parent["pidfile"] = "/no/such/pid"
        refused = self.assertRaises(SystemExit, checkPIDFile, options)
        self.assertIn("--pidfile /no/such/pid can't be written", str(refused))
        self.assertRaises(SystemExit, makeService, options)
        options.parent["chroot"] = "/"
        checkPIDFile(options)

    def test_pidFileInTheFolderOfOtherUser(self) -> None:
        """twistd would write it as root, whatever the name leads to by then."""
        options = self.options()
        self.addCleanup(options.folder.release)
        options.folder.create()
        path = options.folder.path("twistd.pid")
        options.parent = usage.Options()
        for elsewhere, becoming in ((path, (-1, -1)), (self.mktemp(), (7, 7))):
            options.parent["pidfile"] = elsewhere
            self.assertEqual(pidFile(options, becoming), [])
        options.parent["pidfile"] = path
        (service,) = pidFile(options, (7, 7))
        self.assertEqual(options.parent["pidfile"], "")
        victim = self.mktemp()
        os.symlink(os.path.abspath(victim), path)
        service.startService()
        with open(path) as file:
            self.assertEqual(file.read(), f"{os.getpid()}\n")
        service.stopService()
        self.assertFalse(os.path.lexists(path) or os.path.exists(victim))

    def test_sharedPorts(self) -> None:
        self.make("--reuse-port")
        self.assertIn("ports may be shared; these are in ", self.terminal.getvalue())
        self.assertEqual(os.listdir(self.state), [])

    def test_stopsInOrder(self) -> None:
        stopped: list[str] = []
        waiting: Deferred[None] = Deferred()

        class Slow(Service):
            """Takes its time."""

            def stopService(self) -> Deferred[None]:
                stopped.append("slow")
                return waiting

        class Quick(Service):
            """Does not."""

            def stopService(self) -> None:
                stopped.append("quick")

        server = OrderedMultiService()
        Quick().setServiceParent(server)
        Slow().setServiceParent(server)
        server.startService()
        done = server.stopService()
        self.assertEqual(stopped, ["slow"])
        waiting.callback(None)
        self.successResultOf(done)
        self.assertEqual(stopped, ["slow", "quick"])

    def test_logPlaces(self) -> None:
        for parent, expected in (
            ({"nodaemon": 1}, "this terminal"),
            ({"nodaemon": 0}, "twistd.log"),
            ({"nodaemon": 0, "logfile": "a.log"}, "a.log"),
            ({"nodaemon": 1, "syslog": 1}, "syslog"),
        ):
            options = self.options()
            options.parent = usage.Options()
            options.parent.update(parent)
            self.assertEqual(logPlace(options.parent or {}), expected)

    def test_guardKnowsOwnPorts(self) -> None:
        server = self.make()
        listeners = self.listening(server).listeners
        protocols = {item.port.name[1] for item in listeners if item.spec.transport == "udp"}
        self.assertEqual(len(protocols), 4)

    def test_portInUse(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            number = taken.getsockname()[1]
            path = os.path.join(os.path.dirname(self.state), "s")
            options = self.options(
                "--listen", f"timestamp=unix:{path}", "--listen", f"sink=tcp:{number}"
            )
            error = self.assertRaises(SystemExit, makeService, options, None, self.terminal)
        self.assertEqual(
            str(error),
            f"twistd tsserver: sink can't listen on tcp 127.0.0.1:{number}: Address already in use",
        )
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.terminal.getvalue(), "")
        again = StateDirectory(self.state)
        again.lock()
        self.assertTrue(again.owned)
        again.release()

    def test_inheritedTwice(self) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError(errno.EBADF, "Bad file descriptor")

        self.patch(listeners, "_bindStream", refuse)
        self.assertEqual(
            self.startError(),
            "twistd tsserver: timestamp can't listen on tcp 127.0.0.1:0: Bad file descriptor",
        )

    def test_unixInUse(self) -> None:
        path = self.mktemp()
        with socket.socket(socket.AF_UNIX) as taken:
            taken.bind(path)
            taken.listen()
            options = self.options("--listen", f"timestamp=unix:{path}")
            error = self.assertRaises(SystemExit, makeService, options, None, self.terminal)
        self.assertIn(f"timestamp can't listen on unix {path}: Address already", str(error))

    def test_noStateFolder(self) -> None:
        with open(self.state, "w"):
            pass
        expected = f"twistd tsserver: the state folder {self.state}: File exists"
        self.assertEqual(self.startError(), expected)

    def test_secondServer(self) -> None:
        self.make("--services", "talk")
        server = self.make("--services", "talk")
        self.assertIn("another server has this state folder", self.terminal.getvalue())
        self.assertEqual(self.seat(server)._binder.ports, [])

    def test_noOperatorSocket(self) -> None:
        os.makedirs(os.path.join(self.state, "operator.sock"))
        self.make("--services", "talk")
        self.assertIn("operators can't attach: ", self.terminal.getvalue())

    def test_noControlSocket(self) -> None:
        os.makedirs(os.path.join(self.state, "control.sock"))
        self.make("--services", "chat", "--journal", "memory")
        self.assertIn("backup and export can't reach this server: ", self.terminal.getvalue())

    def test_descriptorLimit(self) -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.patch(resource, "getrlimit", lambda _: (100, 1000))
        self.patch(resource, "setrlimit", lambda *_: None)
        self.make("--services", "ack")
        self.assertIn("descriptors allow 872 connections", self.terminal.getvalue())
        self.assertTrue(hard)

    def test_noDescriptorLimit(self) -> None:
        def refuse(*arguments: object) -> None:
            raise ValueError("not allowed")

        limits = self.options().limits
        self.patch(resource, "getrlimit", lambda _: (500, 1000))
        self.patch(resource, "setrlimit", refuse)
        self.assertEqual(tap._withDescriptors(limits).maxConnections, 372)
        infinite = resource.RLIM_INFINITY
        self.patch(resource, "getrlimit", lambda _: (infinite, infinite))
        self.assertEqual(tap._withDescriptors(limits), limits)

    def test_terminal(self) -> None:
        options = self.options("--operator", "Jack")
        self.assertFalse(tap._hasTerminal(options))
        for stays in (True, False):
            options.parent = usage.Options()
            options.parent["nodaemon"] = stays
            self.assertEqual(tap._hasTerminal(options), stays)
        nobody = self.options()
        nobody.parent = options.parent
        self.assertFalse(tap._hasTerminal(nobody))


class OperatorSeatTests(SynchronousTestCase):
    def test_neitherSocketNorTerminal(self) -> None:
        seat = OperatorService(
            Switchboard("Jack", 10), StateDirectory(self.mktemp()), None, onTerminal=False
        )
        seat.bind()
        seat.startService()
        self.successResultOf(seat.stopService())


class ReckoningTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.folder = StateDirectory(self.mktemp())
        self.folder.create()
        self.folder.lock()
        self.addCleanup(self.folder.release)
        self.ledger = CounterRegistry()
        self.counters = DatagramCounters()
        self.ledger.add({"offering": "echo", "transport": "udp"}, self.counters)
        self.reckoning = CountersFile(self.ledger, self.folder, self.clock)
        self.logged = gather(self)

    def read(self) -> Any:
        with open(self.folder.path("counters.json"), encoding="utf-8") as file:
            return json.load(file)[0]["received"]

    def test_written(self) -> None:
        self.reckoning.startService()
        self.assertEqual(self.read(), 0)
        self.counters.received = 7
        self.clock.advance(REFRESH_SECONDS)
        self.assertEqual(self.read(), 7)
        self.counters.received = 8
        self.reckoning.stopService()
        self.assertEqual(self.read(), 8)
        self.assertEqual(self.logged, ["echo udp: received=8"])
        self.assertFalse(self.folder.owned)

    def test_unchangedIsNotWritten(self) -> None:
        self.reckoning.write()
        os.unlink(self.folder.path("counters.json"))
        self.reckoning.write()
        self.assertFalse(os.path.exists(self.folder.path("counters.json")))

    def test_cannotBeWritten(self) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError("no space left on device")

        write = self.folder.write
        self.patch(self.folder, "write", refuse)
        self.reckoning.write()
        self.reckoning.write()
        self.assertEqual(self.logged, ["counters can't be written: no space left on device"])
        self.patch(self.folder, "write", write)
        self.reckoning.write()
        self.assertEqual(self.read(), 0)
        self.reckoning.stopService()


class StopSignalsTests(SynchronousTestCase):
    def test_signalsStopOnce(self) -> None:
        installed: dict[int, Any] = {}
        self.patch(signal, "signal", installed.__setitem__)
        stopped: list[None] = []

        class Reactor(MemoryReactorClock):
            """Notes that it is stopped."""

            def callFromThread(self, call: Callable[[], None]) -> None:
                call()

            def stop(self) -> None:
                stopped.append(None)

        reactor = Reactor()
        service = SignalService(reactor)
        service.startService()
        # Before the reactor runs, and again when it has set handlers of its own.
        self.assertEqual(set(installed), {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        installed.clear()
        for function, arguments, named in reactor.whenRunningHooks:
            function(*arguments, **named)
        self.assertEqual(set(installed), {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        installed[signal.SIGTERM](signal.SIGTERM, None)
        service.stopService()
        installed[signal.SIGTERM](signal.SIGTERM, None)
        self.assertEqual(len(stopped), 1)
        ((function, arguments, named),) = reactor.triggers["after"]["shutdown"]
        function(*arguments, **named)
        self.assertEqual(set(installed.values()), {signal.SIG_IGN})
