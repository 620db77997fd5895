"""
The times at which single datagrams leave, by the kernel's clock.

A socket that asks for the times of all that it sends pays one system call more for each, to read
the error queue.  Here a single datagram asks, by a control message of its own.
"""

from __future__ import annotations

import socket
from collections import OrderedDict
from typing import Any

from tsservices.transport.capabilities import TransmitListener
from tsservices.transport.timestamping import cmsg

#: Datagrams whose times have not come yet.  Nearly always the kernel has them at once, so more than
#: a few mean that it will not give them.
MAX_WAITING = 1024


class TransmitTimestamps:
    """
    The datagrams of one socket that have asked.

    @ivar enabled: whether one ever has: from then on the error queue may hold entries.
    """

    def __init__(self, udpSocket: socket.socket) -> None:
        self.enabled = False
        self._socket = udpSocket
        self._next = 0
        self._waiting: OrderedDict[int, TransmitListener] = OrderedDict()

    def send(
        self,
        datagram: bytes,
        address: Any,
        control: list[tuple[int, int, bytes]],
        listener: TransmitListener,
    ) -> None:
        """
        Send a datagram, and have a listener called when it has left.

        @param control: other control messages of the datagram.
        @raise OSError: if it was not sent.
        """
        if not self.enabled:
            self.enabled = cmsg.enableTransmitTimestamps(self._socket)
        if not self.enabled:
            self._socket.sendmsg((datagram,), control, 0, address)
            return
        try:
            self._socket.sendmsg((datagram,), [*control, cmsg.REQUEST_TIMESTAMP], 0, address)
        except OSError:
            # Kernels differ in whether it has taken a number all the same.
            self._waiting.clear()
            self._next = 0
            cmsg.restartCounter(self._socket, cmsg.RECEIVE_FLAGS)
            raise
        self._waiting[self._next] = listener
        self._next = (self._next + 1) % cmsg.PACKET_NUMBERS
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)

    def onTimestamp(self, number: int, nanoseconds: int) -> None:
        """
        The kernel has given the time of a datagram.

        @param number: the kernel's number of it.
        @param nanoseconds: when it left, since 1970.
        """
        listener = self._waiting.pop(number, None)
        if listener is not None:
            listener(nanoseconds)
