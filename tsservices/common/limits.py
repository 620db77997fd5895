"""
Every bound of the suite, with its unit and its reason, in one place.  Pure.

Each field of L{Limits} is a key of the configuration file under the same name in
kebab case (C{idleLimit} is C{idle-limit}); those that L{tsservices.server.options} names
are options too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any

#: Where the first offering listens when nothing else is asked for.
DEFAULT_PORT = 21567

#: A port number is 16 bits.
HIGHEST_PORT = 65535

#: Bytes: no datagram is longer.
LARGEST_DATAGRAM = 65_535

#: How often each connection's time limits are looked at, in seconds: a limit is kept to this, and
#: one timer serves all connections.
SWEEP_SECONDS = 2.0

#: Connections looked at in one turn of the reactor: well below a millisecond.
SWEEP_SLICE = 500

#: Lines answered between two looks at whether the peer still reads. With a stamp before each, 64
#: KiB of empty lines become 1.8 MB of answers.
LINES_AT_ONCE = 512

#: Bytes of one line that the operator of the talk may type.
OPERATOR_LINE = 16 * 1024

#: Complaints about peers in one minute from all peers together. With forged sources every datagram
#: is a new peer, and the log would fill the disk.
LOG_LINES_PER_MINUTE = 60

#: Sources whose bucket, and peers whose last complaint, are kept in memory.
PEERS_REMEMBERED = 4096

#: Connections that are being told why they may not come in. Further ones are closed without a word:
#: below TLS a peer can draw out even that.
TURNED_AT_ONCE = 64

#: Seconds that such a peer has to listen.
TURNED_SECONDS = 2.0

#: Characters in the name of a person or a room, folded or not.
NAME_LENGTH = 32

#: Characters in a topic, in the reason of a leave, in a note of absence: one line of a wide
#: terminal, twice.
TOPIC_LENGTH = 400

#: Lines said before that are shown to who enters a room; as many are in memory for each room that
#: has somebody in it.
REPLAYED_LINES = 20

#: Rooms or people listed at once; the next ones when these are read.
LISTED = 500

#: Names that one person may ignore.
IGNORED = 200

#: Bytes of what nobody can guess: tokens, and passwords that an operator gives out.
TOKEN_BYTES = 16

#: Connections logged in to one account: desk, pocket, and some that are not heard of any more. The
#: oldest has to go for another one.
SESSIONS_EACH = 10

#: Private messages that may wait for one account: a few hundred kilobytes of disk that somebody
#: else fills.
INBOX_UNREAD = 500

#: Private messages shown at once.
INBOX_PAGE = 50

#: Lines of one page of what was searched for: less than a screen.
FOUND_LINES = 20

#: Words of one search: each costs a look into the index.
SEARCH_WORDS = 16

#: Bans and mutes of one room: everyone who enters is compared with them.
RESTRAINTS_EACH = 500

#: Seconds that a ban or a mute may last, unless it lasts for ever: ten years.
LONGEST_SECONDS = 10 * 365 * 86_400

#: Guests who have left, of whom it is known when.
GUESTS_REMEMBERED = 1000

#: Addresses of which it is remembered what was done from there.
ADDRESSES_REMEMBERED = 4096

#: Seconds until who has made all the rooms that are allowed at once may make one more.
FOUNDED_SECONDS = 60.0

#: Seconds until one more name may be registered from an address that has had all that are allowed
#: at once.
REGISTERED_SECONDS = 60.0

#: Characters of a password, once it is prepared: the least that NIST SP 800-63B allows for.
PASSWORD_SHORTEST = 8

#: Characters of a password: more than any password safe makes, and no work to prepare.
PASSWORD_LONGEST = 200

#: How often a password is hashed: 30 milliseconds of one core (measured: 0.33 for each thousand),
#: which whoever steals the file pays for each guess, and the server for each log-in.
HASH_ITERATIONS = 90_000

#: Passwords that may wait for being hashed: a storm of log-ins after a restart, and no more than 8
#: seconds of waiting for the last.
HASHES_WAITING = 256

#: Seconds that the last password has when the server stops: some thirty times its work.
HASHING_STOP_SECONDS = 1.0

#: Bytes of a command to a running server: a path, and some words.
CONTROL_LINE = 16_384

#: Bytes of one line of its answer: a page of the longest lines, all of them escaped.
CONTROL_ANSWER = 16_777_216

#: Commands to a running server at the same time.
CONTROLS = 4

#: Seconds until a command must be there, and that the end of its answer may wait to be read.
CONTROL_SECONDS = 10.0

#: Seconds that a page of an answer may wait: somebody looks through it, page by page.
CONTROL_UNREAD_SECONDS = 3600.0

#: Seconds between two signs of life while a command takes long.
CONTROL_ALIVE_SECONDS = 3.0

#: Seconds without one after which whoever waits gives the server up.
CONTROL_SILENT_SECONDS = 30.0

#: Seconds until one more password may be tried from an address that has had all that are allowed at
#: once.
GUESS_SECONDS = 10.0

#: Passwords that may be tried at once for one account from all addresses that are new to it, and
#: from each that is not: who has several looks through them.
ACCOUNT_GUESSES_AT_ONCE = 20

#: Seconds until one more may be tried: a million a year, where a bad password is one of some
#: millions.
ACCOUNT_GUESS_SECONDS = 30.0

#: Addresses, and accounts, of which it is remembered what was tried: some megabytes.
GUESSERS_REMEMBERED = 16_384

#: Addresses from which one account was entered, and may be entered whatever others try.
HOMES_REMEMBERED = 8

#: Lines of history that one command may ask for.
HISTORY_LINES = 500

#: Bytes of what only a server knows, by which it makes what nobody can guess.
SECRET_BYTES = 32

#: Lines read from the journal at once: some milliseconds of its reader.
HISTORY_PAGE = 200

#: Lines that the journal in memory keeps, of all rooms together: some megabytes.
MEMORY_LINES = 20_000

#: Lines stored in one transaction: the first waits for the last, some 50 milliseconds.
TRANSACTION_LINES = 4096

#: Seconds without a new line until the last ones go into the index of words, which what is said
#: meanwhile waits for.
INDEX_SECONDS = 0.2

#: Lines that go into the index of words in one transaction, if no more have to.
INDEX_LINES = 250

#: Lines that may be missing in the index while there is always something to store: seconds of more
#: than anybody can read. Each search looks through them, meanwhile up to half a second.
INDEX_LAG = 65_536

#: Pages of the database copied in one step: a megabyte, some milliseconds of the disk.
COPY_PAGES = 250

#: Seconds between two of these steps, in which the disk is for what is said.
COPY_PAUSE_SECONDS = 0.005

#: Old lines deleted in one transaction, which what is said meanwhile waits for.
PRUNED_LINES = 1000

#: Seconds between two looks for lines that are too old.
PRUNE_SECONDS = 60.0

#: Bytes, about, until the write-ahead log is copied to its database: as SQLite itself has it, some
#: milliseconds of work that the next transaction waits for.
CHECKPOINT_BYTES = 4_194_304

#: Bytes of a file that makes room when the disk is full: one transaction of any kind.
BALLAST_BYTES = 4_194_304

#: Seconds between two attempts to store while the disk is full.
FULL_SECONDS = 1.0

#: Seconds that another program may keep the database locked.
BUSY_SECONDS = 5.0

#: Milliseconds of one fsync above which whoever starts the server is warned: everybody waits that
#: long for each line.
SLOW_DISK_MILLISECONDS = 20.0

#: Seconds that a busy thread keeps the interpreter while the journal's writer wants it; with
#: Python's own 0.005 a transaction waits that long at each of its statements.
WRITER_SWITCH_SECONDS = 0.0005

#: Seconds from asking for lines until it is given up.
READ_SECONDS = 1.0

#: Requests for lines that may wait for the journal's reader.
READS_WAITING = 1000

#: Seconds that a journal has to store the last lines when the server stops.
JOURNAL_STOP_SECONDS = 5.0

#: People whose lines are encoded together. Each of them is written a variant without their own
#: lines, so the work grows with the square.
AUTHORS_IN_A_SLICE = 64

#: People to whom something is sent at once, some 10 ms of a turn. To more it is sent in several
#: turns.
TOLD_AT_ONCE = 2000

#: People from whom on it pays to gather those who are sent the same bytes.
TOGETHER_FROM = 12

#: Names shown to who enters a room; /who lists all.
NAMES_SHOWN = 50

#: Seconds of the allowed rate that somebody may send at once.
FLOOD_BURST_SECONDS = 10

#: Bytes given to a transport at once for one who reads slowly.
PIECE_BYTES = 65_536

#: How many times the bound may wait for one who reads, but too slowly.
SLOW_FACTOR = 4

#: Seconds of silence after which the system asks whether a peer is still there. People in a chat
#: are silent for hours, and what their programs would see of a ping in the text would be on their
#: screens.
KEEPALIVE_SECONDS = 60

#: Unanswered questions, 15 seconds apart, after which it is not.
KEEPALIVE_PROBES = 4

#: Seconds between these questions.
KEEPALIVE_PAUSE = 15

#: Bytes of the welcome file that are shown.
WELCOME_BYTES = 8192

#: Proposals of one session that may wait for the journal; then it is not read from.
OUTSTANDING = 256

#: Descriptors that every system gives, also one that says "infinite" and means less.
DESCRIPTORS_ANYWHERE = 10_240

#: Descriptors that connections may not have: listening sockets, log, state.
DESCRIPTORS_RESERVED = 128


class LimitError(ValueError):
    """A limit was given a value it can't have."""


