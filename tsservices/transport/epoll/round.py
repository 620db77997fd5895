"""
How the members of an epoll object of our own are read, sent for and ended.

This is the serving half of L{tsservices.transport.epoll.set}: one round of it.  Nothing a member
raises gets out of here.
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

from tsservices.transport.epoll.interfaces import SHORT_READ, InPlaceStream, WatchedDescriptor
from tsservices.transport.epoll.registry import EPOLLIN, EPOLLOUT, EpollRegistry

#: The most streams sent for in one round. What is said to many at once should leave at once: who
#: hears it early answers early, and then those who still wait are written to twice.
ROUND_SENDS = 1024

#: The most events served in one round; fewer once a round has taken longer than L{PASS_SECONDS}.
ROUND_EVENTS = 128

_GONE: int = getattr(select, "EPOLLHUP", 0x10) | getattr(select, "EPOLLERR", 0x08)

_TRY_LATER = frozenset({EAGAIN, EWOULDBLOCK, ENOBUFS})

_SHARED_REASONS: dict[type, Failure] = {
    ConnectionDone: Failure(CONNECTION_DONE),
    ConnectionLost: Failure(CONNECTION_LOST),
}


class EpollRound(EpollRegistry):
    """The members of an epoll object, and one round of serving them."""

    _log: ClassVar[Logger] = Logger()

    def _receive(self, events: list[tuple[int, int]]) -> None:
        """
        Read once for each ready member.

        Reading here rather than in a method of the transport saves a fifth of the processor time
        of a request, sending an answer at once a twentieth.  A stale event, for a number used
        again in this round, reads nothing.
        """
        streams = self._streams
        read = os.read
        write = os.write
        readable = EPOLLIN
        for number, event in events:
            try:
                stream = streams[number]
            except KeyError:
                self._dispatch(number, event)
                continue
            if event != readable:
                self._dispatch(number, event)
                continue
            try:
                data = read(number, stream.readSize)
            except OSError as error:
                if error.errno not in _TRY_LATER:
                    self._disconnect(stream, CONNECTION_LOST, True)
                continue
            if not data:
                self._disconnect(stream, CONNECTION_DONE, True)
                continue
            if len(data) == SHORT_READ and stream.readSize == SHORT_READ:
                self._receiveLong(stream, data)
                continue
            reply = stream.reply
            if not stream.plain or stream._tempDataBuffer or stream.dataBuffer:
                # Behind bytes that wait, or over TLS, an answer is a write like any other.
                reply = None
            try:
                if reply is None:
                    stream.protocol.dataReceived(data)
                    continue
                answer = reply(data)
            except BaseException as error:
                self._raised(stream, error)
                continue
            try:
                sent = write(number, answer)
            except OSError as error:
                if error.errno not in _TRY_LATER:
                    self._disconnect(stream, CONNECTION_LOST, False)
                    continue
                sent = 0
            stream.sentAlone += sent
            if sent < len(answer):
                self.keepUnsent(stream, answer, sent)

    def _receiveLong(self, stream: InPlaceStream, data: bytes) -> None:
        """
        Read the rest of a chunk that was longer than a short read, and from now on read as much as
        there is.
        """
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
        # The kernel reports an error once: the next read would take it for a clean end.
        if lost and self._streams.get(number) is stream:
            self._disconnect(stream, CONNECTION_LOST, True)

    def _dispatch(self, number: int, event: int) -> None:
        """
        Serve one member the way a Twisted reactor does.

        A member that reads gets a read also when the kernel only reports an error or a hang-up:
        the error C{recv} gives is the one that is true.
        """
        if number in self._changed:
            return
        reader = self._streams.get(number) or self._readers.get(number)
        why: object = None
        if reader is not None and event & (EPOLLIN | _GONE):
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
        elif event & _GONE and reader is None:
            self._disconnect(writer, CONNECTION_LOST, False)

    def _write(self, writer: WatchedDescriptor) -> None:
        """Let a member send by its own C{doWrite}."""
        try:
            why = writer.doWrite()
        except BaseException as error:
            self._raised(writer, error)
        else:
            if why:
                self._disconnect(writer, why, False)

    def _send(self) -> None:
        """Send for the members that have something queued, at most L{ROUND_SENDS} of a kind."""
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
            # A stream with queued bytes is added only by its first write: it must not get lost.
            self.queued += queued
            raise

    def _sendPlain(self, queued: list[InPlaceStream]) -> None:
        """Send once for each stream that still has something queued."""
        write = os.write
        for stream in queued:
            chunks = stream._tempDataBuffer
            # It may have been closed, or its bytes sent by another way, while others were served.
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
        """
        Let the members that have more to do than to send plain bytes do it by C{doWrite}: close,
        half-close, feed a pull producer, send descriptors or the bytes of a TLS layer.
        """
        for number in list(islice(self._writers, ROUND_SENDS)):
            stream = self._writers.pop(number, None)
            if stream is None:
                continue
            self._write(stream)
            if stream.dataBuffer and stream.pendingBytes():
                self._keepForLater(stream)

    @property
    def hasWriters(self) -> bool:
        """Whether streams are to be sent for by their own C{doWrite}."""
        return bool(self._writers)

    def keepUnsent(self, stream: InPlaceStream, data: bytes, sent: int) -> None:
        """Keep what the kernel did not take of C{data}."""
        stream.dataBuffer = data
        stream.offset = sent
        self._keepForLater(stream)

    def _keepForLater(self, stream: InPlaceStream) -> None:
        """
        Wait until there is room for what the kernel did not take; end the connection if the
        kernel cannot watch it.
        """
        stream.leaveBroadcast()
        try:
            self._await(stream.descriptor, stream)
        except OSError as error:
            self._disconnect(stream, error, False)

    def _resume(self, stream: InPlaceStream) -> None:
        """Ask the waiting producer of a stream that has nothing more to send for more."""
        stream.producerPaused = False
        try:
            stream.producer.resumeProducing()
        except BaseException as error:
            self._raised(stream, error)

    def _raised(self, member: WatchedDescriptor, error: BaseException) -> None:
        """End the connection of a protocol that raised, with one log event that names the peer."""
        try:
            peer: object = member.getPeer()  # type: ignore[attr-defined]
        except Exception:
            peer = member
        self._log.failure(
            "Closing the connection from {peer}, whose protocol raised", Failure(error), peer=peer
        )
        self._end(member, Failure(error))

    def _disconnect(self, member: WatchedDescriptor, why: object, isRead: bool) -> None:
        """End one connection, or only its reading half."""
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
        """Watch a member no longer and tell it, so that what it raises hurts nobody else."""
        try:
            self.removeReader(member)
            self.removeWriter(member)
            member.connectionLost(reason)
        except BaseException:
            self._log.failure("A protocol raised when its connection was lost")
