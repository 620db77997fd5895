"""
How far a connection has come.  Pure.
"""

from __future__ import annotations

from enum import Enum


class Phase(Enum):
    """
    How far a connection has come.
    """

    AWAY = "not connected"
    GREETING = "connected"
    ENTERING = "entering"
    NAMELESS = "without a name"
    CATCHING = "catching up"
    READY = "online"
    ENDED = "over"
