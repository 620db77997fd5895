"""The replacement of a file as a whole.  Pure."""

from __future__ import annotations

import contextlib
import os


def replaceFile(path: str, data: bytes) -> None:
    """
    Replace a file, with mode 0600.

    @raise OSError: it can't be written; the file is as before.
    """
    draft = f"{path}.{os.getpid()}.new"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
