"""The error answers of the API: a status, a code and a text.  Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tsservices.chat import errors as codes
from tsservices.chat.errors import ChatError

#: Seconds until a program may repeat a request that failed for lack of disk space or time.
TRY_AGAIN = 5


class APIError(Exception):
    """
    A failed request.

    @ivar status: the status of HTTP.
    @ivar code: the code for programs.
    @ivar headers: name and value of each header.
    """

    def __init__(
        self, status: int, code: str, text: str, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.headers = tuple(headers)

    @property
    def document(self) -> dict[str, object]:
        """The body."""
        return {"error": {"code": self.code, "text": str(self)}}


#: Codes that this package adds to those of L{tsservices.chat.errors}.
BAD_REQUEST, TOKEN_IN_URL, TOKEN_NEEDED = "bad-request", "token-in-url", "token-needed"
NOT_FOUND, NO_METHOD, NOT_ACCEPTABLE, MEDIA_TYPE = "not-found", "method", "accept", "content-type"
TOO_FAST, BUSY, MISTAKE = "too-fast", "busy", "mistake"
UNCONFIRMED = "unconfirmed"

#: The status of each error of the chat that is not a C{400}.
STATUSES: dict[str, int] = {
    **{
        code.name: 401
        for code in (codes.WRONG_TOKEN, codes.TOKEN_CUT, codes.TOKEN_REVOKED, codes.NO_ACCOUNT)
    },
    **{
        code.name: 403
        for code in (
            codes.TOKEN_SCOPE,
            codes.NOT_ALLOWED,
            codes.NOT_SECURE,
            codes.BANNED,
            codes.MUTED,
            codes.MODERATED,
            codes.PRIVATE_ROOM,
            codes.JOIN_FIRST,
            codes.WRONG_KEY,
            codes.ROOM_FULL,
            codes.ROOMS_FOUNDED,
            codes.ROOMS_EACH,
            codes.ROOMS_ALL,
        )
    },
    **{code.name: 404 for code in (codes.NO_ROOM, codes.NO_PERSON, codes.NO_LINE)},
    codes.KEY_USED.name: 422,
    **{code.name: 429 for code in (codes.TOKENS_OFTEN, codes.SEARCHING, codes.CONNECTIONS_EACH)},
    **{
        code.name: 503
        for code in (
            codes.NOT_STORED,
            codes.JOURNAL_FAILED,
            codes.STOPPING,
            codes.READ_SLOW,
            codes.READ_FAILED,
            codes.READ_DAMAGED,
        )
    },
}

#: The header that shows how to log in, sent with each C{401}.
CHALLENGE = ("WWW-Authenticate", 'Bearer realm="tsservices"')


def badRequest(text: str) -> APIError:
    return APIError(400, BAD_REQUEST, text)


def tokenNeeded() -> APIError:
    """Make the error of a request that only accounts may send."""
    text = "this needs an account token: send it as Authorization: Bearer TOKEN"
    return APIError(401, TOKEN_NEEDED, text, [CHALLENGE])


def tooFast(seconds: float, what: str = "sends") -> APIError:
    """@param seconds: until it may be tried again."""
    wait = max(1, math.ceil(seconds))
    text = f"this account or address {what} faster than it may; try again in {wait} s"
    return APIError(429, TOO_FAST, text, [retryAfter(wait)])


def unconfirmed(hasKey: bool) -> APIError:
    """
    Make the error of a post for which it is not known when it will be stored.

    @param hasKey: whether sending it again is safe.
    """
    text = "it is not known yet whether this is stored: " + (
        "send the same again, with the same Idempotency-Key"
        if hasKey
        else "read the room before you send it again, or send it with an Idempotency-Key next time"
    )
    return APIError(503, UNCONFIRMED, text, [retryAfter(TRY_AGAIN)])


def retryAfter(seconds: int) -> tuple[str, str]:
    """Make the header with the time of the next attempt."""
    return ("Retry-After", str(seconds))


def fromChat(error: ChatError) -> APIError:
    """Make the answer for an error of the chat."""
    name = error.code.name
    status = STATUSES.get(name, 400)
    headers = []
    if status == 401:
        headers.append(CHALLENGE)
    elif status in (429, 503):
        seconds = error.facts.get("seconds", TRY_AGAIN if status == 503 else 1)
        headers.append(retryAfter(seconds if isinstance(seconds, int) else TRY_AGAIN))
    return APIError(status, name, str(error), headers)
