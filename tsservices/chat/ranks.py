"""
What somebody may do in a room, and on the server.  Pure.
"""

from __future__ import annotations

MEMBER = "member"
"""
Whoever is in the room.
"""

OPERATOR = "operator"
"""
Who looks after the room: may kick, ban, mute and invite.
"""

FOUNDER = "founder"
"""
Who made the room: may name operators too, and make it private.
"""

SERVER = "server"
"""
An operator of the server: may do anything, anywhere.
"""

RANKS = (MEMBER, OPERATOR, FOUNDER, SERVER)
"""
Each may do what those before it may.
"""


def atLeast(rank: str, wanted: str) -> bool:
    """
    @param rank: what somebody has.
    @param wanted: what is needed.
    @return: whether that is enough.
    """
    return RANKS.index(rank) >= RANKS.index(wanted)
