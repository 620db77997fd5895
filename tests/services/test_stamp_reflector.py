"""Tests for L{tsservices.services.stamp_reflector} and L{tsservices.stamp.clock}."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import MessageLengthError
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.support.services import SuiteServer
from tsservices.common.addresses import LOOPBACK, TrustedNetworks
from tsservices.common.counters import StampCounters
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS
from tsservices.server.options import Options
from tsservices.server.registry import BY_NAME
from tsservices.services.stamp_reflector import ESTIMATE_SECONDS, StampReflectorProtocol
from tsservices.stamp import telemetry as followup
from tsservices.stamp.auth import authenticate, verify
from tsservices.stamp.clock import STA_UNSYNC, UNKNOWN_ERROR, Timex, findAdjtimex, readClockError
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.reflector import ReflectorConfig, SessionReflector
from tsservices.stamp.timestamps import ErrorEstimate
from tsservices.testing import NOON, ManualClock
from tsservices.transport.timestamping.udp import ReceiveInfo

SENDER = ("192.0.2.7", 862)
T2 = NOON * NANOSECONDS - 5000
PACKET = SenderPacket(5, 7, 1, 3)
KEY = bytes(range(32))


class SourcedTransport:
    def __init__(self) -> None:
        self.written: list[tuple[bytes, tuple[str, int], str | None]] = []
        self.error: Exception | None = None

    def write(self, data: bytes, address: tuple[str, int], source: str | None = None) -> None:
        if self.error is not None:
            raise self.error
        self.written.append((data, address, source))


def serve(config: ReflectorConfig | None = None) -> tuple[Any, SourcedTransport]:
    protocol = SuiteServer(reflector=config).datagramProtocol(BY_NAME["stamp"])
    transport = SourcedTransport()
    protocol.makeConnection(transport)  # type: ignore[arg-type]
    return protocol, transport


class StampTests(SynchronousTestCase):
    def test_answers(self) -> None:
        """The answer leaves from the address that the packet was sent to."""
        protocol, transport = serve()
        arrival = ReceiveInfo(T2, True, "198.51.100.1", 61, None)
        protocol.stampedDatagramReceived(PACKET.encode(), SENDER, arrival)
        ((data, address, source),) = transport.written
        packet = ReflectorPacket.decode(data)
        self.assertEqual((address, source), (SENDER, "198.51.100.1"))
        self.assertEqual(packet.receivedAt(T2), T2)
        self.assertEqual(packet.sentAt(T2), NOON * NANOSECONDS)
        self.assertEqual((packet.senderTTL, packet.ssid), (61, 3))
        self.assertEqual((protocol.counters.answered, protocol.counters.unstamped), (1, 0))

    def test_followUp(self) -> None:
        """The protocol never learns when an answer leaves."""
        protocol, transport = serve()
        packet = PACKET._replace(extensions=followup.requestExtensions(20) or b"")
        for _ in range(2):
            protocol.stampedDatagramReceived(
                packet.encode(), SENDER, ReceiveInfo(T2, True, None, None, None)
            )
        for data, _, _ in transport.written:
            self.assertEqual(
                followup.readFollowUp(ReflectorPacket.decode(data).extensions),
                followup.UNKNOWN_FOLLOW_UP,
            )
        self.assertEqual(len(transport.written), 2)

    def test_noKernelTimeIsCounted(self) -> None:
        protocol, transport = serve()
        protocol.stampedDatagramReceived(
            PACKET.encode(), SENDER, ReceiveInfo(T2, False, None, None, None)
        )
        self.assertEqual(protocol.counters.unstamped, 1)
        self.assertEqual(len(transport.written), 1)

    def test_droppedIsNotAnswered(self) -> None:
        protocol, transport = serve()
        protocol.stampedDatagramReceived(b"x", SENDER, ReceiveInfo(T2, True, None, None, None))
        self.assertEqual(transport.written, [])
        self.assertEqual((protocol.counters.received, protocol.counters.badSize), (1, 1))

    def test_unsentIsCounted(self) -> None:
        protocol, transport = serve()
        for error in (OSError("no buffer space"), MessageLengthError("too long")):
            transport.error = error
            protocol.stampedDatagramReceived(
                PACKET.encode(), SENDER, ReceiveInfo(T2, True, None, None, None)
            )
        self.assertEqual((protocol.counters.answered, protocol.counters.unsent), (0, 2))

    def test_keyAndNumbering(self) -> None:
        protocol, transport = serve(ReflectorConfig(KEY, stateful=False))
        arrival = ReceiveInfo(T2, True, None, None, None)
        protocol.stampedDatagramReceived(PACKET.encode(), SENDER, arrival)
        protocol.stampedDatagramReceived(
            authenticate(KEY, PACKET.encode(authenticated=True)), SENDER, arrival
        )
        ((data, _, _),) = transport.written
        verify(KEY, data)
        self.assertEqual(ReflectorPacket.decode(data, authenticated=True).sequence, 5)
        self.assertEqual(protocol.counters.badSize, 1)

    def test_clockEstimateIsInTheAnswers(self) -> None:
        clock = ManualClock()
        counters = StampCounters()
        reflector = SessionReflector(
            ReflectorConfig(), Limits(), TrustedNetworks(LOOPBACK), counters, clock.nanoseconds
        )
        asked: list[int] = []

        def estimate() -> ErrorEstimate:
            asked.append(1)
            return ErrorEstimate.atLeast(len(asked) * 1000, synchronised=True)

        protocol = StampReflectorProtocol(reflector, counters, clock.seconds, estimate)
        transport = SourcedTransport()
        protocol.makeConnection(transport)  # type: ignore[arg-type]
        for seconds in (0, ESTIMATE_SECONDS / 2, ESTIMATE_SECONDS / 2):
            clock.advance(seconds)
            protocol.stampedDatagramReceived(
                PACKET.encode(), SENDER, ReceiveInfo(T2, True, None, None, None)
            )
        estimates = [ReflectorPacket.decode(data).errorEstimate for data, _, _ in transport.written]
        first, second = (ErrorEstimate.atLeast(item, True).encode() for item in (1000, 2000))
        self.assertEqual(estimates, [first, first, second])


class ClockErrorTests(SynchronousTestCase):
    def readError(self, state: int = 0, **values: int) -> ErrorEstimate:

        def adjtimex(reference: Any) -> int:
            timex = reference._obj
            self.assertEqual(timex.modes, 0)
            for name, value in values.items():
                setattr(timex, name, value)
            return state

        return readClockError(adjtimex)

    def test_synchronisedClockError(self) -> None:
        self.assertEqual(
            self.readError(esterror=50, maxerror=900), ErrorEstimate.atLeast(50_000, True)
        )
        self.assertEqual(
            self.readError(esterror=0, maxerror=900), ErrorEstimate.atLeast(900_000, True)
        )
        self.assertEqual(self.readError(), ErrorEstimate.atLeast(1000, True))

    def test_unsynchronisedClockError(self) -> None:
        expected = ErrorEstimate.atLeast(16_000_000_000, False)
        for state, status in ((5, 0), (0, STA_UNSYNC), (5, STA_UNSYNC)):
            self.assertEqual(
                self.readError(state, status=status, esterror=5, maxerror=16_000_000), expected
            )

    def test_unknownClockIsUnsynchronised(self) -> None:
        for estimate in (self.readError(-1, esterror=5), readClockError(None)):
            self.assertFalse(estimate.synchronised)
            self.assertGreaterEqual(estimate.nanoseconds or 0, UNKNOWN_ERROR)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's own call")
    def test_system(self) -> None:
        """The status stands where we look for it in the system's structure."""
        call = findAdjtimex()
        assert call is not None
        timex = Timex()
        self.assertGreaterEqual(call(ctypes.byref(timex)), 0)
        self.assertTrue(readClockError(call).multiplier)
        self.assertTrue(0 <= timex.maxerror <= 10**9)

    def test_noSystemCall(self) -> None:
        self.patch(sys, "platform", "sunos5")
        self.assertIsNone(findAdjtimex())


