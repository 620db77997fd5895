"""
What a package imports that brings a service of its own: L{ServiceSpec} and the base classes.

These names stay where they are.  docs/your-own-service.md shows how they are used, and
L{tsservices.testing} is for the tests.
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

#: The longest payload that UDP can carry has fewer bytes.
LARGEST_DATAGRAM = 65_535

#: Frozen, so all services can share it.
_STRICTEST = GuardPolicy()

#: A name stands in options, between commas and before an equals sign, and in the start's table.
_NAME = re.compile("[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """
    One service.

    @raise ValueError: the name or the summary is not of that form, or there is no transport.
    """

    #: What options, C{ports.json} and C{counters.json} call it.
    name: str
    #: What C{--help} and the start's table say of it, in one line.
    summary: str
    #: For TCP and UNIX sockets: a class of L{StreamProtocol}, or what makes a L{StreamFactory} for
    #: one listener; L{None} if it has none.
    stream: type[StreamProtocol] | Callable[..., StreamFactory] | None = None
    #: For UDP: makes the protocol of one listener, which may be a class of
    #: L{ReplyingDatagramProtocol}; L{None} if it has none.
    datagram: Callable[..., DatagramProtocol] | None = None
    #: How the guard judges datagrams; the default is the strictest policy.  L{None} for a service
    #: that never answers one: it is given datagrams of any size.
    guard: GuardPolicy | None = _STRICTEST
    #: Several processes may serve it on one port, because a client need not find the same process
    #: again.
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
        """How far its default port is from C{--port}; L{None} without a default port."""
        return None

    @property
    def onlyIP(self) -> bool:
        """Whether its datagrams come over UDP only, and not over UNIX sockets."""
        return False

    @property
    def datagramCounters(self) -> type[DatagramCounters]:
        """The class of the counters of its UDP ports."""
        return DatagramCounters

    def bytesRead(self, limits: Limits) -> int:
        """How many bytes of a datagram are read."""
        # One more than is answered: enough to see that there was more.
        return LARGEST_DATAGRAM if self.guard is None else limits.maxDatagram + 1

    def datagramContext(self, shared: DatagramContext, local: bool = False) -> DatagramContext:
        """
        Make the context of one listener for datagrams, with counters of its own and this policy.

        @param local: it is a UNIX socket.
        """
        # A service that says it answers nothing gets the strictest guard, should it ask for one.
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
        @raise TypeError: C{stream} makes something else.
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
        @raise TypeError: C{datagram} makes something else.
        """
        assert self.datagram is not None
        made: object = self.datagram(context, *arguments)
        if not isinstance(made, DatagramProtocol):
            raise TypeError(f"{self.name}: datagram makes no DatagramProtocol, but {made!r}")
        return made
