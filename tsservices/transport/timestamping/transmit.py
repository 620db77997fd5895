"""
Send timestamps of single datagrams, by the kernel's clock.

If a socket enables timestamps for all sent datagrams, each costs one more system call, which reads
the error queue.  Here timestamps are requested for single datagrams, by a control message.
"""

from __future__ import annotations

import socket
from collections import OrderedDict
from typing import Any

from tsservices.transport.capabilities import TransmitListener
from tsservices.transport.timestamping import cmsg

#: The most datagrams that wait for their timestamps.  Nearly always the kernel has these at once,
#: so if more than a few datagrams wait, it will not provide them.
MAX_WAITING = 1024


class TransmitTimestamps:
    """
    The datagrams of one socket whose timestamps are requested.

    @ivar enabled: whether one was ever requested: from then on the error queue may have entries.
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
            # Some kernels have given the unsent datagram a number, others have not.
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
        Call the listener of a datagram, because the kernel has provided its timestamp.

        @param number: the kernel's number of the datagram.
        @param nanoseconds: when it left, since 1970.
        """
        listener = self._waiting.pop(number, None)
        if listener is not None:
            listener(nanoseconds)
