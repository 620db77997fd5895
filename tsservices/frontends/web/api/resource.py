"""The resources of C{/api}: they pass HTTP requests to handlers, and write the answers."""

from __future__ import annotations

from collections.abc import Coroutine
from importlib.resources import files
from typing import Any

from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tsservices.chat.errors import NOT_SECURE, STOPPING, ChatError
from tsservices.chat.handlers.posts import becomeVisitor
from tsservices.chat.notifications import Posted
from tsservices.chat.records import Account, AccountToken
from tsservices.chat.requests import PendingReply
from tsservices.chat.session import Session
from tsservices.chat.verbs.tokens import rightToken
from tsservices.common.text import visible
from tsservices.frontends.connection import ConnectionContext
from tsservices.frontends.web.api import queries
from tsservices.frontends.web.api.bodies import readPost
from tsservices.frontends.web.api.documents import encode, postedDocument
from tsservices.frontends.web.api.endpoints import VERSION, Endpoint, find
from tsservices.frontends.web.api.errors import (
    MISTAKE,
    NO_METHOD,
    NOT_FOUND,
    APIError,
    fromChat,
    tokenNeeded,
    unconfirmed,
)
from tsservices.frontends.web.api.events import Subscription
from tsservices.frontends.web.api.posting import PostOutcome, WaitingPosts, post
from tsservices.frontends.web.api.queries import Query
from tsservices.frontends.web.api.reading import Answer, Visit
from tsservices.frontends.web.api.stream import EventStream
from tsservices.frontends.web.api.usage import APIUsage
from tsservices.frontends.web.channel import REASONS
from tsservices.frontends.web.server import WebServer

_JSON = b"application/json"

_REPEATED = (b"Idempotent-Replayed", [b"true"])

#: The description of the API for programs.
OPENAPI = "openapi.json"


