"""Commands about users: WHO, WHOIS, WHOWAS, USERHOST, ISON, MONITOR.  Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from tsservices.chat.errors import ChatError
from tsservices.chat.names import ROOM_SIGN, nameKey
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc import isupport, numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.people import (
    UNKNOWN_USER,
    isChannel,
    members,
)
from tsservices.frontends.irc.replies import listLines, presenceLines
from tsservices.frontends.irc.serverinfo import matches

#: Nicks of one USERHOST.
USERHOST_NICKS = 5

#: Rows of one WHO by a mask; a WHO of a channel has no such limit.
WHO_ROWS = 500

#: People who are compared with a mask in one turn: about 5 ms.
WHO_LOOKED_AT = 250

#: The address that is shown for all users, because the real ones are secret.
HIDDEN_ADDRESS = "255.255.255.255"


def _status(client: IRCClient, person: Session, room: Room | None) -> str:
    status = "G" if client.state.awayText(person) else "H"
    if client.state.isServerOperator(person):
        status += "*"
    if room is not None:
        status += client.directory.prefix(room, person, client.has(caps.MULTI_PREFIX))
    return status


def _user(person: Session) -> str:
    return person.username or UNKNOWN_USER


async def who(client: IRCClient, message: Message) -> None:
    """WHO and WHOX."""
    mask, options = message.param(0), message.param(1)
    wanted, _, rest = options.partition("%")
    fields, _, token = rest.partition(",")
    operatorsOnly = "o" in wanted.lower()
    await client.sendPages(
        None
        if found is None
        else _whoxRow(client, *found, fields, token[:3])
        if "%" in options
        else _whoRow(client, *found)
        for found in _found(client, mask)
        if found is None or not operatorsOnly or client.state.isServerOperator(found[0])
    )
    client.numeric(numerics.RPL_ENDOFWHO, mask or "*")


def _found(client: IRCClient, mask: str) -> Iterable[tuple[Session, Room | None] | None]:
    # None: other connections are to be served before more people are checked.
    state, directory, session = client.state, client.directory, client.session
    if isChannel(mask):
        room = directory.visibleRoom(session, mask)
        if room is not None:
            for person in members(room):
                # The rows are sent in pages: some members leave meanwhile.
                if person.key in room.nickCounts:
                    yield person, room
        return
    exact = directory.find(mask)
    if exact is not None:
        yield exact, _shared(client, exact)
        return
    if mask in ("", "0"):
        mask = "*"
    found = 0
    # Only users who share a room with the client: the others stay hidden.
    for index, person in enumerate(list(state.sharedWith(session, True)), 1):
        if index % WHO_LOOKED_AT == 0:
            yield None
        if person.ident not in state.sessions:
            continue
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


def _whoRow(client: IRCClient, person: Session, room: Room | None) -> str:
    directory = client.directory
    return client.numericLine(
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


def _whoxRow(client: IRCClient, person: Session, room: Room | None, fields: str, token: str) -> str:
    values = [token or "0"] if "t" in fields else []
    values += [get(client, person, room) for letter, get in _WHOX.items() if letter in fields]
    if "r" in fields:
        realname = client.directory.realname(person)
        return client.numericLine(numerics.RPL_WHOSPCRPL, *values, text=realname)
    return client.numericLine(numerics.RPL_WHOSPCRPL, *values)


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
        names = [
            f"{directory.prefix(room, person, several)}{ROOM_SIGN}{room.record.name}"
            for room in shown
        ]
        client.send(*listLines(client, numerics.RPL_WHOISCHANNELS, names, nick, between=" "))
    client.numeric(numerics.RPL_WHOISSERVER, nick, client.server.name, text=client.server.info)
    if away := state.awayText(person):
        client.lastNumeric(numerics.RPL_AWAY, nick, away)
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
        # A user who may ban somebody has to know what to ban.
        text = f"is connecting from {person.cloak}"
        client.numeric(numerics.RPL_WHOISHOST, nick, text=text)
    recipient = person.recipient
    # These times are not known for users on other nodes or of other frontends.
    if (person is session or operator) and isinstance(recipient, IRCClient):
        idle = str(int(client.context.monotonic() - recipient.spokeAt))
        signon = str(person.connectedAt // NANOSECONDS)
        client.numeric(numerics.RPL_WHOISIDLE, nick, idle, signon)


def whowas(client: IRCClient, message: Message) -> None:
    """WHOWAS."""
    nick, count = message.param(0), message.param(1)
    if not nick:
        client.numeric(numerics.ERR_NONICKNAMEGIVEN)
        return
    entries = client.server.whowas(nick)
    if count.isascii() and count.isdigit() and int(count[:6]) > 0:
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
            sign = "-" if client.state.awayText(person) else "+"
            host = client.directory.host(person.account)
            found.append(f"{person.nick}{star}={sign}{_user(person)}@{host}")
    client.send(*listLines(client, numerics.RPL_USERHOST, found or [""], between=" "))


def ison(client: IRCClient, message: Message) -> None:
    """ISON."""
    nicks = [nick for param in message.params for nick in param.split()]
    people = [client.directory.find(nick) for nick in nicks]
    names = [person.nick for person in people if person is not None]
    client.send(*listLines(client, numerics.RPL_ISON, names or [""], between=" "))


def monitor(client: IRCClient, message: Message) -> None:
    """MONITOR + names, - names, C, L, S."""
    word = message.param(0).upper()
    names = [name for name in message.param(1).split(",") if name]
    if word == "+":
        _watch(client, names)
    elif word == "-":
        for name in names:
            _unwatch(client, name)
    elif word == "C":
        stopMonitoring(client)
    elif word == "L":
        client.send(*listLines(client, numerics.RPL_MONLIST, client.monitored.values()))
        client.numeric(numerics.RPL_ENDOFMONLIST)
    elif word == "S":
        client.send(*presenceLines(client, client.monitored.values()))


def _watch(client: IRCClient, names: list[str]) -> None:
    added: list[str] = []
    for index, name in enumerate(names):
        try:
            key = nameKey(name)
        except ChatError:
            # Nobody can have that name; it may be a mask.
            continue
        if key in client.monitored:
            continue
        if len(client.monitored) >= isupport.MONITORED:
            rest = ",".join(names[index:])
            client.numeric(numerics.ERR_MONLISTFULL, str(isupport.MONITORED), rest)
            break
        client.monitored[key] = name
        client.state.watch(key, client.session)
        added.append(name)
    client.send(*presenceLines(client, added))


def _unwatch(client: IRCClient, name: str) -> None:
    try:
        key = nameKey(name)
    except ChatError:
        return
    if client.monitored.pop(key, None) is not None:
        client.state.unwatch(key, client.session)


def stopMonitoring(client: IRCClient) -> None:
    """Stop watching all names."""
    for key in client.monitored:
        client.state.unwatch(key, client.session)
    client.monitored.clear()
