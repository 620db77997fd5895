"""
Frames of WebSocket that the server sends (RFC 6455), and notifications in them.  Pure.

What a server sends is not masked: one frame is built once, and the same bytes go to everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from tsservices.chat.notifications import Notification
from tsservices.chat.outlet import Formatter

#: Close codes (RFC 6455, 7.4.1, and IANA's registry): all is done; the server stops; what the peer
#: did is not allowed; a message is too long; the peer may come again.
NORMAL, GOING_AWAY, POLICY, TOO_BIG, TRY_LATER = 1000, 1001, 1008, 1009, 1013

#: A ping without contents.
PING = b"\x89\x00"

# Final, text; the length in one byte, in two, in eight.
_TEXT = 0x81
_SHORT = Struct("!BB")
_MIDDLE = Struct("!BBH")
_LONG = Struct("!BBQ")


def textFrame(text: bytes) -> bytes:
    """A message that is one frame. C{text} is UTF-8."""
    size = len(text)
    if size < 126:
        return _SHORT.pack(_TEXT, size) + text
    if size < 65_536:
        return _MIDDLE.pack(_TEXT, 126, size) + text
    return _LONG.pack(_TEXT, 127, size) + text


class FrameFormatter:
    """Notifications as another formatter writes them, in a frame; without state."""

    def __init__(self, form: Formatter) -> None:
        self._form = form

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """A frame; nothing, if there is nothing to write."""
        text = self._form.encode(notifications)
        return textFrame(text) if text else b""
