"""Commands that ask for people: WHO, WHOIS, WHOWAS, USERHOST, ISON.  Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc import numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.people import (
    UNKNOWN_USER,
    isChannel,
    members,
)
from tsservices.frontends.irc.serverinfo import matches

#: Nicks of one USERHOST.
USERHOST_NICKS = 5

#: Rows of one WHO by a mask: whoever wants more names a channel.
WHO_ROWS = 500

#: An address that stands for all: nobody learns another one.
HIDDEN_ADDRESS = "255.255.255.255"


def _status(client: IRCClient, person: Session, room: Room | None) -> str:
    status = "G" if person.away else "H"
    if client.state.isServerOperator(person):
        status += "*"
    if room is not None:
        status += client.directory.prefix(room, person, client.has(caps.MULTI_PREFIX))
    return status


def _user(person: Session) -> str:
    return person.username or UNKNOWN_USER


def who(client: IRCClient, message: Message) -> None:
    """WHO and WHOX."""
    mask, options = message.param(0), message.param(1)
    wanted, _, rest = options.partition("%")
    fields, _, token = rest.partition(",")
    operatorsOnly = "o" in wanted.lower()
    rows = list(_found(client, mask))
    for person, room in rows:
        if operatorsOnly and not client.state.isServerOperator(person):
            continue
        if "%" in options:
            _whoxRow(client, person, room, fields, token[:3])
        else:
            _whoRow(client, person, room)
    client.numeric(numerics.RPL_ENDOFWHO, mask or "*")


def _found(client: IRCClient, mask: str) -> Iterable[tuple[Session, Room | None]]:
    state, directory, session = client.state, client.directory, client.session
    if isChannel(mask):
        room = directory.visibleRoom(session, mask)
        if room is not None:
            for person in members(room):
                yield person, room
        return
    exact = directory.find(mask)
    if exact is not None:
        yield exact, _shared(client, exact)
        return
    if mask in ("", "0"):
        mask = "*"
    found = 0
    # Only those with whom a room is shared: others are nobody's business.
    for person in state.sharedWith(session, True):
        texts = (
            person.nick,
            _user(person),
            directory.host(person.account),
            directory.realname(person),
            client.server.name,
        )
        if any(matches(mask, text) for text in texts):
            yield person, _shared(client, person)
            found += 1
            if found >= WHO_ROWS:
                return


def _shared(client: IRCClient, person: Session) -> Room | None:
    for key in client.session.rooms:
        if key in person.rooms:
            return client.state.rooms[key]
    return None


def _whoRow(client: IRCClient, person: Session, room: Room | None) -> None:
    directory = client.directory
    client.numeric(
        numerics.RPL_WHOREPLY,
        ROOM_SIGN + room.record.name if room is not None else "*",
        _user(person),
        directory.host(person.account),
        client.server.name,
        person.nick,
        _status(client, person, room),
        text=f"0 {directory.realname(person)}",
    )


_WhoxField = Callable[[IRCClient, Session, "Room | None"], str]

#: The fields of WHOX, in the order in which they are sent.
_WHOX: dict[str, _WhoxField] = {
    "c": lambda client, person, room: ROOM_SIGN + room.record.name if room is not None else "*",
    "u": lambda client, person, room: _user(person),
    "i": lambda client, person, room: HIDDEN_ADDRESS,
    "h": lambda client, person, room: client.directory.host(person.account),
    "s": lambda client, person, room: client.server.name,
    "n": lambda client, person, room: person.nick,
    "f": _status,
    "d": lambda client, person, room: "0",
    "l": lambda client, person, room: "0",
    "a": lambda client, person, room: (
        "0" if person.account is None else client.directory.accountName(person.account)
    ),
    "o": lambda client, person, room: "n/a",
}


def _whoxRow(
    client: IRCClient, person: Session, room: Room | None, fields: str, token: str
) -> None:
    values = [token or "0"] if "t" in fields else []
    values += [get(client, person, room) for letter, get in _WHOX.items() if letter in fields]
    if "r" in fields:
        client.numeric(numerics.RPL_WHOSPCRPL, *values, text=client.directory.realname(person))
    else:
        client.numeric(numerics.RPL_WHOSPCRPL, *values)


def whois(client: IRCClient, message: Message) -> None:
    """WHOIS."""
    nick = message.params[-1].split(",")[0] if message.params else ""
    if not nick:
        client.numeric(numerics.ERR_NONICKNAMEGIVEN)
        return
    person = client.directory.find(nick)
    if person is None:
        client.numeric(numerics.ERR_NOSUCHNICK, nick)
    else:
        nick = person.nick
        _describe(client, person)
    client.numeric(numerics.RPL_ENDOFWHOIS, nick)


def _describe(client: IRCClient, person: Session) -> None:
    directory, state, session = client.directory, client.state, client.session
    nick = person.nick
    client.numeric(
        numerics.RPL_WHOISUSER,
        nick,
        _user(person),
        directory.host(person.account),
        "*",
        text=directory.realname(person),
    )
    operator = state.isServerOperator(session)
    shown = [
        room
        for room in state.roomsOf(person)
        if room.record.key in session.rooms or person is session or operator
    ]
    if shown:
        several = client.has(caps.MULTI_PREFIX)
        names = " ".join(
            f"{directory.prefix(room, person, several)}{ROOM_SIGN}{room.record.name}"
            for room in shown
        )
        client.numeric(numerics.RPL_WHOISCHANNELS, nick, text=names)
    client.numeric(numerics.RPL_WHOISSERVER, nick, client.server.name, text=client.server.info)
    if person.away:
        client.lastNumeric(numerics.RPL_AWAY, nick, person.away)
    if state.isServerOperator(person):
        client.numeric(numerics.RPL_WHOISOPERATOR, nick)
    if person.account is not None:
        client.numeric(numerics.RPL_WHOISACCOUNT, nick, directory.accountName(person.account))
    mayBan = operator or any(
        atLeast(state.rank(session, room), OPERATOR)
        for room in shown
        if room.record.key in session.rooms
    )
    if mayBan and person is not session:
        # Those who may ban somebody have to know what to ban.
        text = f"is connecting from {person.cloak}"
        client.numeric(numerics.RPL_WHOISHOST, nick, text=text)
    if person is session or operator:
        signon = str(person.connectedAt // NANOSECONDS)
        client.numeric(numerics.RPL_WHOISIDLE, nick, "0", signon)


def whowas(client: IRCClient, message: Message) -> None:
    """WHOWAS."""
    nick, count = message.param(0), message.param(1)
    if not nick:
        client.numeric(numerics.ERR_NONICKNAMEGIVEN)
        return
    entries = client.server.whowas(nick)
    if count.isdigit() and int(count[:6]) > 0:
        entries = entries[: int(count[:6])]
    if not entries:
        client.numeric(numerics.ERR_WASNOSUCHNICK, nick)
    for entry in entries:
        client.numeric(
            numerics.RPL_WHOWASUSER,
            entry.nick,
            entry.username or UNKNOWN_USER,
            entry.host,
            "*",
            text=entry.realname,
        )
        left = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(entry.time // NANOSECONDS))
        client.numeric(numerics.RPL_WHOISSERVER, entry.nick, client.server.name, text=left)
    client.numeric(numerics.RPL_ENDOFWHOWAS, nick)


def userhost(client: IRCClient, message: Message) -> None:
    """USERHOST."""
    found = []
    for nick in message.params[:USERHOST_NICKS]:
        person = client.directory.find(nick)
        if person is not None:
            star = "*" if client.state.isServerOperator(person) else ""
            sign = "-" if person.away else "+"
            host = client.directory.host(person.account)
            found.append(f"{person.nick}{star}={sign}{_user(person)}@{host}")
    client.numeric(numerics.RPL_USERHOST, text=" ".join(found))


def ison(client: IRCClient, message: Message) -> None:
    """ISON."""
    nicks = [nick for param in message.params for nick in param.split()]
    people = [client.directory.find(nick) for nick in nicks]
    names = [person.nick for person in people if person is not None]
    client.numeric(numerics.RPL_ISON, text=" ".join(names))
