"""Tests for L{tsservices.transport.binder}, with real sockets."""

from __future__ import annotations

import os
import socket
import stat
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol, ServerFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.epoll import ManualReactor
from tsservices.transport.binder import Binder, BoundPort
from tsservices.transport.shared_sockets import OwnSockets


class BinderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.binder = Binder(None)
        self.addCleanup(self.binder.discard)

    def refused(self, call: Any, *arguments: Any, **named: Any) -> str:
        error = self.assertRaises(CannotListenError, call, *arguments, **named)
        return str(error.socketError)

    def test_listensAtOnce(self) -> None:
        """Clients can connect before the server runs, and cannot after a start that failed."""
        self.binder.listenTCP(0, ServerFactory(), 5, "127.0.0.1")
        (port,) = self.binder.ports
        verifyObject(IListeningPort, port)
        assert isinstance(port.name, tuple)
        socket.create_connection(port.name, 5).close()
        self.binder.discard()
        self.assertRaises(ConnectionRefusedError, socket.create_connection, port.name, 5)

    def test_noDelay(self) -> None:
        self.binder.listenTCP(0, ServerFactory(), 5, "127.0.0.1")
        (port,) = self.binder.ports
        with socket.create_connection(port.name, 5), port._socket.dup() as listening:  # type: ignore[arg-type]
            listening.setblocking(True)
            with listening.accept()[0] as accepted:
                self.assertTrue(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def test_notServed(self) -> None:
        port = self.binder.listenTCP(0, ServerFactory(), 5, "127.0.0.1")
        self.assertRaises(RuntimeError, port.getHost)

    def test_inUse(self) -> None:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            stream.listen()
            datagram.bind(("127.0.0.1", 0))
            taken, taken2 = stream.getsockname()[1], datagram.getsockname()[1]
            text = "Address already in use"
            factory = ServerFactory()
            self.assertIn(text, self.refused(self.binder.listenTCP, taken, factory, 5, "127.0.0.1"))
            self.assertIn(
                text,
                self.refused(self.binder.bindUDP, taken2, "127.0.0.1", DatagramProtocol(), 9),
            )
        self.assertEqual(self.binder.ports, [])

    def test_boundButNotListening(self) -> None:
        """Another socket may listen on it in between."""
        with socket.socket() as first:
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            first.bind(("127.0.0.1", 0))
            number = first.getsockname()[1]
            self.binder.listenTCP(number, ServerFactory(), 5, "127.0.0.1")
            self.assertRaises(OSError, first.listen)
            self.patch(socket.socket, "listen", self._refuse)
            self.refused(self.binder.listenTCP, 0, ServerFactory(), 5, "127.0.0.1")

    def _refuse(self, *arguments: object) -> None:
        raise OSError("refused")

    def test_noSuchAddress(self) -> None:
        self.assertIn(
            "assign", self.refused(self.binder.listenTCP, 0, ServerFactory(), 5, "192.0.2.1")
        )
        self.refused(self.binder.listenTCP, 0, ServerFactory(), 5, "no address")

    def test_everyAddress(self) -> None:
        """C{::} takes IPv4 too; an empty interface is all of IPv4."""
        self.binder.listenTCP(0, ServerFactory(), 5, "::")
        self.binder.listenTCP(0, ServerFactory(), 5)
        for port in self.binder.ports:
            socket.create_connection(("127.0.0.1", int(port.name[1])), 5).close()

    def test_linkLocalName(self) -> None:
        """Its name tells the interface; without it nobody could connect."""
        index, name = socket.if_nameindex()[0]
        bound: Any = SimpleNamespace(getsockname=lambda: ("fe80::1", 80, 0, index))
        port = BoundPort(None, bound, lambda reactor, descriptor: None)  # type: ignore[arg-type, return-value]
        self.assertEqual(port.name, (f"fe80::1%{name}", 80))

    def test_unix(self) -> None:
        path = os.path.abspath(self.mktemp())
        self.binder.listenUNIX(path, ServerFactory(), mode=0o600)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(self.binder.ports[0].name, path)
        self.assertIn(
            "Address already in use", self.refused(self.binder.listenUNIX, path, ServerFactory())
        )
        self.assertTrue(os.path.exists(path))
        self.binder.discard()
        self.assertFalse(os.path.exists(path))

    def test_staleSocket(self) -> None:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            path = self.mktemp()
            with socket.socket(socket.AF_UNIX, kind) as dead:
                dead.bind(path)
            self.binder.listenUNIX(path, ServerFactory())

    def test_livingSocket(self) -> None:
        """Also one that does not listen yet, and one of another kind."""
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            path = self.mktemp()
            with socket.socket(socket.AF_UNIX, kind) as living:
                living.bind(path)
                for call, *arguments in (
                    (self.binder.listenUNIX, ServerFactory()),
                    (self.binder.bindUNIXDatagram, 0o600, DatagramProtocol(), 9),
                ):
                    self.assertIn("Address already in use", self.refused(call, path, *arguments))
                self.assertTrue(os.path.exists(path))

    def test_fileOfAnotherServerStays(self) -> None:
        """The name was given to another one, whose file may have the same number."""
        for served in (False, True):
            path = os.path.abspath(self.mktemp())
            older, newer = Binder(ManualReactor()), Binder(None)
            self.addCleanup(newer.discard)
            older.listenUNIX(path, ServerFactory())
            if served:
                older.ports[0].startListening()
            os.unlink(path)
            newer.listenUNIX(path, ServerFactory())
            older.discard()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)

    def test_link(self) -> None:
        """It is not followed, neither to the file that it names nor to one that there is not."""
        for target in ("living", "nothing"):
            path = self.mktemp()
            os.symlink(target, path)
            self.assertIn("no socket", self.refused(self.binder.listenUNIX, path, ServerFactory()))
            self.assertTrue(os.path.islink(path))

    def test_otherFile(self) -> None:
        path = self.mktemp()
        with open(path, "w"):
            pass
        self.assertIn("no socket", self.refused(self.binder.listenUNIX, path, ServerFactory()))
        self.assertTrue(os.path.exists(path))

    def test_abstract(self) -> None:
        self.binder.listenUNIX(f"\0tsservices-{os.getpid()}", ServerFactory())
        self.assertTrue(str(self.binder.ports[0].name).startswith("\0"))

    def test_adopted(self) -> None:
        with socket.socket() as adopted:
            adopted.bind(("127.0.0.1", 0))
            adopted.listen()
            self.binder.adoptStreamPort(adopted.fileno(), socket.AF_INET, ServerFactory())
            self.assertEqual(self.binder.ports[0].name, adopted.getsockname())
            # Which systemd does not set.
            self.assertTrue(adopted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        self.refused(self.binder.adoptStreamPort, -1, socket.AF_INET, ServerFactory())

    def test_notAdopted(self) -> None:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            for adopted, family in (
                (stream, socket.AF_INET),
                (datagram, socket.AF_INET),
                (stream, socket.AF_UNIX),
            ):
                self.assertIn(
                    "no listening stream socket",
                    self.refused(
                        self.binder.adoptStreamPort, adopted.fileno(), family, ServerFactory()
                    ),
                )

    def test_shared(self) -> None:
        first, second = (Binder(None, sockets=OwnSockets(True)) for _ in range(2))
        for binder in (first, second):
            self.addCleanup(binder.discard)
        first.listenTCP(0, ServerFactory(), 5, "127.0.0.1")
        first.bindUDP(0, "127.0.0.1", DatagramProtocol(), 9)
        stream, datagram = (int(port.name[1]) for port in first.ports)
        second.listenTCP(stream, ServerFactory(), 5, "127.0.0.1")
        second.bindUDP(datagram, "127.0.0.1", DatagramProtocol(), 9)
        self.refused(self.binder.listenTCP, stream, ServerFactory(), 5, "127.0.0.1")
        self.refused(self.binder.bindUDP, datagram, "127.0.0.1", DatagramProtocol(), 9)

    def test_fileOfAdoptedUNIXStays(self) -> None:
        for fast in (True, False):
            reactor = ManualReactor()
            binder = Binder(reactor, fast)
            path = self.mktemp()
            with socket.socket(socket.AF_UNIX) as adopted, socket.socket(socket.AF_UNIX) as client:
                adopted.bind(path)
                adopted.listen()
                binder.adoptStreamPort(adopted.fileno(), socket.AF_UNIX, ServerFactory())
                (port,) = binder.ports
                port.startListening()
                client.connect(path)
                self.assertEqual(port.getHost(), UNIXAddress(os.fsencode(path)))
                binder.discard()
                reactor.advance(0)
                # Whoever has it can still accept.
                with socket.socket(socket.AF_UNIX) as later:
                    later.connect(path)
                    adopted.setblocking(True)
                    adopted.accept()[0].close()
            self.assertEqual(reactor.readers, [])
            self.assertTrue(os.path.exists(path))
