"""
What nodes tell each other through the stream, as bytes.  Pure.

A message is JSON in UTF-8: an object with the version of its shape, who says it, the
number of the message in this beginning of that node, and the rows of events; none are a
heartbeat.  Halves of surrogate pairs, which a text may hold though UTF-8 knows none, are
written as UTF-8 would: every text comes back as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from json import JSONDecoder, JSONEncoder
from json.encoder import encode_basestring as _quoted

from tsservices.chat.operations import Operation
from tsservices.chat.serialization import SCHEMA, asRow, fromRow

#: Bytes of one message to the other nodes: half of what the engine takes as it comes.
MESSAGE_BYTES = 512 * 1024


_toJson = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode

_fromJson = JSONDecoder().raw_decode

_FIELDS = {"v", "node", "inc", "n", "events"}


class UnsupportedVersion(Exception):
    """Some node speaks in a way that is not known here: this one is too old to go on."""


@dataclass(slots=True)
class Message:
    """
    What a node says in one go.

    @ivar node: its name.
    @ivar incarnation: of its beginning.
    @ivar n: the number of the message since then, from 1 on.
    @ivar operations: what it proposes, in order.
    """

    node: str
    incarnation: str
    n: int
    operations: list[Operation]


def encodeOperation(event: Operation) -> bytes:
    """What stands for it in a message."""
    return _toJson(asRow(event)).encode("utf-8", "surrogatepass")


def overhead(node: str, incarnation: str) -> int:
    """How many bytes of a message are not its events, at most, whatever its number is."""
    return len(assemble(node, incarnation, 2**63, ()))


def assemble(node: str, incarnation: str, n: int, events: Iterable[bytes]) -> bytes:
    """The message."""
    by = f'"node":{_quoted(node)},"inc":{_quoted(incarnation)}'
    head = f'{{"v":{SCHEMA},{by},"n":{n},"events":['
    return b"".join((head.encode("utf-8", "surrogatepass"), b",".join(events), b"]}"))


def encode(message: Message) -> bytes:
    """What can be published."""
    return assemble(
        message.node, message.incarnation, message.n, map(encodeOperation, message.operations)
    )


def decode(data: bytes) -> Message:
    """
    What it says.

    @raise NewerMessage: it has a version that is not known here.
    @raise ValueError: it is no message.
    """
    text = data.decode("utf-8", "surrogatepass")
    try:
        said, end = _fromJson(text)
    except RecursionError:
        raise ValueError("this is no message: it goes too deep") from None
    if type(said) is not dict or end != len(text):
        raise ValueError("this is no message")
    version = said.get("v")
    if version != SCHEMA or type(version) is not int:
        if type(version) is int and version > SCHEMA:
            raise UnsupportedVersion(f"version {version}; version {SCHEMA} is known here")
        raise ValueError(f"there is no version {version!r} of messages")
    if said.keys() != _FIELDS:
        raise ValueError("this is no message: it has other fields")
    node, incarnation, n, rows = said["node"], said["inc"], said["n"], said["events"]
    if not (type(node) is type(incarnation) is str and node and incarnation and type(rows) is list):
        raise ValueError("this is no message: somebody has to say something")
    if type(n) is not int or n < 1:
        raise ValueError(f"messages are not numbered {n!r}")
    return Message(node, incarnation, n, list(map(fromRow, rows)))
