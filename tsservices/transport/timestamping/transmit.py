"""
When single datagrams leave, by the kernel's clock.

A socket that has the kernel tell this of everything it sends pays for it with a system call
each.  Here a datagram asks for itself, by what is given to sendmsg beside its bytes.
"""

from __future__ import annotations

import socket
from collections import OrderedDict
from typing import Any

from tsservices.transport.capabilities import TransmitListener
from tsservices.transport.timestamping import cmsg as ancillary

#: Datagrams whose time is still waited for. Nearly always the kernel has it at once.
MAX_WAITING = 1024


class TransmitTimestamps:
    """
    The datagrams of one socket that asked.

    @ivar enabled: whether any ever did: from then on there may be something in the socket's
        error queue.
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
        """@raise OSError: it was not sent."""
        if not self.enabled:
            self.enabled = ancillary.enableTransmitTimestamps(self._socket)
        if not self.enabled:
            self._socket.sendmsg((datagram,), control, 0, address)
            return
        try:
            self._socket.sendmsg((datagram,), [*control, ancillary.REQUEST_TIMESTAMP], 0, address)
        except OSError:
            # Kernels differ in whether its number was used up.
            self._waiting.clear()
            self._next = 0
            ancillary.restartCounter(self._socket, ancillary.RECEIVE_FLAGS)
            raise
        self._waiting[self._next] = listener
        self._next = (self._next + 1) % ancillary.PACKET_NUMBERS
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)

    def onTimestamp(self, number: int, nanoseconds: int) -> None:
        """@param nanoseconds: when it left, since 1970."""
        left = self._waiting.pop(number, None)
        if left is not None:
            left(nanoseconds)
