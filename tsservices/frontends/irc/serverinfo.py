"""Commands about the server: the greeting, MOTD, LUSERS, VERSION and similar ones.  Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc import isupport, numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.formats.lines import ENDING
from tsservices.frontends.irc.message import BODY_BYTES, Message, cut
from tsservices.frontends.irc.server import Greeting, IRCServer


def welcome(client: IRCClient) -> None:
    """Greet a client whose registration is complete."""
    server, nick = client.server, client.nick
    first = f":{server.name} {numerics.RPL_WELCOME.code} {nick} "
    first = cut(f"{first}:Welcome to the {server.network} network, {client.mask}", BODY_BYTES)
    greeting = _greetingOf(client)
    # With one write: after a restart all clients connect at once.
    if greeting.longest + len(nick.encode("utf-8", "replace")) <= BODY_BYTES:
        counts = _userCounts(client)
        before, behind = greeting.about.replace(_NICK, nick), greeting.motd.replace(_NICK, nick)
        text = f"{first}{ENDING}{before}{counts}{behind}"
        client.sendPrepared(text.encode("utf-8", "replace"))
    else:
        lines = greeting.about.replace(_NICK, nick).split(ENDING)[:-1]
        client.send(first, *lines)
        lusers(client)
        client.send(*_motdLines(client))


#: A placeholder for a nick; no line contains it.
_NICK = "\0"


def _greetingOf(client: IRCClient) -> Greeting:
    server, limits, motd = client.server, client.context.limits, client.context.chat.welcome()
    greeting = server.greeting
    if greeting is None or greeting.limits is not limits or greeting.texts != motd:
        greeting = server.greeting = _greeting(server, limits, motd)
    return greeting


def _greeting(server: IRCServer, limits: Limits, motd: list[str]) -> Greeting:
    # Cached: written and encoded line by line for each client, it was a sixth of a join's work.
    name, version = server.name, server.version
    started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(server.created // NANOSECONDS))
    words = " ".join([name, version, *isupport.LETTERS])
    supported = numerics.RPL_ISUPPORT
    about = [
        f":{name} {code} {_NICK} {text}"
        for code, text in (
            (numerics.RPL_YOURHOST.code, f":Your host is {name}, running version {version}"),
            (numerics.RPL_CREATED.code, f":This server was started {started}"),
            (numerics.RPL_MYINFO.code, words),
            *[
                (supported.code, f"{' '.join(tokens)} :{supported.text}")
                for tokens in isupport.lines(server.network, limits)
            ],
        )
    ]
    last = [f":{name} {code} {_NICK} :{text}" for code, text in _motdTexts(name, motd)]
    before, behind = ["".join([line + ENDING for line in lines]) for lines in (about, last)]
    longest = max(len(line.encode("utf-8", "replace")) for line in about + last)
    return Greeting(limits, motd, before, behind, longest)


def _motdTexts(server: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    # The numerics of MOTD, and their texts.
    if not texts:
        return [(numerics.ERR_NOMOTD.code, numerics.ERR_NOMOTD.text or "")]
    return [
        (numerics.RPL_MOTDSTART.code, f"- {server} Message of the day - "),
        *[(numerics.RPL_MOTD.code, f"- {text}") for text in texts],
        (numerics.RPL_ENDOFMOTD.code, numerics.RPL_ENDOFMOTD.text or ""),
    ]


def lusers(client: IRCClient, message: Message | None = None) -> None:
    """LUSERS."""
    client.sendPrepared(_userCounts(client).encode("utf-8", "replace"))


def _userCounts(client: IRCClient) -> str:
    # Lines with their endings, written for each client that connects.
    state, server, nick = client.state, client.server, client.nick
    # By name: an account with several sessions is one user.
    people = len(state.sessionsByNick)
    operators = len(state.sessionsByAccount.keys() & state.operators) if state.operators else 0
    rooms = _visibleRooms(client)
    servers = max(1, len(state.nodes))
    local = len(state.sessions)
    if servers > 1:
        local = sum(1 for session in state.sessions.values() if session.recipient is not None)
    localMost, most = server.mostUsers("local", local), server.mostUsers("global", people)

    text = f":There are {people} users and 0 invisible on {servers} servers"
    lines = [(numerics.RPL_LUSERCLIENT.code, text)]
    for numeric, count in (
        (numerics.RPL_LUSEROP, operators),
        (numerics.RPL_LUSERUNKNOWN, server.unregistered),
        (numerics.RPL_LUSERCHANNELS, rooms),
    ):
        if count:
            lines.append((numeric.code, f"{count} :{numeric.text}"))
    text = f":I have {local} clients and {servers - 1} servers"
    lines.append((numerics.RPL_LUSERME.code, text))
    text = f"{local} {localMost} :Current local users {local}, max {localMost}"
    lines.append((numerics.RPL_LOCALUSERS.code, text))
    text = f"{people} {most} :Current global users {people}, max {most}"
    lines.append((numerics.RPL_GLOBALUSERS.code, text))
    name = server.name
    return "".join([f":{name} {code} {nick} {text}{ENDING}" for code, text in lines])


def _visibleRooms(client: IRCClient) -> int:
    # Secret rooms of others are not counted: a growing number would reveal them.
    state = client.state
    hidden = [
        room
        for room in state.roomsOf(client.session)
        if room.record.private or room.permissions.isSecret
    ]
    return client.server.publicRooms(client.context.monotonic()) + len(hidden)


def motd(client: IRCClient, message: Message | None = None) -> None:
    """MOTD."""
    if message is None or _isMe(client, message.param(0)):
        client.send(*_motdLines(client))


def _motdLines(client: IRCClient) -> list[str]:
    name, nick = client.server.name, client.nick
    texts = _motdTexts(name, client.context.chat.welcome())
    return [cut(f":{name} {code} {nick} :{text}", BODY_BYTES) for code, text in texts]


def _isMe(client: IRCClient, name: str) -> bool:
    # A server is named by its name, a mask, or a user on it.
    server = client.server.name
    if not name or name.lower() == server.lower() or client.directory.find(name) is not None:
        return True
    if "*" in name and matches(name, server):
        return True
    client.numeric(numerics.ERR_NOSUCHSERVER, name)
    return False


def matches(mask: str, text: str) -> bool:
    """Whether a text matches a mask with C{*} and C{?}, ignoring case."""
    # Not fnmatch: brackets are letters here.  No regular expression: it is slow for some masks.
    mask, text = mask.casefold(), text.casefold()
    at = position = 0
    star, after = -1, 0
    while position < len(text):
        if at < len(mask) and (mask[at] == "?" or mask[at] == text[position]) and mask[at] != "*":
            at += 1
            position += 1
        elif at < len(mask) and mask[at] == "*":
            star, after = at, position
            at += 1
        elif star >= 0:
            after += 1
            at, position = star + 1, after
        else:
            return False
    return all(sign == "*" for sign in mask[at:])


def version(client: IRCClient, message: Message) -> None:
    """VERSION."""
    if not _isMe(client, message.param(0)):
        return
    server = client.server
    client.numeric(numerics.RPL_VERSION, server.version, server.name, text=client.server.info)
    for words in isupport.lines(server.network, client.context.limits):
        client.numeric(numerics.RPL_ISUPPORT, *words)


def currentTime(client: IRCClient, message: Message) -> None:
    """TIME."""
    if not _isMe(client, message.param(0)):
        return
    seconds = client.context.chat.context.wallClock() // NANOSECONDS
    text = time.strftime("%A %B %d %Y -- %H:%M:%S +00:00", time.gmtime(seconds))
    client.numeric(numerics.RPL_TIME, client.server.name, str(seconds), "0", text=text)


def admin(client: IRCClient, message: Message) -> None:
    """ADMIN."""
    if not _isMe(client, message.param(0)):
        return
    state = client.state
    names = sorted(client.directory.accountName(key) for key in state.operators)
    who = ", ".join(names) or "nobody yet"
    client.numeric(
        numerics.RPL_ADMINME,
        client.server.name,
        text=f"Administrative info about {client.server.name}",
    )
    client.numeric(numerics.RPL_ADMINLOC1, text=client.server.network)
    client.numeric(numerics.RPL_ADMINLOC2, text=client.server.info)
    client.numeric(numerics.RPL_ADMINEMAIL, text=f"write to an operator: {who}")


def info(client: IRCClient, message: Message) -> None:
    """INFO."""
    if not _isMe(client, message.param(0)):
        return
    server = client.server
    for line in (server.version, server.info, "the same rooms are served to nc and telnet"):
        client.numeric(numerics.RPL_INFO, text=line)
    client.numeric(numerics.RPL_ENDOFINFO)


def links(client: IRCClient, message: Message) -> None:
    """LINKS: always empty, because the nodes of a cluster are one server to users."""
    client.numeric(numerics.RPL_ENDOFLINKS, message.param(1) or message.param(0) or "*")
