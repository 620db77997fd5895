"""
What a process of the suite does to its reactor before it runs, server and clients alike.

Nothing here is for a reactor that somebody else has made for us, as tests and embedding programs
do: theirs stay as they are.
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
    """Make the suite's reactor that of this process, where the system has what it needs."""
    if "twisted.internet.reactor" not in sys.modules and hasFastReactor():
        from tsservices.transport.epoll.mainloop import install

        install()


def hasFastReactor() -> bool:
    """Whether this system can have the suite's reactor."""
    # Without them its module cannot be imported.
    return hasattr(select, "epoll") and hasattr(os, "eventfd")


def prepareReactor(reactor: Any) -> None:
    """
    Have timers follow a clock that nobody can set, signals that are ignored stay ignored, and
    those that are blocked come.

    From then on C{reactor.seconds()} is no time of day.
    """
    _useMonotonicClock(reactor)
    # A program that blocks signals for itself passes that on to what it starts, which could then
    # be ended by SIGKILL only.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED_SIGNALS)
    ignored = [number for number in HANDLED_SIGNALS if signal.getsignal(number) is signal.SIG_IGN]

    def ignoreAgain() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    # nohup and a shell's "&" have them ignored.  The reactor takes SIGTERM in any case, and does
    # so before it calls this.
    reactor.callWhenRunning(ignoreAgain)


def _useMonotonicClock(reactor: Any) -> None:
    # Twisted's reactors, all of them, keep their timers by `time.time`: set back by an hour, it
    # lets each timer wait an hour more.  They look for `seconds` on themselves at each timer.
    before = reactor.seconds()
    reactor.seconds = time.monotonic
    for call in reactor.getDelayedCalls():
        wait = max(0.0, call.getTime() - before)
        call.seconds = time.monotonic
        # The way to move a timer that also keeps the reactor's heap in order, and asyncio's timer.
        call.reset(wait)
