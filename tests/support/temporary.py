"""Where the tests make their files."""

from __future__ import annotations

import os
import tempfile

#: A file system in memory, where there is one.
_MEMORY = "/dev/shm"

#: Bytes that have to be free there: in many containers it has 64 MiB in all.
_ENOUGH = 2**30


def useMemory() -> None:
    """
    Let temporary files of this process and of those it starts be in memory, if there is room,
    programs may be run from there, and nobody has chosen another folder.

    Databases are written through to the disk thousands of times, and each test has a folder: on a
    busy disk that takes longer than the tests. A crash is that of a process here, never that of a
    machine, so nothing is lost.
    """
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    room = os.statvfs(_MEMORY)
    runs = not room.f_flag & os.ST_NOEXEC
    if runs and room.f_bavail * room.f_frsize >= _ENOUGH:
        os.environ["TMPDIR"] = _MEMORY
        tempfile.tempdir = None
