"""The resources: the page, the WebSocket, signing in, and those of other parts of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.web.resource import Resource

from tsservices.frontends.web.api.resource import APIRoot
from tsservices.frontends.web.files import PageFiles
from tsservices.frontends.web.sessions import SessionResource
from tsservices.frontends.web.websocket import SocketResource

#: Paths with nothing below them.
_WHOLE = frozenset({b"", b"ws", b"session"})


class NotFound(Resource):
    """The answer for a path without a resource."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        request.setResponseCode(404)
        return b"there is nothing here\n"


class Root(Resource):
    """The tree of resources."""

    def __init__(self, factory: Any, resources: Mapping[str, Any]) -> None:
        """@param resources: of other parts of the server, by the first part of their path."""
        super().__init__()
        page = PageFiles()
        self.putChild(b"", page.index)
        self.putChild(b"page", page)
        self.putChild(b"ws", SocketResource(factory))
        self.putChild(b"session", SessionResource(factory.server))
        self.putChild(b"api", APIRoot(factory.shared, factory.server))
        for name, resource in resources.items():
            self.putChild(name.encode(), resource)

    def getChildWithDefault(self, path: bytes, request: Any) -> Resource:
        if path in _WHOLE and request.postpath:
            return NotFound()
        child: Resource = super().getChildWithDefault(path, request)
        return child

    def getChild(self, path: bytes, request: Any) -> Resource:
        return NotFound()
