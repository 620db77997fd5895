"""The cookie in which a signed-in browser keeps its token."""

from __future__ import annotations

from typing import Any

#: Seconds that a browser keeps the cookie: longer than holidays.
KEPT_SECONDS = 90 * 24 * 3600

_NAME = "tsservices"


def _nameAndPath(request: Any) -> tuple[str, str, bool]:
    # The name, the path, and whether the cookie may be sent only over TLS.
    config = request.protocol.factory.server.config
    path, encrypted = config.path, request.sender.encrypted
    if not encrypted:
        return _NAME, path, False
    # With the first of these a browser accepts the cookie only from this very host; but the cookie
    # has to be for all paths.
    return ("__Host-" if path == "/" else "__Secure-") + _NAME, path, True


def tokenOf(request: Any) -> str:
    """Return the token that a browser has sent; empty: there is none."""
    name, _, _ = _nameAndPath(request)
    value: bytes | None = request.getCookie(name.encode())
    return "" if value is None else value.decode("ascii", "replace")


def setToken(request: Any, token: str) -> None:
    """Set the token of the browser; empty: delete it."""
    name, path, encrypted = _nameAndPath(request)
    seconds = KEPT_SECONDS if token else 0
    secure = "; Secure" if encrypted else ""
    request.responseHeaders.addRawHeader(
        b"Set-Cookie",
        f"{name}={token}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
    )
