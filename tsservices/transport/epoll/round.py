"""
One round over the ready descriptors of an epoll object: each is read once, then sent for once.

This is the middle layer of L{tsservices.transport.epoll.passes}, which makes the rounds.  Below it,
L{tsservices.transport.epoll.registry} knows the descriptors.

Nothing that a member raises gets out of here: it would end the connections of all the others.
"""

from __future__ import annotations

import os
import select
from errno import EAGAIN, ENOBUFS, EWOULDBLOCK
from itertools import islice
from typing import ClassVar

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.failure import Failure

from tsservices.transport.capabilities import LONG_ANSWER
from tsservices.transport.epoll.interfaces import (
    BULK_READ,
    SHORT_READ,
    InPlaceStream,
    WatchedDescriptor,
)
from tsservices.transport.epoll.registry import EPOLLIN, EPOLLOUT, EpollRegistry

# Why one loop reads and writes
# -----------------------------
#
# A reactor of Twisted calls `doRead` of a transport, within a logging context, and the transport
# calls the protocol.  Here one loop reads the socket of a stream by its number and calls the
# protocol itself.  That saves a fifth of the processor time of a request: a bare echo went from
# 1.26 times uvloop's processor time to 1.04.  The price is that the loop knows the fields of a
# transport.
#
# Why bytes are sent at the end of a round
# ----------------------------------------
#
# `write` only puts bytes into a queue; at the end of the round each stream with a queue gets one
# `os.write` of all of it.  Sending at once from `write` was tried, and is no faster:
#
#   - Two writes of one reply are two segments.  The second waits for the acknowledgement of the
#     first one (Nagle), which the peer delays: 44 ms in place of 0.04.
#
#   - A pull producer that is asked for more from within its own `write` stops for ever.
#
#   - Bytes written after `abortConnection`, or before `startTLS` is done, reach the peer.
#
#   - A send that fails takes the error of the socket with it: the next read looks like a clean end.
#
# Two things are sent at once, because nothing else is written for them in this round: the answer of
# a function given by `replyWith` (at the end of the round it was 4 % slower, with 64 connections),
# and what goes to many at the end of a turn, by `writeLast` or a `Broadcast`.
#
# What goes Twisted's way
# -----------------------
#
# A stream that is not `plain` (TLS, closing, half-closed) or has bytes that the kernel did not
# take, a UNIX socket that is read, and every member that is no stream are served by their own
# `doRead` and `doWrite`.

#: The most streams sent for in one round.  It is much more than L{ROUND_EVENTS}, because one read
#: can be a message for a whole room.  If only a part of the room were sent to, the first of them
#: would answer before the others have the message, and these would be sent to twice.
ROUND_SENDS = 1024

#: The most events served in one round; fewer after a round that took too long.  16 and 256 were 1
#: to 2 % slower.
ROUND_EVENTS = 128

#: The events of an error and of a hang-up, which the kernel reports unasked.
GONE: int = getattr(select, "EPOLLHUP", 0x10) | getattr(select, "EPOLLERR", 0x08)

# ENOBUFS, as for Twisted, is a moment in which the kernel has no memory for the bytes.
_TRY_LATER = frozenset({EAGAIN, EWOULDBLOCK, ENOBUFS})

# Shared, as in Twisted's posixbase: there is no need for a new Failure for each connection.
_SHARED_REASONS: dict[type, Failure] = {
    ConnectionDone: Failure(CONNECTION_DONE),
    ConnectionLost: Failure(CONNECTION_LOST),
}


