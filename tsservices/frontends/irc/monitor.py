"""MONITOR: being told when some people come or go.  Pure."""

from __future__ import annotations

from tsservices.chat.errors import ChatError
from tsservices.chat.names import nameKey
from tsservices.frontends.irc import isupport, numerics
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.message import Message
from tsservices.frontends.irc.replies import listLines, presenceLines


def monitor(client: IRCClient, message: Message) -> None:
    """MONITOR + names, - names, C, L, S."""
    word = message.param(0).upper()
    names = [name for name in message.param(1).split(",") if name]
    if word == "+":
        _add(client, names)
    elif word == "-":
        for name in names:
            _remove(client, name)
    elif word == "C":
        clear(client)
    elif word == "L":
        client.send(*listLines(client, numerics.RPL_MONLIST, client.monitored.values()))
        client.numeric(numerics.RPL_ENDOFMONLIST)
    elif word == "S":
        client.send(*presenceLines(client, client.monitored.values()))


def _add(client: IRCClient, names: list[str]) -> None:
    added: list[str] = []
    for index, name in enumerate(names):
        try:
            key = nameKey(name)
        except ChatError:
            # Nobody can have that name: a mask, say.
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


def _remove(client: IRCClient, name: str) -> None:
    try:
        key = nameKey(name)
    except ChatError:
        return
    if client.monitored.pop(key, None) is not None:
        client.state.unwatch(key, client.session)


def clear(client: IRCClient) -> None:
    """Watch nobody any more."""
    for key in client.monitored:
        client.state.unwatch(key, client.session)
    client.monitored.clear()
