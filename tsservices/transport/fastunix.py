"""
UNIX stream connections and ports that live in an L{EpollSet<tsservices.transport.epollset>}.

They are read by Twisted's own C{doRead}, because descriptors can come along with the bytes, and
share the rest with the TCP ones.
"""

from __future__ import annotations

from twisted.internet import unix

from tsservices.transport import stock
from tsservices.transport.fasttcp import FastTCPPort, FastTCPServer


class FastUNIXServer(FastTCPServer, unix.Server):  # type: ignore[misc]
    """
    The transport of one accepted connection to a UNIX socket.
    """

    readInPlace = False


class FastUNIXPort(FastTCPPort, stock.UNIXPort):
    """
    A listening UNIX socket whose connections live in the set of its reactor.

    Around a socket that listens already: C{_fromListeningDescriptor(reactor, descriptor,
    factory)}.
    """

    transport = FastUNIXServer
