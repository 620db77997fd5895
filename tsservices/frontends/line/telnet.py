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

    def hide(self) -> None:
        """The peer turns out to be a telnet program: hide what is typed from now on."""
        if not self._hidden:
            self._hidden = True
            self._write(IAC + WILL + ECHO)

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

# In a subnegotiation stand bytes and escaped ones.  Another command shows that its end was lost:
# what follows is not waited for any longer, or it would go with it.
_UNIT = rb"(?:[^\xff]|\xff[^\xec-\xfe])"
_UNIT_END = rb"(?:\xff\xf0|(?=\xff[\xec-\xef\xf1-\xfe]))"

#: A whole command, or the beginning of one that the network has cut.
_COMMAND = re.compile(
    # Bytes below EOF (236) are no commands: that 0xff was a letter in Latin-1, and the
    # line feed behind it still ends the line.
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


#: An end of a line, as it stands in a stream, or its beginning where the stream breaks off.
_END = re.compile(rb"\r(?:[\n\0]|\r\n|\r\Z)?|\n(?:\r\0?)?")

#: Beginnings of ends, which what comes next may continue.
_BEGUN = frozenset([b"\r", b"\r\r", b"\n", b"\n\r"])


class TelnetFilter:
    """
    Takes telnet out of one connection's stream, and makes a line feed of each end of a line,
    however the network has cut it.

    CR, LF, CR LF, LF CR and CR NUL end a line, and CR CR LF, which programs send that make CR LF
    of the LF of another CR LF (C{nc -C}): an empty line there would answer a prompt.  Ends are
    told apart from left to right, and each takes as much as it can: LF CR LF is LF CR and LF, two
    ends.  The first byte ends the line at once, since the others may never come; if they do,
    however late, they are swallowed.  Only a CR behind a CR, which may be an empty line or not,
    waits for the next byte.

    @ivar telnet: whether the peer is a telnet program, as its commands or its line ends show.
    """

    __slots__ = ("_command", "_end", "telnet")

    def __init__(self) -> None:
        self.telnet = False
        self._command = b""
        # What has come of an end of which the line feed was given already.
        self._end = b""

    @property
    def unfinished(self) -> bool:
        """Whether what comes next belongs to what came last, if it is no control character."""
        return bool(self._command) or self._end.startswith(b"\r")

    def lineTaken(self) -> None:
        """A line that was ended by a line feed has come without this filter."""
        self._end = b"\n"

    def feed(self, data: bytes) -> bytes:
        """The data without commands, and with line feeds for all ends of lines."""
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
            # Nearly all telnet: what follows needs twice the time.
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
