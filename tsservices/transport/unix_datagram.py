"""
A port for datagrams over a UNIX socket.

To its protocol a peer is the pair of its path and 0, where UDP has host and port, so the protocols
of UDP serve here as they are.  A peer that has bound no path has the path "" and can't be answered.
Names outside of the file system begin with NUL.
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

#: A peer, as its protocol knows it.
Peer = tuple[str, int]


class UNIXDatagramSocket(socket.socket):
    """A UNIX socket whose peers have addresses of the form of UDP's."""

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Peer]:
        data, source = super().recvfrom(size, flags)
        return data, (os.fsdecode(source or ""), 0)

    def sendto(self, data: Any, address: Any) -> int:  # type: ignore[override]
        return super().sendto(data, os.fsencode(address[0]))


class UNIXDatagramPort(FastUDPPort):
    """Datagrams over a UNIX socket, which somebody else has bound and whose file is theirs."""

    addressFamily = socket.AF_UNIX
    usesWildcardSocket = False
    _log = Logger("tsservices")

    def __init__(
        self, descriptor: int, protocol: DatagramProtocol, maxPacketSize: int, reactor: Any
    ) -> None:
        """
        @param descriptor: of the bound socket, which is duplicated.
        @param maxPacketSize: the most bytes of a datagram that are kept.
        """
        super().__init__(None, protocol, "", maxPacketSize, reactor)
        self.socket = UNIXDatagramSocket(fileno=os.dup(descriptor))
        self.socket.setblocking(False)

    def _bindSocket(self) -> None:
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.connected = True
        # What Twisted's port logs when it is closed.
        self._realPortNumber: Any = self.getHost().name

    def answerBatchesWith(self, reply: BatchReply) -> None:
        """Answer one by one all the same: these addresses are paths, of any length."""

    def getHost(self) -> UNIXAddress:
        return UNIXAddress(os.fsencode(self.socket.getsockname()))

    def write(self, datagram: bytes, addr: Peer | None = None) -> Any:
        """
        Send a datagram.

        @raise OSError: if the kernel does not take it: there is no such peer, or it does not read.
        """
        assert addr is not None
        return self.socket.sendto(datagram, addr)

    def _sendFailed(self, error: OSError) -> None:
        # A refusal here is no news of an earlier datagram.
        self._unsent()
