"""The paths of the API: one table, which C{openapi.json} is tested against.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tsservices.chat.errors import NO_ROOM, ChatError
from tsservices.chat.names import roomKey
from tsservices.common.tokens import looksLikeToken
from tsservices.frontends.web.api import reading
from tsservices.frontends.web.api.errors import NOT_FOUND, APIError
from tsservices.frontends.web.api.queries import decoded, tokenInURL
from tsservices.frontends.web.api.reading import MOST_ROOMS, Reading, Visit

#: The first part of the path below C{/api}.
VERSION = b"v1"

#: In a path, stands for the name of a room.
ROOM = b"{room}"


def _once(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 1)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The methods and parameters of one path."""

    #: The parts of the path.
    path: tuple[bytes, ...]
    #: Answers C{GET} and C{HEAD}; L{None}: it is a stream.
    read: Callable[[Visit], Reading] | None
    #: The parameters, each with how often it may be given.
    parameters: Mapping[str, int] = field(default_factory=dict)
    #: Whether messages can be posted there.
    takesPosts: bool = False

    @property
    def methods(self) -> tuple[bytes, ...]:
        """The methods of HTTP."""
        posts = (b"POST",) if self.takesPosts else ()
        # A stream has no length, and no end.
        return (b"GET", *(() if self.read is None else (b"HEAD",)), b"OPTIONS", *posts)


ENDPOINTS = (
    Endpoint((b"services",), reading.services),
    Endpoint((b"rooms",), reading.rooms, _once("after", "limit")),
    Endpoint((b"rooms", ROOM), reading.room),
    Endpoint(
        (b"rooms", ROOM, b"messages"),
        reading.messages,
        _once("before", "after", "around", "limit"),
        takesPosts=True,
    ),
    Endpoint((b"rooms", ROOM, b"people"), reading.people, _once("skip", "limit")),
    Endpoint(
        (b"search",),
        reading.search,
        {"room": MOST_ROOMS, **_once("q", "from", "since", "until", "before", "limit")},
    ),
    Endpoint((b"events",), None, {"room": MOST_ROOMS}),
)


_BY_PATH = {endpoint.path: endpoint for endpoint in ENDPOINTS}


def find(path: Sequence[bytes]) -> tuple[Endpoint, str]:
    """
    Find the endpoint of a path, and the name of the room in it.

    @param path: the parts after the version, as they are in the URL.
    @raise APIError: there is no endpoint, or a token in place of the name.
    """
    room = b""
    if len(path) > 1 and path[0] == b"rooms":
        room = path[1]
        path = (path[0], ROOM, *path[2:])
    endpoint = _BY_PATH.get(tuple(path))
    # An escaped slash does not end a part, and no room has one in its name.
    name = decoded(room)
    if name is not None and looksLikeToken(name):
        raise tokenInURL()
    if endpoint is None or name is None or (ROOM in endpoint.path and not name):
        raise APIError(
            404, NOT_FOUND, "there is nothing here; /api/openapi.json says what there is"
        )
    if room:
        try:
            roomKey(name)
        except ChatError as error:
            # No room can have that name.
            raise APIError(404, NO_ROOM.name, str(error)) from None
    return endpoint, name
