"""The chat's people and rooms as written in IRC: masks, hosts, prefixes, names.  Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.cloaks import USER, hostOf
from tsservices.chat.errors import ChatError
from tsservices.chat.names import ROOM_SIGN, fold, roomKey
from tsservices.chat.permissions import MEMBER
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: The user name in a mask if the client has sent none, or the user is not connected.
UNKNOWN_USER = USER

#: Characters of a user's name.
USER_LENGTH = 16

#: Characters before the name of a channel.
CHANNEL_SIGNS = ROOM_SIGN

#: The prefixes of operators and of members with voice.
OPERATOR_PREFIX, VOICE_PREFIX = "@", "+"


def isChannel(target: str) -> bool:
    return target.startswith(ROOM_SIGN)


def username(text: str) -> str:
    """Make the shown user name from a client's; empty if it has no valid character."""
    kept = "".join(
        letter for letter in text if letter.isascii() and (letter.isalnum() or letter in "-_.")
    )
    return f"~{kept[:USER_LENGTH]}" if kept else ""


def maskText(nick: str, user: str, account: str | None) -> str:
    """Write the mask that is the source of a user's lines; an empty user name is unknown."""
    return f"{nick}!{user or UNKNOWN_USER}@{hostOf(account)}"


@dataclass(slots=True, eq=False)
class People:
    """The people in a channel at one position; later changes are sent as events."""

    channel: str
    #: The nicks in the order of joining, separated by spaces, one for each session.
    nickText: str
    #: The number of different names.
    count: int
    #: L{None}: the room no longer exists.
    room: Room | None
    #: The last session to join before that position; L{None}: the last one now.
    last: Session | None = None

    def unchanged(self) -> bool:
        """Whether none of them has left or was renamed since then."""
        return self.room is not None and isLonger(self.room.nickText, self.nickText)

    def severalEach(self) -> bool:
        """Whether some names have several sessions there now."""
        return self.room is not None and len(self.room.nickCounts) < len(self.room.members)

    def sessions(self) -> list[Session]:
        """Return the people who are still there: one session for each name."""
        return [] if self.room is None else members(self.room, self.last)


def isLonger(names: str, known: str) -> bool:
    """Whether names begin with all known ones; more may follow."""
    end = len(known)
    return names.startswith(known) and (not known or names[end : end + 1] in ("", " "))


def present(room: Room) -> People:
    """Return the people in a room now."""
    return People(ROOM_SIGN + room.record.name, room.nickText, len(room.nickCounts), room)


class Directory:
    """Looks up in the state how people are written in IRC."""

    def __init__(self, state: ChatState) -> None:
        self.state = state

    def accountName(self, key: str) -> str:
        """Return the name of an account as its owner spells it."""
        account = self.state.accounts.get(key)
        return key if account is None else account.name

    def host(self, account: str | None) -> str:
        """Return the host that is shown for an account's key; L{None}: a guest."""
        return hostOf(account)

    def mask(self, nick: str, account: str | None, session: Session | None = None) -> str:
        """
        Write the mask that is the source of a user's lines.

        @param session: the user's session, if it is known.
        """
        if session is None:
            holders = self.state.sessionsByNick.get(fold(nick))
            # The author of an older line may be renamed, and the nick belong to somebody else now.
            if holders is not None and holders[0].account == account:
                session = holders[0]
        return maskText(nick, "" if session is None else session.username, account)

    def sessionMask(self, session: Session) -> str:
        return self.mask(session.nick, session.account, session)

    def realname(self, session: Session) -> str:
        return session.realname or session.nick

    def prefix(self, room: Room, session: Session, several: bool = False) -> str:
        """
        Return the signs of a user's rank in a room.

        @param several: whether to return all signs, and not only the highest.
        """
        permissions = room.permissions
        if permissions.rank(session) == MEMBER:
            return VOICE_PREFIX if permissions.hasVoice(session) else ""
        if several and permissions.hasVoice(session):
            return OPERATOR_PREFIX + VOICE_PREFIX
        return OPERATOR_PREFIX

    def ranked(self, room: Room) -> list[Session]:
        """Return the members of a room who have a sign."""
        permissions, members = room.permissions, room.members
        idents = {permissions.guestFounder, *permissions.sessionRoles}
        found = [session for ident in idents if (session := members.get(ident)) is not None]
        for account in {room.record.founder or "", *permissions.roles}:
            for session in self.state.sessionsByAccount.get(account, ()):
                if session.ident in members and session not in found:
                    found.append(session)
        return found

    def find(self, nick: str) -> Session | None:
        """Find the session of a nick, or the oldest of several."""
        holders = self.state.sessionsByNick.get(fold(nick))
        return None if holders is None else holders[0]

    def room(self, name: str) -> Room | None:
        """Find a room by the name of its channel."""
        if not isChannel(name):
            return None
        try:
            return self.state.rooms.get(roomKey(name)[1])
        except ChatError:
            return None

    def visibleRoom(self, session: Session, name: str) -> Room | None:
        """Find a room by the name of its channel, if that session may see it."""
        room = self.room(name)
        return room if room is not None and self.state.canSee(session, room) else None


def members(room: Room, last: Session | None = None) -> list[Session]:
    """
    Return the people of a room: one session for each name.

    @param last: people who have joined after this session are left out.
    """
    persons: dict[str, Session] = {}
    for session in room.members.values():
        persons[session.key] = session
        if session is last:
            break
    return list(persons.values())
