"""
What the client can be asked to do, and what it assumes when not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tsservices.limits import DEFAULT_PORT

DEFAULT_HOST = "127.0.0.1"
"""
Where the server listens when it is started without C{--interface}.
"""

LINE_OFFSET = 1
"""
How far the line service's port lies above L{DEFAULT_PORT}.
"""

TALK_OFFSET = 5
"""
How far the talk service's port lies above L{DEFAULT_PORT}.
"""

STREAM_TIMEOUT = 10.0
"""
Seconds to wait on a stream: long enough for a few lost segments to be sent
again, short enough for a person at a prompt.
"""

DATAGRAM_TIMEOUT = 2.0
"""
Seconds to wait for the answer to one datagram: a round trip around the world
takes less than half of it.
"""

DATAGRAM_RETRIES = 2
"""
How often a datagram without an answer is sent again: three tries in all.
"""

Wire = Literal["tcp", "line", "udp"]


@dataclass(frozen=True)
class EchoCommand:
    """
    Send lines to the timestamp service and print the answers.

    @ivar host: a name, or an IPv4 or IPv6 address.
    @ivar port: the port of the service.
    @ivar wire: which of the three forms of the service is used.
    @ivar timeout: the longest wait for a connection or an answer, in seconds.
    @ivar retries: how often a datagram without an answer is sent again.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    wire: Wire = "tcp"
    timeout: float = STREAM_TIMEOUT
    retries: int = DATAGRAM_RETRIES


@dataclass(frozen=True)
class TalkCommand:
    """
    Talk with the operator of a server.

    @ivar host: a name, or an IPv4 or IPv6 address.
    @ivar port: the port of the talk service.
    @ivar timeout: the longest wait for the connection, and the longest
        silence after the end of the input, in seconds.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT + TALK_OFFSET
    timeout: float = STREAM_TIMEOUT


@dataclass(frozen=True)
class OperatorCommand:
    """
    Talk as the operator of a server on this machine.

    @ivar path: the path of the server's UNIX socket for its operator.
    @ivar timeout: as for L{TalkCommand}.
    """

    path: str
    timeout: float = STREAM_TIMEOUT


Command = EchoCommand | TalkCommand | OperatorCommand
