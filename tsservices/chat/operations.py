"""
Operations: what sessions and nodes propose, and L{tsservices.chat.apply} decides.

An operation names sessions by ids, rooms and accounts by keys. It carries the folded names: case
folding differs between versions of Python, and whoever applies it later or on another node must
find the same. It carries no password, only a verifier or the version of the one that was checked.

In all of them C{room} is the key of a room, C{key} the folded form of the name before it, which is
as it was typed, and C{cloak} the one of the session's address. C{token} is the digest of the secret
by which another connection may take the session's place; account tokens, by which programs log in,
are named by their ids.

The order of the fields is what nodes send (L{tsservices.chat.serialization}); the names are
internal.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.records import DEFAULT_MODES

#: The version of the operations and of the rules by which they are applied: another one for each
#: new kind, each new field and each change of what a handler decides. An operation of an older
#: version is applied by the rules of that version, so that nodes that read it again find the same.
#:
#:   1. Until 0.1.0.
#:   2. Times of lines may go back; ignoring, erasing, shares of an inbox, tokens of accounts and
#:      modes of rooms are part of the state.
SCHEMA = 2


@dataclass(slots=True)
class Operation:
    """A change of the state that a session or a node proposes."""

    #: The id of the proposer; empty in operations of nodes.
    session: str


@dataclass(slots=True)
class Enter(Operation):
    """A session says its name for the first time."""

    nick: str
    key: str
    cloak: str = ""
    token: str = ""


@dataclass(slots=True)
class Rename(Operation):
    """A session wants another name."""

    nick: str
    key: str


@dataclass(slots=True)
class Join(Operation):
    """A session joins a room, which is created if it does not exist."""

    name: str
    room: str
    #: The key that the room may ask for.
    joinKey: str = ""
    #: The modes of the room if it is created: those without an argument, sorted.
    modes: str = DEFAULT_MODES


@dataclass(slots=True)
class Part(Operation):
    """A session leaves a room."""

    room: str
    reason: str


@dataclass(slots=True)
class Quit(Operation):
    """A session ends; the reason is its user's or the server's."""

    reason: str


@dataclass(slots=True)
class Say(Operation):
    """A session sends lines to a room, one after another with nobody else's between."""

    room: str
    #: L{MESSAGE}, L{ME} or L{NOTICE}.
    kind: str
    #: Each has a number of its own, also if there are line feeds in it.
    texts: tuple[str, ...]
    #: What the author's program says of the lines to other programs, as IRC writes tags. It is
    #: delivered, and not stored.
    tags: str = ""


@dataclass(slots=True)
class Post(Operation):
    """
    A program sends lines to a room by an account token, without a connection: what a L{Say} is for
    sessions. C{session} is its own for this one operation, and nobody else sees it.
    """

    #: The key.
    account: str
    #: The id of the account token.
    tokenId: str
    cloak: str
    room: str
    #: L{MESSAGE}, L{ME} or L{NOTICE}.
    kind: str
    texts: tuple[str, ...]
    #: Names the request, so that it has an effect once only, however often it comes; empty: it has
    #: one each time.
    requestKey: str = ""
    #: Of all that is asked for by that name.
    digest: str = ""


@dataclass(slots=True)
class SendPrivate(Operation):
    """A session sends a line to one person."""

    nick: str
    key: str
    #: L{MESSAGE}, L{ME} or L{NOTICE}.
    kind: str
    text: str
    #: As in L{Say}.
    tags: str = ""


@dataclass(slots=True)
class DeletePrivate(Operation):
    """What somebody wrote in a private message is to be deleted."""

    #: Of the message, as all who got it know it.
    ident: str
    #: The account that wrote it, as the proposer read it from the storage; None: it is stored
    #: nowhere, and the proposer knows that the session wrote it.
    author: str | None
    #: The name of whom it was for.
    nick: str
    #: The key of that account; of a message that is not stored, that of the nick.
    key: str
    #: Why, in the author's words. It is delivered, and not stored.
    reason: str = ""


@dataclass(slots=True)
class SendPassing(Operation):
    """
    A session sends something that is not kept: to the operators of a room, or from its program to
    other programs, as that somebody is typing.
    """

    #: The key; empty: it is for one person.
    room: str
    #: Whom it is for; empty: the room.
    nick: str
    key: str
    #: As in L{Say}.
    tags: str
    #: L{MESSAGE}, L{NOTICE}, L{QUESTION} or L{ANSWER}; empty: there is no text.
    kind: str = ""
    text: str = ""
    #: The lowest rank in the room that is sent it; empty: all members.
    rank: str = ""


#: The kinds of texts that programs of IRC send each other (CTCP).
QUESTION, ANSWER = "question", "answer"


