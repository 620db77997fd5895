"""Tests for L{tsservices.common.interrupts}."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tsservices.common.interrupts import endQuietly, raiseAgain

#: Runs a module as a program, and is interrupted when that asks for another one.
INTERRUPTED = """
import os, runpy, signal, sys
program, wanted, *sys.argv[1:] = sys.argv[1:]
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
runpy.run_module(program, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("program", ["tsservices", "tsservices.client"])
@pytest.mark.parametrize(
    "module", ["tsservices.common.commandline", "twisted.internet", "tsservices.client.probe.run"]
)
def test_whileImporting(program: str, module: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, program, module, "probe", "-c", "1", "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (signal.default_int_handler, endQuietly, signal.SIG_DFL),
        (signal.SIG_IGN, endQuietly, signal.SIG_IGN),
        (signal.SIG_DFL, raiseAgain, signal.default_int_handler),
        (signal.SIG_IGN, raiseAgain, signal.SIG_IGN),
    ],
)
def test_handlers(before: signal.Handlers, change: Callable[[], None], after: object) -> None:
    found = signal.signal(signal.SIGINT, before)
    try:
        change()
        assert signal.getsignal(signal.SIGINT) == after
    finally:
        signal.signal(signal.SIGINT, found)
