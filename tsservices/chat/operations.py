"""
Operations: proposals of sessions and nodes, decided by L{tsservices.chat.apply}.

An operation names sessions by ids, rooms and accounts by keys. It carries folded names, because
case folding differs between versions of Python, and a node that applies it later must get the same
result. It carries no password, only a verifier or the version of the password that was checked.

In all operations C{room} is the key of a room, C{key} the folded form of the name in the field
before it (the name is as it was typed), and C{cloak} the cloak of the session's address. C{token}
is the digest of the secret with which another connection may replace the session; account tokens,
with which programs log in, are named by their ids.

The order of the fields is the wire format (L{tsservices.chat.serialization}); the names are
internal.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsservices.chat.records import DEFAULT_MODES

#: The version of the operations and of the rules by which they are applied. It changes with each
#: new kind, each new field and each change of a handler's decision. An operation of an older
#: version is applied by the rules of that version, so that nodes that read it again get the same
#: result.
#:
#:   1. Until 0.1.0.
#:   2. Times of lines may go back; ignoring, erasing, inbox shares, account tokens and modes of
#:      rooms are part of the state.
SCHEMA = 2


@dataclass(slots=True)
class Operation:
    """A change of the state that a session or a node proposes."""

    #: The id of the proposer; empty in operations of nodes.
    session: str


@dataclass(slots=True)
class Enter(Operation):
    """The first name of a session."""

    nick: str
    key: str
    cloak: str = ""
    token: str = ""


@dataclass(slots=True)
class Rename(Operation):
    """A new name for a session."""

    nick: str
    key: str


@dataclass(slots=True)
class Join(Operation):
    """A session joins a room, which is created if it does not exist."""

    name: str
    room: str
    #: The key given, for a room that needs one.
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
    """The end of a session; the reason is given by its user or the server."""

    reason: str


@dataclass(slots=True)
class Say(Operation):
    """Lines from a session to a room, one after another with no other lines between."""

    room: str
    #: L{MESSAGE}, L{ME} or L{NOTICE}.
    kind: str
    #: Each has a number of its own, even if it contains line feeds.
    texts: tuple[str, ...]
    #: Client tags of the lines, in the syntax of IRC. They are delivered, but not stored.
    tags: str = ""


@dataclass(slots=True)
class Post(Operation):
    """
    Lines from a program to a room, sent with an account token and without a connection: like L{Say}
    for sessions. C{session} is an id for this operation only, and is not visible to others.
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
    #: The idempotency key: requests with the same key take effect once; empty: each takes effect.
    requestKey: str = ""
    #: The digest of all fields of the request with that key.
    digest: str = ""


@dataclass(slots=True)
class SendPrivate(Operation):
    """A line from a session to one person."""

    nick: str
    key: str
    #: L{MESSAGE}, L{ME} or L{NOTICE}.
    kind: str
    text: str
    #: As in L{Say}.
    tags: str = ""


@dataclass(slots=True)
class DeletePrivate(Operation):
    """The deletion of the text of a private message."""

    #: The id of the message that all its recipients have.
    ident: str
    #: The key of the author's account, as the proposer read it from the storage; None: the message
    #: is not stored, and the proposer knows that the session wrote it.
    author: str | None
    #: The name of the receiver.
    nick: str
    #: The key of the receiver's account; of a message that is not stored, the key of the nick.
    key: str
    #: The author's reason. It is delivered, but not stored.
    reason: str = ""


@dataclass(slots=True)
class SendPassing(Operation):
    """
    A message that is not kept: to the operators of a room, or between client programs, such as a
    typing notification.
    """

    #: The key of the room; empty: it is for one person.
    room: str
    #: The nick of the receiver; empty: the room.
    nick: str
    key: str
    #: As in L{Say}.
    tags: str
    #: L{MESSAGE}, L{NOTICE}, L{QUESTION} or L{ANSWER}; empty: there is no text.
    kind: str = ""
    text: str = ""
    #: The lowest rank in the room that gets it; empty: all members.
    rank: str = ""


#: The kinds of texts that programs of IRC send each other (CTCP).
QUESTION, ANSWER = "question", "answer"


def isNotice(operation: Operation) -> bool:
    """Whether an operation says something that no program answers."""
    return isinstance(operation, Say | SendPrivate | SendPassing) and operation.kind in (
        NOTICE,
        ANSWER,
    )


