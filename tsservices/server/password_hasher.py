"""
The work of passwords, off the reactor's thread.
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
from tsservices.chat.passwords import SALT_BYTES, checked, matches, verifier

#: How often a password is hashed: 30 milliseconds of one core (measured: 0.33 for each thousand),
#: which whoever steals the file pays for each guess, and the server for each log-in.
HASH_ITERATIONS = 90_000

#: Passwords that may wait for being hashed: a storm of log-ins after a restart, and no more than 8
#: seconds of waiting for the last.
HASHES_WAITING = 256

#: Seconds that the last password has when the server stops: some thirty times its work.
HASHING_STOP_SECONDS = 1.0


#: How much the thread steps back, as C{nice} counts it: it gets what the reactor and the journal
#: leave of the cores.
_POLITE = 10

#: What is done in the thread.
Job = Callable[[], object]

#: What gets the outcome, in the reactor's thread.
Then = Callable[..., object]


class PasswordHasherThread:
    """
    One thread that hashes one password after another.  It is one because the chat is to
    have a core left, however many log in; its work lets go of the interpreter's lock.

    @ivar waiting: how many passwords are being hashed, or wait for it.
    """

    _log: ClassVar[Logger] = Logger("tsservices")

    def __init__(
        self,
        callFromThread: Callable[..., object],
        random: Callable[[int], bytes] = os.urandom,
        iterations: int = HASH_ITERATIONS,
        most: int = HASHES_WAITING,
    ) -> None:
        """@param random: gives so many random bytes."""
        self._callFromThread = callFromThread
        self._random = random
        self._iterations = iterations
        self._most = most
        self._jobs: SimpleQueue[tuple[Job, Then] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.waiting = 0

    def start(self) -> None:
        """Begin to work.  What was asked for before waits until now."""
        self._thread = threading.Thread(target=self._work, name="hasher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """
        End with the password at hand.  What waits is for sessions that are no more, and
        of it nobody is told.
        """
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(Empty):
                while True:
                    self._jobs.get_nowait()
            self._jobs.put(None)
            thread.join(HASHING_STOP_SECONDS)

    def derive(self, password: str, then: Callable[[str | ChatError], object]) -> None:
        checked(password)
        salt = self._random(SALT_BYTES)
        self._add(lambda: verifier(password, salt, self._iterations), then)

    def check(
        self, verifier: str, password: str, then: Callable[[bool | ChatError], object]
    ) -> None:
        self._add(lambda: matches(verifier, password), then)

    def _add(self, job: Job, then: Then) -> None:
        if self.waiting >= self._most:
            raise ChatError(BUSY_HASHING, most=self.waiting)
        self.waiting += 1
        self._put(job, then)

    def _put(self, job: Job, then: Then) -> None:
        self._jobs.put((job, then))

    def _work(self) -> None:
        """Be the thread."""
        if sys.platform == "linux":
            # Elsewhere this would be about the whole process.
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _POLITE)
        while (task := self._jobs.get()) is not None:
            job, then = task
            try:
                outcome = job()
            except Exception:
                # Not the failure itself: its frames have the password.
                self._callFromThread(self._broken, then)
            else:
                self._callFromThread(self._done, then, outcome)
            # Nothing of a password stays here while nothing is to be done.
            del task, job, then

    def _done(self, then: Then, outcome: object) -> None:
        self.waiting -= 1
        if self._thread is not None:
            then(outcome)

    def _broken(self, then: Then) -> None:
        """A password could not be hashed at all, for lack of memory maybe."""
        self._log.error("a password could not be hashed")
        self._done(then, ChatError(HASHING_FAILED))
