"""Tests for L{tsservices.transport.epoll.broadcast}."""

from __future__ import annotations

import contextlib
import os
import socket
from array import array
from collections.abc import Callable
from unittest import skipIf, skipUnless

from twisted.internet.main import CONNECTION_LOST
from twisted.trial.unittest import SynchronousTestCase

from tests.support.epoll import EpollCase, Recorder, receiveAll
from tests.support.line_sockets import CLIENTS, SocketHarness
from tests.support.send_ring import NO_RING
from tsservices.chat import fanout as deliveries
from tsservices.chat.delivery import recipients as audience
from tsservices.transport.epoll.broadcast import StreamBroadcast
from tsservices.transport.epoll.sendring import SendRing
from tsservices.transport.epoll.set import available
from tsservices.transport.epoll.tcp import FastTCPServer


def fill(sock: socket.socket) -> None:
    """Leave no room in the kernel, which a transport does not know then."""
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(bytes(1 << 16))


class BroadcastTests(EpollCase):
    def setUp(self) -> None:
        super().setUp()
        protocols = [Recorder(), Recorder(), Recorder()]
        self.peers = [self.connect(protocol) for protocol in protocols]
        self.streams = [protocol.transport for protocol in protocols]

    def test_send(self) -> None:
        one, two, three = self.streams
        broadcast = one.broadcastWith([one, two])
        self.assertTrue(broadcast.send(b"hello", [two, three]))
        self.assertTrue(broadcast.send(b"all", []))
        self.assertEqual([receiveAll(peer) for peer in self.peers], [b"helloall", b"all", b""])
        self.assertEqual([stream.bytesSent for stream in self.streams], [8, 3, 0])
        broadcast.dissolve()
        broadcast.dissolve()
        self.assertFalse(broadcast.send(b"no", []))
        self.assertEqual([stream.bytesSent for stream in self.streams], [8, 3, 0])
        self.assertEqual([stream.broadcasts for stream in self.streams], [()] * 3)

    def test_several(self) -> None:
        one, two, three = self.streams
        first, second = one.broadcastWith([one, two]), one.broadcastWith([one, three])
        first.send(b"a", [])
        second.send(b"bc", [])
        one.write(b"d")
        self.set.doRead()
        self.assertEqual([stream.bytesSent for stream in self.streams], [4, 1, 2])
        one.leaveBroadcast()
        self.assertEqual((first.valid, second.valid), (False, False))
        self.assertEqual([stream.bytesSent for stream in self.streams], [4, 1, 2])
        self.assertEqual(receiveAll(self.peers[0]), b"abcd")

    def test_queued(self) -> None:
        one, two, _ = self.streams
        broadcast = one.broadcastWith([one, two])
        writes: list[Callable[[], object]] = [
            lambda: two.write(b"first"),
            lambda: two.writeSequence([b"first"]),
        ]
        for write in writes:
            write()
            self.assertFalse(broadcast.send(b"second", []))
            self.set.doRead()
            self.assertTrue(broadcast.send(b"second", []))
            self.assertEqual(receiveAll(self.peers[1]), b"firstsecond")

    def test_ends(self) -> None:
        ends: list[Callable[[FastTCPServer], object]] = [
            lambda stream: stream.loseConnection(),
            lambda stream: stream.loseWriteConnection(),
            lambda stream: stream.abortConnection(),
            lambda stream: self.set._disconnect(stream, CONNECTION_LOST, False),
        ]
        for end in ends:
            protocol = Recorder()
            self.connect(protocol)
            stream = protocol.transport
            self.assertTrue(stream.isIdle)
            broadcast = stream.broadcastWith([self.streams[0], stream])
            end(stream)
            self.assertFalse(broadcast.valid)
            self.assertFalse(stream.isIdle)

    def test_slow(self) -> None:
        one, two, three = self.streams
        large = bytes(1 << 22)
        broadcast = one.broadcastWith(self.streams)
        self.assertTrue(broadcast.send(large, [two]))
        self.assertFalse(broadcast.valid)
        self.assertEqual([stream.isIdle for stream in self.streams], [False, True, False])
        again = two.broadcastWith([two])
        for stream in (one, three):
            stream.write(b"end")
        for peer in (self.peers[0], self.peers[2]):
            received = b""
            while not received.endswith(b"end"):
                received += receiveAll(peer)
                self.set.doRead()
            self.assertEqual(received, large + b"end")
        self.assertTrue(again.valid)
        self.assertEqual([stream.isIdle for stream in self.streams], [True] * 3)
        self.assertEqual(
            [stream.bytesSent for stream in self.streams], [len(large) + 3, 0, len(large) + 3]
        )

    def test_behind(self) -> None:
        one, two, _ = self.streams
        broadcast = one.broadcastWith([one, two])
        one.write(bytes(1 << 22))
        self.assertTrue(broadcast.valid)
        self.set.doRead()
        self.assertTrue(one.dataBuffer)
        self.assertFalse(broadcast.valid)

    def test_full(self) -> None:
        one, two, _ = self.streams
        fill(one.socket)
        broadcast = one.broadcastWith([one, two])
        self.assertTrue(broadcast.send(b"hello", []))
        self.assertEqual(receiveAll(self.peers[1]), b"hello")
        self.assertEqual((one.bytesSent, one.pendingBytes()), (0, 5))
        self.assertFalse(broadcast.valid)
        received = b""
        while not received.endswith(b"hello"):
            received += receiveAll(self.peers[0])
            self.set.doRead()
        self.assertEqual(one.bytesSent, 5)

    def test_lost(self) -> None:
        """A lost peer is found at the end of the round, not while others are sent to."""
        self.peers[0].close()
        broadcast = self.streams[0].broadcastWith(self.streams)
        self.assertTrue(broadcast.send(b"hello", []))
        self.assertEqual([receiveAll(peer) for peer in self.peers[1:]], [b"hello"] * 2)
        self.assertEqual(self.streams[0].connected, 1)
        self.set.doRead()
        self.assertEqual(self.streams[0].connected, 0)


