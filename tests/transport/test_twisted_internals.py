"""Tests for L{tsservices.transport.twisted_internals}: the private names still exist."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import abstract, tcp, udp, unix
from twisted.internet.protocol import DatagramProtocol, Factory

import tsservices
import twisted
from tests.support.epoll import ManualReactor, closeReactor
from tsservices.transport import stock, twisted_internals
from tsservices.transport.epoll.set import available
from tsservices.transport.epoll.tcp import FastTCPPort, FastTCPServer, FastUNIXPort, FastUNIXServer
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.proxy_protocol import ProxyProtocolFactory, ProxyProtocolWrapper
from tsservices.transport.timestamping.udp import TimestampedUDPPort
from tsservices.transport.twisted_internals import PRIVATE_NAMES, REACTOR_NAMES, TLS_NAMES

INSTANCES: dict[type, Callable[[], object]] = {
    abstract.FileDescriptor: lambda: abstract.FileDescriptor(ManualReactor()),
    tcp.Connection: lambda: tcp.Connection,
    unix.Port: lambda: unix.Port(b"/nowhere", Factory(), reactor=ManualReactor()),
    udp.Port: lambda: udp.Port(0, DatagramProtocol(), reactor=ManualReactor()),
}

#: What the project derives from classes of Twisted, with the private methods that it overrides.
SUBCLASSES: dict[type, set[str]] = {
    FastTCPServer: set(),
    FastUNIXServer: set(),
    FastTCPPort: set(),
    FastUNIXPort: set(),
    FastUDPPort: {"_bindSocket"},
    TimestampedUDPPort: {"_bindSocket"},
    stock.CountingTCPServer: set(),
    stock.CountingUNIXServer: set(),
    stock.CountingTCPPort: set(),
    stock.CountingUNIXPort: set(),
    stock.BoundedUDPPort: {"_bindSocket"},
    ProxyProtocolWrapper: set(),
    ProxyProtocolFactory: set(),
}


@pytest.mark.parametrize("owner", PRIVATE_NAMES, ids=lambda owner: owner.__qualname__)
def test_names(owner: type) -> None:
    instance = INSTANCES[owner]()
    for name in PRIVATE_NAMES[owner]:
        assert hasattr(instance, name), name


def test_tlsNames() -> None:
    tls = pytest.importorskip("twisted.protocols.tls", reason="the extra tls is not installed")
    found = {*dir(tls.TLSMemoryBIOProtocol)}
    for owner in (tls.TLSMemoryBIOProtocol, tls.TLSMemoryBIOFactory):
        found.update(_attributes(owner))
    assert {*TLS_NAMES, "_creatorCallable"} - found == set()


@pytest.mark.skipif(not available(), reason="this platform has no epoll")
def test_reactorNames() -> None:
    """Our reactor uses the listed names of Twisted's, and has no other in common with it."""
    from twisted.internet.epollreactor import EPollReactor

    from tsservices.transport.epoll.mainloop import EpollMainReactor

    reactor = EpollMainReactor()
    for name in REACTOR_NAMES:
        assert hasattr(reactor, name), name
    theirs = {
        name
        for base in EPollReactor.__mro__[:-1]
        for name in (*vars(base), *_attributes(base))
        if name.startswith("_") and not name.startswith("__")
    }
    ours = {
        name
        for base in EpollMainReactor.__mro__
        if base.__module__.startswith("tsservices.")
        for name in (*vars(base), *_attributes(base))
    }
    assert ours & theirs - {"_log"} <= set(REACTOR_NAMES)
    closeReactor(reactor)


@pytest.mark.parametrize("owner", [tcp.Port, unix.Port, udp.Port])
def test_functions(owner: Any) -> None:
    assert callable(owner._fromListeningDescriptor)
    assert callable(tcp._reservedFD.reserve)


def test_version() -> None:
    """The names were compared with the oldest version that the project allows."""
    project = Path(tsservices.__file__).parents[1] / "pyproject.toml"
    if project.exists():
        assert f'"Twisted>={twisted_internals.OLDEST}"' in project.read_text()
    installed, oldest = (
        tuple(map(int, version.split(".")[:2]))
        for version in (twisted.__version__, twisted_internals.OLDEST)
    )
    assert installed >= oldest


@pytest.mark.parametrize("subclass", SUBCLASSES, ids=lambda subclass: subclass.__name__)
def test_collisions(subclass: type) -> None:
    """A class of ours uses and hides no private name of Twisted's classes but the listed ones."""
    ours = [base for base in subclass.__mro__ if base.__module__.startswith("tsservices.")]
    theirs = [base for base in subclass.__mro__ if base.__module__.startswith("twisted.")]
    private = {
        name
        for base in ours
        for name in (*vars(base), *_attributes(base))
        if name.startswith("_") and not name.startswith("__")
    }
    hidden = {name for name in private if any(name in vars(base) for base in theirs)}
    known = {name for names in PRIVATE_NAMES.values() for name in names}
    assert hidden - known - {"_log"} == SUBCLASSES[subclass] - known


def _attributes(owner: type) -> Iterator[str]:
    for function in vars(owner).values():
        yield from getattr(getattr(function, "__code__", None), "co_names", ())


def _privateImports(tree: ast.Module) -> Iterator[str]:
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "twisted":
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (name for name in names if name.startswith("_"))
            modules.update(alias.asname or alias.name for alias in node.names)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
        ):
            yield f"{node.value.id}.{node.attr}"


def test_oneModule() -> None:
    package = Path(tsservices.__file__).parent
    found = {
        str(path.relative_to(package)): names
        for path in sorted(package.rglob("*.py"))
        if "from twisted" in (text := path.read_text())
        and (names := list(_privateImports(ast.parse(text))))
    }
    assert list(found) == ["transport/twisted_internals.py"], found
