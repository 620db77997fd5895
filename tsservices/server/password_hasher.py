"""
A thread that hashes passwords: the port
L{PasswordHasher<tsservices.chat.passwords.PasswordHasher>} of the chat.

Why not Twisted's C{ThreadPool(1, 1)} (read in 26.10): its C{stop} first runs all waiting jobs,
here for up to eight seconds, and then joins non-daemon threads without a timeout.  Its errors are
L{Failure}s, whose frames hold the password.  Code that avoids both around a pool would not be
smaller than one thread and one queue.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import ClassVar

from twisted.logger import Logger

from tsservices.chat.errors import BUSY_HASHING, HASHING_FAILED, ChatError
from tsservices.chat.passwords import (
    DEFAULT_BOUNDS,
    SALT_BYTES,
    PasswordBounds,
    checked,
    matches,
    verifier,
)

#: Rounds of PBKDF2: 30 milliseconds of one core (measured: 0.33 per thousand) for each login, and
#: for each guess of an attacker who has the database.
HASH_ITERATIONS = 90_000

#: The most waiting passwords: many log in at once after a restart, but none waits over 8 seconds.
HASHES_WAITING = 256

#: Seconds to finish the running hash when the server stops: about thirty times what it takes.
HASHING_STOP_SECONDS = 1.0

#: The increase of the thread's nice value: the thread gets the CPU time that the reactor and the
#: storage leave.
_NICER = 10

#: Runs in the thread.
Job = Callable[[], object]

#: Gets the result, in the reactor's thread.
ResultCallback = Callable[..., object]


class PasswordHasherThread:
    """
    One thread that hashes one password after another.

    @ivar waiting: the number of passwords in work or waiting.  Used only in the reactor's thread,
        like everything here except C{_work}.
    """

    # Only one thread, to leave a core for the chat however many users log in.  hashlib releases the
    # GIL while it works, so the reactor runs meanwhile.

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self,
        callFromThread: Callable[..., object],
        random: Callable[[int], bytes] = os.urandom,
        iterations: int = HASH_ITERATIONS,
        maximumWaiting: int = HASHES_WAITING,
        bounds: PasswordBounds = DEFAULT_BOUNDS,
    ) -> None:
        """
        @param random: makes the given number of random bytes.
        @param bounds: the bounds of new passwords.
        """
        self._bounds = bounds
        self._callFromThread = callFromThread
        self._random = random
        self._iterations = iterations
        self._maximumWaiting = maximumWaiting
        self._jobs: SimpleQueue[tuple[Job, ResultCallback] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._working = False
        self.waiting = 0

    def start(self) -> None:
        """Begin to hash.  Call it after twistd has forked: threads do not survive a fork."""
        self._working = True
        if self.waiting:
            self._startThread()

    def _startThread(self) -> None:
        # Only when there is a password: without threads glibc's locks and system calls are cheaper,
        # by 3 % of the time of a message of 64 bytes.
        self._thread = threading.Thread(target=self._work, name="hasher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the running hash; no more results are delivered."""
        self._working = False
        thread, self._thread = self._thread, None
        if thread is not None:
            # The waiting jobs belong to sessions that the stop has closed.
            with contextlib.suppress(Empty):
                while True:
                    self._jobs.get_nowait()
            self._jobs.put(None)
            thread.join(HASHING_STOP_SECONDS)

    def derive(self, password: str, onResult: Callable[[str | ChatError], object]) -> None:
        checked(password, self._bounds)
        salt = self._random(SALT_BYTES)
        self._add(lambda: verifier(password, salt, self._iterations, self._bounds), onResult)

    def check(
        self, verifier: str, password: str, onResult: Callable[[bool | ChatError], object]
    ) -> None:
        self._add(lambda: matches(verifier, password), onResult)

    def _add(self, job: Job, onResult: ResultCallback) -> None:
        if self.waiting >= self._maximumWaiting:
            raise ChatError(BUSY_HASHING, most=self.waiting)
        self.waiting += 1
        self._put(job, onResult)

    def _put(self, job: Job, onResult: ResultCallback) -> None:
        self._jobs.put((job, onResult))
        if self._working and self._thread is None:
            self._startThread()

    def _work(self) -> None:
        if sys.platform == "linux":
            # Linux has a nice value per thread, other systems per process.  The system limits the
            # sum to the highest value.
            with contextlib.suppress(OSError):
                os.nice(_NICER)
        while (task := self._jobs.get()) is not None:
            job, then = task
            try:
                result = job()
            except Exception:
                # Not the exception itself, because the frames of its traceback hold the password.
                self._callFromThread(self._failed, then)
            else:
                self._callFromThread(self._done, then, result)
            # Otherwise these variables would hold a password while the loop waits in get.
            del task, job, then

    def _done(self, onResult: ResultCallback, result: object) -> None:
        self.waiting -= 1
        if self._working:
            onResult(result)

    def _failed(self, onResult: ResultCallback) -> None:
        # For example for lack of memory.
        self._log.error("a password could not be hashed")
        self._done(onResult, ChatError(HASHING_FAILED))
