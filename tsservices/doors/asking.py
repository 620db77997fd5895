"""
How one person is asked for something that is not to be seen.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.doors import jsonform
from tsservices.doors.telnet import ECHO, IAC, WILL, WONT


class Asking:
    """
    The question that is open, if there is one.

    A telnet program is told that this side echoes (RFC 857), which then does not; any
    other terminal shows what is typed.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """
        @param write: sends what was asked for.
        """
        self._write = write
        self._question = b""
        self._hidden = False

    def ask(self, prompt: str, json: bool, telnet: bool) -> None:
        """
        @param prompt: what is wanted, as people are asked for it: C{password: }.
        @param json: whether a program is asked.
        @param telnet: whether the peer is a telnet program.
        """
        self._hidden = telnet and not json
        text = f"* {prompt}".encode()
        self._question = jsonform.prompt(prompt.rstrip(": ")) if json else text
        self._write((IAC + WILL + ECHO if self._hidden else b"") + self._question)

    def again(self) -> None:
        """
        The answer was none: ask once more.
        """
        self._write(self._question)

    def answered(self) -> None:
        """
        The answer is there: what is typed is to be seen again, and the end of this line
        too, which was not.
        """
        if self._hidden:
            self._hidden = False
            self._write(IAC + WONT + ECHO + b"\n")
