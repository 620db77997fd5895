"""The names in a channel, sent after a JOIN and for NAMES.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import JoinedRoom
from tsservices.chat.session import Session
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc import numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.formats.lines import ENDING
from tsservices.frontends.irc.formats.name_lines import NICK, divide, space
from tsservices.frontends.irc.people import People

#: Names that are written at once; the names of larger rooms are sent in pages.
NAMES_AT_ONCE = 1000

#: The signs of a public and a secret channel in a list of names.
_PUBLIC, _SECRET = "=", "@"


def whenJoined(client: IRCClient, joined: JoinedRoom) -> People:
    """Find the people who were in a room when a client had just joined it."""
    room = client.state.rooms.get(joined.room)
    channel = ROOM_SIGN + joined.roomName
    return People(channel, joined.nickText, joined.memberCount, room, client.session)


def needsPages(people: People) -> bool:
    """Whether the names need L{namePages}, in place of L{namesText}."""
    return people.count > NAMES_AT_ONCE


def namesText(client: IRCClient, people: People) -> bytes:
    """Write the lines of all names, with their endings, for a channel that needs no pages."""
    names, signs, unchanged = people.nickText, _signs(client, people), people.unchanged()
    byNick = {person.nick: sign for person, sign in signs.items()}
    # The sign of a member who was renamed since then can't be found by the old name.
    renamed = not unchanged and not byNick.keys() <= set(names.split(" "))
    if renamed or client.has(caps.USERHOST_IN_NAMES):
        lines = _lines(client, people, signs, people.sessions())
        return "".join([line + ENDING for line in lines]).encode("utf-8", "replace")
    if not names:
        return b""
    if not unchanged or people.severalEach():
        names = " ".join(dict.fromkeys(names.split(" ")))
    return client.server.names.lines(_head(client, people, NICK), names, byNick, client.nick)


def namePages(client: IRCClient, people: People) -> Iterator[str]:
    """Write the lines of all current nicks, without users who leave between two pages."""
    signs, sessions = _signs(client, people), people.sessions()
    for first in range(0, len(sessions), NAMES_AT_ONCE):
        assert people.room is not None
        there = people.room.nickCounts
        page = [person for person in sessions[first : first + NAMES_AT_ONCE] if person.key in there]
        yield from _lines(client, people, signs, page)


def _head(client: IRCClient, people: People, nick: str) -> str:
    room = people.room
    sign = _SECRET if room is not None and room.permissions.isSecret else _PUBLIC
    return f":{client.server.name} {numerics.RPL_NAMREPLY.code} {nick} {sign} {people.channel} :"


def _signs(client: IRCClient, people: People) -> dict[Session, str]:
    # Most people have no sign, and are not checked.
    room, directory = people.room, client.directory
    if room is None:
        return {}
    several = client.has(caps.MULTI_PREFIX)
    return {person: directory.prefix(room, person, several) for person in directory.ranked(room)}


def _lines(
    client: IRCClient, people: People, signs: Mapping[Session, str], persons: list[Session]
) -> list[str]:
    withHosts = client.has(caps.USERHOST_IN_NAMES)
    write = client.directory.sessionMask if withHosts else attrgetter("nick")
    head = _head(client, people, client.nick)
    text = " ".join([signs.get(person, "") + write(person) for person in persons])
    return [head + line for line in divide(text, space(head))] if text else []
