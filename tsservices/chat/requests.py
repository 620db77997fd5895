"""
Requests that wait: C{async def} over the answers of ports, and the queue that runs them.  Pure.

There is no event loop.  A request runs until it awaits a L{PendingReply} that is not filled yet;
the call that fills it goes on with the request before it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeAlias, TypeVar, cast

from tsservices.chat.errors import ChatError

_Value = TypeVar("_Value")


class PendingReply(Generic[_Value]):
    """
    One answer, for one reader: the port calls it, the request awaits it.

    A port may answer before it returns.  Awaiting such an answer does not suspend, so a request
    whose answers all come at once is a plain loop, and never a recursion.
    """

    __slots__ = ("_filled", "_result", "_resume")

    def __init__(self) -> None:
        self._filled = False
        self._result: _Value | ChatError | None = None
        self._resume: Callable[[], None] | None = None

    def __call__(self, result: _Value | ChatError) -> None:
        """Fill it, once.  A L{ChatError} is raised where it is awaited."""
        self._result = result
        self._filled = True
        resume, self._resume = self._resume, None
        if resume is not None:
            resume()

    def whenFilled(self, resume: Callable[[], None]) -> None:
        """Have the request resumed that has just been suspended by this reply."""
        self._resume = resume

    def __await__(self) -> Generator[PendingReply[Any], None, _Value]:
        if not self._filled:
            yield self
        if isinstance(self._result, ChatError):
            raise self._result
        return cast(_Value, self._result)


#: What runs: it is suspended by replies, and its result is nobody's.
RequestCoroutine: TypeAlias = Coroutine[PendingReply[Any], None, None]

#: Makes the coroutine when its turn has come.  A coroutine made before, which a session that ends
#: would never start, makes Python warn that it was never awaited.
Request: TypeAlias = Callable[[], RequestCoroutine]


class RequestQueue:
    """
    The requests of one session: each begins when the one before has ended.

    @ivar busy: whether one is under way; a plain attribute, since each line of talk reads it.
    """

    __slots__ = ("_failed", "_resumed", "_running", "_stopped", "_waiting", "busy")

    def __init__(self, failed: Callable[[ChatError], None], resumed: Callable[[], None]) -> None:
        """
        @param failed: gets what a request has raised.
        @param resumed: called when a suspended request has gone on, as far as it could.
        """
        self.busy = False
        self._failed = failed
        self._resumed = resumed
        # A list, though it is taken from at its front: it has an entry or two, and an empty deque
        # would take 760 bytes of each connection.
        self._waiting: list[Request] = []
        self._running: RequestCoroutine | None = None
        self._stopped = False

    def add(self, request: Request) -> None:
        """Do it: now, if none is under way."""
        self._waiting.append(request)
        # Who asks for something within a request is served by the loop that runs already.
        if not self.busy:
            self._run()

    def stop(self) -> None:
        """
        Begin no request any more.  One that waits for a port is closed when that answers, not
        before: what it holds meanwhile, as the place of a search, is in use until then.
        """
        self._stopped = True

    def _resume(self) -> None:
        self._run()
        if not self._stopped:
            self._resumed()

    def _run(self) -> None:
        self.busy = True
        while not self._stopped:
            if self._running is None:
                if not self._waiting:
                    self.busy = False
                    return
                self._running = self._waiting.pop(0)()
            try:
                reply = self._running.send(None)
            except StopIteration:
                self._running = None
            except ChatError as error:
                self._running = None
                self._failed(error)
            except BaseException:
                # A mistake of ours: the session may go on with its next request.
                self._running = None
                self.busy = False
                raise
            else:
                reply.whenFilled(self._resume)
                return
        self._waiting.clear()
        self.busy = False
        running, self._running = self._running, None
        if running is not None:
            running.close()
