"""
Multiline messages (draft/multiline), received from a client and written for one.  Pure.

For the chat such a message is a single one with line feeds in its text: it has one number and one
id, and is deleted as a whole.  A tag passes on where its author's client has divided long lines, so
that others see the same lines.  Like all tags it is not stored, so a history divides them again.
"""

from __future__ import annotations

from collections.abc import Iterable

from tsservices.frontends.irc.message import Message, pieces

#: The type of the batch, and the name of the capability.
MULTILINE = "draft/multiline"

#: The tag of a line that continues the one before.
CONCAT = "draft/multiline-concat"

#: Bytes of the text of one message, the same bound as in the line frontend.
MAX_BYTES = 4096

#: Lines of one message.
MAX_LINES = 32

#: Seconds without a new line after which a batch is dropped.
OPEN_SECONDS = 60.0

#: Bytes of the name of a batch.
NAME_BYTES = 64


class MultilineError(ValueError):
    """
    A refused batch.

    @ivar code: the code of the standard reply.
    @ivar context: the context words of the standard reply.
    """

    def __init__(self, code: str, *context: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.context = context


def isName(name: str) -> bool:
    """Whether a text is valid as the name of a batch."""
    return (
        0 < len(name) <= NAME_BYTES
        and name.isascii()
        and all(letter.isalnum() or letter == "-" for letter in name)
    )


class OpenBatch:
    """
    A message whose lines a client is sending.

    @ivar command: the command of all lines; empty: there are none yet.
    @ivar lines: the text of each line, and whether it continues the one before.
    @ivar deadline: when the batch is dropped, in seconds of the monotonic clock.
    """

    def __init__(self, name: str, target: str, label: str, tags: str, deadline: float) -> None:
        """@param tags: the client's tags, as they are sent on."""
        self.name = name
        self.target = target
        self.label = label
        self.tags = tags
        self.deadline = deadline
        self.command = ""
        self.lines: list[tuple[str, bool]] = []
        self._size = 0

    def add(self, message: Message) -> None:
        """
        Add a line.

        @raise MultilineError: the line makes the batch invalid.
        """
        target, text = message.param(0), message.param(1)
        joined = CONCAT in message.tags
        if target.casefold() != self.target.casefold():
            raise MultilineError(
                "MULTILINE_INVALID_TARGET",
                self.target,
                target or "*",
                text="Another target",
            )
        if message.command != (self.command or message.command):
            raise MultilineError("MULTILINE_INVALID", text="Messages and notices do not mix")
        if joined and not text:
            raise MultilineError("MULTILINE_INVALID", text="A blank line can't be joined")
        self.command = message.command
        self._size += len(text.encode("utf-8", "replace")) + bool(self.lines and not joined)
        self.lines.append((text, joined))
        if self._size > MAX_BYTES:
            raise MultilineError("MULTILINE_MAX_BYTES", str(MAX_BYTES), text="That is too long")
        if len(self.lines) > MAX_LINES:
            raise MultilineError("MULTILINE_MAX_LINES", str(MAX_LINES), text="Too many lines")


def joinLines(lines: Iterable[tuple[str, bool]]) -> tuple[str, list[int]]:
    """Join lines to a text; also return the places where a line continues the one before."""
    text, breaks = "", list[int]()
    for index, (line, joined) in enumerate(lines):
        if joined and text:
            breaks.append(len(text))
        elif index:
            text += "\n"
        text += line
    return text, breaks


def withBreaks(breaks: list[int], tags: str) -> str:
    """Put a tag with the places of L{joinLines} before the tags of a message."""
    if not breaks:
        return tags
    # No client can send this tag: tags from clients begin with a sign.
    own = f"{CONCAT}={','.join(map(str, breaks))}"
    return f"{own};{tags}" if tags else own


def takeBreaks(tags: str) -> tuple[list[int], str]:
    """Undo L{withBreaks}."""
    if not tags.startswith(CONCAT):
        return [], tags
    own, _, others = tags.partition(";")
    return [int(number) for number in own.partition("=")[2].split(",")], others


def divide(text: str, breaks: list[int], size: int) -> list[tuple[str, bool]]:
    """
    Divide a text into lines.

    @param size: most bytes of a line: longer ones are divided again.
    @return: each line, and whether it continues the one before.
    """
    found: list[tuple[str, bool]] = []
    begin = 0
    for line in text.split("\n"):
        inside = [at - begin for at in breaks if begin < at < begin + len(line)]
        parts = [
            piece
            for first, last in zip((0, *inside), (*inside, len(line)), strict=True)
            for piece in pieces(line[first:last], size)
        ]
        found += [(part, index > 0) for index, part in enumerate(parts)]
        begin += len(line) + 1
    return found
