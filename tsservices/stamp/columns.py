"""
Batches of unauthenticated packets of 44 octets, and the replies to them, field by field.

The packets are at equal distances in memory, so that one call reads or writes a field of all of
them.  L{tsservices.stamp.packets} has the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Protocol

from tsservices.common.structs import Table
from tsservices.common.timestamps import NANOSECONDS, SECONDS_1900_TO_1970
from tsservices.stamp.loop_guard import TEXT_FIRST_OCTETS
from tsservices.stamp.packets import UNAUTHENTICATED_LENGTH
from tsservices.stamp.timestamps import LOW_32


class PacketBatch(Protocol):
    """Packets that were received together."""

    received: Table

    def lengths(self) -> list[int]:
        """Return the length of each packet."""

    def firstOctets(self) -> bytes:
        """Return the first octet of each packet."""

    def sources(self) -> Sequence[bytes]:
        """Return each source, as L{readSockaddr<tsservices.common.sources.readSockaddr>}."""

    def replyBuffers(self, length: int) -> Table:
        """Return room for a reply to each packet; MBZ octets are zero."""


class PacketColumns:
    """The fields of a batch of packets and of their replies."""

    def __init__(self, received: Table, replies: Table, count: int) -> None:
        def packet(form: str, offset: int) -> memoryview:
            return received.column(form, offset)[:count]

        def reply(form: str, offset: int) -> memoryview:
            return replies.column(form, offset)[:count]

        self.count = count
        self.replies = replies
        self._zeros = bytes(4 * count)
        self._pack = Struct(f">{count}I").pack
        self._senderSeconds = packet("I", 28)
        self._ssids = packet("H", 14)
        self._sequences = packet("I", 0)
        self._numbers = reply("I", 0)
        self._errors = reply("I", 12)
        self._seconds = reply("I", 16)
        self._fractions = reply("I", 20)
        self._ttls = reply("B", 40)
        # Number, T1 and error estimate of the sender.
        self._copies = [(reply("I", 24 + n), packet("I", n)) for n in (0, 4, 8)]
        self._copies.append((reply("H", 36), packet("H", 12)))
        self._departures: dict[tuple[int, int], tuple[memoryview, memoryview]] = {}

    def cannotBeReplies(self, firstOctets: bytes) -> bool:
        """Return whether none of the packets can be a reply."""
        return self._senderSeconds.tobytes() == self._zeros and not any(
            octet in firstOctets for octet in TEXT_FIRST_OCTETS
        )

    def ssids(self) -> bytes:
        """Return all SSIDs, one after the other; empty if all are zero."""
        ssids = self._ssids.tobytes()
        return b"" if ssids == self._zeros[::2] else ssids

    def reply(
        self,
        numbers: Sequence[int] | None,
        ssids: bytes,
        errorEstimate: int,
        second: int,
        nanoseconds: Sequence[int],
        ttls: bytes,
    ) -> None:
        """
        Write all replies, except T3.

        @param numbers: of the replies; L{None} for those of the packets.
        @param second: the second of every T2, since 1970.
        """
        pack = self._pack
        count = self.count
        for target, source in self._copies:
            target[:] = source
        self._numbers[:] = self._sequences if numbers is None else words(pack(*numbers))
        error = errorEstimate.to_bytes(2, "big")
        if ssids:
            starts = range(0, 2 * count, 2)
            self._errors[:] = words(b"".join([error + ssids[n : n + 2] for n in starts]))
        else:
            self._errors[:] = words((error + b"\0\0") * count)
        self._seconds[:] = words(packedSecond(second) * count)
        self._fractions[:] = words(pack(*[(part << 32) // NANOSECONDS for part in nanoseconds]))
        self._ttls[:] = memoryview(ttls)

    def depart(self, first: int, end: int, seconds: bytes, fractions: bytes) -> None:
        """Write T3 of some replies."""
        columns = self._departures.get((first, end))
        if columns is None:
            parts = [self.replies.column("I", offset)[first:end] for offset in (4, 8)]
            columns = self._departures[first, end] = parts[0], parts[1]
        columns[0][:] = words(seconds)
        columns[1][:] = words(fractions)


def packedSecond(second: int) -> bytes:
    """Convert a second since 1970 to one of a packet, since 1900."""
    return (second + SECONDS_1900_TO_1970 & LOW_32).to_bytes(4, "big")


def words(octets: bytes) -> memoryview:
    return memoryview(octets).cast("I")


class ColumnCache:
    """The L{PacketColumns} of one socket, created once for each number of packets."""

    def __init__(self) -> None:
        self._made: dict[int, PacketColumns] = {}
        self._received: Table | None = None
        self._replies: Table | None = None

    def of(self, batch: PacketBatch, count: int) -> PacketColumns:
        """Return the columns of a batch, with room for the replies."""
        replies = batch.replyBuffers(UNAUTHENTICATED_LENGTH)
        if replies is not self._replies or batch.received is not self._received:
            self._received, self._replies = batch.received, replies
            self._made.clear()
        columns = self._made.get(count)
        if columns is None:
            columns = self._made[count] = PacketColumns(batch.received, replies, count)
        return columns