@dataclass(slots=True)
class Introduce(Operation):
    """User name and real name of a session, as in IRC."""

    username: str
    realname: str


@dataclass(slots=True)
class Kill(Operation):
    """The end of all sessions of somebody, by an operator of the server."""

    name: str
    key: str
    reason: str


@dataclass(slots=True)
class MessageOperators(Operation):
    """
    A message from an operator of the server to the others, and to sessions that subscribed to it.
    """

    text: str


@dataclass(slots=True)
class SetTopic(Operation):
    """A new topic for a room; an empty text removes it."""

    room: str
    text: str


@dataclass(slots=True)
class SetAway(Operation):
    """A session is away, with a text, or back, with an empty one."""

    text: str


@dataclass(slots=True)
class DeleteMessage(Operation):
    """The deletion of the text of a line, wherever it is stored."""

    room: str
    seq: int
    #: The account of the author, as the proposer read it from the history; None for a guest's line.
    author: str | None
    #: The new kind of the line, by default L{DELETED}.
    kind: str = "deleted"
    #: The new text of the line: the name of the target, and for bans and mutes the duration.
    rest: str = ""
    #: The time of the topic, the ban or the mute with the same text; 0: there is none, and only the
    #: line changes.
    time: int = 0
    #: The id of the line.
    ident: str = ""
    #: The author's reason. It is delivered, but not stored.
    reason: str = ""


#: The kinds of lines that people write.
MESSAGE, ME, NOTICE, TOPIC = "message", "me", "notice", "topic"

#: Kinds whose author has typed the text, so it need not be sent back.
TALK = frozenset({MESSAGE, ME, NOTICE})

#: The kinds of lines about an action on a room or its members. They are numbered and stored like
#: the others. The text is a name, then for bans and mutes the duration, then the reason if any; for
#: L{DELETE} it is the number of a line, for L{PRIVATE} and L{PUBLIC} it is empty.
KICK, BAN, UNBAN, MUTE, UNMUTE = "kick", "ban", "unban", "mute", "unmute"
OPERATOR, NO_OPERATOR, PRIVATE, PUBLIC, DELETE = "op", "deop", "private", "public", "delete"

#: The kind of a line about a change of modes. Its text is as in IRC: the letters, each with its
#: sign, then the arguments, like C{+ov-n ann bob}. The key of a room is not shown: C{+k *}.
MODE = "mode"

#: The kind of a line whose text was deleted.
DELETED = "deleted"

#: Kinds of lines without content: they do not count as lines of a replay.
UNREADABLE = frozenset({DELETE, DELETED})

#: The kinds of lines that are hidden from people who ignore the author. Lines about the room
#: (kicks, modes) are shown to all members.
IGNORED_KINDS = TALK | {TOPIC, DELETED}

# The name and the duration stay; the words after them are deleted.
_WORDS_KEPT = {KICK: 1, BAN: 2, MUTE: 2}


def withoutWords(kind: str, text: str) -> tuple[str, str] | None:
    """Kind and text of a line without its author's words; None if it has none."""
    if kind in TALK or kind == TOPIC:
        return (DELETED, "") if text else None
    words = text.split(" ")
    count = _WORDS_KEPT.get(kind, len(words))
    return (kind, " ".join(words[:count])) if len(words) > count else None


@dataclass(slots=True)
class SetOperator(Operation):
    """The grant or withdrawal of an account's operator role in a room."""

    room: str
    name: str
    key: str
    #: Whether the account becomes operator.
    grant: bool


@dataclass(slots=True)
class Kick(Operation):
    """The removal of a member from a room; it may join again."""

    room: str
    name: str
    key: str
    reason: str


@dataclass(slots=True)
class Restrict(Operation):
    """A ban or mute of a user or an address in a room."""

    room: str
    #: L{BAN} or L{MUTE}.
    kind: str
    #: A name, or the cloak of an address.
    name: str
    key: str
    #: The duration; 0: for ever.
    seconds: int
    reason: str


@dataclass(slots=True)
class LiftRestriction(Operation):
    """The end of a ban or a mute."""

    room: str
    #: L{BAN} or L{MUTE}.
    kind: str
    #: A name, or the cloak of an address.
    name: str
    key: str