@skipIf(NO_RING, NO_RING)
class RingBroadcastTests(BroadcastTests):
    """The same by io_uring."""

    def setUp(self) -> None:
        super().setUp()
        # Two sends by one call: rooms are sent to in parts.
        self.set.sendRing = SendRing(entries=2)
        self.addCleanup(self.set.sendRing.close)


class StandInRing:
    """Sends to some, and refuses the others."""

    smallest = 2

    def __init__(self, served: int) -> None:
        self.served = served
        self.asked: list[int] = []

    def send(self, descriptors: array[int], data: bytes) -> tuple[int, dict[int, int]]:
        self.asked.append(len(descriptors))
        for number in descriptors[: self.served]:
            os.write(number, data)
        return self.served, {}


class RefusingRingTests(EpollCase):
    def test_refused(self) -> None:
        """Those that the ring has not served are sent to one by one."""
        protocols = [Recorder(), Recorder(), Recorder()]
        peers = [self.connect(protocol) for protocol in protocols]
        streams = [protocol.transport for protocol in protocols]
        broadcast = streams[0].broadcastWith(streams)
        for sent in (0, 1, 3):
            self.set.sendRing = ring = StandInRing(sent)
            self.assertTrue(broadcast.send(b"hello", []))
            self.assertEqual([receiveAll(peer) for peer in peers], [b"hello"] * 3)
            self.assertTrue(broadcast.send(b"few", streams[1:]))
            self.assertEqual([receiveAll(peer) for peer in peers], [b"few", b"", b""])
            self.assertEqual(ring.asked, [3])
        self.assertTrue(broadcast.valid)

    def test_refusedAndFull(self) -> None:
        """One of those that the ring has not served takes nothing: it is that one that waits."""
        protocols = [Recorder(), Recorder(), Recorder()]
        peers = [self.connect(protocol) for protocol in protocols]
        streams = [protocol.transport for protocol in protocols]
        broadcast = streams[0].broadcastWith(streams)
        fill(streams[1].socket)
        self.set.sendRing = StandInRing(1)
        self.assertTrue(broadcast.send(b"hello", []))
        self.assertEqual([stream.pendingBytes() for stream in streams], [0, 5, 0])
        self.assertEqual([receiveAll(peer) for peer in peers[::2]], [b"hello"] * 2)


