"""
The HTTP resources for operators and monitoring: C{/metrics}, C{/healthz}, C{/readyz}.

The web frontend serves them; its requests have an attribute C{sender}.
C{prometheus_client.twisted} is not used: it reads in a thread, while the counters change, and
imports the reactor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from typing import Protocol as Interface

from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.openmetrics import exposition as openmetrics
from twisted.web.resource import Resource

from tsservices.admin.exposition import ServerCollector
from tsservices.chat.controller import ChatContext
from tsservices.chat.errors import ChatError
from tsservices.chat.outlet import Recipient
from tsservices.chat.session import Session
from tsservices.chat.verbs.tokens import rightToken
from tsservices.common.addresses import isLoopback, parse
from tsservices.common.histograms import Histogram

#: The host of a client at a UNIX socket.
UNIX = "unix"

#: The newer format of metrics, used if C{Accept} names it.
OPENMETRICS = "application/openmetrics-text"

# The library's constant for this type has other names in older versions.
_PLAIN: tuple[Any, str] = (generate_latest, "text/plain; version=0.0.4; charset=utf-8")
_OPENMETRICS: tuple[Any, str] = (openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST)

#: The scheme in C{Authorization} before a token.
BEARER = "bearer"


class Sender(Interface):
    """The sender of a request, as the web frontend identifies it."""

    @property
    def host(self) -> str:
        """The address."""

    @property
    def secure(self) -> bool:
        """Whether the path from the client is encrypted or local."""

    @property
    def proxied(self) -> bool:
        """Whether a known proxy has given the address."""

    @property
    def unknownProxy(self) -> bool:
        """Whether it came through an unknown proxy."""


class MonitoredChat(Interface):
    """The part of the chat that is monitored."""

    @property
    def context(self) -> ChatContext:
        """The state and the storage of the chat."""

    @property
    def open(self) -> bool:
        """Whether users may connect: the node has caught up, and does not stop."""

    @property
    def trouble(self) -> ChatError | None:
        """In a cluster, the reason why messages can't be ordered now."""

    def newSession(self, recipient: Recipient, host: str) -> Session:
        """Make a session; here only for its cloak."""
        ...


#: Returns the reason why a part of the server can't serve; empty: it can.
Check = Callable[[], str]


