"""
The sources of sockets of a L{Binder<tsservices.transport.binder.Binder>}: bound for this process
alone, bound for several workers, or passed to a worker by the main process.

Each address has one socket for each worker, and the main process keeps all of them open.  Therefore
the kernel always distributes connections and datagrams over the same number of sockets: connections
and datagrams for a worker that has exited wait for its successor, and each source of datagrams
stays with one worker.  If each worker bound its own sockets, an exit would lose what waits in them,
and move sources of the other workers.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence

from twisted.internet.error import CannotListenError

from tsservices.transport.sockets import SocketFile, bindInternet, bindUNIX


class OwnSockets:
    """The sockets of a process without workers."""

    def __init__(self, reusePort: bool = False) -> None:
        """@param reusePort: whether other programs may bind the same ports."""
        self._reusePort = reusePort

    def internet(
        self, kind: socket.SocketKind, interface: str, port: int, backlog: int = 0
    ) -> socket.socket:
        """
        Bind a UDP socket, or a TCP socket that listens.

        @raise CannotListenError: the system refuses.
        """
        return self._bind(kind, interface, port, backlog, self._reusePort)

    def unix(
        self, path: str, kind: socket.SocketKind, mode: int, backlog: int = 0
    ) -> tuple[socket.socket, SocketFile | None]:
        """
        Bind a socket as L{bindUNIX} does.

        @raise CannotListenError: the system refuses.
        """
        return bindUNIX(path, kind, mode, backlog)

    def close(self) -> None:
        """Close the sockets that no binder owns: here there are none."""

    def _bind(
        self, kind: socket.SocketKind, interface: str, port: int, backlog: int, reusePort: bool
    ) -> socket.socket:
        bound = bindInternet(kind, interface, port, reusePort)
        if kind == socket.SOCK_STREAM:
            try:
                bound.listen(backlog)
            except OSError as reason:
                bound.close()
                raise CannotListenError(interface, port, reason) from reason
        return bound


class WorkersSockets(OwnSockets):
    """
    The sockets of several workers: one for each address and worker.  The binder owns the first one
    of each address, this object the others.
    """

    def __init__(self, workers: int) -> None:
        super().__init__()
        self._workers = workers
        # For each address, in the order of the calls, the sockets of all workers but the first.
        self._others: list[list[socket.socket]] = []

    def internet(
        self, kind: socket.SocketKind, interface: str, port: int, backlog: int = 0
    ) -> socket.socket:
        if port:
            # Without SO_REUSEPORT, to fail if another server has this port.  With it, the kernel
            # would silently distribute connections and datagrams over both servers.
            bindInternet(kind, interface, port).close()
        bound = self._bind(kind, interface, port, backlog, True)
        row: list[socket.socket] = []
        self._others.append(row)
        try:
            for _ in range(self._workers - 1):
                number = bound.getsockname()[1]
                row.append(self._bind(kind, interface, number, backlog, True))
        except CannotListenError:
            bound.close()
            raise
        return bound

    def unix(
        self, path: str, kind: socket.SocketKind, mode: int, backlog: int = 0
    ) -> tuple[socket.socket, SocketFile | None]:
        # There is one socket, from which all workers accept.
        bound, file = super().unix(path, kind, mode, backlog)
        self._others.append([bound.dup() for _ in range(self._workers - 1)])
        return bound, file

    def close(self) -> None:
        for row in self._others:
            for bound in row:
                bound.close()
        self._others.clear()

    def descriptors(self, first: Sequence[int]) -> list[list[int]]:
        """
        Get for each worker the descriptors of its sockets, in the order of the addresses.

        @param first: the descriptors of the first worker, which the binder owns.
        """
        others = [[bound.fileno() for bound in row] for row in self._others]
        return [list(first), *map(list, zip(*others, strict=True))]


class GivenSockets(OwnSockets):
    """The sockets that the main process has bound for this worker, in the same order."""

    def __init__(self, descriptors: Iterable[int]) -> None:
        super().__init__()
        self._descriptors = iter(descriptors)

    def internet(
        self, kind: socket.SocketKind, interface: str, port: int, backlog: int = 0
    ) -> socket.socket:
        return self._next(f"{interface}:{port}")

    def unix(
        self, path: str, kind: socket.SocketKind, mode: int, backlog: int = 0
    ) -> tuple[socket.socket, SocketFile | None]:
        # Its file stays with the main process.
        return self._next(path), None

    def _next(self, where: str) -> socket.socket:
        try:
            bound = socket.socket(fileno=next(self._descriptors))
        except (StopIteration, OSError) as reason:
            error = reason if isinstance(reason, OSError) else OSError("none was given for it")
            raise CannotListenError(None, where, error) from reason
        bound.setblocking(False)
        # A program that embeds the server may start others, which must not inherit the socket.
        os.set_inheritable(bound.fileno(), False)
        return bound