class Document(Resource):
    """The file that describes the API."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self._data = (files(__package__) / OPENAPI).read_bytes()

    def render_GET(self, request: Any) -> bytes:
        request.setHeader(b"Content-Type", _JSON)
        return self._data


class APIRoot(Resource):
    """C{/api}."""

    def __init__(self, shared: ConnectionContext, server: WebServer) -> None:
        super().__init__()
        self.putChild(OPENAPI.encode(), Document())
        self.putChild(VERSION, API(shared, server))

    def getChild(self, path: bytes, request: Any) -> Resource:
        return Nothing()

    def render(self, request: Any) -> int:
        return Nothing().render(request)


class Nothing(Resource):
    """The answer for a path without a resource."""

    isLeaf = True

    def render(self, request: Any) -> int:
        text = "there is nothing here; /api/openapi.json says what there is"
        _refuse(request, APIError(404, NOT_FOUND, text))
        return NOT_DONE_YET


class API(Resource):
    """One version of the API, for one listener."""

    isLeaf = True
    _log = Logger("tsservices")

    def __init__(self, shared: ConnectionContext, server: WebServer) -> None:
        super().__init__()
        self._shared = shared
        self._server = server
        # Shared by all listeners: the limits of an account hold for all of them together.
        if server.usage is None:
            server.usage = APIUsage(shared.limits, shared.monotonic)
        self._usage: APIUsage = server.usage
        self._posts = WaitingPosts(shared.monotonic, shared.callLater)

    def render(self, request: Any) -> int:
        """@raise twisted.web.error.UnsupportedMethod: never: the answer is JSON here too."""
        try:
            self._begin(request)
        except APIError as error:
            self._refuse(request, error)
        except ChatError as error:
            self._refuse(request, fromChat(error))
        return NOT_DONE_YET

    def _begin(self, request: Any) -> None:
        uri: bytes = request.uri
        path, _, rawQuery = uri.partition(b"?")
        # From the URL: the request's own parts do not show what was escaped.
        parts = path.split(b"/")[-len(request.postpath) :] if request.postpath else []
        endpoint, room = find(parts)
        method: bytes = request.method
        if method not in endpoint.methods:
            allowed = b", ".join(endpoint.methods).decode()
            what = visible(method.decode("ascii", "replace"))[:20]
            raise APIError(405, NO_METHOD, f"{what} can't be done here", [("Allow", allowed)])
        if method == b"OPTIONS":
            request.setResponseCode(204)
            request.setHeader(b"Allow", b", ".join(endpoint.methods))
            request.finish()
            return
        names = {} if method == b"POST" else endpoint.parameters
        query = queries.readQuery(rawQuery, names)
        mediaType = "text/event-stream" if endpoint.read is None else "application/json"
        queries.checkAccepted(_values(request, b"Accept"), mediaType)
        if not self._shared.chat.open:
            raise ChatError(STOPPING)
        if method == b"POST":
            self._post(request, room)
        elif endpoint.read is None:
            self._stream(request, query)
        else:
            self._read(request, endpoint, query, room)

    def _token(self, request: Any) -> str | None:
        token = queries.bearer(_values(request, b"Authorization"))
        if token is not None and not request.sender.secure:
            policy = self._shared.chat.context.plainLogin
            if policy.refuse:
                other = f"; port {policy.port} has TLS" if policy.port is not None else ""
                raise ChatError(NOT_SECURE, other=other)
        return token

    def _owner(self, session: Session, token: str) -> tuple[Account, AccountToken]:
        return rightToken(self._shared.chat.context, session.cloak, token)

    # Events.

    def _stream(self, request: Any, query: Query) -> None:
        token = self._token(request)
        if token is None:
            raise tokenNeeded()
        last = _values(request, b"Last-Event-ID")
        wanted = Subscription(token, tuple(query.texts("room")), last[-1] if last else "")
        EventStream(request, self._shared, wanted, lambda error: self._refuse(request, error))

    # Posts.

    def _post(self, request: Any, room: str) -> None:
        token = self._token(request)
        if token is None:
            raise tokenNeeded()
        chat = self._shared.chat
        queries.checkContentType(
            _values(request, b"Content-Type"), _values(request, b"Content-Encoding")
        )
        key = queries.requestKey(_values(request, b"Idempotency-Key"))
        outcome = PostOutcome(None)
        session = chat.newSession(outcome, request.sender.host)
        owner = self._owner(session, token)
        data: bytes = request.content.read()
        body = readPost(data, self._shared.limits.chatLine)
        self._usage.checkFlood(owner[0].key, len(body.texts), len(data))

        def done(result: Posted | ChatError) -> None:
            self._posts.discard(outcome)
            if isinstance(result, Posted):
                if result.repeated:
                    request.responseHeaders.setRawHeaders(*_REPEATED)
                _answer(request, 201, encode(postedDocument(result)))
            else:
                self._refuse(request, fromChat(result))

        outcome.done = done
        post(chat.context, session, owner, room, body, key)
        self._posts.add(outcome, lambda: self._refuse(request, unconfirmed(bool(key))))

        def gone(reason: object) -> None:
            self._posts.discard(outcome)
            session.setRecipient(None)

        request.notifyFinish().addErrback(gone)

    # Reading.

    def _read(self, request: Any, endpoint: Endpoint, query: Query, room: str) -> None:
        token, chat = self._token(request), self._shared.chat
        context = chat.context
        # The session enters nothing, so nothing is ever written to it.
        session = chat.newSession(PostOutcome(None), request.sender.host)
        account, tokenId = None, ""
        if token is not None:
            owner, known = self._owner(session, token)
            account, tokenId = owner.key, known.ident
        now, position = context.courtesyTime(), context.pipeline.deliveredPosition + 1
        becomeVisitor(context.state, session, account, tokenId, now, position)
        visit = Visit(context, session, query, room, self._server.services)
        reader = account or session.cloak
        self._usage.beginReading(reader)
        _run(self._answerReading(request, endpoint, visit, reader))

    async def _answerReading(
        self, request: Any, endpoint: Endpoint, visit: Visit, reader: str
    ) -> None:
        assert endpoint.read is not None
        try:
            answer: Answer = await endpoint.read(visit)
        except APIError as error:
            self._refuse(request, error)
        except ChatError as error:
            self._refuse(request, fromChat(error))
        except Exception:
            self._log.failure("a request to the API failed")
            text = "the server has made a mistake; its log says more"
            self._refuse(request, APIError(500, MISTAKE, text))
        else:
            if link := answer.link:
                request.setHeader(b"Link", link.encode("ascii"))
            _answer(request, 200, encode(answer.document))
        finally:
            self._usage.endReading(reader)

    def _refuse(self, request: Any, error: APIError) -> None:
        if error.status not in (404, 429, 503):
            self._shared.counters.refusals += 1
        _refuse(request, error)


def _values(request: Any, name: bytes) -> list[str]:
    # By bytes: for a name that is a text Twisted decodes, and raises if that is not UTF-8.
    return [value.decode("latin-1") for value in request.requestHeaders.getRawHeaders(name, ())]


def _refuse(request: Any, error: APIError) -> None:
    for name, value in error.headers:
        request.setHeader(name.encode(), value.encode())
    _answer(request, error.status, encode(error.document))


def _answer(request: Any, status: int, body: bytes) -> None:
    if request.finished or request._disconnected:
        # The client has disconnected.
        return
    request.setResponseCode(status, REASONS.get(status))
    headers = request.responseHeaders
    headers.setRawHeaders(b"Content-Type", [_JSON])
    headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
    request.write(b"" if request.method == b"HEAD" else body)
    request.finish()


def _run(coroutine: Coroutine[PendingReply[Any], None, None]) -> None:
    # The coroutine catches all errors itself.
    try:
        reply = coroutine.send(None)
    except StopIteration:
        return
    reply.whenFilled(lambda: _run(coroutine))
