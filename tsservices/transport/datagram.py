"""
What all UDP protocols share: the guard, the counters and the way of an answer.

What a service answers is not here: it derives from L{ReplyingDatagramProtocol}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from tsservices.common.ratelimit import PEERS_REMEMBERED
from tsservices.common.sources import SockaddrTable
from tsservices.transport.capabilities import (
    IBatchingPort,
    IReplyingPort,
    ReceivedBatch,
    RoundObserver,
    capability,
)
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

    @cvar inBatches: datagrams that wait together may be answered together: up to 64 are asked for
        before the first answer is sent.  For a service whose answer is quick and depends on nothing
        but the datagram and the clock.
    @ivar guard: decides what is answered.
    @ivar counters: of this listener.
    """

    transport: IUDPTransport
    noisy = False
    inBatches: ClassVar[bool] = False

    def __init__(self, context: DatagramContext, *observers: RoundObserver) -> None:
        """@param observers: what the port tells when a round of reads begins and ends."""
        self.guard = context.guard()
        self.counters = context.counters
        self._service = context.service
        self._observers = observers
        self._peers = SockaddrTable(PEERS_REMEMBERED)

    def logPrefix(self) -> str:
        return self._service

    def answer(self, datagram: bytes) -> bytes:
        """Make the answer to a datagram that the guard has admitted."""
        raise NotImplementedError

    def prefix(self) -> bytes | None:
        """
        What stands before the datagram in each answer of now, if that is all of the answer.

        To be overridden together with L{answer}, which has to make the same.
        """
        return None

    def startProtocol(self) -> None:
        if (port := capability(self.transport, IReplyingPort)) is not None:
            port.replyWith(self.reply, self.unsent, *self._observers)
        if self.inBatches and (batching := capability(self.transport, IBatchingPort)) is not None:
            batching.answerBatchesWith(self.replyAll)

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

    def replyAll(
        self, batch: ReceivedBatch, raised: Callable[[tuple[str, int]], None]
    ) -> bytes | Sequence[bytes | None]:
        """The same as L{reply} for many datagrams, as L{BatchReply} has it."""
        counters = self.counters
        lengths = batch.lengths()
        counters.received += len(lengths)
        counters.receivedBytes += sum(lengths)
        addresses = batch.sources()
        admitted = self.guard.admitsAll(lengths, batch.firstOctets(), addresses)
        if admitted and (prefix := self.prefix()) is not None:
            counters.answered += len(lengths)
            return prefix
        answers: list[bytes | None] = []
        for datagram, raw in zip(batch.datagrams(), addresses, strict=True):
            source = (self._peers.get(raw) or self._peers.meet(raw))[:2]
            answer = None
            try:
                if admitted or self.guard.admits(datagram, *source):
                    answer = self.answer(datagram)
                    counters.answered += 1
            except BaseException:
                raised(source)
            answers.append(answer)
        return answers

    def unsent(self) -> None:
        # The send buffer is full, there is no route to the address, or what the service has added
        # has made the datagram too long.
        self.counters.answered -= 1
        self.counters.unsent += 1
