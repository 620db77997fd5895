"""
Our programs in processes that are forked from one that has imported them.

A server costs 0.55 s of a core from its start to its stop, a forked one 0.15 s, and a client half
of that; the tests start hundreds.  So only thorough runs, and tests of the start itself, start
programs as users do.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import runpy
import signal
import subprocess
import sys
import termios
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context, reduction
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, BinaryIO, Self

#: What the process that is forked has imported; not the reactor, which options choose.
_IMPORTED = (
    "nats",
    "prompt_toolkit",
    "tests.live.support.impatient",
    "tsservices.client.chat.app",
    "tsservices.client.chat.startup",
    "tsservices.client.chat.ui.screen",
    "tsservices.client.chat.ui.terminal",
    "tsservices.client.probe.run",
    "tsservices.client.program",
    "tsservices.server.plugin",
    "twisted.plugins.tsserver_plugin",
    "twisted.scripts._twistd_unix",
)

_context = get_context("forkserver")


class _Descriptor:
    """A descriptor of this process that the forked one gets."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _detach, (reduction.DupFd(self._number),)


def _detach(duplicate: Any) -> int:
    number: int = duplicate.detach()
    return number


class Forked:
    """A running program, with that part of L{subprocess.Popen} that tests use."""

    stdin: BinaryIO | None = None
    stdout: BinaryIO | None = None
    stderr: BinaryIO | None = None

    def __init__(
        self,
        run: Callable[[], object],
        words: Sequence[str],
        stdio: Sequence[int],
        folder: str | Path | None = None,
        environ: dict[str, str] | None = None,
        terminal: bool = False,
    ) -> None:
        # words: sys.argv.  stdio: its standard descriptors.  terminal: they are one of its own.
        _context.set_forkserver_preload(list(_IMPORTED))
        self._words = words
        self._process = _context.Process(
            target=_start,
            args=(
                run,
                list(words),
                [_Descriptor(number) for number in stdio],
                str(folder or Path.cwd()),
                {**os.environ, **(environ or {})},
                terminal,
            ),
            daemon=True,
        )
        self._lock = threading.Lock()
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                file.close()
        self.wait()

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        # The status can be read once; who reads at the same time would get 255.
        with self._lock:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """@raise subprocess.TimeoutExpired: it has not ended within so many seconds."""
        wait([self._process.sentinel], timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(list(self._words), timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedTwistd(Forked):
    """C{twistd}, whose output goes to the files of its folder."""

    def __init__(self, run: Callable[[], object], arguments: Sequence[str], folder: Path) -> None:
        with (
            open(os.devnull, "rb") as nothing,
            open(folder / "stdout", "wb") as out,
            open(folder / "stderr", "wb") as err,
        ):
            stdio = [file.fileno() for file in (nothing, out, err)]
            super().__init__(run, ["twistd", *arguments], stdio, folder)


class ForkedClient(Forked):
    """The client, on pipes or on a terminal."""

    def __init__(
        self,
        arguments: Sequence[str],
        terminal: int | None = None,
        environ: dict[str, str] | None = None,
    ) -> None:
        words = ["tsservices.client", *arguments]
        if terminal is not None:
            super().__init__(_runClient, words, [terminal] * 3, environ=environ, terminal=True)
            return
        theirs, ours = zip(os.pipe(), *(os.pipe()[::-1] for _ in range(2)), strict=True)
        super().__init__(_runClient, words, theirs, environ=environ)
        for number in theirs:
            os.close(number)
        self.stdin = os.fdopen(ours[0], "wb")
        self.stdout, self.stderr = os.fdopen(ours[1], "rb"), os.fdopen(ours[2], "rb")

    def communicate(self, typed: bytes, timeout: float) -> tuple[bytes, bytes]:
        assert self.stdin is not None
        assert self.stdout is not None
        assert self.stderr is not None
        with ThreadPoolExecutor(2) as pool:
            try:
                both = [pool.submit(file.read) for file in (self.stdout, self.stderr)]
                with suppress(BrokenPipeError), self.stdin as stdin:
                    stdin.write(typed)
                self.wait(timeout)
            except BaseException:
                self.kill()
                raise
            out, err = (reading.result(timeout) for reading in both)
        return out, err


def _runClient() -> None:
    runpy.run_module("tsservices.client", run_name="__main__", alter_sys=True)


def _start(
    run: Callable[[], object],
    words: list[str],
    stdio: list[int],
    folder: str,
    environ: dict[str, str],
    terminal: bool,
) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    for number, source in enumerate(stdio):
        os.dup2(source, number)
    for source in stdio:
        os.close(source)
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if environ.get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    # As Python opens them; these here were made for the process that is forked.
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    sys.argv = words
    try:
        run()
    finally:
        # A process of multiprocessing ends without these, and a failed server has its status there.
        atexit._run_exitfuncs()