class MetricsAccess:
    """
    The access rules for metrics and details of the readiness check.

    Allowed are operators of the server with one of their tokens, and requests from this machine and
    from configured networks.  Through a proxy on this machine all requests seem to be local, so the
    client's address counts then, and only if the proxy is known.
    """

    def __init__(
        self, chat: MonitoredChat, networks: tuple[IPv4Network | IPv6Network, ...] = ()
    ) -> None:
        self._chat = chat
        self._networks = networks

    def check(self, request: Any) -> str:
        """Return the reason why the sender of a request has no access; empty: it has."""
        sender: Sender = request.sender
        # A page of another name could make a browser of these networks ask.
        if request.named and not sender.unknownProxy and self._isNear(sender, request):
            return ""
        values = _values(request, b"Authorization")
        if not values:
            return (
                "this is for operators of the server: send a token of one as Authorization: Bearer"
                " TOKEN, or have your address named by metrics-from"
            )
        kind, _, token = values[0].partition(" ")
        if len(values) > 1 or kind.lower() != BEARER:
            return "Authorization is there once, as: Bearer TOKEN"
        context = self._chat.context
        if context.plainLogin.refuse and not sender.secure:
            return "this server takes no token over a connection that is not encrypted"
        # The session is used only for its cloak, and never entered.
        cloak = self._chat.newSession(_NOBODY, sender.host).cloak
        try:
            account, _ = rightToken(context, cloak, token.strip())
        except ChatError as error:
            return str(error)
        if account.key not in context.state.operators:
            return f"{account.name} is no operator of this server"
        return ""

    def _isNear(self, sender: Sender, request: Any) -> bool:
        if not sender.proxied and (sender.host == UNIX or isLoopback(sender.host)):
            # A proxy that adds no header may still pass on the public host name; local clients use
            # a local name.
            return _namesMachine(_values(request, b"Host")[0])
        try:
            address = parse(sender.host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _namesMachine(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".") == "localhost" or isLoopback(name)


# The recipient of a session that is never written to.
_NOBODY: Any = None


class MetricsResource(Resource):
    """C{/metrics}."""

    isLeaf = True

    def __init__(self, access: MetricsAccess, collector: ServerCollector) -> None:
        super().__init__()
        self._access = access
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def render_GET(self, request: Any) -> bytes:
        if why := self._access.check(request):
            return _refuse(request, why)
        # Not the library's choose_encoder, because it raises for a version that is no number.
        accepted = ",".join(_values(request, b"Accept"))
        encode, contentType = _PLAIN
        if OPENMETRICS in accepted:
            encode, contentType = _OPENMETRICS
        request.setHeader(b"Content-Type", contentType.encode("ascii"))
        body: bytes = encode(self._registry)
        return body


class HealthResource(Resource):
    """C{/healthz}: an answer shows that the reactor runs."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"ok\n"


class ReadinessResource(Resource):
    """C{/readyz}: whether users can be directed to this server."""

    isLeaf = True

    def __init__(self, access: MetricsAccess, checks: Mapping[str, Check]) -> None:
        """@param checks: the checks by the names of the parts."""
        super().__init__()
        self._access = access
        self._checks = checks

    def render_GET(self, request: Any) -> bytes:
        found = {name: check() for name, check in self._checks.items()}
        failed = [name for name, why in found.items() if why]
        if failed:
            request.setResponseCode(503)
            request.setHeader(b"Retry-After", b"5")
        lines = [f"not ready: {', '.join(failed)}" if failed else "ready"]
        # The reasons have paths and addresses, so they need access.
        if not self._access.check(request):
            lines += [f"{name}: {why or 'ok'}" for name, why in found.items()]
        return "\n".join([*lines, ""]).encode("utf-8", "replace")


def _values(request: Any, name: bytes) -> list[str]:
    # Read as bytes, because Twisted can't return a value as text that is not UTF-8.
    return [value.decode("latin-1") for value in request.requestHeaders.getRawHeaders(name, ())]


def _refuse(request: Any, why: str) -> bytes:
    hasTried = request.requestHeaders.hasHeader("Authorization")
    request.setResponseCode(403 if hasTried else 401)
    request.setHeader(b"WWW-Authenticate", b'Bearer realm="tsservices"')
    return f"{why}\n".encode("utf-8", "replace")


def chatGauges(chat: MonitoredChat, pending: Callable[[], int]) -> dict[str, tuple[str, Any]]:
    """
    Make the gauges of the chat.

    @param pending: gets the number of bytes that wait for readers.
    """

    def state(count: Callable[[Any], int]) -> Callable[[], int]:
        return lambda: count(chat.context.state)

    return {
        "chat_sessions": ("Sessions that have entered.", state(lambda it: len(it.sessions))),
        "chat_rooms": ("Rooms that there are.", state(lambda it: len(it.rooms))),
        "chat_accounts": ("Accounts that there are.", state(lambda it: len(it.accounts))),
        "chat_open": ("1 if people may come.", lambda: int(chat.open)),
        "chat_undelivered_batches": (
            "Batches that are not yet stored or not yet delivered.",
            lambda: chat.context.pipeline.backlog,
        ),
        "chat_unsearched_lines": (
            "Lines that are not in the search index yet.",
            lambda: chat.context.archive.unsearched,
        ),
        "chat_pending_bytes": ("Bytes that wait for who does not read them.", pending),
    }


def chatTimes(chat: MonitoredChat) -> dict[str, tuple[str, Histogram]]:
    """Get the durations of the chat's batches, measured from the first call on."""
    times = chat.context.pipeline.measure(time.perf_counter)
    times.settle()
    return {
        "chat_apply_seconds": ("To decide all that came in one turn.", times.apply),
        "chat_store_seconds": ("From there until it was stored.", times.store),
        "chat_fanout_seconds": ("To write it to all who get it.", times.deliver),
        "chat_delivery_seconds": ("From the first to the last of these.", times.whole),
    }


def chatChecks(chat: MonitoredChat) -> dict[str, Check]:
    """Make the checks of the chat."""

    def storage() -> str:
        trouble = chat.context.store.trouble
        return "" if trouble is None else str(trouble)

    def others() -> str:
        if not chat.open:
            return "it has not caught up with the others, or stops"
        return "" if chat.trouble is None else str(chat.trouble)

    return {"storage": storage, "chat": others}


def resources(
    access: MetricsAccess, collector: ServerCollector, checks: Mapping[str, Check]
) -> dict[str, Resource]:
    """Make the resources by their paths."""
    return {
        "metrics": MetricsResource(access, collector),
        "healthz": HealthResource(),
        "readyz": ReadinessResource(access, checks),
    }
