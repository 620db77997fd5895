"""
The limits that an operator can set, one section for each part of the server.  Pure.

Each field of L{Limits} is a key of the configuration file; those in L{tsservices.server.options}
are options too.  Bounds that are not configurable are in the modules that use them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any


class LimitError(ValueError):
    """The value of a limit is invalid."""


# The key is separate from the name of the field, because configuration files contain it: fields can
# be renamed.  In the help the reason follows the unit.
def _limit(key: str, default: int, lowest: int, highest: int, unit: str, reason: str) -> Any:
    metadata = {"key": key, "lowest": lowest, "highest": highest, "unit": unit, "reason": reason}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The limits of one server.

    The order of the fields is that of the help.
    """

    # Streams of all services over TCP and UNIX sockets: tsservices.transport.
    maxConnections: int = _limit(
        "max-connections",
        20_000,
        1,
        1_000_000,
        "connections",
        "open at once; kept below the descriptors there are",
    )
    maxConnectionsPerAddress: int = _limit(
        "max-connections-per-address",
        200,
        1,
        1_000_000,
        "connections",
        "open at once from one IPv4 address or IPv6 /64",
    )
    backlog: int = _limit(
        "backlog", 1024, 1, 65_535, "connections", "waiting to be accepted, at each TCP port"
    )
    idleLimit: int = _limit(
        "idle-limit",
        600,
        0,
        31_536_000,
        "seconds",
        "until a silent TCP connection is closed; 0: never",
    )
    writeLimit: int = _limit(
        "write-limit",
        60,
        0,
        31_536_000,
        "seconds",
        "until a TCP peer that reads nothing is closed; 0: never",
    )
    proxyLimit: int = _limit(
        "proxy-limit",
        10,
        1,
        3600,
        "seconds",
        "until the PROXY header must be there, behind haproxy",
    )
    handshakeLimit: int = _limit(
        "handshake-limit", 10, 1, 3600, "seconds", "until the TLS handshake must be done"
    )
    stopLimit: int = _limit(
        "stop-limit", 5, 0, 3600, "seconds", "for answers under way when the server stops"
    )

    # The service timestamp-line.
    maxLine: int = _limit(
        "max-line",
        65_536,
        1,
        16_777_216,
        "bytes",
        "in a line of timestamp-line; a longer one is refused",
    )

    # Datagrams: tsservices.transport.udp_guard.  Small rates, because by a forged source an
    # attacker can make the server send to a third party.
    maxDatagram: int = _limit(
        "max-datagram",
        512,
        1,
        65_507,
        "bytes",
        "in a datagram that is answered; a longer one is dropped",
    )
    udpRate: int = _limit(
        "udp-rate",
        5,
        1,
        1_000_000,
        "replies per second",
        "to one source over UDP, when it is not trusted",
    )
    udpBurst: int = _limit(
        "udp-burst", 20, 1, 1_000_000, "replies", "at once to one source over UDP"
    )
    udpMute: int = _limit(
        "udp-mute",
        60,
        0,
        86_400,
        "seconds",
        "without a reply after three drops in a row by udp-rate",
    )

    # STAMP: tsservices.stamp.reflector.  A packet of less than 112 bytes can't be authenticated.
    stampDatagram: int = _limit(
        "stamp-datagram",
        9000,
        112,
        65_507,
        "bytes",
        "in a STAMP packet that is reflected; a longer one is dropped",
    )
    stampRate: int = _limit(
        "stamp-rate",
        1000,
        1,
        1_000_000_000,
        "packets per second",
        "reflected to one source, trusted or not",
    )
    stampBurst: int = _limit(
        "stamp-burst", 2000, 1, 1_000_000_000, "packets", "reflected to one source at once"
    )
    stampSessions: int = _limit(
        "stamp-sessions",
        4096,
        1,
        1_000_000,
        "sessions",
        "of STAMP whose packets are counted; the oldest goes first",
    )
    stampIdle: int = _limit(
        "stamp-idle",
        900,
        1,
        86_400,
        "seconds",
        "until a silent session's packets are counted from 0 again",
    )

    # The services ack and sink.
    logRate: int = _limit(
        "log-rate",
        65_536,
        1,
        1_073_741_824,
        "bytes per second",
        "of text that ack and sink log, in all",
    )

    # The chat, each connection: tsservices.frontends.
    floodLines: int = _limit(
        "flood-lines",
        10,
        0,
        1_000_000,
        "lines per second",
        "taken from one chat connection; 0: all it sends",
    )
    floodBytes: int = _limit(
        "flood-bytes",
        8192,
        0,
        1_000_000_000,
        "bytes per second",
        "taken from one chat connection; 0: all",
    )
    chatLine: int = _limit(
        "chat-line", 4096, 64, 65_536, "bytes", "in a line of the chat; a longer one is refused"
    )
    chatNameLimit: int = _limit(
        "chat-name-limit", 120, 1, 86_400, "seconds", "that a chat connection has to say a name"
    )
    chatPending: int = _limit(
        "chat-pending",
        262_144,
        65_536,
        67_108_864,
        "bytes",
        "of talk that may wait for one who does not read",
    )
    chatPendingAll: int = _limit(
        "chat-pending-all",
        268_435_456,
        1_048_576,
        68_719_476_736,
        "bytes",
        "of talk that may wait for all of them",
    )
    chatSlow: int = _limit(
        "chat-slow",
        10,
        1,
        3600,
        "seconds",
        "without reading, with more than that waiting, until one is dropped",
    )

    # The chat in all: tsservices.chat.  Limits on what may be made "at once" refill with time.
    maxRooms: int = _limit("max-rooms", 10_000, 1, 10_000_000, "rooms", "in the chat")
    roomsEach: int = _limit("rooms-each", 50, 1, 10_000, "rooms", "that one person may be in")
    roomsFounded: int = _limit(
        "rooms-founded",
        500,
        1,
        10_000_000,
        "rooms",
        "that one account, or guests of one address, may make at once",
    )
    accountsFounded: int = _limit(
        "accounts-founded",
        200,
        1,
        10_000_000,
        "accounts",
        "that may be registered from one address at once",
    )
    guesses: int = _limit(
        "guesses", 200, 1, 1_000_000, "passwords", "that may be tried from one address at once"
    )
    maxAccounts: int = _limit("max-accounts", 100_000, 0, 100_000_000, "accounts", "in the chat")
    # After a failure a bouncer with fifty connections reconnects while its old ones are still open.
    sessionsEach: int = _limit(
        "sessions-each",
        100,
        1,
        10_000,
        "connections",
        "that may be logged in to one account; one more is refused",
    )

    passwordShortest: int = _limit(
        "password-shortest", 8, 1, 100, "characters", "that a new password has at least"
    )
    passwordLongest: int = _limit(
        "password-longest", 200, 100, 1000, "characters", "that a new password has at most"
    )

    # The service talk.
    talkLinger: int = _limit(
        "talk-linger",
        60,
        0,
        86_400,
        "seconds",
        "that a talker who has half-closed may still listen",
    )
    talkWaiting: int = _limit(
        "talk-waiting",
        65_536,
        1,
        16_777_216,
        "bytes",
        "of each person's talk kept while no operator is there",
    )

    @classmethod
    def fieldNames(cls) -> dict[str, str]:
        """Get the field name of each key."""
        return {limit.metadata["key"]: limit.name for limit in fields(cls)}

    @classmethod
    def describe(cls, key: str) -> tuple[int, str]:
        """Get the default, and a description of one line."""
        limit = cls.__dataclass_fields__[cls.fieldNames()[key]]
        default: int = getattr(cls(), limit.name)
        return default, f"{limit.metadata['unit']} {limit.metadata['reason']}"

    @classmethod
    def coerce(cls, key: str, value: object) -> int:
        """
        Read one limit: text of an option, or text or a number of the configuration file.

        @raise LimitError: it is no whole number, or out of range.
        """
        facts = cls.__dataclass_fields__[cls.fieldNames()[key]].metadata
        lowest, highest, unit = facts["lowest"], facts["highest"], facts["unit"]
        text = str(value)
        # True is a number for Python, and int would also accept spaces, underscores and digits of
        # other scripts.
        if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]{1,15}", text):
            raise LimitError(f"{key} takes a whole number of {unit}, not {value!r}")
        number = int(text)
        if not lowest <= number <= highest:
            raise LimitError(f"{key} takes {lowest} to {highest} {unit}, not {number}")
        return number
