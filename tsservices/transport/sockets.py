"""Sockets that are bound and do not block, before a reactor serves them."""

from __future__ import annotations

import errno
import os
import socket
import stat

from twisted.internet.error import CannotListenError

#: Seconds of silence after which the system asks whether a peer is still there.  People in a chat
#: are silent for hours, and a ping in the text would be on their screens.
KEEPALIVE_SECONDS = 60

#: Questions without an answer after which it is not.
KEEPALIVE_PROBES = 4

#: Seconds between these questions.
KEEPALIVE_INTERVAL_SECONDS = 15


def bindInternet(
    kind: socket.SocketKind, interface: str, port: int, reusePort: bool = False
) -> socket.socket:
    """
    A socket bound to a numeric address.

    @param interface: an empty one is all addresses of IPv4; C{::} is all of IPv6 and IPv4.
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
            # Not for datagrams: there two servers could bind one port, and one would get nothing.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Accepted sockets inherit it.  Without it a second small answer waits for the
            # acknowledgement of the first one, which the peer delays by 40 ms.
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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


def keepAlive(connected: socket.socket) -> None:
    """Let the system find out, in two minutes, that a silent peer is gone."""
    if connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_SECONDS),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
    ):
        # Some systems lack one of them, and keep their own times.
        if (option := getattr(socket, name, None)) is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)


def removeStaleSocket(path: str) -> None:
    """
    Remove the file of a UNIX socket whose server has died; no file is no error.

    @raise OSError: if a server answers there, or the file is no socket.
    """
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(errno.EEXIST, "a file that is no socket is in the way")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def bindUNIX(path: str, backlog: int, mode: int) -> socket.socket:
    """
    A listening UNIX socket.

    @param path: begins with a NUL byte outside of the file system.
    @param mode: the permissions of its file.
    @raise CannotListenError: if the system refuses, or a server is there.
    """
    inFilesystem = not path.startswith("\0")
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        if inFilesystem:
            removeStaleSocket(path)
        bound.bind(path)
        if inFilesystem:
            os.chmod(path, mode)
        bound.listen(backlog)
    except OSError as reason:
        bound.close()
        raise CannotListenError(None, path, reason) from reason
    return bound


def duplicateListening(descriptor: int, family: int) -> socket.socket:
    """
    A duplicate of a listening stream socket.

    @raise CannotListenError: if it is no listening stream socket of that family.
    """
    try:
        bound = socket.socket(fileno=os.dup(descriptor))
    except OSError as reason:
        raise CannotListenError(None, descriptor, reason) from reason
    listening = (
        bound.family == family
        and bound.type == socket.SOCK_STREAM
        and bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    )
    if not listening:
        bound.close()
        wrong = OSError(errno.EINVAL, "this is no listening stream socket of that family")
        raise CannotListenError(None, descriptor, wrong)
    bound.setblocking(False)
    return bound
