"""Tests for L{tsservices.transport.capabilities}."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface.verify import verifyClass

from tests.support.epoll import ManualReactor, Recorder, connect
from tsservices.transport import stock
from tsservices.transport.capabilities import (
    IBroadcastTransport,
    IReflectingPort,
    IReplyingPort,
    IReplyingTransport,
    capability,
)
from tsservices.transport.epoll.set import EpollSet, available
from tsservices.transport.epoll.tcp import FastTCPServer, FastUNIXServer
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.timestamping.udp import TimestampedUDPPort

CAPABILITIES = (IReplyingTransport, IBroadcastTransport, IReplyingPort, IReflectingPort)
STREAM = {IReplyingTransport, IBroadcastTransport}


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        (FastTCPServer, STREAM),
        (FastUNIXServer, STREAM),
        (FastUDPPort, {IReplyingPort}),
        (TimestampedUDPPort, {IReplyingPort, IReflectingPort}),
        (stock.CountingTCPServer, set()),
        (stock.CountingUNIXServer, set()),
        (stock.BoundedUDPPort, set()),
    ],
)
def test_capabilities(transport: Any, expected: set[Any]) -> None:
    instance = transport.__new__(transport)
    found = {interface for interface in CAPABILITIES if capability(instance, interface) is instance}
    assert found == expected
    for interface in found:
        assert verifyClass(interface, transport)


def test_tls() -> None:
    tls = pytest.importorskip("tsservices.transport.tls", reason="the extra tls is not installed")
    instance = tls.TLSProtocol.__new__(tls.TLSProtocol)
    assert capability(instance, IReplyingTransport) is instance
    assert capability(instance, IBroadcastTransport) is None
    assert verifyClass(IReplyingTransport, tls.TLSProtocol)


@pytest.mark.skipif(not available(), reason="needs epoll")
def test_wrapper() -> None:
    """A wrapper such as TLS declares what is below it and has none of it."""
    wrapped = Recorder()
    wrapper = ProtocolWrapper(WrappingFactory(Factory.forProtocol(Protocol)), wrapped)
    epollSet = EpollSet(ManualReactor())
    with connect(epollSet, wrapper):
        transport: Any = wrapped.transport
        assert transport is wrapper
        assert IReplyingTransport.providedBy(transport)
        assert capability(transport, IReplyingTransport) is None
        assert capability(transport, IBroadcastTransport) is None
        assert capability(wrapper.transport, IReplyingTransport) is wrapper.transport
    epollSet.doRead()
    assert wrapped.events == ["lost"]
