"""
WebSocket frames from the server (RFC 6455), and notifications in them.  Pure.

Frames from a server are not masked: each is built once, and all clients get the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from tsservices.chat.notifications import Notification
from tsservices.chat.outlet import Formatter

#: Close codes (RFC 6455, 7.4.1, and IANA's registry): a normal end; the server stops; the peer has
#: broken a rule; a message is too long; the peer may try again later.
NORMAL, GOING_AWAY, POLICY, TOO_BIG, TRY_LATER = 1000, 1001, 1008, 1009, 1013

#: A ping without contents.
PING = b"\x89\x00"

# Final, text; the length in one byte, in two, in eight.
_TEXT = 0x81
_SHORT = Struct("!BB")
_MIDDLE = Struct("!BBH")
_LONG = Struct("!BBQ")


def textFrame(text: bytes) -> bytes:
    """Make a message of one frame.  C{text} is UTF-8."""
    size = len(text)
    if size < 126:
        return _SHORT.pack(_TEXT, size) + text
    if size < 65_536:
        return _MIDDLE.pack(_TEXT, 126, size) + text
    return _LONG.pack(_TEXT, 127, size) + text


class FrameFormatter:
    """Puts the output of another formatter into a frame; stateless."""

    def __init__(self, form: Formatter) -> None:
        self._form = form

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """Make a frame; empty if there is nothing to write."""
        text = self._form.encode(notifications)
        return textFrame(text) if text else b""
