"""MARKREAD: the times up to which conversations were read.  Pure."""

from __future__ import annotations

from tsservices.chat.errors import ChatError
from tsservices.chat.names import ROOM_SIGN, fold, roomKey
from tsservices.chat.operations import MarkTime
from tsservices.frontends.irc.client import IRCClient
from tsservices.frontends.irc.formats.lines import timeText
from tsservices.frontends.irc.history.places import parseTime
from tsservices.frontends.irc.message import Message, middleWord
from tsservices.frontends.irc.people import isChannel


def _targetKey(name: str) -> str:
    try:
        return ROOM_SIGN + roomKey(name)[1] if isChannel(name) else fold(name)
    except ChatError:
        return ""


def markLine(client: IRCClient, name: str, time: int = 0) -> str:
    """Write the read marker of a conversation; 0: it was never read."""
    mark = f"timestamp={timeText(time)}" if time else "*"
    return f":{client.server.name} MARKREAD {middleWord(name)} {mark}"


def markOf(client: IRCClient, name: str) -> int:
    """Return the time up to which the client has read a conversation; 0: not known."""
    session = client.session
    marks = client.state.timeMarks.get(session.account or session.origin, {})
    mark = marks.get(_targetKey(name))
    return 0 if mark is None else mark.time


def shownName(client: IRCClient, target: str) -> str:
    """Return the name of a conversation as it is shown, by its key."""
    if isChannel(target):
        room = client.state.rooms.get(target.removeprefix(ROOM_SIGN))
        return target if room is None else ROOM_SIGN + room.record.name
    person = client.directory.find(target)
    return client.directory.accountName(target) if person is None else person.nick


def markread(client: IRCClient, message: Message) -> None:
    """MARKREAD."""
    if not message.params:
        client.fail("MARKREAD", "NEED_MORE_PARAMS", text="Say what was read")
        return
    name = message.param(0)
    if len(message.params) == 1:
        client.send(markLine(client, name, markOf(client, name)))
        return
    kind, _, value = message.param(1).partition("=")
    time = parseTime(value) if kind == "timestamp" else None
    key = _targetKey(name)
    if time is None or not key or len(key) > 64:
        client.fail("MARKREAD", "INVALID_PARAMS", name, text="Say timestamp=...")
        return
    client.controller.propose(MarkTime(client.session.ident, key, time))
