"""
One request: its sender, checks of its host and its origin, and the headers of every answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from io import BytesIO
from typing import Any

from twisted.python.failure import Failure
from twisted.web.error import UnsupportedMethod
from twisted.web.http import FORBIDDEN, INTERNAL_SERVER_ERROR, NO_BODY_CODES, NOT_ALLOWED
from twisted.web.server import NOT_DONE_YET, Request

from tsservices.frontends.web.channel import LONGEST_BODY, MISDIRECTED_REQUEST, REASONS, WebChannel
from tsservices.frontends.web.origins import Client

#: Headers of every answer.  The page loads nothing from elsewhere, and other pages may not frame it
#: or read it.
SECURITY_HEADERS = (
    (
        b"Content-Security-Policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        b" connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none';"
        b" frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"DENY"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Permissions-Policy", b"camera=(), microphone=(), geolocation=()"),
)

#: Headers that proxies add and browsers do not, beside all that begin with L{FORWARDED}.
PROXY_HEADERS = frozenset(
    {
        b"cdn-loop",
        b"cf-connecting-ip",
        b"cf-ray",
        b"client-ip",
        b"fastly-client-ip",
        b"fly-client-ip",
        b"forwarded",
        b"front-end-https",
        b"surrogate-capability",
        b"true-client-ip",
        b"via",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-envoy-external-address",
        b"x-original-forwarded-for",
        b"x-real-ip",
        b"x-scheme",
    }
)
FORWARDED = b"x-forwarded"

#: Methods that may change something.
_WRITING = frozenset({b"POST", b"PUT", b"PATCH", b"DELETE"})

#: The paths that are served under any name, because their answers are for everybody, and probes
#: use the address of a load balancer or of a service, or give no name.
PROBED = frozenset({b"/healthz", b"/readyz"})

#: The path below which errors are JSON, for programs.
API_PATH = b"/api/"

# The codes there of errors before a resource is called; all others are bad requests.
_CODES = {MISDIRECTED_REQUEST: "misdirected", FORBIDDEN: "origin"}


def _doNothing() -> None:
    pass


class WebRequest(Request):
    """
    A request as resources get it.

    @ivar protocol: the stream that it was received on.
    @ivar halfClosed: called when the client sends nothing more, or is gone.
    """

    defaultContentType = b"text/plain; charset=utf-8"
    channel: WebChannel
    content: Any

    def __init__(self, channel: Any, *arguments: Any, **keywords: Any) -> None:
        super().__init__(channel, *arguments, **keywords)
        # Kept because an answered request has no channel any more.
        self.protocol: Any = channel.owner.protocol
        self.halfClosed: Callable[[], None] = _doNothing

    @cached_property
    def sender(self) -> Client:
        """The sender, as far as known proxies name it."""
        protocol = self.protocol
        return protocol.factory.server.config.client(  # type: ignore[no-any-return]
            protocol.host,
            protocol.encrypted,
            protocol.secure,
            self._values("X-Forwarded-For"),
            self._values("X-Forwarded-Proto"),
            self._hasPassedProxy(),
        )

    def _hasPassedProxy(self) -> bool:
        names = [name.lower() for name, _ in self.requestHeaders.getAllRawHeaders()]
        return any(name in PROXY_HEADERS or name.startswith(FORWARDED) for name in names)

    def _values(self, name: str) -> list[str]:
        # By bytes: for a name that is a text Twisted decodes, and raises if that is not UTF-8.
        values = self.requestHeaders.getRawHeaders(name.encode("ascii"), ())
        return [value.decode("latin-1") for value in values]

    @cached_property
    def named(self) -> bool:
        """Whether C{Host} names this server."""
        connectedTo = getattr(self.getHost(), "host", "")
        config = self.protocol.factory.server.config
        return any(config.isOurs(host, connectedTo) for host in self._values("Host"))

    @property
    def fromOwnPage(self) -> bool:
        """Whether its C{Origin} is that of this server's page."""
        origins = self._values("Origin")
        config = self.protocol.factory.server.config
        return (
            self.named
            and len(origins) == 1
            and bool(config.isOwnOrigin(origins[0], self._values("Host")[0], self.sender.encrypted))
        )

    def process(self) -> None:
        for name, value in SECURITY_HEADERS:
            self.responseHeaders.setRawHeaders(name, [value])
        self.responseHeaders.setRawHeaders(b"Cache-Control", [b"no-store"])
        if not self.named and self.path not in PROBED:
            self.refuse(
                MISDIRECTED_REQUEST,
                "this server is not called that; its operator can add the name to http-hosts",
            )
        elif not self.uri.startswith(b"/") and self.uri != b"*":
            self.refuse(400, "ask for a path, not for a URL")
        elif self.method in _WRITING and self._values("Origin") and not self.fromOwnPage:
            self.refuse(FORBIDDEN, "this comes from a page of somebody else")
        else:
            super().process()

    def render(self, resrc: Any) -> None:
        self.responseHeaders.removeHeader(b"Server")
        try:
            body = resrc.render(self)
        except UnsupportedMethod as error:
            allowed = sorted({*error.allowedMethods, b"OPTIONS"})
            self.setHeader(b"Allow", b", ".join(allowed))
            if self.method == b"OPTIONS":
                self.setResponseCode(204)
                self.finish()
            else:
                self.answer(NOT_ALLOWED, "that can't be done here")
            return
        if body is not NOT_DONE_YET:
            if self.code not in NO_BODY_CODES:
                self.setHeader(b"Content-Length", b"%d" % len(body))
            self.write(b"" if self.method == b"HEAD" else body)
            self.finish()

    def answer(self, code: int, text: str) -> None:
        """Answer with a line of text."""
        body = f"{text}\n".encode()
        self.setResponseCode(code, REASONS.get(code))
        self.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(b"" if self.method == b"HEAD" else body)
        self.finish()

    def refuse(self, code: int, text: str) -> None:
        """Answer with an error, and count and log the refused request."""
        self.noteRefusal(code, text)
        if self.path.startswith(API_PATH):
            # Programs get all errors in one form.
            self.answerError(code, _CODES.get(code, "bad-request"), text)
        else:
            self.answer(code, text)

    def noteRefusal(self, code: int, text: str) -> None:
        """Count and log a refused request."""
        self.protocol.noteRefusal(code, text)

    def answerJSON(self, code: int, facts: object) -> None:
        """Answer with an object of JSON."""
        body = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self.setResponseCode(code, REASONS.get(code))
        self.setHeader(b"Content-Type", b"application/json")
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(b"" if self.method == b"HEAD" else body)
        self.finish()

    def answerError(self, status: int, code: str, text: str) -> None:
        """Answer a program with an error."""
        self.answerJSON(status, {"error": {"code": code, "text": text}})

    def processingFailed(self, reason: Failure) -> Failure:
        self._log.failure("a request failed", failure=reason)
        if not self.startedWriting:
            self.answer(INTERNAL_SERVER_ERROR, "the server has made a mistake; its log says more")
        else:
            self.channel.loseConnection()
        return reason

    def gotLength(self, length: int | None) -> None:
        # In memory, because it is bounded: Twisted writes a body in chunks to a file.
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        if self.content.tell() + len(data) > LONGEST_BODY:
            self.channel.refuse(413, f"a body may have {LONGEST_BODY} bytes")
        else:
            super().handleContentChunk(data)
