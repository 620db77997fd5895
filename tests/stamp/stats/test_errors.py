"""Tests for L{tsservices.stamp.stats.errors} and L{tsservices.stamp.stats.marks}."""

from __future__ import annotations

import pytest

from tsservices.stamp.stats.errors import MAXIMUM_ERRORS, ErrorCounts, ErrorReport, ErrorSource
from tsservices.stamp.stats.marks import MarkCounts, Marks
from tsservices.stamp.stats.summary import errorSummary, markSummary


@pytest.mark.parametrize(
    ("source", "address", "text"),
    [
        (ErrorSource.SELF, None, "this host"),
        (ErrorSource.SELF, "192.0.2.9", "this host"),
        (ErrorSource.TARGET, "192.0.2.1", "192.0.2.1"),
        (ErrorSource.ROUTER, "2001:db8::1", "2001:db8::1 (a router)"),
        (ErrorSource.ROUTER, None, "an unknown address (a router)"),
    ],
)
def test_sender(source: ErrorSource, address: str | None, text: str) -> None:
    assert ErrorReport(source, address).sender == text


def test_countsAreBounded() -> None:
    counts = ErrorCounts()
    counts.add("host unreachable", None)
    for number in range(3 * MAXIMUM_ERRORS):
        report = ErrorReport(ErrorSource.ROUTER, f"192.0.2.{number}", 3, 1)
        for _ in range(1 + (number == 5)):
            counts.add("host unreachable", report)
    assert len(counts.counts) == MAXIMUM_ERRORS
    assert counts.others == 2 * MAXIMUM_ERRORS + 1
    records = errorSummary(counts)
    assert records[0] == {
        "by": "router",
        "from": "192.0.2.5",
        "reason": "host unreachable",
        "count": 2,
    }
    assert {"by": None, "from": None, "reason": "host unreachable", "count": 1} in records
    assert records[-1] == {"by": None, "from": None, "reason": "others", "count": counts.others}


def test_marks() -> None:
    counts = MarkCounts()
    assert markSummary(counts) is None
    counts.add(Marks(46, dscpAsked=46))
    counts.add(Marks(46, 0, 0, 8, 1, 3, 3, 46, False))
    counts.add(Marks(46, 46, 46, None, 1, 1, None, 46, True))
    assert markSummary(counts) == {
        "replies": 3,
        "answered": 2,
        "dscp_up": [
            {"sent": 46, "received": 0, "count": 1},
            {"sent": 46, "received": 46, "count": 1},
        ],
        "dscp_down": [{"sent": 0, "received": 8, "count": 1}],
        "ecn_up": [
            {"sent": 1, "received": 3, "count": 1},
            {"sent": 1, "received": 1, "count": 1},
        ],
        "ecn_down": [{"received": 3, "count": 1}],
        "refused": [{"asked": 46, "count": 1}],
    }
