"""
The line below the prompt, and the prompt.  Pure.
"""

from __future__ import annotations

from tsservices.chat.names import ROOM_SIGN
from tsservices.client.chat.machine import ClientMachine, Phase


def statusLine(link: ClientMachine) -> str:
    """Who and where one is, what is unread, and how things stand."""
    town, outbox = link.town, link.exchange.outbox
    parts = []
    if town.nick:
        parts.append(f"{town.nick} ({town.account or 'guest'})")
    if town.current in town.rooms:
        parts.append(ROOM_SIGN + town.rooms[town.current].name)
    for key, room in town.rooms.items():
        if room.unread and key != town.current:
            parts.append(f"{ROOM_SIGN}{room.name} {room.unread}")
    parts.append(link.phase.value)
    if outbox.lines and link.phase is not Phase.READY:
        parts.append(f"{outbox.lines} to send")
    if outbox.unsent:
        parts.append(f"{len(outbox.unsent)} not sent: /resend")
    return f" {' | '.join(parts)} "


def promptText(link: ClientMachine) -> str:
    """What stands before what is typed."""
    room = link.town.rooms.get(link.town.current)
    return f"{ROOM_SIGN}{room.name}> " if room is not None else "> "
