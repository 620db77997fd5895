"""
Run some of Twisted's own cases under trial, with our ports and transports in place of Twisted's.

Usage: C{python twisted_suite.py REPORT REACTOR ARGUMENT ...}, with arguments for trial.  REACTOR is
the name of the module of a reactor, or "all".  Exits as trial does, after writing to the file
REPORT the names of the methods exempted and, on the next line, how many connections our transports
served.
"""

from __future__ import annotations

import atexit
import socket
import sys
from pathlib import Path
from typing import Any, Final

from twisted.internet import unix
from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.python.reflect import qual
from twisted.scripts.trial import run

from tsservices.transport.epoll.mainloop import EpollMainReactor
from tsservices.transport.epoll.tcp import FastTCPPort, FastTCPServer, FastUNIXServer

EXEMPT: Final = {
    "test_logPrefix": "a logging context for each event is what the fast lane does away with",
    "test_resumeProducing": "it looks for the connection among the reactor's own readers",
    "test_lostFileDescriptor": "epoll does not report it; Twisted exempts its reactor by name too",
    "test_changeUID": "another user need not be allowed to run this interpreter",
}


def exempt() -> list[str]:
    # These make their cases, one for each reactor, when they are imported.
    from twisted.internet.test import connectionmixins, test_fdset, test_process, test_tcp

    found = []
    for module in (connectionmixins, test_fdset, test_process, test_tcp):
        for case in vars(module).values():
            for name, reason in EXEMPT.items():
                method = vars(case).get(name) if isinstance(case, type) else None
                if method is not None and case.__module__ == module.__name__:
                    method.skip = reason
                    found.append(method.__qualname__)
    return found


def listenTCP(
    self: Any, port: Any, factory: Any, backlog: int = 50, interface: str = ""
) -> FastTCPPort:
    listening = FastTCPPort(port, factory, backlog, interface, self)
    listening.startListening()
    return listening


class FileRemovingPort(FastTCPPort, unix.Port):
    """Twisted's UNIX port removes the file of its socket; ours leaves that to whoever bound it."""

    transport = FastUNIXServer


def listenUNIX(
    self: Any, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0
) -> FileRemovingPort:
    listening = FileRemovingPort(address, factory, backlog, mode, self, wantPID)
    listening.startListening()
    return listening


def adoptStreamPort(self: Any, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
    if addressFamily not in self._supportedAddressFamilies:
        raise UnsupportedAddressFamily(addressFamily)
    listening = (
        FileRemovingPort._fromListeningDescriptor(self, fileDescriptor, factory)
        if addressFamily == socket.AF_UNIX
        else FastTCPPort._fromListeningDescriptor(self, fileDescriptor, addressFamily, factory)
    )
    listening.startListening()
    return listening


def adoptStreamConnection(self: Any, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
    if addressFamily not in self._supportedAddressFamilies:
        raise UnsupportedAddressFamily(addressFamily)
    if addressFamily == socket.AF_UNIX:
        return FastUNIXServer._fromConnectedSocket(fileDescriptor, factory, self)
    return FastTCPServer._fromConnectedSocket(fileDescriptor, addressFamily, factory, self)


def main(report: Path, reactor: str, arguments: list[str]) -> None:
    builders: list[str] = ReactorBuilder._reactors
    builders.append(qual(EpollMainReactor))
    if reactor != "all":
        builders[:] = [name for name in builders if name.split(".")[-2] == reactor]
    served = 0
    connectionMade = FastTCPServer.__init__

    def counted(self: FastTCPServer, *args: Any) -> None:
        nonlocal served
        served += 1
        connectionMade(self, *args)

    setattr(FastTCPServer, "__init__", counted)  # noqa: B010
    for stand in (listenTCP, listenUNIX, adoptStreamPort, adoptStreamConnection):
        setattr(PosixReactorBase, stand.__name__, stand)
    names = " ".join(exempt())
    atexit.register(lambda: report.write_text(f"{names}\n{served}\n"))
    sys.argv = ["trial", *arguments]
    run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
