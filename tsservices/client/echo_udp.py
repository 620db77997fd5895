"""
The exchange with the timestamp service over UDP, or by datagrams over a UNIX socket: each line a
datagram, which is sent again until it is answered.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import socket
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.udp import Port
from twisted.python.failure import Failure

from tsservices.client.terminal.console import Console
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.timestamping.cmsg import IP_RECVERR, IPV6_RECVERR, LINUX
from tsservices.transport.unix_datagram import UNIXDatagramPort

#: Bytes of the receive buffer: datagrams are never longer.
LARGEST_DATAGRAM = 65536

#: Host and port, or a path and 0.
Address = tuple[str, int]

#: How many characters of an unanswered line a complaint repeats.
QUOTED = 40

#: What stands before the data in an answer, in any of the server's three forms.
STAMP = re.compile(rb"\[[^\]\n]{1,40}\] ")


def answers(answer: bytes, line: bytes) -> bool:
    """Whether a datagram is the answer to a line."""
    stamp = STAMP.match(answer)
    return answer.endswith(line) and (
        stamp is None or len(answer) in (len(line), stamp.end() + len(line))
    )


def sameHost(one: str, other: str) -> bool:
    """Whether two addresses or paths are the same, in whatever way they are written."""
    # Without the zone, which only one of them may have.
    try:
        first, second = (ipaddress.ip_address(host.partition("%")[0]) for host in (one, other))
    except ValueError:
        with contextlib.suppress(OSError, ValueError):
            return os.path.samefile(one, other)
        return False
    return first == second


class UDPQuery:
    """
    One line on its way, and the wait for its answer.

    @ivar answer: L{None}: it has not come.
    """

    def __init__(self, line: bytes) -> None:
        self.answer: bytes | None = None
        self._line = line
        self._targets: set[Address] = set()
        self._awaited: Address | None = None
        self._waiting: Deferred[None] | None = None

    def send(self, transport: Port, address: Address) -> Deferred[None]:
        """
        Send the line once.

        @return: fires when it is answered, and fails if the other side refuses it.
        @raise OSError: the network refuses to take it.
        @raise MessageLengthError: it is too long for a datagram.
        """
        self._targets.add(address)
        self._awaited = address
        waiting = self._waiting = Deferred()
        transport.write(self._line, address)
        return waiting

    def received(self, datagram: bytes, source: Address) -> None:
        """Take a datagram, if it is the answer."""
        fromServer = any(
            source[1] == port and sameHost(source[0], host) for host, port in self._targets
        )
        if self._waiting is not None and fromServer and answers(datagram, self._line):
            waiting, self._waiting = self._waiting, None
            self.answer = datagram
            waiting.callback(None)

    def refused(self, address: Address, number: int) -> None:
        """@param number: of the system's error."""
        if self._waiting is not None and address == self._awaited:
            waiting, self._waiting = self._waiting, None
            waiting.errback(OSError(number, os.strerror(number)))


class UDPQueryProtocol(DatagramProtocol):
    """A port for the datagrams of one query to one address."""

    transport: Port
    noisy = False

    def __init__(self, query: UDPQuery, address: Address) -> None:
        self.address = address
        self._query = query

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        self._query.received(datagram, addr)

    def connectionRefused(self) -> None:
        self.refused(errno.ECONNREFUSED)

    def refused(self, number: int) -> None:
        """@param number: of the system's error."""
        self._query.refused(self.address, number)


class QueryPort(FastUDPPort):
    """A connected port, whose protocol gets what ICMP says of its datagrams."""

    usesWildcardSocket = False
    protocol: UDPQueryProtocol

    def _bindSocket(self) -> None:
        super()._bindSocket()
        if LINUX:
            # Else it reports closed ports only, and not what routers say.
            isIPv6 = self.addressFamily == socket.AF_INET6
            level = socket.IPPROTO_IPV6 if isIPv6 else socket.IPPROTO_IP
            self.socket.setsockopt(level, IPV6_RECVERR if isIPv6 else IP_RECVERR, 1)

    def _peerRefused(self, number: int | None) -> None:
        if number:
            self.protocol.refused(number)

    def readConnectionLost(self, reason: Failure) -> None:
        """Stay open: an error is not the end of the port."""
        super().readConnectionLost(reason)
        # The queue has the same errors once more, and as long as it does the socket is readable.
        with contextlib.suppress(OSError):
            while LINUX:
                self.socket.recvmsg(0, 0, socket.MSG_ERRQUEUE)


