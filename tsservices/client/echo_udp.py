"""
The exchange with the timestamp service over UDP.
"""

from __future__ import annotations

import ipaddress
import re
from collections import deque
from collections.abc import Iterable

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import IListeningPort, IReactorTime, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.udp import Port

from tsservices.client.terminal.console import Console

#: Bytes of the receive buffer: no datagram is cut.
LARGEST_DATAGRAM = 65536

#: How many characters of an unanswered line a complaint repeats.
QUOTED = 40

#: What stands before the data in an answer, in any of the server's three forms.
STAMP = re.compile(rb"\[[^\]\n]{1,40}\] ")


def answers(answer: bytes, line: bytes) -> bool:
    """Say whether a datagram is the answer to a line."""
    stamp = STAMP.match(answer)
    return answer.endswith(line) and (
        stamp is None or len(answer) in (len(line), stamp.end() + len(line))
    )


def sameHost(one: str, other: str) -> bool:
    """Compare two addresses."""
    return ipaddress.ip_address(one.partition("%")[0]) == ipaddress.ip_address(
        other.partition("%")[0]
    )


class UDPQuery:
    """
    One line on its way, and the wait for its answer.

    @ivar answer: the answer once it has come.
    """

    def __init__(self, line: bytes) -> None:
        """Start with nothing sent."""
        self.answer: bytes | None = None
        self._line = line
        self._asked: set[tuple[str, int]] = set()
        self._waiting: Deferred[None] | None = None

    def send(self, transport: Port, address: tuple[str, int]) -> Deferred[None]:
        """
        Send the line once.

        @raise OSError: when the network refuses to take it.
        @raise MessageLengthError: when it is too long for a datagram.
        """
        self._asked.add(address)
        self._waiting = Deferred()
        transport.write(self._line, address)
        return self._waiting

    def received(self, datagram: bytes, source: tuple[str, int]) -> None:
        """Take the answer, and nothing else."""
        fromServer = any(
            source[1] == port and sameHost(source[0], host) for host, port in self._asked
        )
        if self._waiting is not None and fromServer and answers(datagram, self._line):
            waiting, self._waiting = self._waiting, None
            self.answer = datagram
            waiting.callback(None)


class UDPQueryProtocol(DatagramProtocol):
    """
    A port for the datagrams of one inquiry.

    It is not connected: Twisted ends a connected port for good when one ICMP
    message reports a refusal. So the inquiry compares the sources.
    """

    transport: Port

    def __init__(self, inquiry: UDPQuery) -> None:
        """Start without a transport."""
        self._inquiry = inquiry

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Hand a datagram on."""
        self._inquiry.received(datagram, addr)


class UDPClient:
    """Asks a server line by line."""

    def __init__(
        self,
        udp: IReactorUDP,
        clock: IReactorTime,
        addresses: Iterable[tuple[str, int]],
        timeout: float,
        tries: int,
    ) -> None:
        """
        Start with the first address.

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

        Each line has ports of its own, so the late second answer to a line
        that was sent twice cannot be taken for the answer to an equal one.

        @return: the answer, or L{None} when none came.
        @raise OSError: when the network refuses to take it.
        @raise CannotListenError: when the machine has no such network.
        @raise MessageLengthError: when it is too long for a datagram.
        """
        inquiry = UDPQuery(line)
        ports: dict[str, tuple[UDPQueryProtocol, IListeningPort]] = {}
        try:
            for _ in range(self._tries):
                address = self._addresses[0]
                everywhere = "::" if isIPv6Address(address[0]) else "0.0.0.0"
                try:
                    if everywhere not in ports:
                        port = UDPQueryProtocol(inquiry)
                        listening = self._udp.listenUDP(0, port, everywhere, LARGEST_DATAGRAM)
                        ports[everywhere] = port, listening
                    answered = inquiry.send(ports[everywhere][0].transport, address)
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
                    return inquiry.answer
            return None
        finally:
            for _, listening in ports.values():
                listening.stopListening()


async def exchangeDatagrams(asker: UDPClient, there: str, console: Console) -> int:
    """Send each line of the console as a datagram and print the answers."""
    status = 0
    while (line := await console.readLine()) is not None:
        if not line:
            if console.interactive:
                break
            continue
        try:
            answer = await asker.ask(line)
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
            console.complain(f"{there}: {reason}: {quoted}")
    return status
