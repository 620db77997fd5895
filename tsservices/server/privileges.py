"""Actions of a server started as root that need the rights of the user it will run as."""

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
    Run a block with the rights of another user, so that links which that user has put into the
    state folder give no access beyond the user's own rights.

    Only for the time before there are threads, because the rights are those of the whole process.
    A process that is not root keeps its own.

    @param user: -1: unchanged, as for C{group}.
    """
    if os.geteuid() != 0 or (user, group) == (-1, -1):
        yield
        return
    oldGroup, oldGroups = os.getegid(), os.getgroups()
    try:
        # If root lacks the right to do this, twistd reports it when it tries the same.
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
    # The groups that twistd gives to the process later.
    if user == -1:
        return [group]
    main = os.getegid() if group == -1 else group
    try:
        return os.getgrouplist(pwd.getpwuid(user).pw_name, main)
    except KeyError:
        return [main]


class PIDFile(Service):
    """
    The PID file, if it is in the state folder of another user.

    twistd would write it as root, and follow a link that the user has put there since the check.
    This service starts when the process already runs as that user.
    """

    name = "pidfile"

    def __init__(self, folder: StateDirectory, path: str) -> None:
        self._folder = folder
        self._path = path

    def startService(self) -> None:
        """@raise OSError: the file can't be written."""
        super().startService()
        self._folder.write(self._path, os.getpid())

    def stopService(self) -> None:
        super().stopService()
        self._folder.remove(self._path)


def openLogAs(
    options: Options, becoming: tuple[int, int], reactor: Any, worker: int = 0
) -> FileLogObserver | None:
    """
    Open the log as L{openLog} does; in the state folder, as the user that the server becomes.

    @raise LogError: the log can't be opened.
    """
    path, _ = _openedByTwistd(options)
    inFolder = path is not None and options.folder.contains(path)
    # Root would follow a link of that user, and make a file that the user can't rotate.
    with actingAs(*(becoming if inFolder else (-1, -1))):
        return openLog(options.parent or {}, reactor, worker, becoming)


def pidFile(options: Options, becoming: tuple[int, int]) -> list[PIDFile]:
    """Make the service of the PID file, if that has to be written by another user."""
    _, path = _openedByTwistd(options)
    if path is None or becoming == (-1, -1) or not options.folder.contains(path):
        return []
    assert options.parent is not None
    # twistd reads this option only to write the file and to remove it.
    options.parent["pidfile"] = ""
    return [PIDFile(options.folder, path)]


def checkPIDFile(options: Options) -> None:
    """@raise SystemExit: twistd could not write the PID file; the argument is the line to print."""
    _, path = _openedByTwistd(options)
    # With C{--chroot} the path is one of a file system that is not seen from here.
    chroot = options.parent is not None and options.parent.get("chroot")
    if path is None or chroot or options.folder.contains(path):
        return
    where = path if os.path.exists(path) else os.path.dirname(os.path.abspath(path))
    if not os.access(where, os.W_OK):
        raise SystemExit(
            f"{serverProgram()}: --pidfile {path} can't be written; --pidfile= is for no such file"
        )


def _openedByTwistd(options: Options) -> tuple[str | None, str | None]:
    # The paths of the log and of the PID file.
    parent = options.parent if options.parent is not None else {}
    log, pid = parent.get("logfile"), parent.get("pidfile")
    return (None if log in (None, "-") else str(log)), (str(pid) if pid else None)


def giveFolder(options: Options, becoming: tuple[int, int]) -> list[str] | None:
    """
    Make the user that the server becomes the owner of the state folder.

    @return: the files that keep their owner; L{None}: no owner could be changed.
    @raise OSError: a file in it is a link.
    """
    folder = options.folder
    # These files are opened as root.
    folder.checkOwn(filter(None, (*_openedByTwistd(options), options["stamp-key"])))
    try:
        unchanged = folder.giveTo(*becoming)
    except OSError:
        # Without the right to do this, the process can't become that user; twistd will report it.
        return None
    return unchanged


def becomingUser(options: Options) -> tuple[int, int]:
    """
    Get the ids of the user and the group that the server becomes; -1: it keeps its own.

    @raise SystemExit: twistd could not become that user; the argument is the line to print.
    """
    parent = options.parent if options.parent is not None else {}
    user, group = parent.get("uid"), parent.get("gid")
    if user is not None and (group is None or user != os.getuid()):
        try:
            pwd.getpwuid(user)
        except KeyError:
            # twistd needs the name of the user to find the groups.
            raise SystemExit(
                f"{serverProgram()}: --uid {user}: this system knows no user with this number"
            ) from None
    return (-1 if user is None else int(user)), (-1 if group is None else int(group))
