"""What the server says of itself: the greeting, MOTD, LUSERS, VERSION and their like.  Pure."""

from __future__ import annotations

import time

from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.irc import isupport, numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message


def welcome(client: IRCClient) -> None:
    """Greet somebody who has become one of us."""
    server, limits = client.server, client.context.limits
    numeric = client.numeric
    numeric(numerics.RPL_WELCOME, text=f"Welcome to the {server.network} network, {client.mask}")
    numeric(
        numerics.RPL_YOURHOST, text=f"Your host is {server.name}, running version {server.version}"
    )
    created = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(server.created // NANOSECONDS))
    numeric(numerics.RPL_CREATED, text=f"This server was started {created}")
    lists, always, whenSet, without = isupport.CHANNEL_MODES
    members = "".join(mode for mode, _ in isupport.MEMBER_MODES)
    channelModes = "".join(sorted(lists + always + whenSet + without + members))
    withArgument = "".join(sorted(lists + always + whenSet + members))
    numeric(
        numerics.RPL_MYINFO,
        server.name,
        server.version,
        isupport.USER_MODES,
        channelModes,
        withArgument,
    )
    for line in isupport.lines(server.network, limits):
        numeric(numerics.RPL_ISUPPORT, line)
    lusers(client)
    motd(client)


def lusers(client: IRCClient, message: Message | None = None) -> None:
    """LUSERS."""
    state, server = client.state, client.server
    # By name: an account with several sessions is one user.
    people = len(state.sessionsByNick)
    operators = len(state.sessionsByAccount.keys() & state.operators)
    rooms = sum(1 for room in state.rooms.values() if room.members)
    servers = max(1, len(state.nodes))
    unknown = server.unregistered
    numeric = client.numeric
    numeric(
        numerics.RPL_LUSERCLIENT,
        text=f"There are {people} users and 0 invisible on {servers} servers",
    )
    if operators:
        numeric(numerics.RPL_LUSEROP, str(operators))
    if unknown:
        numeric(numerics.RPL_LUSERUNKNOWN, str(unknown))
    if rooms:
        numeric(numerics.RPL_LUSERCHANNELS, str(rooms))
    local = sum(1 for session in state.sessions.values() if session.recipient is not None)
    others = servers - 1
    numeric(numerics.RPL_LUSERME, text=f"I have {local} clients and {others} servers")
    for code, name, count in (
        (numerics.RPL_LOCALUSERS, "local", local),
        (numerics.RPL_GLOBALUSERS, "global", people),
    ):
        most = server.mostUsers(name, count)
        numeric(code, str(count), str(most), text=f"Current {name} users {count}, max {most}")


def motd(client: IRCClient, message: Message | None = None) -> None:
    """MOTD."""
    if message is not None and not _isMe(client, message.param(0)):
        return
    lines = client.context.chat.welcome()
    if not lines:
        client.numeric(numerics.ERR_NOMOTD)
        return
    client.numeric(numerics.RPL_MOTDSTART, text=f"- {client.server.name} Message of the day - ")
    for line in lines:
        client.numeric(numerics.RPL_MOTD, text=f"- {line}")
    client.numeric(numerics.RPL_ENDOFMOTD)


def _isMe(client: IRCClient, name: str) -> bool:
    # A server, by its name, a mask, or somebody who is on it.
    server = client.server.name
    if not name or name.lower() == server.lower() or client.directory.find(name) is not None:
        return True
    if "*" in name and matches(name, server):
        return True
    client.numeric(numerics.ERR_NOSUCHSERVER, name)
    return False


def matches(mask: str, text: str) -> bool:
    """Whether a text is like a mask with C{*} and C{?}, in any case."""
    # Not fnmatch: brackets are letters here.  And not a regular expression: that is slow for some.
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
    for line in isupport.lines(server.network, client.context.limits):
        client.numeric(numerics.RPL_ISUPPORT, line)


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
    """LINKS: there are none to be shown, since the nodes of a cluster are one server to users."""
    client.numeric(numerics.RPL_ENDOFLINKS, message.param(1) or message.param(0) or "*")
