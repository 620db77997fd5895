"""
The exchange with the timestamp service over UDP, or by datagrams over a UNIX socket: each line a
datagram, which is sent again until it is answered.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from collections import deque
from collections.abc import Iterable
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import IListeningPort, IReactorTime, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.udp import Port

from tsservices.client.terminal.console import Console
from tsservices.transport.unix_datagram import UNIXDatagramPort

#: Bytes of the receive buffer: datagrams are never longer.
LARGEST_DATAGRAM = 65536

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
        self._targets: set[tuple[str, int]] = set()
        self._waiting: Deferred[None] | None = None

    def send(self, transport: Port, address: tuple[str, int]) -> Deferred[None]:
        """
        Send the line once.

        @return: fires when it is answered.
        @raise OSError: the network refuses to take it.
        @raise MessageLengthError: it is too long for a datagram.
        """
        self._targets.add(address)
        self._waiting = Deferred()
        transport.write(self._line, address)
        return self._waiting

    def received(self, datagram: bytes, source: tuple[str, int]) -> None:
        """Take a datagram, if it is the answer."""
        fromServer = any(
            source[1] == port and sameHost(source[0], host) for host, port in self._targets
        )
        if self._waiting is not None and fromServer and answers(datagram, self._line):
            waiting, self._waiting = self._waiting, None
            self.answer = datagram
            waiting.callback(None)


class UDPQueryProtocol(DatagramProtocol):
    """
    A port for the datagrams of one query.

    It is not connected, so the query compares the sources: Twisted ends a connected port for
    good when one ICMP message reports a refusal.
    """

    transport: Port

    def __init__(self, query: UDPQuery) -> None:
        self._query = query

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self._query.received(datagram, addr)


class UNIXDatagrams:
    """Makes ports for L{UDPClient} whose addresses are paths, each with the port 0.  For Linux."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def listenUDP(
        self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192
    ) -> IListeningPort:
        """Make a port with a name outside of the file system, which the system chooses."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
            bound.bind("")
            listening = UNIXDatagramPort(bound.fileno(), protocol, maxPacketSize, self._reactor)
        listening.startListening()
        return listening


class UDPClient:
    """Asks a server line by line."""

    def __init__(
        self,
        udp: IReactorUDP | UNIXDatagrams,
        clock: IReactorTime,
        addresses: Iterable[tuple[str, int]],
        timeout: float,
        tries: int,
    ) -> None:
        """
        @param addresses: of the server, in the order in which they are tried.
        @param timeout: the wait after each try, in seconds.
        """
        self._udp = udp
        self._clock = clock
        self._addresses = deque(addresses)
        self._timeout = timeout
        self._tries = tries

    async def ask(self, line: bytes) -> bytes | None:
        """
        Send a line until it is answered.

        @return: the answer; L{None}: none came.
        @raise OSError: the network refuses to take it.
        @raise CannotListenError: the machine has no such network.
        @raise MessageLengthError: it is too long for a datagram.
        """
        # Ports of its own for each line: the late second answer to a line that was sent twice
        # would be taken for the answer to an equal one.
        query = UDPQuery(line)
        ports: dict[str, tuple[UDPQueryProtocol, IListeningPort]] = {}
        try:
            for _ in range(self._tries):
                address = self._addresses[0]
                interface = "::" if isIPv6Address(address[0]) else "0.0.0.0"
                try:
                    if interface not in ports:
                        port = UDPQueryProtocol(query)
                        listening = self._udp.listenUDP(0, port, interface, LARGEST_DATAGRAM)
                        ports[interface] = port, listening
                    answered = query.send(ports[interface][0].transport, address)
                except (OSError, CannotListenError):
                    if len(self._addresses) == 1:
                        raise
                    # This machine has no way there; the others may do.
                    self._addresses.popleft()
                    continue
                try:
                    await answered.addTimeout(self._timeout, self._clock)
                except TimeoutError:
                    self._addresses.rotate(-1)
                else:
                    return query.answer
            return None
        finally:
            for _, listening in ports.values():
                listening.stopListening()


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
            answer, reason = None, error.strerror or str(error)
        if answer is not None:
            console.write(answer + b"\n")
        else:
            status = 1
            quoted = line.decode("utf-8", "backslashreplace")
            if len(quoted) > QUOTED:
                quoted = quoted[:QUOTED] + "..."
            console.complain(f"{server}: {reason}: {quoted}")
    return status
