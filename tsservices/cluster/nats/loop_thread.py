"""A thread with an asyncio event loop beside the reactor, and the queues between the two."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

#: A function to be called in the other thread.
Work = Callable[[], object]


class ThreadBridge(Generic[Item]):
    """
    A queue of items from one thread to another.

    Waking the other thread costs a system call, so one call takes all items put before it runs.
    There is no lock: a deque's append and popleft are atomic in CPython, and a race causes at most
    one call too many.
    """

    def __init__(
        self, call: Callable[[Work], object], take: Callable[[deque[Item]], object]
    ) -> None:
        """
        @param call: schedules a call in the other thread.
        @param take: is called there with the items, and removes those that it takes.
        """
        self._call = call
        self._take = take
        self._items: deque[Item] = deque()
        self._callPending = False

    def put(self, item: Item) -> None:
        self._items.append(item)
        if not self._callPending:
            self._callPending = True
            self._call(self._takeAll)

    def _takeAll(self) -> None:
        # Reset first, so that an item put from now on gets another call, instead of none.
        self._callPending = False
        if self._items:
            self._take(self._items)


def _loopFactory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _runAll(items: deque[Work]) -> None:
    while items:
        items.popleft()()


class AsyncioThread:
    """A thread that runs a coroutine in its own event loop, and ends with the coroutine."""

    def __init__(
        self, name: str, main: Callable[[], Coroutine[Any, Any, None]], log: Callable[[str], None]
    ) -> None:
        self._main = main
        self._log = log
        self._loop: asyncio.AbstractEventLoop | None = None
        self._toLoop: ThreadBridge[Work] = ThreadBridge(self._callInLoop, _runAll)
        self._beforeLoop: deque[Work] = deque()
        self._lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def call(self, work: Work) -> None:
        """Schedule a call in the loop, in order.  For the reactor's thread."""
        self._toLoop.put(work)

    def _callInLoop(self, work: Work) -> None:
        with self._lock:
            loop = self._loop
            if loop is None:
                self._beforeLoop.append(work)
                return
        # A closed loop raises RuntimeError: the work is not needed any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(work)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=_loopFactory()) as runner:
            runner.get_loop().set_exception_handler(self._unhandledError)
            runner.run(self._go())

    async def _go(self) -> None:
        loop = asyncio.get_running_loop()
        main = asyncio.ensure_future(self._main())
        # The main coroutine runs to its first await: the objects for the waiting work then exist.
        await asyncio.sleep(0)
        with self._lock:
            self._loop = loop
            for work in self._beforeLoop:
                loop.call_soon(work)
        await main

    def _unhandledError(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._log(oneLine(error) if error is not None else str(context.get("message", "")))


def oneLine(error: BaseException) -> str:
    """Describe an error in one line, for the log."""
    text = getattr(error, "description", None) or str(error)
    line = " ".join(text.split()).removeprefix("nats: ")
    if not line and isinstance(error, TimeoutError):
        return "no answer"
    return line or type(error).__name__


def describeCrash(error: BaseException) -> str:
    """Describe an error caused by a bug of this program, with its place."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"the engine's client failed: {type(error).__name__}: {oneLine(error)}{where}"
