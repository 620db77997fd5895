"""The schema of the chat's database, as scripts that upgrade each older version."""

from __future__ import annotations

import sqlite3

from tsservices.chat.storage import StorageError

#: Marks a database as this program's: C{tsch}.
APPLICATION = 0x74736368

# Messages get their ids in the order of the log: a full-text index needs stable ids that grow,
# searches return the newest first, and retention deletes the lowest.
_FIRST = f"""
PRAGMA application_id = {APPLICATION};
CREATE TABLE meta (
    log TEXT NOT NULL,
    position INTEGER NOT NULL
);
CREATE TABLE rooms (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    topic TEXT NOT NULL,
    topicBy TEXT NOT NULL,
    topicTime INTEGER NOT NULL
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    position INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    kind TEXT NOT NULL,
    nick TEXT NOT NULL,
    account TEXT,
    text TEXT NOT NULL
);
CREATE UNIQUE INDEX messagesInRooms ON messages (room, seq);
"""

# The index contains the output of L{tsservices.storage.words}: its tokenizer only splits at spaces,
# so the index is the same with every SQLite.  It stores no texts: to remove a message, the words
# that were added have to be given.  It contains the messages up to C{indexed}, as written by the
# version C{words} of that module.
_SECOND = """
ALTER TABLE meta ADD COLUMN secret BLOB;
ALTER TABLE meta ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN founder TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN openFrom INTEGER NOT NULL DEFAULT 1;
CREATE TABLE accounts (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    verifier TEXT NOT NULL,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    unread INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE restraints (
    room TEXT NOT NULL,
    kind TEXT NOT NULL,
    mask TEXT NOT NULL,
    name TEXT NOT NULL,
    "by" TEXT NOT NULL,
    time INTEGER NOT NULL,
    until INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (room, kind, mask)
) WITHOUT ROWID;
CREATE TABLE standings (
    room TEXT NOT NULL,
    account TEXT NOT NULL,
    operator INTEGER NOT NULL,
    invited INTEGER NOT NULL,
    admitted INTEGER,
    PRIMARY KEY (room, account)
) WITHOUT ROWID;
CREATE TABLE readMarks (
    account TEXT NOT NULL,
    room TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (account, room)
) WITHOUT ROWID;
CREATE TABLE letters (
    id INTEGER PRIMARY KEY,
    ident TEXT NOT NULL UNIQUE,
    time INTEGER NOT NULL,
    sender TEXT NOT NULL,
    receiver TEXT NOT NULL,
    nick TEXT NOT NULL,
    recipient TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX lettersReceived ON letters (receiver);
CREATE INDEX lettersBetween ON letters (sender, receiver);
CREATE VIRTUAL TABLE words USING fts5(
    text, room, nick, content='', columnsize=0, tokenize='ascii'
);
"""

# A cluster node also stores its whole state after some batch, in chunks.  The names in restraints
# are folded when they are first loaded, because SQL can't fold them.
_THIRD = """
ALTER TABLE meta ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
ALTER TABLE restraints ADD COLUMN key TEXT NOT NULL DEFAULT '';
CREATE TABLE checkpoint (
    number INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    chunk TEXT NOT NULL
);
"""

# The order of events is given by positions, because times go back when a clock is set back.  For
# the same reason a search by time needs an index; a binary search by number is not possible.
#
# After a restore, other lines get the same numbers, so the order has a new incarnation.  C{logs}
# has the first position of each incarnation, which keeps the ids of old lines, and the position up
# to which lines are surely the same as in the previous one.  A copy is marked: a start from it
# restores a history.
_FOURTH = """
ALTER TABLE accounts ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE restraints ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE restraints ADD COLUMN countedFrom INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messagesByTime ON messages (room, time);
ALTER TABLE meta ADD COLUMN copied INTEGER NOT NULL DEFAULT 0;
CREATE TABLE logs (
    first INTEGER PRIMARY KEY,
    log TEXT NOT NULL,
    common INTEGER NOT NULL
);
INSERT INTO logs (first, log, common) SELECT 0, log, 0 FROM meta;
"""

