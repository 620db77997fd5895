"""
The messages that nodes publish, as bytes.  Pure.

A message is a JSON object in UTF-8: the version of its format, the name and the incarnation of its
node, the number of the message in this incarnation, and rows of operations.  A message without rows
is a heartbeat.  A node puts all proposals of a turn in one message, because a message costs the
broker the same whatever its content: 400 lines in one message passed at 737,000 lines/s, in 400
messages at 5,500.

Halves of surrogate pairs, which a text may contain but UTF-8 forbids, are encoded in the same way
as other characters, so that every text is decoded unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from json import JSONDecoder, JSONEncoder
from json.encoder import encode_basestring as _quoted

from tsservices.chat.operations import SCHEMA, Operation
from tsservices.chat.serialization import asRow, fromRow

#: Bytes of one message at most: half of a broker's default limit (max_payload, 1 MB).
MESSAGE_BYTES = 512 * 1024

_toJson = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode

_fromJson = JSONDecoder().raw_decode

_FIELDS = {"v", "node", "inc", "n", "events"}


class UnsupportedVersion(Exception):
    """A message has a newer version: this node is too old to continue."""


@dataclass(slots=True)
class Message:
    """Operations that a node publishes together, at one place in the stream."""

    node: str
    incarnation: str
    #: The number of the message in this incarnation of the node, from 1 on.
    n: int
    operations: list[Operation]
    #: The version of the rules by which the operations are applied.
    schema: int = SCHEMA


def encodeOperation(operation: Operation) -> bytes:
    """Encode an operation as a row of a message."""
    return _toJson(asRow(operation)).encode("utf-8", "surrogatepass")


def overhead(node: str, incarnation: str) -> int:
    """Return the largest size in bytes of a message without operations."""
    return len(assemble(node, incarnation, 2**63, ()))


def assemble(node: str, incarnation: str, n: int, rows: Iterable[bytes]) -> bytes:
    """Build a message.  The rows are encoded already, because their sizes were needed earlier."""
    source = f'"node":{_quoted(node)},"inc":{_quoted(incarnation)}'
    head = f'{{"v":{SCHEMA},{source},"n":{n},"events":['
    return b"".join((head.encode("utf-8", "surrogatepass"), b",".join(rows), b"]}"))


def encode(message: Message) -> bytes:
    rows = map(encodeOperation, message.operations)
    return assemble(message.node, message.incarnation, message.n, rows)


def decode(data: bytes) -> Message:
    """
    Parse the output of L{encode} or L{assemble}.

    @raise UnsupportedVersion: the message has a newer version.
    @raise ValueError: the data is not a message.
    """
    text = data.decode("utf-8", "surrogatepass")
    try:
        fields, end = _fromJson(text)
    except RecursionError:
        raise ValueError("this is no message: it goes too deep") from None
    if type(fields) is not dict or end != len(text):
        raise ValueError("this is no message")
    version = fields.get("v")
    if type(version) is not int or not 1 <= version <= SCHEMA:
        if type(version) is int and version > SCHEMA:
            # A node that skipped the message would no longer have the same state as the others.
            raise UnsupportedVersion(f"version {version}; version {SCHEMA} is known here")
        raise ValueError(f"there is no version {version!r} of messages")
    if fields.keys() != _FIELDS:
        raise ValueError("this is no message: it has other fields")
    node, incarnation, n, rows = (fields[key] for key in ("node", "inc", "n", "events"))
    if not (type(node) is type(incarnation) is str and node and incarnation and type(rows) is list):
        raise ValueError("this is no message: somebody has to say something")
    if type(n) is not int or n < 1:
        raise ValueError(f"messages are not numbered {n!r}")
    return Message(node, incarnation, n, [fromRow(row, version) for row in rows], version)