@dataclass(slots=True)
class Introduce(Operation):
    """A session says who its user is, beside the nick: what IRC knows as user and real name."""

    username: str
    realname: str


@dataclass(slots=True)
class Kill(Operation):
    """An operator of the server ends the sessions of somebody."""

    name: str
    key: str
    reason: str


@dataclass(slots=True)
class TellOperators(Operation):
    """An operator of the server tells the others something, and whoever wants to hear it."""

    text: str


@dataclass(slots=True)
class SetTopic(Operation):
    """A session sets the topic of a room; an empty text removes it."""

    room: str
    text: str


@dataclass(slots=True)
class SetAway(Operation):
    """A session is away, with a text, or back, without one."""

    text: str


@dataclass(slots=True)
class DeleteMessage(Operation):
    """What people wrote in a line is to be deleted, and where else it stands."""

    room: str
    seq: int
    #: The account that wrote it, as the proposer read it from the history; None for a guest's.
    author: str | None
    #: The kind of the line from then on, by default L{DELETED}.
    kind: str = "deleted"
    #: Its text from then on: whom it was done to, and for how long.
    rest: str = ""
    #: The time of the topic, the ban or the mute that has the same words; 0: there is none, and
    #: nothing but the line is touched.
    time: int = 0
    #: The id of the line.
    ident: str = ""
    #: Why, in the author's words. It is delivered, and not stored.
    reason: str = ""


#: The kinds of lines that people write.
MESSAGE, ME, NOTICE, TOPIC = "message", "me", "notice", "topic"

#: Kinds that authors see when they type, so that nothing has to be sent back.
TALK = frozenset({MESSAGE, ME, NOTICE})

#: The kinds of lines that say what was done to a room or its members. They are numbered and stored
#: like the others. The text is a name, then for bans and mutes the time, then the reason if any;
#: with L{DELETE} it is the number of a line, with L{PRIVATE} and L{PUBLIC} empty.
KICK, BAN, UNBAN, MUTE, UNMUTE = "kick", "ban", "unban", "mute", "unmute"
OPERATOR, NO_OPERATOR, PRIVATE, PUBLIC, DELETE = "op", "deop", "private", "public", "delete"

#: The kind of a line that says which modes were changed. Its text is as in IRC: the letters, each
#: behind a sign, then a word for each that has an argument, like C{+ov-n ann bob}. The key of a
#: room is not told: C{+k *}.
MODE = "mode"

#: The kind of a line whose text was deleted.
DELETED = "deleted"

#: Kinds of lines in which there is nothing to read: they do not count as lines of a replay.
UNREADABLE = frozenset({DELETE, DELETED})

#: The kinds of lines that are not shown to those who ignore the author. Lines that say what was
#: done to the room (kicks, modes) are for everybody in it.
IGNORED_KINDS = TALK | {TOPIC, DELETED}

# What was done to somebody stays: the name, and for how long.
_WORDS_KEPT = {KICK: 1, BAN: 2, MUTE: 2}


def withoutWords(kind: str, text: str) -> tuple[str, str] | None:
    """Kind and text of a line without what somebody wrote in it; None if that is nothing."""
    if kind in TALK or kind == TOPIC:
        return (DELETED, "") if text else None
    words = text.split(" ")
    count = _WORDS_KEPT.get(kind, len(words))
    return (kind, " ".join(words[:count])) if len(words) > count else None


@dataclass(slots=True)
class SetOperator(Operation):
    """An account is to be operator of a room, or not any more."""

    room: str
    name: str
    key: str
    #: Whether the account becomes operator.
    grant: bool


@dataclass(slots=True)
class Kick(Operation):
    """A member has to leave a room at once, and may join again."""

    room: str
    name: str
    key: str
    reason: str


@dataclass(slots=True)
class Restrict(Operation):
    """A user or an address is banned from a room or muted in it."""

    room: str
    #: L{BAN} or L{MUTE}.
    kind: str
    #: A name, or the cloak of an address.
    name: str
    key: str
    #: For how long; 0: for ever.
    seconds: int
    reason: str


@dataclass(slots=True)
class LiftRestriction(Operation):
    """A ban or a mute ends."""

    room: str
    #: L{BAN} or L{MUTE}.
    kind: str
    #: A name, or the cloak of an address.
    name: str
    key: str


@dataclass(slots=True)
class SetPrivate(Operation):
    """A room is to be joined by invitation only, or by everybody."""

    room: str
    #: Whether by invitation.
    private: bool


@dataclass(slots=True)
class SetModes(Operation):
    """Modes of a room are to be changed, each by itself, in this order."""

    room: str
    #: Each a sign with a letter, its argument as it was typed, and the same as a key (a name) or in
    #: its folded form (a mask); empty for letters without one.
    changes: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Invite(Operation):
    """A user may join a private room."""

    room: str
    name: str
    key: str


