"""The schema of the chat's database, as the scripts that lead to it from each older one."""

from __future__ import annotations

import sqlite3

from tsservices.chat.storage import StorageError

#: Marks a database as this program's: C{tsch}.
APPLICATION = 0x74736368

# Messages get their ids in the order of the log.  A full-text index wants stable ids that
# grow, searches want the newest first, and retention takes the lowest.
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

# The index holds what L{tsservices.storage.words} makes of messages: all that its
# tokenizer has to do is to split at spaces, so it is the same for ever and everywhere.  It keeps no
# texts of its own: what is taken out has to be named as it was put in.  The messages up to
# C{indexed} are in it, as the version C{words} of that module writes them.
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

# A node of a cluster stores its whole state too, in chunks, as it was after some batch.  The
# names in restraints are folded when they are first loaded, since SQL can't.
_THIRD = """
ALTER TABLE meta ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
ALTER TABLE restraints ADD COLUMN key TEXT NOT NULL DEFAULT '';
CREATE TABLE checkpoint (
    number INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    chunk TEXT NOT NULL
);
"""

# Who was first is told by positions, since a clock that is set back makes times go back.  For the
# same reason a search by time needs an index, and can't halve the numbers of a room.
#
# A history that was restored has other lines under the same numbers from then on, and so another
# incarnation of the order.  C{logs} has their first positions, so that ids of old lines stay, and
# the positions up to which lines are surely the same as in the incarnation before.  A copy is
# marked: what starts from it is a restored history.
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

# Messages say which session wrote them, so that guests can be ignored; older ones do not, and are
# nobody's.  Of the private messages that wait for an account those count as the newest that it has
# got: that is not written down for each.  In a cluster they are nobody's, since the state that its
# nodes have stored does not say it either (see L{tsservices.chat.snapshot}).
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

# Which file the database is in: a copy is in another one.
_SIXTH = """
ALTER TABLE meta ADD COLUMN inode INTEGER;
"""

# Of a token for programs only the digest is kept.
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

# Rooms that were there keep their rules: only members talk, and everybody sets the topic.
_EIGHTH = """
ALTER TABLE rooms ADD COLUMN modes TEXT NOT NULL DEFAULT 'n';
ALTER TABLE rooms ADD COLUMN joinKey TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN memberLimit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE standings ADD COLUMN voice INTEGER NOT NULL DEFAULT 0;
"""

# Of rooms that were there it is not known when they were created.
_NINTH = """
ALTER TABLE rooms ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
CREATE TABLE timeMarks (
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (account, target)
) WITHOUT ROWID;
"""

# What became of requests of programs that may be sent again, which have a name of theirs.
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

#: The scripts that lead from an empty database to the present schema.  The version of a database is
#: the number of those it has seen, so none is ever changed or taken out.
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
    Bring a database to the present schema.

    @raise StorageError: another program made it, or a newer version of this one.
    @raise sqlite3.Error: it can't be done; the script that failed left nothing behind.
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
    # Each script with its version is one transaction: whatever ends this process, the next start
    # goes on after the last that is complete.
    for number, script in enumerate(migrations[version:], version + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {number};\nCOMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
