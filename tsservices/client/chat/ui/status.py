"""The prompt before the line being typed, and the status line below it.  Pure."""

from __future__ import annotations

from tsservices.chat.names import ROOM_SIGN
from tsservices.client.chat.machine import ClientMachine, Phase


def statusLine(machine: ClientMachine) -> str:
    """List name, room, unread lines of other rooms, phase of the connection, lines to send."""
    state, outbox = machine.state, machine.sender.outbox
    parts = []
    if state.nick:
        parts.append(f"{state.nick} ({state.account or 'guest'})")
    if state.current in state.rooms:
        parts.append(ROOM_SIGN + state.rooms[state.current].name)
    for key, room in state.rooms.items():
        if room.unread and key != state.current:
            parts.append(f"{ROOM_SIGN}{room.name} {len(room.unread)}")
    encrypted = state.encrypted and machine.phase is not Phase.AWAY
    parts.append(f"{machine.phase.value}, TLS" if encrypted else machine.phase.value)
    if outbox.lineCount and machine.phase is not Phase.READY:
        parts.append(f"{outbox.lineCount} to send")
    if outbox.unsent:
        parts.append(f"{len(outbox.unsent)} not sent: /resend")
    return f" {' | '.join(parts)} "


def promptText(machine: ClientMachine) -> str:
    room = machine.state.rooms.get(machine.state.current)
    return f"{ROOM_SIGN}{room.name}> " if room is not None else "> "


def promptWaits(prompt: str) -> str:
    """@param prompt: the prompt for a secret, which comes while a line is being typed."""
    return f" {prompt}Enter turns to it, what you type is kept"
