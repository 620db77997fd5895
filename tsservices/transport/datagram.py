"""
What every UDP protocol of the suite shares.
"""

from __future__ import annotations

from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from tsservices.counters import DatagramCounters
from tsservices.transport.guards import Guard


class QuietDatagramProtocol(DatagramProtocol):
    """
    Does not log that it starts and stops, which its port does.
    """

    noisy = False


class AnsweringProtocol(QuietDatagramProtocol):
    """
    Answers each datagram that its guard admits.

    @ivar counters: what happened here.
    """

    transport: IUDPTransport

    def __init__(self, guard: Guard, counters: DatagramCounters) -> None:
        """
        @param guard: judges what comes.
        @param counters: what happened here.
        """
        self.guard = guard
        self.counters = counters

    def answer(self, datagram: bytes) -> bytes:
        """
        @param datagram: an admitted one.
        @return: what to send back.
        """
        raise NotImplementedError

    def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
        """
        @param datagram: the payload.
        @param address: where it came from.
        """
        counters = self.counters
        counters.received += 1
        counters.receivedBytes += len(datagram)
        host, port = address
        if not self.guard.admits(datagram, host, port):
            return
        try:
            self.transport.write(self.answer(datagram), address)
        except (OSError, MessageLengthError):
            # The send buffer is full, there is no way to that address, or with
            # what is put before it the datagram is too long.
            counters.unsent += 1
        else:
            counters.answered += 1