class EpollRound(EpollRegistry):
    """An L{EpollRegistry} that can serve its members for one round."""

    _log: ClassVar[Logger] = Logger()

    def _receive(self, events: list[tuple[int, int]]) -> None:
        # Each ready member is read once, so none can hold the others.  Names are local: this is the
        # hottest loop of the server.
        streams = self._streams
        read = os.read
        write = os.write
        readable = EPOLLIN
        short = SHORT_READ
        for number, event in events:
            stream = streams.get(number)
            if stream is None or event != readable:
                self._dispatch(number, event)
                continue
            # The event may be of a connection that was closed in this round, and the number in use
            # again.  No check is needed: the read gives EAGAIN, or the first bytes of the new one.
            size = stream.readSize
            try:
                data = read(number, size)
            except OSError as error:
                if error.errno not in _TRY_LATER:
                    self._disconnect(stream, CONNECTION_LOST, True)
                continue
            if not data:
                # The peer stopped sending.  EPOLLRDHUP would say so too, but no earlier.
                self._disconnect(stream, CONNECTION_DONE, True)
                continue
            length = len(data)
            if length == size:
                if size == short:
                    self._receiveLong(stream, data)
                    continue
                if stream.reply is not None:
                    # Its requests come in bulk, and what answers in place keeps nothing of them.
                    stream.readSize = BULK_READ
            # Bytes that wait are sent first, and TLS has to encrypt: then the protocol answers, by
            # `write`.
            inPlace = stream.plain and not stream._tempDataBuffer and not stream.dataBuffer
            prefix = stream.prefix
            if inPlace and prefix is not None and (stamp := prefix.roundStamp):
                counters = stream.counters
                counters.received += 1
                counters.receivedBytes += length
                if length >= LONG_ANSWER:
                    self._sendParts(stream, (stamp, data))
                    continue
                answer = stamp + data
            else:
                try:
                    if not inPlace or (reply := stream.reply) is None:
                        stream.protocol.dataReceived(data)
                        continue
                    made = reply(data)
                except BaseException as error:
                    self._raised(stream, error)
                    continue
                if isinstance(made, tuple):
                    self._sendParts(stream, made)
                    continue
                if not made:
                    # TLS has read a part of a record, or has written what it had to by itself.
                    continue
                answer = made
            try:
                sent = write(number, answer)
            except OSError as error:
                if error.errno not in _TRY_LATER:
                    self._disconnect(stream, CONNECTION_LOST, False)
                    continue
                sent = 0
            stream.sentAlone += sent
            if sent < len(answer):
                self._keepAnswer(stream, answer, sent)

    def _sendParts(self, stream: InPlaceStream, parts: tuple[bytes, ...]) -> None:
        try:
            sent = os.writev(stream.descriptor, parts)
        except OSError as error:
            if error.errno not in _TRY_LATER:
                self._disconnect(stream, CONNECTION_LOST, False)
                return
            sent = 0
        stream.sentAlone += sent
        whole = b"".join(parts) if sent < sum(map(len, parts)) else b""
        if whole:
            self._keepAnswer(stream, whole, sent)

    def _keepAnswer(self, stream: InPlaceStream, answer: bytes, sent: int) -> None:
        # A peer that does not read gets no more large reads, and none at all while more than the
        # usual waits: else each such peer could have half a megabyte kept for it.
        stream.readSize = min(stream.readSize, stream.bufferSize)
        self.keepUnsent(stream, answer, sent)
        stream._maybePauseProducer()

    def _receiveLong(self, stream: InPlaceStream, data: bytes) -> None:
        # The protocol gets the whole chunk, as it would from one large read; from now on the reads
        # of this stream are large.
        number = stream.descriptor
        stream.readSize = stream.bufferSize
        lost = False
        try:
            data += os.read(number, stream.bufferSize - len(data))
        except OSError as error:
            lost = error.errno not in _TRY_LATER
        try:
            stream.protocol.dataReceived(data)
        except BaseException as error:
            self._raised(stream, error)
        # The kernel reports an error once: a later read would take the connection for a clean end.
        if lost and self._streams.get(number) is stream:
            self._disconnect(stream, CONNECTION_LOST, True)

    def _dispatch(self, number: int, event: int) -> None:
        # As a reactor of Twisted does, but for one point: a member that reads is read also when the
        # kernel reports only an error or a hang-up, since the error of the read is the right one.
        if number in self._changed:
            # Perhaps an event of a closed connection whose number was used again.  It costs
            # nothing to ignore a true one: level-triggered epoll will report it again.
            return
        reader = self._streams.get(number) or self._readers.get(number)
        why: object = None
        if reader is not None and event & (EPOLLIN | GONE):
            try:
                why = reader.doRead()
            except BaseException as error:
                self._raised(reader, error)
                return
            if why:
                self._disconnect(reader, why, True)
                return
        writer = self._waiting.get(number)
        if writer is None or number in self._changed:
            return
        if event & EPOLLOUT:
            self._write(writer)
        elif event & GONE and reader is None:
            self._disconnect(writer, CONNECTION_LOST, False)

    def _write(self, writer: WatchedDescriptor) -> None:
        try:
            why = writer.doWrite()
        except BaseException as error:
            self._raised(writer, error)
        else:
            if why:
                self._disconnect(writer, why, False)

    def _send(self) -> None:
        if self._writers:
            self._sendByMembers()
        queued = self.queued
        if not queued:
            return
        self.queued = queued[ROUND_SENDS:]
        del queued[ROUND_SENDS:]
        try:
            self._sendPlain(queued)
        except BaseException:
            # Only the first write of a stream puts it into the list: without this its bytes would
            # never be sent.
            self.queued += queued
            raise

    def _sendPlain(self, queued: list[InPlaceStream]) -> None:
        write = os.write
        for stream in queued:
            chunks = stream._tempDataBuffer
            # It may have been closed, or its bytes sent in another way, while others were served.
            if not stream.plain or not chunks or stream.dataBuffer:
                continue
            data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            try:
                sent = write(stream.descriptor, data)
            except OSError as error:
                if error.errno not in _TRY_LATER:
                    self._disconnect(stream, CONNECTION_LOST, False)
                    continue
                sent = 0
            chunks.clear()
            stream._tempDataLen = 0
            stream.sentAlone += sent
            if sent < len(data):
                self.keepUnsent(stream, data, sent)
            elif stream.producer is not None and (
                stream.producerPaused or not stream.streamingProducer
            ):
                self._resume(stream)

    def _sendByMembers(self) -> None:
        # These have more to do than to send plain bytes: to close, to half-close, to feed a pull
        # producer, to send descriptors or the bytes of a TLS layer.
        for number in list(islice(self._writers, ROUND_SENDS)):
            stream = self._writers.pop(number, None)
            if stream is None:
                continue
            self._write(stream)
            if stream.dataBuffer and stream.pendingBytes():
                self._keepForLater(stream)

    @property
    def hasWriters(self) -> bool:
        """Whether streams wait for the end of the round to send by their own C{doWrite}."""
        return bool(self._writers)

    def keepUnsent(self, stream: InPlaceStream, data: bytes, sent: int) -> None:
        """
        Keep what the kernel did not take, and send it when there is room.

        @param sent: how many bytes of C{data} it took.
        """
        stream.dataBuffer = data
        stream.offset = sent
        self._keepForLater(stream)

    def _keepForLater(self, stream: InPlaceStream) -> None:
        stream.leaveBroadcast()
        try:
            self._awaitWritable(stream.descriptor, stream)
        except OSError as error:
            # The kernel cannot watch it (a limit of epoll): nothing would ever send the rest.
            self._disconnect(stream, error, False)

    def _resume(self, stream: InPlaceStream) -> None:
        stream.producerPaused = False
        try:
            stream.producer.resumeProducing()
        except BaseException as error:
            self._raised(stream, error)

    def _raised(self, member: WatchedDescriptor, error: BaseException) -> None:
        # There is no logging context for each event, which would name the protocol; so the event
        # names the peer.
        try:
            peer: object = member.getPeer()  # type: ignore[attr-defined]
        except Exception:
            # A port, or what is no socket.
            self._log.failure("Closing {member}, which raised", Failure(error), member=member)
        else:
            self._log.failure(
                "Closing the connection from {peer}, whose protocol raised",
                Failure(error),
                peer=peer,
            )
        self._end(member, Failure(error))

    def _disconnect(self, member: WatchedDescriptor, why: object, isRead: bool) -> None:
        reason = _SHARED_REASONS.get(why.__class__) or Failure(why)
        if (
            isRead
            and why.__class__ is ConnectionDone
            and IHalfCloseableDescriptor.providedBy(member)
        ):
            try:
                self.removeReader(member)
                member.readConnectionLost(reason)
            except BaseException:
                self._log.failure("A protocol raised when its peer stopped sending")
        else:
            self._end(member, reason)

    def _end(self, member: WatchedDescriptor, reason: Failure) -> None:
        # Each in a try of its own: one `connectionLost` that raised once ended the whole set.
        try:
            self.removeReader(member)
            self.removeWriter(member)
            member.connectionLost(reason)
        except BaseException:
            self._log.failure("A protocol raised when its connection was lost")
