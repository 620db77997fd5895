"""A password hasher without a thread."""

from __future__ import annotations

from collections.abc import Callable

from tsservices.server.password_hasher import Job, PasswordHasherThread, ResultCallback


class ImmediateHasher(PasswordHasherThread):
    """Hashes weakly, at once; if suspended, when the test calls L{work}."""

    def __init__(self) -> None:
        super().__init__(_now, bytes, 1)
        self.suspended = False
        self._queue: list[tuple[Job, ResultCallback]] = []

    def start(self) -> None:
        pass

    def stop(self) -> None:
        self._queue.clear()

    def _put(self, job: Job, onResult: ResultCallback) -> None:
        self._queue.append((job, onResult))
        if not self.suspended:
            self.work()

    def work(self) -> None:
        queue, self._queue = self._queue, []
        for job, then in queue:
            self.waiting -= 1
            then(job())


def _now(call: Callable[..., object], *given: object) -> None:
    call(*given)
