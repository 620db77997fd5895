"""What a server that starts as root does as the user that it will become."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from typing import Any

from twisted.application.service import Service
from twisted.logger import FileLogObserver

from tsservices.common.commandline import serverProgram
from tsservices.common.statedir import StateDirectory
from tsservices.server.log import openLog
from tsservices.server.options import Options


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


def openLogAs(
    options: Options, becoming: tuple[int, int], reactor: Any, worker: int = 0
) -> FileLogObserver | None:
    """
    As L{openLog}, by whom the server becomes if the log is in the state folder.

    @raise LogError: it can't be opened.
    """
    path, _ = _openedByTwistd(options)
    inFolder = path is not None and options.folder.contains(path)
    # Root would follow what that user has put there, and make a file that the user can't rotate.
    with actingAs(*(becoming if inFolder else (-1, -1))):
        return openLog(options.parent or {}, reactor, worker, becoming)


def pidFile(options: Options, becoming: tuple[int, int]) -> list[PIDFile]:
    """The file with the number of this process, if it has to be written by another user."""
    _, path = _openedByTwistd(options)
    if path is None or becoming == (-1, -1) or not options.folder.contains(path):
        return []
    assert options.parent is not None
    # twistd looks here only when it writes the file, and when it removes it.
    options.parent["pidfile"] = ""
    return [PIDFile(options.folder, path)]


def _openedByTwistd(options: Options) -> tuple[str | None, str | None]:
    # The log and the file with the number of the process.
    parent = options.parent if options.parent is not None else {}
    log, pid = parent.get("logfile"), parent.get("pidfile")
    return (None if log in (None, "-") else str(log)), (str(pid) if pid else None)


def giveFolder(options: Options, becoming: tuple[int, int]) -> list[str] | None:
    """
    Give the state folder to the user that the server becomes.

    @return: what stays with its owner; L{None}: nothing can be given.
    @raise OSError: something in it is a link.
    """
    folder = options.folder
    # These are opened as root.
    folder.checkOwn(filter(None, (*_openedByTwistd(options), options["stamp-key"])))
    try:
        unchanged = folder.giveTo(*becoming)
    except OSError:
        # Without the right to do this there is none to become that user, which twistd will say.
        return None
    return unchanged


def becomingUser(options: Options) -> tuple[int, int]:
    """
    The numbers of the user and the group that the server becomes; -1: it keeps its own.

    @raise SystemExit: twistd could not become that user; the argument is the line to print.
    """
    parent = options.parent if options.parent is not None else {}
    user, group = parent.get("uid"), parent.get("gid")
    if user is not None and (group is None or user != os.getuid()):
        try:
            pwd.getpwuid(user)
        except KeyError:
            # twistd wants the user's name, to find the groups.
            raise SystemExit(
                f"{serverProgram()}: --uid {user}: this system knows no user with this number"
            ) from None
    return (-1 if user is None else int(user)), (-1 if group is None else int(group))
