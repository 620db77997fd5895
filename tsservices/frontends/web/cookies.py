"""The cookie in which a browser keeps the token by which it is signed in."""

from __future__ import annotations

from typing import Any

#: Seconds that a browser keeps it: people come back after holidays.
KEPT_SECONDS = 90 * 24 * 3600

_NAME = "tsservices"


def _nameAndPath(request: Any) -> tuple[str, str, bool]:
    # The name, the path, and whether it may be sent by TLS only.
    config = request.protocol.factory.server.config
    path, encrypted = config.path, request.sender.encrypted
    if not encrypted:
        return _NAME, path, False
    # With the first of these a browser takes it from nobody but this very host; but it has to be
    # for all paths of it.
    return ("__Host-" if path == "/" else "__Secure-") + _NAME, path, True


def tokenOf(request: Any) -> str:
    """The token that a browser has sent; empty: it has sent none."""
    name, _, _ = _nameAndPath(request)
    value: bytes | None = request.getCookie(name.encode())
    return "" if value is None else value.decode("ascii", "replace")


def setToken(request: Any, token: str) -> None:
    """Have the browser keep a token; empty: none any more."""
    name, path, encrypted = _nameAndPath(request)
    seconds = KEPT_SECONDS if token else 0
    secure = "; Secure" if encrypted else ""
    request.responseHeaders.addRawHeader(
        b"Set-Cookie",
        f"{name}={token}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
    )
