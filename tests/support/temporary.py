"""The folder for temporary files of the tests."""

from __future__ import annotations

import os
import tempfile

#: A file system in memory, where there is one.
_MEMORY = "/dev/shm"

#: Bytes that have to be free there: in many containers its size is only 64 MiB.
_ENOUGH = 2**30


def useMemory() -> None:
    """
    Put temporary files of this process and its child processes in memory, if there is enough space,
    programs may be run from there, and no other folder is configured.

    Databases are synced to the disk thousands of times, and each test has a folder: on a busy disk
    that takes longer than the tests. Tests simulate crashes of a process, never of the machine, so
    nothing is lost.
    """
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    room = os.statvfs(_MEMORY)
    runs = not room.f_flag & os.ST_NOEXEC
    if runs and room.f_bavail * room.f_frsize >= _ENOUGH:
        os.environ["TMPDIR"] = _MEMORY
        tempfile.tempdir = None
