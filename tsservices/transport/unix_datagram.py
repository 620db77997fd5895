"""
A port for datagrams over a UNIX socket.

The address of a peer is the pair of its path and 0, in place of host and port, so that protocols
for UDP work unchanged.  A peer that has bound no path has the path "" and can't be answered.  Names
outside the file system begin with NUL.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from tsservices.transport.capabilities import BatchReply
from tsservices.transport.epoll.udp import FastUDPPort

#: The address of a peer: its path, and 0.
Peer = tuple[str, int]


class UNIXDatagramSocket(socket.socket):
    """A UNIX socket whose peers have addresses in the form of UDP's."""

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Peer]:
        data, source = super().recvfrom(size, flags)
        return data, (os.fsdecode(source or ""), 0)

    def sendto(self, data: Any, address: Any) -> int:  # type: ignore[override]
        return super().sendto(data, os.fsencode(address[0]))


class UNIXDatagramPort(FastUDPPort):
    """Datagrams over an existing bound UNIX socket, whose file is left alone."""

    addressFamily = socket.AF_UNIX
    usesWildcardSocket = False
    _log = Logger("tsservices")

    def __init__(
        self, descriptor: int, protocol: DatagramProtocol, maxPacketSize: int, reactor: Any
    ) -> None:
        """
        @param descriptor: of the bound socket, which is duplicated.
        @param maxPacketSize: the number of bytes after which a datagram is cut off.
        """
        super().__init__(None, protocol, "", maxPacketSize, reactor)
        self.socket = UNIXDatagramSocket(fileno=os.dup(descriptor))
        self.socket.setblocking(False)

    def _bindSocket(self) -> None:
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.connected = True
        # Twisted's port logs this when it is closed.
        self._realPortNumber: Any = self.getHost().name

    def answerBatchesWith(self, reply: BatchReply) -> None:
        """Do nothing: batches are not supported, because addresses are paths of any length."""

    def getHost(self) -> UNIXAddress:
        return UNIXAddress(os.fsencode(self.socket.getsockname()))

    def write(self, datagram: bytes, addr: Peer | None = None) -> Any:
        """
        Send a datagram.

        @raise OSError: if the kernel refuses: there is no such peer, or the peer does not read.
        """
        assert addr is not None
        return self.socket.sendto(datagram, addr)

    def _sendFailed(self, error: OSError) -> None:
        # Unlike with UDP, a refusal is about this datagram, not about an earlier one.
        self._unsent()