def _limit(key: str, default: int, least: int, most: int, unit: str, reason: str) -> Any:
    return field(
        default=default,
        metadata={"key": key, "least": least, "most": most, "unit": unit, "reason": reason},
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one server."""

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
    stopLimit: int = _limit(
        "stop-limit", 5, 0, 3600, "seconds", "for answers under way when the server stops"
    )
    maxLine: int = _limit(
        "max-line",
        65_536,
        1,
        16_777_216,
        "bytes",
        "in a line of timestamp-line; a longer one is refused",
    )
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
    logRate: int = _limit(
        "log-rate",
        1_048_576,
        1,
        1_073_741_824,
        "bytes per second",
        "of text that ack and sink log, in all",
    )
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
        """The field of each key, in the order of the fields."""
        return {each.metadata["key"]: each.name for each in fields(cls)}

    @classmethod
    def describe(cls, key: str) -> tuple[int, str]:
        """The default, and one line of what it bounds."""
        found = cls.__dataclass_fields__[cls.fieldNames()[key]]
        default: int = getattr(cls(), found.name)
        return default, f"{found.metadata['unit']} {found.metadata['reason']}"

    @classmethod
    def coerce(cls, key: str, value: object) -> int:
        """
        Read one limit as somebody wrote it.

        @raise LimitError: it is no whole number, or out of range.
        """
        bounds = cls.__dataclass_fields__[cls.fieldNames()[key]].metadata
        least, most, unit = bounds["least"], bounds["most"], bounds["unit"]
        text = str(value)
        if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]{1,15}", text):
            raise LimitError(f"{key} takes a whole number of {unit}, not {value!r}")
        number = int(text)
        if not least <= number <= most:
            raise LimitError(f"{key} takes {least} to {most} {unit}, not {number}")
        return number


#: The stream that all nodes of a cluster share.
DEFAULT_STREAM = "tsservices-chat"

#: Bytes of one message to the other nodes: half of what the engine takes as it comes.
MESSAGE_BYTES = 512 * 1024

#: Bytes that a node keeps for an engine that does not answer: some seconds of everybody's talk.
OUTBOX_BYTES = 8 * 1024 * 1024

#: Seconds after which what was never sent is refused: nobody waits longer for their own line.
OUTBOX_SECONDS = 30.0

#: Messages of a node that are published and not back yet: more makes no more lines, since what
#: comes meanwhile goes together in the next one.
MESSAGES_UNDER_WAY = 4

#: Seconds that a message waits for what else is said, when several talk.
GATHER_SECONDS = 0.001

#: Seconds between two who talk up to which they do so at the same time.
SEVERAL_SECONDS = 0.05

#: Seconds without an answer after which a message is taken for lost.
ENGINE_DOUBT_SECONDS = 1.0

#: Seconds between two attempts while the engine has no leader.
ENGINE_RETRY_SECONDS = 0.25

#: Seconds without anything coming back after which people are told.
ENGINE_TROUBLE_SECONDS = 2.0

#: Seconds for the last message and for saying goodbye.
ENGINE_STOP_SECONDS = 3.0

#: Sessions that left of which is known that they did: what they proposed before they knew may still
#: come, some seconds later.
ENDED_REMEMBERED = 4096

#: Seconds for which what sessions of a node had that was taken for gone is kept, should the node
#: come back.
CUT_OFF_SECONDS = 3600.0

#: Seconds after which a node that has nothing to say says that it is there.
HEARTBEAT_SECONDS = 3.0

#: Seconds of silence after which a node is taken for gone: more than the engine takes to find a new
#: leader.
SILENCE_SECONDS = 8.0

#: Rows in one piece of a checkpoint: JSON of them takes some milliseconds, for which no other
#: thread runs.
CHECKPOINT_ROWS = 1000

#: Seconds between two times that a node keeps its whole state: what came since is applied again
#: after a restart.
CHECKPOINT_SECONDS = 60.0

#: Seconds between two copies of the database for nodes that are new or were long away.
SNAPSHOT_SECONDS = 3600.0

#: Seconds until the next attempt after one that failed.
SNAPSHOT_RETRY_SECONDS = 60.0

#: Seconds between two looks at what is under way, and at who is silent.
TICK_SECONDS = 0.25

#: Seconds that the stream keeps messages: so long a node may be away and go on by itself.
STREAM_SECONDS = 7 * 24 * 3600.0

#: Batches that wait for the disk before no more are taken from the engine.
WAITING_BATCHES = 1000
