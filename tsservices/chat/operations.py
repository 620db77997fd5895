"""
What sessions propose.  Pure.

An event names sessions by their ids and rooms by their keys, and carries folded names:
case folding differs between versions of Unicode, and whoever applies the event later,
or elsewhere, must find the same.

What is proposed to keep order in a room.  Pure.

What is proposed of accounts, and by those who have one.  Pure.

What nodes propose of themselves and of each other.  Pure.

These name nodes, not sessions; C{session} is empty in them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Operation:
    """
    Anything that can be proposed.

    @ivar session: the id of who proposes it.
    """

    session: str


@dataclass(slots=True)
class Enter(Operation):
    """
    Somebody says who they are for the first time.

    @ivar nick: what they want to be called.
    @ivar key: the same, folded.
    @ivar cloak: stands for their address.
    @ivar token: the digest of what lets another connection go on for this one.
    """

    nick: str
    key: str
    cloak: str = ""
    token: str = ""


@dataclass(slots=True)
class Rename(Operation):
    """
    Somebody wants to be called something else.

    @ivar nick: the new name.
    @ivar key: the same, folded.
    """

    nick: str
    key: str


@dataclass(slots=True)
class Join(Operation):
    """
    Somebody enters a room, which is made if it is not there.

    @ivar name: of the room.
    @ivar room: its key.
    """

    name: str
    room: str


@dataclass(slots=True)
class Part(Operation):
    """
    Somebody leaves a room.

    @ivar room: its key.
    @ivar reason: in their words, or nothing.
    """

    room: str
    reason: str


@dataclass(slots=True)
class Quit(Operation):
    """
    Somebody leaves.

    @ivar reason: in their words, or in the server's.
    """

    reason: str


@dataclass(slots=True)
class Say(Operation):
    """
    Somebody says some lines in a room: one after another, nobody else's between.

    @ivar room: its key.
    @ivar kind: L{MESSAGE}, L{ME} or L{NOTICE}.
    @ivar texts: the lines.
    """

    room: str
    kind: str
    texts: tuple[str, ...]


@dataclass(slots=True)
class SendPrivate(Operation):
    """
    Somebody says something to one person.

    @ivar nick: whom to, as it was written.
    @ivar key: the same, folded.
    @ivar kind: L{MESSAGE}, L{ME} or L{NOTICE}.
    @ivar text: the line.
    """

    nick: str
    key: str
    kind: str
    text: str


@dataclass(slots=True)
class SetTopic(Operation):
    """
    Somebody says what a room is about.

    @ivar room: its key.
    @ivar text: what it is about; nothing takes the topic away.
    """

    room: str
    text: str


@dataclass(slots=True)
class SetAway(Operation):
    """
    Somebody is away, or back.

    @ivar text: why; nothing: back.
    """

    text: str


@dataclass(slots=True)
class DeleteMessage(Operation):
    """
    The text of a line is to be no more.

    @ivar room: the key of its room.
    @ivar seq: its number.
    @ivar author: the account that said it; L{None} for a guest's.
    """

    room: str
    seq: int
    author: str | None


#: The kinds of lines that people say.
MESSAGE, ME, NOTICE, TOPIC = "message", "me", "notice", "topic"

#: Those of them that show at once what was typed: who said them needs not be told.
TALK = frozenset({MESSAGE, ME, NOTICE})

KICK, BAN, UNBAN, MUTE, UNMUTE = "kick", "ban", "unban", "mute", "unmute"
#: The kinds of lines that tell what was done to a room or to people in it, which the room numbers
#: and keeps too. The text of each begins with the name of who is meant, and goes on with for how
#: long (bans and mutes) and why, if that was said; with L{DELETE} it is the number of a line, with
#: L{PRIVATE} and L{PUBLIC} nothing.
OPERATOR, NO_OPERATOR, PRIVATE, PUBLIC, DELETE = "op", "deop", "private", "public", "delete"

#: The kind of a line whose text is no more.
DELETED = "deleted"


@dataclass(slots=True)
class SetOperator(Operation):
    """
    Somebody is to look after a room, or not any more.

    @ivar room: its key.
    @ivar name: who, as it was written.
    @ivar key: the same, folded.
    @ivar grant: whether they are to.
    """

    room: str
    name: str
    key: str
    grant: bool


@dataclass(slots=True)
class Kick(Operation):
    """
    Somebody is to leave a room at once.

    @ivar room: its key.
    @ivar name: who, as it was written.
    @ivar key: the same, folded.
    @ivar reason: in the words of who says so.
    """

    room: str
    name: str
    key: str
    reason: str


@dataclass(slots=True)
class Restrict(Operation):
    """
    Somebody may not enter a room, or not speak in it, for some time.

    @ivar room: its key.
    @ivar kind: L{BAN} or L{MUTE}.
    @ivar name: who, as it was written: a name, or the cloak of an address.
    @ivar key: the same, folded.
    @ivar seconds: for how long; 0: for ever.
    @ivar reason: in the words of who says so.
    """

    room: str
    kind: str
    name: str
    key: str
    seconds: int
    reason: str


@dataclass(slots=True)
class LiftRestriction(Operation):
    """
    Somebody may again.

    @ivar room: its key.
    @ivar kind: L{BAN} or L{MUTE}.
    @ivar name: who, as it was written: a name, or the cloak of an address.
    @ivar key: the same, folded.
    """

    room: str
    kind: str
    name: str
    key: str


@dataclass(slots=True)
class SetPrivate(Operation):
    """
    A room is to be entered by invitation only, or by everybody.

    @ivar room: its key.
    @ivar private: whether by invitation.
    """

    room: str
    private: bool


@dataclass(slots=True)
class Invite(Operation):
    """
    Somebody may enter a private room.

    @ivar room: its key.
    @ivar name: who, as it was written.
    @ivar key: the same, folded.
    """

    room: str
    name: str
    key: str


@dataclass(slots=True)
class Resume(Operation):
    """
    A new connection goes on for another one, which is not heard of any more.

    @ivar token: the digest of what the other one was given.
    @ivar cloak: stands for the new one's address.
    """

    token: str
    cloak: str


@dataclass(slots=True)
class Register(Operation):
    """
    Somebody wants the name they have to be theirs.

    @ivar key: of that name.
    @ivar verifier: of their password.
    """

    key: str
    verifier: str


@dataclass(slots=True)
class Login(Operation):
    """
    Somebody has said the password of an account.

    @ivar account: its key.
    @ivar version: of the password that was said.
    @ivar cloak: stands for their address.
    @ivar token: as in L{Enter}, for those who had no name yet.
    """

    account: str
    version: int
    cloak: str
    token: str


@dataclass(slots=True)
class Logout(Operation):
    """Somebody is a guest again."""


@dataclass(slots=True)
class SetPassword(Operation):
    """
    An account gets another password: its owner's wish, or an operator's.

    @ivar account: its key.
    @ivar version: of the password that was said before; L{None} for an operator of the
        server, who does not know it.
    @ivar verifier: of the new one.
    """

    account: str
    version: int | None
    verifier: str


@dataclass(slots=True)
class DropAccount(Operation):
    """
    An account is to be no more.

    @ivar account: its key.
    """

    account: str


@dataclass(slots=True)
class MarkRead(Operation):
    """
    The owner of an account has read a room up to some line.

    @ivar room: its key.
    @ivar seq: the number of that line.
    """

    room: str
    seq: int


@dataclass(slots=True)
class ClearUnread(Operation):
    """The owner of an account has read what came while they were away."""


@dataclass(slots=True)
class NodeUp(Operation):
    """
    A node begins, or begins again: all who were connected to it before are gone.

    @ivar node: its name.
    @ivar incarnation: no other beginning of a node has it.
    @ivar roomsEach: a limit that holds on all nodes from now on, as the following do.
    @ivar maxRooms: the same.
    @ivar maxAccounts: the same.
    @ivar roomsFounded: the same.
    @ivar accountsFounded: the same.
    @ivar operators: the keys of the accounts that may do anything, from now on.
    """

    node: str
    incarnation: str
    roomsEach: int
    maxRooms: int
    maxAccounts: int
    roomsFounded: int
    accountsFounded: int
    operators: tuple[str, ...]


@dataclass(slots=True)
class NodeDown(Operation):
    """
    A node is not heard of any more, or says itself that it ends: all who were connected to
    it are gone.  It comes too late if the node was heard of since.

    @ivar node: its name.
    @ivar incarnation: of which beginning that is said.
    @ivar seen: the position of the last that was heard of it.
    """

    node: str
    incarnation: str
    seen: int


@dataclass(slots=True)
class ReattachSession(Operation):
    """
    Somebody is still connected to a node that the others have taken for gone: they get
    back what they had, as far as nobody else has it now.

    @ivar nick: what they were called.
    @ivar key: the same, folded.
    @ivar account: the key of the account that they were logged in to.
    @ivar version: of its password then.
    @ivar cloak: stands for their address.
    @ivar token: as in L{Enter}.
    @ivar away: why they are away.
    @ivar connectedAt: when they said their name: nanoseconds since 1970, UTC.  What all nodes
        remember of that counts; who is not remembered has just come.
    @ivar rooms: where they were: keys, names, and the number of the last line that they
        were told of there.
    """

    nick: str
    key: str
    account: str | None
    version: int
    cloak: str
    token: str
    away: str
    connectedAt: int
    rooms: tuple[tuple[str, str, int], ...]