class OptionTests(SynchronousTestCase):
    def parse(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(["--state", self.mktemp(), *words])
        return options

    def key(self, text: str, mode: int = 0o600) -> str:
        path = Path(self.mktemp())
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def test_default(self) -> None:
        self.assertEqual(self.parse().mode, ReflectorConfig(None, True))

    def test_dscps(self) -> None:
        for value, expected in (
            ("same", set()),
            ("any", set(range(64))),
            ("EF", {46}),
            ("ef, AF41,0x08", {46, 34, 8}),
        ):
            assert self.parse("--stamp-dscp", value).mode.allowedDSCPs == expected
        assert self.parse().mode.allowedDSCPs == set()
        for text in ('["EF", "8"]', '"EF,8"'):
            options = self.parse("--config", self.key(f"stamp-dscp = {text}\n"))
            assert options.mode.allowedDSCPs == {46, 8}
        assert self.parse("--config", self.key("stamp-dscp = 46\n")).mode.allowedDSCPs == {46}
        for value in ("64", "EFF", "", "any,EF", "-1"):
            with pytest.raises(UsageError, match="is no DSCP"):
                self.parse("--stamp-dscp", value)

    def test_given(self) -> None:
        path = self.key(KEY.hex() + "\n")
        self.assertEqual(
            self.parse("--stamp-key", path, "--stamp-stateless").mode, ReflectorConfig(KEY, False)
        )
        config = self.key(f'stamp-key = "{path}"\nstamp-stateless = true\nstamp-rate = 7\n')
        options = self.parse("--config", config)
        self.assertEqual((options.mode, options.limits.stampRate), (ReflectorConfig(KEY, False), 7))

    def test_badKeyIsOneLine(self) -> None:
        for path, words in (
            (self.key("tops3cret"), "hexadecimal digits"),
            (self.key(KEY.hex(), 0o644), "others have rights"),
            (self.mktemp(), "No such file"),
        ):
            error = self.assertRaises(UsageError, self.parse, "--stamp-key", path)
            self.assertIn(words, str(error))
            self.assertIn(path, str(error))
            self.assertNotIn(KEY.hex()[:20], str(error))

    def test_place(self) -> None:
        """The RFC's port can be used, and several processes can share it."""
        options = self.parse("--listen", "stamp=udp:862", "--services", "stamp", "--reuse-port")
        (place,) = options.listenSpecs
        self.assertEqual((place.service.name, place.transport), ("stamp", "udp"))
        self.assertEqual(place.description.argument("port"), "862")
        self.assertRaises(UsageError, self.parse, "--listen", "stamp=tcp:862")
