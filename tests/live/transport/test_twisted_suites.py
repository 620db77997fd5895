"""
Twisted's own cases, run against our ports and transports.

These are the contract: a protocol that cannot tell the difference is what they test for.  They run
in a process of their own, because they build reactors: Twisted's on epoll and ours, and in a
thorough run every reactor they know.  Ours also has to pass the cases for reactors.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.examples import onlyThorough, thorough
from tsservices.transport.epoll.set import available

SUITES = (
    "twisted.internet.test.test_tcp",
    "twisted.internet.test.test_unix",
    "twisted.internet.test.test_tls",
)

#: The cases for reactors themselves.
REACTOR_SUITES = (
    "twisted.internet.test.test_base",
    "twisted.internet.test.test_core",
    "twisted.internet.test.test_fdset",
    "twisted.internet.test.test_posixbase",
    "twisted.internet.test.test_sigchld",
    "twisted.internet.test.test_threads",
    "twisted.internet.test.test_time",
    "twisted.internet.test.test_udp",
)

#: More of them, which take longer or say less.
MORE_SUITES = (
    "twisted.internet.test.test_endpoints",
    "twisted.internet.test.test_inotify",
    "twisted.internet.test.test_newtls",
    "twisted.internet.test.test_process",
    "twisted.internet.test.test_resolver",
    "twisted.internet.test.test_socket",
    "twisted.internet.test.test_stdio",
)

#: How long, in seconds, the cases may take; they take about 2, and 8 in all reactors.
LIMIT = 180 if thorough() else 60

EXEMPT = {"ConnectionTestsMixin.test_logPrefix", "TCPConnectionTestsBuilder.test_resumeProducing"}


@pytest.mark.skipif(not available(), reason="this platform has no epoll")
@pytest.mark.skipif(
    any(importlib.util.find_spec(module) is None for module in ("hamcrest", "OpenSSL")),
    reason="Twisted's own cases need PyHamcrest and twisted[tls]",
)
@pytest.mark.parametrize(
    ("reactor", "suites", "passing", "connections"),
    [
        ("epollreactor", SUITES, 190, 100),
        pytest.param("all", SUITES, 800, 400, marks=onlyThorough()),
        ("mainloop", (*SUITES, *REACTOR_SUITES), 290, 100),
        pytest.param("mainloop", MORE_SUITES, 300, 0, marks=onlyThorough()),
    ],
)
def test_twistedCases(
    reactor: str, suites: tuple[str, ...], passing: int, connections: int, tmp_path: Path
) -> None:
    """Every case passes except those exempted by name, and the connections they make are ours."""
    root = Path(__file__).parents[3]
    report = tmp_path / "report"
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("twisted_suite.py")),
            str(report),
            reactor,
            f"--temp-directory={tmp_path / 'trial'}",
            "--reporter=bwverbose",
            *suites,
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
    assert int(passed.group(1)) > passing, ending
    names, served = report.read_text().splitlines()
    assert set(names.split()) >= EXEMPT
    assert int(served) >= connections
