"""
What operators and their programs ask a server by HTTP: C{/metrics}, C{/healthz}, C{/readyz}.

The web frontend serves them; it gives requests that say by whom they were sent (C{sender}).
C{prometheus_client.twisted} would answer too, but in a thread, while the counters change, and it
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

#: The host of who comes by a UNIX socket.
UNIX = "unix"

#: The newer form of metrics, if C{Accept} names it.
OPENMETRICS = "application/openmetrics-text"

# Older versions of the library have another name for the type.
_PLAIN: tuple[Any, str] = (generate_latest, "text/plain; version=0.0.4; charset=utf-8")
_OPENMETRICS: tuple[Any, str] = (openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST)

#: In C{Authorization}, before a token.
BEARER = "bearer"


class Sender(Interface):
    """Who has sent a request, as the web frontend knows it."""

    @property
    def host(self) -> str:
        """The address."""

    @property
    def secure(self) -> bool:
        """Whether nobody on the way can read what is sent."""

    @property
    def proxied(self) -> bool:
        """Whether a proxy that is known says so."""

    @property
    def strangeProxy(self) -> bool:
        """Whether it came through a proxy that nobody here knows."""


class MonitoredChat(Interface):
    """The chat, as far as it is watched."""

    @property
    def context(self) -> ChatContext:
        """Its state and storage."""

    @property
    def open(self) -> bool:
        """Whether people may come: it has caught up with the others, and does not stop."""

    @property
    def trouble(self) -> ChatError | None:
        """Why nothing that is said gets a place among all that is said, in a cluster."""

    def newSession(self, recipient: Recipient, host: str) -> Session:
        """A session; here only for its cloak."""
        ...


#: Says what keeps a part of the server from serving; empty: nothing does.
Check = Callable[[], str]


class Watchers:
    """
    Who may see more than whether the server is well.

    These are operators of the server by any of their tokens, who comes from the machine itself, and
    from networks that the operator has named. Behind a proxy on this machine everybody comes from
    it, so what came through one is judged by the client's address, and only if the proxy is known.
    """

    def __init__(
        self, chat: MonitoredChat, networks: tuple[IPv4Network | IPv6Network, ...] = ()
    ) -> None:
        self._chat = chat
        self._networks = networks

    def check(self, request: Any) -> str:
        """Why whoever has sent a request may not see more; empty: they may."""
        sender: Sender = request.sender
        if not sender.strangeProxy and self._isNear(sender, request):
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
        # No session: nothing is ever written to it.
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
            # A proxy that adds no header may still pass on the name that browsers know; whoever is
            # on this machine has no need of it.
            return _namesMachine(_values(request, b"Host")[0])
        try:
            address = parse(sender.host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _namesMachine(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".") == "localhost" or isLoopback(name)


# What a session needs that is never written to.
_NOBODY: Any = None


class MetricsResource(Resource):
    """C{/metrics}."""

    isLeaf = True

    def __init__(self, watchers: Watchers, collector: ServerCollector) -> None:
        super().__init__()
        self._watchers = watchers
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def render_GET(self, request: Any) -> bytes:
        if why := self._watchers.check(request):
            return _refuse(request, why)
        # Not the library's choose_encoder: it raises at a version that is no number.
        accepted = ",".join(_values(request, b"Accept"))
        encode, contentType = _PLAIN
        if OPENMETRICS in accepted:
            encode, contentType = _OPENMETRICS
        request.setHeader(b"Content-Type", contentType.encode("ascii"))
        body: bytes = encode(self._registry)
        return body


class HealthResource(Resource):
    """C{/healthz}: whoever gets an answer knows that the reactor turns."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"ok\n"


class ReadinessResource(Resource):
    """C{/readyz}: whether people can be sent here."""

    isLeaf = True

    def __init__(self, watchers: Watchers, checks: Mapping[str, Check]) -> None:
        """@param checks: by the name of what they look at."""
        super().__init__()
        self._watchers = watchers
        self._checks = checks

    def render_GET(self, request: Any) -> bytes:
        found = {name: check() for name, check in self._checks.items()}
        failed = [name for name, why in found.items() if why]
        if failed:
            request.setResponseCode(503)
            request.setHeader(b"Retry-After", b"5")
        lines = [f"not ready: {', '.join(failed)}" if failed else "ready"]
        # The reasons name paths and addresses.
        if not self._watchers.check(request):
            lines += [f"{name}: {why or 'ok'}" for name, why in found.items()]
        return "\n".join([*lines, ""]).encode("utf-8", "replace")


def _values(request: Any, name: bytes) -> list[str]:
    # By bytes: a value that is not UTF-8 can't be had as text.
    return [value.decode("latin-1") for value in request.requestHeaders.getRawHeaders(name, ())]


def _refuse(request: Any, why: str) -> bytes:
    hasTried = request.requestHeaders.hasHeader("Authorization")
    request.setResponseCode(403 if hasTried else 401)
    request.setHeader(b"WWW-Authenticate", b'Bearer realm="tsservices"')
    return f"{why}\n".encode("utf-8", "replace")


def chatGauges(chat: MonitoredChat, pending: Callable[[], int]) -> dict[str, tuple[str, Any]]:
    """
    What there is in the chat now.

    @param pending: tells the bytes that wait for readers.
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
    """How long the batches of the chat take, from the first call on."""
    times = chat.context.pipeline.measure(time.perf_counter)
    times.settle()
    return {
        "chat_apply_seconds": ("To decide all that came in one turn.", times.apply),
        "chat_store_seconds": ("From there until it was stored.", times.store),
        "chat_fanout_seconds": ("To write it to all who get it.", times.deliver),
        "chat_delivery_seconds": ("From the first to the last of these.", times.whole),
    }


def chatChecks(chat: MonitoredChat) -> dict[str, Check]:
    """What keeps the chat from serving."""

    def storage() -> str:
        trouble = chat.context.store.trouble
        return "" if trouble is None else str(trouble)

    def others() -> str:
        if not chat.open:
            return "it has not caught up with the others, or stops"
        return "" if chat.trouble is None else str(chat.trouble)

    return {"storage": storage, "chat": others}


def resources(
    watchers: Watchers, collector: ServerCollector, checks: Mapping[str, Check]
) -> dict[str, Resource]:
    """The resources by their paths."""
    return {
        "metrics": MetricsResource(watchers, collector),
        "healthz": HealthResource(),
        "readyz": ReadinessResource(watchers, checks),
    }
