"""
Telnet commands, and editing keys of plain terminals, in the received lines.  Pure.

A telnet program negotiates options in the stream itself (RFC 854, 855).  The commands are removed
and not answered: two sides that answer each other can do so for ever, and a program without an
answer stays a plain terminal.  This side sends a command only to hide a password, and the answer
to it is removed too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tsservices.frontends.formats import json as jsonform


class SecretPrompt:
    """
    The prompt for a line that is not to be shown.

    This side promises a telnet program to echo (RFC 857), but does not; any other terminal shows
    the typed text.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._prompt = b""
        self._hidden = False

    def ask(self, prompt: str, json: bool, telnet: bool) -> None:
        """@param json: whether the peer is a program, which hides the typed text itself."""
        self._hidden = telnet and not json
        text = f"* {prompt}".encode()
        self._prompt = jsonform.prompt(prompt.rstrip(": ")) if json else text
        self._write((IAC + WILL + ECHO if self._hidden else b"") + self._prompt)

    def hide(self) -> None:
        """Hide typed text from now on: the peer turned out to be a telnet program."""
        if not self._hidden:
            self._hidden = True
            self._write(IAC + WILL + ECHO)

    def repeat(self) -> None:
        """Ask again: the received line was not an answer."""
        self._write(self._prompt)

    def done(self) -> None:
        """Show typed text again: the answer was received."""
        if self._hidden:
            self._hidden = False
            # The line end of the answer was not shown either.
            self._write(IAC + WONT + ECHO + b"\n")


#: The codes that this side sends to a telnet program.
IAC, WILL, WONT, ECHO = b"\xff", b"\xfb", b"\xfc", b"\x01"

#: Bytes of one subnegotiation.  The longest in use, lists of environment variables, have a few
#: hundred.  After this many without an end the data is text again; otherwise all later input of
#: the peer could be taken for a part of the subnegotiation.
SUBNEGOTIATION = 512

# A subnegotiation holds bytes and escaped bytes.  Another command in it shows that its end was
# lost: it ends there, otherwise the text after it would be removed too.
_UNIT = rb"(?:[^\xff]|\xff[^\xec-\xfe])"
_UNIT_END = rb"(?:\xff\xf0|(?=\xff[\xec-\xef\xf1-\xfe]))"

#: A whole command, or the beginning of one that is split between two reads.
_COMMAND = re.compile(
    # Bytes below EOF (236) are not commands: that 0xff was a letter in Latin-1, and a line feed
    # after it still ends the line.
    rb"\xff(?:[\xec-\xf9\xff]|[\xfb-\xfe].|\xfa(?:%(unit)b{0,%(most)d}%(end)b|%(unit)b{%(all)d}))"
    rb"|(\xff(?:[\xfb-\xfe]?|\xfa.*)\Z)"
    % {
        b"unit": _UNIT,
        b"end": _UNIT_END,
        b"most": SUBNEGOTIATION - 1,
        b"all": SUBNEGOTIATION,
    },
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


#: A line end in the stream, or the beginning of one at the end of a read.
_END = re.compile(rb"\r(?:[\n\0]|\r\n|\r\Z)?|\n(?:\r\0?)?")

#: Beginnings of line ends, which the next read may continue.
_BEGUN = frozenset([b"\r", b"\r\r", b"\n", b"\n\r"])


class TelnetFilter:
    """
    Removes telnet commands from one connection's stream, and turns each line end into a line feed,
    wherever the stream is split into reads.

    CR, LF, CR LF, LF CR and CR NUL end a line, and CR CR LF, which comes from programs that turn
    the LF of another CR LF into CR LF (C{nc -C}): an empty line there would answer a prompt.  Line
    ends are matched from left to right, each as long as possible: LF CR LF is LF CR and LF, two
    ends.  The first byte ends the line at once, since the others may never be received; if they
    are, however late, they are dropped.  Only a CR behind a CR, which may be an empty line or not,
    waits for the next byte.

    @ivar telnet: whether the peer is a telnet program, as its commands or its line ends show.
    """

    __slots__ = ("_command", "_end", "telnet")

    def __init__(self) -> None:
        self.telnet = False
        self._command = b""
        # The received part of a line end whose line feed was already returned.
        self._end = b""

    @property
    def unfinished(self) -> bool:
        """Whether data without control characters may continue a command or a line end."""
        return bool(self._command) or self._end.startswith(b"\r")

    def lineTaken(self) -> None:
        """Note that a line with a line feed was taken without this filter."""
        self._end = b"\n"

    def feed(self, data: bytes) -> bytes:
        """Return the data without commands, and with line feeds for all line ends."""
        if self._command or b"\xff" in data:
            data, self._command = self._command + data, b""
            data = _COMMAND.sub(self._meaning, data)
        if not data:
            return data
        if not self._end:
            return self._endLines(data)
        data, self._end = self._end + data, b""
        return self._endLines(data)[1:]

    def _endLines(self, data: bytes) -> bytes:
        if b"\r" not in data:
            if data.endswith(b"\n"):
                self._end = b"\n"
            return data
        plain = data.replace(b"\r\n", b"\n")
        if b"\r" not in plain and b"\n\r" not in data:
            # Nearly all telnet programs send only CR LF; the code below needs twice the time.
            self.telnet = True
            if data.endswith(b"\n") and not data.endswith(b"\r\n"):
                self._end = b"\n"
            return plain
        ends = _END.findall(data)
        self.telnet = self.telnet or not {b"\r\n", b"\r\0", b"\r\r\n"}.isdisjoint(ends)
        if ends[-1] in _BEGUN and data.endswith(ends[-1]):
            self._end = ends[-1]
        return _END.sub(b"\n", data)

    def _meaning(self, command: re.Match[bytes]) -> bytes:
        if command[1] is not None:
            self._command = command[1]
            return b""
        self.telnet = True
        return _MEANINGS.get(command[0], b"")


def edit(line: bytes) -> bytes:
    """
    Apply editing keys, which a terminal in character mode, or without any mode, sends as bytes:
    Backspace and Delete remove the character before them (a combining mark before its base);
    Control-U removes the line so far, Control-W its last word.
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
    # Bytes that are not UTF-8 are removed one by one.
    last = max(0, len(text) - 1)
    begin = last
    while begin > max(0, last - 3) and text[begin] & 0xC0 == 0x80:
        begin -= 1
    try:
        text[begin:].decode("utf-8")
    except UnicodeDecodeError:
        return last
    return begin
