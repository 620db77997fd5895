"""
What every UDP protocol of the suite shares.
"""

from __future__ import annotations

from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from tsservices.common.counters import DatagramCounters
from tsservices.transport.capabilities import IReplyingPort, RoundObserver, capability
from tsservices.transport.udp_guard import DatagramGuard


class QuietDatagramProtocol(DatagramProtocol):
    """Does not log that it starts and stops, which its port does."""

    noisy = False


class ReplyingDatagramProtocol(QuietDatagramProtocol):
    """
    Answers each datagram that its guard admits.

    @ivar counters: what happened here.
    """

    transport: IUDPTransport

    def __init__(
        self, guard: DatagramGuard, counters: DatagramCounters, *watchers: RoundObserver
    ) -> None:
        self.guard = guard
        self.counters = counters
        self._watchers = watchers

    def answer(self, datagram: bytes) -> bytes:
        """What to send back."""
        raise NotImplementedError

    def startProtocol(self) -> None:
        """Let a fast port send what L{reply} returns."""
        if (port := capability(self.transport, IReplyingPort)) is not None:
            port.replyWith(self.reply, self.unsent, *self._watchers)

    def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
        reply = self.reply(datagram, address)
        if reply is not None:
            try:
                self.transport.write(reply, address)
            except (OSError, MessageLengthError):
                self.unsent()

    def reply(self, datagram: bytes, address: tuple[str, int]) -> bytes | None:
        """
        Count, judge and answer.

        @return: what to send back, counted as answered, or L{None}.
        """
        counters = self.counters
        counters.received += 1
        counters.receivedBytes += len(datagram)
        host, port = address
        if not self.guard.admits(datagram, host, port):
            return None
        reply = self.answer(datagram)
        counters.answered += 1
        return reply

    def unsent(self) -> None:
        """
        The last reply was not sent: the send buffer is full, there is no way to that address, or
        with what is put before it the datagram is too long.
        """
        self.counters.answered -= 1
        self.counters.unsent += 1
