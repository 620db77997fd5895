"""
Where a L{Binder<tsservices.transport.binder.Binder>} gets its sockets: it binds them for this
process alone, or for several workers, or was given them by the main process of workers.

A place has one socket for each worker, and the main process keeps all of them open.  So the kernel
spreads connections and the sources of datagrams always over the same number of sockets: what comes
for a worker that has died waits until its successor serves, and a source stays with one worker.
Had each worker bound its own, what waits in a socket would be lost with it, and each death would
move the sources of the others.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence

from twisted.internet.error import CannotListenError

from tsservices.transport.sockets import SocketFile, bindInternet, bindUNIX


class OwnSockets:
    """Binds sockets for this process."""

    def __init__(self, reusePort: bool = False) -> None:
        """@param reusePort: other programs may bind the same ports."""
        self._reusePort = reusePort

    def internet(
        self, kind: socket.SocketKind, interface: str, port: int, backlog: int = 0
    ) -> socket.socket:
        """
        A bound socket of TCP, which listens, or of UDP.

        @raise CannotListenError: the system refuses.
        """
        return self._bind(kind, interface, port, backlog, self._reusePort)

    def unix(
        self, path: str, kind: socket.SocketKind, mode: int, backlog: int = 0
    ) -> tuple[socket.socket, SocketFile | None]:
        """
        As L{bindUNIX}.

        @raise CannotListenError: the system refuses.
        """
        return bindUNIX(path, kind, mode, backlog)

    def close(self) -> None:
        """Close those that no binder owns: here there are none."""

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
    Binds a socket of each place for each of several workers.  The binder owns the first one of
    each place, this object the others.
    """

    def __init__(self, workers: int) -> None:
        super().__init__()
        self._workers = workers
        # For each place, in the order of the calls, the sockets of all workers but the first.
        self._others: list[list[socket.socket]] = []

    def internet(
        self, kind: socket.SocketKind, interface: str, port: int, backlog: int = 0
    ) -> socket.socket:
        if port:
            # With SO_REUSEPORT nobody would hear of another server at this port, and each would
            # get a part of what comes.
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
        # There is only one, from which all workers accept.
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
        For each worker, the descriptors of its sockets, in the order of the places.

        @param first: those of the first worker, which the binder owns.
        """
        others = [[bound.fileno() for bound in row] for row in self._others]
        return [list(first), *map(list, zip(*others, strict=True))]


class GivenSockets(OwnSockets):
    """Takes the sockets that the main process has bound for this worker, in the same order."""

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
        # A server of one's own may start programs, and they have no business with it.
        os.set_inheritable(bound.fileno(), False)
        return bound
