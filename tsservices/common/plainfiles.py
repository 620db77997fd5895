"""
Opening of regular files only: in the state folder, which may belong to the unprivileged user of a
server, no link is followed.  Pure.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat


def checkNoLink(path: str) -> None:
    """@raise OSError: the path is a link."""
    if os.path.islink(path):
        raise OSError(errno.ELOOP, f"{os.path.basename(path)} is a link")


def openPlain(path: str, flags: int, mode: int = 0o600, folder: int | None = None) -> int:
    """
    Open a regular file which is no link.

    @param folder: the descriptor of the folder to which the path is relative.
    @raise OSError: it can't be opened, or is no regular file.
    """
    try:
        # O_NONBLOCK: a named pipe must not block the server.
        more = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        opened = os.open(path, flags | more, mode, dir_fd=folder)
    except OSError as reason:
        if reason.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, f"{os.path.basename(path)} is a link") from reason
        raise
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, f"{os.path.basename(path)} is no regular file")
    return opened


def createPlain(path: str, flags: int, folder: int | None = None, mode: int = 0o600) -> int:
    """
    Make a new file, and replace an existing file with that name.

    @param folder: as for L{openPlain}.
    @raise OSError: it can't be made.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)
    return openPlain(path, flags | os.O_CREAT | os.O_EXCL, mode, folder)
