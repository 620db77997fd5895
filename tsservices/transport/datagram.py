"""
The common part of all UDP protocols: the guard, the counters and the sending of answers.

Services derive from L{ReplyingDatagramProtocol} and add their answers.
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
    A protocol that counts datagrams and does not answer.  A service overrides L{datagramTaken}.

    @ivar counters: of this listener.
    """

    # The port logs start and stop already.
    noisy = False

    def __init__(self, context: DatagramContext) -> None:
        self.counters = context.counters
        self._service = context.service
        self._observer = context.dropObserver()
        if self._observer is not None:
            # Chosen here, once, so that datagrams cost no more when they are not logged.
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
        """Process a datagram, which may be empty and may have a forged source."""


class ReplyingDatagramProtocol(DatagramProtocol):
    """
    A protocol that answers each datagram admitted by its guard.  A service overrides L{answer}.

    @cvar inBatches: whether waiting datagrams may be answered as a batch: up to 64 answers are made
        before the first one is sent.  For a service whose answer is quick and depends only on the
        datagram and the clock.
    @ivar guard: decides which datagrams are answered.
    @ivar counters: of this listener.
    """

    transport: IUDPTransport
    noisy = False
    inBatches: ClassVar[bool] = False

    def __init__(self, context: DatagramContext, *observers: RoundObserver) -> None:
        """@param observers: called by the port when a round of reads begins and ends."""
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
        Get the prefix of all answers of this moment, if each answer is a prefix and the datagram.

        If overridden, it has to agree with L{answer}.
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
        """Make the answer and count it as sent; L{None} if the guard drops the datagram."""
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
        """Do the same as L{reply} for a batch; see L{BatchReply}."""
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
            source = (self._peers.get(raw) or self._peers.add(raw))[:2]
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
        # The send buffer is full, there is no route to the address, or the bytes added by the
        # service have made the datagram too long.
        self.counters.answered -= 1
        self.counters.unsent += 1