@skipUnless(available(), "this platform has no epoll")
class DissolvingTests(SynchronousTestCase):
    """Whatever changes what a member is to be sent dissolves the broadcast of the room."""

    def setUp(self) -> None:
        for module in (audience, deliveries):
            self.patch(module, "BROADCAST_FROM", 2)
        self.harness = SocketHarness()
        self.addCleanup(self.harness.close)
        self.one = self.harness.clients[1]
        self.gather()

    def gather(self) -> None:
        for _ in range(3):
            self.say(b"talk")
        for peer in self.harness.clients:
            peer.heard = b""

    def say(self, text: bytes) -> bytes:
        self.harness.perform(0, text + b"\n")
        self.harness.tick()
        heard, self.one.heard = self.one.heard, b""
        return heard

    def together(self) -> bool:
        return bool(self.one.transport.broadcasts)

    def test_together(self) -> None:
        self.assertTrue(self.together())
        broadcasts: list[StreamBroadcast] = list(self.one.transport.broadcasts)
        self.harness.perform(1, b"/ack on\n")
        self.harness.perform(1, b"hi\n")
        self.assertIn(b"hello", self.say(b"hello"))
        self.assertEqual(list(self.one.transport.broadcasts), broadcasts)

    def test_hold(self) -> None:
        self.one.protocol.connection.queue.block(True)
        self.assertFalse(self.together())
        for text in (b"a", b"b", b"c"):
            self.assertEqual(self.say(text), b"")
        self.assertFalse(self.together())
        self.one.protocol.connection.queue.block(False)
        self.assertEqual(self.say(b"d").count(b"<n0>"), 4)
        self.gather()
        self.assertTrue(self.together())

    def test_behind(self) -> None:
        self.one.reads = False
        self.one.transport.write(b"b" * 30_000)
        self.harness.tick()
        self.assertTrue(self.one.transport.dataBuffer)
        for _ in range(4):
            self.say(b"hello")
            self.assertFalse(self.together())
        self.one.reads = True
        self.harness.drain()
        self.assertEqual(self.one.heard.strip(b"b").count(b"<n0> hello\n"), 4)
        self.assertNotIn(b"b", self.one.heard.strip(b"b"))

    def test_ignore(self) -> None:
        self.harness.perform(1, b"/ignore n0\n")
        self.harness.tick()
        self.one.heard = b""
        for _ in range(4):
            self.assertEqual(self.say(b"hello"), b"")
        self.harness.perform(1, b"/ignore n0\n")
        self.harness.tick()
        self.assertIn(b"hello", self.say(b"hello"))

    def test_form(self) -> None:
        self.harness.perform(1, b"/format json\n")
        self.harness.tick()
        self.one.heard = b""
        for _ in range(4):
            self.assertEqual(self.say(b"hello")[:1], b"{")
        self.assertTrue(self.together())

    def test_outlet(self) -> None:
        session = self.one.protocol.connection.session
        session.setRecipient(None)
        for _ in range(4):
            self.assertEqual(self.say(b"hello"), b"")
        session.setRecipient(self.one.protocol.connection)
        self.assertIn(b"hello", self.say(b"hello"))

    def test_membership(self) -> None:
        self.harness.perform(1, b"/part\n")
        self.harness.tick()
        self.one.heard = b""
        self.assertFalse(self.together())
        self.assertEqual(self.say(b"hello"), b"")
        for peer in self.harness.clients:
            self.assertEqual(peer.transport.broadcasts, ())

    def test_newcomer(self) -> None:
        self.harness.clients.append(self.harness.join())
        self.assertFalse(self.together())
        self.say(b"hello")
        self.assertIn(b"hello", self.harness.clients[-1].heard)
        self.gather()
        self.assertEqual(len(self.one.transport.broadcasts), 1)

    def test_aborted(self) -> None:
        self.one.transport.abortConnection()
        self.assertFalse(self.together())
        self.harness.perform(0, b"hello\n")
        self.harness.tick()
        self.assertEqual(self.one.heard, b"")
        self.assertIn(b"hello", self.harness.clients[CLIENTS - 1].heard)