@dataclass(slots=True)
class Resume(Operation):
    """A new connection takes the place of a session whose connection is lost."""

    token: str
    cloak: str


@dataclass(slots=True)
class Register(Operation):
    """A session wants to own its name."""

    key: str
    #: Verifies the password.
    verifier: str


@dataclass(slots=True)
class Login(Operation):
    """A session has given the password of an account."""

    #: The key.
    account: str
    #: The password that was checked: the account may have another one by now.
    version: int
    cloak: str
    #: Used if the session has no name yet.
    token: str
    #: The id of the account token that was given in place of the password; empty: none was.
    tokenId: str = ""
    #: The nick that it wants to have in place of the account's name, and the key of that; empty:
    #: it takes the account's name.
    nick: str = ""
    key: str = ""
    #: Whether it leaves the account that it is logged in to; else it may be logged in to none.
    switch: bool = False


@dataclass(slots=True)
class Logout(Operation):
    """A session becomes a guest again."""


@dataclass(slots=True)
class SetPassword(Operation):
    """An account gets another password."""

    #: The key.
    account: str
    #: The old password, which was checked; None for an operator of the server.
    version: int | None
    #: Verifies the new password.
    verifier: str
    #: Whether the tokens of the account are to be revoked too.
    revoke: bool = False


@dataclass(slots=True)
class CreateToken(Operation):
    """The owner of an account wants a token for it."""

    name: str
    key: str
    #: L{TALK_SCOPE} or L{READ_SCOPE}.
    scope: str
    #: The id.
    ident: str
    #: Of the whole token.
    digest: str


#: What the sessions that log in by a token may do: nearly all that the account may, or only read.
TALK_SCOPE, READ_SCOPE = "talk", "read"

#: All scopes, the default one first.
SCOPES = (TALK_SCOPE, READ_SCOPE)


@dataclass(slots=True)
class RevokeTokens(Operation):
    """The owner of an account takes tokens of it back."""

    #: Their ids.
    idents: tuple[str, ...]


@dataclass(slots=True)
class DropAccount(Operation):
    """An account is to be deleted."""

    #: The key.
    account: str


@dataclass(slots=True)
class MarkRead(Operation):
    """The owner of an account has read a room up to a line."""

    room: str
    seq: int


@dataclass(slots=True)
class MarkTime(Operation):
    """A session has read a conversation up to a time."""

    #: As in L{TimeMark<tsservices.chat.records.TimeMark>}.
    target: str
    #: Nanoseconds since 1970, UTC.
    time: int


@dataclass(slots=True)
class ClearUnread(Operation):
    """The owner of an account has read the private messages that waited."""


@dataclass(slots=True)
class Ignore(Operation):
    """A session no longer wants to read what somebody writes, or wants it again."""

    #: Their name, as the session was shown it.
    name: str
    #: Who they are: keys of accounts, and C{origin}s of sessions of guests. The first one counts if
    #: they are to be ignored; all, if no longer.
    masks: tuple[str, ...]
    #: Whether they are to be ignored.
    on: bool


@dataclass(slots=True)
class NodeUp(Operation):
    """
    A node starts. All sessions that it had before are gone.

    Its limits and operators hold on all nodes from now on: all must decide by the same ones.
    """

    node: str
    #: The name of this start, which no other start of any node has.
    incarnation: str
    roomsEach: int
    maxRooms: int
    maxAccounts: int
    roomsFounded: int
    accountsFounded: int
    #: The keys of the accounts that are operators of the server.
    operators: tuple[str, ...]
    #: 0: not known.
    sessionsEach: int = 0


@dataclass(slots=True)
class NodeDown(Operation):
    """A node is silent for too long, or says itself that it stops. All its sessions are gone."""

    node: str
    incarnation: str
    #: The position of its last message when this was proposed. If there is a later one by now, the
    #: node is alive and this is rejected.
    seen: int


@dataclass(slots=True)
class ReattachSession(Operation):
    """
    A session is still connected to a node that the others have taken for gone: it gets back what it
    had, as far as nobody else has it by now.
    """

    nick: str
    key: str
    #: The key of the account that it was logged in to.
    account: str | None
    #: The account's password then.
    version: int
    cloak: str
    token: str
    away: str
    #: When it entered: nanoseconds since 1970, UTC. What the nodes remember counts more; a session
    #: that they do not remember has just come.
    connectedAt: int
    #: Its rooms: key, name, and the number of the last line that it got.
    rooms: tuple[tuple[str, str, int], ...]
    #: The id of the account token by which it was logged in; empty: by none.
    tokenId: str = ""
