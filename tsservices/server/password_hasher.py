"""
Hashes passwords in a thread of its own: the port
L{PasswordHasher<tsservices.chat.passwords.PasswordHasher>} of the chat.

Why not Twisted's C{ThreadPool(1, 1)} (read in 26.10): its C{stop} works through all that waits,
here up to eight seconds, and then joins without a time limit threads that are no daemons.  What
fails comes as a L{Failure}, whose frames hold the password.  A pool that is told when to stop
early and what to forget is not smaller than one thread and one queue.
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

#: Rounds of PBKDF2: 30 milliseconds of one core (measured: 0.33 for each thousand), which the
#: server pays for each log-in, and a thief of the database for each guess.
HASH_ITERATIONS = 90_000

#: Passwords that may wait: a storm of log-ins after a restart, but at most 8 seconds for the last.
HASHES_WAITING = 256

#: Seconds that the last password has when the server stops: some thirty times its work.
HASHING_STOP_SECONDS = 1.0

#: How much nicer the thread is than the process, whatever that was started with: it gets what the
#: reactor and the storage leave of the cores.
_NICER = 10

#: Runs in the thread.
Job = Callable[[], object]

#: Gets the result, in the reactor's thread.
ResultCallback = Callable[..., object]


class PasswordHasherThread:
    """
    One thread that hashes one password after another.

    @ivar waiting: how many passwords are being hashed, or wait for that.  Belongs to the reactor's
        thread, as everything here but C{_work} does.
    """

    # One thread, because a core is to be left for the chat however many log in.  hashlib lets go of
    # the interpreter's lock while it works, so the reactor goes on meanwhile.

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
        @param random: makes as many random bytes as it is asked for.
        @param bounds: of new passwords.
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
        """Begin to work.  Not before twistd has forked: threads do not survive a fork."""
        self._working = True
        if self.waiting:
            self._startThread()

    def _startThread(self) -> None:
        # Not before there is a password: in a process of one thread glibc's locks and system calls
        # are cheaper, which is 3 % of a message of 64 bytes.
        self._thread = threading.Thread(target=self._work, name="hasher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End with the password that is being hashed; no result is passed on any more."""
        self._working = False
        thread, self._thread = self._thread, None
        if thread is not None:
            # What waits is for sessions that the stop has closed.
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
            # Linux has a nice value for each thread; elsewhere it is the process's.  The system
            # stops at the highest by itself.
            with contextlib.suppress(OSError):
                os.nice(_NICER)
        while (task := self._jobs.get()) is not None:
            job, then = task
            try:
                result = job()
            except Exception:
                # Not the exception itself: its traceback's frames hold the password.
                self._callFromThread(self._failed, then)
            else:
                self._callFromThread(self._done, then, result)
            # The loop waits in get with its locals alive: no password stays in one of them.
            del task, job, then

    def _done(self, onResult: ResultCallback, result: object) -> None:
        self.waiting -= 1
        if self._working:
            onResult(result)

    def _failed(self, onResult: ResultCallback) -> None:
        # For lack of memory, say.
        self._log.error("a password could not be hashed")
        self._done(onResult, ChatError(HASHING_FAILED))
