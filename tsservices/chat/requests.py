"""
Requests that wait: C{async def} over the answers of ports, and their queue.  Pure.

There is no event loop.  A request runs until it awaits a L{PendingReply} that is not filled yet;
the call that fills it continues the request before it returns.
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
    whose answers all come at once is a plain loop, without recursion.
    """

    __slots__ = ("_filled", "_result", "_resume")

    def __init__(self) -> None:
        self._filled = False
        self._result: _Value | ChatError | None = None
        self._resume: Callable[[], None] | None = None

    def __call__(self, result: _Value | ChatError) -> None:
        """Fill the reply, once.  A L{ChatError} is raised where it is awaited."""
        self._result = result
        self._filled = True
        resume, self._resume = self._resume, None
        if resume is not None:
            resume()

    def whenFilled(self, resume: Callable[[], None]) -> None:
        """Set the callback of the request that this reply has suspended."""
        self._resume = resume

    def __await__(self) -> Generator[PendingReply[Any], None, _Value]:
        if not self._filled:
            yield self
        if isinstance(self._result, ChatError):
            raise self._result
        return cast(_Value, self._result)


#: A running request: it is suspended by replies, and has no result.
RequestCoroutine: TypeAlias = Coroutine[PendingReply[Any], None, None]

#: Creates the coroutine when its turn has come.  If it were created before, and the session ended
#: first, Python would warn that it was never awaited.
Request: TypeAlias = Callable[[], RequestCoroutine]


class RequestQueue:
    """
    The requests of one session: each begins when the one before has ended.

    @ivar busy: whether one is running; a plain attribute, because it is read for each line of talk.
    """

    __slots__ = ("_failed", "_resumed", "_running", "_stopped", "_waiting", "busy")

    def __init__(self, failed: Callable[[ChatError], None], resumed: Callable[[], None]) -> None:
        """
        @param failed: gets the error of a request.
        @param resumed: called when a suspended request has continued, as far as it could.
        """
        self.busy = False
        self._failed = failed
        self._resumed = resumed
        # A list, although entries are taken from its front: it has one or two of them, and an empty
        # deque would take 760 bytes for each connection.
        self._waiting: list[Request] = []
        self._running: RequestCoroutine | None = None
        self._stopped = False

    def add(self, request: Request) -> None:
        """Add a request; it starts now, if none is running."""
        self._waiting.append(request)
        # A request added from within a request is started by the loop that runs already.
        if not self.busy:
            self._run()

    def stop(self) -> None:
        """
        Start no more requests.  One that waits for a port is closed only when the port answers: its
        resources, such as the place of a search, are in use until then.
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
                # A bug in our code: the session may continue with its next request.
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
