"""What a server that starts as root does as the user that it will become."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator

from twisted.application.service import Service

from tsservices.common.statedir import StateDirectory


@contextlib.contextmanager
def actingAs(user: int, group: int) -> Iterator[None]:
    """
    Do something with the rights of another user, so that whatever that user has put into the state
    folder can lead to nothing that the user could not do alone.

    Only for the time before there are threads: the rights are those of the whole process.  A
    process that is not root keeps its own.

    @param user: -1 to keep it, as for C{group}.
    """
    if os.geteuid() != 0 or (user, group) == (-1, -1):
        yield
        return
    oldGroup, oldGroups = os.getegid(), os.getgroups()
    try:
        # Where root has not the right to do this, twistd says so when it tries the same.
        with contextlib.suppress(OSError):
            os.setgroups(_groups(user, group))
            if group != -1:
                os.setegid(group)
            if user != -1:
                os.seteuid(user)
        yield
    finally:
        os.seteuid(0)
        with contextlib.suppress(OSError):
            os.setegid(oldGroup)
            os.setgroups(oldGroups)


def _groups(user: int, group: int) -> list[int]:
    # Those that twistd gives to the process later.
    if user == -1:
        return [group]
    main = os.getegid() if group == -1 else group
    try:
        return os.getgrouplist(pwd.getpwuid(user).pw_name, main)
    except KeyError:
        return [main]


class PIDFile(Service):
    """
    The file with the number of this process, if it is in the state folder of another user.

    twistd would write it as root, and follow what that user has put there since it was checked.
    This service starts when the server is that user.
    """

    name = "pidfile"

    def __init__(self, folder: StateDirectory, path: str) -> None:
        self._folder = folder
        self._path = path

    def startService(self) -> None:
        """@raise OSError: it can't be written."""
        super().startService()
        self._folder.write(self._path, os.getpid())

    def stopService(self) -> None:
        super().stopService()
        self._folder.remove(self._path)
