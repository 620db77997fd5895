"""
Batches of datagrams: C{recvmmsg} and C{sendmmsg} of the C library, and their memory.

Neither Python's socket module nor Twisted has these calls.  Here they are called by C{ctypes} on
memory that is laid out once; a batch is read and written by a few operations of C{memoryview},
C{array} and C{struct} for all of its datagrams, without a loop in Python.

Pure: other modules decide what is received and answered.

Layout
======

C{struct mmsghdr} of 64-bit Linux has eight words:

  0. C{msg_name};  1. C{msg_namelen} (32 bits);  2. C{msg_iov};  3. C{msg_iovlen};
  4. C{msg_control};  5. C{msg_controllen};  6. C{msg_flags} (32 bits);  7. C{msg_len} (32 bits).

A slot is the memory of one datagram.  An answer in slot I{n} is sent to the address in slot I{n} of
the received datagrams, so it needs no address of its own.  Before the bytes of each slot there is
space for a prefix: an answer that consists of a prefix and the datagram is sent from there without
a copy.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
import sys
from array import array
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from operator import add
from struct import Struct
from typing import Any, NamedTuple

from tsservices.common.structs import Table, repeated

try:
    import ctypes
except ImportError:  # pragma: no cover
    # A Python without libffi.
    ctypes = None  # type: ignore[assignment]

#: The most datagrams of one system call.
BATCH_DATAGRAMS = 64

#: Bytes for the datagrams of a batch: the longer they may be, the fewer are in a batch.
BATCH_BYTES = 1024 * 1024

#: The longest prefix that can be put before a datagram without a copy.
PREFIX_BYTES = 64

#: Bytes for the answers of a batch that are not in place; more than one datagram can have.
ANSWER_BYTES = 256 * 1024

#: Answers with times that are sent by one call: the times of all but the first are estimates.
TIMED_DATAGRAMS = 32

# The sizes of struct sockaddr_in, of which the last 8 bytes are padding, and struct sockaddr_in6,
# and the formats that skip the padding.
_NAMES: dict[int, tuple[int, str]] = {socket.AF_INET: (16, "8s8x"), socket.AF_INET6: (28, "28s")}
_HEADER_WORDS = 8

_CONTROL_HEADER = Struct("@Nii")
HEADER_BYTES = _CONTROL_HEADER.size
_ALIGNMENT = 8

#: The errors by which a filter of system calls, or an old kernel, refuses these calls.
REFUSALS = frozenset({errno.ENOSYS, errno.EPERM, errno.EACCES})


class Calls(NamedTuple):
    """
    The two functions of the C library.  Each sets C{ctypes.get_errno} when it returns -1.

    Their arguments are C{ctypes} objects made in advance: to make them for each call, as
    C{argtypes} does, takes 0.3 microseconds.
    """

    recvmmsg: Callable[..., int]
    sendmmsg: Callable[..., int]


def loadCalls() -> Calls:
    """
    Get the calls, and check that they work in this process.

    @raise OSError: the system lacks them, or a filter refuses them.
    """
    # The layout is the same on all 64-bit processors.  In musl, sendmmsg is only a loop around
    # sendmsg, and saves nothing.
    if (
        ctypes is None
        or not sys.platform.startswith("linux")
        or ctypes.sizeof(ctypes.c_void_p) != 8
    ):
        raise OSError(errno.ENOSYS, "not 64-bit Linux with ctypes")
    try:
        os.confstr("CS_GNU_LIBC_VERSION")
        library = ctypes.CDLL(None, use_errno=True)
        receive, send = library.recvmmsg, library.sendmmsg
    except (ValueError, AttributeError) as error:
        raise OSError(errno.ENOSYS, f"not in the C library: {error}") from error
    calls = Calls(receive, send)
    # A filter (seccomp) makes each call fail, often with EPERM, an error that netfilter also gives
    # for single datagrams.  Therefore it is detected here, without a datagram.
    memory = DatagramBatch(calls, socket.AF_INET, 1, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        received = memory.receive(unused.fileno())
        if received != -errno.EAGAIN:
            raise OSError(-received, "recvmmsg is refused")
        if send(unused.fileno(), None, 0, 0):
            raise OSError(ctypes.get_errno(), "sendmmsg is refused")
    return calls


@cache
def findCalls() -> Calls | str:
    """Get the result of L{loadCalls}, or the text of its error.  Cached for the process."""
    try:
        return loadCalls()
    except OSError as error:
        return str(error)


@cache
def sharedBatch(family: int, size: int, controlBytes: int) -> DatagramBatch | None:
    """
    Get the memory that all ports of a process share, because only one is read at a time; L{None} if
    this process can't use the calls.
    """
    calls = findCalls()
    return None if isinstance(calls, str) else DatagramBatch(calls, family, size, controlBytes)


def splitControl(control: bytes) -> list[tuple[int, int, bytes]]:
    """
    Parse the control messages of a datagram into C{recvmsg}'s form: level, kind and value of each.

    A message that was cut off for want of space is left out.
    """
    messages = []
    offset = 0
    while offset + HEADER_BYTES <= len(control):
        length, level, kind = _CONTROL_HEADER.unpack_from(control, offset)
        # A length of zero would be an endless loop.
        if not HEADER_BYTES <= length <= len(control) - offset:
            break
        value = control[offset + HEADER_BYTES : offset + length]
        messages.append((level, kind, value))
        offset += (length + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT
    return messages


def joinControl(messages: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Do the reverse of L{splitControl}."""
    parts = []
    for level, kind, value in messages:
        header = _CONTROL_HEADER.pack(HEADER_BYTES + len(value), level, kind)
        parts.append(header + value + bytes(-len(value) % _ALIGNMENT))
    return b"".join(parts)


