"""Tests for L{tsservices.common.descriptors}, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, sys
if sys.argv[2] == "taken":
    os.open("/dev/zero", os.O_RDONLY)
from tsservices.common.descriptors import openMissing
taken = openMissing()
print("nobody reads this")
names = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
streams = [getattr(sys, name) for name in ("stdin", "stdout", "stderr", "__stdout__", "__stderr__")]
found = [taken, names, [stream is not None for stream in streams]]
with open(sys.argv[1], "w") as file:
    json.dump(found, file)
"""

NULL = "/dev/null"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/fd")
@pytest.mark.parametrize(
    ("closing", "before", "taken", "null"),
    [
        ("0<&-", "", [], [0]),
        ("1>&- 2>&-", "", [], [1, 2]),
        ("0<&- 1>&- 2>&-", "", [], [0, 1, 2]),
        ("0<&- 2>&-", "taken", [0], [2]),
    ],
)
def test_openMissing(closing: str, before: str, taken: list[int], null: list[int]) -> None:
    command = [sys.executable, "-c", SCRIPT, "found", before or "free"]
    subprocess.run(
        ["sh", "-c", f'exec "$@" {closing}', "sh", *command],
        stdin=subprocess.PIPE,
        capture_output=True,
        timeout=20,
        check=True,
    )
    found = json.loads(Path("found").read_text())
    assert found[0] == taken
    assert [number for number, name in enumerate(found[1]) if name == NULL] == null
    if not taken:
        assert found[2] == [True] * 5