# Messages name the session of their author, so that guests can be ignored; older messages name
# none.  C{shares} counts the unread private messages of an account by sender; the old schema has
# only their total, so the newest received ones count as unread.  In a cluster it begins empty,
# because the state stored by its nodes has no senders either (see L{tsservices.chat.snapshot}).
_FIFTH = """
ALTER TABLE messages ADD COLUMN session TEXT NOT NULL DEFAULT '';
CREATE TABLE ignored (
    owner TEXT NOT NULL,
    mask TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (owner, mask)
) WITHOUT ROWID;
CREATE TABLE shares (
    account TEXT NOT NULL,
    sender TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (account, sender)
) WITHOUT ROWID;
INSERT INTO shares (account, sender, count)
SELECT account, sender, count(*)
FROM (
    SELECT accounts.key AS account, letters.sender AS sender, accounts.unread AS unread,
        row_number() OVER (PARTITION BY letters.receiver ORDER BY letters.id DESC) AS place
    FROM accounts JOIN letters ON letters.receiver = accounts.key
    WHERE accounts.unread > 0 AND NOT EXISTS (SELECT 1 FROM meta WHERE epoch <> '')
)
WHERE place <= unread
GROUP BY account, sender;
"""

# The inode of the database's file: a copy has another one.
_SIXTH = """
ALTER TABLE meta ADD COLUMN inode INTEGER;
"""

# Tokens for programs; only their digests are stored.
_SEVENTH = """
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    scope TEXT NOT NULL,
    digest TEXT NOT NULL,
    created INTEGER NOT NULL,
    used INTEGER NOT NULL,
    cloak TEXT NOT NULL
) WITHOUT ROWID;
"""

# Existing rooms keep their rules: only members may talk, and everybody may set the topic.
_EIGHTH = """
ALTER TABLE rooms ADD COLUMN modes TEXT NOT NULL DEFAULT 'n';
ALTER TABLE rooms ADD COLUMN joinKey TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN memberLimit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE standings ADD COLUMN voice INTEGER NOT NULL DEFAULT 0;
"""

# For existing rooms the time of creation is not known.
_NINTH = """
ALTER TABLE rooms ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
CREATE TABLE timeMarks (
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (account, target)
) WITHOUT ROWID;
"""

# The results of requests that programs may send again under the same key.
_TENTH = """
CREATE TABLE receipts (
    account TEXT NOT NULL,
    requestKey TEXT NOT NULL,
    digest TEXT NOT NULL,
    room TEXT NOT NULL,
    seq INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    time INTEGER NOT NULL,
    ident TEXT NOT NULL,
    kept INTEGER NOT NULL,
    PRIMARY KEY (account, requestKey)
) WITHOUT ROWID;
"""

#: The scripts from an empty database to the present schema.  The version of a database is the
#: number of scripts that were run on it, so no script is ever changed or removed.
MIGRATIONS: tuple[str, ...] = (
    _FIRST,
    _SECOND,
    _THIRD,
    _FOURTH,
    _FIFTH,
    _SIXTH,
    _SEVENTH,
    _EIGHTH,
    _NINTH,
    _TENTH,
)


def migrate(
    connection: sqlite3.Connection, path: str, migrations: tuple[str, ...] = MIGRATIONS
) -> None:
    """
    Upgrade a database to the present schema.

    @raise StorageError: the database is of another program, or of a newer version of this one.
    @raise sqlite3.Error: a script failed; none of its changes remain.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (application or version or tables):
        raise StorageError(f"{path} is a database of another program")
    if version > len(migrations):
        raise StorageError(
            f"{path} was written by a newer version"
            f" (schema {version}, this one knows {len(migrations)})"
        )
    # Each script with its version is one transaction: if the process is killed, the next start
    # continues after the last complete script.
    for number, script in enumerate(migrations[version:], version + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
