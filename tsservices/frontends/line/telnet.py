"""
What telnet programs, and keys of bare terminals, put among the lines.  Pure.

A telnet program negotiates options in the stream itself (RFC 854, 855).  All that is taken out, and
nothing is answered: two sides that answer each other can do so for ever, and a program that gets no
answer stays the plain terminal that it began as.  Only to hide a password this side sends a command
of its own, and the answer to that is taken out too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tsservices.frontends.formats import json as jsonform


class SecretPrompt:
    """
    Asks for a line that is not to be shown.

    A telnet program is promised that this side echoes (RFC 857), which it then does not; any other
    terminal shows what is typed.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._prompt = b""
        self._hidden = False

    def ask(self, prompt: str, json: bool, telnet: bool) -> None:
        """@param json: whether the peer is a program, which hides it by itself."""
        self._hidden = telnet and not json
        text = f"* {prompt}".encode()
        self._prompt = jsonform.prompt(prompt.rstrip(": ")) if json else text
        self._write((IAC + WILL + ECHO if self._hidden else b"") + self._prompt)

    def repeat(self) -> None:
        """Ask once more: the line that came was no answer."""
        self._write(self._prompt)

    def done(self) -> None:
        """The answer has come: show what is typed again."""
        if self._hidden:
            self._hidden = False
            # The end of the answer's line was not shown either.
            self._write(IAC + WONT + ECHO + b"\n")


#: What this side sends to a telnet program.
IAC, WILL, WONT, ECHO = b"\xff", b"\xfb", b"\xfc", b"\x01"

#: Bytes of one subnegotiation. The longest in use, a list of environment variables, have some
#: hundred; after this many without an end, what follows is text again, or a peer could make
#: this side wait for an end with all that it sends.
SUBNEGOTIATION = 512

_UNIT = rb"(?:[^\xff]|\xff[^\xf0])"

#: A whole command, or the beginning of one that the network has cut.
_COMMAND = re.compile(
    # Bytes below EOF (236) are no commands: that 0xff was a letter in Latin-1, and the
    # line feed behind it still ends the line.
    rb"\xff(?:[\xec-\xf9\xff]|[\xfb-\xfe].|\xfa(?:%(unit)b{0,%(most)d}\xff\xf0|%(unit)b{%(all)d}))"
    rb"|(\xff(?:[\xfb-\xfe]?|\xfa.*)\Z)"
    % {b"unit": _UNIT, b"most": SUBNEGOTIATION - 1, b"all": SUBNEGOTIATION},
    re.DOTALL,
)

_BACKSPACE, _LINE_ERASE, _WORD_ERASE, _DELETE = 0x08, 0x15, 0x17, 0x7F

#: The commands that stand for data: an escaped 0xff, Erase Character and Erase Line.
_MEANINGS = {
    b"\xff\xff": b"\xff",
    b"\xff\xf7": bytes([_BACKSPACE]),
    b"\xff\xf8": bytes([_LINE_ERASE]),
}

#: The keys that L{edit} applies.
_EDITS = bytes([_BACKSPACE, _LINE_ERASE, _WORD_ERASE, _DELETE])

_PIECES = re.compile(rb"[%b]|[^%b]+" % (_EDITS, _EDITS))


class TelnetFilter:
    """
    Takes telnet out of one connection's stream, however the network has cut it.

    @ivar telnet: whether the peer is a telnet program, as its commands or its line ends show.
    """

    __slots__ = ("_command", "_return", "telnet")

    def __init__(self) -> None:
        self.telnet = False
        self._command = b""
        self._return = b""

    @property
    def unfinished(self) -> bool:
        """Whether what comes next belongs to what came last."""
        return bool(self._command or self._return)

    def feed(self, data: bytes) -> bytes:
        """
        The data without commands, and with line feeds for the two ways in which telnet sends the
        Enter key: CR LF and CR NUL.
        """
        if self._command or b"\xff" in data:
            data, self._command = self._command + data, b""
            data = _COMMAND.sub(self._meaning, data)
        if self._return or b"\r" in data:
            data, self._return = self._return + data, b""
            # Other carriage returns stay; one that comes last waits for what follows it.
            if data.endswith(b"\r"):
                data, self._return = data[:-1], b"\r"
            plain = data.replace(b"\r\n", b"\n").replace(b"\r\0", b"\n")
            self.telnet = self.telnet or len(plain) != len(data)
            data = plain
        return data

    def _meaning(self, command: re.Match[bytes]) -> bytes:
        if command[1] is not None:
            self._command = command[1]
            return b""
        self.telnet = True
        return _MEANINGS.get(command[0], b"")


def edit(line: bytes) -> bytes:
    """
    Apply the keys that a terminal in character mode, or without any mode, sends as they are:
    Backspace and Delete take the character before them away, a combining mark before what it
    stands on; Control-U takes the line so far, Control-W its last word.
    """
    if len(line.translate(None, _EDITS)) == len(line):
        return line
    edited = bytearray()
    for piece in _PIECES.findall(line):
        key = piece[0]
        if key in (_BACKSPACE, _DELETE):
            del edited[_lastCharacter(edited) :]
        elif key == _LINE_ERASE:
            edited.clear()
        elif key == _WORD_ERASE:
            del edited[edited.rstrip(b" ").rfind(b" ") + 1 :]
        else:
            edited += piece
    return bytes(edited)


def _lastCharacter(text: bytearray) -> int:
    # Bytes that are no UTF-8 are taken away one by one.
    last = max(0, len(text) - 1)
    begin = last
    while begin > max(0, last - 3) and text[begin] & 0xC0 == 0x80:
        begin -= 1
    try:
        text[begin:].decode("utf-8")
    except UnicodeDecodeError:
        return last
    return begin