class DatagramBatch:
    """
    The memory for a batch of datagrams, and for their answers.

    Its contents are valid until the next L{receive}.

    @ivar busy: whether a port is reading the batch, so that another port must not use it.
    @ivar count: the number of datagrams in the batch.
    """

    def __init__(
        self, calls: Calls, family: int, size: int, controlBytes: int, slots: int | None = None
    ) -> None:
        """
        @param family: of the addresses: IPv4 or IPv6.
        @param size: the number of bytes after which a datagram is cut off.
        @param controlBytes: space for control messages, of each received and each sent datagram.
        """
        # Rounded up to a multiple of 64, the size of a cache line.
        stride = PREFIX_BYTES + (size + 63) // 64 * 64
        slots = slots or max(1, min(BATCH_DATAGRAMS, BATCH_BYTES // stride))
        self._receive, self._send = calls
        self._controlBytes = controlBytes
        self._stride = stride
        self.slots = slots
        self.count = 0
        self.busy = False
        self._lengths: list[int] = []
        nameBytes, self._nameForm = _NAMES[family]

        # Mapped memory takes only the pages that are written to.  A slice of it is bytes, which
        # saves a copy compared with a bytearray.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._in = mmap.mmap(-1, slots * stride, flags)
        self._out = mmap.mmap(-1, ANSWER_BYTES, flags)
        self._outAddress = _address(self._out)
        self._names = bytearray(slots * nameBytes)
        self._controls = bytearray(max(1, slots * controlBytes))
        self._answerControls = bytearray(max(1, slots * controlBytes))
        self.controlTable = Table(self._controls, 0, controlBytes)
        self._starts = [PREFIX_BYTES + slot * stride for slot in range(slots)]
        self._addresses = [_address(self._in) + start for start in self._starts]
        self.received = Table(self._in, PREFIX_BYTES, stride)
        self._firstOctets = self.received.column("B", 0)

        vectors, outVectors = (memoryview(bytearray(slots * 16)).cast("Q") for _ in range(2))
        headers, outHeaders = (memoryview(bytearray(slots * 64)).cast("Q") for _ in range(2))
        for table, vector, control in (
            (headers, vectors, self._controls),
            (outHeaders, outVectors, self._answerControls),
        ):
            for slot in range(slots):
                first = slot * _HEADER_WORDS
                table[first] = _address(self._names) + slot * nameBytes
                table[first + 2] = _address(vector) + slot * 16
                table[first + 3] = 1
                if controlBytes:
                    table[first + 4] = _address(control) + slot * controlBytes
            # The kernel overwrites the length of the address with the same value, so it does not
            # have to be set again for each batch.
            halves = table.cast("B").cast("I")
            halves[2::16] = memoryview(array("I", [nameBytes] * slots))
        # Keeps this memory alive: the kernel uses it by its address, without a reference.
        self._owned = vectors, outVectors, headers, outHeaders
        vectors[0::2] = memoryview(array("Q", self._addresses))
        vectors[1::2] = memoryview(array("Q", [size] * slots))

        halves = headers.cast("B").cast("I")
        self._flags = halves[12::16]
        self._receivedLengths = halves[14::16]
        self._controlLengths = headers[5::_HEADER_WORDS]
        self._outControlLengths = outHeaders[5::_HEADER_WORDS]
        self._outStarts = outVectors[0::2]
        self._outLengths = outVectors[1::2]
        self._fullControls = memoryview(array("Q", [controlBytes] * slots))
        self._controlLengths[:] = self._fullControls

        # The present contents of the memory for answers, so that the same is not written again.
        self._prefix = b""
        self._inPlace = False
        self._commonLength = -1
        self._equal: Table | None = None
        self._equalLength = 0
        self._sentFrom = [b""] * slots

        self._numbers = [ctypes.c_uint(number) for number in range(slots + 1)]
        self._dontWait = ctypes.c_int(socket.MSG_DONTWAIT)
        self._dontWaitForErrors = ctypes.c_int(socket.MSG_DONTWAIT | socket.MSG_ERRQUEUE)
        self._header = ctypes.c_void_p(_address(headers))
        first = _address(outHeaders)
        self._outHeaders = [ctypes.c_void_p(first + slot * 64) for slot in range(slots)]

    def receive(self, descriptor: int) -> int:
        """
        Fill the batch with waiting datagrams.

        @return: the number of datagrams; or the error as a negative number.
        """
        return self._fill(descriptor, self._dontWait)

    def receiveErrors(self, descriptor: int) -> int:
        """
        Fill the batch with entries of the socket's error queue, as L{receive} does.

        Entries have no sources, so this memory can't be used for datagrams afterwards.
        """
        return self._fill(descriptor, self._dontWaitForErrors)

    def _fill(self, descriptor: int, flags: Any) -> int:
        if self._controlBytes:
            # The kernel has overwritten the sizes by the number of bytes used.
            self._controlLengths[:] = self._fullControls
        count = self._receive(
            _number(descriptor), self._header, self._numbers[self.slots], flags, None
        )
        if count < 0:
            self.count = 0
            return -ctypes.get_errno()
        self.count = count
        self._lengths = self._receivedLengths[:count].tolist()
        return count

    def lengths(self) -> list[int]:
        """Get the number of bytes of each datagram that are stored."""
        return self._lengths

    def firstOctets(self) -> bytes:
        """Get the first octet of each datagram; for an empty one it is undefined."""
        return self._firstOctets[: self.count].tobytes()

    def sources(self) -> tuple[bytes, ...]:
        """Get the source of each datagram: the kernel's C{sockaddr} without its padding."""
        return repeated(self._nameForm, self.count).unpack_from(self._names)

    def datagrams(self) -> list[bytes]:
        """Get the bytes of each datagram."""
        memory = self._in
        lengths = self._lengths
        if self.count >= 8 and lengths.count(lengths[0]) == self.count:
            after = self._stride - PREFIX_BYTES - lengths[0]
            form = f"{PREFIX_BYTES}x{lengths[0]}s{after}x"
            return list(repeated(form, self.count).unpack_from(memory))
        starts = self._starts[: self.count]
        ends = map(add, starts, lengths)
        return [memory[start:end] for start, end in zip(starts, ends, strict=True)]

    def controls(self) -> Sequence[bytes]:
        """Get the control messages of each datagram, for L{splitControl}."""
        room = self._controlBytes
        lengths = self._controlLengths[: self.count].tolist()
        first = lengths[0]
        if lengths.count(first) == self.count and first < room:
            return repeated(f"{first}s{room - first}x", self.count).unpack_from(self._controls)
        return [
            bytes(self._controls[start : start + length - self._isCutOff(slot, length)])
            for slot, (start, length) in enumerate(
                zip(range(0, self.count * room, room), lengths, strict=True)
            )
        ]

    def controlsAreOf(self, size: int) -> bool:
        """Whether each datagram has so many bytes of control messages, and none was cut off."""
        lengths = self._controlLengths[: self.count].tolist()
        return size < self._controlBytes and lengths.count(size) == self.count

    def _isCutOff(self, slot: int, length: int) -> bool:
        # The kernel cuts off the last message and adapts its length, so it looks complete.  Without
        # its last byte `splitControl` leaves it out.
        return length == self._controlBytes and bool(self._flags[slot] & socket.MSG_CTRUNC)

    def sendFrom(self, controls: Sequence[bytes]) -> None:
        """
        Set the control messages with which the answer from each slot is sent.

        For further slots the earlier ones stay set.

        @param controls: made by L{joinControl}.
        """
        room = self._controlBytes
        if self._sentFrom[: len(controls)] == controls:
            # Nearly always, because all datagrams were sent to one address.
            return
        for slot, control in enumerate(controls):
            if self._sentFrom[slot] != control:
                start = slot * room
                self._answerControls[start : start + len(control)] = control
                self._outControlLengths[slot] = len(control)
                self._sentFrom[slot] = control

    def sendPrefixed(self, descriptor: int, prefix: bytes) -> list[int]:
        """
        Answer each datagram by a prefix and the datagram.

        @return: the error of each answer that was not sent.
        """
        added = len(prefix)
        if added > PREFIX_BYTES:
            return self.sendAnswers(descriptor, [prefix + part for part in self.datagrams()])
        if prefix != self._prefix:
            memory = self._in
            for start in self._starts:
                memory[start - added : start] = prefix
            self._prefix = prefix
            self._inPlace = False
        if not self._inPlace:
            starts = array("Q", [address - added for address in self._addresses])
            self._outStarts[:] = memoryview(starts)
            self._inPlace = True
            self._commonLength = -1
            self._equalLength = 0
        count = self.count
        lengths = self._lengths
        common = lengths[0] + added
        if lengths.count(lengths[0]) == count:
            # Nearly always all datagrams have one length, the same as in the last batch.
            if common != self._commonLength:
                self._outLengths[:] = memoryview(array("Q", [common] * self.slots))
                self._commonLength = common
        else:
            self._outLengths[:count] = memoryview(array("Q", [n + added for n in lengths]))
            self._commonLength = -1
        return self._sendSlots(descriptor, 0, count)

    def sendAnswers(self, descriptor: int, answers: Sequence[bytes | None]) -> list[int]:
        """
        Send the answers; L{None} stands for a datagram without one.

        @return: the error of each answer that was not sent.
        """
        parts = [answer or b"" for answer in answers]
        joined = b"".join(parts)
        if len(joined) > ANSWER_BYTES:
            return self._sendInParts(descriptor, answers)
        self._out[: len(joined)] = joined
        lengths = array("Q", map(len, parts))
        starts = array("Q", accumulate(lengths, initial=self._outAddress))
        count = len(parts)
        self._outStarts[:count] = memoryview(starts)[:count]
        self._outLengths[:count] = memoryview(lengths)
        self._inPlace = False
        self._equalLength = 0
        errors = []
        first = 0
        if None in answers:
            # Usually most datagrams have an answer.
            for gap in [slot for slot, answer in enumerate(answers) if answer is None]:
                errors += self._sendSlots(descriptor, first, gap)
                first = gap + 1
        return errors + self._sendSlots(descriptor, first, count)

    def _sendInParts(self, descriptor: int, answers: Sequence[bytes | None]) -> list[int]:
        errors = []
        for slot, answer in enumerate(answers):
            if answer is None:
                continue
            if len(answer) > ANSWER_BYTES:
                errors.append(errno.EMSGSIZE)
                continue
            self._out[: len(answer)] = answer
            self._outStarts[slot] = self._outAddress
            self._outLengths[slot] = len(answer)
            errors += self._sendSlots(descriptor, slot, slot + 1)
        self._inPlace = False
        self._equalLength = 0
        return errors

    def replyBuffers(self, length: int) -> Table:
        """
        Get memory for an answer to each datagram, to be sent by L{sendTimed}.

        It is zero at first, and keeps what is written to it until answers of other kinds are sent.

        @param length: of each answer.
        """
        if length != self._equalLength or self._equal is None:
            slots = self.slots
            end = self._outAddress + slots * length
            self._out[: slots * length] = bytes(slots * length)
            self._outStarts[:] = memoryview(array("Q", range(self._outAddress, end, length)))
            self._equal = Table(self._out, 0, length)
            self._outLengths[:] = memoryview(array("Q", [length] * slots))
            self._equalLength = length
            self._inPlace = False
        return self._equal

    def sendTimed(
        self, descriptor: int, depart: Callable[[int, int], None], departed: Callable[[], None]
    ) -> list[int]:
        """
        Send the answers in L{replyBuffers}, which contain the time at which they leave.

        @param depart: writes the send times into the answers from a first slot to before an end
            slot, just before these are sent.
        @param departed: called when these have been sent.
        @return: the error of each answer that was not sent.
        """
        count = self.count
        errors = []
        for first in range(0, count, TIMED_DATAGRAMS):
            end = min(first + TIMED_DATAGRAMS, count)
            depart(first, end)
            errors += self._sendSlots(descriptor, first, end)
            departed()
        return errors

    def _sendSlots(self, descriptor: int, first: int, end: int) -> list[int]:
        errors = []
        while first < end:
            sent = self._send(
                _number(descriptor),
                self._outHeaders[first],
                self._numbers[end - first],
                self._dontWait,
            )
            if sent > 0:
                first += sent
                continue
            # The call stops before an answer that fails, and returns an error only if it is the
            # first one.
            error = ctypes.get_errno()
            if error != errno.EINTR:
                errors.append(error)
                first += 1
        return errors


@lru_cache(64)
def _number(value: int) -> Any:
    return ctypes.c_int(value)


def _address(memory: Any) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
