"""C{/session}: the state of a browser's sign-in, signing in, and out."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tsservices.chat.errors import (
    BUSY_HASHING,
    GUESSED_OFTEN,
    NO_ACCOUNT,
    NOT_SECURE,
    TOKEN_CUT,
    TOKENS_OFTEN,
    WRONG_PASSWORD,
    WRONG_TOKEN,
    ChatError,
    ErrorCode,
)
from tsservices.frontends.web.cookies import setToken, tokenOf
from tsservices.frontends.web.server import WebServer
from tsservices.frontends.web.signin import Visit

#: The status of errors; the others are 409.
STATUSES: dict[ErrorCode, int] = {
    WRONG_PASSWORD: 401,
    WRONG_TOKEN: 401,
    NO_ACCOUNT: 401,
    TOKEN_CUT: 401,
    NOT_SECURE: 403,
    GUESSED_OFTEN: 429,
    TOKENS_OFTEN: 429,
    BUSY_HASHING: 429,
}

#: Seconds until the next attempt, if the error does not give them.
RETRY_SECONDS = 5

#: The error of a sign-in on a connection that is not encrypted.
PLAIN = "this connection is not encrypted: come as a guest, or by https"

#: Bytes of a body with a name and a password.
_LONGEST = 8192


class SessionResource(Resource):
    """C{/session}."""

    isLeaf = True

    def __init__(self, server: WebServer) -> None:
        super().__init__()
        self._server = server

    def render_GET(self, request: Any) -> int:
        secure, account = request.sender.secure, None
        if secure and self._server.chat.open:
            account = self._server.accountOf(tokenOf(request))
        request.answerJSON(
            200, {"account": account, "secure": secure, "signIn": True if secure else PLAIN}
        )
        return NOT_DONE_YET

    def render_POST(self, request: Any) -> int:
        if not self._mayChange(request):
            return NOT_DONE_YET
        given = _credentials(request)
        if given is None:
            request.answerError(
                400, "bad-request", "send account and password, or account and token, as JSON"
            )
            return NOT_DONE_YET
        sender = request.sender

        def signedIn(token: str) -> None:
            self._counters(request).signIns += 1
            setToken(request, token)

        visit = Visit(self._server.chat, sender.host, sender.secure)
        visit.signIn(*given, _Answer(request, signedIn))
        return NOT_DONE_YET

    def render_DELETE(self, request: Any) -> int:
        if not self._mayChange(request):
            return NOT_DONE_YET
        token = tokenOf(request)
        # In any case the browser deletes the token.
        setToken(request, "")
        if not token or self._server.accountOf(token) is None:
            request.setResponseCode(204)
            request.finish()
            return NOT_DONE_YET
        sender = request.sender
        visit = Visit(self._server.chat, sender.host, sender.secure)
        visit.signOut(token, _Answer(request, lambda _: None))
        return NOT_DONE_YET

    def _mayChange(self, request: Any) -> bool:
        types = request.requestHeaders.getRawHeaders(b"Content-Type", [])
        kind = types[0].partition(b";")[0].strip().lower() if len(types) == 1 else b""
        if not request.fromOwnPage:
            request.noteRefusal(403, "this comes from a page of somebody else")
            request.answerError(403, "origin", "this comes from a page of somebody else")
        elif request.method == b"POST" and kind != b"application/json":
            request.answerError(415, "bad-request", "the body is application/json")
        elif not request.sender.secure:
            request.answerError(403, NOT_SECURE.name, PLAIN)
        elif not self._server.chat.open:
            request.setHeader(b"Retry-After", b"5")
            request.answerError(503, "not-open", "come again in a moment")
        else:
            return True
        self._counters(request).signInsRefused += 1
        return False

    @staticmethod
    def _counters(request: Any) -> Any:
        return request.protocol.factory.counters


class _Answer:
    """Answers a request with the result from the chat."""

    def __init__(self, request: Any, succeeded: Any) -> None:
        self._request: Any = request
        self._counters = request.protocol.factory.counters
        self._succeeded = succeeded
        finished: Deferred[None] = request.notifyFinish()
        finished.addErrback(self._gone)

    def _gone(self, reason: Any) -> None:
        self._request = None

    def __call__(self, result: str | ChatError) -> bool:
        request = self._request
        if request is None:
            return False
        if isinstance(result, ChatError):
            self._counters.signInsRefused += 1
            status = STATUSES.get(result.code, 409)
            if status == 429:
                seconds = result.facts.get("seconds", RETRY_SECONDS)
                request.setHeader(b"Retry-After", str(seconds).encode())
            request.answerError(status, result.code.name, str(result))
        else:
            self._succeeded(result)
            request.setResponseCode(204)
            request.finish()
        return True


def _credentials(request: Any) -> tuple[str, str] | None:
    # The account and the password or token; L{None}: there are none.
    body = request.content.read(_LONGEST + 1)
    try:
        given = json.loads(body.decode()) if len(body) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or len(given) != 2:
        return None
    account, secret = given.get("account"), given.get("password", given.get("token"))
    if not isinstance(account, str) or not isinstance(secret, str) or not secret:
        return None
    try:
        (account + secret).encode()
    except UnicodeEncodeError:
        # A lone surrogate, from an escape of JSON.
        return None
    return account, secret
