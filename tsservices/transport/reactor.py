"""
The preparation of the reactor before it runs, in the server and the clients of the suite.

It is not for a reactor that another program has made, such as tests and embedding programs: that
one stays as it is.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from typing import Any

#: Signals for which a reactor or a program of the suite installs handlers.
HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def installReactor() -> None:
    """Install the suite's reactor in this process, if the system supports it."""
    if "twisted.internet.reactor" not in sys.modules and hasFastReactor():
        from tsservices.transport.epoll.mainloop import install

        install()


def hasFastReactor() -> bool:
    """Whether this system supports the suite's reactor."""
    # Without these two the module of the reactor cannot be imported.
    return hasattr(select, "epoll") and hasattr(os, "eventfd")


def prepareReactor(reactor: Any) -> None:
    """
    Make timers use the monotonic clock, keep ignored signals ignored, and unblock blocked signals.

    From then on C{reactor.seconds()} is no time of day.
    """
    _useMonotonicClock(reactor)
    # Child processes inherit blocked signals.  If a parent has blocked them, only SIGKILL would end
    # this process.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED_SIGNALS)
    ignored = [number for number in HANDLED_SIGNALS if signal.getsignal(number) is signal.SIG_IGN]

    def ignoreAgain() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    # nohup and a shell's "&" make processes ignore signals.  The reactor installs its handler of
    # SIGTERM in any case, before it calls this.
    reactor.callWhenRunning(ignoreAgain)


def _useMonotonicClock(reactor: Any) -> None:
    # All reactors of Twisted use `time.time` for timers: if the clock is set back by an hour, each
    # timer is an hour late.  They call their own attribute `seconds` for each timer.
    before = reactor.seconds()
    reactor.seconds = time.monotonic
    for call in reactor.getDelayedCalls():
        wait = max(0.0, call.getTime() - before)
        call.seconds = time.monotonic
        # `reset` also updates the reactor's heap of timers, and the timer of asyncio.
        call.reset(wait)
