"""
Twisted's own cases, run against our ports and transports.

These are the contract: a protocol that cannot tell the difference is what they test for.  They run
under every reactor they know, in a process of their own, because they build reactors.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tsservices.transport.epoll.set import available

SUITES = (
    "twisted.internet.test.test_tcp",
    "twisted.internet.test.test_unix",
    "twisted.internet.test.test_tls",
)

#: How long, in seconds, the cases may take; they take about 4.
LIMIT = 60

EXEMPT = {"ConnectionTestsMixin.test_logPrefix", "TCPConnectionTestsBuilder.test_resumeProducing"}


@pytest.mark.skipif(not available(), reason="this platform has no epoll")
@pytest.mark.skipif(
    any(importlib.util.find_spec(module) is None for module in ("hamcrest", "OpenSSL")),
    reason="Twisted's own cases need PyHamcrest and twisted[tls]",
)
def test_twistedCases(tmp_path: Path) -> None:
    """
    Every case passes except the two that are exempted by name, and the connections they make are
    ours.
    """
    root = Path(__file__).parents[3]
    report = tmp_path / "report"
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("twisted_suite.py")),
            str(report),
            f"--temp-directory={tmp_path / 'trial'}",
            "--reporter=bwverbose",
            *SUITES,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    ending = done.stdout[-4000:] + done.stderr[-2000:]
    assert done.returncode == 0, ending
    passed = re.search(r"successes=(\d+)", ending)
    assert passed is not None, ending
    assert int(passed.group(1)) > 800, ending
    names, served = report.read_text().splitlines()
    assert set(names.split()) == EXEMPT
    assert int(served) > 400
