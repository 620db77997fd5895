"""
The API for services of other packages: L{ServiceSpec} and the base classes.

These names are stable.  docs/your-own-service.md shows how they are used, and
L{tsservices.testing} helps with the tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from twisted.internet.protocol import DatagramProtocol

from tsservices.common.counters import DatagramCounters
from tsservices.common.limits import Limits
from tsservices.transport.context import DatagramContext, StreamContext
from tsservices.transport.datagram import ReplyingDatagramProtocol, SilentDatagramProtocol
from tsservices.transport.stream import StreamFactory, StreamProtocol
from tsservices.transport.udp_guard import GuardPolicy

__all__ = [
    "DatagramContext",
    "GuardPolicy",
    "ReplyingDatagramProtocol",
    "ServiceSpec",
    "SilentDatagramProtocol",
    "StreamContext",
    "StreamFactory",
    "StreamProtocol",
]

#: More bytes than any UDP payload can have.
LARGEST_DATAGRAM = 65_535

#: The default policy, which all services share because it is frozen.
_STRICTEST = GuardPolicy()

#: Names appear in options, between commas and before an equals sign, and in the table at the start.
_NAME = re.compile("[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """
    The description of a service.

    @raise ValueError: the name or the summary is not valid, or there is no transport.
    """

    #: The name in options, C{ports.json} and C{counters.json}.
    name: str
    #: The description in C{--help} and in the table at the start, in one line.
    summary: str
    #: For TCP and UNIX sockets: a subclass of L{StreamProtocol}, or a function that makes the
    #: L{StreamFactory} of one listener; L{None}: not served over streams.
    stream: type[StreamProtocol] | Callable[..., StreamFactory] | None = None
    #: For UDP: a function that makes the protocol of one listener, or a subclass of
    #: L{ReplyingDatagramProtocol}; L{None}: not served over UDP.
    datagram: Callable[..., DatagramProtocol] | None = None
    #: The guard's policy for datagrams; the default is the strictest one.  L{None}: the service
    #: never answers, and gets datagrams of any size.
    guard: GuardPolicy | None = _STRICTEST
    #: Whether several processes may serve it on one port, because it keeps no state that a client
    #: would have to find again in the same process.
    shareable: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(f"a service's name is 1 to 32 of a-z, 0-9 and -, not {self.name!r}")
        if not isinstance(self.summary, str) or not self.summary.isprintable():
            raise ValueError(f"the summary of {self.name} is one line of text")
        if not self.transports:
            raise ValueError(f"{self.name} has neither stream nor datagram")

    @property
    def transports(self) -> tuple[str, ...]:
        """C{tcp}, C{udp} or both."""
        return (("tcp",) if self.stream else ()) + (("udp",) if self.datagram else ())

    @property
    def offset(self) -> int | None:
        """The distance of its default port from C{--port}; L{None}: it has no default port."""
        return None

    @property
    def onlyIP(self) -> bool:
        """Whether its datagrams are for UDP only, not for UNIX sockets."""
        return False

    @property
    def datagramCounters(self) -> type[DatagramCounters]:
        """The class of its datagram counters."""
        return DatagramCounters

    def bytesRead(self, limits: Limits) -> int:
        """Get the number of bytes of a datagram that are read."""
        # One more than the limit, to detect longer datagrams.
        return LARGEST_DATAGRAM if self.guard is None else limits.maxDatagram + 1

    def datagramContext(self, shared: DatagramContext, local: bool = False) -> DatagramContext:
        """
        Make the context of one listener for datagrams, with counters of its own and this policy.

        @param local: whether it is a UNIX socket.
        """
        # With guard=None, a service that uses a guard nevertheless gets the strictest one.
        policy = self.guard or _STRICTEST
        return replace(
            shared,
            counters=self.datagramCounters(),
            policy=policy,
            service=self.name,
            local=local,
        )

    def streamFactory(self, context: StreamContext, *arguments: object) -> StreamFactory:
        """
        Make the factory of one TCP or UNIX listener.

        @param arguments: for the constructor of each protocol, or of the factory.
        @raise TypeError: C{stream} makes an object of another type.
        """
        stream = self.stream
        assert stream is not None
        context = replace(context, service=self.name)
        if isinstance(stream, type) and issubclass(stream, StreamProtocol):
            return StreamFactory(context, stream, *arguments)
        made = cast("Callable[..., object]", stream)(context, *arguments)
        if not isinstance(made, StreamFactory):
            raise TypeError(f"{self.name}: stream makes no StreamFactory, but {made!r}")
        return made

    def datagramProtocol(self, context: DatagramContext, *arguments: object) -> DatagramProtocol:
        """
        Make the protocol of one UDP listener.

        @param arguments: for the constructor of the protocol.
        @raise TypeError: C{datagram} makes an object of another type.
        """
        assert self.datagram is not None
        made: object = self.datagram(context, *arguments)
        if not isinstance(made, DatagramProtocol):
            raise TypeError(f"{self.name}: datagram makes no DatagramProtocol, but {made!r}")
        return made
