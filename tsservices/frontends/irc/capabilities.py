"""The capabilities of IRCv3 that this server has: one table.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.frontends.irc.multiline import MAX_BYTES, MAX_LINES, MULTILINE

#: Bytes of capabilities in one line of C{CAP LS}.
LIST_BYTES = 400

MESSAGE_TAGS = "message-tags"
SERVER_TIME = "server-time"
ECHO_MESSAGE = "echo-message"
BATCH = "batch"
LABELED_RESPONSE = "labeled-response"
MULTI_PREFIX = "multi-prefix"
AWAY_NOTIFY = "away-notify"
ACCOUNT_NOTIFY = "account-notify"
ACCOUNT_TAG = "account-tag"
EXTENDED_JOIN = "extended-join"
EXTENDED_MONITOR = "extended-monitor"
INVITE_NOTIFY = "invite-notify"
USERHOST_IN_NAMES = "userhost-in-names"
CAP_NOTIFY = "cap-notify"
STANDARD_REPLIES = "standard-replies"
SETNAME = "setname"
SASL = "sasl"
CHATHISTORY = "draft/chathistory"
MESSAGE_REDACTION = "draft/message-redaction"
READ_MARKER = "draft/read-marker"
ACCOUNT_REGISTRATION = "draft/account-registration"

#: The mechanisms of SASL.
MECHANISMS = ("PLAIN", "SCRAM-SHA-256")


@dataclass(frozen=True, slots=True)
class Capability:
    """A row of the table."""

    name: str
    #: The value advertised to clients of version 302 and later; empty: none.
    value: str = ""


#: The table, by name.
CAPABILITIES = {
    row.name: row
    for row in (
        Capability(ACCOUNT_NOTIFY),
        Capability(ACCOUNT_TAG),
        Capability(AWAY_NOTIFY),
        Capability(BATCH),
        Capability(CAP_NOTIFY),
        Capability(ACCOUNT_REGISTRATION),
        Capability(CHATHISTORY),
        Capability(MESSAGE_REDACTION),
        Capability(MULTILINE, f"max-bytes={MAX_BYTES},max-lines={MAX_LINES}"),
        Capability(READ_MARKER),
        Capability(ECHO_MESSAGE),
        Capability(EXTENDED_JOIN),
        Capability(EXTENDED_MONITOR),
        Capability(INVITE_NOTIFY),
        Capability(LABELED_RESPONSE),
        Capability(MESSAGE_TAGS),
        Capability(MULTI_PREFIX),
        Capability(SASL, ",".join(MECHANISMS)),
        Capability(SERVER_TIME),
        Capability(SETNAME),
        Capability(STANDARD_REPLIES),
        Capability(USERHOST_IN_NAMES),
    )
}

#: The capabilities that change how events in rooms are written: formatters differ only in these.
FORMAT_CAPABILITIES = frozenset(
    {
        MESSAGE_TAGS,
        SERVER_TIME,
        AWAY_NOTIFY,
        ACCOUNT_NOTIFY,
        ACCOUNT_TAG,
        EXTENDED_JOIN,
        SETNAME,
        MESSAGE_REDACTION,
        INVITE_NOTIFY,
        MULTILINE,
    }
)


#: The capabilities with which a client sends a password or a token.
SECRETS = frozenset({SASL, ACCOUNT_REGISTRATION})


def listing(version: int, hidden: frozenset[str] = frozenset()) -> list[str]:
    """
    Write the lines of C{CAP LS}.

    @param hidden: the capabilities that the connection can't have.
    """
    words = [
        f"{row.name}={row.value}" if row.value and version >= 302 else row.name
        for row in CAPABILITIES.values()
        if row.name not in hidden
    ]
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) < LIST_BYTES:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def change(
    active: frozenset[str], request: str, hidden: frozenset[str] = frozenset()
) -> frozenset[str] | None:
    """
    Apply a request to the active capabilities.

    @param request: names, with C{-} before those to remove.
    @return: the new capabilities; L{None}: a name is not known, and nothing changes.
    """
    wanted = set(active)
    edit: Callable[[str], None]
    for word in request.split():
        name = word.removeprefix("-")
        if name not in CAPABILITIES or name in hidden:
            return None
        edit = wanted.discard if word.startswith("-") else wanted.add
        edit(name)
    return frozenset(wanted)