class QueryPorts(Protocol):
    """Makes ports for L{UDPClient}."""

    def open(self, protocol: UDPQueryProtocol) -> IListeningPort:
        """
        Make a port for the protocol's address.

        @raise OSError: this machine has no way there.
        @raise CannotListenError: it has no such network.
        """


class UDPPorts:
    """Makes connected ports of UDP."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def open(self, protocol: UDPQueryProtocol) -> IListeningPort:
        host, number = protocol.address
        interface = "::" if isIPv6Address(host) else "0.0.0.0"
        port = QueryPort(0, protocol, interface, LARGEST_DATAGRAM, self._reactor)
        port.startListening()
        try:
            port.connect(host, number)
        except OSError:
            port.stopListening()
            raise
        return port


class UNIXDatagrams:
    """Makes ports whose addresses are paths, each with the port 0.  For Linux."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def open(self, protocol: UDPQueryProtocol) -> IListeningPort:
        # The system chooses a name outside of the file system.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
            bound.bind("")
            listening = UNIXDatagramPort(bound.fileno(), protocol, LARGEST_DATAGRAM, self._reactor)
        listening.startListening()
        return listening


class UDPClient:
    """Asks a server line by line."""

    def __init__(
        self,
        ports: QueryPorts,
        clock: IReactorTime,
        addresses: Iterable[Address],
        timeout: float,
        tries: int,
    ) -> None:
        """
        @param addresses: of the server, in the order in which they are tried.
        @param timeout: the wait after each try, in seconds.
        """
        self._ports = ports
        self._clock = clock
        self._addresses = deque(addresses)
        self._timeout = timeout
        self._tries = tries

    async def ask(self, line: bytes) -> bytes | None:
        """
        Send a line until it is answered.

        @return: the answer; L{None}: none came.
        @raise OSError: the network refuses to take it, or the other side refuses it.
        @raise CannotListenError: the machine has no such network.
        @raise MessageLengthError: it is too long for a datagram.
        """
        # Ports of its own for each line: the late second answer to a line that was sent twice
        # would be taken for the answer to an equal one.
        query = UDPQuery(line)
        ports: dict[Address, tuple[UDPQueryProtocol, IListeningPort]] = {}
        refused: set[Address] = set()
        tries = self._tries
        try:
            while tries:
                address = self._addresses[0]
                try:
                    if address not in ports:
                        protocol = UDPQueryProtocol(query, address)
                        ports[address] = protocol, self._ports.open(protocol)
                    answered = query.send(ports[address][0].transport, address)
                    await answered.addTimeout(self._timeout, self._clock)
                except TimeoutError:
                    tries -= 1
                except (OSError, CannotListenError):
                    refused.add(address)
                    if refused.issuperset(self._addresses):
                        raise
                else:
                    return query.answer
                # Another address may do; one that has refused is not asked again for this line.
                self._addresses.rotate(-1)
                while self._addresses[0] in refused:
                    self._addresses.rotate(-1)
            return None
        finally:
            for _, listening in ports.values():
                listening.stopListening()


def errorReason(error: OSError) -> str:
    """Why a datagram was not sent, or was refused."""
    if error.errno == errno.ECONNREFUSED:
        return "refused"
    reason = error.strerror or str(error)
    return f"{reason} (by a firewall of this host?)" if error.errno == errno.EPERM else reason


async def exchangeDatagrams(client: UDPClient, server: str, console: Console) -> int:
    """
    Send each line of the console as a datagram and print the answers.

    @return: the exit status.
    """
    status = 0
    while (line := await console.readLine()) is not None:
        if not line:
            if console.interactive:
                break
            continue
        try:
            answer = await client.ask(line)
            reason = "no answer"
        except MessageLengthError:
            answer, reason = None, "too long for one datagram"
        except CannotListenError as error:
            answer, reason = None, str(error.socketError)
        except OSError as error:
            answer, reason = None, errorReason(error)
        if answer is not None:
            console.write(answer + b"\n")
        else:
            status = 1
            quoted = line.decode("utf-8", "backslashreplace")
            if len(quoted) > QUOTED:
                quoted = quoted[:QUOTED] + "..."
            console.complain(f"{server}: {reason}: {quoted}")
    return status
