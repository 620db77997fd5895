"""
One round over the ready descriptors of an epoll object: each is read once, then written to once.

This is the middle layer of L{tsservices.transport.epoll.passes}, which makes the rounds.  The layer
below is L{tsservices.transport.epoll.registry}, which has the descriptors.

Exceptions of a member are caught here, because they would end the connections of all the others.
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
# calls the protocol.  Here one loop reads the socket of a stream by its descriptor and calls the
# protocol itself.  That saves a fifth of the processor time of a request: a bare echo went from
# 1.26 times uvloop's processor time to 1.04.  The cost is that the loop depends on the fields of a
# transport.
#
# Why bytes are sent at the end of a round
# ----------------------------------------
#
# `write` only queues bytes; at the end of the round each stream with a queue gets one `os.write` of
# all of it.  Sending at once from `write` was tried, and is no faster.  Its problems are:
#
#   - Two writes of one reply are two segments.  The second waits for the acknowledgement of the
#     first one (Nagle), which the peer delays: 44 ms in place of 0.04.
#
#   - A pull producer that is asked for more within its own `write` stops for ever.
#
#   - Bytes written after `abortConnection`, or before `startTLS` is done, reach the peer.
#
#   - A failed send clears the error of the socket: the next read looks like a clean end.
#
# Two kinds of data are sent at once, because nothing else is written to these streams in the round:
# the answer of a function set by `replyWith` (at the end of the round it was 4 % slower, with 64
# connections), and data for many streams at the end of a turn, by `writeLast` or a `Broadcast`.
#
# Members with Twisted's methods
# ------------------------------
#
# A stream that is not `plain` (TLS, closing, half-closed) or has bytes that the kernel did not
# take, a UNIX socket that is read, and every member that is no stream are served by their own
# `doRead` and `doWrite`.

#: The most streams written to in one round.  It is much more than L{ROUND_EVENTS}, because one read
#: can be a message for a whole room.  If a round wrote to only a part of the room, its first
#: members would answer before the others have the message, and these would need two writes.
ROUND_SENDS = 1024

#: The most events served in one round; fewer after a round that took too long.  16 and 256 were 1
#: to 2 % slower.
ROUND_EVENTS = 128

#: The events of an error and of a hang-up, which the kernel always reports.
ERROR_OR_HANGUP: int = getattr(select, "EPOLLHUP", 0x10) | getattr(select, "EPOLLERR", 0x08)

# ENOBUFS means, as for Twisted, that the kernel has no memory for the bytes now.
_TRY_LATER = frozenset({EAGAIN, EWOULDBLOCK, ENOBUFS})

# Shared, as in Twisted's posixbase, to save a Failure for each connection.
_SHARED_REASONS: dict[type, Failure] = {
    ConnectionDone: Failure(CONNECTION_DONE),
    ConnectionLost: Failure(CONNECTION_LOST),
}


class EpollRound(EpollRegistry):
    """An L{EpollRegistry} that can serve its members for one round."""

    _log: ClassVar[Logger] = Logger()

    def _receive(self, events: list[tuple[int, int]]) -> None:
        # Each ready member is read once, so none can block the others.  Names are local, because
        # this is the hottest loop of the server.
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
            # The event may be of a connection that was closed in this round, whose number is in use
            # again.  No check is needed: the read gives EAGAIN, or the new one's first bytes.
            size = stream.readSize
            try:
                data = read(number, size)
            except OSError as error:
                if error.errno not in _TRY_LATER:
                    self._disconnect(stream, CONNECTION_LOST, True)
                continue
            if not data:
                # The peer stopped sending.  EPOLLRDHUP would not be reported earlier.
                self._disconnect(stream, CONNECTION_DONE, True)
                continue
            length = len(data)
            if length == size:
                if size == short:
                    self._receiveLong(stream, data)
                    continue
                if stream.reply is not None:
                    # The stream sends requests in bulk, and a reply function does not store them.
                    stream.readSize = BULK_READ
            # If bytes wait to be sent first, or the stream is not plain, the protocol answers, by
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
                    # There is no answer: TLS has only a part of a record, or has called `write`.
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
        # Reads from a peer that does not read are limited to `bufferSize`, and pause while more
        # waits.  Otherwise each such peer could make the server buffer half a megabyte.
        stream.readSize = min(stream.readSize, stream.bufferSize)
        self.keepUnsent(stream, answer, sent)
        stream._maybePauseProducer()

    def _receiveLong(self, stream: InPlaceStream, data: bytes) -> None:
        # The protocol gets one chunk, as from one large read.  From now on the reads of this stream
        # are large.
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
        # The kernel reports an error once: a later read would look like a clean end.
        if lost and self._streams.get(number) is stream:
            self._disconnect(stream, CONNECTION_LOST, True)

    def _dispatch(self, number: int, event: int) -> None:
        # As in a reactor of Twisted, with one difference: a member that reads is also read when the
        # kernel reports only an error or a hang-up, because the read gives the right error.
        if number in self._changed:
            # This may be an event of a closed connection whose number is in use again.  If not, it
            # can be ignored too, because level-triggered epoll reports it again.
            return
        reader = self._streams.get(number) or self._readers.get(number)
        why: object = None
        if reader is not None and event & (EPOLLIN | ERROR_OR_HANGUP):
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
        elif event & ERROR_OR_HANGUP and reader is None:
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
            # Only the first write of a stream puts it into the list: if it were dropped here, its
            # bytes would never be sent.
            self.queued += queued
            raise

    def _sendPlain(self, queued: list[InPlaceStream]) -> None:
        write = os.write
        for stream in queued:
            chunks = stream._tempDataBuffer
            # While others were served, the stream may have been closed, or its bytes sent.
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
        # These streams do more than send plain bytes: close, half-close, feed a pull producer, send
        # descriptors or the bytes of a TLS layer.
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
        Store the bytes that the kernel did not take, and send them when the socket is writable.

        @param sent: the number of bytes of C{data} that the kernel took.
        """
        stream.dataBuffer = data
        stream.offset = sent
        self._keepForLater(stream)

    def _keepForLater(self, stream: InPlaceStream) -> None:
        stream.leaveBroadcast()
        try:
            self._awaitWritable(stream.descriptor, stream)
        except OSError as error:
            # The kernel cannot watch the socket (a limit of epoll): the rest would never be sent.
            self._disconnect(stream, error, False)

    def _resume(self, stream: InPlaceStream) -> None:
        stream.producerPaused = False
        try:
            stream.producer.resumeProducing()
        except BaseException as error:
            self._raised(stream, error)

    def _raised(self, member: WatchedDescriptor, error: BaseException) -> None:
        # There is no logging context that names the protocol, so the log line names the peer.
        try:
            peer: object = member.getPeer()  # type: ignore[attr-defined]
        except Exception:
            # A port, or a descriptor that is no socket.
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
        # Caught for each member: otherwise a `connectionLost` that raises would end the whole set.
        try:
            self.removeReader(member)
            self.removeWriter(member)
            member.connectionLost(reason)
        except BaseException:
            self._log.failure("A protocol raised when its connection was lost")
