"""Bound, non-blocking sockets, before a reactor serves them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator

from twisted.internet.error import CannotListenError

#: Seconds of silence after which the system sends TCP keepalive probes.  Users of a chat are silent
#: for hours, and a ping in the text would appear on their screens.
KEEPALIVE_SECONDS = 60

#: Unanswered probes after which the connection is lost.
KEEPALIVE_PROBES = 4

#: Seconds between these probes.
KEEPALIVE_INTERVAL_SECONDS = 15

#: Seconds to wait for another server that is binding a UNIX socket in the same folder.
BINDER_SECONDS = 1.0


def bindInternet(
    kind: socket.SocketKind, interface: str, port: int, reusePort: bool = False
) -> socket.socket:
    """
    Bind a socket to a numeric address.

    @param interface: empty for all addresses of IPv4; C{::} for all addresses of IPv6 and IPv4.
    @raise CannotListenError: if the system refuses.
    """
    bound: socket.socket | None = None
    try:
        ((family, _, _, _, address), *_) = socket.getaddrinfo(
            interface or "0.0.0.0", port, type=kind, flags=socket.AI_NUMERICHOST
        )
        bound = socket.socket(family, kind)
        bound.setblocking(False)
        if kind == socket.SOCK_STREAM:
            # Not for UDP: two servers could bind one port, and one of them would receive nothing.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            noDelay(bound)
        if reusePort:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and interface == "::":
            # The default depends on the system.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(address)
    except OSError as reason:
        if bound is not None:
            bound.close()
        raise CannotListenError(interface, port, reason) from reason
    return bound


def noDelay(listening: socket.socket) -> None:
    """
    Set TCP_NODELAY on a TCP socket; accepted connections inherit the option.

    Without it a second small answer waits for the acknowledgement of the first one, which the peer
    delays by 40 ms.
    """
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def keepAlive(connected: socket.socket) -> None:
    """Make the system detect within two minutes that a silent peer is unreachable."""
    if connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_SECONDS),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
    ):
        # Some systems lack one of these options, and use their default.
        if (option := getattr(socket, name, None)) is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)


class SocketFile:
    """
    The file of a bound UNIX socket.

    The file may be removed by others, and its name taken by another server's socket: L{remove}
    removes only the file of this object.
    """

    def __init__(self, path: str) -> None:
        """@raise OSError: there is no such file."""
        self.path = path
        self._identity = self._find()

    def remove(self) -> None:
        """Remove the file.  The socket has to be open still, because inode numbers are reused."""
        with contextlib.suppress(OSError):
            if self._find() == self._identity:
                os.unlink(self.path)

    def _find(self) -> tuple[int, int]:
        found = os.lstat(self.path)
        return found.st_dev, found.st_ino


@contextlib.contextmanager
def _soleBinder(path: str) -> Iterator[None]:
    # A lock for checking whether a socket is stale and replacing it.  Without the lock, two servers
    # that start together could both find the socket stale, and one would remove the other's new
    # socket.  The folder is locked, because a lock file would be left behind.
    try:
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # The folder can be written to but not read: no process of this user can lock it.
        yield
        return
    try:
        deadline = time.monotonic() + BINDER_SECONDS
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # Any user who may read the folder can lock it, for ever.
                if time.monotonic() >= deadline:
                    break
                time.sleep(0.01)
        yield
    finally:
        os.close(folder)


def removeStaleSocket(path: str) -> None:
    """
    Remove the file of a UNIX socket whose server no longer runs; a missing file is no error.

    @raise OSError: if a server has the socket, or the file is no socket.
    """
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.EEXIST, "a file that is no socket is in the way")
    except FileNotFoundError:
        return
    # A datagram socket: it does not disturb a stream server, does not block where connections
    # already wait, and also finds a stream socket that is bound but does not listen yet.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except OSError as reason:
            # EPROTOTYPE: there is a stream socket.
            if reason.errno != errno.EPROTOTYPE:
                raise
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def bindUNIX(
    path: str, kind: socket.SocketKind, mode: int, backlog: int = 0
) -> tuple[socket.socket, SocketFile | None]:
    """
    Bind a UNIX socket, and listen if it is a stream socket.

    @param path: begins with a NUL byte for a name outside the file system, which has no file.
    @param mode: the permissions of its file.
    @raise CannotListenError: if the system refuses, or a server listens there.
    """
    bound = socket.socket(socket.AF_UNIX, kind)
    file = None
    try:
        bound.setblocking(False)
        if path.startswith("\0"):
            bound.bind(path)
        else:
            with _soleBinder(path):
                removeStaleSocket(path)
                # Not chmod afterwards: another user could have put a link there by then.
                before = os.umask(~mode & 0o777)
                try:
                    bound.bind(path)
                finally:
                    os.umask(before)
                file = SocketFile(path)
        if kind == socket.SOCK_STREAM:
            bound.listen(backlog)
    except (OSError, ValueError) as reason:
        if file is not None:
            file.remove()
        bound.close()
        error = reason if isinstance(reason, OSError) else OSError(errno.EINVAL, str(reason))
        raise CannotListenError(None, path, error) from reason
    return bound, file


def duplicate(descriptor: int, family: int, kind: socket.SocketKind) -> socket.socket:
    """
    Duplicate a socket that another program has bound; a stream socket has to listen.

    @raise CannotListenError: if it is no such socket.
    """
    try:
        bound = socket.socket(fileno=os.dup(descriptor))
    except OSError as reason:
        raise CannotListenError(None, descriptor, reason) from reason
    good = (
        bound.family == family
        and bound.type == kind
        and (kind != socket.SOCK_STREAM or isListening(bound))
    )
    if not good:
        bound.close()
        what = "listening stream" if kind == socket.SOCK_STREAM else "datagram"
        wrong = OSError(errno.EINVAL, f"this is no {what} socket of that family")
        raise CannotListenError(None, descriptor, wrong)
    bound.setblocking(False)
    if kind == socket.SOCK_STREAM and family != socket.AF_UNIX:
        # systemd sets it only if NoDelay= says so.  Other stream protocols lack the option.
        with contextlib.suppress(OSError):
            noDelay(bound)
    return bound


def isListening(bound: socket.socket) -> bool:
    return bool(bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
