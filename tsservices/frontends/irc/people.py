"""How the chat's people and rooms are written in IRC: masks, hosts, prefixes, names.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.cloaks import USER, hostOf
from tsservices.chat.errors import ChatError
from tsservices.chat.names import ROOM_SIGN, fold, roomKey
from tsservices.chat.permissions import MEMBER
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: The user in the mask of somebody whose program has said none, or who is not here now.
UNKNOWN_USER = USER

#: Characters of a user's name.
USER_LENGTH = 16

#: Characters that stand before a name of a channel.
CHANNEL_SIGNS = ROOM_SIGN

#: The prefix of operators and of those with a voice.
OPERATOR_PREFIX, VOICE_PREFIX = "@", "+"


def isChannel(target: str) -> bool:
    return target.startswith(ROOM_SIGN)


def username(text: str) -> str:
    """A user's name as it is shown, of what a program has sent; empty if nothing is left of it."""
    kept = "".join(
        letter for letter in text if letter.isascii() and (letter.isalnum() or letter in "-_.")
    )
    return f"~{kept[:USER_LENGTH]}" if kept else ""


def maskText(nick: str, user: str, account: str | None) -> str:
    """What stands before what somebody does; an empty user is not known."""
    return f"{nick}!{user or UNKNOWN_USER}@{hostOf(account)}"


@dataclass(slots=True, eq=False)
class People:
    """Who is in a channel, at one place in the order: all that comes later is told as news."""

    channel: str
    #: In the order of joining, with spaces between: one for each session.
    nickText: str
    #: By name.
    count: int
    #: L{None}: it is gone.
    room: Room | None
    #: Who has joined last, at that place; L{None}: whoever has joined last now.
    last: Session | None = None

    def unchanged(self) -> bool:
        """Whether nobody of them has left since then, or has another name."""
        return self.room is not None and isLonger(self.room.nickText, self.nickText)

    def severalEach(self) -> bool:
        """Whether some have several sessions there now."""
        return self.room is not None and len(self.room.nickCounts) < len(self.room.members)

    def sessions(self) -> list[Session]:
        """Those who are still there: one session for each name."""
        return [] if self.room is None else members(self.room, self.last)


def isLonger(names: str, known: str) -> bool:
    """Whether names are some that are known, and perhaps others behind them."""
    end = len(known)
    return names.startswith(known) and (not known or names[end : end + 1] in ("", " "))


def present(room: Room) -> People:
    """Those who are in a room now."""
    return People(ROOM_SIGN + room.record.name, room.nickText, len(room.nickCounts), room)


class Directory:
    """Looks up in the state how people are written."""

    def __init__(self, state: ChatState) -> None:
        self.state = state

    def accountName(self, key: str) -> str:
        """An account as its owner writes it."""
        account = self.state.accounts.get(key)
        return key if account is None else account.name

    def host(self, account: str | None) -> str:
        """The host of somebody by their account's key."""
        return hostOf(account)

    def mask(self, nick: str, account: str | None, session: Session | None = None) -> str:
        """
        What stands before what somebody does.

        @param session: if it is known.
        """
        if session is None:
            holders = self.state.sessionsByNick.get(fold(nick))
            # Who has said something before may have another name now, and somebody else this one.
            if holders is not None and holders[0].account == account:
                session = holders[0]
        return maskText(nick, "" if session is None else session.username, account)

    def sessionMask(self, session: Session) -> str:
        return self.mask(session.nick, session.account, session)

    def realname(self, session: Session) -> str:
        return session.realname or session.nick

    def prefix(self, room: Room, session: Session, several: bool = False) -> str:
        """
        The signs of the rank of somebody in a room.

        @param several: whether all are wanted, and not the highest alone.
        """
        permissions = room.permissions
        if permissions.rank(session) == MEMBER:
            return VOICE_PREFIX if permissions.hasVoice(session) else ""
        if several and permissions.hasVoice(session):
            return OPERATOR_PREFIX + VOICE_PREFIX
        return OPERATOR_PREFIX

    def ranked(self, room: Room) -> list[Session]:
        """The members who have a sign in a room."""
        permissions, members = room.permissions, room.members
        idents = {permissions.guestFounder, *permissions.sessionRoles}
        found = [session for ident in idents if (session := members.get(ident)) is not None]
        for account in {room.record.founder or "", *permissions.roles}:
            for session in self.state.sessionsByAccount.get(account, ()):
                if session.ident in members and session not in found:
                    found.append(session)
        return found

    def find(self, nick: str) -> Session | None:
        """The session of a nick, or the oldest of them."""
        holders = self.state.sessionsByNick.get(fold(nick))
        return None if holders is None else holders[0]

    def room(self, name: str) -> Room | None:
        """A room by the name of its channel."""
        if not isChannel(name):
            return None
        try:
            return self.state.rooms.get(roomKey(name)[1])
        except ChatError:
            return None

    def visibleRoom(self, session: Session, name: str) -> Room | None:
        """The same, if that session may know of it."""
        room = self.room(name)
        return room if room is not None and self.state.canSee(session, room) else None


def members(room: Room, last: Session | None = None) -> list[Session]:
    """
    The people of a room: one session for each name.

    @param last: those who have joined after this one are left out.
    """
    persons: dict[str, Session] = {}
    for session in room.members.values():
        persons[session.key] = session
        if session is last:
            break
    return list(persons.values())
