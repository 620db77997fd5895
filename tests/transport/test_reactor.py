"""Tests for L{tsservices.transport.reactor}, with reactors that do not run."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet import asyncioreactor, pollreactor, selectreactor
from twisted.internet.testing import MemoryReactorClock

from tsservices.transport.reactor import prepareReactor

#: Seconds since 1970: far more than any computer has run.
WALL = 5e9


def _reactors(loop: asyncio.AbstractEventLoop) -> dict[str, Callable[[], Any]]:
    made: dict[str, Callable[[], Any]] = {
        "poll": pollreactor.PollReactor,
        "select": selectreactor.SelectReactor,
        "asyncio": lambda: asyncioreactor.AsyncioSelectorReactor(loop),
    }
    try:
        from twisted.internet import epollreactor
    except ImportError:
        return made
    return {**made, "epoll": epollreactor.EPollReactor}


@pytest.fixture
def reactor(request: pytest.FixtureRequest) -> Iterator[Any]:
    loop = asyncio.new_event_loop()
    made = _reactors(loop)
    if request.param not in made:
        pytest.skip("this system has none")
    reactor = made[request.param]()
    yield reactor
    reactor.removeReader(reactor.waker)
    reactor.waker.connectionLost(None)
    loop.close()


@pytest.mark.parametrize("reactor", ["epoll", "poll", "select", "asyncio"], indirect=True)
def test_clockSetBack(reactor: Any) -> None:
    wall = [WALL]
    # As Twisted's own, which is `time.time` of the class.
    reactor.seconds = lambda: wall[0]
    called: list[str] = []
    dead = [reactor.callLater(1.0, called.append, "never") for _ in range(5)]
    early = reactor.callLater(0.02, called.append, "early")
    late = reactor.callLater(3600.0, called.append, "late")
    # What waits is in the reactor's heap, the cancelled too.
    reactor.timeout()
    for call in dead:
        call.cancel()
    prepareReactor(reactor)
    wall[0] -= 3600.0
    first = reactor.callLater(0.01, called.append, "first")
    # On a busy machine so much time may have passed that the other comes before it.
    order = [name for _, name in sorted([(first.getTime(), "first"), (early.getTime(), "early")])]
    for _ in range(100):
        reactor.iterate(0.01)
        if len(called) == 2:
            break
    assert called == order
    assert not early.active()
    assert 3590.0 < late.getTime() - reactor.seconds() <= 3600.0


def test_blockedSignals() -> None:
    """A program that blocks them for itself passes that on to what it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})
    try:
        prepareReactor(MemoryReactorClock())
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) - before == {signal.SIGUSR2}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize("ignored", [set(), {signal.SIGTERM}, {signal.SIGHUP, signal.SIGINT}])
def test_ignoredSignals(ignored: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = dict.fromkeys(ignored, signal.SIG_IGN)
    monkeypatch.setattr(signal, "getsignal", lambda number: handlers.get(number, signal.SIG_DFL))
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    reactor = MemoryReactorClock()
    prepareReactor(reactor)
    # The reactor takes this one in any case.
    handlers[signal.SIGTERM] = print
    for function, arguments, named in reactor.whenRunningHooks:
        function(*arguments, **named)
    assert {number for number, handler in handlers.items() if handler is signal.SIG_IGN} == ignored
