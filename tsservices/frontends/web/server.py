"""The state that all browsers of one server share, with any number of ports.  Pure."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tsservices.chat.outlet import Formatter
from tsservices.common.tokens import readToken
from tsservices.frontends.connection import Chat
from tsservices.frontends.formats.json import JSONFormatter
from tsservices.frontends.slash.commands import COMMANDS
from tsservices.frontends.web.frames import FrameFormatter
from tsservices.frontends.web.origins import WebConfig

#: The default name of the server.
SERVER_NAME = "tsservices"

#: Commands that a page does not need.
NOT_HERE = frozenset({"format", "ack", "echo", "resume"})


def _noResources() -> Mapping[str, Any]:
    return {}


def _noServices() -> Sequence[dict[str, object]]:
    return ()


@dataclass(eq=False)
class WebServer:
    """One server."""

    chat: Chat
    config: WebConfig = field(default_factory=WebConfig)
    #: Shown to people.
    name: str = SERVER_NAME
    #: Makes the resources of other parts of the server, by the first part of their path, when the
    #: first listener is made: each an C{IResource} of Twisted.
    resources: Callable[[], Mapping[str, Any]] = _noResources
    #: Describes the services of this server, for the API.
    services: Callable[[], Sequence[dict[str, object]]] = _noServices
    #: Counts and bounds the use of the API.
    usage: Any = None
    form: Formatter = field(default_factory=lambda: FrameFormatter(JSONFormatter()))
    #: Browsers that are connected and have no name yet.
    nameless: int = 0

    @cached_property
    def commands(self) -> list[dict[str, str]]:
        """The slash commands that a page offers."""
        return [
            {
                "name": row.name,
                "usage": row.usage,
                "meaning": row.help,
                "permission": row.permission,
            }
            for row in COMMANDS.values()
            if row.name not in NOT_HERE
        ]

    def accountOf(self, token: str) -> str | None:
        """Return the name of the account of a token; L{None}: the token is not valid."""
        try:
            given = readToken(token)
        except ValueError:
            return None
        state = self.chat.context.state
        known = state.accountTokens.get(given.ident)
        if known is None or not hmac.compare_digest(known.digest, given.digest):
            return None
        return state.accounts[known.account].name
