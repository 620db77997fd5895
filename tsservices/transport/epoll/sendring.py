"""
A send of the same bytes to many sockets by one system call: C{io_uring}, and its memory.

Python has no functions for C{io_uring}, so the system calls are made by C{ctypes}.  Entries are
written by a few operations of C{memoryview} and C{array}, without a loop in Python.

Pure: the caller has the sockets, and keeps the bytes that were not sent.

Every send is made within C{io_uring_enter}, because of C{MSG_DONTWAIT}.  Without that flag the
kernel would send to a full socket later, when the caller has queued the bytes already.  After the
call no send is pending: descriptors may be closed, and the bytes may be freed.

The kernel writes results only for failed sends, which saves a tenth of the time in a room of 200.
With C{MSG_WAITALL} a partial send counts as failed.  Kernels before Linux 6.0 may give C{EAGAIN} as
the result of a partial send, which hides how much was sent: L{tsservices.transport.epoll.sendtrial}
tests that first.

Descriptors are not registered with the ring: that would keep closed sockets open, and saves 1 %.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
import struct
import sys
from array import array
from collections.abc import Callable
from typing import Any

try:
    import ctypes
except ImportError:  # pragma: no cover
    # A Python without libffi.
    ctypes = None  # type: ignore[assignment]

#: The most sends of one system call; more sockets need several calls.  The memory is 112 KiB.
RING_ENTRIES = 1024

#: The most bytes of one send: the kernel counts them with 31 bits.
MOST_BYTES = 0x7FFF_F000

#: Numbers of system calls, the same for nearly all processors that Linux supports.
_SETUP, _ENTER = 425, 426
_PROCESSORS = frozenset({"x86_64", "aarch64", "riscv64", "loongarch64", "ppc64le", "s390x"})

# Features: both queues are in one mapping; results of successful sends can be left out.
_NEEDED = 1 | 1 << 11
_SEND = 26
_LEAVE_OUT_SUCCESS = 1 << 6
_ENTRIES_OFFSET = 0x1000_0000
_POPULATE: int = getattr(mmap, "MAP_POPULATE", 0x8000)

# struct io_uring_params: entries of both queues, flags, the features, and the offsets of the
# fields of each queue.  struct io_uring_sqe: operation, descriptor, address, length, flags of the
# send and a number that the kernel copies to the result in struct io_uring_cqe.
_PARAMETER_BYTES = 120
_FEATURES = 20
_SUBMISSIONS, _COMPLETIONS = 40, 80
_ENTRY = struct.Struct("=BBHiQQIIQ24x")
_RESULT_BYTES = 16
_WRAPPED = 0xFFFF_FFFF

#: Makes a system call; after -1, C{ctypes.get_errno} has the error.
SystemCall = Callable[..., int]


def loadSystemCall() -> SystemCall:
    """
    Get the C library's C{syscall}.

    @raise OSError: the numbers and layouts of this module are not valid on this system.
    """
    if (
        ctypes is None
        or not sys.platform.startswith("linux")
        or os.uname().machine not in _PROCESSORS
        or ctypes.sizeof(ctypes.c_void_p) != 8
    ):
        raise OSError(errno.ENOSYS, "not 64-bit Linux with ctypes")
    call: Any = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    function: SystemCall = call
    return function


class SendRing:
    """
    An C{io_uring} for sends.

    The process that uses the ring has to make it, after any fork; a ring of a parent sends nothing.

    @ivar smallest: the number of sockets from which on the ring is worth using.
    """

    def __init__(
        self,
        smallest: int = 1,
        entries: int = RING_ENTRIES,
        call: SystemCall | None = None,
    ) -> None:
        """
        @param entries: a power of two.
        @raise OSError: the kernel has no C{io_uring}, a filter refuses it, or the limit of
            descriptors or of locked memory is reached.
        """
        self.smallest = smallest
        self._call = call or loadSystemCall()
        self._entries = entries
        self._process = os.getpid()
        parameters = bytearray(_PARAMETER_BYTES)
        number = self._call(
            _SETUP, entries, (ctypes.c_char * _PARAMETER_BYTES).from_buffer(parameters)
        )
        if number < 0:
            reason = ctypes.get_errno()
            # Before Linux 5.12 the rings of all programs of a user count against that limit.
            hint = " (perhaps by ulimit -l)" if reason == errno.ENOMEM else ""
            raise OSError(reason, f"io_uring_setup: {os.strerror(reason)}{hint}")
        self._number = number
        try:
            self._map(parameters)
        except BaseException:
            self.close()
            raise

    def _map(self, parameters: bytearray) -> None:
        entries, results = struct.unpack_from("=II", parameters)
        (features,) = struct.unpack_from("=I", parameters, _FEATURES)
        submissions = struct.unpack_from("=8I", parameters, _SUBMISSIONS)
        completions = struct.unpack_from("=8I", parameters, _COMPLETIONS)
        if features & _NEEDED != _NEEDED or entries != self._entries:
            raise OSError(errno.ENOSYS, "io_uring of this kernel is too old")
        sharing = mmap.MAP_SHARED | _POPULATE
        size = max(submissions[6] + 4 * entries, completions[5] + _RESULT_BYTES * results)
        queues = memoryview(mmap.mmap(self._number, size, sharing))
        laidOut = memoryview(
            mmap.mmap(self._number, entries * _ENTRY.size, sharing, offset=_ENTRIES_OFFSET)
        )
        flags = (
            getattr(socket, "MSG_DONTWAIT", 0x40)
            | getattr(socket, "MSG_NOSIGNAL", 0x4000)
            | getattr(socket, "MSG_WAITALL", 0x100)
        )
        for index in range(entries):
            place = index * _ENTRY.size
            fields = _SEND, _LEAVE_OUT_SUCCESS, 0, -1, 0, 0, 0, flags, index
            _ENTRY.pack_into(laidOut, place, *fields)
        self._words = queues.cast("I")
        self._head, self._tail, self._order = (
            submissions[0] // 4,
            submissions[1] // 4,
            submissions[6] // 4,
        )
        self._resultHead, self._resultTail = completions[0] // 4, completions[1] // 4
        self._results = results
        found = queues[completions[5] : completions[5] + _RESULT_BYTES * results]
        self._resultValues, self._resultIndexes = found.cast("i"), found.cast("Q")
        self._entryWords, self._entryLongs = laidOut.cast("I"), laidOut.cast("Q")
        self._indexes = array("I", range(entries))

    def close(self) -> None:
        """Free the descriptor and the memory.  After that L{send} sends nothing."""
        number, self._number = self._number, -1
        if number != -1:
            # The mappings are freed with their last view.
            for name in ("_words", "_resultValues", "_resultIndexes", "_entryWords", "_entryLongs"):
                self.__dict__.pop(name, None)
            os.close(number)

    def send(self, descriptors: array[int], data: bytes) -> tuple[int, dict[int, int]]:
        """
        Send some bytes to different sockets.

        @param descriptors: of the type C{"I"}.
        @return: the number of sockets served, counted from the first (the kernel has refused the
            rest, to which nothing was sent); and for each socket that did not get all bytes, its
            index and the number of bytes that the kernel took, 0 also after an error.
        """
        served = 0
        incomplete: dict[int, int] = {}
        size = len(data)
        if self._number == -1 or not 0 < size <= MOST_BYTES or os.getpid() != self._process:
            return served, incomplete
        # The pointer object keeps the bytes in memory during the call.
        pointer = ctypes.c_char_p(data)
        address = ctypes.cast(pointer, ctypes.c_void_p).value or 0
        while served < len(descriptors):
            part = descriptors[served : served + self._entries]
            taken, failed = self._submit(part, address, size)
            for index, sent in failed:
                incomplete[served + index] = max(0, sent)
            served += taken
            if taken < len(part):
                break
        return served, incomplete

    def _submit(
        self, descriptors: array[int], address: int, size: int
    ) -> tuple[int, list[tuple[int, int]]]:
        # Returns how many entries the kernel has taken, and index and result of each failed send.
        count = len(descriptors)
        entries = self._entries
        self._entryWords[1 : 16 * count : 16] = descriptors
        self._entryWords[6 : 16 * count : 16] = array("I", [size]) * count
        self._entryLongs[2 : 8 * count : 8] = array("Q", [address]) * count
        words = self._words
        # The kernel takes entries from its own position in the queue on, which moves each time.
        begin = words[self._head]
        slot = begin & (entries - 1)
        before = min(count, entries - slot)
        order = self._order
        words[order + slot : order + slot + before] = self._indexes[:before]
        words[order : order + count - before] = self._indexes[before:count]
        words[self._tail] = (begin + count) & _WRAPPED
        # Skip results left by a send that an exception has interrupted.
        first = words[self._resultHead] = words[self._resultTail]
        taken = self._enter(begin, count)
        failures = (words[self._resultTail] - first) & _WRAPPED
        if not failures:
            return taken, []
        # The results are in a circular buffer.
        places = [(first + number) & (self._results - 1) for number in range(failures)]
        words[self._resultHead] = (first + failures) & _WRAPPED
        return taken, [
            (self._resultIndexes[2 * place], self._resultValues[4 * place + 2]) for place in places
        ]

    def _enter(self, begin: int, count: int) -> int:
        taken = 0
        while taken < count:
            status = self._call(_ENTER, self._number, count - taken, 0, 0, None, 0)
            interrupted = status < 0 and ctypes.get_errno() == errno.EINTR
            taken = (self._words[self._head] - begin) & _WRAPPED
            # The kernel stops at an invalid entry: the rest needs another call.  After EAGAIN,
            # EBUSY and ENOMEM the next send overwrites the entries that the kernel has not taken,
            # because it begins at the kernel's position.
            if status <= 0 and not interrupted:
                break
        return taken