@dataclass(slots=True)
class SetPrivate(Operation):
    """Whether a room needs an invitation to join."""

    room: str
    #: Whether by invitation.
    private: bool


@dataclass(slots=True)
class SetModes(Operation):
    """Changes of modes of a room, each on its own, in this order."""

    room: str
    #: Each is a sign with a letter, its argument as it was typed, and the argument as a key (a
    #: name) or folded (a mask); empty for letters without one.
    changes: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Invite(Operation):
    """Permission for a user to join a private room."""

    room: str
    name: str
    key: str


@dataclass(slots=True)
class Resume(Operation):
    """The replacement of a session with a lost connection by a new connection."""

    token: str
    cloak: str


@dataclass(slots=True)
class Register(Operation):
    """The registration of the session's own name."""

    key: str
    #: Verifies the password.
    verifier: str


@dataclass(slots=True)
class Login(Operation):
    """A login to an account; the password was checked."""

    #: The key.
    account: str
    #: The version of the password that was checked: it may have changed since.
    version: int
    cloak: str
    #: Used if the session has no name yet.
    token: str
    #: The id of the account token given in place of the password; empty: none.
    tokenId: str = ""
    #: The nick that it wants in place of the account's name, and its key; empty: it takes the
    #: account's name.
    nick: str = ""
    key: str = ""
    #: Whether the session leaves its current account; if not, it must not be logged in.
    switch: bool = False


@dataclass(slots=True)
class Logout(Operation):
    """A session becomes a guest again."""


@dataclass(slots=True)
class SetPassword(Operation):
    """A new password for an account."""

    #: The key.
    account: str
    #: The version of the old password, which was checked; None for an operator of the server.
    version: int | None
    #: The verifier of the new password.
    verifier: str
    #: Whether the tokens of the account are to be revoked too.
    revoke: bool = False


@dataclass(slots=True)
class CreateToken(Operation):
    """A new token for an account, made by its owner."""

    name: str
    key: str
    #: L{TALK_SCOPE} or L{READ_SCOPE}.
    scope: str
    #: The id.
    ident: str
    #: The digest of the whole token.
    digest: str


#: The rights of sessions that log in with a token: nearly all of the account's, or only reading.
TALK_SCOPE, READ_SCOPE = "talk", "read"

#: All scopes, the default one first.
SCOPES = (TALK_SCOPE, READ_SCOPE)


@dataclass(slots=True)
class RevokeTokens(Operation):
    """The revocation of tokens of an account by its owner."""

    #: Their ids.
    idents: tuple[str, ...]


@dataclass(slots=True)
class DropAccount(Operation):
    """The deletion of an account."""

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
    """The owner of an account has read the waiting private messages."""


@dataclass(slots=True)
class Ignore(Operation):
    """A session starts or stops ignoring somebody."""

    #: The ignored person's name, as shown to the session.
    name: str
    #: Keys of accounts, and C{origin}s of sessions of guests. To ignore, the first one counts; to
    #: stop ignoring, all do.
    masks: tuple[str, ...]
    #: Whether to ignore.
    on: bool


@dataclass(slots=True)
class NodeUp(Operation):
    """
    A node starts. All its earlier sessions have ended.

    Its limits and operators apply on all nodes from now on, because all must decide alike.
    """

    node: str
    #: The name of this start; no other start of any node has it.
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
    """A node is silent for too long, or reports that it stops. All its sessions end."""

    node: str
    incarnation: str
    #: The position of the node's last message when this was proposed. If there is a later one by
    #: now, the node is alive and this is rejected.
    seen: int


@dataclass(slots=True)
class ReattachSession(Operation):
    """
    A session that is still connected to a node which the others declared down: it gets back its
    state, except for what others have taken meanwhile.
    """

    nick: str
    key: str
    #: The key of the account that it was logged in to.
    account: str | None
    #: The version of the account's password then.
    version: int
    cloak: str
    token: str
    away: str
    #: When it entered: nanoseconds since 1970, UTC. If the nodes remember the session, their value
    #: is used; otherwise it counts as new.
    connectedAt: int
    #: Its rooms: key, name, and the number of the last line that it got.
    rooms: tuple[tuple[str, str, int], ...]
    #: The id of the account token with which it was logged in; empty: none.
    tokenId: str = ""
