"""Tests for L{tsservices.transport.admission}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.limits import Limits
from tsservices.transport.admission import Admission, AdmissionDenied


class AdmissionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.admission = Admission(
            Limits(maxConnections=5, maxConnectionsPerAddress=2), TrustedNetworks()
        )

    def test_perAddress(self) -> None:
        first = self.admission.enter("192.0.2.1")
        self.admission.enter("192.0.2.1")
        refused = self.assertRaises(AdmissionDenied, self.admission.enter, "192.0.2.1")
        self.assertEqual(str(refused), "your address has its 2 connections")
        self.admission.enter("192.0.2.2")
        self.admission.leave(first)
        self.admission.enter("192.0.2.1")
        self.assertEqual(self.admission.total, 3)

    def test_trusted(self) -> None:
        """Trusted clients, UNIX sockets and what has no IP address are bounded only in all."""
        for host in ("127.0.0.1", "127.0.0.1", "127.0.0.1", None, "unknown"):
            self.assertIsNone(self.admission.enter(host))
        refused = self.assertRaises(AdmissionDenied, self.admission.enter, None)
        self.assertEqual(str(refused), "this server has its 5 connections")

    def test_emptyAfterAllHaveLeft(self) -> None:
        sources = [self.admission.enter(f"192.0.2.{n}") for n in (1, 1, 2)]
        for source in sources:
            self.admission.leave(source)
        self.assertEqual(self.admission.total, 0)
        self.assertEqual(self.admission._bySource, {})
