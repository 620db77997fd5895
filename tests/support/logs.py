"""Collects the log messages of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider


@contextmanager
def gathering() -> Iterator[list[str]]:
    messages: list[str] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        messages.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        yield messages
    finally:
        globalLogPublisher.removeObserver(observe)


def gather(test: SynchronousTestCase) -> list[str]:
    return test.enterContext(gathering())
