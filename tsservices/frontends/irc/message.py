"""
The syntax of IRC: a line as a L{Message}, with tags, and back.  Pure.

A line is C{@tags :source COMMAND params :last param}; RFC 1459 bounds it to 512 bytes with its
ending, and the tags have a separate bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Bytes of a line after its tags, without CR LF.
BODY_BYTES = 510

#: Bytes of the tags that a client may send, without the sign before and the space after them.
CLIENT_TAG_BYTES = 4094

#: Bytes of the longest accepted line, without its line feed: the specification of tags bounds the
#: tags of a server and a client together to 8191.
LINE_BYTES = 8191 + BODY_BYTES + 1

#: Most parameters of a message (RFC 1459).
PARAMETERS = 15

#: The sign before a tag that clients send each other.
CLIENT_ONLY = "+"

_ESCAPES = {";": r"\:", " ": r"\s", "\\": "\\\\", "\r": r"\r", "\n": r"\n"}
_ESCAPED = str.maketrans(_ESCAPES)
_UNESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


class MessageError(ValueError):
    """
    A line that is not a message.

    @ivar tags: its tags, as far as they can be read.
    """

    def __init__(self, what: str, tags: bytes = b"") -> None:
        super().__init__(what)
        self.tags = parseTags(tags.decode("utf-8", "replace"))


class TooLong(MessageError):
    """A line, or its tags, are above the bound."""


class NotUTF8(MessageError):
    """
    A line in another encoding.

    @ivar command: its command, as far as that can be read.
    """

    def __init__(self, command: str, tags: bytes) -> None:
        super().__init__(command, tags)
        self.command = command


@dataclass(slots=True)
class Message:
    """A message from a client."""

    #: In upper case.
    command: str
    params: list[str]
    tags: dict[str, str] = field(default_factory=dict)

    def param(self, index: int, default: str = "") -> str:
        """Return one parameter, or the default if there are fewer."""
        return self.params[index] if index < len(self.params) else default


def parse(line: bytes) -> Message | None:
    """
    Parse a line.

    @param line: without its line feed.
    @return: L{None} for a line without a command, which is to be ignored.
    @raise MessageError: the line is not a message.
    """
    tags = b""
    line = line.rstrip(b"\r")
    if line.startswith(b"@"):
        tags, _, line = line[1:].partition(b" ")
        if len(tags) > CLIENT_TAG_BYTES:
            raise TooLong("tags")
        line = line.lstrip(b" ")
    if len(line) > BODY_BYTES:
        raise TooLong("line", tags)
    try:
        text, tagText = line.decode(), tags.decode()
    except UnicodeDecodeError:
        words = line.split(b" ", 1)
        raise NotUTF8(words[0].decode("ascii", "replace").upper()[:16], tags) from None
    return parseText(text, tagText)


def parseText(text: str, tags: str = "") -> Message | None:
    """
    Parse the text of a line.

    @param tags: without their sign.
    @return: L{None} for a line without a command.
    """
    # NUL ends strings in other programs, and CR their lines: neither may be sent on.
    if "\0" in text or "\r" in text:
        text = text.replace("\0", "").replace("\r", "")
    if "\0" in tags:
        tags = tags.replace("\0", "")
    if text.startswith((" ", ":")):
        text = text.lstrip(" ")
        if text.startswith(":"):
            # A source given by a client is ignored.
            text = text.partition(" ")[2].lstrip(" ")
    # The last parameter begins after the first colon that has a space before it.
    head, colon, last = text.partition(" :")
    params = head.split(" ")
    if "" in params:
        params = [word for word in params if word]
        if not params:
            return None
    command = params.pop(0).upper()
    if len(params) >= PARAMETERS:
        rest = params[PARAMETERS - 1 :] + ([last] if colon else [])
        params[PARAMETERS - 1 :] = [" ".join(rest)]
    elif colon:
        params.append(last)
    return Message(command, params, parseTags(tags) if tags else {})


def parseTags(text: str) -> dict[str, str]:
    """Parse and unescape tags; of two with one name the last counts."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name:
            tags[name] = unescape(value) if "\\" in value else value
    return tags


def unescape(value: str) -> str:
    """Undo L{escape}; a lone backslash at the end is dropped."""
    letters: list[str] = []
    characters = iter(value)
    for character in characters:
        if character == "\\":
            character = next(characters, "")
            character = _UNESCAPES.get(character, character)
        letters.append(character)
    return "".join(letters)


def escape(value: str) -> str:
    """Escape the value of a tag."""
    return value.translate(_ESCAPED)


def writeTags(tags: Mapping[str, str]) -> str:
    """Write tags with their sign and the space after them; empty if there are none."""
    if not tags:
        return ""
    parts = [f"{name}={escape(value)}" if value else name for name, value in tags.items()]
    return f"@{';'.join(parts)} "


def line(command: str, *params: str, source: str = "") -> str:
    """Write a line without tags and ending; the last parameter may have spaces."""
    before = f":{source} " if source else ""
    *middle, last = params or ("",)
    words = "".join(f" {word}" for word in middle)
    if not params:
        return f"{before}{command}"
    return f"{before}{command}{words} :{last}"


def middleWord(text: str) -> str:
    """
    Make a parameter valid before the last one: text from a client may be empty, have spaces, or
    begin with a colon.
    """
    if not text or " " in text or text[0] == ":":
        return text.lstrip(": ").partition(" ")[0] or "*"
    return text


def surelyFit(texts: tuple[str, ...], size: int) -> bool:
    """
    Whether each text certainly has at most C{size} bytes; L{False} also for texts near that size,
    which have to be counted.
    """
    # A character takes at most four bytes.  Checking twenty texts for ASCII takes as long as all
    # the rest here, and most lines do not need it.
    longest = len(texts[0]) if len(texts) == 1 else max(map(len, texts))
    return 4 * longest <= size or (longest <= size and all(map(str.isascii, texts)))


def cut(text: str, size: int) -> str:
    """Cut a text to at most C{size} bytes."""
    if len(text) <= size and text.isascii():
        return text
    data = text.encode("utf-8", "replace")
    if len(data) <= size:
        return text
    return data[:size].decode("utf-8", "ignore")


def pieces(text: str, size: int) -> list[str]:
    """
    Divide a text into pieces of at most C{size} bytes: between words if the piece is at least half
    full, otherwise between characters.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= size:
        return [text]
    found: list[str] = []
    while len(data) > size:
        end = size
        while end > 1 and data[end] & 0xC0 == 0x80:
            end -= 1
        space = data.rfind(b" ", size // 2, end)
        if space > 0:
            # The space stays with the words before it: joined, the pieces are the text.
            end = space + 1
        found.append(data[:end].decode("utf-8", "replace"))
        data = data[end:]
    if data:
        found.append(data.decode("utf-8", "replace"))
    return found
