"""
The exchange with the timestamp service by datagrams, over UDP or a UNIX socket: each line is one
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

#: Bytes of the receive buffer; no datagram is longer.
LARGEST_DATAGRAM = 65536

#: Host and port, or a path and 0.
Address = tuple[str, int]

#: How many characters of an unanswered line an error message quotes.
QUOTED = 40

#: The prefix of an answer, in any of the server's three formats.
STAMP = re.compile(rb"\[[^\]\n]{1,40}\] ")


def answers(answer: bytes, line: bytes) -> bool:
    """Check whether a datagram is the answer to a line."""
    stamp = STAMP.match(answer)
    return answer.endswith(line) and (
        stamp is None or len(answer) in (len(line), stamp.end() + len(line))
    )


def sameHost(one: str, other: str) -> bool:
    """Check whether two addresses or paths are the same, even if they are written differently."""
    # The zone is ignored because it may be missing from one of them.
    try:
        first, second = (ipaddress.ip_address(host.partition("%")[0]) for host in (one, other))
    except ValueError:
        with contextlib.suppress(OSError, ValueError):
            return os.path.samefile(one, other)
        return False
    return first == second


class UDPQuery:
    """
    One line that was sent, and the wait for its answer.

    @ivar answer: L{None}: not received yet.
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

        @return: fires when the line is answered, and fails if the peer refuses the datagram.
        @raise OSError: the network refuses the datagram.
        @raise MessageLengthError: the line is too long for a datagram.
        """
        self._targets.add(address)
        self._awaited = address
        waiting = self._waiting = Deferred()
        transport.write(self._line, address)
        return waiting

    def received(self, datagram: bytes, source: Address) -> None:
        """Take a datagram if it is the answer."""
        fromServer = any(
            source[1] == port and sameHost(source[0], host) for host, port in self._targets
        )
        if self._waiting is not None and fromServer and answers(datagram, self._line):
            waiting, self._waiting = self._waiting, None
            self.answer = datagram
            waiting.callback(None)

    def refused(self, address: Address, number: int) -> None:
        """@param number: the errno of the error."""
        if self._waiting is not None and address == self._awaited:
            waiting, self._waiting = self._waiting, None
            waiting.errback(OSError(number, os.strerror(number)))


class UDPQueryProtocol(DatagramProtocol):
    """The protocol of one query to one address."""

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
        """@param number: the errno of the error."""
        self._query.refused(self.address, number)


class QueryPort(FastUDPPort):
    """A connected UDP port that passes ICMP errors about its datagrams to the protocol."""

    usesWildcardSocket = False
    protocol: UDPQueryProtocol

    def _bindSocket(self) -> None:
        super()._bindSocket()
        if LINUX:
            # Without this option the socket reports closed ports, but no ICMP errors of routers.
            isIPv6 = self.addressFamily == socket.AF_INET6
            level = socket.IPPROTO_IPV6 if isIPv6 else socket.IPPROTO_IP
            self.socket.setsockopt(level, IPV6_RECVERR if isIPv6 else IP_RECVERR, 1)

    def _peerRefused(self, number: int | None) -> None:
        if number:
            self.protocol.refused(number)

    def readConnectionLost(self, reason: Failure) -> None:
        """Keep the port open after an error."""
        super().readConnectionLost(reason)
        # The error queue holds the same errors again, and the socket is readable until it is empty.
        with contextlib.suppress(OSError):
            while LINUX:
                self.socket.recvmsg(0, 0, socket.MSG_ERRQUEUE)


class QueryPorts(Protocol):
    """A factory of ports for L{UDPClient}."""

    def open(self, protocol: UDPQueryProtocol) -> IListeningPort:
        """
        Make a port for the protocol's address.

        @raise OSError: this machine has no route to the address.
        @raise CannotListenError: this machine has no network of that kind.
        """


class UDPPorts:
    """A factory of connected UDP ports."""

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
    """A factory of UNIX datagram ports; an address is a path and the port 0.  Linux only."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def open(self, protocol: UDPQueryProtocol) -> IListeningPort:
        # With the name "" the kernel chooses an address outside the file system.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
            bound.bind("")
            listening = UNIXDatagramPort(bound.fileno(), protocol, LARGEST_DATAGRAM, self._reactor)
        listening.startListening()
        return listening


class UDPClient:
    """A client that sends lines one by one and waits for each answer."""

    def __init__(
        self,
        ports: QueryPorts,
        clock: IReactorTime,
        addresses: Iterable[Address],
        timeout: float,
        tries: int,
    ) -> None:
        """
        @param addresses: the server's addresses, in the order in which they are tried.
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

        @return: the answer; L{None}: none was received.
        @raise OSError: the network or the peer refuses the datagram.
        @raise CannotListenError: the machine has no such network.
        @raise MessageLengthError: the line is too long for a datagram.
        """
        # Each line has ports of its own: a late second answer to a line that was sent twice could
        # be taken for the answer to an equal line.
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
                # Another address may answer; one that refused is not tried again for this line.
                self._addresses.rotate(-1)
                while self._addresses[0] in refused:
                    self._addresses.rotate(-1)
            return None
        finally:
            for _, listening in ports.values():
                listening.stopListening()


def errorReason(error: OSError) -> str:
    """Describe why a datagram was not sent, or was refused."""
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
