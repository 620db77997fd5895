"""
What all UDP protocols share: the guard, the counters and the way of an answer.

What a service answers is not here: it derives from L{ReplyingDatagramProtocol}.
"""

from __future__ import annotations

from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from tsservices.transport.capabilities import IReplyingPort, RoundObserver, capability
from tsservices.transport.context import DatagramContext


class SilentDatagramProtocol(DatagramProtocol):
    """
    Counts what comes and answers nothing.  A service overrides L{datagramTaken}.

    @ivar counters: of this listener.
    """

    # Its port logs already that it starts and stops.
    noisy = False

    def __init__(self, context: DatagramContext) -> None:
        self.counters = context.counters
        self._service = context.service
        self._observer = context.dropObserver()
        if self._observer is not None:
            # Chosen once: without the log a datagram costs nothing more.
            self.datagramReceived = self._receiveObserved  # type: ignore[method-assign]

    def logPrefix(self) -> str:
        return self._service

    def _receiveObserved(self, datagram: bytes, address: tuple[str, int]) -> None:
        assert self._observer is not None
        before = self._observer.begin()
        SilentDatagramProtocol.datagramReceived(self, datagram, address)
        self._observer.end(before, *address)

    def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
        self.counters.received += 1
        self.counters.receivedBytes += len(datagram)
        self.datagramTaken(datagram, address)

    def datagramTaken(self, datagram: bytes, address: tuple[str, int]) -> None:
        """Use a datagram, which may be empty and have a forged address."""


class ReplyingDatagramProtocol(DatagramProtocol):
    """
    Answers each datagram that its guard admits.  A service overrides L{answer}.

    @ivar guard: decides what is answered.
    @ivar counters: of this listener.
    """

    transport: IUDPTransport
    noisy = False

    def __init__(self, context: DatagramContext, *observers: RoundObserver) -> None:
        """@param observers: what the port tells when a round of reads begins and ends."""
        self.guard = context.guard()
        self.counters = context.counters
        self._service = context.service
        self._observers = observers

    def logPrefix(self) -> str:
        return self._service

    def answer(self, datagram: bytes) -> bytes:
        """Make the answer to a datagram that the guard has admitted."""
        raise NotImplementedError

    def startProtocol(self) -> None:
        if (port := capability(self.transport, IReplyingPort)) is not None:
            port.replyWith(self.reply, self.unsent, *self._observers)

    def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
        reply = self.reply(datagram, address)
        if reply is not None:
            try:
                self.transport.write(reply, address)
            except (OSError, MessageLengthError):
                self.unsent()

    def reply(self, datagram: bytes, address: tuple[str, int]) -> bytes | None:
        """Make the answer, and count it as sent; L{None} if the guard does not admit this."""
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
        # The send buffer is full, there is no route to the address, or what the service has added
        # has made the datagram too long.
        self.counters.answered -= 1
        self.counters.unsent += 1
