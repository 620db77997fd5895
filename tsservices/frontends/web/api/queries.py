"""The parameters, path and headers of a request, all parsed strictly.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from tsservices.chat.verbs.history import HIGHEST_SEQ
from tsservices.common.text import visible
from tsservices.common.tokens import TOKEN_SIGN
from tsservices.frontends.web.api.errors import (
    MEDIA_TYPE,
    NOT_ACCEPTABLE,
    TOKEN_IN_URL,
    APIError,
    badRequest,
)

#: Characters of the key of a request.
LONGEST_KEY = 128

#: Bytes of a query: sixteen rooms, and as many words.
LONGEST_QUERY = 4096

_KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")
_NUMBER = re.compile("[0-9]{1,19}")
_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")

# Parameters with tokens in other APIs: each proxy on the way would log the token.
_TOKEN_NAMES = frozenset({"access_token", "token", "auth", "authorization", "api_key", "apikey"})


def tokenInURL() -> APIError:
    """Make the error of a token in a URL, which all proxies on the way have seen."""
    return APIError(
        400,
        TOKEN_IN_URL,
        "a token does not belong in a URL, which proxies and logs keep: revoke it, and send"
        " another one as Authorization: Bearer TOKEN",
    )


class Query:
    """The parameters of one request."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """Return the value; empty: there is none."""
        (value,) = self._values.get(name, ("",))
        return value

    def texts(self, name: str) -> Sequence[str]:
        """Return all values of a parameter that may be given several times."""
        return self._values.get(name, ())

    def has(self, name: str) -> bool:
        """Whether a parameter is given."""
        return name in self._values

    def number(self, name: str, default: int, least: int = 0, most: int = HIGHEST_SEQ) -> int:
        """@raise APIError: the value is not a whole number, or out of range."""
        if name not in self._values:
            return default
        text = self.text(name)
        number = int(text) if _NUMBER.fullmatch(text) else -1
        if not least <= number <= most:
            raise badRequest(f"{name} is a whole number from {least} to {most}")
        return number


def readQuery(raw: bytes, names: Mapping[str, int]) -> Query:
    """
    Parse the part of a URL after the question mark.

    @param names: the known parameters, each with how often it may be given.
    @raise APIError: it has other parameters, or is not well formed.
    """
    if len(raw) > LONGEST_QUERY:
        raise APIError(414, "query-long", f"a query has at most {LONGEST_QUERY} bytes")
    values: dict[str, list[str]] = {}
    for part in raw.split(b"&") if raw else ():
        name, _, value = part.partition(b"=")
        key, text = _decode(name), _decode(value)
        if TOKEN_SIGN in text or TOKEN_SIGN in key or key.lower() in _TOKEN_NAMES:
            raise tokenInURL()
        if key not in names:
            known = f": there are {', '.join(names)}" if names else ""
            raise badRequest(f"there is no parameter {visible(key)[:40]!r} here{known}")
        values.setdefault(key, []).append(text)
        if len(values[key]) > names[key]:
            raise badRequest(
                f"{key} can be there {names[key]} times"
                if names[key] > 1
                else f"{key} is there twice"
            )
    return Query(values)


def _decode(raw: bytes) -> str:
    text = decoded(raw.replace(b"+", b" "))
    if text is None:
        raise badRequest("a parameter is not UTF-8, or has a % that escapes nothing")
    return text


def decoded(raw: bytes) -> str | None:
    """Unescape a part of a URL; L{None}: an escape is wrong, or the text is not UTF-8."""
    if _PERCENT.search(raw):
        return None
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def bearer(values: Sequence[str]) -> str | None:
    """
    Return the token in C{Authorization}; L{None}: there is no such header.

    @raise APIError: the header is of another kind.
    """
    if not values:
        return None
    kind, _, token = values[0].partition(" ")
    token = token.strip()
    if len(values) > 1 or kind.lower() != "bearer" or not token:
        raise badRequest("Authorization is there once, as: Bearer TOKEN")
    return token


def requestKey(values: Sequence[str]) -> str:
    """
    Return the value of C{Idempotency-Key}; empty: there is none.

    @raise APIError: the value is not valid.
    """
    if not values:
        return ""
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise badRequest(
            f"Idempotency-Key is there once, with 1 to {LONGEST_KEY} printable ASCII characters and"
            " no space"
        )
    return values[0]


def checkAccepted(values: Sequence[str], mediaType: str) -> None:
    """
    @param values: the values of C{Accept}.
    @raise APIError: the client does not accept that type.
    """
    if not values or values == ["*/*"]:
        return
    whole, _, _ = mediaType.partition("/")
    best: tuple[int, bool] = (-1, False)
    for item in ",".join(values).split(","):
        name, *parameters = [word.strip().lower() for word in item.split(";")]
        ranks = {"*/*": 0, f"{whole}/*": 1, mediaType: 2}
        isWanted = not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", word) for word in parameters)
        best = max(best, (ranks.get(name, -1), isWanted))
    if best[0] < 0 or not best[1]:
        raise APIError(406, NOT_ACCEPTABLE, f"this is {mediaType}, which Accept does not name")


def checkContentType(values: Sequence[str], encodings: Sequence[str] = ()) -> None:
    """
    @param encodings: the values of C{Content-Encoding}.
    @raise APIError: a body of this type is not read.
    """
    if any(encoding.strip().lower() not in ("", "identity") for encoding in encodings):
        raise APIError(
            415, MEDIA_TYPE, "the body has to be as it is", [("Accept-Encoding", "identity")]
        )
    if values == ["application/json"]:
        return
    name, *parameters = [word.strip().lower() for word in (values or [""])[0].split(";")]
    isUTF8 = all(word in ("charset=utf-8", 'charset="utf-8"', "") for word in parameters)
    if len(values) != 1 or name != "application/json" or not isUTF8:
        raise APIError(
            415,
            MEDIA_TYPE,
            "the body has to be JSON in UTF-8: Content-Type: application/json",
            [("Accept-Post", "application/json")],
        )
