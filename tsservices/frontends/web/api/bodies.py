"""The body of a post: an object of JSON with the text of a message.  Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from tsservices.chat.errors import COMMAND_HIDDEN, LINE_LONG, ChatError
from tsservices.chat.operations import ME, MESSAGE, NOTICE
from tsservices.common.text import visible
from tsservices.frontends.slash.commands import hiddenSecretCommand
from tsservices.frontends.web.api.errors import badRequest

#: Lines of one post.
POST_LINES = 50

_KINDS = {"message": MESSAGE, "me": ME, "notice": NOTICE}


class PostBody(NamedTuple):
    """The message to be posted."""

    kind: str
    texts: tuple[str, ...]

    def digest(self, room: str) -> str:
        """
        Compute the digest of a whole post.

        @param room: the key.
        """
        parts = "\0".join((room, self.kind, *self.texts))
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        # Two readers could use different values.
        raise ValueError("a field is there twice")
    return fields


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


# A message has no numbers: digits are not converted, however many there are.
_decoder = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_int=len, parse_float=len
)


def readPost(raw: bytes, longest: int) -> PostBody:
    """
    Parse a body.

    @param longest: most bytes of a line.
    @raise APIError: the body is not such an object.
    @raise ChatError: the text can't be said.
    """
    try:
        fields = _decoder.decode(raw.decode())
    except UnicodeDecodeError as error:
        raise badRequest(f"the body is not UTF-8 at byte {error.start + 1}") from None
    except ValueError as error:
        raise badRequest(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise badRequest("the body has too many brackets within brackets") from None
    if type(fields) is not dict:
        raise badRequest("the body is an object, with a text")
    text, kind = fields.pop("text", None), fields.pop("kind", "message")
    if fields:
        name = visible(next(iter(fields)))[:40]
        raise badRequest(f"a message has no field {name!r}: there are text and kind")
    if type(text) is not str:
        raise badRequest("text is the text of the message")
    if type(kind) is not str or kind not in _KINDS:
        raise badRequest(f"kind is one of {', '.join(_KINDS)}")
    return PostBody(_KINDS[kind], _lines(text, longest))


def _lines(text: str, longest: int) -> tuple[str, ...]:
    if text.isascii() and text.isprintable() and len(text) <= longest and text[:1].isalnum():
        # The usual case.
        return (text,)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise badRequest(
            "the text has half a character: a surrogate without the other one"
        ) from None
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    if not lines:
        raise badRequest("there is nothing to read in the text")
    if len(lines) > POST_LINES:
        raise badRequest(f"a message has at most {POST_LINES} lines")
    for line in lines:
        if len(line.encode()) > longest:
            raise ChatError(LINE_LONG, most=longest)
        if name := hiddenSecretCommand(line):
            raise ChatError(COMMAND_HIDDEN, command=name)
    return tuple([line if line.isprintable() else visible(line) for line in lines])
