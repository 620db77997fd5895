"""Clients of the line frontend on the epoll transport, over pairs of sockets."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace

from tests.support.epoll import ManualReactor, connect, receiveAll
from tests.support.services import startChat
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.line.protocol import LineChatFactory, LineChatProtocol
from tsservices.testing import NOON, MemoryServer
from tsservices.transport.epoll.set import EpollSet
from tsservices.transport.epoll.tcp import FastTCPServer

#: No client is delayed or dropped.
LIMITS = Limits(floodLines=0, floodBytes=0, chatPending=1 << 22, chatPendingAll=1 << 24)

#: Clients that join at the start.
CLIENTS = 5


class SocketClient:
    """The client's end of one connection."""

    def __init__(self, harness: SocketHarness) -> None:
        self.reads = True
        self.heard = b""
        protocol = harness.factory.buildProtocol(None)
        assert isinstance(protocol, LineChatProtocol)
        self.protocol = protocol
        self.end = connect(harness.set, protocol)
        transport = protocol.transport
        assert isinstance(transport, FastTCPServer)
        self.transport: FastTCPServer = transport
        # The kernel then buffers less than two long lines for a client that does not read.
        transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)

    def receive(self) -> None:
        if self.reads:
            self.heard += receiveAll(self.end)


class SocketHarness:
    """Clients of one listener."""

    def __init__(self) -> None:
        self._reactor = ManualReactor()
        self.set = EpollSet(self._reactor)
        self.set.portOpened()
        chat = startChat(LIMITS, lambda: NOON * NANOSECONDS, self.set.atTurnEnd)
        streams = replace(MemoryServer(LIMITS).streams, clock=self._reactor)
        self.factory = LineChatFactory(streams, chat, time.gmtime)
        self.closedClients: list[SocketClient] = []
        self._joined = 0
        self.clients = [self.join() for _ in range(CLIENTS)]

    def join(self) -> SocketClient:
        peer = SocketClient(self)
        peer.end.sendall(b"n%d\n" % self._joined)
        self._joined += 1
        self.tick()
        return peer

    def tick(self) -> None:
        """Process all data sent, and let the reading clients receive the results."""
        for _ in range(6):
            self.set.doRead()
            self._reactor.advance(0)
            for peer in getattr(self, "clients", ()):
                peer.receive()

    def drain(self) -> None:
        """Tick until the reading clients have received everything."""
        before = -1
        while before != (before := sum(len(peer.heard) for peer in self.clients)):
            self.tick()

    def perform(self, name: int, data: bytes | str) -> None:
        peer = self.clients[name]
        if isinstance(data, bytes):
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                peer.end.sendall(data)
        elif data in ("stop", "read"):
            peer.reads = data == "read"
        elif data == "close":
            self.tick()
            peer.end.shutdown(socket.SHUT_RDWR)
        elif data == "come" and not peer.transport.connected:
            self.closedClients.append(peer)
            self.clients[name] = self.join()
        elif data == "turn":
            self.tick()

    def finish(self) -> list[bytes]:
        """Let all clients read to the end, check the counts, and close."""
        for peer in self.clients:
            peer.reads = True
        self.drain()
        for peer in self.clients:
            if peer.transport.connected:
                assert peer.transport.bytesSent == len(peer.heard)
                assert peer.transport.pendingBytes() == 0
        heard = [peer.heard for peer in (*self.closedClients, *self.clients)]
        self.close()
        for peer in (*self.closedClients, *self.clients):
            assert not peer.transport.connected
            assert peer.transport.broadcasts == ()
        return heard

    def close(self) -> None:
        for peer in (*self.closedClients, *self.clients):
            peer.reads = False
            peer.end.close()
        self.tick()
        self.set.portClosed()
