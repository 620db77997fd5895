"""Tests for L{tsservices.transport.timestamping.cmsg}: control messages of batches."""

from __future__ import annotations

import socket
import struct

import pytest

from tsservices.common.structs import Table
from tsservices.transport.mmsg import joinControl, splitControl
from tsservices.transport.timestamping import cmsg
from tsservices.transport.timestamping.cmsg import ControlMessageReader
from tsservices.transport.wildcard import IP_PKTINFO, IPV6_PKTINFO, PKTINFO, PKTINFO6

Messages = list[tuple[int, int, bytes]]

TIME = (1, cmsg.SO_TIMESTAMPNS, struct.pack("@ll", 1_795_176_600, 123_456_789))
TIMES = (1, cmsg.SO_TIMESTAMPING, struct.pack("@6l", 1_795_176_601, 5, 0, 0, 7, 7))
NO_TIME = (1, cmsg.SO_TIMESTAMPNS, bytes(16))
ADDRESS = socket.inet_aton("127.0.0.7")
ASKED = (0, IP_PKTINFO, PKTINFO.pack(1, ADDRESS, ADDRESS))
GROUP = (0, IP_PKTINFO, PKTINFO.pack(1, ADDRESS, b"\xe0\0\0\1"))
ASKED6 = (41, IPV6_PKTINFO, PKTINFO6.pack(socket.inet_pton(10, "fe80::9"), 3))
MAPPED = (41, IPV6_PKTINFO, PKTINFO6.pack(socket.inet_pton(10, "::ffff:127.0.0.7"), 1))
TTL = (0, cmsg.IP_TTL, struct.pack("@i", 63))
OTHER_TTL = (0, cmsg.IP_TTL, struct.pack("@i", 255))
HOPS = (41, cmsg.IPV6_HOPLIMIT, struct.pack("@i", 64))
TOS = (0, cmsg.IP_TOS, b"\xb8")
TCLASS = (41, cmsg.IPV6_TCLASS, struct.pack("@i", 0x2E))
# As long as TTL, and nothing that is known.
UNKNOWN = (0, 99, struct.pack("@i", 1))

BATCHES: dict[str, list[Messages]] = {
    "IPv4": [[TIME, ASKED, TTL]] * 3,
    "IPv4 with TOS": [[TIME, ASKED, TTL, TOS], [TIME, GROUP, OTHER_TTL, TOS]],
    "IPv6": [[TIME, ASKED6, HOPS, TCLASS]] * 2,
    "mapped": [[TIMES, MAPPED, ASKED, TTL]] * 2,
    "IPv6 and mapped": [[TIME, ASKED6, HOPS], [TIME, MAPPED, ASKED, TTL], [TIME, ASKED6, HOPS]],
    "no time": [[TIME, TTL], [NO_TIME, TTL]],
    "of one length": [[TIME, TTL], [TIME, UNKNOWN], [TIME, OTHER_TTL]],
    "in another order": [[TIME, TTL], [TTL, TIME]],
    "both times": [[TIME, TIMES], [TIME, TIMES]],
    "nothing": [[], []],
    "nothing at times": [[TIME, TTL], []],
    "unknown": [[UNKNOWN]] * 3,
}


#: Bytes for the control messages of one datagram.
ROOM = 256


class Batch:
    """Control messages in memory, as the kernel puts them there."""

    def __init__(self) -> None:
        self._memory = bytearray(ROOM * 64)
        self.controlTable = Table(self._memory, 0, ROOM)
        self.count = 0
        self._controls: list[bytes] = []

    def fill(self, controls: list[bytes]) -> None:
        self._controls, self.count = controls, len(controls)
        for slot, control in enumerate(controls):
            self._memory[slot * ROOM : slot * ROOM + len(control)] = control

    def controls(self) -> list[bytes]:
        return self._controls

    def controlsAreOf(self, size: int) -> bool:
        return all(len(control) == size for control in self._controls)


def readBatch(
    reader: ControlMessageReader, batch: Batch, controls: list[bytes]
) -> list[cmsg.ControlFacts] | None:
    batch.fill(controls)
    columns = reader.readColumns(batch)
    return None if columns is None else list(columns.rows())


#: Those of which not all datagrams have the same messages in the same order.
MIXED = ("IPv6 and mapped", "of one length", "in another order", "nothing", "nothing at times")


@pytest.mark.parametrize("bound", [None, "127.0.0.7"])
def test_asOneByOne(bound: str | None) -> None:
    """Whatever was read before."""
    reader = ControlMessageReader(bound)
    memory = Batch()
    for _ in range(2):
        for name, batch in BATCHES.items():
            expected = [ControlMessageReader(bound).read(messages) for messages in batch]
            controls = [joinControl(row) for row in batch]
            assert list(reader.readAll(controls)) == expected, name
            assert readBatch(reader, memory, controls) == (None if name in MIXED else expected)


@pytest.mark.parametrize("name", BATCHES)
def test_cutOff(name: str) -> None:
    """What was cut off is not known, and nothing else is lost."""
    reader = ControlMessageReader(None)
    memory = Batch()
    whole = joinControl(BATCHES[name][0])
    for length in range(len(whole)):
        cut = whole[:length]
        expected = ControlMessageReader(None).read(splitControl(cut))
        assert list(reader.readAll([cut, whole])) == [expected, reader.read(BATCHES[name][0])]
        assert list(reader.readAll([cut, cut])) == [expected] * 2
        assert readBatch(reader, memory, [cut, whole]) is None
        assert readBatch(reader, memory, [cut, cut]) in (None, [expected] * 2)


def test_manyDestinations() -> None:
    """The table of those that are remembered begins anew, and is right all the same."""
    reader = ControlMessageReader(None)
    memory = Batch()
    for first in range(0, 2 * cmsg.MAX_DESTINATIONS, 64):
        addresses = [socket.inet_aton(f"10.0.{n >> 8}.{n & 255}") for n in range(first, first + 64)]
        controls = [
            joinControl([(0, IP_PKTINFO, PKTINFO.pack(1, address, address))])
            for address in addresses
        ]
        expected = [socket.inet_ntoa(address) for address in addresses]
        assert [fact[1] for fact in reader.readAll(controls)] == expected
        facts = readBatch(reader, memory, controls[::-1])
        assert [fact[1] for fact in facts or []] == expected[::-1]
    assert len(reader._addresses) <= cmsg.MAX_DESTINATIONS
